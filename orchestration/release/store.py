"""The releases on disk and the pointer that readers follow.

A release counts as published once the pointer has named it. Between the moment its folder appears and that
moment, ``state/publishing.json`` names it; whoever finds that note after a crash knows that the folder was
never published unless the pointer names it.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.digests import sha256_of
from orchestration.errors import LeadproofError
from orchestration.release.database import DATABASE, MARTS
from orchestration.release.files import explained, read_json, stamp, sync, utc, write_json
from orchestration.release.locks import pointer_lock
from orchestration.settings import Settings
from orchestration.source_text import impersonal

RELEASE_ID = re.compile(r"^r(\d{8}T\d{6})_[0-9a-f]{6}$")
POLICY = "policy"
"""Folder of a release with the policy tables as released."""
_CONTACTS = "contacts.parquet"
# Readers are to have another release in less than a second. Hashing this much takes a quarter of one, or two
# thirds on a slow processor; what is left is hashed when they have it.
_HASHED_FIRST_BYTES = 256 * 1024 * 1024
ERASURES = "erasures"
"""Where a manifest lists who, without a name, was taken out of the release after its audit."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Release:
    """A published release.

    Args:
        release_id: Its id; ids sort by time.
        build_id: Build that made it.
        published_at: When (UTC).
        as_of: As-of of the build (UTC).
        policy_used_until: The latest as-of of this and all earlier releases (UTC): policy rows in force
            before it have been used.
        inputs_digest: Digest of the loaded files.
        policy_digest: Digest of the policy tables.
        code_version: Version of the code.
        verdict: Verdict of its audit.
        restatement_reason: Why locked policy rows were changed, if they were.
        row_counts: Rows by table.
        path: Folder of the release.
        contacts: The restricted contacts file that belongs to it.
        is_current: Whether readers see it.
        erasures: How often a person was erased from it after its audit.
    """

    release_id: str
    build_id: str
    published_at: datetime
    as_of: datetime
    policy_used_until: datetime
    inputs_digest: str
    policy_digest: str
    code_version: str
    verdict: str
    restatement_reason: str | None
    row_counts: dict[str, int]
    path: Path
    contacts: Path
    is_current: bool
    erasures: int = 0

    @property
    def database(self) -> Path:
        """The release's database."""
        return self.path / DATABASE

    @property
    def policy(self) -> Path:
        """Folder of the policy tables as released."""
        return self.path / POLICY


def list_releases(settings: Settings) -> list[Release]:
    """List the published releases that are still kept.

    Args:
        settings: Where the warehouse lies.

    Returns:
        The releases, newest first; a folder without a readable manifest is logged and left out.

    Raises:
        LeadproofError: If the folder of releases cannot be read.
    """
    with explained("Listing the releases", settings.releases):
        names = release_names(settings)
        # The folder is read before the note: a folder seen without its note is certainly published.
        unpublished = _note(settings)
        pointed = pointed_id(settings)
        found = [
            _read(settings, name, is_current=name == pointed)
            for name in names
            if name == pointed or name != unpublished
        ]
    return [release for release in found if release]


def current_release(settings: Settings) -> Release | None:
    """Give the release that readers see.

    Args:
        settings: Where the warehouse lies.

    Returns:
        The release, or ``None`` before the first publication.

    Raises:
        LeadproofError: If the pointer names a release that is gone or damaged.
    """
    with explained("Reading the current release", settings.warehouse):
        name = pointed_id(settings)
        if name is None:
            return None
        release = _read(settings, name, is_current=True)
    if release is None:
        raise LeadproofError(
            f"The current release {name} is missing or damaged.",
            "Choose another with leadproof releases and leadproof rollback, or build again.",
        )
    return release


def find_release(settings: Settings, release_id: str) -> Release:
    """Find a published release.

    Args:
        settings: Where the warehouse lies.
        release_id: Its id.

    Returns:
        The release.

    Raises:
        LeadproofError: If there is none of that id.
    """
    releases = list_releases(settings)
    for release in releases:
        if release.release_id == release_id:
            return release
    newest = ", ".join(release.release_id for release in releases[:3])
    raise LeadproofError(
        f"There is no release '{release_id}'.",
        f"The newest are {newest}; leadproof releases lists all." if newest else "Nothing is published yet.",
    )


