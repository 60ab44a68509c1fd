"""A few of the forgeries that ``make prove`` tries to publish, each kind once."""

from pathlib import Path

import pytest

from orchestration.release import publication, record
from tests.proof.forgeries import FORGERIES
from tests.proof.routes import prove_routes

pytestmark = pytest.mark.slow


def test_nothing_that_was_forged_is_published(tmp_path: Path) -> None:
    tally = prove_routes(tmp_path, len(FORGERIES), seed=3)
    assert tally["routes"] == len(FORGERIES)
    assert {name for name in FORGERIES if tally[f"refused: {name}"] != 1} == set()
    assert tally["untouched candidates published in between"] >= 10


# Seeds whose first forgery is one that only this check refuses.
@pytest.mark.parametrize(
    ("place", "name", "seed"),
    [
        (publication, "check_audit_record", 10),
        (publication, "check_build_token", 22),
        (record, "is_sealed", 30),
    ],
    ids=["record", "token", "seal"],
)
def test_harness_notices_a_check_that_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object, name: str, seed: int
) -> None:
    monkeypatch.setattr(place, name, lambda *_, **__: True)
    with pytest.raises(AssertionError, match="a forgery was published"):
        prove_routes(tmp_path, 2 * len(FORGERIES), seed)
