"""The command line: parse, call, print. What the commands do belongs to ``commands/``.

Nothing heavy is imported before a command is known, so that ``--help`` answers at once.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.errors import LeadproofError
from orchestration.moments import parse_day, parse_moment, require_known
from orchestration.source_text import lines_as_they_are, one_line

_INTERRUPTED = 130
_LAST_PORT = 65535
_DIGITS = 9


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after ``leadproof``; by default those of the process.

    Returns:
        0 on success, 1 on failure, 2 on wrong usage, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = make_parser()
    options = parser.parse_args(words)
    if not options.command:
        parser.print_help()
        return 0
    try:
        command = importlib.import_module(f"orchestration.commands.{options.command}")
        return int(command.run(options))
    except LeadproofError as error:
        return _fail(error, str(error), options.debug)
    except KeyboardInterrupt:
        print("\nInterrupted; the current release is unchanged.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted.
        sys.stderr.close()
        return 0
    except Exception as error:
        told = f"{options.command} stopped with an unexpected {type(error).__name__}."
        return _fail(error, f"{told} Run it again with --debug for the whole trace.", options.debug)


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of every command.

    Returns:
        The parser.
    """
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the full trace of an error"
    )
    parser = argparse.ArgumentParser(
        prog="leadproof",
        description="The B2B funnel warehouse in which every stage carries its proof.",
        epilog="Folders: LEADPROOF_LANDING (data/landing), LEADPROOF_WAREHOUSE (warehouse).",
        parents=[common],
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")

    def add(name: str, text: str, epilog: str | None = None) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog, parents=[common]
        )

    build = add("build", "load landing files, rebuild the funnel, audit it and publish it")
    build.add_argument(
        "--as-of",
        type=_as_of,
        metavar="TIME",
        help="ISO date or time in UTC that counts as now (default: the start)",
    )
    build.add_argument("--full-refresh", action="store_true", help="rebuild everything from nothing")
    build.add_argument(
        "--candidate", action="store_true", help="publish nothing; show who would enter or leave each stage"
    )
    build.add_argument(
        "--restate",
        type=_words,
        metavar="REASON",
        help="allow policy that a release has used to change, and record why",
    )

    demo = add("demo", "simulate a company, build its funnel and publish it")
    simulate = add("simulate", "write synthetic landing files with a known truth")
    for command, has_default in ((demo, True), (simulate, True)):
        command.add_argument(
            "--people", type=_count, default=4000 if has_default else None, help="people (4000)"
        )
        command.add_argument("--days", type=_count, default=365, help="days of history (365)")
        command.add_argument("--seed", type=int, default=7, help="seed of the random numbers (7)")
    simulate.add_argument("--out", type=_words, metavar="FOLDER", required=True, help="folder to write into")

    status = add("status", "show whether today's data is fresh, audited and published, and what to do")
    status.add_argument(
        "--check", action="store_true", help="exit with 1 if there is an alarm or nothing is published yet"
    )
    explain = add("explain", "show why a person is (not) in a stage")
    explain.add_argument(
        "person",
        type=_words,
        metavar="e-mail or person_id",
        help="an address, an id like p_0123…, or a touch id",
    )

    forget = add(
        "forget",
        "erase a person from everything that is kept, and keep them out",
        "Releases are rewritten; a certificate with counts is written; landing files that hold the person"
        " are listed and left alone. Run again after an interruption, it goes on where it stopped.",
    )
    forget.add_argument(
        "person",
        nargs="?",
        type=_words,
        metavar="e-mail",
        help="the person's address; - reads it from the input",
    )
    forget.add_argument(
        "--contact",
        type=_words,
        metavar="SYSTEM:ID",
        help="a contact record, where the address is a shared one",
    )
    forget.add_argument("--preview", action="store_true", help="only say what would be removed")

    baseline = add(
        "baseline",
        "accept today's failing values of the negotiable audits for a while",
        "Writes rows into seeds/audit_thresholds.csv; commit them, they are policy.",
    )
    baseline.add_argument("system", help="source system whose audits failed")
    baseline.add_argument(
        "--until", type=_day_to_come, metavar="DATE", required=True, help="last day on which it holds"
    )
    baseline.add_argument(
        "--reason", type=_words, metavar="TEXT", required=True, help="why this is acceptable for now"
    )

    add("releases", "list the published releases that are kept")
    rollback = add("rollback", "let readers see an earlier release")
    rollback.add_argument("release", help="release id, as `leadproof releases` lists it")
    report = add("report", "show where the reports lie; write them, or the quality report of a build, again")
    report.add_argument("build", nargs="?", help="build id, for its quality report (default: the last build)")
    report.add_argument(
        "--release", metavar="RELEASE", help="release whose reports are meant (default: the current one)"
    )
    report.add_argument("--out", metavar="FOLDER", type=Path, help="write the reports again, to this folder")
    dev = add("dev", "open Dagster's UI on this machine")
    dev.add_argument("--port", type=_port, default=3000, help="port on 127.0.0.1 (3000)")
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"leadproof {version('leadproof')}")
        except PackageNotFoundError:
            print("leadproof (not installed; run make setup)")
        parser.exit()


# What a word may be is decided while the words are read, so that each wrong one is wrong usage: exit code 2.


def _count(text: str) -> int:
    if not _is_whole(text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above zero")
    return int(text)


def _port(text: str) -> int:
    if not _is_whole(text) or not 1 <= int(text) <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"'{text}' is no port; give a number from 1 to {_LAST_PORT}")
    return int(text)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is blank; write a few words")
    return text


def _as_of(text: str) -> str:
    try:
        require_known(parse_moment(text), datetime.now(UTC))
    except LeadproofError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text.strip()


def _day_to_come(text: str) -> date:
    try:
        day = parse_day(text)
    except LeadproofError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if day <= datetime.now(UTC).date():
        raise argparse.ArgumentTypeError(f"{day} is not in the future; give the last day on which it holds")
    return day


def _fail(error: BaseException, text: str, is_debug: bool) -> int:
    if is_debug:
        import traceback

        print(lines_as_they_are("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    # A message may name a file, a column or a cell: the source chose it.
    print(f"leadproof: {one_line(text)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
