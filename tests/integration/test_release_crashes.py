"""Crashes, full disks, forbidden folders: readers have the release they had, or the new one, no third."""

import contextlib
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.errors import LeadproofError
from orchestration.release import (
    apply_retention,
    claim_build_token,
    current_release,
    list_releases,
    rollback,
)
from orchestration.release.store import verify
from orchestration.settings import PROJECT_ROOT, Settings
from tests.fixtures.accounts import ordinary_account
from tests.fixtures.release_world import (
    build_id_of,
    generation_of,
    leftovers_of,
    make_build_db,
    make_candidate,
    make_release,
    make_settings,
    publish_candidate,
)

# Publishes or writes one candidate. Killed from outside, or by itself just before the n-th change of the file
# system.
PUBLISHER = """
import os, signal, sys
from pathlib import Path
from orchestration.release import write_candidate
from tests.fixtures import release_world
from tests.fixtures.release_world import build_id_of, make_settings, moment_of, publish_candidate

root, number, kill_at, rows = Path(sys.argv[1]), *map(int, sys.argv[2:5])
steps = []
def counted(name):
    real = getattr(os, name)
    def step(*arguments, **options):
        steps.append(name)
        if len(steps) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(os, name, step)
for name in ("rename", "replace", "symlink", "link", "unlink", "mkdir", "chmod", "fsync", "rmdir"):
    counted(name)
print("ready", flush=True)
settings = make_settings(root, shared_from_rows=rows)
if sys.argv[5] == "publish":
    publish_candidate(settings, number)
else:
    write_candidate(
        settings,
        build_id=build_id_of(number),
        as_of=moment_of(number),
        month_columns=release_world.MONTH_COLUMNS,
    )
print(",".join(steps), flush=True)
"""

# Publishes with a largest file size, which the operating system enforces as a full disk would be.
CONFINED = """
import resource, sys
from pathlib import Path
from orchestration.errors import LeadproofError
from tests.fixtures.release_world import make_settings, publish_candidate

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    settings = make_settings(Path(sys.argv[1]), shared_from_rows=int(sys.argv[4]))
    publish_candidate(settings, int(sys.argv[2]))
except LeadproofError as error:
    print(error)
    sys.exit(1)
"""


def _start(script: str, root: Path, *arguments: int | str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(root), *map(str, arguments)],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _in_a_process(
    settings: Settings, number: int, kill_at: int = 0, what: str = "publish"
) -> tuple[int, list[str]]:
    root = settings.warehouse.parent
    process = _start(PUBLISHER, root, number, kill_at, settings.shared_from_rows, what)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output.splitlines()[-1].split(",")


def _assert_whole(settings: Settings, old: int, new: int) -> int:
    """Readers see one whole release, the old or the new one; every listed release is as it was published."""
    generations = generation_of(settings.current / "leadproof.duckdb")
    assert generations in ({old}, {new})
    current = current_release(settings)
    assert current is not None
    assert current.build_id == build_id_of(next(iter(generations)))
    assert current.contacts.is_file()
    for release in list_releases(settings):
        verify(release)
        assert release.build_id <= current.build_id, "a release that readers never saw is listed"
    return next(iter(generations))


def _assert_next_publication_tidies_up(settings: Settings, seen: int, tried: int) -> None:
    if seen != tried:
        publish_candidate(settings, tried)
    else:
        apply_retention(settings)
    assert generation_of(settings.current / "leadproof.duckdb") == {tried}
    assert leftovers_of(settings) == []
    assert {path.name for path in settings.restricted.iterdir()} == {
        path.name for path in settings.releases.iterdir() if path != settings.shared
    }


@pytest.fixture(params=[5_000_000, 100], ids=["in one file", "months shared"])
def settings(request, tmp_path) -> Settings:
    return make_settings(tmp_path, keep_releases=3, shared_from_rows=request.param)


