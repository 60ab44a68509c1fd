"""Publication alone, many times: killed at any step or moment, read by many, taken back.

The real publisher works on small candidates (``tests/fixtures/release_world.py``), so that hundreds of
kills take minutes. The whole job is killed by ``job_machine``.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.digests import sha256_of
from orchestration.release import apply_retention, current_release, list_releases, rollback
from orchestration.release.store import verify
from orchestration.settings import PROJECT_ROOT, Settings
from tests.fixtures.release_world import (
    build_id_of,
    generation_of,
    leftovers_of,
    make_candidate,
    make_release,
    make_settings,
    publish_candidate,
)

STEPS = ("rename", "replace", "symlink", "link", "unlink", "mkdir", "chmod", "fsync", "rmdir")
"""What changes a file system or forces it onto the disk."""
_ROLLBACK_SECONDS = 1.0
_KEPT = 30

# Forks a publisher for each line it reads, because the imports take longer than a publication. Nothing has
# opened DuckDB before the fork.
_FORKING = """
import json, os, random, signal, sys, threading, time
from pathlib import Path
import duckdb, pyarrow, pyarrow.parquet
import orchestration.release
from tests.fixtures.release_world import make_settings, publish_candidate

def publish(order):
    steps = []
    def counted(name):
        real = getattr(os, name)
        def step(*arguments, **options):
            steps.append(name)
            if len(steps) == order["kill_at"]:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)
        setattr(os, name, step)
    for name in order["steps"]:
        counted(name)
    if order["seconds"]:
        def kill():
            time.sleep(order["seconds"])
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=kill, daemon=True).start()
    settings = make_settings(Path(order["root"]), shared_from_rows=order["rows"])
    publish_candidate(settings, order["number"])
    return len(steps)

for line in sys.stdin:
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # DuckDB draws a bar there if it is slow
        os.write(write, str(publish(json.loads(line))).encode())
        os._exit(0)
    os.close(write)
    told = os.read(read, 100).decode()
    os.close(read)
    _, status = os.waitpid(process, 0)
    print(json.dumps({"code": os.waitstatus_to_exitcode(status), "steps": int(told or 0)}), flush=True)
"""

# One reader, in a process of its own: a session on the database, or on the Parquet files of one release, and
# again.
_READER = """
import json, os, sys
from pathlib import Path
import duckdb
current, kind, stop = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
totals = '''
select
    (select count(*) from {people}), (select count(distinct person_id) from {touches}),
    (select count(*) from {touches}),
    (select list(distinct generation) from (
        select generation from {people} union select generation from {touches} where generation is not null
    )),
    (select row_counts ->> 'people' from {releases} order by release_id desc limit 1),
    (select row_counts ->> 'touches' from {releases} order by release_id desc limit 1)
'''
seen, sessions, errors = {}, 0, []
while not stop.exists():
    try:
        if kind == "database":
            with duckdb.connect(str(current / "leadproof.duckdb"), read_only=True) as connection:
                found = connection.execute(
                    totals.format(people="marts.people", touches="marts.touches", releases="marts.releases")
                ).fetchone()
        else:
            release = Path(os.path.realpath(current)) / "marts"
            def files(table):
                whole = release / f"{table}.parquet"
                return f"read_parquet('{whole if whole.exists() else release / table / '*.parquet'}')"
            with duckdb.connect() as connection:
                found = connection.execute(
                    totals.format(**{name: files(name) for name in ("people", "touches", "releases")})
                ).fetchone()
        people, active, touches, generations, told_people, told_touches = found
        is_whole = len(generations) == 1 and (people, touches) == (int(told_people), int(told_touches))
        is_whole = is_whole and active == people
        if not is_whole:
            errors.append(f"mixed: {found}")
        seen[generations[0]] = seen.get(generations[0], 0) + 1
    except Exception as error:
        errors.append(f"{type(error).__name__}: {error}")
    sessions += 1
