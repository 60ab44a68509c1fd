"""Inbound beside outbound, like for like, and how often a journey was both."""

from orchestration.report.site.charts import intervals, stacked_bars
from orchestration.report.site.figures import (
    DIRECTION_NAMES,
    RATE_MISSING,
    STEP_NAMES,
    count,
    money,
    none_of,
    percent,
    point_interval,
    points,
    words,
)
from orchestration.report.site.parts import (
    Block,
    Cell,
    Chart,
    Column,
    Figure,
    Gap,
    Item,
    Items,
    Page,
    Section,
    Table,
)
from orchestration.report.site.sentences import JUDGED, comparison_gap, comparison_sentence
from orchestration.report.site.source import Row, Source
from orchestration.report.words import counted, joined, share

_QUESTION = "Does inbound convert better?"
_STEPS = ("prospect_to_sql", "prospect_to_mql", "mql_to_sql")
_VERDICTS = {
    "inbound_better": ("Inbound better", "inbound"),
    "outbound_better": ("Outbound better", "outbound"),
    "no_difference_shown": ("No difference shown", ""),
    "insufficient_data": ("Not enough data", "insufficient_data"),
    "not_compared": ("Not compared", "insufficient_data"),
}
_JOURNEYS = {
    "inbound_only": "Inbound only",
    "inbound_then_outbound": "Inbound, then outbound",
    "outbound_then_inbound": "Outbound, then inbound",
    "outbound_only": "Outbound only",
    "unclassified_only": "Unclassified only",
}
_KINDS = [("as it is", "soft"), ("like for like", "accent")]
_CUTS = (("segment", "Segment"), ("acquisition_source", "Source"), ("channel", "Channel"))


def directions(source: Source) -> Page:
    """Make the page.

    Args:
        source: The release.

    Returns:
        The page.
    """
    rows = source.rows_of(
        "inbound_vs_outbound",
        "select * from marts.inbound_vs_outbound where cut = 'all' order by funnel_step",
    )
    by_step = {row["funnel_step"]: row for row in rows}
    sections = [
        Section("difference", "The difference", _difference(by_step)),
        Section("cuts", "Where it might differ", [_by_cut(source)], _CUT_INTRO),
        Section("volume", "Volume and cost", [_volume(source, rows), *_notes(rows)]),
        Section("journeys", "Journeys by their touches", [_journeys(source)]),
    ]
    terms = [("like for like", "adjusted_difference"), ("verdict", "comparison_verdict")]
    return Page("directions", "Inbound and outbound", _finding(by_step), sections, _QUESTION, terms)


_CUT_INTRO = "Of many cuts some will look different by chance: decide by the figure above."


def _finding(by_step: dict[str, Row]) -> str:
    told = comparison_sentence(by_step)
    row = by_step.get("prospect_to_sql", {})
    if row.get("comparison_verdict") not in JUDGED:
        return told
    spread = point_interval(row["adjusted_difference_low"], row["adjusted_difference_high"])
    return f"{told[:-1]}: {points(row['adjusted_difference'])} (95 % interval {spread})."


def _difference(by_step: dict[str, Row]) -> list[Block]:
    rows = [by_step[step] for step in _STEPS if step in by_step]
    judged = [row for row in rows if row["comparison_verdict"] in JUDGED]
    if not judged:
        # An interval that may not be judged is not drawn either: it would be believed.
        counted_rows = [row for row in rows if row["inbound_n"] or row["outbound_n"]]
        table = [_compared(counted_rows)] if counted_rows else []
        return [comparison_gap(by_step), *table]
    data = []
    for row in judged:
        for kind, name in (("as it is", "crude"), ("like for like", "adjusted")):
            if row[f"{name}_difference_low"] is not None:
                data.append(
                    {
                        "step": STEP_NAMES[row["funnel_step"]],
                        "kind": kind,
                        "difference": row[f"{name}_difference"],
                        "low": row[f"{name}_difference_low"],
                        "high": row[f"{name}_difference_high"],
                    }
                )
    decided = [row for row in rows if row["comparison_verdict"] in ("inbound_better", "outbound_better")]
    caption = (
        " ".join(
            f"{STEP_NAMES[row['funnel_step']]}: {_VERDICTS[row['comparison_verdict']][0].lower()}"
            f" ({points(row['adjusted_difference'])})."
            for row in decided
        )
        if decided
        else "Every interval that may be judged holds zero: no difference is shown."
    )
    untold = [STEP_NAMES[row["funnel_step"]] for row in rows if row not in judged]
    if untold:
        caption += f" {joined(untold)}: not enough people to be drawn."
    figure = Figure(
        "difference-by-step",
        "Inbound rate less outbound rate",
        f"Right of the line inbound is ahead. {caption} Like for like compares people of the same fit"
        f" and segment.",
        [
            Chart(
                intervals(
                    data,
                    category="step",
                    rate="difference",
                    low="low",
                    high="high",
                    order=[STEP_NAMES[step] for step in _STEPS],
                    axis_title="difference of rates",
                    series="kind",
                    roles=_KINDS,
                    shapes=["circle", "diamond"],
                    line_at=0,
                    number_format="+~%",
                    bar_step=30,
                ),
                "For each step two points with intervals: the difference as it is, and like for like.",
            )
        ],
        _compared(rows),
        [(role, name) for name, role in _KINDS],
        is_open=True,
        terms=[("like for like", "adjusted_difference"), ("as it is", "crude_difference")],
    )
    return [figure]


