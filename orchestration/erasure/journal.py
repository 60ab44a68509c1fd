"""What an erasure is about to do, kept until it is done: who is killed in the middle is finished by the next.

The journal is the only file that names the person, so it lies closed to others and goes with the last step.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from orchestration.errors import LeadproofError
from orchestration.private_files import close_to_others
from orchestration.release.files import explained, stamp, sync
from orchestration.settings import Settings


@dataclass(frozen=True)
class RawRow:
    """Where an erased row had come from.

    Args:
        source_system: Its system.
        source_table: Its table.
        source_file: File, relative to the landing folder.
        source_row: Line or record number.
        loaded_at: When it was loaded (UTC, ISO text without a zone).
    """

    source_system: str
    source_table: str
    source_file: str
    source_row: int
    loaded_at: str


@dataclass
class Journal:
    """One erasure.

    Args:
        erasure_id: Its id; ids sort by time.
        requested_at: When it was asked for (UTC, ISO text).
        subject: Keyed digest of what was asked for.
        keys: Identity keys of the person.
        person_ids: Ids under which releases know the person.
        touch_ids: Ids of the person's touches in releases.
        rows: Where the person's rows came from.
        landing_files: Rows about the person by landing file that may still hold them; null where the file
            holds them and none of its rows is known.
        closed_landing: Landing files and folders that could not be read.
        raw_rows: Rows removed by source table.
        raw_lines: Unreadable lines removed by source table.
        cleaned_values: Texts of other rows from which an address was taken.
        addresses_left: Addresses on the person's records that stay, because others bear them too.
        releases: Rows removed by release and table.
        contact_rows: Rows removed from contacts files.
        redacted_files: Other files from which something was taken.
    """

    erasure_id: str
    requested_at: str
    subject: str
    keys: list[str]
    person_ids: list[str] = field(default_factory=list)
    touch_ids: list[str] = field(default_factory=list)
    rows: list[RawRow] = field(default_factory=list)
    landing_files: dict[str, int | None] = field(default_factory=dict)
    closed_landing: list[str] = field(default_factory=list)
    raw_rows: dict[str, int] = field(default_factory=dict)
    raw_lines: dict[str, int] = field(default_factory=dict)
    cleaned_values: int = 0
    addresses_left: int = 0
    releases: dict[str, dict[str, int]] = field(default_factory=dict)
    contact_rows: int = 0
    redacted_files: int = 0

    @property
    def is_about_somebody(self) -> bool:
        """Whether anything of the person was found."""
        return bool(self.raw_rows or self.raw_lines or self.cleaned_values or self.contact_rows) or any(
            self.releases.values()
        )


def new_erasure_id(now: datetime) -> str:
    """Make an id.

    Args:
        now: The present moment, UTC.

    Returns:
        ``e<time>_<six hex digits>``.
    """
    return f"e{now:%Y%m%dT%H%M%S}_{secrets.token_hex(3)}"


def write_journal(settings: Settings, journal: Journal) -> None:
    """Keep how far an erasure has come.

    Args:
        settings: Where the journal lies.
        journal: The erasure.
    """
    write_private_json(settings, settings.unfinished_erasure.name, asdict(journal))


def read_journal(settings: Settings) -> Journal | None:
    """Read the erasure that is not finished.

    Args:
        settings: Where the journal lies.

    Returns:
        The erasure; None if every one is finished.

    Raises:
        LeadproofError: If the journal cannot be read.
    """
    path = settings.unfinished_erasure
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Journal(**{**content, "rows": [RawRow(**row) for row in content["rows"]]})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LeadproofError(
            f"An erasure is not finished, and its journal {path} cannot be read.",
            "Move the journal away and run leadproof forget again for the same person.",
        ) from error


def close_journal(settings: Settings) -> None:
    """Forget the erasure's own notes: it is finished.

    Args:
        settings: Where the journal lies.
    """
    settings.unfinished_erasure.unlink(missing_ok=True)
    sync(settings.erasures)


def write_private_json(settings: Settings, name: str, content: dict[str, Any]) -> None:
    """Replace a file of the erasures in one step, for the owner only.

    Args:
        settings: Where the erasures lie.
        name: Its path in that folder.
        content: What it shall hold.
    """
    path = settings.erasures / name
    with explained("Writing down an erasure", settings.erasures):
        close_to_others(settings.erasures)
        close_to_others(path.parent)
        beside = path.with_name(f".{path.name}.writing")
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync(path.parent)


def moment_text(moment: datetime) -> str:
    """Write a moment for the journal or a certificate.

    Args:
        moment: Any moment; without a zone it is UTC.

    Returns:
        ISO text in UTC.
    """
    return stamp(moment.replace(microsecond=0))
