"""The outbound control room: which message may be scaled, which should stop, and what was learned."""

from orchestration.report.site.charts import intervals
from orchestration.report.site.figures import (
    DIRECTION_NAMES,
    SHOWN_VERDICT,
    VERDICT_NAMES,
    VERDICTS,
    count,
    decimal,
    interval,
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
    Prose,
    Section,
    Table,
    Tile,
    Tiles,
)
from orchestration.report.site.sentences import OUTBOUND_GAP
from orchestration.report.site.source import Row, Source
from orchestration.report.words import counted, day, joined, spoken
from orchestration.source_text import clean

SHAPES = {
    "scale": "triangle-up",
    "scaled_before_validated": "diamond",
    "keep_testing": "circle",
    "stop": "square",
    "ended_undecided": "triangle-down",
    "insufficient_data": "cross",
}
_LISTED = 40
_FARTHEST = 6
"""Times the promise to which intervals are drawn."""
_FARTHEST_POINT = 15
"""Times the promise to which points are drawn; the axis goes as far as they need."""
_WHOLE = "segment = '(all)' and channel = '(all)' and acquisition_source = '(all)'"
_SORTED = (
    "['scale', 'scaled_before_validated', 'stop', 'keep_testing', 'ended_undecided', 'insufficient_data']"
)
_ORDER = f"array_position({_SORTED}, {SHOWN_VERDICT})"
_ALL = f"* replace ({SHOWN_VERDICT} as verdict)"


def outbound(source: Source) -> Page:
    """Make the page.

    Args:
        source: The release.

    Returns:
        The page.
    """
    messages = source.rows_of(
        "message_scorecard",
        f"select {_ALL} from marts.message_scorecard where direction = 'outbound' and {_WHOLE}"
        f" order by {_ORDER}, reached_count desc, message_name",
    )
    if not messages:
        sections = [Section("verdicts", "Verdicts", [OUTBOUND_GAP])]
        return Page(
            "outbound", "Outbound control room", "There is no outbound to judge.", sections, _QUESTION
        )
    sections = [
        Section("verdicts", "Verdicts", [_tiles(messages), _promises(messages)]),
        Section("sentences", "Message by message", [*_sentences(messages), *_further(source)]),
        Section("quality", "How good the contacts were", [_quality(messages)], _QUALITY_INTRO),
        Section("segments", "Segment by segment", [_segments(source), _by_segment(source)]),
        Section("campaigns", "Campaigns", [_campaigns(source)]),
        Section("optouts", "After an opt-out", [_breaches(source)]),
        Section("learned", "What was learned", [_learned(source)]),
    ]
    terms = [("verdict", "verdict"), ("message", "message_name")]
    return Page("outbound", "Outbound control room", _finding(messages), sections, _QUESTION, terms)


_QUESTION = "Which message may we scale, and which should stop?"
_QUALITY_INTRO = (
    "Judged before sales is involved: by fit, answers and preserved context, never by volume sent"
    " and never by"
    " revenue. An answer counts within the maturity window after the first contact."
)


def _finding(messages: list[Row]) -> str:
    def names(verdict: str) -> list[str]:
        return [clean(row["message_name"]) for row in messages if row["verdict"] == verdict]

    told = []
    for verdict, verb in (("scale", "Scale"), ("stop", "stop"), ("scaled_before_validated", "slow down")):
        found = names(verdict)
        if found:
            listed = (
                joined([f"“{name}”" for name in found[:3]])
                if len(found) <= 3
                else counted(len(found), "message")
            )
            told.append(f"{verb} {listed}")
    undecided = len(names("keep_testing"))
    if undecided:
        told.append(f"keep testing {counted(undecided, 'message')}")
    ended = len(names("ended_undecided"))
    if ended:
        told.append(f"{counted(ended, 'message')} ended undecided")
    if not told:
        return f"No verdict yet on {counted(len(messages), 'message')}: there is not enough data."
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}."


