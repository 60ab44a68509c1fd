"""Who may build and who may publish: the build lock, the build token, short locks of this package.

Locks are ``flock`` on a file that stays, so they end with the process that holds them, however it ends.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.errors import LeadproofError
from orchestration.release.files import explained, read_json, stamp, write_json
from orchestration.settings import Settings

BUILD_ID = re.compile(r"^b\d{8}T\d{6}[0-9a-f]{6}$")
_POLL_SECONDS = 0.02
# A status query holds the lock for an instant; a build that starts just then must not be turned away.
_GRACE_SECONDS = 0.5


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock.

    Args:
        owner: What it was taken for.
        process: Process id of the holder.
        since: When it was taken (UTC); ``None`` in the instant before the holder has written it.
    """

    owner: str
    process: int
    since: datetime | None


def checked_build_id(build_id: str) -> str:
    """Accept only well-formed build ids, because they become folder names.

    Args:
        build_id: Text to check.

    Returns:
        The same text.

    Raises:
        LeadproofError: If it is no build id.
    """
    if not BUILD_ID.match(build_id):
        raise LeadproofError(f"'{build_id}' is no build id.", "Build ids look like b20260102T030405a1b2c3.")
    return build_id


@contextmanager
def build_lock(settings: Settings, owner: str) -> Iterator[None]:
    """Hold the right to build; a second build is turned away.

    Args:
        settings: Where the warehouse lies.
        owner: What builds, shown to whoever is turned away (``leadproof build``).

    Yields:
        Nothing; the lock ends on leaving, and with the process.

    Raises:
        LeadproofError: If another build is running, or the state folder cannot be written.
    """
    with _exclusive(settings, "build.lock", owner, "build", _GRACE_SECONDS):
        yield


@contextmanager
def publication_lock(settings: Settings, owner: str) -> Iterator[None]:
    """Hold the right to write a release; a second publication is turned away.

    Args:
        settings: Where the warehouse lies.
        owner: Who publishes.

    Yields:
        Nothing.

    Raises:
        LeadproofError: If another publication is running.
    """
    with _exclusive(settings, "publication.lock", owner, "publication", _GRACE_SECONDS):
        yield


@contextmanager
def pointer_lock(settings: Settings) -> Iterator[None]:
    """Hold the right to move the pointer; held for milliseconds only, so others wait for it.

    Args:
        settings: Where the warehouse lies.

    Yields:
        Nothing.

    Raises:
        LeadproofError: If it stays taken for ten seconds.
    """
    with _exclusive(settings, "pointer.lock", "pointer", "change of the current release", 10.0):
        yield


@contextmanager
def notification_lock(settings: Settings, wait_seconds: float) -> Iterator[None]:
    """Hold the right to tell people of builds, so that no two processes tell of the same one.

    Args:
        settings: Where the warehouse lies.
        wait_seconds: How long to wait for another process that tells.

    Yields:
        Nothing.

    Raises:
        LeadproofError: If it stays taken for that long, or the state folder cannot be written.
    """
    with _exclusive(settings, "notification.lock", "notification", "notification", wait_seconds):
        yield


def running_build(settings: Settings) -> LockHolder | None:
    """Tell whether a build is running.

    Args:
        settings: Where the warehouse lies.

    Returns:
        Who is building, or ``None``.
    """
    path = settings.state / "build.lock"
    try:
        handle = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(path)
    finally:
        os.close(handle)
    return None


def claim_build_token(settings: Settings, build_id: str) -> None:
    """Make a build the only one that may publish from now on.

    Args:
        settings: Where the warehouse lies.
        build_id: The build that starts.

    Raises:
        LeadproofError: If the id is malformed or the state folder cannot be written.
    """
    checked_build_id(build_id)
    with explained("Claiming the build token", settings.state):
        settings.state.mkdir(parents=True, exist_ok=True)
        write_json(_token(settings), {"build_id": build_id, "claimed_at": stamp(datetime.now(UTC))})


def check_build_token(settings: Settings, build_id: str) -> None:
    """Refuse a build that another one has replaced, for example one whose worker was killed and lives on.

    Args:
        settings: Where the warehouse lies.
        build_id: The build that wants to publish.

    Raises:
        LeadproofError: If the token is absent or names another build.
    """
    with explained("Reading the build token", settings.state):
        token = read_json(_token(settings))
    holder = token.get("build_id") if token else None
    if holder is None:
        raise LeadproofError(
            f"Build {build_id} may not publish because no build holds the build token.",
            "Start a new build; it claims the token.",
        )
    if holder != build_id:
        raise LeadproofError(
            f"Build {build_id} may not publish because build {holder} has started since.",
            "Let that build publish, or start a new one.",
        )


def _token(settings: Settings) -> Path:
    return settings.state / "build_token.json"


@contextmanager
def _exclusive(
    settings: Settings, name: str, owner: str, activity: str, wait_seconds: float
) -> Iterator[None]:
    path = settings.state / name
    with explained(f"Taking the lock for a {activity}", settings.state):
        settings.state.mkdir(parents=True, exist_ok=True)
        # Not inherited by child processes: a child that outlives its parent must not keep the lock.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(handle, path, activity, wait_seconds)
        # Who holds the lock is told to whoever is turned away, and to nobody else. On a full disk it stays
        # untold: there, going back to an earlier release must still be possible.
        with suppress(OSError):
            note = {"owner": owner, "process": os.getpid(), "since": stamp(datetime.now(UTC))}
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(note).encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, activity: str, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _busy(_holder(path), activity) from None
            time.sleep(_POLL_SECONDS)


def _busy(holder: LockHolder, activity: str) -> LeadproofError:
    since = f"{holder.since:%Y-%m-%d %H:%M:%S} UTC" if holder.since else "this moment"
    return LeadproofError(
        f"Another {activity} is running since {since} ({holder.owner}, process {holder.process}).",
        "Wait until it has ended, then try again.",
    )


def _holder(path: Path) -> LockHolder:
    note = read_json(path) or {}
    since = note.get("since")
    return LockHolder(
        owner=str(note.get("owner", "unknown")),
        process=int(note.get("process", 0)),
        since=datetime.fromisoformat(since) if since else None,
    )
