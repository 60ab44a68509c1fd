"""From a release, published or about to be, to its site: opens what the pages read, and closes it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from orchestration import records
from orchestration.release import Release, StagedRelease, list_releases, open_release
from orchestration.release.readers import open_database
from orchestration.release.store import find_release, shared_files
from orchestration.report.site.catalogue import catalogue_page
from orchestration.report.site.source import Drift, Source
from orchestration.report.site.writing import SITE, write_site
from orchestration.settings import Settings


def write_staged_site(settings: Settings, staged: StagedRelease) -> None:
    """Write the site into a release that is about to be published.

    Args:
        settings: Where the warehouse lies.
        staged: The release as it stands in its hidden folder.
    """
    with _source(settings, staged.release, staged.folder, staged.shared_files, staged.previous) as source:
        write_site(source, staged.folder / SITE, catalogue_page())


def write_released_site(settings: Settings, release_id: str, folder: Path) -> Path:
    """Write the site of a published release again, to a folder of one's own.

    Args:
        settings: Where the warehouse lies.
        release_id: The release.
        folder: Where to; it may exist.

    Returns:
        The first page.

    Raises:
        LeadproofError: If there is no such release.
    """
    release = find_release(settings, release_id)
    older = [each for each in list_releases(settings) if each.release_id < release_id]
    with _source(settings, release, release.path, shared_files(release), next(iter(older), None)) as source:
        # The tables and columns are described as they were then, not as the code describes them now.
        kept = release.path / SITE / "catalogue.html"
        write_site(source, folder, kept.read_text(encoding="utf-8") if kept.is_file() else None)
    return folder / "index.html"


@contextmanager
def _source(
    settings: Settings, release: Release, folder: Path, shared: list[Path], previous: Release | None
) -> Iterator[Source]:
    connection = open_database(settings, folder / release.database.name, shared)
    try:
        before = open_release(settings, previous.release_id) if previous else None
        try:
            yield Source(
                connection=connection,
                policy_dir=folder / release.policy.name,
                release_id=release.release_id,
                build_id=release.build_id,
                as_of=_naive(release.as_of),
                published_at=_naive(release.published_at),
                code_version=release.code_version,
                previous=before,
                previous_id=previous.release_id if previous else "",
                previous_as_of=_naive(previous.as_of) if previous else None,
                drift=_drift(settings, release.build_id),
            )
        finally:
            if before is not None:
                before.close()
    finally:
        connection.close()


def _drift(settings: Settings, build_id: str) -> list[Drift]:
    record = records.readable_record(settings, build_id)
    if record is None:
        return []
    return [
        Drift(
            note["kind"],
            ".".join(part for part in (note["source_system"], note["source_table"]) if part),
            note["detail"],
        )
        for note in record.load.get("drift", [])
    ]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
