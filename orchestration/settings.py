"""Where things lie and how much of the machine may be used, read once from the environment.

No other module reads ``LEADPROOF_*`` variables; policy does not belong here but in ``seeds/``.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from orchestration.errors import LeadproofError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT])(i?)B", re.IGNORECASE | re.ASCII)
# Within nine megabytes DuckDB could not write a table of 200,000 rows and two columns.
_LEAST_MEMORY = 10_000_000


@dataclass(frozen=True)
class Notify:
    """Who is told of alarms; by default nobody.

    Args:
        webhook: Address (``https://…``) that gets each alarm as JSON; None for none. May hold a secret.
        smtp: Mail server, ``smtp://user:password@host:587`` or ``smtps://…:465``; None for none.
        mail_from: Sender of mails.
        mail_to: Their recipients.
    """

    webhook: str | None = field(default=None, repr=False)
    smtp: str | None = field(default=None, repr=False)
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """Everything the environment decides.

    Args:
        landing: Folder into which source files are dropped.
        warehouse: Folder under which everything built lies.
        id_salt: Secret prefix of person ids; empty means ids can be guessed from addresses.
        memory_limit: DuckDB's memory limit, with its unit (``16GB``).
        threads: DuckDB's threads, and how many models dbt runs at a time where memory holds them.
        source_systems: Source systems that are on.
        load_modes: ``append`` or ``snapshot`` by ``<system>.<table>``; absent means ``append``.
        keep_releases: How many releases retention keeps.
        dagster_home: Folder of Dagster's own storage.
        shared_from_rows: Rows from which a mart lies in files that releases share.
        reader_path: The warehouse under the name by which readers reach it; None if it is the same name.
        keep_days: Days for which logs and pages of builds are kept.
        stale_after_hours: Hours since the current release was last found right before it is an alarm.
        notify: Who is told of alarms.
        suppression_key: Secret of the list of the forgotten; empty if it lies in a file beside the list.
    """

    landing: Path
    warehouse: Path
    id_salt: str = field(repr=False)
    memory_limit: str
    threads: int
    source_systems: tuple[str, ...]
    load_modes: dict[str, str]
    keep_releases: int
    dagster_home: Path
    shared_from_rows: int = 5_000_000
    reader_path: Path | None = None
    keep_days: int = 400
    stale_after_hours: int = 26
    notify: Notify = field(default_factory=Notify)
    suppression_key: str = field(default="", repr=False)

    @property
    def build_db(self) -> Path:
        """The database that a build writes; readers never open it."""
        return self.warehouse / "build" / "leadproof.duckdb"

    @property
    def memory_bytes(self) -> int:
        """DuckDB's memory limit in bytes."""
        return _bytes_of(self.memory_limit)

    @property
    def state(self) -> Path:
        """Small state files: lock, build token, last build."""
        return self.warehouse / "state"

    @property
    def candidates(self) -> Path:
        """Candidates that wait for their audit, one folder per build."""
        return self.warehouse / "candidates"

    @property
    def releases(self) -> Path:
        """Immutable releases, one folder each."""
        return self.warehouse / "releases"

    @property
    def shared(self) -> Path:
        """Files that several releases share, one folder for each table."""
        return self.releases / "shared"

    @property
    def shared_as_read(self) -> Path:
        """The same folder under the name that is written into releases, for readers to open."""
        return (self.reader_path or self.warehouse) / self.shared.relative_to(self.warehouse)

    @property
    def current(self) -> Path:
        """The pointer (symbolic link) that readers follow."""
        return self.warehouse / "current"

    @property
    def restricted(self) -> Path:
        """Personal data of releases: folders and files for the owner only."""
        return self.warehouse / "restricted"

    @property
    def logs(self) -> Path:
        """Structured logs, one file for each build."""
        return self.warehouse / "logs"

    @property
    def erasures(self) -> Path:
        """Who has been forgotten, as keyed digests, with the certificates; for the owner only."""
        return self.warehouse / "erasures"

    @property
    def unfinished_erasure(self) -> Path:
        """What an erasure still has to do; absent where none was interrupted."""
        return self.erasures / "unfinished.json"

    @property
    def quality(self) -> Path:
        """Quality reports and audit history of every build, failed or not."""
        return self.warehouse / "quality"


def load_settings(root: Path = PROJECT_ROOT) -> Settings:
    """Read the settings from the environment and ``dbt_project.yml``.

    Args:
        root: The project's root folder.

    Returns:
        The settings. Relative paths given in the environment count from the working directory.

    Raises:
        LeadproofError: If a value cannot be used.
    """
    project = yaml.safe_load((root / "dbt_project.yml").read_text(encoding="utf-8"))
    listed = os.environ.get("LEADPROOF_SOURCE_SYSTEMS")
    systems = (
        [part.strip() for part in listed.split(",") if part.strip()]
        if listed is not None
        else list(project["vars"]["source_systems"])
    )
    for system in systems:
        if not IDENTIFIER.match(system) or not (root / "models" / "staging" / system).is_dir():
            raise LeadproofError(
                f"Source system '{system}' is switched on but has no folder models/staging/{system}.",
                "Add the folder, or take the name off source_systems in dbt_project.yml.",
            )
    return Settings(
        landing=_folder("LEADPROOF_LANDING", root / "data" / "landing"),
        warehouse=_folder("LEADPROOF_WAREHOUSE", root / "warehouse"),
        id_salt=os.environ.get("LEADPROOF_ID_SALT", ""),
        memory_limit=_memory_limit(),
        threads=_whole_number("LEADPROOF_THREADS", os.cpu_count() or 2),
        source_systems=tuple(systems),
        load_modes=dict(project["vars"].get("load_modes") or {}),
        keep_releases=_whole_number("LEADPROOF_KEEP_RELEASES", 30),
        dagster_home=_folder("DAGSTER_HOME", root / ".dagster"),
        shared_from_rows=_whole_number("LEADPROOF_SHARED_FROM_ROWS", Settings.shared_from_rows),
        reader_path=_reader_path(),
        keep_days=_whole_number("LEADPROOF_KEEP_DAYS", Settings.keep_days),
        stale_after_hours=_whole_number("LEADPROOF_STALE_AFTER_HOURS", Settings.stale_after_hours),
        notify=_notify(),
        suppression_key=os.environ.get("LEADPROOF_SUPPRESSION_KEY", "").strip(),
    )


def _memory_limit() -> str:
    value = os.environ.get("LEADPROOF_MEMORY_LIMIT", "").strip() or "16GB"
    if not _MEMORY.fullmatch(value):
        raise LeadproofError(
            f"LEADPROOF_MEMORY_LIMIT is '{value}', which is no size.",
            "Give a number with a unit, for example 16GB.",
        )
    if _bytes_of(value) < _LEAST_MEMORY:
        raise LeadproofError(
            f"LEADPROOF_MEMORY_LIMIT is '{value}', with which nothing can be built.",
            "Give two thirds of the machine's memory, for example 16GB.",
        )
    return value


def _bytes_of(memory_limit: str) -> int:
    found = _MEMORY.fullmatch(memory_limit)
    assert found is not None
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** ("KMGT".index(unit.upper()) + 1))


