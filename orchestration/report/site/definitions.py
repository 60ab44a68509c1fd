"""The policy in force, in words, and what each figure of the pages means."""

from collections import Counter
from collections.abc import Iterable

from orchestration.report.site.figures import words
from orchestration.report.site.parts import (
    Block,
    Cell,
    Column,
    Gap,
    Item,
    Items,
    Page,
    Prose,
    Section,
    Table,
    Terms,
)
from orchestration.report.site.source import Source
from orchestration.report.words import counted, joined, minute, split_list, spoken

_QUESTION = "What do these words mean, and who said so?"
_MATCHED = (
    "channel",
    "touch_type",
    "placement",
    "keyword_intent",
    "audience_consent",
    "content_fit",
    "initiated_by",
    "has_prior_permission",
)
_STAGES = (
    ("Suspect", "Somebody who is known by name. A name on a list is not a lead."),
    (
        "Prospect",
        "A suspect who took an action: inquired, downloaded, visited, registered, attended, replied.",
    ),
    (
        "MQL",
        "A prospect who fits the ideal customer profile and has shown enough interest, with the"
        " context kept.",
    ),
    ("SQL", "An MQL with a response that was found relevant and of the intent that the campaign expected."),
    ("Recycled", "Went quiet, or was rejected by sales; may come back, and then opens a new cycle."),
    ("Disqualified", "Opted out, or all records were deleted."),
)


def definitions(source: Source, used: Iterable[str]) -> Page:
    """Make the page.

    Args:
        source: The release.
        used: Names of the published columns to which pages refer.

    Returns:
        The page.
    """
    sections = [
        Section(
            "stages",
            "The stages",
            [Items([Item(text, "", name) for name, text in _STAGES]), _thresholds(source)],
        ),
        Section("icp", "Who is worth selling to", [_icp(source)]),
        Section("segments", "Segments of people", [_segments(source)]),
        Section("directions", "Inbound or outbound", [_directions(source)], _DIRECTION_INTRO),
        Section("touches", "What a touch is worth", [_touches(source)]),
        Section("context", "What must be known about a campaign", [_context(source)]),
        Section("metrics", "What a campaign may promise", [_metrics(source)]),
        Section("numbers", "Numbers of the reports", [_numbers(source)]),
        Section("tolerances", "What an audit tolerates", [_tolerances(source)]),
        Section("exclusions", "Who is left out", [_exclusions(source)]),
        Section("figures", "Figures, from A to Z", [Terms(_terms(source, used))], _TERMS_INTRO),
    ]
    finding = f"The policy in force on {minute(source.as_of)} UTC, as marketing and sales agreed on it."
    return Page("definitions", "Definitions", finding, sections, _QUESTION)


_DIRECTION_INTRO = (
    "Decided by the context of the touch, not by the channel. The first rule that matches decides; none means"
    " unclassified, never a guess."
)
_TERMS_INTRO = "As they are described in the release itself, beside the tables that hold them."


def anchor(term: str) -> str:
    """The anchor of a term on the page of definitions."""
    return f"term-{term}"


def _thresholds(source: Source) -> Block:
    def told(key: str) -> str:
        return source.setting("stage_policy", key, "?")

    if not source.in_force("stage_policy"):
        return Gap("The release carries no stage policy.", "Build again; each release carries its policy.")
    counts = told("hand_raise_qualifies").lower() == "true"
    hand_raise = " (an inbound hand-raise counts)" if counts else ""
    return Prose(
        f"Enough interest is a score of {told('mql_min_score')}, or one qualifying response{hand_raise}."
        f" A touch loses half its points in {told('score_half_life_days')} days. Silence of"
        f" {told('dormancy_days')} days ends a cycle. A response without a campaign is credited to a touch"
        f" at most {told('response_window_days')} days old."
    )


def _icp(source: Source) -> Block:
    rows = [row for row in source.policy("icp_profiles") if _starts(row["effective_from"], source)]
    if not rows:
        return Gap(
            "No ideal customer profile is in force, so nobody can be an MQL.", "Write one in icp_profiles."
        )
    latest = max(rows, key=lambda row: (row["effective_from"], row["icp_version"]))["icp_version"]
    return Table(
        [Column("Attribute"), Column("Must be"), Column("Required"), Column("Because")],
        [
            [
                spoken(row["attribute"]).capitalize(),
                Cell(_bounds(row), is_long=True),
                "yes" if row["is_required"] == "true" else "if known",
                Cell(row.get("comment", ""), is_long=True),
            ]
            for row in rows
            if row["icp_version"] == latest
        ],
        f"Version {latest} of the ideal customer profile.",
    )


def _starts(text: str, source: Source) -> bool:
    from orchestration.moments import parse_moment

    return not text or parse_moment(text).replace(tzinfo=None) <= source.as_of


def _bounds(row: dict[str, str]) -> str:
    if row["operator"] == "in":
        return joined([words(value) for value in split_list(row["allowed_values"])], "or")
    low, high = row.get("min_value", ""), row.get("max_value", "")
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"{high} or less"


def _segments(source: Source) -> Block:
    rows = source.in_force("segment_rules")
    if not rows:
        return Gap("No segment is defined.", "Define segments in segment_rules; reports are cut by them.")
    by_name: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: int(row["priority"] or 0)):
        by_name.setdefault(row["segment_name"], []).append(f"{spoken(row['attribute'])}: {_bounds(row)}")
    return Table(
        [Column("Segment", "segment"), Column("All of")],
        [[words(name).capitalize(), Cell("; ".join(rules), is_long=True)] for name, rules in by_name.items()],
        "The first segment all of whose rules hold is the person's, as of the moment.",
    )


