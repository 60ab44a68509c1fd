"""To whom belongs what an erasure writes: it must be of use to the account that builds."""

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.erasure.files import main_places, places
from orchestration.settings import Settings

_CLOCK_SECONDS = 5  # file systems count time more coarsely than the system, and some on another machine


@contextmanager
def left_to_who_builds(settings: Settings) -> Iterator[None]:
    """Give what is written to the account that builds, where the administrator of the machine runs a command.

    A database, a list or a lock that belonged to root alone would keep every later build from running.

    Args:
        settings: Where the build database lies, whose owner is meant; the warehouse's if there is none yet.

    Yields:
        Nothing.
    """
    place = next((path for path in (settings.build_db, settings.warehouse) if path.exists()), None)
    owner = place.stat() if place is not None else None
    if os.geteuid() != 0 or owner is None or owner.st_uid == 0:
        yield
        return
    began = time.time() - _CLOCK_SECONDS
    try:
        yield
    finally:
        for path in _written(settings, owner.st_uid):
            with contextlib.suppress(FileNotFoundError):  # others may be tidying up
                status = path.lstat()
                if status.st_uid == 0 and status.st_ctime >= began:
                    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _written(settings: Settings, owner: int) -> Iterator[Path]:
    """What lies in Leadproof's folders. Links are not followed: they may lead to whatever root has written.

    One of these folders may itself be a link; where it leads must belong to the account.
    """
    main = main_places(settings)
    for folder in places(settings):
        if folder not in main and folder.stat().st_uid != owner:
            continue
        for place, folders, names in os.walk(folder):
            yield from (Path(place, name) for name in (*folders, *names))
