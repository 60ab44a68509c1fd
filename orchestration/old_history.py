"""Retention of what builds leave beside the releases: logs, pages, records, small files of candidates.

The history of audits is never removed: each release carries it (``audit_results``), and the Parquet file of
each build in ``quality/`` stays. Releases have a retention of their own, by number.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration import records
from orchestration.release import list_releases
from orchestration.release.files import remove_tree
from orchestration.settings import Settings

_KEPT_BUILDS = 20


def remove_old_history(settings: Settings, now: datetime) -> list[str]:
    """Remove what is left of builds that began longer ago than ``keep_days``.

    A build whose release is kept stays, and so do the latest ones, however old. Only for the holder of the
    build lock.

    Args:
        settings: Where things lie, and how many days are kept.
        now: The present moment, with zone.

    Returns:
        Ids of the builds.
    """
    released = {release.build_id for release in list_releases(settings)}
    oldest = now - timedelta(days=settings.keep_days)
    removed = []
    for build_id in records.build_ids(settings)[_KEPT_BUILDS:]:
        begun = _begun(build_id)
        if build_id in released or begun is None or begun >= oldest:
            continue
        for path in _left_by(settings, build_id):
            remove_tree(path)
        removed.append(build_id)
    return removed


def _left_by(settings: Settings, build_id: str) -> tuple[Path, ...]:
    # The record last: as long as it is there, what could not be removed now is tried again.
    return (
        settings.logs / f"{build_id}.jsonl",
        settings.quality / "builds" / build_id,
        settings.candidates / build_id,
        records.record_path(settings, build_id),
    )


def _begun(build_id: str) -> datetime | None:
    try:
        return datetime.strptime(build_id[1:16], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None  # no build has left it