def _tiles(messages: list[Row]) -> Tiles:
    return Tiles(
        [
            Tile(
                VERDICT_NAMES[verdict],
                count(sum(row["verdict"] == verdict for row in messages)),
                "",
                "verdict",
                verdict,
            )
            for verdict in VERDICTS
        ]
    )


def _promises(messages: list[Row]) -> Block:
    tested = [row for row in messages if row["success_n"] and row["promised_rate"]]
    if not tested:
        return Gap(
            "No message promises something that can be tested.",
            "Name a success metric of the list on the page of definitions and a threshold such as “5"
            " %” in the campaign.",
        )
    data = [
        {
            "message": row["message_name"],
            "verdict": VERDICT_NAMES[row["verdict"]],
            "times": row["success_rate"] / row["promised_rate"],
            "low": row["success_low"] / row["promised_rate"],
            "high": row["success_high"] / row["promised_rate"],
        }
        for row in tested
    ]
    data.sort(key=lambda row: -row["times"])
    data = data[:_LISTED]
    verdicts = [verdict for verdict in VERDICTS if any(row["verdict"] == verdict for row in tested)]
    farthest = min(_FARTHEST_POINT, max(row["times"] for row in data) * 1.08)
    end = max(farthest, min(_FARTHEST, max(row["high"] for row in data) * 1.05))
    told = joined([_outcome(code, sum(row["verdict"] == code for row in tested)) for code in verdicts])
    caption = (
        f"Of {counted(len(tested), 'message')} with a promise that can be tested, {told}. The line is the"
        " promise. A verdict also allows for how many messages are tested at once, so an interval that"
        " just clears the line is not always decided."
    )
    if any(row["high"] > end for row in data):
        caption += " An arrow: it goes on beyond the edge."
    return Figure(
        "promises",
        "Success as a multiple of what was promised",
        caption,
        [
            Chart(
                intervals(
                    data,
                    category="message",
                    rate="times",
                    low="low",
                    high="high",
                    order=[row["message"] for row in data],
                    axis_title="times the promised rate",
                    series="verdict",
                    roles=[(VERDICT_NAMES[verdict], verdict) for verdict in verdicts],
                    shapes=[SHAPES[verdict] for verdict in verdicts],
                    line_at=1,
                    domain=(0, end),
                    number_format="~r",
                ),
                "One point and interval for each message; the line at 1 is the promise.",
            )
        ],
        Table(
            [
                Column("Message", "message_name"),
                Column("Verdict", "verdict"),
                Column("Metric", "success_metric"),
                Column("Promised", "promised_rate", True),
                Column("Matured", "success_n", True),
                Column("Succeeded", "success_count", True),
                Column("Rate", "success_rate", True),
                Column("Interval", "success_low", True),
                Column("Evidence above", "evidence_above_log10", True),
                Column("below", "evidence_below_log10", True),
                Column("required", "evidence_required_log10", True),
            ],
            [
                [
                    row["message_name"],
                    _verdict(row),
                    row["success_metric"] or "–",
                    percent(row["promised_rate"]),
                    count(row["success_n"]),
                    count(row["success_count"]),
                    percent(row["success_rate"], 2),
                    interval(row["success_low"], row["success_high"], 2),
                    *(
                        decimal(row[name])
                        for name in (
                            "evidence_above_log10",
                            "evidence_below_log10",
                            "evidence_required_log10",
                        )
                    ),
                ]
                for row in tested
            ],
            "One message with its promise; evidence is the decimal logarithm of an e-value.",
            source="message_scorecard",
        ),
        [(verdict, VERDICT_NAMES[verdict]) for verdict in verdicts],
        terms=[("verdict", "verdict"), ("promise", "promised_rate"), ("interval", "success_low")],
    )