def _compared(rows: list[Row]) -> Table:
    return Table(
        [
            Column("Step", "funnel_step"),
            Column("Verdict", "comparison_verdict"),
            Column("Like for like", "adjusted_difference", True),
            Column("95 % interval", "adjusted_difference_low", True),
            Column("As it is", "crude_difference", True),
            Column("Inbound", "inbound_rate", True),
            Column("of", "inbound_n", True),
            Column("Outbound", "outbound_rate", True),
            Column("of", "outbound_n", True),
        ],
        [
            [
                STEP_NAMES[row["funnel_step"]],
                _verdict(row),
                points(row["adjusted_difference"]),
                point_interval(row["adjusted_difference_low"], row["adjusted_difference_high"]),
                points(row["crude_difference"]),
                percent(row["inbound_rate"]),
                count(row["inbound_n"]),
                percent(row["outbound_rate"]),
                count(row["outbound_n"]),
            ]
            for row in rows
        ],
        "One step of the funnel. Inbound has no way from suspect to prospect, so that step is left out.",
        source="inbound_vs_outbound",
    )


def _verdict(row: Row) -> Cell:
    label, tone = _VERDICTS.get(row["comparison_verdict"], (words(row["comparison_verdict"]), ""))
    return Cell(label, tone)


def _by_cut(source: Source) -> Block:
    rows = source.rows_of(
        "inbound_vs_outbound",
        "select * from marts.inbound_vs_outbound where cut in ('segment', 'acquisition_source',"
        " 'channel')"
        " and funnel_step = 'prospect_to_sql' and coalesce(inbound_n, 0) > 0 and"
        " coalesce(outbound_n, 0) > 0"
        " order by comparison_verdict = 'insufficient_data', cut, inbound_n + outbound_n desc,"
        " segment, channel,"
        " acquisition_source limit 30",
    )
    if not rows:
        return Gap(
            "No cut has matured prospects of both directions.", "They appear as both directions mature."
        )
    labels = dict(_CUTS)
    return Table(
        [
            Column("People of", "cut"),
            Column("Verdict", "comparison_verdict"),
            Column("Like for like", "adjusted_difference", True),
            Column("95 % interval", "adjusted_difference_low", True),
            Column("Inbound", "inbound_rate", True),
            Column("of", "inbound_n", True),
            Column("Outbound", "outbound_rate", True),
            Column("of", "outbound_n", True),
        ],
        [
            [
                f"{labels[row['cut']]}: {none_of(row['cut'].split('_')[-1], row[row['cut']])}",
                _verdict(row),
                points(row["adjusted_difference"]),
                point_interval(row["adjusted_difference_low"], row["adjusted_difference_high"]),
                percent(row["inbound_rate"]),
                count(row["inbound_n"]),
                percent(row["outbound_rate"]),
                count(row["outbound_n"]),
            ]
            for row in rows
        ],
        "From prospect to SQL, one segment, source or channel of people.",
        source="inbound_vs_outbound",
    )


