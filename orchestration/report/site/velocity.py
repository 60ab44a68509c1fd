"""How long each step takes, how many take it, and who still waits."""

from collections.abc import Sequence

from orchestration.report.site.charts import curves, stacked_bars
from orchestration.report.site.figures import (
    DIRECTION_NAMES,
    STAGE_NAMES,
    STAGE_PLURALS,
    STAGES,
    STEP_NAMES,
    count,
    days,
    interval,
    none_of,
    percent,
)
from orchestration.report.site.parts import (
    Block,
    Chart,
    Column,
    Figure,
    Gap,
    Page,
    Section,
    Table,
    Tile,
    Tiles,
)
from orchestration.report.site.source import Row, Source
from orchestration.report.words import counted, joined, share

_QUESTION = "How long does each step take?"
_STEPS = ("suspect_to_prospect", "prospect_to_mql", "mql_to_sql")
_LEAD = "response_to_handoff"
_ENOUGH = 30
"""People below whom no share is made a headline."""
_DRAWN = ("inbound", "outbound")
_LAST_DAY = {"suspect_to_prospect": 365, "prospect_to_mql": 180, "mql_to_sql": 180, _LEAD: 30}
_ROLES = [(DIRECTION_NAMES[direction], direction) for direction in _DRAWN]
_AGES = (
    ("open_0_to_7_days_count", "under 7 days", "age_1"),
    ("open_7_to_30_days_count", "7 to 30 days", "age_2"),
    ("open_30_to_90_days_count", "30 to 90 days", "age_3"),
    ("open_90_to_180_days_count", "90 to 180 days", "age_4"),
    ("open_from_180_days_count", "180 days and more", "age_5"),
)
_GAP = Gap("No step has been begun.", "Record touches; times are counted from the first entry into a stage.")


def velocity(source: Source) -> Page:
    """Make the page.

    Args:
        source: The release.

    Returns:
        The page.
    """
    rows = source.rows_of(
        "stage_velocity",
        "select * from marts.stage_velocity where cut in ('all', 'direction') order by step, direction",
    )
    whole = {row["step"]: row for row in rows if row["cut"] == "all"}
    sections = [
        Section("steps", "From stage to stage", _steps(source, rows, whole), _INTRO),
        Section("lead", "Speed to lead", _lead(source, rows, whole)),
        Section("age", "Who still waits", [_ages(source)]),
        Section("segments", "By segment", [_segments(source)]),
    ]
    terms = [
        ("within 30 days", "converted_within_30_days_share"),
        ("within a day", "converted_within_1_day_share"),
    ]
    return Page("velocity", "Velocity", _finding(whole), sections, _QUESTION, terms)


_INTRO = (
    "The curves are Kaplan and Meier's: whoever has not taken the step yet counts for as long as"
    " they have waited,"
    " and whoever left stays in the denominator. Bands are 95 % intervals."
)


def _finding(whole: dict[str, Row]) -> str:
    told = []
    row = whole.get("prospect_to_mql")
    if row and row["entries"] >= _ENOUGH and row["converted_within_30_days_share"] is not None:
        told.append(
            f"{percent(row['converted_within_30_days_share'], 0)} of prospects are MQLs within 30 days"
        )
    row = whole.get(_LEAD)
    if row and row["converted_count"] and row["entries"] >= _ENOUGH:
        told.append(
            f"{percent(row['converted_within_1_day_share'], 0)} of qualifying responses reach sales"
            f" within a day"
        )
    return f"{'; '.join(told)}." if told else "No step has been followed long enough to be timed."


def _steps(source: Source, rows: list[Row], whole: dict[str, Row]) -> list[Block]:
    begun = [step for step in _STEPS if step in whole and whole[step]["entries"]]
    if not begun:
        return [_GAP]
    blocks: list[Block] = [
        Figure(
            "steps-by-day",
            "Share that has taken the step, by days since the stage was entered",
            _steps_caption(rows, whole),
            [
                chart
                for step in begun
                for chart in _curve(source, step, f"{STEP_NAMES[step]}, inbound and outbound")
            ],
            _table(
                [row for step in begun for row in rows if row["step"] == step and _is_timed(row)],
                "One step and direction; without a median, half have not taken the step yet. Suspects who"
                " were prospects at once had not to be won: they are in no share, and inbound has no such"
                " step.",
            ),
            _legend(rows, begun),
            terms=[("took the step", "converted_share"), ("half within", "converter_median_days")],
        )
    ]
    return blocks


def _is_timed(row: Row) -> bool:
    """Who comes by themselves is a prospect at the instant they are known; there is nothing to time."""
    return bool(row["step"] != "suspect_to_prospect" or row["direction"] == "outbound")


