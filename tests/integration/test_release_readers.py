"""Readers: they keep what they opened, see the next release by opening again, and can do nothing else."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlalchemy

from orchestration.release import apply_retention, list_releases, open_release, rollback
from orchestration.release.store import damaged_file
from orchestration.settings import PROJECT_ROOT, Settings
from tests.fixtures.release_world import (
    CLOSED_TOUCHES,
    generation_of,
    make_candidate,
    make_release,
    make_settings,
    publish_candidate,
)

# A BI tool in a process of its own: it answers each line on its input with the builds whose rows it sees.
READER = """
import sys, duckdb
path = sys.argv[1]
generations = (
    "select generation from {} union select generation from {} where generation is not null"
)
def seen(connection, prefix="marts"):
    try:
        rows = connection.execute(generations.format(prefix + ".people", prefix + ".touches")).fetchall()
    except duckdb.IOException as error:
        return "no files" if "No files found" in str(error) else str(error)
    return ",".join(str(row[0]) for row in sorted(rows))
old = duckdb.connect(path, read_only=True)
tool = duckdb.connect()
tool.execute(f"attach '{path}' as leadproof (read_only)")
print("ready", flush=True)
for line in sys.stdin:
    match line.strip():
        case "kept":
            print(seen(old), seen(tool, "leadproof.marts"), flush=True)
        case "reconnect":
            new = duckdb.connect(path, read_only=True)
            print(seen(new), seen(old), flush=True)
            new.close()
        case "reattach":
            tool.execute(f"attach or replace '{path}' as leadproof (read_only)")
            print(seen(tool, "leadproof.marts"), flush=True)
        case "detach and attach":
            tool.execute("detach leadproof")
            tool.execute(f"attach '{path}' as leadproof (read_only)")
            print(seen(tool, "leadproof.marts"), flush=True)
"""


class Reader:
    """A reading process."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT_ROOT,
        )
        assert self._answer() == "ready"

    def ask(self, what: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture(params=[5_000_000, 100], ids=["in one file", "months shared"])
def settings(request, tmp_path) -> Settings:
    return make_settings(tmp_path, shared_from_rows=request.param)


@pytest.fixture
def reader(settings) -> Iterator[Reader]:
    make_release(settings, 1, touches=300_000)
    reader = Reader(settings.current / "leadproof.duckdb")
    yield reader
    reader.process.kill()
    reader.process.wait()


def test_reader_keeps_its_release_and_a_long_lived_connection_comes_to_the_next(settings, reader):
    assert reader.ask("kept") == "1 1"

    make_release(settings, 2)
    assert reader.ask("kept") == "1 1", "an open connection must stay with its release"
    assert reader.ask("reconnect") == "2 1", "the same path, connected again, must lead to the next release"
    assert reader.ask("reattach") == "2", "one statement must bring a long-lived session to the next release"

    make_release(settings, 3)
    assert reader.ask("detach and attach") == "3"


def test_reader_keeps_its_release_even_when_retention_removes_it(settings, reader):
    make_release(settings, 2)
    apply_retention(settings, keep=1)

    if settings.shared_from_rows > 100:
        assert reader.ask("kept") == "1 1"
    else:
        # Shared files go with the release: what was read from them is refused, and never less than all.
        assert reader.ask("kept") == "no files no files"
    assert reader.ask("reattach") == "2"


def test_readers_meet_only_whole_releases_and_no_lock_while_builds_publish(settings):
    make_release(settings, 1)
    path = settings.current / "leadproof.duckdb"
    done = threading.Event()
    seen: list[set[int]] = []
    totals: set[tuple[int, ...]] = set()
    failures: list[Exception] = []

    def read() -> None:
        while not done.is_set():
            try:
                seen.append(generation_of(path))
                totals.add(_totals_of(path))
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(2, 7):
            make_candidate(settings, number)
            publish_candidate(settings, number)
        rollback(settings, list_releases(settings)[2].release_id)
        rollback(settings, list_releases(settings)[0].release_id)
    finally:
        done.set()
        thread.join()

    assert failures == []
    assert all(len(generations) == 1 for generations in seen)
    ordered = [next(iter(generations)) for generations in seen]
    assert len(set(ordered)) > 1
    assert [*dict.fromkeys(ordered)] == sorted(set(ordered)), "a release came before an earlier one"
    closed = 0 if settings.shared_from_rows > 100 else CLOSED_TOUCHES
    assert totals == {(50, 50, 200 + closed, 50, 200 + closed)}, "marts of different releases were read"


def _totals_of(database: Path) -> tuple[int, ...]:
    """People, people with touches and touches, as counted and as the release itself tells."""
    with duckdb.connect(database, read_only=True) as connection:
        found = connection.execute(
            """
            select
                (select count(*) from marts.people),
                (select count(distinct person_id) from marts.touches),
                (select count(*) from marts.touches),
                (row_counts ->> 'people')::integer,
                (row_counts ->> 'touches')::integer
            from marts.releases
            order by release_id desc
            limit 1
            """
        ).fetchone()
    assert found is not None
    return tuple(found)


def test_open_release_stays_with_one_release(settings):
    first = make_release(settings, 1)
    with open_release(settings) as old:
        make_release(settings, 2)
        with open_release(settings) as new, open_release(settings, first.release_id) as earlier:
            generations = [
                connection.execute("select distinct generation from marts.people").fetchall()
                for connection in (old, new, earlier)
            ]

    assert generations == [[(1,)], [(2,)], [(1,)]]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into marts.people values ('p_x', 1, 1.0)",
        "update marts.people set score = 0",
        "delete from marts.touches",
        "drop table marts.people",
        "create table marts.mine as select 1 as x",
        "create schema mine",
        "select * from read_csv('{file}')",
        "select * from read_text('{file}')",
        "select * from read_blob('{file}')",
        "select * from read_parquet('{release}/marts/people.parquet')",
        "select * from '{release}/marts/people.parquet'",
        "select * from glob('{folder}/*')",
        "select * from glob('{shared}/touches/*')",
        "select * from read_parquet('{other_month}')",
        "copy marts.people to '{shared}/touches/2025-01-mine.parquet'",
        "copy marts.people to '{shared}/mine.csv'",
        "copy marts.people to '{folder}/stolen.csv'",
        "export database '{folder}/stolen'",
        "attach '{folder}/new.duckdb' as new",
        "attach '{folder}/other.duckdb' as other (read_only)",
        "install httpfs",
        "load httpfs",
        "load '{folder}/evil.duckdb_extension'",
        "create persistent secret s (type s3)",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "reset enable_external_access",
        "set allowed_directories = ['/']",
        "set temp_directory = '{folder}'",
        "set log_query_path = '{folder}/queries.log'",
        "set profiling_output = '{folder}/profile.json'",
        "set TimeZone = 'America/New_York'",
        "set memory_limit = '900GB'",
    ],
)
def test_hardened_reader_can_do_nothing_but_read_the_release(settings, hardened, statement):
    connection, release, folder = hardened
    file = folder / "private.csv"
    shared = release.path.parent / "shared"
    (other_month,) = set(shared.glob("touches/2026-01-*")) - {
        shared / "touches" / path.name for path in release.path.glob("marts/touches/*")
    }
    before = sorted(path.name for path in folder.iterdir())

    with pytest.raises(duckdb.Error):
        connection.execute(
            statement.format(
                file=file, folder=folder, release=release.path, shared=shared, other_month=other_month
            )
        ).fetchall()

    assert sorted(path.name for path in folder.iterdir()) == before
    assert connection.execute("select count(*) from marts.people").fetchone() == (50,)
    assert connection.execute("select count(*) from marts.touches").fetchone() == (500,)