def _outcome(verdict: str, messages: int) -> str:
    told = {
        "scale": "kept it",
        "scaled_before_validated": "grew before it was decided",
        "stop": "did not keep it",
        "ended_undecided": "ended undecided",
        "insufficient_data": "had too little data",
    }
    undecided = "is not decided" if messages == 1 else "are not decided"
    return f"{messages:,} {told.get(verdict, undecided)}"


def _verdict(row: Row) -> Cell:
    return Cell(VERDICT_NAMES.get(row["verdict"], words(row["verdict"])), row["verdict"])


def _sentences(messages: list[Row]) -> list[Block]:
    items = [
        Item(row["verdict_sentence"] or "", row["verdict"], VERDICT_NAMES.get(row["verdict"], ""))
        for row in messages[:_LISTED]
        if row["verdict"] != "insufficient_data"
    ]
    defined = [("verdict", "verdict"), ("contacts that matured", "success_n"), ("promise", "promised_rate")]
    blocks: list[Block] = [Items(items, terms=defined)] if items else []
    untold = [row for row in messages if row["verdict"] == "insufficient_data"]
    if untold:
        reasons: dict[str, list[str]] = {}
        for row in untold:
            reasons.setdefault(row["verdict_because"], []).append(clean(row["message_name"]))
        blocks.append(
            Table(
                [
                    Column("Not judged because", "verdict_because"),
                    Column("What would mend it"),
                    Column("Messages", "message_name"),
                ],
                [
                    [
                        words(reason).capitalize(),
                        Cell(
                            _REMEDIES.get(reason, "Wait until more people have had their time to answer."),
                            is_long=True,
                        ),
                        Cell(
                            joined([none_of("message", name) for name in names[:8]])
                            + (" …" if len(names) > 8 else ""),
                            is_long=True,
                        ),
                    ]
                    for reason, names in sorted(reasons.items())
                ],
                "Messages on which nothing can be said, and why.",
            )
        )
    return blocks


def _further(source: Source) -> list[Block]:
    """Tests that run beside the ones shown: the same message under another promise."""
    if not source.holds("hypothesis_log"):
        return []
    rows = source.rows(
        f"select {_ALL} from marts.hypothesis_log where direction = 'outbound' and ended_at is null"
        " and cut = 'direction × message' and verdict <> 'insufficient_data' and test_id not in"
        " (select test_id from marts.message_scorecard where test_id is not null)"
        f" order by {_ORDER}, success_n desc, subject, test_id"
    )
    if not rows:
        return []
    return [
        Prose("The same messages have also been promised something else, and that is tested by itself."),
        Items(
            [
                Item(row["verdict_sentence"], row["verdict"], VERDICT_NAMES[row["verdict"]])
                for row in rows[:_LISTED]
            ],
            max(len(rows) - _LISTED, 0),
            [("verdict", "verdict"), ("promise", "promised_rate")],
        ),
    ]


_REMEDIES = {
    "no_message": "Write the message and its hypothesis into the campaign before sending.",
    "no_campaign": "Name the campaign in the touch.",
    "no_metric": "Give the campaign a success metric.",
    "metric_not_listed": "Use a success metric that is a share of the people contacted, from the list.",
    "no_threshold": "Give the campaign a success threshold.",
    "threshold_not_readable": "Write the threshold as a share, such as “5 %”.",
    "direction_unclassified": "Record what decides the direction, such as the consent of the audience.",
    "too_few_people": "Contact more people, or wait until their window is over.",
}


def _quality(messages: list[Row]) -> Table:
    return Table(
        [
            Column("Message", "message_name"),
            Column("Contacts", "reached_count", True),
            Column("Maturing", "maturing_count", True),
            Column("Delivered", "delivered_rate", True),
            Column("Responded", "response_rate", True),
            Column("Positive, of contacts", "positive_reply_per_contact_rate", True),
            Column("Positive, of replies", "positive_reply_per_reply_rate", True),
            Column("As expected", "expected_response_rate", True),
            Column("ICP fit", "icp_fit_rate", True),
            Column("Context complete", "complete_context_rate", True),
        ],
        [
            [
                none_of("message", row["message_name"]),
                count(row["reached_count"]),
                count(row["maturing_count"]),
                *(
                    percent(row[f"{name}_rate"])
                    for name in (
                        "delivered",
                        "response",
                        "positive_reply_per_contact",
                        "positive_reply_per_reply",
                        "expected_response",
                        "icp_fit",
                        "complete_context",
                    )
                ),
            ]
            for row in sorted(messages, key=lambda row: -row["reached_count"])[:_LISTED]
        ],
        "One message; a contact is a person reached with it for the first time.",
        max(len(messages) - _LISTED, 0),
        "message_scorecard",
    )


