"""What a stage costs, who gets the credit, and, apart from all quality, what became of it in sales."""

from decimal import Decimal
from itertools import pairwise

from orchestration.report.site.charts import columns_over_time, intervals
from orchestration.report.site.figures import (
    NONE,
    RATE_MISSING,
    STAGE_NAMES,
    count,
    decimal,
    interval,
    money,
    month,
    none_of,
    percent,
    told_apart,
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
from orchestration.report.site.source import Row, Source
from orchestration.report.words import joined, share

_QUESTION = "What does a prospect, an MQL, an SQL cost?"
_LISTED = 25
_STAGES = (("prospect", "prospect"), ("mql", "MQL"), ("sql", "SQL"))
_SPENT = (
    ("inbound", "inbound"),
    ("outbound", "outbound"),
    ("unclassified", "unclassified"),
    ("unattributed", "unattributed"),
)
_SALES_INTRO = (
    "Sales data, outside every figure of quality: no stage, score or verdict anywhere else on these"
    " pages follows"
    " from a deal."
)
_NOBODY = ("none", "unattributed")
_NO_SPEND = Gap(
    "No spend is recorded, which is not that it cost nothing.",
    "Drop campaign_spend into the landing folder: campaign, date, amount and currency.",
)
_NO_RATE = Gap(
    "None of the spend on record has an exchange rate, so nothing can be said in the reporting currency.",
    "Add its currencies to exchange_rates; campaign_spend says which they are.",
)


def costs(source: Source) -> Page:
    """Make the page.

    Args:
        source: The release.

    Returns:
        The page.
    """
    rows = source.rows_of(
        "cost_per_stage",
        "select * from marts.cost_per_stage where cut in ('all', 'direction') order by cut, direction",
    )
    whole = next((row for row in rows if row["cut"] == "all" and row["spend_amount"]), None)
    is_unconverted = any(row["spend_status"] == "rate_missing" for row in rows)
    gap = _NO_RATE if is_unconverted else _NO_SPEND
    sections = [
        *(_sections_of_spend(source, whole, rows) if whole else [Section("cost", "Cost per stage", [gap])]),
        Section("credit", "Who gets the credit", [_credit(source)]),
        Section("sales", "What became of it in sales", [*_deals(source), _calibration(source)], _SALES_INTRO),
    ]
    terms = [(f"cost of {name}", f"cost_per_{stage}") for stage, name in _STAGES] if whole else []
    return Page("costs", "Costs and credit", _finding(whole, is_unconverted), sections, _QUESTION, terms)


def _finding(whole: Row | None, is_unconverted: bool) -> str:
    if whole is None:
        missing = "no spend on record has an exchange rate" if is_unconverted else "no spend is recorded"
        return f"What a stage costs cannot be said: {missing}."
    currency = whole["reporting_currency"]
    told = [
        f"{name} {money(whole[f'cost_per_{stage}'], currency)}"
        for stage, name in (("prospect", "a prospect"), ("mql", "an MQL"), ("sql", "an SQL"))
        if whole[f"cost_per_{stage}"] is not None
    ]
    if not told:
        return f"{money(whole['spend_amount'], currency)} was spent, and nobody has become a prospect."
    return f"All spend shared by all who came: {joined(told)}."


def _sections_of_spend(source: Source, whole: Row, rows: list[Row]) -> list[Section]:
    return [
        Section("cost", "Cost per stage", [_tiles(whole), *_notes(source, rows)]),
        Section("directions", "By direction", [_by_direction(rows)]),
        Section("months", "Spend by month", [_by_month(source)]),
        Section("campaigns", "By campaign", [_by_campaign(source)]),
    ]


def _spent(row: Row) -> str | Cell:
    if row["spend_status"] == "not_recorded":
        return Cell("not recorded", "soft")
    if row["spend_status"] == "rate_missing" and not row["spend_amount"]:
        return Cell("no rate", "soft")
    return money(row["spend_amount"], row["reporting_currency"])


def _tiles(row: Row) -> Tiles:
    return Tiles(
        [
            Tile("Spent", money(row["spend_amount"], row["reporting_currency"]), "on record", "spend_amount"),
            *(
                Tile(
                    f"One {name}",
                    money(row[f"cost_per_{stage}"], row["reporting_currency"]),
                    f"{row[f'{stage}s']:,} so far",
                    f"cost_per_{stage}",
                )
                for stage, name in _STAGES
            ),
        ]
    )


def _notes(source: Source, rows: list[Row]) -> list[Block]:
    items = []
    unattributed = sum(
        (row["spend_amount"] or Decimal(0) for row in rows if row["direction"] == "unattributed"), Decimal(0)
    )
    currency = next((row["reporting_currency"] for row in rows), "")
    if unattributed:
        items.append(
            Item(
                f"{money(unattributed, currency)} went to campaigns that touched nobody on record; it"
                f" is shown as"
                " unattributed, never dropped.",
                "note",
                "Unattributed",
            )
        )
    if any(row["spend_status"] == "rate_missing" for row in rows):
        items.append(Item(RATE_MISSING, "note", "Too low"))
    return [Items(items, terms=[("spend", "spend_amount"), ("status", "spend_status")])] if items else []


def _by_direction(rows: list[Row]) -> Table:
    return Table(
        [Column("Direction", "direction"), Column("Spend", "spend_amount", True)]
        + [Column(f"Per {name}", f"cost_per_{stage}", True) for stage, name in _STAGES]
        + [Column(STAGE_NAMES[stage], f"{stage}s", True) for stage, name in _STAGES],
        [
            [
                words(row["direction"]) if row["direction"] != "none" else "never touched",
                _spent(row),
                *(money(row[f"cost_per_{stage}"], row["reporting_currency"]) for stage, _ in _STAGES),
                *(count(row[f"{stage}s"]) for stage, _ in _STAGES),
            ]
            for row in rows
            if row["cut"] == "direction"
        ],
        "One direction: its spend divided by the entries that its touches prove. The parts add up to"
        " what was spent.",
        source="cost_per_stage",
    )


def _by_month(source: Source) -> Block:
    rows = source.rows(
        "select direction, spend_amount, reporting_currency,"
        " try_strptime(calendar_month, '%Y-%m')::date as spend_month from marts.cost_per_stage"
        " where cut = 'month × direction' and spend_month is not null order by spend_month, direction"
    )
    recent = sorted({row["spend_month"] for row in rows})[-13:]
    rows = [row for row in rows if row["spend_month"] in recent and row["spend_amount"]]
    if not rows:
        return Gap("No spend of a month is recorded.", "Give each row of campaign_spend its date.")
    currency = rows[0]["reporting_currency"]
    shown = [(code, role) for code, role in _SPENT if any(row["direction"] == code for row in rows)]
    amounts = {(row["spend_month"], row["direction"]): row["spend_amount"] for row in rows}
    totals = {each: sum(amount for (at, _), amount in amounts.items() if at == each) for each in recent}
    high = max(recent, key=lambda each: totals[each])
    return Figure(
        "spend-by-month",
        "Spend by month and direction",
        f"Most was spent in {month(high)}: {money(totals[high], currency)}. The last month is not over.",
        [
            Chart(
                columns_over_time(
                    [
                        {
                            "month": row["spend_month"],
                            "direction": row["direction"],
                            "spend": row["spend_amount"],
                        }
                        for row in rows
                    ],
                    time="month",
                    series="direction",
                    value="spend",
                    roles=shown,
                    axis_title=currency,
                ),
                "Columns of spend by month, divided by direction.",
            )
        ],
        Table(
            [Column("Month", "calendar_month")]
            + [Column(words(code).capitalize(), "spend_amount", True) for code, _ in shown]
            + [Column("All", "spend_amount", True)],
            [
                [
                    month(each),
                    *(money(amounts.get((each, code)), currency) for code, _ in shown),
                    money(totals[each] or None, currency),
                ]
                for each in reversed(recent)
            ],
            "One month of spend, in the reporting currency.",
            source="cost_per_stage",
        ),
        [(role, words(code)) for code, role in shown],
        terms=[("spend", "spend_amount")],
    )


def _by_campaign(source: Source) -> Table:
    rows = source.rows(
        "select * from marts.cost_per_stage where cut = 'campaign' order by spend_amount desc nulls last,"
        " scoped_campaign_id"
    )
    names = told_apart(rows, "campaign_name", "scoped_campaign_id")
    return Table(
        [Column("Campaign", "campaign_name"), Column("Spend", "spend_amount", True)]
        + [Column(f"Per {name}", f"cost_per_{stage}", True) for stage, name in _STAGES]
        + [Column(STAGE_NAMES[stage], f"{stage}s", True) for stage, name in _STAGES],
        [
            [
                none_of("campaign", names[str(row["scoped_campaign_id"])]),
                _spent(row),
                *(money(row[f"cost_per_{stage}"], row["reporting_currency"]) for stage, _ in _STAGES),
                *(count(row[f"{stage}s"]) for stage, _ in _STAGES),
            ]
            for row in rows[:_LISTED]
        ],
        "One campaign, dearest first. A cost without an entry is none.",
        max(len(rows) - _LISTED, 0),
        "cost_per_stage",
    )


def _credit(source: Source) -> Block:
    models = ("first_touch", "last_touch", "linear", "position_based")
    sums = ", ".join(f"sum({model}_credit) as {model}" for model in models)
    rows = source.rows_of(
        "attribution",
        f"select scoped_campaign_id, any_value(campaign_name) as campaign_name,"
        f" any_value(campaign_id) as campaign_id, {sums} from marts.attribution where stage = 'sql'"
        " group by all order by position_based desc, scoped_campaign_id",
    )
    if not rows:
        return Gap("There is no SQL yet to share the credit of.", "Credit is shared with the first SQL.")
    total = sum(row["linear"] for row in rows)
    named = told_apart(rows, "campaign_name", "scoped_campaign_id")
    # An SQL that no campaign touched is credited to nobody, under one key.
    names = {key: "no campaign" if key in _NOBODY else text for key, text in named.items()}
    ranked = [row for row in rows if row["scoped_campaign_id"] not in _NOBODY]
    without = sum(float(row["linear"]) for row in rows if row["scoped_campaign_id"] in _NOBODY)
    found = (
        f"{names[ranked[0]['scoped_campaign_id']]} has most by position:"
        f" {decimal(ranked[0]['position_based'])} of {decimal(total, 0)} SQLs. The rules differ; where they"
        f" agree, believe them."
        if ranked
        else f"No campaign touched any of the {decimal(total, 0)} SQLs."
    )
    if ranked and without:
        found += f" Of no campaign: {decimal(without)}."
    return Figure(
        "credit-by-campaign",
        "Credit for SQLs by campaign, under four rules",
        found,
        [],
        Table(
            [Column("Campaign", "campaign_name")]
            + [Column(words(model).capitalize(), f"{model}_credit", True) for model in models]
            + [Column("Share by position", "position_based_credit", True)],
            [
                [
                    names[row["scoped_campaign_id"]],
                    *(decimal(row[model]) for model in models),
                    share(row["position_based"], total),
                ]
                for row in rows[:_LISTED]
            ],
            "One campaign; the credits of each SQL sum to 1 under each rule.",
            max(len(rows) - _LISTED, 0),
            "attribution",
        ),
        is_open=True,
        terms=[("by position", "position_based_credit"), ("of no campaign", "scoped_campaign_id")],
    )


def _deals(source: Source) -> list[Block]:
    rows = source.rows_of(
        "closed_loop",
        "select stage_at_opening, sum(deals)::bigint as deals, sum(won_deals)::bigint as won,"
        " sum(lost_deals)::bigint as lost, sum(open_deals)::bigint as open, sum(won_amount) as amount,"
        " sum(deals_without_amount)::bigint as without, any_value(reporting_currency) as currency"
        " from marts.closed_loop group by all order by deals desc, stage_at_opening",
    )
    if not rows:
        return [Gap("No deal is recorded.", "Drop deals into the landing folder: contact, status, amount.")]
    return [
        Table(
            [
                Column("Stood when the deal was opened", "stage_at_opening"),
                Column("Deals", "deals", True),
                Column("Open", "open_deals", True),
                Column("Won", "won_deals", True),
                Column("Lost", "lost_deals", True),
                Column("Won amount", "won_amount", True),
                Column("Without amount", "deals_without_amount", True),
            ],
            [
                [
                    _stage(row["stage_at_opening"]),
                    count(row["deals"]),
                    count(row["open"]),
                    count(row["won"]),
                    count(row["lost"]),
                    money(row["amount"], row["currency"]),
                    count(row["without"]),
                ]
                for row in rows
            ],
            "Deals by the furthest stage that the record had proved when they were opened; recycled and"
            " disqualified: the cycle had ended by then.",
            source="closed_loop",
        )
    ]


def _stage(code: str) -> str:
    named = {"sql": "SQL", "mql": "MQL", "none": "In no stage yet", "excluded": "Excluded person"}
    return named.get(code, words(code).capitalize())


def _calibration(source: Source) -> Block:
    rows = source.rows_of(
        "score_calibration",
        "select * from marts.score_calibration where cut = 'all' and stage = 'prospect' and sql_n > 0"
        " order by score_band = '100+', score_band",
    )
    if not rows:
        return Gap("No prospect has had the time in which an SQL is counted.", "Wait until prospects mature.")
    large = [row["score_band"] for row in rows if row["sql_n"] >= 30]
    rates = [row["sql_rate"] for row in rows if row["sql_n"] >= 30]
    if len(large) < 2:
        caption = "Fewer than two bands hold 30 people, so whether a higher score means more is not known."
    elif all(one <= other for one, other in pairwise(rates)) and rates[0] < rates[-1]:
        caption = f"The rate rises with the score over {joined(large)}, which hold 30 people or more."
    else:
        caption = (
            f"The rate does not rise from band to band over {joined(large)}, which hold 30 people or more;"
            " look at the intervals before believing so."
        )
    return Figure(
        "score-calibration",
        "Does a higher score mean more? SQL rate by score of the new prospect",
        caption,
        [
            Chart(
                intervals(
                    rows,
                    category="score_band",
                    rate="sql_rate",
                    low="sql_low",
                    high="sql_high",
                    order=[row["score_band"] for row in rows],
                    axis_title="became SQL",
                ),
                "A point with its interval for each band of the score.",
            )
        ],
        Table(
            [
                Column("Score band", "score_band"),
                Column("Prospects", "sql_n", True),
                Column("Became SQL", "sql_count", True),
                Column("Rate", "sql_rate", True),
                Column("95 % interval", "sql_low", True),
            ],
            [
                [
                    row["score_band"],
                    count(row["sql_n"]),
                    count(row["sql_count"]),
                    percent(row["sql_rate"]) if row["sql_n"] else NONE,
                    interval(row["sql_low"], row["sql_high"]),
                ]
                for row in rows
            ],
            "Ten points of the score, frozen at the entry; only SQLs after that instant count.",
            source="score_calibration",
        ),
        terms=[("score band", "score_band"), ("rate", "sql_rate")],
    )