@pytest.mark.slow
def test_publisher_killed_at_the_decisive_steps_leaves_the_old_or_the_new_release(settings):
    make_release(settings, 1)
    make_candidate(settings, 2)
    code, steps = _in_a_process(settings, 2)
    assert code == 0
    # Before each change of a name, right after the swap of the pointer, and while files are written.
    swap = len(steps) - steps[::-1].index("replace")
    names = {"rename", "replace", "symlink"}
    decisive = [place for place, step in enumerate(steps, start=1) if step in names]
    links = [place for place, step in enumerate(steps, start=1) if step == "link"]
    chosen = [*decisive, *links[1:2], swap + 1, swap + 2, random.Random(7).randrange(1, decisive[0])]
    assert len(decisive) >= 4
    assert bool(links) == (settings.shared_from_rows == 100)

    outcomes = set()
    seen = 2
    for number, kill_at in enumerate(chosen, start=3):
        make_candidate(settings, number)
        code, _ = _in_a_process(settings, number, kill_at)
        assert code == -signal.SIGKILL
        old, seen = seen, _assert_whole(settings, seen, number)
        outcomes.add(seen == number)
        assert seen in (old, number)
        _assert_next_publication_tidies_up(settings, seen, number)
        seen = number

    assert outcomes == {True, False}, "the kills must fall on both sides of the swap"


@pytest.mark.slow
@pytest.mark.long
def test_publisher_killed_at_random_moments_leaves_the_old_or_the_new_release(settings, tmp_path):
    make_release(settings, 1)
    moments = random.Random(11)
    for number in range(2, 6):
        make_candidate(settings, number, touches=100_000)
        process = _start(PUBLISHER, tmp_path, number, 0, settings.shared_from_rows, "publish")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 0.4))
        process.kill()
        process.wait()
        seen = _assert_whole(settings, number - 1, number)
        _assert_next_publication_tidies_up(settings, seen, number)


def test_rollback_after_a_crash_finds_no_release_that_was_never_published(settings):
    first = make_release(settings, 1)
    make_candidate(settings, 2)
    _, steps = _in_a_process(settings, 2)
    make_candidate(settings, 3)
    # The folder has its name; the pointer does not name it yet.
    _in_a_process(settings, 3, kill_at=steps.index("symlink") + 1)
    assert len(list(settings.releases.glob("r*"))) == 3
    assert [release.build_id for release in list_releases(settings)] == [build_id_of(2), build_id_of(1)]

    assert rollback(settings, first.release_id).is_current
    assert [release.build_id for release in list_releases(settings)] == [build_id_of(2), build_id_of(1)]
    assert publish_candidate(settings, 3).is_current
    assert leftovers_of(settings) == []


@pytest.mark.slow
def test_writer_of_shared_months_killed_at_any_step_leaves_nothing_that_counts(tmp_path):
    settings = make_settings(tmp_path, keep_releases=3, shared_from_rows=100)
    make_release(settings, 1)
    make_build_db(settings, 2)
    claim_build_token(settings, build_id_of(2))
    code, steps = _in_a_process(settings, 2, what="write")
    assert code == 0
    decisive = [place for place, step in enumerate(steps, start=1) if step in {"rename", "replace", "unlink"}]
    chosen = [*decisive, *random.Random(3).sample(range(1, len(steps)), 3)]
    assert len(decisive) >= 3

    for kill_at in chosen:
        code, _ = _in_a_process(settings, 2, kill_at, what="write")
        assert code == -signal.SIGKILL
        assert _assert_whole(settings, 1, 1) == 1

    make_candidate(settings, 2)
    assert publish_candidate(settings, 2).is_current
    assert _assert_whole(settings, 2, 2) == 2
    assert leftovers_of(settings) == []


def test_writer_of_a_candidate_that_was_killed_leaves_nothing_that_counts(settings):
    make_release(settings, 1)
    make_build_db(settings, 2)
    half = settings.candidates / f".{build_id_of(2)}.writing"
    half.mkdir()
    (half / "leadproof.duckdb").write_bytes(b"half")
    (half / "candidate.json").write_text("{}", encoding="utf-8")

    with pytest.raises(LeadproofError, match="has no candidate"):
        publish_candidate(settings, 2)

    make_candidate(settings, 2)
    assert publish_candidate(settings, 2).is_current
    assert leftovers_of(settings) == []


