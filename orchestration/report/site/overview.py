"""The first page: where the funnel stands, how it moves, what changed since the last release, what to do."""

from collections.abc import Sequence
from datetime import date, timedelta

from orchestration.report.site.charts import columns_over_time, rates_over_time, stacked_bars
from orchestration.report.site.figures import (
    DIRECTION_NAMES,
    DIRECTIONS,
    NONE,
    SHOWN_VERDICT,
    STAGE_NAMES,
    STAGE_PLURALS,
    STAGES,
    VERDICT_NAMES,
    VERDICTS,
    count,
    days,
    interval,
    month,
    percent,
    signed,
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
    Tile,
    Tiles,
)
from orchestration.report.site.sentences import OUTBOUND_GAP, comparison_sentence, constraint_sentence
from orchestration.report.site.source import Row, Source
from orchestration.report.words import counted, day, joined, share

ROLES = [(DIRECTION_NAMES[direction], direction) for direction in DIRECTIONS]
_TREND_MONTHS = 13
_ACTIONS = ("suppress", "hand_off", "enrich", "nurture")
_OF = {"prospect": "outbound suspects", "mql": "prospects", "sql": "MQLs"}
_QUESTION = "Where does the funnel stand?"
_TABLES = {"suspect": "suspects", "prospect": "prospects", "mql": "mqls", "sql": "sqls"}


def overview(source: Source) -> Page:
    """Make the page.

    Args:
        source: The release.

    Returns:
        The page.
    """
    entries = source.rows(
        "select stage, direction, sum(entries)::bigint as entries from marts.funnel_by_day"
        " group by all order by all"
    )
    reached = _reached(source)
    totals = {stage: sum(row["entries"] for row in entries if row["stage"] == stage) for stage in STAGES}
    sections = [
        Section(
            "funnel", "The funnel", [_headline(source, totals, reached), _funnel(entries, totals, reached)]
        )
        if totals["suspect"]
        else Section(
            "funnel",
            "The funnel",
            [
                Gap(
                    "Nobody is in the funnel yet.",
                    "Drop contacts and touches into the landing folder and build.",
                )
            ],
        ),
        Section("trend", "Month by month", _trend(source)),
        Section("changes", "Since the last release", [_changes(source), *_restated(source)]),
        Section("verdicts", "What the evidence allows", _verdicts(source)),
        Section("today", "What to do today", [_worklist(source)]),
    ]
    return Page("index", "Overview", _finding(totals), sections, _QUESTION, [("entries", "entries")])


def _finding(totals: dict[str, int]) -> str:
    if not totals["suspect"]:
        return "There is nothing to report yet."
    told = [
        counted(totals[stage], STAGE_PLURALS[stage].removesuffix("s"), STAGE_PLURALS[stage])
        for stage in STAGES
    ]
    return f"On record are {joined(told)}."


def _reached(source: Source) -> dict[str, Row]:
    """How many of the stage before reached a stage within 90 days, of those who have had them.

    Suspects are those of outbound: who comes by themselves had not to be won.
    """
    rows = source.rows_of(
        "conversion_by_cohort",
        "select next_stage, within_90_days_n, within_90_days_rate, within_90_days_low, within_90_days_high"
        " from marts.conversion_by_cohort where cohort = '(all)' and ("
        "stage = 'suspect' and cut = 'direction' and direction = 'outbound'"
        " or stage <> 'suspect' and cut = 'all')",
    )
    return {row["next_stage"]: row for row in rows if row["within_90_days_n"]}


def _headline(source: Source, totals: dict[str, int], reached: dict[str, Row]) -> Tiles:
    recent = {
        row["stage"]: row["entries"]
        for row in source.rows(
            "select stage, sum(entries)::bigint as entries from marts.funnel_by_day"
            f" where funnel_date > date '{source.as_of_date}' - 28 group by all"
        )
    }
    tiles = []
    for stage in STAGES:
        row = reached.get(stage)
        rate = ""
        if row:
            spread = interval(row["within_90_days_low"], row["within_90_days_high"])
            rate = f"{percent(row['within_90_days_rate'])} of {_OF[stage]} within 90 days ({spread})"
        elif stage in _OF:
            rate = f"rate of {_OF[stage]}: not enough data"
        note = f"{recent.get(stage, 0):,} in the last 28 days"
        tiles.append(
            Tile(
                STAGE_NAMES[stage],
                count(totals[stage]),
                note,
                "entries",
                rate=rate,
                rate_term="within_90_days_rate",
            )
        )
    return Tiles(tiles)