@pytest.fixture(scope="module")
def hardened(tmp_path_factory):
    root = tmp_path_factory.mktemp("hardened")
    settings = make_settings(root, shared_from_rows=100)
    release = make_release(settings, 1)
    make_release(settings, 2)
    folder = root / "folder"
    folder.mkdir()
    (folder / "private.csv").write_text("secret\n42\n", encoding="utf-8")
    duckdb.connect(folder / "other.duckdb").close()
    (folder / "evil.duckdb_extension").write_bytes(b"\x7fELF")
    with open_release(settings, release.release_id) as connection:
        yield connection, release, folder


# A reader as the README wants it: one whose account may not write below `releases/`, as root always may.
OVERWRITING = """
import sys
from pathlib import Path
import duckdb
from orchestration.release import open_release
from orchestration.release.store import current_release, shared_files
from tests.fixtures.release_world import make_settings
settings = make_settings(Path(sys.argv[1]), shared_from_rows=100)
with open_release(settings) as connection:
    for path in shared_files(current_release(settings)):
        nothing = f"select * from read_parquet('{path}') limit 0"
        for option in ("use_tmp_file false", "use_tmp_file true", "overwrite true"):
            try:
                connection.execute(f"copy ({nothing}) to '{path}' (format parquet, {option})")
            except duckdb.Error as error:
                print(type(error).__name__)
            else:
                print("written")
"""


def test_reader_that_may_not_write_cannot_overwrite_what_releases_share(tmp_path):
    settings = make_settings(tmp_path, shared_from_rows=100)
    release = make_release(settings, 1)
    account = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    if account and not shutil.which("setpriv"):
        pytest.skip("root may write everything, and there is no setpriv (util-linux) to be somebody less")
    before = {path: path.read_bytes() for path in settings.shared.rglob("*.parquet")}
    code = [sys.executable, "-c", OVERWRITING, str(tmp_path)]
    done = subprocess.run([*account, *code], capture_output=True, text=True, cwd=PROJECT_ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= 3 and "written" not in done.stdout
    assert {path: path.read_bytes() for path in before} == before
    assert damaged_file(release) is None


def test_hardened_reader_works_in_utc_with_the_limits_of_the_settings(hardened):
    connection, _, _ = hardened
    found = connection.execute(
        "select current_setting('TimeZone'), current_setting('threads'), current_setting('memory_limit')"
    ).fetchone()

    assert found == ("UTC", 2, "488.2 MiB")


def test_hardened_readers_may_be_opened_by_many_threads_at_once(settings):
    make_release(settings, 1)
    failures: list[Exception] = []

    def read() -> None:
        try:
            with open_release(settings) as connection:
                connection.execute("select count(*) from marts.touches").fetchall()
                with pytest.raises(duckdb.Error):
                    connection.execute("select * from read_text('/etc/hostname')").fetchall()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_release_is_read_only_on_the_disk(settings):
    release = make_release(settings, 1)

    for place, _, names in os.walk(release.path):
        assert Path(place).stat().st_mode & 0o777 == 0o555
        for name in names:
            assert Path(place, name).stat().st_mode & 0o777 == 0o444


def test_connection_pool_comes_to_the_next_release_by_recycling(settings):
    make_release(settings, 1)
    engine = sqlalchemy.create_engine(
        f"duckdb:///{settings.current}/leadproof.duckdb", connect_args={"read_only": True}, pool_recycle=1
    )

    def seen() -> int:
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text("select distinct generation from marts.people"))
            return int(found.scalar_one())

    assert seen() == 1
    make_release(settings, 2)
    time.sleep(1.2)
    assert seen() == 2, "a recycled connection must be on the next release"
    make_release(settings, 3)
    engine.dispose()
    assert seen() == 3