def _legend(rows: list[Row], steps: Sequence[str]) -> list[tuple[str, str]]:
    shown = {row["direction"] for row in rows if row["step"] in steps and row["entries"]}
    return [(direction, DIRECTION_NAMES[direction]) for direction in _DRAWN if direction in shown]


def _steps_caption(rows: list[Row], whole: dict[str, Row]) -> str:
    told = []
    for step in ("prospect_to_mql", "mql_to_sql"):
        row = whole.get(step)
        if row and row["converter_median_days"] is not None and row["converted_count"]:
            wait = row["converter_median_days"]
            told.append(
                f"of those who go from {_way(step)}, half do so"
                f" {f'within {days(wait)}' if wait else 'at once'}"
            )
    text = "; ".join(told)
    found = f"{text[0].upper()}{text[1:]}." if text else "Nobody has taken a step yet."
    begun = {row["direction"] for row in rows if row["step"] in _STEPS and row["entries"]}
    missing = [DIRECTION_NAMES[direction] for direction in _DRAWN if direction not in begun]
    return f"{found} Nothing {' or '.join(missing)} is on record, so it has no curve." if missing else found


def _way(step: str) -> str:
    return STEP_NAMES[step].lower().replace("mql", "MQL").replace("sql", "SQL")


def _curve(source: Source, step: str, label: str) -> list[Chart]:
    listed = ", ".join(f"'{direction}'" for direction in _DRAWN)
    rows = source.rows(
        "select direction, elapsed_days, at_risk_count, converted_share, converted_share_low,"
        " converted_share_high"
        f" from marts.stage_velocity_curve where cut = 'direction' and step = '{step}'"
        f" and direction in ({listed}) and elapsed_days <= {_LAST_DAY[step]}"
        " order by direction, elapsed_days"
    )
    rows = [row for row in rows if _is_timed(row | {"step": step})]
    followed = {
        row["direction"]: min(row["followed_days"] or 0, _LAST_DAY[step])
        for row in source.rows(
            f"select direction, followed_days from marts.stage_velocity where cut = 'direction' and"
            f" step = '{step}'"
        )
    }
    data: list[Row] = []
    for direction in _DRAWN:
        own = [row for row in rows if row["direction"] == direction]
        if not own:
            continue
        name = DIRECTION_NAMES[direction]
        data.append({"direction": name, "day": 0, "share": 0, "low": 0, "high": 0})
        data += [
            {
                "direction": name,
                "day": row["elapsed_days"],
                "share": row["converted_share"],
                "low": row["converted_share"]
                if row["converted_share_low"] is None
                else row["converted_share_low"],
                "high": row["converted_share"]
                if row["converted_share_high"] is None
                else row["converted_share_high"],
            }
            for row in own
        ]
        if followed.get(direction, 0) > own[-1]["elapsed_days"]:
            data.append(data[-1] | {"day": followed[direction]})
    if not data:
        return []
    spec = curves(
        data,
        time="day",
        rate="share",
        low="low",
        high="high",
        series="direction",
        roles=_ROLES,
        axis_title="",
        time_title="days",
    )
    return [Chart(spec, f"Growing curves: {label}.", STEP_NAMES[step])]


def _table(rows: list[Row], caption: str) -> Table:
    return Table(
        [
            Column("Step", "step"),
            Column("Direction", "direction"),
            Column("Began", "entries", True),
            Column("At once", "immediate_prospects", True),
            Column("Took it", "converted_count", True),
            Column("7 days", "converted_within_7_days_share", True),
            Column("30 days", "converted_within_30_days_share", True),
            Column("90 days", "converted_within_90_days_share", True),
            Column("In the end", "converted_share", True),
            Column("95 % interval", "converted_share_low", True),
            Column("Median", "median_days", True),
            Column("Median of who take it", "converter_median_days", True),
        ],
        [
            [
                STEP_NAMES[row["step"]],
                DIRECTION_NAMES.get(row["direction"], str(row["direction"])),
                count(row["entries"]),
                count(row["immediate_prospects"]),
                count(row["converted_count"]),
                percent(row["converted_within_7_days_share"]),
                percent(row["converted_within_30_days_share"]),
                percent(row["converted_within_90_days_share"]),
                percent(row["converted_share"]),
                interval(row["converted_share_low"], row["converted_share_high"]),
                days(row["median_days"]),
                days(row["converter_median_days"]),
            ]
            for row in rows
        ],
        caption,
        source="stage_velocity",
    )


