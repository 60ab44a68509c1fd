"""The one thing to fix: each lever beside its target, and what its repair would yield."""

from orchestration.report.site.charts import intervals
from orchestration.report.site.figures import (
    LEVER_NAMES,
    NONE,
    count,
    decimal,
    interval,
    none_of,
    percent,
    told_apart,
    words,
)
from orchestration.report.site.parts import Block, Cell, Chart, Column, Figure, Gap, Page, Section, Table
from orchestration.report.site.sentences import constraint_sentence
from orchestration.report.site.source import Row, Source

_QUESTION = "What is the one thing to fix?"
_LISTED = 15
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
_KEYS = {"campaign": "scoped_campaign_id", "offer": "offer_id"}
_DOMINANT = {
    "undecided": "Undecided",
    "none_below_target": "None below target",
    "insufficient_data": "Not enough data",
}


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
    terms = [("dominant constraint", "dominant_constraint"), ("SQLs more", "extra_sqls")]
    sections = [
        Section("levers", "The levers", [_levers(judged), _yield(judged)], _INTRO),
        Section("programs", "Program by program", _programs(source)),
    ]
    return Page("constraint", "Constraint", constraint_sentence(judged), sections, _QUESTION, terms)


_INTRO = (
    "The levers follow one another: who comes fits, who fits answers, who answers is qualified. One"
    " is named only if"
    " its repair would yield more than that of every other, beyond chance; one that cannot be judged"
    " counts with the most that it could yield. Qualification is the whole way from prospect to SQL: it"
    " holds the others in it and does not compete with them."
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
    caption = (
        f"Below target: {', '.join(below)}."
        if below
        else "No lever that can be judged lies below its target."
    )
    aimless = [LEVER_NAMES[row["lever"]].lower() for row in rows if row["lever_status"] == "no_target"]
    if aimless:
        caption += (
            f" Without a target: {', '.join(aimless)}; there are fewer than four peers, so set one in"
            " report_policy."
        )
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
                Column("Status", "lever_status"),
                Column("Rate", "lever_rate", True),
                Column("Target", "target_rate", True),
                Column("95 % interval", "lever_low", True),
                Column("Passed", "lever_count", True),
                Column("of", "lever_n", True),
                Column("Target from", "target_source"),
            ],
            [
                [
                    LEVER_NAMES[row["lever"]],
                    _status(row),
                    percent(row["lever_rate"]),
                    percent(row["target_rate"]),
                    interval(row["lever_low"], row["lever_high"]),
                    count(row["lever_count"]),
                    count(row["lever_n"]),
                    words(row["target_source"]),
                ]
                for row in rows
            ],
            "One lever of the whole program.",
            source="constraint_audit",
        ),
        is_open=True,
        terms=[("target", "target_rate"), ("status", "lever_status")],
    )


def _status(row: Row) -> Cell:
    label, tone = _STATUS.get(row["lever_status"], (words(row["lever_status"]), ""))
    return Cell(label, tone)


def _yield(rows: list[Row]) -> Block:
    found = [row for row in rows if row["extra_sqls"] is not None and row["extra_sqls_low"] is not None]
    if not found:
        return Gap(
            "What a repair would yield cannot be estimated yet.",
            "It takes 30 people and a target for each lever, and somebody who has passed; set targets in"
            " report_policy.",
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
    competing = [row for row in found if row["lever"] != "qualification"] or found
    best = max(competing, key=lambda row: row["extra_sqls"])
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
                    number_format=",~r",
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
        terms=[("SQLs more", "extra_sqls"), ("interval", "extra_sqls_low")],
    )


def _programs(source: Source) -> list[Block]:
    rows = source.rows(
        "select * from marts.constraint_audit where cut <> 'all' and lever_n > 0 order by cut, lever"
    )
    found = [_by_program(cut, [row for row in rows if row["cut"] == cut]) for cut in _CUTS]
    shown: list[Block] = [figure for figure in found if figure]
    return shown or [Gap("No single program has people to judge it by.", "Wait until more have come.")]


def _by_program(cut: str, rows: list[Row]) -> Figure | None:
    key, noun = _KEYS.get(cut, cut), _CUTS[cut].split()[-1].lower()
    by_program: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_program.setdefault(str(row[key]), {})[row["lever"]] = row
    if not by_program:
        return None
    names = told_apart(rows, "campaign_name", key) if cut == "campaign" else {}
    levers = [lever for lever in LEVER_NAMES if any(lever in program for program in by_program.values())]

    def dominant(program: dict[str, Row]) -> str:
        return str(next(iter(program.values()))["dominant_constraint"])

    def size(program: dict[str, Row]) -> int:
        return max(int(row["lever_n"]) for row in program.values())

    ranked = sorted(
        by_program.items(), key=lambda item: (dominant(item[1]) not in LEVER_NAMES, -size(item[1]), item[0])
    )
    named = sum(dominant(program) in LEVER_NAMES for program in by_program.values())
    return Figure(
        f"programs-by-{cut.replace('_', '-')}",
        f"By {_CUTS[cut].lower()}",
        f"{named:,} of {len(by_program):,}: one constraint is shown to dominate."
        if named
        else f"In none of {len(by_program):,} one constraint is shown to dominate; decide by the whole.",
        [],
        Table(
            [Column(_CUTS[cut], key), Column("Constraint", "dominant_constraint")]
            + [Column(LEVER_NAMES[lever], "lever_rate", True) for lever in levers],
            [
                [
                    none_of(noun, names.get(name, name.removeprefix("https://"))),
                    _dominant(dominant(program)),
                    *(_standing(program.get(lever)) for lever in levers),
                ]
                for name, program in ranked[:_LISTED]
            ],
            "Each lever: who passed, of how many. Red is below target, green at it; else it is not judged.",
            max(len(ranked) - _LISTED, 0),
            "constraint_audit",
        ),
        terms=[("dominant constraint", "dominant_constraint"), ("lever", "lever")],
    )


def _dominant(code: str) -> str | Cell:
    if code in LEVER_NAMES:
        return Cell(LEVER_NAMES[code], "accent")
    return _DOMINANT.get(code, words(code))


def _standing(row: Row | None) -> str | Cell:
    if row is None:
        return NONE
    tone = _STATUS.get(row["lever_status"], ("", ""))[1]
    text = f"{percent(row['lever_rate'])} of {count(row['lever_n'])}"
    return Cell(text, tone) if tone in ("stop", "scale") else text
