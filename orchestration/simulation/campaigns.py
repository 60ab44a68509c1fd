"""Campaigns of the simulated vendor: programs, their messages with true response rates, versions, spend.

A program is what marketing plans ("cold mail to a segment, each quarter"); each of its messages in each
period is a campaign of the CRM with its own id. Who is reached and who answers belongs in ``journeys``.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from orchestration.simulation.clock import DAY, HOUR, to_datetime, weekday
from orchestration.simulation.vocabulary import SEGMENTS

PERIOD_DAYS = 91
# When the default policy's second ICP comes into force.
SECOND_ICP = datetime(2025, 1, 1)
REQUIRED_CONTEXT = (
    "campaign_name",
    "segment_definition",
    "message_hypothesis",
    "expected_response",
    "success_metric",
    "success_threshold",
)
TARGETED = ("mid_market_software", "enterprise_finance", "industrial", "advisory")
SEGMENT_DEFINITIONS = {
    "mid_market_software": "Software, IT services and technology; 100 to 2,000 employees; managers and above",
    "enterprise_finance": "Financial services; from 1,000 employees; directors and above",
    "industrial": "Manufacturing, energy, logistics, construction; from 100 employees; operations and sales",
    "advisory": "Consulting and professional services; partners and heads of marketing",
    None: "Everyone who fits the ICP, whatever the segment",
}


@dataclass(frozen=True)
class Program:
    """What marketing plans, before it is cut into campaigns.

    Args:
        key: Leading part of campaign ids.
        title: Leading part of campaign names.
        channel: Channel of the campaigns.
        segments: ``each`` targeted segment in each period, one by ``rotation``, or ``all`` at once.
        is_always_on: One period as long as the world instead of quarters.
        messages: Per message: name, hypothesis, factor on the program's response rate.
        expected: Expected responses.
        metric: Success metric.
        threshold: Success threshold.
        send: Kind of the company's touch; None if people come by themselves.
        steps: How often one person is touched per period.
        gap_days: Days between two touches of the same person.
        reach: Share of the targeted people who are touched.
        rate: True probability that a touch is answered, before the message's factor.
        answers: Kinds of answers and their weights.
        relevant: Share of answers whose content is relevant, where content is judged.
        daily_cost: Money per day that the campaign runs.
        currency: Currency of the money.
    """

    key: str
    title: str
    channel: str
    segments: str
    is_always_on: bool
    messages: tuple[tuple[str, str, float], ...]
    expected: str
    metric: str
    threshold: str
    send: str | None = None
    steps: int = 1
    gap_days: int = 1
    reach: float = 0.0
    rate: float = 0.0
    answers: tuple[tuple[str, float], ...] = ()
    relevant: float = 0.4
    daily_cost: float = 20.0
    currency: str = "USD"


_COLD_EXPECTED = "book_demo|book_meeting|request_pricing"

PROGRAMS: tuple[Program, ...] = (
    Program(
        "mail",
        "Cold mail",
        "email",
        "each",
        False,
        (
            ("Forecast you can defend", "Leaders who defend forecasts answer to proof, not features", 1.7),
            ("Handoffs without arguing", "The quarrel between marketing and sales is the pain to name", 1.0),
            ("Product news", "A list of features is enough to start a conversation", 0.3),
        ),
        _COLD_EXPECTED,
        "relevant reply rate",
        ">= 1.0 %",
        "cold_mail",
        4,
        4,
        0.62,
        0.0060,
        (("cold_reply", 0.55), ("cold_click", 0.45)),
        0.22,
        25.0,
    ),
    Program(
        "call",
        "Cold calls",
        "phone",
        "rotation",
        False,
        (
            ("Benchmark call", "A benchmark of the own industry opens a conversation", 1.3),
            ("Discovery call", "An open question opens a conversation", 0.7),
        ),
        "book_meeting|book_demo",
        "meetings per conversation",
        ">= 8 %",
        "cold_call",
        2,
        6,
        0.30,
        0.07,
        (("call_answered", 1.0),),
        0.1,
        90.0,
    ),
    Program(
        "selling",
        "Social selling",
        "social_selling",
        "rotation",
        False,
        (
            ("Comment first", "A comment on the person's own post earns an answer", 1.5),
            ("Straight pitch", "A short pitch earns an answer", 0.5),
        ),
        "book_meeting|send_information",
        "relevant reply rate",
        ">= 3 %",
        "social_message",
        2,
        9,
        0.30,
        0.020,
        (("social_reply", 1.0),),
        0.25,
        40.0,
    ),
    Program(
        "feed",
        "Feed ads",
        "paid_social",
        "rotation",
        False,
        (
            ("Cost of bad handoffs", "A figure in the headline earns the click", 1.4),
            ("Customer quote", "A peer's words earn the click", 0.6),
        ),
        "read_on|register",
        "click rate",
        ">= 0.5 %",
        "feed_impression",
        6,
        5,
        0.50,
        0.0045,
        (("feed_click", 0.6), ("lead_form", 0.4)),
        0.3,
        85.0,
        "EUR",
    ),
    Program(
        "display",
        "Banners",
        "display",
        "rotation",
        False,
        (("Maturity check", "A test of the own maturity earns the click", 1.0),),
        "read_on",
        "click rate",
        ">= 0.1 %",
        "display_impression",
        4,
        6,
        0.30,
        0.0012,
        (("display_click", 1.0),),
        0.3,
        45.0,
        "EUR",
    ),
    Program(
        "preroll",
        "Video ads",
        "video",
        "rotation",
        False,
        (("Two minutes of truth", "A sketch about pipeline reviews is watched to its end", 1.0),),
        "read_on",
        "click rate",
        ">= 0.2 %",
        "video_impression",
        3,
        8,
        0.25,
        0.0020,
        (("video_click", 1.0),),
        0.3,
        50.0,
    ),
    Program(
        "letter",
        "Direct mail",
        "direct_mail",
        "rotation",
        False,
        (
            ("Printed benchmark", "A printed benchmark is kept and leads to a request", 1.5),
            ("Invitation card", "A card with a code is typed in", 0.5),
        ),
        "book_demo|request_pricing",
        "requests per 100 letters",
        ">= 1",
        "letter",
        1,
        1,
        0.20,
        0.018,
        (("letter_request", 0.35), ("letter_visit", 0.65)),
        0.5,
        60.0,
    ),
    Program(
        "invite",
        "Trade-show invitations",
        "event",
        "rotation",
        False,
        (("Meet us at the booth", "People who are there anyway will stop by", 1.0),),
        "book_meeting|register",
        "booth visits per invitation",
        ">= 2 %",
        "event_invite",
        1,
        1,
        0.30,
        0.025,
        (("booth_visit", 1.0),),
        0.15,
        120.0,
    ),
    Program(
        "booth",
        "Trade-show booth",
        "event",
        "all",
        False,
        (("Live audit at the booth", "Seeing the own funnel's gap starts a conversation", 1.0),),
        "book_meeting|book_demo",
        "booked meetings",
        ">= 20",
        relevant=0.2,
        daily_cost=140.0,
        currency="EUR",
    ),
    Program(
        "popup",
        "Pop-ups",
        "website",
        "all",
        True,
        (("Leave your address for the checklist", "Readers about to leave trade an address", 1.0),),
        "read_on|register",
        "forms per display",
        ">= 1 %",
        daily_cost=1.0,
    ),
    Program(
        "ppc-category",
        "Search ads: category",
        "paid_search",
        "all",
        False,
        (
            ("Audit your funnel", "Those who search for the category want an audit", 1.2),
            ("Qualified leads, proved", "Those who search for the category want proof", 0.8),
        ),
        "book_demo|start_trial",
        "cost per demo request",
        "<= 400 USD",
        daily_cost=130.0,
    ),
    Program(
        "ppc-brand",
        "Search ads: own brand",
        "paid_search",
        "all",
        True,
        (("Official site", "Those who search for us want the shortest way", 1.0),),
        "book_demo|request_pricing|start_trial",
        "cost per demo request",
        "<= 100 USD",
        daily_cost=20.0,
    ),
    Program(
        "ppc-competitor",
        "Search ads: competitor",
        "paid_search",
        "all",
        True,
        (("Compare before you sign", "Those about to sign elsewhere compare once more", 1.0),),
        "book_demo|request_pricing",
        "cost per demo request",
        "<= 600 USD",
        daily_cost=35.0,
    ),
    Program(
        "news",
        "Newsletter",
        "email",
        "all",
        False,
        (
            ("Practice letter", "Readers of practice pieces return to the site", 1.2),
            ("Release notes", "Readers of release notes return to the site", 0.8),
        ),
        "read_on|book_demo",
        "click rate",
        ">= 4 %",
        "news_mail",
        6,
        14,
        0.9,
        0.045,
        (("news_click", 1.0),),
        0.5,
        6.0,
    ),
    Program(
        "webinar",
        "Webinars",
        "webinar",
        "all",
        False,
        (
            ("Marketing and sales, one definition", "An agreed definition is what both sides look for", 1.2),
            ("Reading a funnel like an auditor", "Audit language draws operations people", 0.8),
        ),
        "register|book_demo",
        "attendance per registration",
        ">= 45 %",
        "webinar_invite",
        1,
        1,
        0.7,
        0.06,
        (("webinar_signup", 1.0),),
        daily_cost=15.0,
    ),
    Program(
        "content",
        "Guides",
        "content",
        "all",
        True,
        (
            ("Guide to lead definitions", "Those who write a definition look for an example", 1.1),
            ("Benchmark report", "Those who report look for figures", 0.9),
        ),
        "read_on|book_demo",
        "downloads per visit",
        ">= 5 %",
        daily_cost=18.0,
    ),
    Program(
        "tool",
        "Free tools",
        "free_tool",
        "all",
        True,
        (("Funnel maturity check", "Those who test themselves want to see the gap closed", 1.0),),
        "start_trial|book_demo",
        "trials per use",
        ">= 3 %",
        daily_cost=5.0,
    ),
    Program(
        "influencer",
        "Influencer pieces, on topic",
        "influencer",
        "all",
        True,
        (("Operations podcast", "Listeners of an operations podcast come to read on", 1.0),),
        "read_on",
        "visits per piece",
        ">= 50",
        daily_cost=30.0,
    ),
    Program(
        "influencer-off",
        "Influencer pieces, off topic",
        "influencer",
        "all",
        True,
        (("Cooking channel", "Reach matters more than fit", 1.0),),
        "read_on",
        "visits per piece",
        ">= 50",
        daily_cost=30.0,
    ),
    Program(
        "referral",
        "Customer referrals",
        "referral",
        "all",
        True,
        (("Bring a colleague", "Customers introduce peers if asked after a renewal", 1.0),),
        "book_demo|book_meeting",
        "introductions per month",
        ">= 5",
        daily_cost=8.0,
    ),
    Program(
        "partner",
        "Partner leads",
        "partner",
        "all",
        True,
        (("Integrator kit", "Integrators send clients if they can explain us in a minute", 1.0),),
        "book_demo|book_meeting",
        "leads per month",
        ">= 5",
        daily_cost=10.0,
    ),
    Program(
        "followup",
        "Follow-up to requests",
        "email",
        "all",
        True,
        (
            ("Answer with a date", "Two dates to choose from are answered faster than a question", 1.2),
            ("Answer with a question", "An open question shows interest in the person", 0.8),
        ),
        "book_demo|book_meeting|request_pricing",
        "meetings per request",
        ">= 40 %",
        rate=0.2,
        relevant=0.45,
        daily_cost=12.0,
    ),
    Program(
        "print",
        "Print ads",
        "print",
        "all",
        True,
        (("Half page in the trade journal", "Readers of the trade journal type in a short address", 1.0),),
        "read_on",
        "visits of the short address",
        ">= 30",
        daily_cost=35.0,
        currency="EUR",
    ),
    Program(
        "tv",
        "TV spots",
        "tv",
        "all",
        True,
        (("Business news slot", "Viewers of business news look us up", 1.0),),
        "read_on",
        "visits of the short address",
        ">= 30",
        daily_cost=80.0,
    ),
    # The CRM has no fields for these two; their context waits in the policy's campaign registry.
    Program(
        "radio",
        "Radio spots",
        "radio",
        "all",
        True,
        (("Morning drive", "Commuters remember a short address", 1.0),),
        "read_on",
        "visits of the short address",
        ">= 30",
        daily_cost=30.0,
    ),
    Program(
        "outdoor",
        "Posters",
        "outdoor",
        "all",
        True,
        (("Airport screens", "Travellers on business remember a short address", 1.0),),
        "read_on",
        "visits of the short address",
        ">= 30",
        daily_cost=55.0,
    ),
)
PROGRAM: dict[str, Program] = {program.key: program for program in PROGRAMS}
REGISTERED_ELSEWHERE = ("radio", "outdoor")

# Which program a kind of touch belongs to, and how often the source records it.
KIND_PROGRAMS: dict[str, tuple[str, float]] = {
    "category_click": ("ppc-category", 0.97),
    "brand_click": ("ppc-brand", 0.97),
    "competitor_click": ("ppc-competitor", 1.0),
    "unknown_keyword_click": ("ppc-category", 0.9),
    "unknown_click": ("news", 0.9),
    "download": ("content", 0.7),
    "article_visit": ("content", 0.4),
    "webinar_signup": ("webinar", 0.9),
    "webinar_seat": ("webinar", 0.9),
    "tool_use": ("tool", 0.6),
    "fitting_influencer": ("influencer", 0.9),
    "unfit_influencer": ("influencer-off", 1.0),
    "unknown_influencer": ("influencer", 0.8),
    "introduction": ("referral", 0.7),
    "partner_form": ("partner", 0.8),
    "booth_visit": ("booth", 1.0),
    "popup": ("popup", 1.0),
    "popup_form": ("popup", 1.0),
    "print_visit": ("print", 1.0),
    "tv_visit": ("tv", 1.0),
    "radio_visit": ("radio", 1.0),
    "outdoor_visit": ("outdoor", 1.0),
    "demo_request": ("ppc-category", 0.12),
    "pricing_request": ("ppc-brand", 0.12),
}


@dataclass(frozen=True)
class Campaign:
    """One campaign of the CRM: one message of one program in one period.

    Args:
        campaign_id: Id in the CRM.
        program: Key of its program; empty for campaigns with a gap.
        segment: Index of the targeted segment in ``SEGMENTS``; None for everyone.
        starts_at: First second.
        ends_at: Last second.
        rate: True probability that a touch is answered.
        versions: All versions as rows of the CRM, ascending in ``updated_at``.
        gap: What its context lacks; empty for nothing.
    """

    campaign_id: str
    program: str
    segment: int | None
    starts_at: int
    ends_at: int
    rate: float
    versions: tuple[dict[str, Any], ...]
    gap: str = ""


@dataclass
class Calendar:
    """All campaigns of the world.

    Args:
        campaigns: In the order of their index.
        by_program: Indices by program key, ascending in time.
        gaps: Index by missing field, for campaigns whose context has a gap.
    """

    campaigns: list[Campaign] = field(default_factory=list)
    by_program: dict[str, list[int]] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)

    def add(self, campaign: Campaign) -> None:
        """Append a campaign.

        Args:
            campaign: The campaign.
        """
        index = len(self.campaigns)
        self.campaigns.append(campaign)
        if campaign.gap:
            self.gaps[campaign.gap] = index
        else:
            self.by_program.setdefault(campaign.program, []).append(index)


def plan_campaigns(rng: np.random.Generator, start: int, end: int) -> Calendar:
    """Plan all campaigns of the world.

    Args:
        rng: Source of randomness.
        start: First second of the world.
        end: Last second of the world.

    Returns:
        The calendar.
    """
    calendar = Calendar()
    periods = list(range(start, end, PERIOD_DAYS * DAY))
    for number, program in enumerate(PROGRAMS):
        windows = [start] if program.is_always_on else periods
        length = (end - start) if program.is_always_on else PERIOD_DAYS * DAY
        for turn, opens in enumerate(windows):
            for segment in _segments(program, number + turn):
                for letter in range(len(program.messages)):
                    calendar.add(_campaign(rng, program, letter, segment, opens, opens + length - 1, end))
    for gap in (*REQUIRED_CONTEXT, "campaign_not_in_force"):
        calendar.add(_with_gap(rng, gap, start, end))
    return calendar


def campaign_rows(calendar: Calendar) -> list[dict[str, Any]]:
    """List all campaign versions.

    Args:
        calendar: All campaigns.

    Returns:
        Rows with the canonical columns, times as datetimes (UTC), by ``updated_at`` and id.
    """
    rows = [version for campaign in calendar.campaigns for version in campaign.versions]
    return sorted(rows, key=lambda row: (row["updated_at"], row["campaign_id"]))


def spend_rows(rng: np.random.Generator, calendar: Calendar, end: int) -> list[dict[str, Any]]:
    """List what the campaigns cost, per day for paid media and per week for the rest.

    Args:
        rng: Source of randomness.
        calendar: All campaigns.
        end: Last second of the world.

    Returns:
        Rows with the canonical columns, ``spend_date`` as a datetime (UTC midnight), by date and id.
    """
    rows = []
    for campaign in calendar.campaigns:
        program = PROGRAM.get(campaign.program, PROGRAM["mail"])
        step = 1 if program.channel in {"paid_search", "paid_social", "display"} else 7
        days = np.arange(campaign.starts_at // DAY, min(campaign.ends_at, end) // DAY + 1, step)
        days = days[days * DAY >= campaign.starts_at]
        quiet = np.where((weekday(days) >= 5) & (step == 1), 0.35, 1.0)
        share = 1 / len(program.messages)
        amounts = program.daily_cost * step * share * quiet * rng.lognormal(0.0, 0.25, len(days))
        for day, amount in zip(days.tolist(), amounts.tolist(), strict=True):
            rows.append(
                {
                    "campaign_id": campaign.campaign_id,
                    "spend_date": datetime.fromtimestamp(day * DAY, UTC).replace(tzinfo=None),
                    "amount": round(amount, 2),
                    "currency": program.currency,
                }
            )
    return sorted(rows, key=lambda row: (row["spend_date"], row["campaign_id"]))


def _segments(program: Program, turn: int) -> list[str | None]:
    if program.segments == "each":
        return list(TARGETED)
    return [None] if program.segments == "all" else [TARGETED[turn % len(TARGETED)]]


def _segment_index(name: str | None) -> int | None:
    return None if name is None else [segment.name for segment in SEGMENTS].index(name)


def _campaign(
    rng: np.random.Generator,
    program: Program,
    letter: int,
    segment: str | None,
    opens: int,
    closes: int,
    end: int,
) -> Campaign:
    message, hypothesis, factor = program.messages[letter]
    month = to_datetime(opens).strftime("%Y-%m")
    parts = [program.key] if program.is_always_on else [program.key, month]
    campaign_id = "-".join([*parts, *([segment] if segment else []), "abc"[letter]])
    title = program.title if segment is None else f"{program.title}: {segment.replace('_', ' ')}"
    created = to_datetime(opens - 6 * DAY - int(rng.integers(0, 3 * DAY)))
    first = {
        "campaign_id": campaign_id,
        "campaign_name": title if program.is_always_on else f"{title} {month}",
        "channel": program.channel,
        "segment_name": segment,
        "segment_definition": SEGMENT_DEFINITIONS[segment],
        "message_name": message,
        "message_hypothesis": hypothesis,
        "expected_response": program.expected,
        "success_metric": program.metric,
        "success_threshold": program.threshold,
        "icp_version": "v2" if created >= SECOND_ICP else "v1",
        "starts_at": to_datetime(opens),
        "ends_at": None if program.is_always_on else to_datetime(closes),
        "created_at": created,
        "updated_at": created,
    }
    if program.key in REGISTERED_ELSEWHERE:
        first.update(dict.fromkeys(("segment_definition", "message_hypothesis", "success_metric")))
    campaign = Campaign(
        campaign_id,
        program.key,
        _segment_index(segment),
        opens,
        closes,
        min(program.rate * factor, 0.95),
        (first,),
    )
    return _edited(rng, campaign, end)


def _edited(rng: np.random.Generator, campaign: Campaign, end: int) -> Campaign:
    """Add later versions: a reworded hypothesis, a new threshold, a renamed campaign."""
    draws = rng.random(3)
    last = min(campaign.ends_at, end)
    moments = np.sort(rng.uniform(campaign.starts_at + DAY, max(last, campaign.starts_at + 2 * DAY), 2))
    versions = list(campaign.versions)
    if draws[0] < 0.3:
        edits = {"success_threshold": "reset after the first two weeks"}
        if versions[0]["message_hypothesis"] is not None and draws[1] < 0.6:
            edits = {"message_hypothesis": f"{versions[0]['message_hypothesis']}, reworded after a review"}
        versions.append({**versions[0], **edits, "updated_at": to_datetime(int(moments[0]))})
        if draws[2] < 0.3:
            name = f"{versions[0]['campaign_name']} (renamed)"
            versions.append(
                {**versions[-1], "campaign_name": name, "updated_at": to_datetime(int(moments[1]) + HOUR)}
            )
    kept = tuple(version for version in versions if version["updated_at"] <= to_datetime(end))
    return replace(campaign, versions=kept)


def _with_gap(rng: np.random.Generator, gap: str, start: int, end: int) -> Campaign:
    """Build a campaign that lacks one required field for good, or that begins only near the end."""
    opens = start if gap != "campaign_not_in_force" else end - 4 * DAY
    base = _campaign(rng, PROGRAM["mail"], 1, "mid_market_software", opens, end, opens)
    campaign_id = f"handmade-{gap.replace('_', '-')}"
    row = {**base.versions[0], "campaign_id": campaign_id, "campaign_name": f"Handmade mailing ({gap})"}
    if gap in REQUIRED_CONTEXT:
        row[gap] = None
    return replace(base, campaign_id=campaign_id, program="", versions=(row,), gap=gap)