def _lead(source: Source, rows: list[Row], whole: dict[str, Row]) -> list[Block]:
    row = whole.get(_LEAD)
    if not row or not row["entries"]:
        return [
            Gap(
                "There is no qualifying response yet, so there is nothing to hand off.",
                "A response qualifies with a complete context, when it is relevant and of the"
                " expected intent.",
            )
        ]
    if not row["converted_count"]:
        return [
            Gap(
                "No qualifying response is known to have been handed to sales.",
                "Drop handoffs into the landing folder: who, when, outcome.",
            )
        ]
    tiles = Tiles(
        [
            Tile(
                "Within an hour",
                percent(row["converted_within_1_hour_share"], 0),
                "of qualifying responses",
                "converted_within_1_hour_share",
            ),
            Tile(
                "Within a day",
                percent(row["converted_within_1_day_share"], 0),
                "",
                "converted_within_1_day_share",
            ),
            Tile(
                "Within a week",
                percent(row["converted_within_7_days_share"], 0),
                "",
                "converted_within_7_days_share",
            ),
            Tile("Half within", days(row["median_days"]), "of all that qualify", "median_days"),
        ]
    )
    never = row["entries"] - row["converted_count"]
    figure = Figure(
        "speed-to-lead",
        "Share of qualifying responses handed to sales, by days",
        f"{counted(never, 'qualifying response')} of {row['entries']:,} led to no handoff so far; of"
        f" those that did,"
        f" half took {days(row['converter_median_days'])}.",
        _curve(source, _LEAD, "speed to lead, inbound and outbound"),
        _table(
            [each for each in rows if each["step"] == _LEAD], "Reads handoffs, and is no figure of quality."
        ),
        _legend(rows, [_LEAD]),
        terms=[("led to a handoff", "converted_count"), ("half took", "converter_median_days")],
    )
    return [tiles, figure]


def _ages(source: Source) -> Block:
    rows = source.rows_of("stage_age", "select * from marts.stage_age where cut = 'all'")
    by_stage = {row["stage"]: row for row in rows if row["open_count"]}
    if not by_stage:
        return Gap("Nobody stands in a stage.", "See the overview for who has left and why.")
    shown = [stage for stage in STAGES if stage in by_stage]
    data = [
        {
            "stage": STAGE_NAMES[stage],
            "age": name,
            "people": by_stage[stage][column] / by_stage[stage]["open_count"],
        }
        for stage in shown
        for column, name, _ in _AGES
    ]
    old = [
        f"{share(by_stage[stage]['open_from_180_days_count'], by_stage[stage]['open_count'])} of the"
        f" {STAGE_PLURALS[stage]}"
        for stage in shown
    ]
    spec = stacked_bars(
        data,
        category="stage",
        series="age",
        value="people",
        roles=[(name, role) for _, name, role in _AGES],
        order=[STAGE_NAMES[stage] for stage in shown],
        axis_title="share of those in the stage",
        has_totals=False,
        number_format=".0%",
    )
    return Figure(
        "stage-age",
        "How long people have stood in their stage",
        f"Longer than half a year: {joined(old)}.",
        [Chart(spec, "A bar for each stage, divided by how long people have stood in it.")],
        Table(
            [Column("Stage", "stage"), Column("In it now", "open_count", True)]
            + [Column(name, column, True) for column, name, _ in _AGES]
            + [Column("Median", "median_age_days", True), Column("Oldest", "max_age_days", True)],
            [
                [
                    STAGE_NAMES[stage],
                    count(by_stage[stage]["open_count"]),
                    *(count(by_stage[stage][column]) for column, _, _ in _AGES),
                    days(by_stage[stage]["median_age_days"]),
                    days(by_stage[stage]["max_age_days"]),
                ]
                for stage in shown
            ],
            "One stage, with those for whom it is the furthest reached and whose cycle is open.",
            source="stage_age",
        ),
        [(role, name) for _, name, role in _AGES],
        terms=[("those in a stage", "open_count"), ("half a year", "open_from_180_days_count")],
    )


def _segments(source: Source) -> Block:
    rows = source.rows_of(
        "stage_velocity",
        "select * from marts.stage_velocity where cut = 'segment' and step = 'prospect_to_mql'"
        " and entries > 0"
        " order by converted_within_90_days_share desc nulls last, entries desc, segment",
    )
    if not rows:
        return Gap("No prospect has a segment.", "Segments come from segment_rules and people's attributes.")
    return Table(
        [
            Column("Segment", "segment"),
            Column("Prospects", "entries", True),
            Column("Became MQL", "converted_count", True),
            Column("30 days", "converted_within_30_days_share", True),
            Column("90 days", "converted_within_90_days_share", True),
            Column("In the end", "converted_share", True),
            Column("95 % interval", "converted_share_low", True),
            Column("Median of who take it", "converter_median_days", True),
        ],
        [
            [
                none_of("segment", row["segment"]),
                count(row["entries"]),
                count(row["converted_count"]),
                percent(row["converted_within_30_days_share"]),
                percent(row["converted_within_90_days_share"]),
                percent(row["converted_share"]),
                interval(row["converted_share_low"], row["converted_share_high"]),
                days(row["converter_median_days"]),
            ]
            for row in rows
        ],
        "From prospect to MQL, one segment of people.",
        source="stage_velocity",
    )
