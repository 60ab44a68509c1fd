"""What a source may write into names and cells never steers the terminal, whichever command prints it."""

import argparse
import io
import unicodedata

import pytest
from rich.table import Table
from rich.text import Text

from orchestration import cli, progress
from orchestration.commands import console
from orchestration.commands.console import HarmlessConsole, working
from orchestration.errors import LeadproofError

HOSTILE = "a\x1b]0;owned\x07\x1b[2Jb\nForged line\r\x9bc\u202ed\x85e\u2028f\ud800"


def assert_harmless(printed: str, lines: int) -> None:
    rows = printed.removesuffix("\n").split("\n")
    assert len(rows) == lines, printed
    for letter in "".join(rows):
        assert unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}, repr(printed)


def _console(stream: io.StringIO, **how: bool) -> HarmlessConsole:
    return HarmlessConsole(file=stream, width=200, highlight=False, soft_wrap=True, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("markup", [True, False])
def test_printed_text_is_one_line_without_control_characters(markup: bool) -> None:
    stream = io.StringIO()
    _console(stream).print(f"  - {HOSTILE}", markup=markup)
    assert_harmless(stream.getvalue(), 1)
    assert stream.getvalue().startswith("  - a")


def test_text_and_cells_of_tables_hold_no_control_characters() -> None:
    stream = io.StringIO()
    table = Table("name")
    table.add_row(HOSTILE.replace("\n", ""))
    _console(stream).print(Text(HOSTILE.replace("\n", "")))
    _console(stream).print(table)
    assert not set("\x1b\x07\x9b\u202e\u2028\ud800") & set(stream.getvalue())


def test_colours_of_our_own_stay() -> None:
    stream = io.StringIO()
    _console(stream, force_terminal=True).print("[bold green]Published[/] release")
    assert stream.getvalue() == "\x1b[1;32mPublished\x1b[0m release\n"


def test_progress_is_harmless_and_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(console, "out", _console(stream))
    with working("Starting"):
        progress.say(f"[red]{HOSTILE}")
    assert_harmless(stream.getvalue(), 2)
    assert "[red]a" in stream.getvalue()


@pytest.mark.parametrize("is_debug", [False, True])
def test_errors_are_harmless(
    is_debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise LeadproofError(f"The cell '{HOSTILE}' is wrong.", "Mend it.")

    monkeypatch.setattr("orchestration.commands.releases.run", fail)
    assert cli.main(["releases", *(["--debug"] if is_debug else [])]) == 1
    told = capsys.readouterr().err
    assert not set("\x1b\x07\x9b\u202e\u2028\x85\r") & set(told)
    assert told.endswith(" is wrong. Mend it.\n")
    last = told.removesuffix("\n").split("\n")[-1]
    assert last.startswith("leadproof: The cell 'a") and "Forged line" in last
