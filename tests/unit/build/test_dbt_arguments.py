import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.dbt import (
    dbt_args,
    ensure_manifest,
    is_manifest_stale,
    missing_seeds,
    month_columns,
    project_fingerprint,
)
from orchestration.defs.dbt import dbt_failure
from orchestration.errors import LeadproofError
from orchestration.settings import Settings, load_settings


@pytest.fixture
def settings() -> Settings:
    return replace(load_settings(), source_systems=("leadproof",), threads=3)


def test_build_runs_no_unit_tests(settings: Settings) -> None:
    args = dbt_args("build", settings, is_overridden=False)
    assert args[0] == "build"
    assert args[args.index("--exclude-resource-type") + 1] == "unit_test"
    assert args[args.index("--threads") + 1] == "3"


def test_build_passes_nothing_that_changes_from_build_to_build(settings: Settings) -> None:
    # Changing variables on the command line break dbt's partial parsing.
    assert "--vars" not in dbt_args("build", settings, is_overridden=False)


def test_overridden_source_systems_reach_parse_and_build_alike(settings: Settings) -> None:
    for command in ("parse", "build"):
        args = dbt_args(command, settings, is_overridden=True)
        assert json.loads(args[args.index("--vars") + 1]) == {"source_systems": ["leadproof"]}


@pytest.mark.parametrize("full_refresh", [True, False])
def test_full_refresh_is_passed_on(settings: Settings, full_refresh: bool) -> None:
    args = dbt_args("build", settings, full_refresh=full_refresh, is_overridden=False)
    assert ("--full-refresh" in args) is full_refresh


