"""The one thing to fix: each lever beside its target, and what its repair would yield."""

from orchestration.report.site.charts import intervals
from orchestration.report.site.figures import (
    LEVER_NAMES,
    NONE,
    count,
    decimal,
    interval,
    percent,
    words,
)
from orchestration.report.site.parts import Block, Cell, Chart, Column, Figure, Gap, Page, Section, Table
from orchestration.report.site.sentences import constraint_sentence
from orchestration.report.site.source import Row, Source
from orchestration.report.words import counted

_QUESTION = "What is the one thing to fix?"
_LISTED = 40
_GAP = Gap(
    "No prospect has had the time in which the levers are judged.",
    "Levers are judged on those who came at least stage_maturity_days before as-of.",
)
_STATUS = {
    "below_target": ("Below target", "stop"),
    "at_target": ("At target", "scale"),
    "no_target": ("No target", ""),
    "insufficient_data": ("Not enough data", "insufficient_data"),
}
_CUTS = {
    "segment": "Segment",
    "campaign": "Campaign",
    "landing_page": "Landing page",
    "offer": "Offer",
    "channel": "Channel",
    "acquisition_source": "Acquisition source",
}
_FIELDS = {"campaign": "campaign_name", "offer": "offer_id"}


def constraint(source: Source) -> Page:
    """Make the page.

    Args:
        source: The release.

    Returns:
        The page.
    """
    rows = source.rows_of(
        "constraint_audit", "select * from marts.constraint_audit where cut = 'all' order by lever"
    )
    rows.sort(key=lambda row: list(LEVER_NAMES).index(row["lever"]))
    judged = [row for row in rows if row["lever_n"]]
    if not judged:
        sections = [Section("levers", "The levers", [_GAP])]
        return Page("constraint", "Constraint", constraint_sentence(rows), sections, _QUESTION)
    sections = [
        Section("levers", "The levers", [_levers(judged), _yield(judged)], _INTRO),
        Section("programs", "Program by program", [_programs(source)]),
    ]
    return Page("constraint", "Constraint", constraint_sentence(judged), sections, _QUESTION)


_INTRO = (
    "The levers follow one another: who comes fits, who fits answers, who answers is qualified. One"
    " is named only if"
    " its repair would yield more than that of every other, beyond chance."
)


def _levers(rows: list[Row]) -> Figure:
    data = [
        {
            "lever": LEVER_NAMES[row["lever"]],
            "rate": row["lever_rate"],
            "low": row["lever_low"],
            "high": row["lever_high"],
            "target": row["target_rate"],
        }
        for row in rows
    ]
    below = [LEVER_NAMES[row["lever"]].lower() for row in rows if row["lever_status"] == "below_target"]
    caption = f"Below target: {', '.join(below)}." if below else "No lever lies below its target."
    return Figure(
        "lever-rates",
        "Where each lever stands, and its target",
        f"{caption} The upright mark is the target.",
        [
            Chart(
                intervals(
                    data,
                    category="lever",
                    rate="rate",
                    low="low",
                    high="high",
                    order=list(LEVER_NAMES.values()),
                    axis_title="share that passes",
                    target="target",
                    bar_step=44,
                ),
                "A point with its interval for each lever, and a mark for its target.",
            )
        ],
        Table(
            [
                Column("Lever", "lever"),
                Column("Passed", "lever_count", True),
                Column("of", "lever_n", True),
                Column("Rate", "lever_rate", True),
                Column("95 % interval", "lever_low", True),
                Column("Target", "target_rate", True),
                Column("Target from", "target_source"),
                Column("Status", "lever_status"),
            ],
            [
                [
                    LEVER_NAMES[row["lever"]],
                    count(row["lever_count"]),
                    count(row["lever_n"]),
                    percent(row["lever_rate"]),
                    interval(row["lever_low"], row["lever_high"]),
                    percent(row["target_rate"]),
                    words(row["target_source"]),
                    _status(row),
                ]
                for row in rows
            ],
            "One lever of the whole program.",
            source="constraint_audit",
        ),
        is_open=True,
    )


def _status(row: Row) -> Cell:
    label, tone = _STATUS.get(row["lever_status"], (words(row["lever_status"]), ""))
    return Cell(label, tone)


def _yield(rows: list[Row]) -> Block:
    found = [row for row in rows if row["extra_sqls"] is not None and row["extra_sqls_low"] is not None]
    if not found:
        return Gap(
            "What a repair would yield cannot be estimated yet.",
            "It takes 30 people and a target for each lever; set targets in report_policy.",
        )
    data = [
        {
            "lever": LEVER_NAMES[row["lever"]],
            "extra": row["extra_sqls"],
            "low": row["extra_sqls_low"],
            "high": row["extra_sqls_high"],
        }
        for row in found
    ]
    best = max(found, key=lambda row: row["extra_sqls"])
    return Figure(
        "yield",
        "SQLs more, had this lever alone stood at its target",
        f"{LEVER_NAMES[best['lever']]} promises most: {decimal(best['extra_sqls'])}"
        f" ({decimal(best['extra_sqls_low'])} to {decimal(best['extra_sqls_high'])}). It supposes"
        f" that whoever is won"
        " is like who passes now.",
        [
            Chart(
                intervals(
                    data,
                    category="lever",
                    rate="extra",
                    low="low",
                    high="high",
                    order=[name for name in LEVER_NAMES.values()],
                    axis_title="SQLs more",
                    line_at=0,
                    number_format=",d",
                    bar_step=44,
                ),
                "A point with its interval for each lever: the SQLs that its repair would have added.",
            )
        ],
        Table(
            [
                Column("Lever", "lever"),
                Column("SQLs more", "extra_sqls", True),
                Column("at least", "extra_sqls_low", True),
                Column("at most", "extra_sqls_high", True),
            ],
            [
                [
                    LEVER_NAMES[row["lever"]],
                    decimal(row["extra_sqls"]),
                    decimal(row["extra_sqls_low"]),
                    decimal(row["extra_sqls_high"]),
                ]
                for row in found
            ],
            "One lever of the whole program; the interval holds in at least 95 %.",
            source="constraint_audit",
        ),
    )


def _programs(source: Source) -> Block:
    rows = source.rows(
        "select * from marts.constraint_audit where cut <> 'all' and lever = dominant_constraint"
        " order by extra_sqls desc nulls last, cut, segment, scoped_campaign_id, landing_page,"
        " offer_id, channel,"
        " acquisition_source"
    )
    if not rows:
        return Gap(
            "In no single program one constraint is shown to dominate.",
            "Programs are small; decide by the whole until more people have come.",
        )
    return Table(
        [
            Column("Kind", "cut"),
            Column("Program"),
            Column("Constraint", "dominant_constraint"),
            Column("Rate", "lever_rate", True),
            Column("of", "lever_n", True),
            Column("Target", "target_rate", True),
            Column("SQLs more", "extra_sqls", True),
        ],
        [
            [
                _CUTS.get(row["cut"], words(row["cut"])),
                words(row.get(_FIELDS.get(row["cut"], str(row["cut"])), NONE)),
                Cell(LEVER_NAMES[row["lever"]], "accent"),
                percent(row["lever_rate"]),
                count(row["lever_n"]),
                percent(row["target_rate"]),
                decimal(row["extra_sqls"]),
            ]
            for row in rows[:_LISTED]
        ],
        f"{counted(len(rows), 'program')} in which one constraint dominates.",
        max(len(rows) - _LISTED, 0),
        "constraint_audit",
    )
