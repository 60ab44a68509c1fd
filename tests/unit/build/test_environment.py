import os
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import yaml
from dotenv import dotenv_values
from jinja2 import Environment

from orchestration.environment import load_env_file, prepare_environment, write_env_file
from orchestration.errors import LeadproofError
from orchestration.settings import PROJECT_ROOT, load_settings


@pytest.fixture(autouse=True)
def _restored_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # setenv remembers what to restore, also for what the code under test sets.
    for name in (
        "DAGSTER_HOME",
        "DAGSTER_DISABLE_TELEMETRY",
        "DO_NOT_TRACK",
        "DBT_SEND_ANONYMOUS_USAGE_STATS",
        "GX_ANALYTICS_ENABLED",
        "LEADPROOF_LANDING",
        "LEADPROOF_WAREHOUSE",
        "LEADPROOF_MEMORY_LIMIT",
        "LEADPROOF_THREADS",
        "PATH",
    ):
        was_set = name in os.environ
        monkeypatch.setenv(name, os.environ.get(name, ""))
        if not was_set:
            monkeypatch.delenv(name)


def test_env_file_lets_the_shell_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_env_file(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert dotenv_values(path)["DAGSTER_HOME"] == str(tmp_path / ".dagster")
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    assert dotenv_values(path)["DAGSTER_HOME"] == "/elsewhere"
    assert path.stat().st_mode & 0o077 == 0


def test_env_file_keeps_what_others_wrote_and_is_written_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LEADPROOF_ID_SALT=secret\n")
    write_env_file(tmp_path)
    first = (tmp_path / ".env").read_text()
    write_env_file(tmp_path)
    assert (tmp_path / ".env").read_text() == first
    assert first.startswith("LEADPROOF_ID_SALT=secret\nDAGSTER_HOME=")


def test_env_file_follows_a_moved_folder_but_not_a_foreign_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DAGSTER_HOME=${DAGSTER_HOME:-/old/place/.dagster}\n")
    write_env_file(tmp_path)
    assert f"DAGSTER_HOME=${{DAGSTER_HOME:-{tmp_path}/.dagster}}" in (tmp_path / ".env").read_text()
    (tmp_path / ".env").write_text("DAGSTER_HOME=/srv/dagster\n")
    write_env_file(tmp_path)
    assert (tmp_path / ".env").read_text().startswith("DAGSTER_HOME=/srv/dagster\n")


def test_env_file_fills_only_what_the_shell_has_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("LEADPROOF_ID_SALT=from_file\nLEADPROOF_WAREHOUSE=/from/file\n")
    monkeypatch.delenv("LEADPROOF_ID_SALT", raising=False)
    monkeypatch.setenv("LEADPROOF_WAREHOUSE", "/from/shell")
    load_env_file(tmp_path)
    assert os.environ["LEADPROOF_ID_SALT"] == "from_file"
    assert os.environ["LEADPROOF_WAREHOUSE"] == "/from/shell"
    monkeypatch.delenv("LEADPROOF_ID_SALT")


def test_preparing_switches_telemetry_off_and_links_dagsters_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "")
    settings = replace(load_settings(), dagster_home=tmp_path / "home", warehouse=tmp_path / "warehouse")
    prepare_environment(settings)
    assert os.environ["DAGSTER_DISABLE_TELEMETRY"] == "1"
    assert os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert os.environ["LEADPROOF_WAREHOUSE"] == str(tmp_path / "warehouse")
    assert "enabled: false" in (tmp_path / "home" / "dagster.yaml").read_text()


def test_duckdb_in_dbt_has_as_many_threads_as_the_settings_say(tmp_path: Path) -> None:
    prepare_environment(replace(load_settings(), dagster_home=tmp_path / "home", threads=3))
    profile = yaml.safe_load((PROJECT_ROOT / "profiles.yml").read_text(encoding="utf-8"))
    written = profile["leadproof"]["outputs"]["duckdb"]["config_options"]["threads"]
    threads = Environment().from_string(written).render(env_var=os.environ.get)
    with duckdb.connect(config={"threads": threads}) as database:
        assert database.execute("select current_setting('threads')").fetchone() == (3,)


def test_preparing_keeps_a_dagster_file_of_ones_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_environment(replace(load_settings(), dagster_home=home))
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_dagster_home_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = replace(load_settings(), dagster_home=tmp_path / "file" / "home")
    with pytest.raises(LeadproofError, match="DAGSTER_HOME"):
        prepare_environment(settings)


def test_dagster_home_is_closed_to_others(tmp_path: Path) -> None:
    """What Dagster keeps of a failed step may say more than anybody but the building account should read."""
    home = tmp_path / "dagster"
    home.mkdir(mode=0o755)
    prepare_environment(replace(load_settings(), dagster_home=home))
    assert home.stat().st_mode & 0o077 == 0