def test_parse_takes_no_option_of_build(settings: Settings) -> None:
    assert dbt_args("parse", settings, full_refresh=True, is_overridden=False) == ["parse"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("models", "seeds", "dbt_project"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: x\n")
    (tmp_path / "models" / "a.sql").write_text("select 1\n")
    return tmp_path


def test_fingerprint_changes_with_content_names_and_systems(project: Path, settings: Settings) -> None:
    seen = {project_fingerprint(settings, project)}
    (project / "models" / "a.sql").write_text("select 22\n")
    seen.add(project_fingerprint(settings, project))
    (project / "models" / "b.sql").write_text("select 1\n")
    seen.add(project_fingerprint(settings, project))
    (project / "models" / "b.sql").rename(project / "models" / "c.sql")
    seen.add(project_fingerprint(settings, project))
    (project / "models" / "c.sql").unlink()
    seen.add(project_fingerprint(replace(settings, source_systems=("zoho",)), project))
    assert len(seen) == 5


def test_editing_a_policy_table_needs_no_new_manifest(project: Path, settings: Settings) -> None:
    (project / "seeds" / "touch_types.csv").write_text("a\n1\n")
    before = project_fingerprint(settings, project)
    (project / "seeds" / "touch_types.csv").write_text("a\n1\n2\n")
    assert project_fingerprint(settings, project) == before
    (project / "seeds" / "new_table.csv").write_text("a\n")
    assert project_fingerprint(settings, project) != before


def test_deleted_model_makes_the_manifest_stale(
    project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", "target")
    (project / "models" / "b.sql").write_text("select 1\n")
    calls = []

    def parse(given: Settings, root: Path) -> None:
        calls.append(root)
        (root / "target" / "manifest.json").write_text("{}")

    monkeypatch.setattr("orchestration.dbt._parse", parse)
    assert ensure_manifest(settings, project) == project / "target" / "manifest.json"
    assert not is_manifest_stale(settings, project)
    ensure_manifest(settings, project)
    assert calls == [project]
    (project / "models" / "b.sql").unlink()
    # Deleting leaves no newer file behind, so times alone would not show it.
    os.utime(project / "models" / "a.sql", (0, 0))
    assert is_manifest_stale(settings, project)


def test_missing_policy_table_is_left_to_the_check_of_the_policy(
    project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", "target")
    monkeypatch.setattr("orchestration.dbt._parse", lambda *_: pytest.fail("dbt was asked"))
    (project / "seeds" / "_seeds.yml").write_text("seeds:\n  - name: touch_types\n  - name: vocabulary\n")
    (project / "seeds" / "vocabulary.csv").write_text("a\n")
    assert missing_seeds(project) == ["seeds/touch_types.csv"]
    with pytest.raises(LeadproofError, match=r"^seeds/touch_types\.csv is missing\. Put it back"):
        ensure_manifest(settings, project)
    (project / "target").mkdir()
    (project / "target" / "manifest.json").write_text("{}")
    assert ensure_manifest(settings, project) == project / "target" / "manifest.json"


def test_dbt_failure_names_tests_models_and_rows(tmp_path: Path) -> None:
    results = tmp_path / "run_results.json"
    results.write_text(
        json.dumps(
            {
                "results": [
                    {
                        "unique_id": "test.leadproof.assert_no_mql_without_icp",
                        "status": "fail",
                        "failures": 3,
                    },
                    {"unique_id": "model.leadproof.people", "status": "error", "failures": None},
                    {"unique_id": "model.leadproof.mqls", "status": "skipped", "failures": None},
                    {"unique_id": "test.leadproof.not_null_x.abc123", "status": "pass", "failures": 0},
                ]
            }
        )
    )
    error = dbt_failure(results, tmp_path)
    assert error.details == ("test assert_no_mql_without_icp in 3 rows", "model people")
    assert "2 models or tests" in error.message


def test_dbt_failure_without_results_still_is_a_sentence(tmp_path: Path) -> None:
    assert "an unknown number" in dbt_failure(tmp_path / "run_results.json", tmp_path).message


def test_dbt_failure_without_results_reads_the_log(tmp_path: Path) -> None:
    (tmp_path / "dbt.log").write_text(
        "06:01:16  Unhandled error\nOut of Memory Error: could not allocate block of size 256.0 KiB\n"
    )
    error = dbt_failure(tmp_path / "run_results.json", tmp_path)
    assert error.cause == "out_of_memory"
    assert "allocate" not in str(error)


@pytest.mark.parametrize(
    ("told", "cause", "expected"),
    [
        ('IO Error: Could not write file "x": No space left on device', "disk_full", "is full"),
        (
            "Out of Memory Error: failed to offload data block ... max_temp_directory_size",
            "disk_full",
            "is full",
        ),
        ("Out of Memory Error: could not allocate block of size 256.0 KiB", "out_of_memory", "out of memory"),
    ],
)
def test_dbt_failure_for_want_of_disk_or_memory_blames_no_model(
    tmp_path: Path, told: str, cause: str, expected: str
) -> None:
    results = tmp_path / "run_results.json"
    broken = {"unique_id": "model.leadproof.people", "status": "error", "failures": None, "message": told}
    results.write_text(json.dumps({"results": [broken]}))
    error = dbt_failure(results, tmp_path)
    assert error.cause == cause
    assert expected in error.message and "people" not in error.message


def _write_manifest(root: Path, published_by: str) -> None:
    def model(name: str, schema: str, meta: dict[str, str]) -> dict[str, object]:
        return {
            "resource_type": "model",
            "name": name,
            "alias": name,
            "schema": schema,
            "config": {"meta": meta},
            "columns": {"occurred_at": {}},
        }

    nodes = [
        model("touches", "marts", {"published_by": published_by}),
        model("people", "marts", {}),
        model("int_touches_stamped", "intermediate", {"published_by": published_by}),
    ]
    path = root / "target" / "manifest.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"nodes": {str(node["name"]): node for node in nodes}}), encoding="utf-8")


def test_marts_say_by_which_column_they_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBT_TARGET_PATH", raising=False)
    _write_manifest(tmp_path, "occurred_at")

    assert month_columns(tmp_path) == {"touches": "occurred_at"}


def test_mart_published_by_no_column_of_its_own_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBT_TARGET_PATH", raising=False)
    _write_manifest(tmp_path, "happened_at")

    with pytest.raises(LeadproofError, match="published by happened_at, which is none of its columns"):
        month_columns(tmp_path)


def test_reader_path_has_to_begin_at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPROOF_READER_PATH", "/data/warehouse")
    monkeypatch.setenv("LEADPROOF_SHARED_FROM_ROWS", "7")
    settings = load_settings()
    assert settings.shared_as_read == Path("/data/warehouse/releases/shared")
    assert settings.shared_from_rows == 7

    monkeypatch.setenv("LEADPROOF_READER_PATH", "data/warehouse")
    with pytest.raises(LeadproofError, match="LEADPROOF_READER_PATH is 'data/warehouse'"):
        load_settings()