@pytest.mark.parametrize("room", ["no room for the copy", "no room for what is appended"])
def test_full_disk_is_told_in_a_sentence_and_leaves_the_previous_release(settings, tmp_path, room):
    make_release(settings, 1)
    candidate = make_candidate(settings, 2)
    size = candidate.path.stat().st_size
    limit = size // 2 if room == "no room for the copy" else size + 4096

    process = _start(CONFINED, tmp_path, 2, limit, settings.shared_from_rows)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert output == (
        f"Publishing build {build_id_of(2)} failed because the disk that holds {settings.warehouse} is full. "
        "Free space and try again; the release that readers see is unchanged.\n"
    )
    assert generation_of(settings.current / "leadproof.duckdb") == {1}
    assert leftovers_of(settings) == []
    assert publish_candidate(settings, 2).is_current


# -- modes and accounts -----------------------------------------------------------------------------


@pytest.fixture
def ordinary() -> Iterator[Settings]:
    """A warehouse of an ordinary account that shares months."""
    with ordinary_account() as folder:
        yield make_settings(folder, keep_releases=2, shared_from_rows=100)


def test_ordinary_account_publishes_rolls_back_and_retires_read_only_releases(ordinary):
    made = [make_release(ordinary, number) for number in range(1, 5)]

    assert [release.build_id for release in list_releases(ordinary)] == [build_id_of(4), build_id_of(3)]
    assert rollback(ordinary, made[2].release_id).is_current
    assert leftovers_of(ordinary) == []
    with pytest.raises(PermissionError):
        made[3].database.open("r+b")


@pytest.mark.parametrize("place", ["releases", "candidates", "state", "."])
def test_folder_that_may_not_be_written_is_told_in_a_sentence(ordinary, place):
    make_release(ordinary, 1)
    make_build_db(ordinary, 2)
    folder = ordinary.warehouse / place

    def build() -> None:
        make_candidate(ordinary, 2)
        folder.chmod(0o555)
        publish_candidate(ordinary, 2)

    if place in ("candidates", "state"):
        folder.chmod(0o555)
    try:
        with pytest.raises(LeadproofError, match="may not be written by this account") as refusal:
            build()
    finally:
        folder.chmod(0o755)

    assert "write access" in refusal.value.hint
    assert generation_of(ordinary.current / "leadproof.duckdb") == {1}
    make_release(ordinary, 3)
    assert generation_of(ordinary.current / "leadproof.duckdb") == {3}
    assert leftovers_of(ordinary) == []


def test_contacts_are_never_readable_by_others_not_even_for_a_moment(settings):
    modes: set[tuple[str, int]] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for path in [settings.restricted, *settings.restricted.rglob("*")]:
                with contextlib.suppress(FileNotFoundError):
                    modes.add((path.suffix, stat.S_IMODE(path.stat().st_mode)))

    make_candidate(settings, 1, people=200_000)
    umask = os.umask(0)
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        release = publish_candidate(settings, 1)
    finally:
        os.umask(umask)
        done.set()
        thread.join()

    assert modes == {("", 0o700), (".parquet", 0o600)}
    assert release.contacts.stat().st_size > 100_000


def test_contacts_stay_apart_from_what_bi_reads(settings):
    release = make_release(settings, 1)

    assert not release.contacts.is_relative_to(release.path)
    for path in release.path.rglob("*"):
        assert b"example.com" not in (path.read_bytes() if path.is_file() else b"")


def test_concurrent_publication_of_the_same_build_happens_once(settings):
    make_candidate(settings, 1)
    outcomes: list[str] = []

    def run() -> None:
        try:
            outcomes.append(publish_candidate(settings, 1).release_id)
        except LeadproofError as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list_releases(settings)) == 1
    assert sum(outcome == list_releases(settings)[0].release_id for outcome in outcomes) == 1
    assert leftovers_of(settings) == []