told = {"sessions": sessions, "generations": len(seen), "errors": errors[:5], "error_count": len(errors)}
print(json.dumps(told))
"""


def prove_kills(root: Path, kills: int, seed: int) -> Counter[str]:
    """Kill the publisher, each time somewhere else, and go on with what it leaves.

    Args:
        root: Empty folder.
        kills: How many.
        seed: Of the places: half at the n-th change of the file system, half at a moment.

    Returns:
        What happened, counted.

    Raises:
        AssertionError: If readers see anything but a whole release, or the next publication needs help.
    """
    drawn = random.Random(seed)
    tally: Counter[str] = Counter()
    warehouses = [
        make_settings(root / name, keep_releases=3, shared_from_rows=rows)
        for name, rows in (("whole", 5_000_000), ("shared", 100))
    ]
    with _forking() as publisher:
        # Numbers, and so build ids, only grow; a kill leaves one that was tried.
        state = {}
        for settings in warehouses:
            make_release(settings, 1)
            make_candidate(settings, 2)
            started = time.monotonic()
            done = publisher(settings, 2)
            assert done["code"] == 0
            state[settings.warehouse] = (2, done["steps"], time.monotonic() - started)
        for kill in range(kills):
            settings = warehouses[kill % 2]
            old, steps, seconds = state[settings.warehouse]
            number = old + 1
            make_candidate(settings, number)
            if kill % 4 < 2:
                done = publisher(settings, number, kill_at=drawn.randint(1, steps))
            else:
                done = publisher(settings, number, seconds=drawn.uniform(0, seconds))
            tally["kills"] += done["code"] == -signal.SIGKILL
            tally["kills that came too late"] += done["code"] == 0
            seen = _whole(settings, old, number)
            tally["kills after readers saw the release"] += seen == number and done["code"] != 0
            if seen == number:
                apply_retention(settings)
            else:
                publish_candidate(settings, number)
            assert generation_of(settings.current / "leadproof.duckdb") == {number}
            assert leftovers_of(settings) == []
            state[settings.warehouse] = (number, steps, seconds)
    return tally


def prove_readers(root: Path, readers: int, publications: int, seed: int, *, rows: int = 100) -> Counter[str]:
    """Let many processes read while releases come and go.

    Args:
        root: Empty folder.
        readers: How many processes; every second one reads Parquet.
        publications: How many publications and rollbacks.
        seed: Which of the two, and back to which release.
        rows: Rows from which a mart lies in files that releases share.

    Returns:
        What happened, counted.

    Raises:
        AssertionError: If a session failed, or its totals are not those of one release.
    """
    drawn = random.Random(seed)
    tally: Counter[str] = Counter()
    settings = make_settings(root, keep_releases=_KEPT, shared_from_rows=rows)
    stop = root / "stop"
    make_release(settings, 1)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, settings.current, ("database", "parquet")[place % 2], stop],
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in range(readers)
    ]
    number = 1
    try:
        for _ in range(publications):
            if drawn.random() < 0.25:
                rollback(settings, drawn.choice(list_releases(settings)[:10]).release_id)
                tally["rollbacks"] += 1
            else:
                number += 1
                make_release(settings, number)
                tally["publications"] += 1
    finally:
        stop.touch()
        told = [json.loads(process.communicate(timeout=120)[0].splitlines()[-1]) for process in processes]
    errors = [error for each in told for error in each["errors"]]
    assert errors == [], f"{sum(each['error_count'] for each in told)} sessions went wrong: {errors[:5]}"
    tally["publications and rollbacks"] = publications
    tally["reader processes"] = readers
    tally["sessions"] = sum(each["sessions"] for each in told)
    tally["fewest releases that one reader saw"] = min(each["generations"] for each in told)
    tally["errors and mixed generations"] = 0
    return tally


def prove_rollbacks(root: Path, releases: int) -> dict[str, float]:
    """Roll back to each kept release, and forward again.

    Args:
        root: Empty folder.
        releases: How many are kept.

    Returns:
        How many rollbacks there were, and how many seconds the slowest took.

    Raises:
        AssertionError: If one took a second, or left a byte of a release other than it was.
    """
    settings = make_settings(root, keep_releases=releases, shared_from_rows=100)
    made = [make_release(settings, number) for number in range(1, releases + 1)]
    before = {release.release_id: _bytes_of(release.path) for release in made}
    slowest = 0.0
    for release in [*made, *reversed(made)]:
        started = time.monotonic()
        rollback(settings, release.release_id)
        slowest = max(slowest, time.monotonic() - started)
        current = current_release(settings)
        assert current is not None and current.release_id == release.release_id
        assert _bytes_of(settings.current.resolve()) == before[release.release_id]
    assert slowest < _ROLLBACK_SECONDS, f"a rollback took {slowest:.2f} s"
    return {"rollbacks": 2 * releases, "slowest, seconds": round(slowest, 3)}


def _bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def _whole(settings: Settings, old: int, new: int) -> int:
    """Say which release readers see; it is whole, and so is every other that is listed."""
    generations = generation_of(settings.current / "leadproof.duckdb")
    assert generations in ({old}, {new}), f"readers see rows of {generations}"
    current = current_release(settings)
    assert current is not None
    (seen,) = generations
    assert current.build_id == build_id_of(seen)
    for release in list_releases(settings):
        verify(release)
        assert release.build_id <= current.build_id, "a release that readers never saw is listed"
    return seen


class _Publisher:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(
        self, settings: Settings, number: int, *, kill_at: int = 0, seconds: float = 0.0
    ) -> dict[str, int]:
        order = {
            "root": str(settings.warehouse.parent),
            "rows": settings.shared_from_rows,
            "number": number,
            "kill_at": kill_at,
            "seconds": seconds,
            "steps": STEPS,
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        told: dict[str, int] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def _forking() -> Iterator[_Publisher]:
    process = subprocess.Popen(
        [sys.executable, "-c", _FORKING],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _Publisher(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