def _funnel(entries: list[Row], totals: dict[str, int], reached: dict[str, Row]) -> Figure:
    data = [
        {
            "stage": STAGE_NAMES[row["stage"]],
            "direction": DIRECTION_NAMES.get(row["direction"], row["direction"]),
            "people": row["entries"],
        }
        for row in entries
    ]
    by_stage = {(row["stage"], row["direction"]): row["entries"] for row in entries}
    shown = [direction for direction in DIRECTIONS if any(row["direction"] == direction for row in entries)]
    table = Table(
        [Column("Stage", "stage")]
        + [Column(DIRECTION_NAMES[direction].capitalize(), "direction", True) for direction in shown]
        + [
            Column("All", "entries", True),
            Column("Reached within 90 days", "within_90_days_rate", True),
            Column("of", "within_90_days_n", True),
            Column("95 % interval", "within_90_days_low", True),
        ],
        [
            [
                STAGE_NAMES[stage],
                *(count(by_stage.get((stage, direction), 0)) for direction in shown),
                count(totals[stage]),
                *_rate(stage, reached.get(stage)),
            ]
            for stage in STAGES
        ],
        "People × cycles that ever entered the stage, by the direction of the touch that proves it. The rate"
        " is that of the stage before, of those alone who entered it 90 days ago or earlier; of the suspects,"
        " outbound ones who were not prospects at once.",
        source="funnel_by_day",
    )
    return Figure(
        "funnel-by-direction",
        "Who reached each stage, and how they came",
        _funnel_caption(by_stage, totals),
        [
            Chart(
                stacked_bars(
                    data,
                    category="stage",
                    series="direction",
                    value="people",
                    roles=ROLES,
                    order=[STAGE_NAMES[stage] for stage in STAGES],
                    axis_title="people × cycles",
                ),
                "Bars for suspects, prospects, MQLs and SQLs, each divided by direction.",
            )
        ],
        table,
        [(direction, DIRECTION_NAMES[direction]) for direction in shown],
        terms=[("direction", "direction"), ("entries", "entries")],
    )


def _rate(stage: str, row: Row | None) -> list[str]:
    """The matured rate at which a stage is reached, of how many, and its interval."""
    if stage not in _OF:
        return [NONE, NONE, NONE]
    if row is None:
        return ["not enough data", "0", NONE]
    return [
        percent(row["within_90_days_rate"]),
        count(row["within_90_days_n"]),
        interval(row["within_90_days_low"], row["within_90_days_high"]),
    ]


def _funnel_caption(by_stage: dict[tuple[str, str], int], totals: dict[str, int]) -> str:
    told = []
    for stage in ("prospect", "sql"):
        if totals[stage]:
            inbound = share(by_stage.get((stage, "inbound"), 0), totals[stage])
            told.append(f"{inbound} of the {STAGE_PLURALS[stage]} came inbound")
    undecided = by_stage.get(("suspect", "none"), 0)
    if undecided:
        told.append(f"{counted(undecided, 'suspect was', 'suspects were')} never touched")
    return f"{joined(told)}." if told else "Nobody has gone beyond the first stage."


def _trend(source: Source) -> list[Figure | Gap]:
    rows = source.rows(
        f"""
        select
            stage,
            date_trunc('month', funnel_date)::date as month,
            direction,
            sum(entries)::bigint as entries
        from marts.funnel_by_day
        where entries > 0
          and funnel_date >= date_trunc('month', date '{source.as_of_date}')
              - interval '{_TREND_MONTHS - 1}' month
        group by all
        order by all
        """
    )
    if not rows:
        return [Gap("No entry into a stage in the last year.", "Look whether recent touches have landed.")]
    charts = []
    for stage in STAGES:
        data = [
            {
                "month": row["month"],
                "direction": DIRECTION_NAMES.get(row["direction"], row["direction"]),
                "people": row["entries"],
            }
            for row in rows
            if row["stage"] == stage
        ]
        if data:
            charts.append(
                Chart(
                    columns_over_time(
                        data,
                        time="month",
                        series="direction",
                        value="people",
                        roles=ROLES,
                        axis_title="",
                        height=150,
                    ),
                    f"Columns: {STAGE_NAMES[stage]} by month of entry, divided by direction.",
                    STAGE_NAMES[stage],
                )
            )
    months = sorted({row["month"] for row in rows}, reverse=True)
    counts: dict[tuple[date, str], int] = {}
    for row in rows:
        key = (row["month"], row["stage"])
        counts[key] = counts.get(key, 0) + row["entries"]
    figures: list[Figure | Gap] = [
        Figure(
            "entries-by-month",
            "Entries into each stage by month",
            _trend_caption(source, counts),
            charts,
            Table(
                [Column("Month", "funnel_date")]
                + [Column(STAGE_NAMES[stage], "entries", True) for stage in STAGES],
                [
                    [month(each), *(count(counts.get((each, stage), 0)) for stage in STAGES)]
                    for each in months
                ],
                "Entries by the day on which they happened, in the reporting time zone; the last"
                " month is not over.",
                source="funnel_by_day",
            ),
            [
                (direction, DIRECTION_NAMES[direction])
                for direction in DIRECTIONS
                if any(row["direction"] == direction for row in rows)
            ],
            terms=[("entries", "entries")],
        )
    ]
    figures.append(_cohorts(source))
    return figures


