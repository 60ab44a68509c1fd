"""What the machine can do to a load: each is one sentence, and nothing is lost or loaded twice."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import LeadproofError
from orchestration.landing.failures import told_plainly

_ROOT = Path(__file__).resolve().parents[3]


def test_unwritable_warehouse(world, tmp_path):
    (tmp_path / "blocked").write_text("a file where a folder should be")
    world.settings = replace(world.settings, warehouse=tmp_path / "blocked" / "warehouse")
    with pytest.raises(LeadproofError, match=r"The warehouse folder .* cannot be written: .* Give"):
        world.load()


def test_database_in_use(world):
    world.load()
    script = (
        "import duckdb, sys, time\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(world.settings.build_db)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        with pytest.raises(LeadproofError, match=r"Another process is using the build database"):
            world.load()
    finally:
        holder.communicate("")


def test_damaged_database(world):
    world.settings.build_db.parent.mkdir(parents=True)
    world.settings.build_db.write_bytes(b"no database" * 2_000)
    with pytest.raises(LeadproofError, match=r"is damaged\. Move the folder build"):
        world.load()


def test_full_disk_then_room_again(world):
    rows = "".join(f"{number},{number * 7919 % 1_000_003}\n" for number in range(200_000))
    world.drop("crm/leads/a.csv", "id,value\n" + rows)
    world.drop("crm/leads/0.csv", "id,value\n1,2\n")
    script = (
        "import resource, signal, sys\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from orchestration.errors import LeadproofError\n"
        "from orchestration.landing import load_landing\n"
        "from orchestration.settings import Settings\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, resource.RLIM_INFINITY))\n"
        "landing, warehouse, root = map(Path, sys.argv[1:])\n"
        "settings = Settings(landing, warehouse, '', '1GB', 2, ('crm',), {}, 3, root)\n"
        "try:\n"
        "    load_landing(settings, declared={}, root=root)\n"
        "except LeadproofError as error:\n"
        "    print(error)\n"
    )
    arguments = [str(world.settings.landing), str(world.settings.warehouse), str(world.root)]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        check=True,
        timeout=120,
    )
    assert "is full. Free space" in done.stdout, done.stdout + done.stderr
    world.load()
    assert world.query("select count(*) from raw_crm.leads") == [(200_001,)]
    assert sorted(world.entries()) == [("crm/leads/0.csv", "loaded"), ("crm/leads/a.csv", "loaded")]


def test_messages_of_duckdb_are_not_passed_on(tmp_path):
    with pytest.raises(LeadproofError) as caught, told_plainly(tmp_path):
        duckdb.sql("select cast('person@example.com' as integer)").fetchall()
    assert "example.com" not in str(caught.value)
    assert caught.value.__cause__ is None