def released_policy(settings: Settings) -> tuple[datetime, Path] | None:
    """Give the policy tables that the policy lock compares with.

    These are the ones of the release published last, even after a rollback to an earlier one: rolling back
    changes what readers see, not what has been said on the grounds of a policy.

    Args:
        settings: Where the warehouse lies.

    Returns:
        The latest as-of of any release so far (UTC), up to which policy rows have been used, and the folder
        of CSV files; ``None`` before the first publication.

    Raises:
        LeadproofError: If the folder of releases cannot be read.
    """
    releases = list_releases(settings)
    return (releases[0].policy_used_until, releases[0].policy) if releases else None


def rollback(settings: Settings, release_id: str) -> Release:
    """Let readers see an earlier (or again a later) release.

    Only the pointer moves. Every file's size is compared with the manifest first, and the hashes of the
    smaller files. Those of the largest, which take a second for each gigabyte, are compared when readers have
    the release; if one is not what was published, they get back the one that they had.

    Args:
        settings: Where the warehouse lies.
        release_id: The release that readers shall see.

    Returns:
        The release, now the current one.

    Raises:
        LeadproofError: If there is no such release, it is damaged, or the pointer cannot be moved.
    """
    with explained(f"Rolling back to release {release_id}", settings.warehouse):
        with pointer_lock(settings):
            settle(settings)
            release = find_release(settings, release_id)
            left = verify(release)
            before = pointed_id(settings)
            _point(settings, release_id)
            moved = find_release(settings, release_id)
        try:
            for name, sha256 in left.items():
                if _has_other_bytes(release, name, sha256):
                    raise _damaged(release, name)
        except BaseException:
            # Also where a file cannot be read, or somebody has had enough of waiting.
            with pointer_lock(settings):
                if before and pointed_id(settings) == release_id and (settings.releases / before).is_dir():
                    _point(settings, before)
            raise
        return moved


def activate(settings: Settings, staged: Path, release_id: str) -> None:
    """Give a finished folder its name and let readers see it, in one step for them.

    Args:
        settings: Where the warehouse lies.
        staged: The finished, sealed folder, in the folder of releases.
        release_id: Its name from now on.
    """
    with pointer_lock(settings):
        settle(settings)
        write_json(_note_path(settings), {"release_id": release_id})
        staged.rename(settings.releases / release_id)
        sync(settings.releases)
        _point(settings, release_id)
        _note_path(settings).unlink()
        sync(settings.state)


def settle(settings: Settings) -> None:
    """Finish what a killed publication left: a named folder that no reader ever saw is hidden again.

    Args:
        settings: Where the warehouse lies.
    """
    name = _note(settings)
    if name is None:
        return
    folder = settings.releases / name
    if name != pointed_id(settings) and folder.is_dir():
        folder.rename(settings.releases / f".{name}.unpublished")
        sync(settings.releases)
    _note_path(settings).unlink()
    sync(settings.state)


def damaged_file(release: Release) -> str | None:
    """Look whether a release still has all its files, each as long as it was: a look that reads no table.

    Args:
        release: The release.

    Returns:
        The first file that is missing or of another size, by its path in the release; None if there is none.
    """
    files = (read_json(release.path / "manifest.json") or {}).get("files")
    if not isinstance(files, dict) or DATABASE not in files:
        return "manifest.json"
    for name, entry in sorted(files.items()):
        path = release.path / name
        if not isinstance(entry, dict):
            return "manifest.json"
        if not path.is_file() or path.stat().st_size != entry.get("size_bytes"):
            return str(name)
    return None


def differing_file(release: Release) -> str | None:
    """Look whether every file of a release has the bytes that were published, however long that takes.

    Args:
        release: The release.

    Returns:
        The first file that is missing or another, by its path in the release; None if there is none.
    """
    damaged = damaged_file(release)
    if damaged is not None:
        return damaged
    files = (read_json(release.path / "manifest.json") or {})["files"]
    # The database first: it is what is read.
    for name in sorted(files, key=lambda each: (each != DATABASE, each)):
        if _has_other_bytes(release, name, str(files[name].get("sha256"))):
            return str(name)
    return None


def damaged_releases(settings: Settings) -> dict[str, str]:
    """List the releases of which a file is missing or of another size, also those that cannot be listed.

    Args:
        settings: Where the warehouse lies.

    Returns:
        The first such file by release.

    Raises:
        LeadproofError: If the folder of releases cannot be read.
    """
    listed = {release.release_id: damaged_file(release) for release in list_releases(settings)}
    with explained("Listing the releases", settings.releases):
        unlisted = {name for name in release_names(settings) if name not in listed} - {_note(settings)}
    found = {name: file for name, file in listed.items() if file is not None}
    return found | dict.fromkeys(unlisted, "manifest.json")