def _whole_months(source: Source, recorded: Sequence[date]) -> list[date]:
    """The months of the trend that are on record from their first day to their last, empty ones too."""
    first_day = source.value("select min(funnel_date) from marts.funnel_by_day where entries > 0")
    whole, each = [], min(recorded)
    while each < source.as_of_date.replace(day=1):
        if first_day <= each:
            whole.append(each)
        each = (each + timedelta(days=31)).replace(day=1)
    return whole


def _trend_caption(source: Source, counts: dict[tuple[date, str], int]) -> str:
    whole = _whole_months(source, [each for each, _ in counts])
    if len(whole) < 4:
        return "Fewer than four whole months are on record; read no trend into them."
    told = []
    for stage in ("prospect", "mql", "sql"):
        late = sum(counts.get((each, stage), 0) for each in whole[-3:]) / 3
        early = [counts.get((each, stage), 0) for each in whole[:-3]]
        told.append(f"{late:,.0f} {STAGE_PLURALS[stage]} (before: {sum(early) / len(early):,.0f})")
    return f"A month, on average of the last three whole ones: {joined(told)}."


def _cohorts(source: Source) -> Figure | Gap:
    gap = Gap(
        "No month of prospects has matured for 60 days, so no rate is spoken of.",
        "Rates appear 60 days after the first prospects.",
    )
    rows = source.rows_of(
        "conversion_by_cohort",
        f"""
        select
            entry_month, entries, within_60_days_n, within_60_days_count, within_60_days_rate,
            within_60_days_low, within_60_days_high, within_60_days_maturing_count
        from marts.conversion_by_cohort
        where cut = 'all' and stage = 'prospect' and entry_month is not null
        order by entry_month desc
        limit {_TREND_MONTHS + 12}
        """,
    )
    matured = [row for row in rows if row["within_60_days_n"]]
    if not matured:
        return gap
    best = max(matured, key=lambda row: row["within_60_days_low"])
    worst = min(matured, key=lambda row: row["within_60_days_high"])
    differs = best["within_60_days_low"] > worst["within_60_days_high"]
    caption = (
        f"{month(best['entry_month'])} ({percent(best['within_60_days_rate'])}) was better than"
        f" {month(worst['entry_month'])} ({percent(worst['within_60_days_rate'])}): their intervals"
        f" do not meet."
        if differs
        else "The intervals of all months meet: no month is shown to be better than another."
    )
    return Figure(
        "mql-rate-by-cohort",
        "Prospects who became MQLs within 60 days, by month of entry",
        f"{caption} Only prospects of at least 60 days are counted.",
        [
            Chart(
                rates_over_time(
                    matured,
                    time="entry_month",
                    rate="within_60_days_rate",
                    low="within_60_days_low",
                    high="within_60_days_high",
                    axis_title="became MQL",
                    role="accent",
                ),
                "A mark for each month's rate on a bar for its 95 % interval.",
            )
        ],
        Table(
            [
                Column("Month of entry", "entry_month"),
                Column("Prospects", "entries", True),
                Column("Matured", "within_60_days_n", True),
                Column("Became MQL", "within_60_days_count", True),
                Column("Rate", "within_60_days_rate", True),
                Column("95 % interval", "within_60_days_low", True),
                Column("Still maturing", "within_60_days_maturing_count", True),
            ],
            [
                [
                    month(row["entry_month"]),
                    count(row["entries"]),
                    count(row["within_60_days_n"]),
                    count(row["within_60_days_count"]),
                    percent(row["within_60_days_rate"]),
                    interval(row["within_60_days_low"], row["within_60_days_high"]),
                    count(row["within_60_days_maturing_count"]),
                ]
                for row in rows
            ],
            "One month of entry; a rate without matured people is no rate.",
            source="conversion_by_cohort",
        ),
        terms=[("matured rate", "within_60_days_rate"), ("interval", "within_60_days_low")],
    )