def _segments(source: Source) -> Block:
    rows = source.rows_of(
        "segment_scorecard",
        f"select {_ALL} from marts.segment_scorecard where direction = 'outbound'"
        " and channel = '(all)' and acquisition_source = '(all)' and segment <> '(all)'"
        f" order by {_ORDER}, reached_count desc, segment",
    )
    if not rows:
        return Gap("Nobody of any segment has been contacted outbound.", "Define segments in segment_rules.")
    return Table(
        [
            Column("Segment", "segment"),
            Column("Verdict", "verdict"),
            Column("Contacts", "reached_count", True),
            Column("Matured", "success_n", True),
            Column("Promised", "promised_rate", True),
            Column("Rate", "success_rate", True),
            Column("Interval", "success_low", True),
            Column("Responded", "response_rate", True),
            Column("Positive", "positive_reply_per_contact_rate", True),
            Column("Expected", "expected_response_rate", True),
            Column("ICP fit", "icp_fit_rate", True),
            Column("Context", "complete_context_rate", True),
        ],
        [
            [
                none_of("segment", row["segment"]),
                _verdict(row),
                count(row["reached_count"]),
                count(row["success_n"]),
                percent(row["promised_rate"]),
                percent(row["success_rate"], 2),
                interval(row["success_low"], row["success_high"], 2),
                *(
                    percent(row[f"{name}_rate"])
                    for name in (
                        "response",
                        "positive_reply_per_contact",
                        "expected_response",
                        "icp_fit",
                        "complete_context",
                    )
                ),
            ]
            for row in rows
        ],
        "One segment of people, with all that was sent to it; each contact is held to its campaign's own"
        " promise.",
        source="segment_scorecard",
    )


def _by_segment(source: Source) -> Block:
    rows = source.rows(
        f"select {_ALL} from marts.message_scorecard where direction = 'outbound' and segment <> '(all)'"
        " and channel = '(all)' and acquisition_source = '(all)' and success_n > 0"
        f" order by {_ORDER}, success_n desc, message_name, segment"
    )
    if not rows:
        return Gap(
            "No message has matured in any segment.", "Verdicts by segment appear with matured contacts."
        )
    decided = sum(row["verdict"] in ("scale", "stop", "scaled_before_validated") for row in rows)
    return Figure(
        "message-by-segment",
        "The same promise, segment by segment",
        f"{counted(decided, 'combination is', 'combinations are')} decided of {len(rows):,} with"
        f" matured contacts;"
        " a verdict on the whole message does not hold for each of its segments.",
        [],
        Table(
            [
                Column("Message", "message_name"),
                Column("Segment", "segment"),
                Column("Verdict", "verdict"),
                Column("Promised", "promised_rate", True),
                Column("Matured", "success_n", True),
                Column("Rate", "success_rate", True),
                Column("Interval", "success_low", True),
            ],
            [
                [
                    none_of("message", row["message_name"]),
                    none_of("segment", row["segment"]),
                    _verdict(row),
                    percent(row["promised_rate"]),
                    count(row["success_n"]),
                    percent(row["success_rate"], 2),
                    interval(row["success_low"], row["success_high"], 2),
                ]
                for row in rows[:_LISTED]
            ],
            "One message in one segment of people, decided ones first.",
            max(len(rows) - _LISTED, 0),
            "message_scorecard",
        ),
        terms=[("verdict", "verdict"), ("contacts that matured", "success_n")],
    )


