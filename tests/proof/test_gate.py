"""The gate lets a good candidate pass and blocks a few defects of those that `make prove` tries."""

import shutil
from pathlib import Path

import pytest

from expectations.record import AuditResult
from tests.fixtures.candidates import AS_OF, BUILD_ID, THRESHOLDS, write_candidate
from tests.integration.compiled_world import AS_OF as WORLD_AS_OF
from tests.integration.compiled_world import BUILD_ID as WORLD_BUILD
from tests.integration.compiled_world import CompiledWorld
from tests.proof.defects import Defect, draw_defects
from tests.proof.gate import Gate, Good, lenient, names, prove_clean, shipped_thresholds

pytestmark = pytest.mark.slow
_DEFECTS = 40


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    path = write_candidate(tmp_path / "leadproof.duckdb")
    return Gate(Good(path, AS_OF, THRESHOLDS, "made by hand"), BUILD_ID)


def test_gate_blocks_defects_and_names_them(gate: Gate) -> None:
    verdict, failed = gate.examine()
    assert (verdict, failed) == ("passed", [])
    defects = draw_defects(gate.database, 1, _DEFECTS)
    assert len({defect.told for defect in defects}) == len({defect.kind for defect in defects}) == _DEFECTS
    for defect in defects:
        with gate.changed(defect.statements):
            verdict, failed = gate.examine()
        assert verdict == "failed", defect
        assert any(names(result, defect) for result in failed), (defect, failed)
    assert gate.examine() == ("passed", [])


def test_gate_lets_a_change_pass_that_breaks_no_promise(gate: Gate) -> None:
    """What says that a defect is not blocked can say so."""
    with gate.changed(("update marts.touches set offer_id = 'another'",)):
        assert gate.examine() == ("passed", [])


def test_a_defect_is_named_by_its_table_and_its_column() -> None:
    failed = AuditResult(
        "ExpectRequiredValues", "mqls", "*", "critical", False, 1, 1, 1.0, 0.0, None, "", ("policy of p_1",)
    )
    assert names(failed, Defect("required value lost", "mqls", (), "policy"))
    assert not names(failed, Defect("required value lost", "sqls", (), "policy"))
    assert not names(failed, Defect("required value lost", "mqls", (), "direction"))


def test_golden_people_and_exports_of_the_other_systems_pass(
    compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    path = tmp_path / "leadproof.duckdb"
    shutil.copyfile(compiled_world.settings.build_db, path)
    gate = Gate(
        Good(path, WORLD_AS_OF, lenient(shipped_thresholds(WORLD_AS_OF)), "three systems"), WORLD_BUILD
    )
    verdict, failed = gate.examine()
    gate.close()
    assert verdict == "passed", [result.message for result in failed]


def test_good_candidate_passes(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    assert prove_clean(empty_compiled_world, tmp_path, 3)["expectations that hold"]