def _changes(source: Source) -> Table | Gap:
    if source.previous is None or source.previous_as_of is None:
        return Gap(
            "This is the first release that is kept, so there is nothing to compare it with.",
            "The next release says here what it changed.",
        )
    rows: list[list[str | Cell]] = []
    for stage, table in _TABLES.items():
        then = next(
            iter(source.previous_rows(f"select count(*) as people from marts.{table}")), {"people": 0}
        )
        now = source.rows(
            f"select count(*) as people, count(*) filter (where became_{stage}_at <= timestamp"
            f" '{source.previous_as_of:%Y-%m-%d %H:%M:%S.%f}') as known from marts.{table}"
        )[0]
        restated = now["known"] - then["people"]
        rows.append(
            [
                STAGE_NAMES[stage],
                count(then["people"]),
                signed(now["people"] - now["known"]),
                Cell(signed(restated), "note" if restated else ""),
                count(now["people"]),
            ]
        )
    return Table(
        [
            Column("Stage", "stage"),
            Column("Then", "entries_before", True),
            Column("Entered since", "entries", True),
            Column("Restated", "changed_count", True),
            Column("Now", "entries", True),
        ],
        rows,
        f"Compared with release {source.previous_id}, as of {day(source.previous_as_of)}. Restated:"
        f" the record of"
        " the time before has changed, by late rows, merges of people or a change of policy.",
    )


def _restated(source: Source) -> list[Table]:
    rows = source.rows_of(
        "restatements",
        "select stage, cause, sum(added_count)::bigint as added, sum(removed_count)::bigint as removed,"
        " sum(changed_count)::bigint as changed from marts.restatements"
        f" where build_id = '{source.build_id}' group by all order by all",
    )
    rows.sort(key=lambda row: STAGES.index(row["stage"]))
    if not rows:
        return []
    return [
        Table(
            [
                Column("Stage", "stage"),
                Column("Because of", "cause"),
                Column("Entries added", "added_count", True),
                Column("Removed", "removed_count", True),
                Column("Told otherwise", "changed_count", True),
            ],
            [
                [
                    STAGE_NAMES[row["stage"]],
                    words(row["cause"]),
                    count(row["added"]),
                    count(row["removed"]),
                    count(row["changed"]),
                ]
                for row in rows
            ],
            "What this release tells of the past otherwise than the one before it, and why. An entry that is"
            " told under another direction, segment, campaign, channel or source is removed there and added"
            " here.",
            source="restatements",
        )
    ]


def _verdicts(source: Source) -> list[Block]:
    rows = source.rows_of(
        "message_scorecard",
        f"select {SHOWN_VERDICT} as verdict, count(*) as items from marts.message_scorecard"
        " where segment = '(all)' and channel = '(all)' and acquisition_source = '(all)'"
        " and direction = 'outbound' group by all",
    )
    found = {row["verdict"]: row["items"] for row in rows}
    tiles = Tiles(
        [
            Tile(
                VERDICT_NAMES[verdict], count(found.get(verdict, 0)), "outbound messages", "verdict", verdict
            )
            for verdict in VERDICTS
        ]
    )
    compared = source.rows_of(
        "inbound_vs_outbound", "select * from marts.inbound_vs_outbound where cut = 'all'"
    )
    levers = source.rows_of(
        "constraint_audit", "select * from marts.constraint_audit where cut = 'all' order by lever"
    )
    by_step = {row["funnel_step"]: row for row in compared}
    items = [
        Item(comparison_sentence(by_step), "accent", "Direction"),
        Item(constraint_sentence(levers), "accent", "Constraint"),
    ]
    terms = [
        ("comparison of directions", "comparison_verdict"),
        ("dominant constraint", "dominant_constraint"),
    ]
    return [tiles if found else OUTBOUND_GAP, Items(items, terms=terms)]


def _worklist(source: Source) -> Table | Gap:
    if not source.holds("worklist"):
        return Gap("Nobody waits for anything.", "The worklist fills as people become qualified or go quiet.")
    rows = source.rows(
        "select action, because, count(*) as people, median(waiting_days) as waiting from marts.worklist"
        " group by all order by people desc, because"
    )
    rows.sort(key=lambda row: _ACTIONS.index(row["action"]) if row["action"] in _ACTIONS else len(_ACTIONS))
    return Table(
        [
            Column("Action", "action"),
            Column("Because", "because"),
            Column("People", "person_id", True),
            Column("Half wait longer than", "waiting_days", True),
        ],
        [
            [
                words(row["action"]).capitalize(),
                words(row["because"]),
                count(row["people"]),
                days(row["waiting"]),
            ]
            for row in rows
        ],
        "Everybody stands in one row; marts.worklist names them.",
        source="worklist",
    )