def _campaigns(source: Source) -> Block:
    if not source.holds("campaign_scorecard"):
        return Gap("No campaign has reached anybody.", "Record company touches with their campaign.")
    rows = source.rows(
        f"select {_ALL} from marts.campaign_scorecard where direction = 'outbound' and {_WHOLE}"
        f" and campaign_name <> '(all)' order by {_ORDER}, reached_count desc, scoped_campaign_id"
    )
    names = told_apart(rows, "campaign_name", "scoped_campaign_id")
    found = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    told = joined(
        [f"{number:,} {VERDICT_NAMES[verdict].lower()}" for verdict, number in found.items() if number]
    )
    return Figure(
        "campaign-verdicts",
        "Verdicts by campaign",
        f"{counted(len(rows), 'campaign')}: {told}." if told else "No campaign has reached anybody outbound.",
        [],
        Table(
            [
                Column("Campaign", "campaign_name"),
                Column("Verdict", "verdict"),
                Column("Contacts", "reached_count", True),
                Column("Matured", "success_n", True),
                Column("Promised", "promised_rate", True),
                Column("Rate", "success_rate", True),
                Column("Interval", "success_low", True),
            ],
            [
                [
                    none_of("campaign", names[str(row["scoped_campaign_id"])]),
                    _verdict(row),
                    count(row["reached_count"]),
                    count(row["success_n"]),
                    percent(row["promised_rate"]),
                    percent(row["success_rate"], 2),
                    interval(row["success_low"], row["success_high"], 2),
                ]
                for row in rows[:_LISTED]
            ],
            "One outbound campaign, decided ones first.",
            max(len(rows) - _LISTED, 0),
            "campaign_scorecard",
        ),
        terms=[("verdict", "verdict"), ("contacts", "reached_count")],
    )


def _breaches(source: Source) -> Block:
    if "opt_out_breaches" not in source.tables:
        return Gap(
            "This release does not look for contacts after an opt-out.", "Build again with this version."
        )
    rows = source.rows(
        "select direction, channel, count(*) as contacts, count(distinct person_id) as people,"
        " max(days_after_opt_out) as latest"
        " from marts.opt_out_breaches group by all order by contacts desc, direction, channel"
    )
    if not rows:
        return Prose("Nobody who had opted out was contacted.")
    return Table(
        [
            Column("Direction", "direction"),
            Column("Channel", "channel"),
            Column("Contacts", "touch_id", True),
            Column("People", "person_id", True),
            Column("Longest after the opt-out", "days_after_opt_out", True),
        ],
        [
            [
                DIRECTION_NAMES[row["direction"]].capitalize(),
                words(row["channel"]),
                count(row["contacts"]),
                count(row["people"]),
                f"{row['latest']:,.0f} days",
            ]
            for row in rows
        ],
        "Contacts of people who had opted out and granted no permission since. Inbound: their list still"
        " claims a consent that they have withdrawn.",
        source="opt_out_breaches",
    )


def _learned(source: Source) -> Block:
    rows = source.rows_of(
        "hypothesis_log",
        f"select {_ALL} from marts.hypothesis_log"
        " where direction = 'outbound' and verdict <> 'insufficient_data' and ended_at is not null"
        f" order by {_ORDER}, ended_at desc, subject, learned",
    )
    if not rows:
        return Gap(
            "No test has ended with something learned.",
            "Tests end with their campaign, or when it goes quiet.",
        )
    return Items(
        [
            Item(
                row["learned"] or "",
                row["verdict"],
                VERDICT_NAMES.get(row["verdict"], ""),
                f"{spoken(row['subject'])} · ended {day(row['ended_at'])}",
            )
            for row in rows[:12]
        ],
        max(len(rows) - 12, 0),
        [("verdict", "verdict"), ("ended", "ended_at")],
    )