def _volume(source: Source, rows: list[Row]) -> Block:
    steps = ("suspect", "suspect_to_prospect", "prospect_to_mql", "prospect_to_sql")
    found = {row["funnel_step"]: row for row in rows}
    shown = [found[step] for step in steps if step in found]
    if not any(row["inbound_entries"] or row["outbound_entries"] for row in shown):
        return Gap("Nobody has entered a stage by a touch of either direction.", "Record touches.")
    has_cost = any(
        row[f"{each}_cost_per_entry"] is not None for row in shown for each in ("inbound", "outbound")
    )
    currency = source.setting("reporting", "currency")
    told = (
        f"Cost is all spend of the direction divided by them, in {currency or 'the reporting currency'}."
        if has_cost
        else "No spend of either direction is on record, so no cost can be said."
    )
    names = {
        "suspect": "Suspects",
        "suspect_to_prospect": "Prospects",
        "prospect_to_mql": "MQLs",
        "prospect_to_sql": "SQLs",
    }
    return Table(
        [
            Column("Entered", "funnel_step"),
            Column("Inbound", "inbound_entries", True),
            Column("Cost of one", "inbound_cost_per_entry", True),
            Column("Outbound", "outbound_entries", True),
            Column("Cost of one", "outbound_cost_per_entry", True),
        ],
        [
            [
                names[row["funnel_step"]],
                count(row["inbound_entries"]),
                money(row["inbound_cost_per_entry"], None),
                count(row["outbound_entries"]),
                money(row["outbound_cost_per_entry"], None),
            ]
            for row in shown
        ],
        f"All entries, matured or not. {told} Volume is no quality. A direction may have more SQLs than MQLs,"
        " and a cheaper SQL: each entry counts where its own evidence belongs, and an SQL may come by a touch"
        " of the other direction than the one that made the MQL.",
        source="inbound_vs_outbound",
    )


def _notes(rows: list[Row]) -> list[Block]:
    # A release of before there was a status says nothing of it.
    statuses = {row.get(f"{direction}_spend_status") for row in rows for direction in ("inbound", "outbound")}
    return [Items([Item(RATE_MISSING, "note", "Too low")])] if "rate_missing" in statuses else []


def _journeys(source: Source) -> Block:
    rows = source.rows_of(
        "journey_mix",
        "select journey, prospect_direction, sum(sqls)::bigint as sqls,"
        " coalesce(sum(sqls) filter (where outbound_ever = 'no'), 0)::bigint as never,"
        " coalesce(sum(sqls) filter (where outbound_ever = 'unknown'), 0)::bigint as perhaps_never"
        " from marts.journey_mix group by all order by all",
    )
    total = sum(row["sqls"] for row in rows)
    if not total:
        return Gap(
            "Nobody is sales-qualified yet, so there is no journey to look back on.", "See what blocks MQLs."
        )
    both = sum(row["sqls"] for row in rows if "then" in row["journey"])
    inbound = [row for row in rows if row["prospect_direction"] == "inbound"]
    came, never, perhaps = (sum(row[name] for row in inbound) for name in ("sqls", "never", "perhaps_never"))
    unknown = f", and of {perhaps:,} more it is not known" if perhaps else ""
    shown = sorted({row["prospect_direction"] for row in rows})
    roles = [(DIRECTION_NAMES.get(name, name), name) for name in shown]
    order = [_JOURNEYS[name] for name in _JOURNEYS if any(row["journey"] == name for row in rows)]
    by_kind: dict[tuple[str, str], int] = {
        (row["journey"], row["prospect_direction"]): row["sqls"] for row in rows
    }
    return Figure(
        "journeys-by-order",
        "Which touches led to an SQL, and in which order",
        f"{share(both, total)} of {counted(total, 'SQL')} had touches of both kinds before it;"
        f" {never:,} of {came:,} inbound prospects closed without any outbound touch, ever{unknown}.",
        [
            Chart(
                stacked_bars(
                    [
                        {
                            "journey": _JOURNEYS.get(row["journey"], words(row["journey"])),
                            "came": DIRECTION_NAMES.get(row["prospect_direction"], row["prospect_direction"]),
                            "sqls": row["sqls"],
                        }
                        for row in rows
                    ],
                    category="journey",
                    series="came",
                    value="sqls",
                    roles=roles,
                    order=order,
                    axis_title="SQLs",
                ),
                "Bars of SQLs by the order of touches, divided by how the person became a prospect.",
            )
        ],
        Table(
            [Column("Journey", "journey")]
            + [
                Column(f"Came {DIRECTION_NAMES.get(name, name)}", "prospect_direction", True)
                for name in shown
            ]
            + [Column("SQLs", "sqls", True), Column("Share", "sqls", True)],
            [
                [
                    _JOURNEYS.get(journey, words(journey)),
                    *(count(by_kind.get((journey, name), 0)) for name in shown),
                    count(sum(row["sqls"] for row in rows if row["journey"] == journey)),
                    share(sum(row["sqls"] for row in rows if row["journey"] == journey), total),
                ]
                for journey in sorted({row["journey"] for row in rows}, key=list(_JOURNEYS).index)
            ],
            "One order of touches since the person's cycle before ended, up to the SQL; columns say how the"
            " person became a prospect. Touches of unknown direction are passed over.",
            source="journey_mix",
        ),
        [(name, f"came {DIRECTION_NAMES.get(name, name)}") for name in shown],
        terms=[("journey", "journey"), ("SQLs", "sqls")],
    )
