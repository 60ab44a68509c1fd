"""A few hostile texts in every place but the real job, and that the harness notices one that is obeyed."""

import html
from collections import Counter
from pathlib import Path
from random import Random

import duckdb
import pytest

from orchestration.release import readers
from orchestration.report.site import writing
from tests.integration.compiled_world import CompiledWorld
from tests.proof import injections
from tests.proof.hostile_texts import KINDS, Grounds, draw_statements, draw_text
from tests.proof.injections import (
    assert_harmless_on_a_terminal,
    assert_no_formula,
    assert_no_markup,
    assert_refused,
    prove_injections,
)

pytestmark = pytest.mark.slow


def test_hostile_texts_do_nothing(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    tally = prove_injections(empty_compiled_world, tmp_path, 3, texts=30, statements=30)
    assert tally["texts"] == 30
    assert tally["texts in values"] == 10 and tally["statements"] == 60
    assert tally["texts in cells: accepted"] and tally["texts as names: file"]


def test_texts_are_replayed_from_their_seed_and_each_has_a_word_of_its_own() -> None:
    grounds = Grounds(Path("/beside"), "leak7x")
    drawn = [[draw_text(Random(7), grounds, number) for number in range(50)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert all(text.count(f"leak7x{number}z") for number, text in enumerate(drawn[0]))
    assert not any("<" + "mark>" in text or "<leak>" in text or "<secret>" in text for text in drawn[0])
    rng = Random(7)
    every = "".join(draw_text(rng, grounds, number) for number in range(2000))
    for kind, pieces in KINDS.items():
        assert any(piece in every for piece in pieces), kind


def test_statement_that_a_reader_may_run_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_close_in", lambda *_: None)
    grounds = injections._make_grounds(tmp_path / "grounds", 1)
    # Chosen and not drawn: what would be drawn may ask the network, were it not refused.
    statement = f"select * from read_text('{grounds.secret}')"
    monkeypatch.setattr(injections, "draw_statements", lambda *_: [("reading another file", statement)])
    with pytest.raises(AssertionError, match="a reader may run"):
        injections._look_at_readers(tmp_path / "readers", Random(1), grounds, 1, Counter())


def test_statement_that_is_only_misspelt_counts_as_no_refusal(tmp_path: Path) -> None:
    places = {"folder": tmp_path, "release": tmp_path, "secret": tmp_path, "other": tmp_path}
    statements = draw_statements(Random(1), places, "leak", 12)
    assert len({kind for kind, _ in statements}) == 6
    with (
        duckdb.connect() as connection,
        pytest.raises(AssertionError, match="was not refused"),
    ):
        assert_refused(connection, "selct 1")


def test_page_that_does_not_escape_is_noticed(
    empty_compiled_world: CompiledWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = writing._render
    monkeypatch.setattr(writing, "_render", lambda page, site: html.unescape(render(page, site)))
    grounds = injections._make_grounds(tmp_path / "grounds", 1)
    words = [f"<{grounds.mark}{number}z onclick=x> spring mail" for number in range(3)]
    with pytest.raises(AssertionError, match="a page obeys"):
        injections._look_at_values(empty_compiled_world, tmp_path / "values", grounds, words, Counter())


@pytest.mark.parametrize(
    "page",
    [
        "<p><leak1x>",
        "<p leak1x=1>",
        "<img onerror='leak1x()'>",
        "<a href='javascript:leak1x()'>",
        "<script>leak1x()</script>",
        "<script type='application/json'>{}</script><script>leak1x()</script>",
        "<style>leak1x</style>",
        "<!-- leak1x -->",
    ],
)
def test_markup_is_noticed(page: str) -> None:
    with pytest.raises(AssertionError, match="a page obeys"):
        assert_no_markup(page, "leak1x")


def test_words_of_a_page_are_no_markup() -> None:
    assert_no_markup(
        "<p title='leak1x'>&lt;leak1x&gt;</p><script type='application/json'>leak1x</script>", "leak1x"
    )


@pytest.mark.parametrize("told", ["\x1b[2J", "a\rb", "\x9b31m", "\u202e", "\u2028", "a\x07"])
def test_what_steers_a_terminal_is_noticed(told: str) -> None:
    with pytest.raises(AssertionError, match="a terminal gets"):
        assert_harmless_on_a_terminal(f"a line\nanother {told}\n")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1+1", "@SUM(1)", '"\t=1"', "a;=1+1", '"a, b;@x"', "\uff1d1"]
)
def test_formula_is_noticed_whatever_separates_cells(cell: str) -> None:
    with pytest.raises(AssertionError, match="obeys"):
        assert_no_formula(f"stage,why\nmql,{cell}\n")