def newest_whole(releases: Sequence[Release]) -> Release | None:
    """Pick the release that may be looked back at.

    Args:
        releases: Releases, newest first.

    Returns:
        The first that has all its files; None if none has.
    """
    return next((release for release in releases if damaged_file(release) is None), None)


def verify(release: Release) -> dict[str, str]:
    """Compare a release with its manifest, as far as that takes less than a second.

    Args:
        release: The release.

    Returns:
        Hashes, by path in the release, of the largest files, of which only the size was compared.

    Raises:
        LeadproofError: If a file is missing or is not the one that was published.
    """
    files = (read_json(release.path / "manifest.json") or {}).get("files") or {}
    try:
        entries = sorted((entry["size_bytes"], name, entry["sha256"]) for name, entry in files.items())
    except (AttributeError, KeyError, TypeError):
        entries = []
    if DATABASE not in {name for _, name, _ in entries}:
        raise _damaged(release, "manifest.json")
    budget = _HASHED_FIRST_BYTES
    left: dict[str, str] = {}
    for size, name, sha256 in entries:
        path = release.path / name
        if not path.is_file() or path.stat().st_size != size:
            raise _damaged(release, name)
        budget -= size
        if budget < 0:
            left[name] = sha256
        elif sha256_of(path) != sha256:
            raise _damaged(release, name)
    check_shared(release, files)
    return left


def check_shared(release: Release, files: Iterable[str]) -> None:
    """Make sure that the files a release shares with others are where its views look for them.

    Args:
        release: The release.
        files: Paths of its files, from its folder.

    Raises:
        LeadproofError: If a file is missing, is not the one that the release holds, or the warehouse is no
            longer reached under the name that the views use.
    """
    shared = [Path(name) for name in files if len(Path(name).parts) == 3 and name.startswith(f"{MARTS}/")]
    if not shared:
        return
    noted = (read_json(release.path / "manifest.json") or {}).get("shared")
    as_read = Path(noted) if isinstance(noted, str) else Path()
    here = release.path.parent / "shared"
    if not noted or not as_read.is_dir() or not as_read.samefile(here):
        raise LeadproofError(
            f"Release {release.release_id} looks for its months in {as_read}, which does not lead to {here}.",
            "Let a symbolic link there lead to the warehouse, or publish again with "
            "leadproof build --full-refresh.",
        )
    for path in shared:
        held, looked_for = release.path / path, here / path.relative_to(MARTS)
        is_there = held.is_file() and looked_for.is_file()
        if not is_there or not (held.samefile(looked_for) or _are_equal(held, looked_for)):
            raise _damaged(release, f"releases/shared/{path.relative_to(MARTS)}")


