"""The project's text speaks of the project alone: no machine, no story of its making, nobody's data."""

import re
from dataclasses import dataclass

import pytest

from tests.conventions.tree import read, tracked

NOT_READ = {
    "tests/conventions/test_tracked_text.py": "Names what it forbids.",
    "requirements.lock": "Made, not written: names and hashes of packages.",
}
BINARY = (".parquet", ".png", ".gz")


@dataclass(frozen=True)
class Rule:
    """What must not stand in a tracked file.

    Args:
        name: The rule's name.
        pattern: What is looked for in each line.
        why: What would go wrong.
        bad: Lines that break the rule.
        good: Lines that look like it and do not.
        exceptions: Files in which it may stand, each with the reason.
    """

    name: str
    pattern: str
    why: str
    bad: tuple[str, ...]
    good: tuple[str, ...] = ()
    exceptions: tuple[tuple[str, str], ...] = ()


RULES = (
    Rule(
        "undated_todo",
        r"\b(TODO|FIXME|XXX|HACK)\b(?! \(\d{4}-\d{2}-\d{2}\): .{15,})",
        "Nobody knows since when it waits, or for what.",
        ("# TODO: faster", "-- FIXME", "# TODO (2026-01-31): later"),
        ("# TODO (2026-01-31): drop when all releases carry the column.",),
    ),
    Rule(
        "machine_path",
        r"(?<![\w.])/(work|root|home|Users)/|/tmp/\w",
        "It exists on one machine only.",
        ("cd /work/project", "/home/ada/leadproof", "open('/tmp/out')"),
        (
            "see docs/work/notes.md",
            "https://example.com/home/page",
            "LEADPROOF_LANDING=/srv/leadproof/landing",
        ),
        (
            (
                "tests/integration/test_audit_candidate.py",
                "Tries to attach a file that must stay out of reach.",
            ),
        ),
    ),
    Rule(
        "package_register",
        r"py[p]i\.org|python[h]osted\.org|npm[j]s\.|conda\.anaconda|--(extra-)?index-url",
        "Where packages come from is the machine's matter; the lock holds hashes.",
        ("--index-url https://packages.example/simple", "https://py" + "pi.org/simple"),
        ("--no-emit-index-url",),
    ),
    Rule(
        "ticket_number",
        r"(?i)\b(issue|ticket|PR|pull request)s? ?#?\d+\b|/(issues|pull)/\d+",
        "The text must stand for itself where the tracker is out of reach.",
        ("see issue #12", "fixed by PR 7", "https://example.com/issues/9"),
        ("an issue of 12 pages", "PR agencies"),
    ),
    Rule(
        "story_of_its_making",
        r"(?i)\b(sub-?agents?|ai agents?|coding agents?|LLMs?|chatgpt|openai|anthropic|claude|copilot)\b"
        r"|\blanguage models?\b|\b(this|my|our|another|earlier|previous|parallel|next|last) session\b"
        r"|\bthe (brief|prompt)\b|\b(SPEC|STYLE|PLATFORM)\.md\b"
        r"|(?-i:\bSPEC\b)",
        "The project speaks of itself, not of who wrote it, when, or by which instructions.",
        ("written in an earlier session", "as the brief says", "see SPEC.md", "the other agents' LLM"),
        ("agents of an insurer", "the `session` resource", "a session that cannot replace"),
    ),
    Rule(
        "private_address",
        r"(?i)(?<![a-z0-9._%+-])[a-z0-9._%+-]+@(?!(?:[a-z0-9-]+\.)*(?:example\.(?:com|org|net)|example|test|invalid)(?![\w-]|\.\w))"
        r"[a-z0-9-]+(?:\.[a-z0-9-]+)+",
        "An address outside the reserved domains may be somebody's.",
        ("mail ada@lovelace.org", "info@example.com.evil.io"),
        ("ada@example.com", "b@mail.leadproof.example", "x@y.test", "name@host", "@dataclass"),
        (
            (
                "tests/unit/report/test_report_pages.py",
                "A file that is named after an address, with its suffix.",
            ),
            ("tests/fixtures/erasure_world.py", "Files that are named after an address."),
            ("tests/unit/landing/test_erased_names.py", "Files that are named after an address."),
            ("tests/unit/erasure/test_mentions.py", "Addresses that begin like a reserved one."),
            ("tests/unit/erasure/test_forgotten_texts.py", "Files that are named after an address."),
        ),
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_text_breaks_no_rule(rule: Rule) -> None:
    pattern = re.compile(rule.pattern, re.MULTILINE)
    exceptions = {*NOT_READ, *(path for path, _ in rule.exceptions)}
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in tracked()
        if not path.endswith(BINARY) and path not in exceptions and pattern.search(read(path))
        for number, line in enumerate(read(path).splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == [], rule.why


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_text_rules_find_what_they_name(rule: Rule) -> None:
    pattern = re.compile(rule.pattern)
    assert [line for line in rule.bad if not pattern.search(line)] == []
    assert [line for line in rule.good if pattern.search(line)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_text_exceptions_are_needed(rule: Rule) -> None:
    for path, reason in rule.exceptions:
        assert len(reason) > 15
        assert re.search(rule.pattern, read(path)), f"{path} needs no exception any more"
