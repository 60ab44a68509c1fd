"""What a build starts from, and whether a new one could come to another result than the last.

The result is a function of files, policy, code, settings and as-of. Each is put into a digest when a build
ends; a build that starts from the same ones, before anything falls due, would publish the same once more.
"""

import hashlib
import json
from datetime import datetime

import duckdb

from orchestration import policy, records
from orchestration.records import BuildRecord
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.suppression import list_digest

_CODE = ("orchestration", "expectations", "models", "dbt_project")
_CODE_FILES = ("dbt_project.yml", "requirements.lock")
_WORDS = {
    "files": "the landing files",
    "policy": "the policy tables",
    "thresholds": "the tolerances in force",
    "code": "the code",
    "settings": "the settings",
    "erasures": "the list of the forgotten",
}


# What these say moves no person: reports and audits read them, or the models compare them row by row.
POLICY_OF_NO_ONE = (
    "audit_thresholds",
    "quarantine_dismissals",
    "campaign_registry",
    "exchange_rates",
    "report_policy",
    "reporting",
    "success_metrics",
    "vocabulary",
)

# Of these, the ones by which reports are kept from build to build, person by person.
POLICY_OF_KEPT_REPORTS = ("report_policy", "reporting", "success_metrics")


def policy_digests(tables: policy.Policy) -> dict[str, str]:
    """Digest the policy tables by what they govern.

    Args:
        tables: The tables as read.

    Returns:
        SHA-256 digests in hex: of all, of those that may move anybody (all but ``POLICY_OF_NO_ONE``), and of
        those by which reports are kept.
    """
    return {
        "policy": policy.policy_digest(tables),
        "people_policy": policy.policy_digest(tables, without=POLICY_OF_NO_ONE),
        "report_policy": policy.policy_digest(tables, only=POLICY_OF_KEPT_REPORTS),
    }


def starting_point(
    settings: Settings,
    database: duckdb.DuckDBPyConnection,
    tables: policy.Policy,
    thresholds_digest: str,
) -> dict[str, str]:
    """Digest everything a build's result depends on, apart from as-of.

    Args:
        settings: Settings of the build.
        database: The build database, after the load.
        tables: The policy tables as read.
        thresholds_digest: Digest of the tolerances in force at as-of.

    Returns:
        SHA-256 digests in hex, by what they are of.
    """
    return {
        "files": _files_digest(database),
        **policy_digests(tables),
        "thresholds": thresholds_digest,
        "code": _code_digest(),
        "settings": _digest(
            [
                settings.id_salt,
                sorted(settings.source_systems),
                sorted(settings.load_modes.items()),
                # They decide where readers find the rows: a moved warehouse asks for a release.
                settings.shared_from_rows,
                str(settings.shared_as_read),
            ]
        ),
        "erasures": list_digest(settings),
    }


def last_published(settings: Settings, before: str) -> BuildRecord | None:
    """Return the build that the build database still holds and readers see, or None.

    Args:
        settings: Where state lies.
        before: Id of the build that asks.

    Returns:
        The latest earlier build that changed anything, if it was published and is current.
    """
    for build_id in records.build_ids(settings):
        if build_id >= before:
            continue
        record = records.readable_record(settings, build_id)
        if record is None:
            return None  # nobody knows what it changed
        if record.status == records.UNCHANGED:
            continue
        is_current = settings.current.is_symlink() and settings.current.readlink().name == record.release_id
        return record if record.status == records.PUBLISHED and is_current else None
    return None


def reason_to_build(last: BuildRecord | None, now: dict[str, str], as_of: datetime) -> str | None:
    """Say why a build could come to another result than the last one.

    Columns that move with as-of, such as ``days_in_stage``, are worth a release a day, not one an hour.

    Args:
        last: The build that readers see; None without one.
        now: What this build starts from.
        as_of: Its clock (UTC).

    Returns:
        A few words; None if nothing has changed and nothing has fallen due.
    """
    if last is None or not last.starting_point:
        return "no release shows the last build"
    changed = [words for name, words in _WORDS.items() if last.starting_point.get(name) != now[name]]
    if changed:
        return f"{' and '.join(changed)} changed"
    earlier = datetime.fromisoformat(last.as_of)
    if as_of < earlier:
        return "as-of lies before that of the last build"
    if as_of.date() != earlier.date():
        return "another day has begun"
    if last.next_due_at and datetime.fromisoformat(last.next_due_at) <= as_of:
        return "something has fallen due since"
    return None


def _files_digest(database: duckdb.DuckDBPyConnection) -> str:
    # A file that was only touched, or copied along with its folder, brings nothing.
    return _digest(
        database.execute(
            """
            select source_system, source_table, path, content_hash, status
            from landing.files
            qualify not coalesce(
                status = 'duplicate'
                and lag(content_hash) over (
                    partition by source_system, source_table, path order by load_id, file_id
                ) = content_hash,
                false
            )
            order by load_id, file_id
            """
        ).fetchall()
    )


def _code_digest() -> str:
    digest = hashlib.sha256()
    paths = [PROJECT_ROOT / name for name in _CODE_FILES]
    for folder in _CODE:
        paths += (PROJECT_ROOT / folder).rglob("*")
    for path in sorted(paths):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"\n{path.relative_to(PROJECT_ROOT).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