def shared_files(release: Release) -> list[Path]:
    """List the files outside its folder that a release's views open.

    Args:
        release: The release.

    Returns:
        Their paths as the views name them; empty if everything lies in its database.

    Raises:
        LeadproofError: If one of them cannot be found there.
    """
    manifest = read_json(release.path / "manifest.json") or {}
    try:
        names = [
            f"{table}/{month['file']}"
            for table, entry in manifest["tables"].items()
            for month in entry.get("months", ())
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise _damaged(release, "manifest.json") from error
    check_shared(release, [f"{MARTS}/{name}" for name in names])
    return [Path(manifest["shared"], name) for name in names]


def next_release_id(settings: Settings, build_id: str, now: datetime) -> str:
    """Make a release id that sorts after every one that exists, even if the clock was set back.

    Args:
        settings: Where the warehouse lies.
        build_id: Build that is published.
        now: The present moment.

    Returns:
        ``r<time>_<last six digits of the build id>``.
    """
    moment = utc(now).replace(microsecond=0, tzinfo=None)
    newest = max(release_names(settings), default=None)
    if newest:
        taken = datetime.strptime(newest[1:16], "%Y%m%dT%H%M%S")
        moment = max(moment, taken + timedelta(seconds=1))
    return f"r{moment:%Y%m%dT%H%M%S}_{build_id[-6:]}"


def release_names(settings: Settings) -> list[str]:
    """List the folders of releases, newest first.

    Args:
        settings: Where the warehouse lies.

    Returns:
        Their names, published or not.
    """
    if not settings.releases.is_dir():
        return []
    return sorted(
        (path.name for path in settings.releases.iterdir() if RELEASE_ID.match(path.name)), reverse=True
    )


def pointed_id(settings: Settings) -> str | None:
    """Give the name that the pointer holds.

    Args:
        settings: Where the warehouse lies.

    Returns:
        A release id, whether or not its folder exists; ``None`` if there is no pointer.
    """
    if not settings.current.is_symlink():
        return None
    return settings.current.readlink().name


def manifest_entry(release: Release) -> dict[str, Any]:
    """Write a release down for its manifest.

    Args:
        release: The release.

    Returns:
        What ``list_releases`` reads back.
    """
    return {
        "release_id": release.release_id,
        "build_id": release.build_id,
        "published_at": stamp(release.published_at),
        "as_of": stamp(release.as_of),
        "policy_used_until": stamp(release.policy_used_until),
        "inputs_digest": release.inputs_digest,
        "policy_digest": release.policy_digest,
        "code_version": release.code_version,
        "verdict": release.verdict,
        "restatement_reason": release.restatement_reason,
        "row_counts": release.row_counts,
    }


def contacts_path(settings: Settings, release_id: str) -> Path:
    """Give the place of a release's contacts file.

    Args:
        settings: Where the warehouse lies.
        release_id: The release.

    Returns:
        The path, whether or not the file exists.
    """
    return settings.restricted / release_id / _CONTACTS


def _read(settings: Settings, name: str, *, is_current: bool) -> Release | None:
    path = settings.releases / name
    manifest = read_json(path / "manifest.json") or {}
    entry: dict[str, Any] = manifest.get("release") or {}
    try:
        texts = [
            entry[each] for each in ("build_id", "inputs_digest", "policy_digest", "code_version", "verdict")
        ]
        counts = dict(entry["row_counts"])
        is_of_kind = all(isinstance(each, str) for each in texts) and all(
            isinstance(rows, int) for rows in counts.values()
        )
        if entry["release_id"] != name or not is_of_kind:
            raise ValueError(name)
        return Release(
            release_id=name,
            build_id=entry["build_id"],
            published_at=utc(datetime.fromisoformat(entry["published_at"])),
            as_of=utc(datetime.fromisoformat(entry["as_of"])),
            policy_used_until=utc(datetime.fromisoformat(entry["policy_used_until"])),
            inputs_digest=entry["inputs_digest"],
            policy_digest=entry["policy_digest"],
            code_version=entry["code_version"],
            verdict=entry["verdict"],
            restatement_reason=impersonal(entry["restatement_reason"]),
            row_counts=counts,
            path=path,
            contacts=contacts_path(settings, name),
            is_current=is_current,
            erasures=len(manifest.get(ERASURES) or ()),
        )
    except (KeyError, TypeError, ValueError):
        _LOG.warning("Release folder %s has no readable manifest and is left out.", path)
        return None


def _point(settings: Settings, release_id: str) -> None:
    if settings.current.is_dir() and not settings.current.is_symlink():
        raise LeadproofError(
            f"{settings.current} is a folder, where the pointer to the current release belongs.",
            "Move it away and try again.",
        )
    beside = settings.current.with_name(".current.next")
    beside.unlink(missing_ok=True)
    # Relative, so that the warehouse folder can be moved or mounted elsewhere.
    beside.symlink_to(Path(settings.releases.name) / release_id)
    beside.replace(settings.current)
    sync(settings.warehouse)


def _note_path(settings: Settings) -> Path:
    return settings.state / "publishing.json"


def _note(settings: Settings) -> str | None:
    name = (read_json(_note_path(settings)) or {}).get("release_id")
    return name if isinstance(name, str) and RELEASE_ID.match(name) else None


def _are_equal(one: Path, other: Path) -> bool:
    """Compare copies, which stand in for second names where the file system has none."""
    return one.stat().st_size == other.stat().st_size and sha256_of(one) == sha256_of(other)


def _has_other_bytes(release: Release, name: str, sha256: str) -> bool:
    """Whether a file is not what was published."""
    with suppress(FileNotFoundError):
        if sha256_of(release.path / name) == sha256:
            return False
    # Meanwhile an erasure may have rewritten the release, or retention removed it.
    files = (read_json(release.path / "manifest.json") or {}).get("files")
    return (
        isinstance(files, dict) and isinstance(files.get(name), dict) and files[name].get("sha256") == sha256
    )


def _damaged(release: Release, name: str) -> LeadproofError:
    return LeadproofError(
        f"Release {release.release_id} is damaged: {name} is not the file that was published.",
        "Choose another release with leadproof releases.",
    )