def _directions(source: Source) -> Block:
    rows = sorted(source.in_force("touch_direction_rules"), key=lambda row: int(row["priority"] or 0))
    if not rows:
        return Gap(
            "No rule is in force, so every touch is unclassified.", "Write rules in touch_direction_rules."
        )
    return Table(
        [Column("Rule"), Column("When"), Column("Direction", "direction"), Column("Because")],
        [
            [
                spoken(row["rule_id"]),
                Cell(
                    "; ".join(
                        f"{spoken(name)}: {words(row[name])}"
                        for name in _MATCHED
                        if row.get(name, "*") != "*"
                    )
                    or "anything",
                    is_long=True,
                ),
                Cell(row["direction"], row["direction"]),
                Cell(row["reason"], is_long=True),
            ]
            for row in rows
        ],
        f"{counted(len(rows), 'rule')}, in the order in which they are tried.",
    )


def _touches(source: Source) -> Block:
    rows = source.in_force("touch_types")
    if not rows:
        return Gap("No kind of touch is in force.", "Write them in touch_types.")
    rows = sorted(rows, key=lambda row: -float(row["points"] or 0))
    return Table(
        [
            Column("Kind of touch"),
            Column("By"),
            Column("Points", "points", True),
            Column("Counted at most", "engagement_score", True),
            Column("Counts as"),
        ],
        [
            [
                spoken(row["touch_type"]),
                row["actor"],
                row["points"],
                row["max_scored_per_cycle"] or "no limit",
                joined(
                    [
                        name
                        for column, name in (
                            ("is_response", "response"),
                            ("is_hand_raise", "hand-raise"),
                            ("is_opt_out", "opt-out"),
                            ("grants_permission", "permission"),
                        )
                        if row[column] == "true"
                    ]
                )
                or "–",
            ]
            for row in rows
        ],
        "One kind of touch, worth most first; at most so many of a cycle are counted.",
    )


def _context(source: Source) -> Block:
    rows = [row for row in source.in_force("context_requirements") if row["is_required"] == "true"]
    if not rows:
        return Gap("Nothing is required of a campaign's context.", "Require fields in context_requirements.")
    fields: dict[str, list[str]] = {}
    for row in rows:
        fields.setdefault(row["direction"], []).append(spoken(row["field"]))
    return Items(
        [Item(f"{joined(names)}.", direction, direction.capitalize()) for direction, names in fields.items()]
    )


def _metrics(source: Source) -> Block:
    rows = source.policy("success_metrics")
    if not rows:
        return Gap("No success metric is listed.", "List them in success_metrics; verdicts need one.")
    return Table(
        [
            Column("Success metric", "success_metric"),
            Column("Succeeds by"),
            Column("Answer must be"),
            Column("Because"),
        ],
        [
            [
                row["success_metric"],
                Cell(
                    joined([spoken(each) for each in split_list(row.get("touch_types", ""))], "or")
                    or "any response",
                    is_long=True,
                ),
                words(row.get("answer", "")),
                Cell(row.get("comment", ""), is_long=True),
            ]
            for row in rows
        ],
        "One listed metric; a campaign with another one gets no verdict.",
    )


def _numbers(source: Source) -> Block:
    rows = [*source.in_force("report_policy"), *source.policy("reporting")]
    if not rows:
        return Gap("The release carries no numbers for its reports.", "Build again with this version.")
    return Table(
        [Column("Setting"), Column("Value"), Column("Because")],
        [
            [spoken(row["key"]).capitalize(), row["value"], Cell(row.get("comment", ""), is_long=True)]
            for row in rows
        ],
        "From report_policy and reporting.",
    )


def _tolerances(source: Source) -> Block:
    rows = [
        row
        for row in source.policy("audit_thresholds")
        if not row.get("until") or row["until"] >= f"{source.as_of:%Y-%m-%d}"
    ]
    if not rows:
        return Gap("The release carries no tolerances.", "Build again; each release carries its policy.")
    return Table(
        [
            Column("Audit"),
            Column("Source system"),
            Column("Tolerated", "tolerance", True),
            Column("Until", "baselined_until"),
            Column("Because"),
        ],
        [
            [
                spoken(row["audit"]).capitalize(),
                "any" if row["source_system"] == "*" else row["source_system"],
                row["tolerance"],
                row.get("until") or "changed",
                Cell(row["reason"], is_long=True),
            ]
            for row in rows
        ],
        "One tolerance; those with an end are baselines.",
    )


def _exclusions(source: Source) -> Block:
    rows = source.policy("exclusions")
    if not rows:
        return Gap("Nobody is left out by policy.", "List staff, tests and competitors in exclusions.")
    found = Counter((row["reason"], row["kind"]) for row in rows)
    return Table(
        [Column("Reason"), Column("Recognised by"), Column("Entries", "exclusion_reason", True)],
        [
            [spoken(reason).capitalize(), spoken(kind), f"{number:,}"]
            for (reason, kind), number in sorted(found.items())
        ],
        "How many entries of the policy leave people out; whom they name is not shown.",
    )


def _terms(source: Source, used: Iterable[str]) -> list[tuple[str, str, str, str]]:
    entries = []
    for term in sorted(set(used)):
        meanings: dict[str, list[str]] = {}
        for table, columns in source.comments.items():
            if term in columns:
                meanings.setdefault(columns[term], []).append(table)
        for number, (meaning, tables) in enumerate(
            sorted(meanings.items(), key=lambda item: (-len(item[1]), item[1]))
        ):
            places = f"in {joined(tables[:4])}" + (" and others" if len(tables) > 4 else "")
            entries.append((anchor(term) if number == 0 else "", spoken(term), meaning, places))
    return entries
