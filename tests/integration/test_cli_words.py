"""What the command line says before anything is built: help, usage, refusals. Each in its own process."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMANDS = (
    "build",
    "demo",
    "simulate",
    "status",
    "explain",
    "baseline",
    "releases",
    "rollback",
    "report",
    "dev",
)


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LEADPROOF_")},
        "LEADPROOF_LANDING": str(tmp_path / "landing"),
        "LEADPROOF_WAREHOUSE": str(tmp_path / "warehouse"),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
    }


def leadproof(world: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *words],
        env=world,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1, done.stderr
    told = done.stderr.strip()
    assert told.startswith("leadproof: ")
    assert len(told.splitlines()) == 1, told
    assert "Traceback" not in done.stdout + done.stderr
    for part in parts:
        assert part in told


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(world: dict[str, str], command: str) -> None:
    done = leadproof(world, command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: leadproof {command}")
    assert "--debug" in done.stdout


def test_help_imports_nothing_heavy(world: dict[str, str]) -> None:
    code = (
        "import sys; from orchestration import cli; cli.make_parser().format_help();"
        "heavy = {'duckdb', 'dagster', 'dbt', 'great_expectations', 'rich', 'numpy', 'yaml'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=world, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # The best of three: the machine may be busy, the command must not be slow by itself.
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        leadproof(world, "--help")
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.3


def test_no_command_shows_help_and_version_is_told(world: dict[str, str]) -> None:
    assert leadproof(world).stdout.startswith("usage: leadproof")
    assert leadproof(world, "--version").stdout.startswith("leadproof ")


BASELINE = ("baseline", "zoho", "--until", "2999-12-31", "--reason", "first load")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fly",), "invalid choice"),
        (("build", "--as-off", "x"), "unrecognized arguments"),
        (("simulate", "--out", "x", "--people", "0"), "no whole number above zero"),
        (("simulate", "--out", ""), "it is blank"),
        (("demo", "--people", "²"), "no whole number above zero"),
        (("demo", "--people", "9" * 5000), "no whole number above zero"),
        (("build", "--as-of", "banana"), "is no ISO date or time. Write it like 2026-03-31"),
        (("build", "--as-of", ""), "is no ISO date or time"),
        (
            ("build", "--as-of", "2999-11-24"),
            "As-of 2999-11-24 lies in the future; nothing can be known then.",
        ),
        (("build", "--restate", " "), "it is blank; write a few words"),
        ((*BASELINE, "--until", "banana"), "is no ISO date. Write it like 2026-03-31."),
        ((*BASELINE, "--until", "2020-01-01"), "2020-01-01 is not in the future"),
        ((*BASELINE, "--reason", ""), "it is blank"),
        (("explain", ""), "it is blank"),
        (("dev", "--port", "99999"), "'99999' is no port; give a number from 1 to 65535"),
        (("dev", "--port", "0"), "no port"),
    ],
)
def test_wrong_usage_is_two(world: dict[str, str], words: tuple[str, ...], told: str) -> None:
    done = leadproof(world, *words)
    assert done.returncode == 2
    assert "usage: leadproof" in done.stderr
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_missing_landing_folder_is_one_sentence(world: dict[str, str]) -> None:
    assert_refused(leadproof(world, "build"), "does not exist", "LEADPROOF_LANDING")


def test_unknown_source_system_is_one_sentence(world: dict[str, str]) -> None:
    world["LEADPROOF_SOURCE_SYSTEMS"] = "leadproof,hubble"
    assert_refused(leadproof(world, "build"), "hubble", "models/staging/hubble")


@pytest.mark.parametrize(("name", "value"), [("LEADPROOF_MEMORY_LIMIT", "lots"), ("LEADPROOF_THREADS", "-1")])
def test_unusable_setting_is_one_sentence(world: dict[str, str], name: str, value: str) -> None:
    world[name] = value
    assert_refused(leadproof(world, "releases"), name, value)


def test_warehouse_that_cannot_be_written_is_one_sentence(world: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "warehouse").write_text("a file where the folder should be")
    assert_refused(leadproof(world, "build"), "warehouse")


def test_dagster_home_that_cannot_be_written_is_one_sentence(world: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "dagster").write_text("a file where the folder should be")
    assert_refused(leadproof(world, "build"), "DAGSTER_HOME")


def test_nothing_published_is_said_and_not_an_error(world: dict[str, str]) -> None:
    done = leadproof(world, "releases")
    assert done.returncode == 0
    assert "Nothing is published yet" in done.stdout


def test_rollback_to_a_release_that_is_not_there_is_refused(world: dict[str, str]) -> None:
    assert_refused(leadproof(world, "rollback", "r20260101T000000_abcdef"), "There is no release")


def test_baseline_without_an_audit_is_refused(world: dict[str, str]) -> None:
    assert_refused(leadproof(world, *BASELINE), "nothing to baseline")


def test_baseline_needs_a_known_system(world: dict[str, str]) -> None:
    assert_refused(leadproof(world, "baseline", "nosuch", "--until", "2999-01-01", "--reason", "x"), "nosuch")


def test_simulate_refuses_a_folder_that_holds_something(world: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert_refused(leadproof(world, "simulate", "--out", str(tmp_path / "out")), "holds something already")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_demo_refuses_what_it_did_not_write(world: dict[str, str], tmp_path: Path) -> None:
    own = tmp_path / "landing" / "zoho" / "leads" / "export.csv"
    own.parent.mkdir(parents=True)
    own.write_text("a\n1\n")
    assert_refused(leadproof(world, "demo"), "export.csv was not written by the demo")
    assert own.exists()


def test_debug_shows_the_trace(world: dict[str, str]) -> None:
    done = leadproof(world, "build", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
