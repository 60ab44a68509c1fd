"""What a benchmark tells: its table, its ratios, its page."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import agreement, results
from benchmarks.floor import landed_files
from benchmarks.measurement import measure, peaks_within
from benchmarks.run import continued, main
from benchmarks.world import SCALES, hold_back, scale_of, size_of
from orchestration.errors import LeadproofError
from orchestration.simulation import simulate

END = datetime(2025, 7, 1)


def run(name: str, wall: float, **more: Any) -> dict[str, Any]:
    return {
        **{"name": name, "touches": 985_000, "wall_seconds": wall, "cpu_seconds": wall * 2},
        **{"peak_bytes": 2_000_000_000, "bytes_before": 0, "bytes_after": 500_000_000, **more},
    }


@pytest.fixture
def found() -> results.Results:
    return {
        "scale": "1m",
        "measured_on": "2026-01-31",
        "code": "abc1234",
        "machine": {"cores": 2, "memory_gb": 24.0, "load": 0.1},
        "versions": {"duckdb": "1.5.5"},
        "memory_limit": "16GB",
        "increment": {"touches": 15_000, "contacts": 2_000},
        "runs": [
            run(
                "full",
                50.0,
                rows_published=2_345,
                phases={"load": 5.0, "dbt": 30.0},
                layers={"marts": 12.5},
                phase_peaks={"load": {"memory_bytes": 1_500_000_000, "size_bytes": 250_000_000}},
                layer_peaks={"marts": {"memory_bytes": 1_750_000_000, "size_bytes": 0}},
            ),
            run("floor", 20.0),
            run("increment", 10.0, phases={"load": 1.0, "compare": 2.0}),
        ],
        "pandas": [
            {**run("", 900.0), "scale": "10m", "died": "died after 900 s: MemoryError"},
            {**run("", 80.0), "scale": "1m", "died": ""},
        ],
        "differences": [],
    }


def test_an_interrupted_benchmark_keeps_its_runs(tmp_path: Path, found: results.Results) -> None:
    path = tmp_path / "so_far.json"
    nothing: results.Results = found | {"runs": []}
    with pytest.raises(LeadproofError, match="No benchmark of this size"):
        continued(path, nothing)
    path.write_text(json.dumps(found), encoding="utf-8")
    assert continued(path, nothing) == found
    with pytest.raises(LeadproofError, match="another memory limit"):
        continued(path, nothing | {"memory_limit": "8GB"})


def test_a_benchmark_does_not_continue_half_a_build(tmp_path: Path, found: results.Results) -> None:
    path = tmp_path / "so_far.json"
    path.write_text(json.dumps(found | {"building": "nothing new"}), encoding="utf-8")
    with pytest.raises(LeadproofError, match="in its build 'nothing new'"):
        continued(path, found)
    path.write_text(json.dumps(found | {"runs": [], "building": "full"}), encoding="utf-8")
    assert continued(path, found)["runs"] == []


def test_ratios_are_those_of_one_run(found: results.Results) -> None:
    assert results.ratios(found) == {
        **{"full / floor, wall": 2.5, "full / floor, cpu": 2.5},
        **{"increment / full, wall": 0.2, "increment / full, cpu": 0.2},
        **{"pandas / floor, wall": 4.0, "pandas / floor, cpu": 4.0},
    }
    found["pandas"].pop()
    assert "pandas / floor, wall" not in results.ratios(found)


def test_table_has_a_column_for_each_run_and_a_row_for_each_phase(found: results.Results) -> None:
    lines = results.table_lines(found)
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["", "full", "floor", "increment", "pandas 10m, died", "pandas 1m"]
    rows = {row[0]: row[1:] for row in cells[2:]}
    assert rows["touches"] == ["985,000"] * 5
    assert rows["wall s"] == ["50.0", "20.0", "10.0", "900.0", "80.0"]
    assert rows["load s"] == ["5.0", "", "1.0", "", ""]
    assert rows["compare s"] == ["", "", "2.0", "", ""]
    assert rows["dbt marts s"] == ["12.5", "", "", "", ""]
    assert rows["rows published"] == ["2,345", "", "", "", ""]
    assert rows["load memory GB"] == ["1.50", "", "", "", ""]
    assert rows["load size GB"] == ["0.25", "", "", "", ""]
    assert rows["dbt marts memory GB"] == ["1.75", "", "", "", ""]


def test_page_states_the_machine_and_how_to_repeat_it(found: results.Results) -> None:
    found["differences"] = ["full: mqls: 3 rows built, 4 by the floor."]
    page = results.page([found])
    for part in ("2 cores", "24.0 GB", "2026-01-31", "duckdb 1.5.5", "make bench SCALE=1m", "2.50"):
        assert part in page
    assert "died after 900 s: MemoryError" in page
    assert "4 by the floor" in page


def test_page_tells_the_dearest_nodes(found: results.Results) -> None:
    found["runs"][0]["slowest"] = [
        {"layer": "marts", "name": f"model_{place}", "seconds": 50.4 - place} for place in range(15)
    ]
    (told,) = [line for line in results.page([found]).splitlines() if line.startswith("- Dearest")]
    assert told.startswith("- Dearest nodes of dbt, full: `model_0` 50 s, `model_1` 49 s")
    assert told.count("model_") == 8


def test_demo_has_neither_scale_nor_ratios(found: results.Results) -> None:
    build = {
        name: each for name, each in run("its build", 23.0, phases={"dbt": 11.0}).items() if name != "touches"
    }
    demo = {name: part for name, part in found.items() if name != "increment"} | {
        **{"scale": "demo", "runs": [build], "pandas": []}
    }
    page = results.page([demo, found])
    assert "## demo" in page and "| all else s" in page and "12.0" in page
    assert page.count("The increment is") == 1
    assert results.growth([demo, found]) == {}


def test_growth_compares_days_of_the_same_size(found: results.Results) -> None:
    larger = found | {"scale": "10m", "runs": [run("full", 500.0), run("increment", 25.0)]}
    assert results.growth([found, larger]) == {
        "increment 10m / increment 1m, wall": 2.5,
        "increment 10m / increment 1m, cpu": 2.5,
    }
    assert "| increment 10m / increment 1m, wall |" in results.page([found, larger])
    assert results.growth([found, larger | {"increment": {"touches": 150_000, "contacts": 20_000}}]) == {}
    assert results.growth([found, larger | {"runs": [run("full", 500.0)]}]) == {}


def test_page_says_when_nothing_was_measured() -> None:
    assert "No size has been measured" in results.page([])


def test_wrong_scale_is_told_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["2m"]) == 1
    told = capsys.readouterr().err.strip()
    assert told == "bench: SCALE is '2m', which is no size. Give one of 1m, 10m, 100m."
    assert [scale_of(name).name for name in SCALES] == list(SCALES)
    with pytest.raises(LeadproofError):
        scale_of("")


def test_held_back_rows_are_the_latest_and_none_is_lost(tmp_path: Path) -> None:
    simulate(tmp_path / "landing", people=200, touches=4_000, file_format="parquet", end=END)
    touches = tmp_path / "landing" / "leadproof" / "touches" / "**" / "*.parquet"
    with duckdb.connect() as database:
        before = database.execute(f"select count(*) from '{touches}'").fetchall()
        as_of, rows = hold_back(tmp_path / "landing", tmp_path / "held", 150, 20, END)
        after = database.execute(
            f"select count(*), max(occurred_at) filter (occurred_at <= $1) from '{touches}'", [END]
        )
        ((kept, latest),) = after.fetchall()
        held = database.execute(
            "select count(*), min(occurred_at), max(occurred_at)"
            f" from '{tmp_path}/held/leadproof/touches/**/*.parquet'"
        ).fetchall()[0]
    assert before[0][0] == kept + held[0]
    assert rows["touches"] == {"first": kept, "held": held[0]}
    assert 150 <= held[0] <= 160
    assert latest < held[1] <= held[2] <= END
    assert 20 <= rows["contacts"]["held"] <= 30
    assert as_of < END


def test_repeated_content_is_one_landed_file(tmp_path: Path) -> None:
    folder = tmp_path / "leadproof" / "touches"
    for name, content in (("2025/a", b"one"), ("resent/again_a", b"one"), ("update/b", b"two")):
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    found = [path.relative_to(folder).as_posix() for path in landed_files(tmp_path, "touches")]
    assert found == ["2025/a.parquet", "update/b.parquet"]


def test_memory_of_children_is_measured(tmp_path: Path) -> None:
    child = "import time; held = bytearray(120_000_000); time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print('done')"
    measured = measure([sys.executable, "-c", parent], environment={}, folder=tmp_path, log=tmp_path / "log")
    assert measured.exit_code == 0
    assert measured.told == "done"
    assert 120_000_000 < measured.peak_bytes < 400_000_000
    assert measured.wall_seconds > 1


def test_memory_and_disk_are_told_of_each_part_of_the_time(tmp_path: Path) -> None:
    grown = tmp_path / "grown"
    words = f"import time; time.sleep(1); open({str(grown)!r}, 'w').write('x' * 5_000_000); time.sleep(3)"
    begun = time.time()
    measured = measure(
        [sys.executable, "-c", words],
        environment={},
        folder=tmp_path,
        log=tmp_path / "log",
        size=lambda: grown.stat().st_size,
    )
    before = peaks_within(measured.samples, [(begun, begun + 0.9)])
    whole = peaks_within(measured.samples, [(begun, begun + 0.9), (begun + 2.5, time.time())])
    assert before["size_bytes"] == 0 and whole["size_bytes"] == 5_000_000
    assert 0 < before["memory_bytes"] < whole["memory_bytes"] + 1 <= measured.peak_bytes + 1
    assert peaks_within(measured.samples, [(begun - 9, begun - 8)]) == {}
    assert "samples" not in measured.facts()


def test_parts_of_a_build_are_read_from_its_log_and_from_dbt(tmp_path: Path) -> None:
    def event(at: str, **more: Any) -> str:
        return json.dumps({"at": f"2026-01-31T06:{at}.500000Z", **more}) + "\n"

    lines = event("00:00", event="build_started") + event(
        "00:10", event="phase_ended", phase="load", seconds=4
    )
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "b20260131.jsonl").write_text(lines, encoding="utf-8")
    begun = datetime(2026, 1, 31, 6, 0, 6, 500_000, tzinfo=UTC).timestamp()
    assert results.phase_intervals(tmp_path) == {"load": [(begun, begun + 4)]}

    folder = tmp_path / "build" / "dbt"
    folder.mkdir(parents=True)

    def result(name: str, since: str | None, until: str | None, seconds: float) -> dict[str, Any]:
        timing = [{"name": "execute", "started_at": since, "completed_at": until}] if since else []
        return {"unique_id": f"model.leadproof.{name}", "execution_time": seconds, "timing": timing}

    told = [
        result("one", "2026-01-31T06:00:06.500000Z", "2026-01-31T06:00:08.500000Z", 2.0),
        result("two", None, None, 0.0),
        result("three", "2026-01-31T06:00:07.500000Z", "2026-01-31T06:00:10.500000Z", 3.0),
    ]
    nodes = {
        "model.leadproof.one": {"fqn": ["leadproof", "marts", "one"]},
        "model.leadproof.two": {"fqn": ["leadproof", "marts", "two"]},
        "model.leadproof.three": {"fqn": ["leadproof", "marts", "reports", "three"]},
    }
    (folder / "run_results.json").write_text(json.dumps({"results": told}), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    found = results.dbt_nodes(tmp_path)
    assert [node.name for node in found] == ["three", "one", "two"]
    assert results.layers_of(found) == {"reports": 3.0, "marts": 2.0}
    assert results.layer_intervals(found) == {
        "reports": [(begun + 1, begun + 4)],
        "marts": [(begun, begun + 2)],
    }


def test_files_of_months_are_those_of_the_release(tmp_path: Path) -> None:
    assert results.month_files(tmp_path) == set()
    (tmp_path / "current").mkdir()
    tables = {"touches": {"rows": 5, "months": [{"file": "2026-01-a.parquet"}]}, "people": {"rows": 2}}
    (tmp_path / "current" / "manifest.json").write_text(json.dumps({"tables": tables}), encoding="utf-8")
    assert results.month_files(tmp_path) == {"touches/2026-01-a.parquet"}
    assert results.published_rows(tmp_path) == 7


def test_process_over_its_limits_is_told(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time; time.sleep(0.5); bytearray(800_000_000)"]
    limits = {"environment": {}, "folder": tmp_path, "log": tmp_path / "log"}
    died = measure(words, limit_bytes=500_000_000, **limits)
    assert died.exit_code == 1
    assert died.told == "MemoryError"
    assert measure(words, limit_seconds=0.2, **limits).exit_code is None


def test_children_do_not_outlive_a_stopped_process(tmp_path: Path) -> None:
    child = f"import time; time.sleep(2); open({str(tmp_path / 'outlived')!r}, 'w')"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    words = [sys.executable, "-c", parent]
    measure(words, environment={}, folder=tmp_path, log=tmp_path / "log", limit_seconds=1)
    time.sleep(2.5)
    assert not (tmp_path / "outlived").exists()


def test_shared_files_are_counted_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 100_000)
    alone = size_of(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert size_of(tmp_path) == alone >= 100_000


def test_differences_name_the_table() -> None:
    floor: agreement.Summary = {"mqls": (3, "1"), "sqls": (2, "5"), "people": (9, "7")}
    built: agreement.Summary = {"mqls": (4, "1"), "sqls": (2, "6"), "people": (9, "7")}
    assert agreement.differences(floor, built) == [
        "mqls: 4 rows built, 3 by the floor.",
        "sqls: as many rows, but their contents differ.",
    ]