def _folder(variable: str, default: Path) -> Path:
    value = os.environ.get(variable, "").strip()
    return Path(value).expanduser().absolute() if value else default


def _reader_path() -> Path | None:
    value = os.environ.get("LEADPROOF_READER_PATH", "").strip()
    if value and not Path(value).is_absolute():
        raise LeadproofError(
            f"LEADPROOF_READER_PATH is '{value}', which does not begin at the root.",
            "Give the whole path under which readers reach the warehouse.",
        )
    return Path(value) if value else None


def _notify() -> Notify:
    # What is wrong with an address is told without the address: it may hold a secret.
    webhook = os.environ.get("LEADPROOF_NOTIFY_WEBHOOK", "").strip() or None
    if webhook and not _is_address(webhook, ("http", "https")):
        raise LeadproofError("LEADPROOF_NOTIFY_WEBHOOK is no address that begins with https:// or http://.")
    smtp = os.environ.get("LEADPROOF_NOTIFY_SMTP", "").strip() or None
    if smtp and not _is_address(smtp, ("smtp", "smtps")):
        raise LeadproofError(
            "LEADPROOF_NOTIFY_SMTP is no address of a mail server.",
            "Give smtp://user:password@host:587 or smtps://user:password@host:465.",
        )
    recipients = tuple(
        part.strip() for part in os.environ.get("LEADPROOF_NOTIFY_TO", "").split(",") if part.strip()
    )
    sender = os.environ.get("LEADPROOF_NOTIFY_FROM", "").strip()
    if smtp and not (recipients and sender):
        raise LeadproofError(
            "LEADPROOF_NOTIFY_SMTP is set, but not from whom and to whom mails go.",
            "Set LEADPROOF_NOTIFY_FROM and LEADPROOF_NOTIFY_TO.",
        )
    if smtp and not _is_mail_address(sender):
        raise LeadproofError(
            "LEADPROOF_NOTIFY_FROM is no mail address.",
            "Give one such as build@firm.example or Leadproof <build@firm.example>.",
        )
    if smtp and not all(_is_mail_address(recipient) for recipient in recipients):
        raise LeadproofError(
            "LEADPROOF_NOTIFY_TO holds what is no mail address.",
            "Give addresses such as ops@firm.example, separated by commas, with no comma in a name.",
        )
    return Notify(webhook=webhook, smtp=smtp, mail_from=sender, mail_to=recipients)


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_mail_address(text: str) -> bool:
    # As the sending of mails reads it, which takes more than one shape for an address.
    from email.errors import NonASCIILocalPartDefect, ObsoleteHeaderDefect
    from email.message import EmailMessage

    message = EmailMessage()
    try:
        message["To"] = text
        header = message["To"]
        addresses, defects = header.addresses, header.defects
    except Exception:
        # Python's reader answers half an address with an IndexError, an AttributeError or whatever comes.
        return False
    is_harmless = all(isinstance(each, NonASCIILocalPartDefect | ObsoleteHeaderDefect) for each in defects)
    return len(addresses) == 1 and bool(addresses[0].username and addresses[0].domain) and is_harmless


def _whole_number(variable: str, default: int) -> int:
    value = os.environ.get(variable, "").strip()
    if not value:
        return default
    if not value.isdecimal() or int(value) < 1:
        raise LeadproofError(f"{variable} is '{value}', which is no whole number above zero.")
    return int(value)
