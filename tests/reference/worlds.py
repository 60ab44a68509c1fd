"""Small worlds full of what breaks implementations, written as landing files and policy tables.

Ties at one instant, moments exactly on a boundary, merges and hubs, repeats, late and early rows, flawed
values, answers to the wrong touch, policy and campaigns that change while people act. What follows from them
does not belong here; nothing of the reference is used, so a world can judge it too.

    .venv/bin/python -m tests.reference.worlds --out some/folder --people 60 --seed 1
"""

import argparse
import csv
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

AS_OF = datetime(2026, 3, 1)
START = datetime(2024, 6, 1)
# Moments at which policy changes; the names follow the order.
FIRST, SECOND, THIRD, FOURTH = (
    datetime(2024, 10, 1),
    datetime(2025, 3, 1, 12),
    datetime(2025, 8, 15),
    datetime(2025, 12, 1),
)
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_NUDGES = (timedelta(0), timedelta(0), timedelta(0), _SECOND, -_SECOND, timedelta(microseconds=1))

Row = dict[str, str | None]


@dataclass(frozen=True)
class SmallWorld:
    """Where a world lies, and the clock to look at it with."""

    landing: Path
    seeds: Path
    as_of: datetime = AS_OF
    loaded_at: datetime = AS_OF


# What is delivered before which build: the date in the file names, and the build's clock. Rows of every time
# stand in every file, so each delivery restates what the builds before it said.
DELIVERIES = (
    ("2025-01-31", datetime(2025, 9, 1)),
    ("2025-07-31", datetime(2025, 12, 15)),
    ("2026-02-28", AS_OF),
)


def deliver(small: SmallWorld, landing: Path, number: int) -> datetime:
    """Copy the files of one delivery into a landing folder.

    Args:
        small: The world, written as a whole.
        landing: The folder that gets its files one delivery after the other.
        number: Which delivery, from 0.

    Returns:
        The clock to build with afterwards. Built after the last one, everything is as if it had come at once.
    """
    day, as_of = DELIVERIES[number]
    for path in sorted(small.landing.rglob(f"*{day}.*")):
        copied = landing / path.relative_to(small.landing)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
    return as_of


def write_world(
    folder: Path,
    *,
    people: int,
    seed: int,
    seeds_from: Path,
    with_policy_changes: bool = True,
    with_dirt: bool = True,
) -> SmallWorld:
    """Write a world; the same arguments give the same bytes.

    Args:
        folder: Folder that gets `landing` and `seeds`.
        people: How many people act, before any of them turn out to be one.
        seed: Seed of everything that is drawn.
        seeds_from: Policy tables to start from.
        with_policy_changes: Whether policy changes while people act.
        with_dirt: Whether rows are repeated, flawed or early.
    """
    rng = Random(seed)
    world = _World(rng, most_on_address=3 if with_policy_changes else 5)
    _campaigns(world)
    for number in range(people):
        _live(world, number)
    _crowds(world)
    _almost_crowds(world)
    _corners(world)
    _deals_and_spend(world)
    if with_dirt:
        _soil(world)
    landing, seeds = folder / "landing", folder / "seeds"
    _write_landing(landing, world, with_dirt=with_dirt)
    shutil.copytree(seeds_from, seeds, dirs_exist_ok=True)
    if with_policy_changes:
        change_policy(seeds)
    return SmallWorld(landing, seeds)


# --- who lives, and what they do -----------------------------------------------------------------


@dataclass
class _World:
    rng: Random
    most_on_address: int
    rows: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in KEYS})
    touches: list[tuple[datetime, str]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=lambda: [FIRST, SECOND, THIRD, FOURTH])
    campaign_ids: dict[str, list[str]] = field(default_factory=dict)
    used: int = 0

    def add(self, table: str, **values: str | None) -> Row:
        row = dict(values)
        self.rows[table].append(row)
        return row

    def new_id(self, prefix: str) -> str:
        """Ids whose order by bytes is neither that of numbers nor that of time."""
        self.used += 1
        lead = self.rng.choice(("", "A", "a", "Z", "_", "9", "10", "é"))
        return f"{lead}{prefix}{self.rng.randrange(100)}-{self.used}"

    def maybe(self, share: float) -> bool:
        return self.rng.random() < share

    def written(self, moment: datetime) -> str:
        """A moment as some source would write it."""
        text = moment.isoformat(sep=" ")
        way = self.rng.randrange(8)
        if way == 0:
            return moment.isoformat() + "Z"
        if way == 1:
            return (moment + timedelta(hours=2)).isoformat() + "+02:00"
        if way == 2:
            return f" {text}\t"
        if way == 3 and moment == moment.replace(hour=0, minute=0, second=0, microsecond=0):
            return moment.date().isoformat()
        return text

    def coded(self, code: str | None) -> str | None:
        """A code as some source would write it."""
        if code is None:
            return self.rng.choice((None, None, "", "  "))
        return self.rng.choice((code, code, code, code.upper(), f" {code} "))


@dataclass
class _Actor:
    emails: list[str]
    contacts: list[str]
    visitors: list[str]
    company: str
    records: dict[str, Row] = field(default_factory=dict)
    moments: dict[str, datetime] = field(default_factory=dict)
    own_touches: list[tuple[datetime, str]] = field(default_factory=list)


_INDUSTRIES = ("software", "technology", "financial_services", "manufacturing", "retail", "consulting")
_COUNTS: tuple[tuple[str | None, str | None], ...] = (
    ("49", None), ("50", None), ("99", None), ("100", None), ("250", None), ("1000", None), ("2000", None),
    ("2001", None), ("5000", None), ("5001", None), ("100", "200"), ("50", "2001"), ("1000", "5000"),
    (None, "500"), ("many", None), ("300", "a lot"),
)  # fmt: skip
_SENIORITIES = ("c_level", "vp", "director", "manager", "individual")
_TITLES = (
    "CEO", "Assistant to the CEO", "Head of Sales", "product owner", "Software Engineer", "Vice President",
    "Geschäftsführer", "Something else", "managing director",
)  # fmt: skip
_TYPES = ("private", "public", "startup", "agency")
_COUNTRIES = ("de", "us", "fr", "br")

# Type, channel and what decides its direction.
Kind = tuple[str, str, Mapping[str, tuple[str | None, ...]]]
_CONSENT: Mapping[str, tuple[str | None, ...]] = {"audience_consent": ("opt_in", "none", None)}
COMPANY_KINDS: tuple[Kind, ...] = (
    ("email_sent", "email", {**_CONSENT, "placement": (None, None, "cold_list", "newsletter")}),
    ("email_sent", "email", _CONSENT),
    ("call_made", "phone", {}),
    ("follow_up_sent", "email", {}),
    ("follow_up_sent", "phone", {}),
    ("webinar_invitation", "webinar", _CONSENT),
    ("message_sent", "social_selling", {}),
    ("ad_impression", "paid_social", {"placement": ("feed_ad", None)}),
    ("outreach_sent", "other", {}),
)
RESPONSE_KINDS: tuple[Kind, ...] = (
    ("email_reply", "email", {"initiated_by": ("contact", None, None), "audience_consent": (None, "none")}),
    ("email_reply", "email", {}),
    ("email_click", "email", {}),
    ("campaign_response", "email", {}),
    ("campaign_response", "other", {}),
    ("call_answered", "phone", {}),
    ("meeting_attended", "phone", {}),
    ("message_reply", "social_selling", {}),
    ("page_visit", "website", {"placement": (None, "popup")}),
    ("page_visit", "organic_search", {}),
    ("form_submit", "website", {}),
    ("demo_request", "website", {}),
    ("demo_request", "email", {"initiated_by": ("contact", None)}),
    ("pricing_request", "referral", {}),
    ("contact_request", "phone", {"initiated_by": ("contact", "company", None)}),
    ("content_download", "content", {}),
    ("webinar_attendance", "webinar", {}),
    ("ad_click", "paid_search", {"keyword_intent": ("category", "own_brand", "competitor_brand", None)}),
    ("page_visit", "influencer", {"content_fit": ("on_topic", "off_topic", None)}),
    ("page_visit", "video", {"placement": ("search_result", "video_ad", None)}),
    ("lead_form_submit", "paid_social", {}),
    ("social_engagement", "social", {}),
    ("event_visit", "event", {"placement": ("booth", "own_event", None)}),
    ("newsletter_signup", "website", {}),
    ("free_tool_use", "free_tool", {}),
    ("trial_signup", "website", {}),
)
OTHER_KINDS: tuple[Kind, ...] = (
    ("email_open", "email", {}),
    ("auto_reply", "email", {}),
    ("meeting_scheduled", "phone", {}),
    ("email_bounced", "email", {}),
)
OPT_OUT_KINDS: tuple[Kind, ...] = (
    ("unsubscribe", "email", {}),
    ("do_not_contact_request", "phone", {}),
    ("spam_complaint", "email", _CONSENT),
)
# What a source put where it does not belong (decision 0029).
_ADDRESSED = "Ask ada@firm1.example"
_PAGES = (
    None,
    "https://www.leadproof.example/a \t?email=x#top",
    "?only=query",
    "https://www.leadproof.example/thanks/+49 170 1234567/next",
    "/for/ada@firm1.example/212-555-0199",
    "/for/ada%40firm1.example/212%20555%200199/%2B49%20170%201234567",
)
_INTENTS = ("book_demo", "Request_Pricing", "talk", "no_thanks")


def _live(world: _World, number: int) -> None:
    """Let one person act until the end of the world, and sometimes beyond."""
    rng = world.rng
    stranger = rng.randrange(max(number, 1))
    firm = f"firm{number % 9}.example"
    if world.maybe(0.03):
        firm = rng.choice(("rival.example", "x.test", "leadproof.example"))
    actor = _Actor(
        emails=[f"p{number}@{firm}"],
        contacts=[f"C{number}"],
        visitors=[f"v{number}"],
        company=f"co{number % 9}",
    )
    if world.maybe(0.3):
        actor.emails.append(f"P{number}.alias@home.example")
    if world.maybe(0.3):
        actor.contacts.append(f"c{number}")
    if world.maybe(0.06):
        rng.choice((actor.emails, actor.contacts, actor.visitors)).append(
            rng.choice((f"p{stranger}@firm{stranger % 9}.example", f"C{stranger}", f"v{stranger}"))
        )
    if world.maybe(0.02):
        actor.emails.append(f"test@{firm}")
    moment = START + timedelta(hours=rng.randrange(500 * 24) // 12 * 12)
    if world.maybe(0.85):
        _contact(world, actor, rng.choice(actor.contacts), moment)
    for _ in range(rng.choice((2, 5, 8, 12, 18, 25))):
        moment = _step(world, moment)
        _act(world, actor, moment)
        if moment > AS_OF:
            break


def _step(world: _World, moment: datetime) -> datetime:
    """The next moment: often the same, often exactly on a boundary."""
    rng = world.rng
    draw = rng.random()
    if draw < 0.2:
        return moment
    if draw < 0.4:
        return moment + timedelta(hours=rng.choice((1, 12, 36)))
    if draw < 0.65:
        return moment + _DAY * rng.choice((1, 2, 3, 5))
    if draw < 0.75:
        return moment + _DAY * rng.choice((7, 14)) + rng.choice(_NUDGES)
    if draw < 0.85:
        return moment + _DAY * rng.choice((10, 30)) + rng.choice(_NUDGES)
    if draw < 0.92:
        return moment + _DAY * rng.choice((60, 180)) + rng.choice(_NUDGES)
    later = [other for other in (*world.moments, AS_OF - 60 * _DAY, AS_OF) if other > moment]
    return min(later) + rng.choice(_NUDGES) if later else moment + _DAY


def _act(world: _World, actor: _Actor, moment: datetime) -> None:
    rng = world.rng
    draw = rng.random()
    if draw < 0.42:
        _touch(world, actor, moment, rng.choice(RESPONSE_KINDS), is_response=True)
    elif draw < 0.62:
        _touch(world, actor, moment, rng.choice(COMPANY_KINDS))
    elif draw < 0.66:
        _touch(world, actor, moment, rng.choice(OTHER_KINDS))
    elif draw < 0.69:
        _touch(world, actor, moment, rng.choice(OPT_OUT_KINDS))
    elif draw < 0.76:
        _handoff(world, actor, moment, rng.choice(("accepted", "accepted", "rejected")))
    elif draw < 0.90:
        _contact(world, actor, rng.choice(actor.contacts), moment)
    elif draw < 0.94:
        _company(world, actor.company, moment)
    elif actor.records:
        # All records, or one of them, vanish; some come back.
        for contact in list(actor.records) if world.maybe(0.7) else [rng.choice(list(actor.records))]:
            _contact(world, actor, contact, moment, is_deleted=world.maybe(0.75))


def _touch(world: _World, actor: _Actor, moment: datetime, kind: Kind, *, is_response: bool = False) -> None:
    rng = world.rng
    touch_type, channel, facts = kind
    touch_id = world.new_id("t")
    campaign = None
    if world.maybe(0.25 if is_response else 0.8):
        pool = world.campaign_ids.get(channel) or world.campaign_ids["email"]
        campaign = rng.choice(pool) if world.maybe(0.93) else rng.choice(("nobody-knows-it", pool[0].upper()))
    answers = None
    if is_response and world.maybe(0.4):
        answers = _answered(world, actor, touch_id)
    keys = _keys(world, actor)
    world.add(
        "touches",
        source_touch_id=touch_id,
        occurred_at=world.written(moment),
        **keys,
        channel=world.coded(channel),
        touch_type=world.coded(touch_type),
        campaign_id=campaign,
        answers_touch_id=answers,
        **{
            column: world.coded(rng.choice(facts[column])) if column in facts else None
            for column in ("placement", "keyword_intent", "audience_consent", "content_fit", "initiated_by")
        },
        offer_id=rng.choice((None, "Paper-1")),
        landing_page=rng.choice(_PAGES),
        response_relevance=world.coded(rng.choice((None, None, "relevant", "relevant", "irrelevant")))
        if is_response
        else None,
        response_intent=world.coded(rng.choice((None, *_INTENTS, _ADDRESSED))) if is_response else None,
    )
    actor.own_touches.append((moment, touch_id))
    world.touches.append((moment, touch_id))


def _answered(world: _World, actor: _Actor, own_id: str) -> str:
    rng = world.rng
    draw = rng.random()
    if draw < 0.6 and actor.own_touches:
        return rng.choice(actor.own_touches[-3:])[1]
    if draw < 0.8 and world.touches:
        return rng.choice(world.touches)[1]
    if draw < 0.85:
        return own_id
    return "nobody-sent-it"


def _keys(world: _World, actor: _Actor) -> Row:
    rng = world.rng
    ways = rng.choice(("contact", "email", "visitor", "contact email", "email visitor", "contact visitor"))
    email = rng.choice(actor.emails)
    if world.maybe(0.03):
        email, ways = rng.choice(("info@firm1.example", "no address", "two@at@signs")), "contact email"
    return {
        "source_contact_id": rng.choice(actor.contacts) if "contact" in ways else None,
        "email": rng.choice((email, email.upper(), f" {email} ")) if "email" in ways else None,
        "anonymous_id": rng.choice(actor.visitors) if "visitor" in ways else None,
    }


def _handoff(world: _World, actor: _Actor, moment: datetime, outcome: str) -> None:
    rng = world.rng
    way = rng.randrange(4)
    world.add(
        "handoffs",
        source_handoff_id=world.new_id("h"),
        source_contact_id=rng.choice(actor.contacts) if way != 0 else None if way else "never-heard-of",
        email=rng.choice(actor.emails) if way != 1 else None,
        occurred_at=world.written(moment),
        outcome=world.coded(outcome),
        reason=rng.choice((None, "no budget")),
    )


def _contact(
    world: _World, actor: _Actor, contact: str, moment: datetime, *, is_deleted: bool | None = None
) -> None:
    rng = world.rng
    count, count_max = rng.choice(_COUNTS)
    row: Row = {
        "source_contact_id": contact,
        "source_company_id": rng.choice((actor.company, None, f"co{rng.randrange(9)}", "co-unknown")),
        "email": rng.choice(actor.emails) if world.maybe(0.6) else None,
        "phone": None,
        "full_name": "Somebody",
        "job_title": rng.choice((None, None, *_TITLES)) if world.maybe(0.995) else "Open to work",
        "seniority": world.coded(rng.choice((None, *_SENIORITIES))),
        "company_name": None,
        "company_domain": None if world.maybe(0.99) else "Rival.example",
        "industry": world.coded(rng.choice((*_INDUSTRIES, _ADDRESSED))) if world.maybe(0.7) else None,
        "employee_count": count if world.maybe(0.7) else None,
        "employee_count_max": count_max,
        "company_type": world.coded(rng.choice(_TYPES)) if world.maybe(0.7) else None,
        "country": world.coded(rng.choice(_COUNTRIES)) if world.maybe(0.6) else None,
        "acquisition_source": world.coded("import") if world.maybe(0.95) else "a list from somebody",
        "source_stage": rng.choice((None, "mql", _ADDRESSED)),
        "is_deleted": {None: rng.choice((None, "false", "0")), True: "true", False: "false"}[is_deleted],
    }
    created = actor.moments.setdefault(contact, moment - rng.choice((timedelta(0), _DAY, 40 * _DAY)))
    row["created_at"] = world.written(created if world.maybe(0.95) else moment + 3 * _DAY)
    row["updated_at"] = world.written(moment)
    if contact not in actor.records and world.maybe(0.3):
        row["created_at"], row["updated_at"] = world.written(moment), None
    if world.maybe(0.4):
        # Somebody whom every version of the profile fits.
        row |= {"industry": "software", "employee_count": rng.choice(("100", "2000")), "country": "de"}
        row |= {"employee_count_max": None, "seniority": "vp", "company_type": "private"}
    actor.records[contact] = row
    world.rows["contacts"].append(row)


def _company(world: _World, company: str, moment: datetime) -> None:
    rng = world.rng
    count, count_max = rng.choice(_COUNTS)
    world.add(
        "companies",
        source_company_id=company,
        company_name="Some company",
        company_domain=f"{company}.example",
        industry=world.coded(rng.choice(_INDUSTRIES)) if world.maybe(0.6) else None,
        employee_count=count if world.maybe(0.6) else None,
        employee_count_max=count_max,
        company_type=world.coded(rng.choice(_TYPES)) if world.maybe(0.6) else None,
        country=world.coded(rng.choice(_COUNTRIES)) if world.maybe(0.6) else None,
        updated_at=world.written(moment),
    )


def _campaigns(world: _World) -> None:
    """Campaigns whose context comes, changes and goes, with versions exactly where other things happen."""
    rng = world.rng
    channels = ("email", "email", "email", "phone", "webinar", "paid_social", "website", "other")
    for number, channel in enumerate(channels):
        campaign = f"camp-{number}"
        world.campaign_ids.setdefault(channel, []).append(campaign)
        moment = START + _DAY * rng.randrange(0, 200)
        for version in range(rng.choice((1, 2, 3))):
            lacks = rng.choice(
                (None, None, "message_hypothesis", "success_threshold", "expected_response", "campaign_name")
            )
            values: Row = {
                "campaign_id": campaign,
                "campaign_name": f"Campaign {number}.{version}",
                "channel": world.coded(channel),
                "segment_name": rng.choice((None, "mid_market_software", "industrial", "nobody")),
                "segment_definition": "Those whom we mean",
                "message_name": f"Message {version}",
                "message_hypothesis": "They have the problem",
                "expected_response": rng.choice(
                    ("book_demo", "book_demo|request_pricing", " Talk | book_demo")
                ),
                "success_metric": "reply rate",
                "success_threshold": ">= 2 %",
                "icp_version": "v2",
                "starts_at": rng.choice((None, world.written(moment - 30 * _DAY), "some day")),
                "ends_at": world.written(moment + 10 * _DAY),
                "created_at": world.written(moment - rng.choice((timedelta(0), 20 * _DAY, -_DAY))),
                "updated_at": world.written(moment),
            }
            if lacks:
                values[lacks] = None
            world.rows["campaigns"].append(values)
            world.moments.append(moment)
            moment = rng.choice((SECOND, THIRD, moment + 90 * _DAY, moment + 90 * _DAY))
    world.moments.sort()


def _crowds(world: _World) -> None:
    """Addresses and devices at the very limit of what may still link, and just beyond."""
    most = world.most_on_address
    for excess in (0, 1):
        for number in range(most + excess):
            moment = START + _DAY * (20 + number)
            world.add(
                "contacts",
                source_contact_id=f"desk{excess}-{number}",
                email=f"desk{excess}@hub.example",
                created_at=world.written(moment),
                is_deleted=None,
            )
            for kiosk, keys in (
                ("mail", {"email": f"visitor{excess}-{number}@hub.example"}),
                ("record", {"source_contact_id": f"desk{excess}-{number}"}),
            ):
                _bare_touch(world, moment + _DAY, anonymous_id=f"kiosk-{kiosk}-{excess}", **keys)
        for kiosk in ("mail", "record"):
            _bare_touch(world, SECOND, anonymous_id=f"kiosk-{kiosk}-{excess}")
        _bare_touch(world, SECOND, email=f"desk{excess}@hub.example")
        _bare_touch(world, SECOND, email=f"info@hub{excess}.example")
        # The last row of an id identifies nobody: an earlier one stands.
        touch_id = world.new_id("t")
        _bare_touch(world, THIRD, touch_id, email=f"earlier{excess}@hub.example")
        _bare_touch(world, THIRD, touch_id, anonymous_id="kiosk-mail-1")


def _bare_touch(world: _World, moment: datetime, touch_id: str | None = None, **values: str | None) -> str:
    """A touch that says just this."""
    own_id = touch_id or world.new_id("t")
    facts: Row = {"channel": "website", "touch_type": "form_submit", **values}
    world.add("touches", source_touch_id=own_id, occurred_at=world.written(moment), **facts)
    return own_id


def _almost_crowds(world: _World) -> None:
    """One visitor too many on a device, but in a row that does not stand: it waits, or is replaced."""
    for reason in ("early", "replaced"):
        kiosk = f"kiosk-{reason}"
        for number in range(world.most_on_address):
            _bare_touch(world, SECOND, anonymous_id=kiosk, email=f"{reason}{number}@hub.example")
        _bare_touch(world, SECOND, anonymous_id=kiosk)
    _bare_touch(world, AS_OF + _DAY, anonymous_id="kiosk-early", email="early@hub.example")
    touch_id = world.new_id("t")
    _bare_touch(world, THIRD, touch_id, anonymous_id="kiosk-replaced", email="replaced@hub.example")
    _bare_touch(world, THIRD, touch_id, email="replaced@hub.example")


# --- corners: what chance would meet too rarely --------------------------------------------------


@dataclass
class _Corner:
    """One person with a script; moments count from `base`."""

    world: _World
    name: str
    base: datetime

    def record(self, after: timedelta, **values: str | None) -> None:
        at = self.world.written(self.base + after)
        record: Row = {"source_contact_id": self.name, **values}
        self.world.add("contacts", created_at=at, updated_at=at, **record)

    def fit(self, after: timedelta, **values: str | None) -> None:
        facts: Row = {"industry": "software", "employee_count": "100", "country": "de"}
        facts |= {"seniority": "vp", "company_type": "private"}
        self.record(after, **{**facts, **values})

    def touch(self, after: timedelta, touch_type: str, channel: str, **values: str | None) -> str:
        facts: Row = {"touch_type": touch_type, "channel": channel, **values}
        return _bare_touch(self.world, self.base + after, source_contact_id=self.name, **facts)

    def visit(self, after: timedelta) -> str:
        return self.touch(after, "page_visit", "website")

    def opt_out(self, after: timedelta) -> str:
        return self.touch(after, "unsubscribe", "email")

    def handoff(self, after: timedelta, outcome: str) -> None:
        self.world.add(
            "handoffs",
            source_handoff_id=self.world.new_id("h"),
            source_contact_id=self.name,
            occurred_at=self.world.written(self.base + after),
            outcome=outcome,
        )

    def delete(self, after: timedelta) -> None:
        self.record(after, is_deleted="true")


def _corners(world: _World) -> None:
    """Scripts of what ends, opens and proves something at one instant or just beside it."""
    world.add(
        "campaigns",
        campaign_id="corner",
        campaign_name="Corner",
        segment_definition="Those",
        message_hypothesis="Because",
        expected_response="talk",
        success_metric="replies",
        success_threshold="2 %",
        updated_at=world.written(START - _DAY),
    )
    world.add("campaigns", campaign_id="bare", updated_at=world.written(START))
    bases = (START + 10 * _DAY, START + 100 * _DAY, SECOND + 10 * _DAY, THIRD - 5 * _DAY)
    for place, base in enumerate(bases):
        dormancy, tick = _DAY * (180 if base < SECOND else 60), timedelta(microseconds=1)
        for number, script in enumerate(SCRIPTS):
            script(_Corner(world, f"corner{place}-{number}", base), dormancy, tick)


Script = Callable[[_Corner, timedelta, timedelta], None]
_NOW = timedelta(0)


def _exit_where_dormancy_ends(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    corner.visit(dormancy)
    corner.opt_out(dormancy)


def _rejection_where_dormancy_ends(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    corner.visit(dormancy)
    corner.handoff(dormancy, "rejected")
    corner.visit(dormancy + tick)


def _opt_out_while_silent(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    corner.opt_out(dormancy)
    corner.visit(dormancy + tick)


def _all_exits_at_once(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    corner.handoff(_DAY, "rejected")
    corner.delete(_DAY)
    corner.opt_out(_DAY)
    corner.opt_out(_DAY)
    corner.visit(_DAY)
    corner.visit(2 * _DAY)


def _deletion_and_rejection_at_once(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    corner.handoff(_DAY, "rejected")
    corner.delete(_DAY)
    corner.visit(_DAY + tick)


def _handoff_where_dormancy_ends(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    corner.handoff(dormancy, "accepted")
    corner.visit(dormancy)
    corner.visit(dormancy + _DAY)


def _handoff_just_in_time(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    corner.handoff(dormancy - tick, "accepted")
    corner.visit(2 * dormancy - tick - tick)


def _handoff_before_the_first_response(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.handoff(_NOW, "accepted")
    corner.visit(dormancy + _DAY)


def _handoff_in_the_gap(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.fit(_NOW)
    corner.visit(_NOW)
    corner.handoff(dormancy + _DAY, "accepted")
    corner.touch(dormancy + 2 * _DAY, "demo_request", "website")
    corner.handoff(dormancy + 3 * _DAY, "rejected")
    corner.touch(dormancy + 4 * _DAY, "demo_request", "website")


def _rejected_before_known(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.handoff(-tick, "rejected")
    corner.record(_NOW)
    corner.visit(_DAY)


def _rejected_when_known(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.handoff(_NOW, "rejected")
    corner.record(_NOW)
    corner.visit(tick)


def _known_by_an_opt_out(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_DAY)
    corner.opt_out(_NOW)
    corner.visit(dormancy)


def _known_as_deleted(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.delete(_NOW)
    corner.visit(_DAY)
    corner.delete(2 * _DAY)


def _records_that_come_as_deleted(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    other = f"{corner.name}-other"
    corner.record(_NOW, email=f"{corner.name}@corner.example")
    corner.visit(_NOW)
    corner.delete(_DAY)
    corner.visit(2 * _DAY)
    corner.record(3 * _DAY, source_contact_id=other, email=f"{corner.name}@corner.example", is_deleted="true")
    corner.visit(4 * _DAY)


def _score_just_below(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.fit(_NOW)
    corner.touch(_NOW, "free_tool_use", "free_tool")
    corner.touch(tick, "trial_signup", "website")


def _score_at_one_instant(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.fit(_NOW)
    for touch_type in ("free_tool_use", "trial_signup", "trial_signup"):
        corner.touch(_NOW, touch_type, "website", campaign_id="corner")


def _unfit_between_mql_and_sql(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.fit(_NOW)
    for touch_type in ("free_tool_use", "trial_signup"):
        corner.touch(_NOW, touch_type, "website", campaign_id="corner")
    corner.fit(_DAY, industry="retail", country="br")
    facts: Row = {"response_relevance": "relevant", "response_intent": "Talk", "campaign_id": "corner"}
    corner.touch(2 * _DAY, "meeting_attended", "website", **facts)


def _fit_at_the_exit(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.touch(_NOW, "demo_request", "website", campaign_id="corner")
    corner.fit(_DAY)
    corner.opt_out(_DAY)


def _fit_just_before_the_exit(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.touch(_NOW, "demo_request", "website", campaign_id="corner")
    corner.fit(_DAY - tick)
    corner.handoff(_DAY, "rejected")


def _window_lends_no_direction(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    called = corner.touch(_NOW, "call_made", "phone")
    corner.touch(_DAY, "outreach_sent", "other", campaign_id="corner")
    corner.touch(2 * _DAY, "campaign_response", "other", answers_touch_id=called)


def _answered_lends_no_direction(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    reached = corner.touch(_NOW, "outreach_sent", "other", campaign_id="corner")
    corner.touch(_DAY, "email_sent", "email", campaign_id="corner", audience_consent="none")
    corner.touch(2 * _DAY, "email_reply", "email", answers_touch_id=reached)
    corner.touch(2 * _DAY, "email_reply", "email", answers_touch_id="nobody-sent-it")


def _answers_at_one_instant(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    sent = corner.touch(_NOW, "email_sent", "email", campaign_id="corner", audience_consent="none")
    first = corner.touch(_NOW, "email_reply", "email", answers_touch_id=sent)
    second = corner.touch(_NOW, "email_reply", "other", answers_touch_id=first)
    third = corner.touch(_DAY, "email_reply", "email", answers_touch_id=sent)
    for _ in range(3):
        corner.touch(_DAY, "campaign_response", "other", answers_touch_id=third)
    corner.touch(2 * _DAY, "campaign_response", "other", answers_touch_id=second)


def _window_of_the_cycle(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    corner.visit(_NOW)
    facts: Row = {"campaign_id": "corner", "audience_consent": "none"}
    corner.touch(_DAY, "email_sent", "email", **facts)
    for days in (10, 20, 30):
        corner.touch(_DAY + days * _DAY, "email_reply", "email")
        corner.touch(_DAY + days * _DAY + tick, "email_reply", "email")
    corner.opt_out(40 * _DAY)
    corner.touch(41 * _DAY, "message_sent", "social_selling", campaign_id="corner")
    corner.touch(61 * _DAY, "message_reply", "social_selling")


def _permission_at_one_instant(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    corner.record(_NOW)
    for touch_type in ("follow_up_sent", "demo_request", "unsubscribe", "follow_up_sent", "demo_request"):
        corner.touch(_NOW, touch_type, "email")
    corner.touch(tick, "follow_up_sent", "email")


def _window_outside_cycles(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    later = THIRD - corner.base
    corner.record(_NOW)
    corner.visit(_NOW)
    facts: Row = {"campaign_id": "corner", "audience_consent": "none"}
    corner.touch(later + tick, "email_sent", "email", **facts)
    corner.handoff(later + 5 * _DAY, "accepted")
    corner.touch(later + 20 * _DAY, "email_reply", "email")


def _registered_to_the_instant(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    later = SECOND - corner.base
    corner.record(_NOW)
    for after in (later - tick, later):
        sent = corner.touch(after, "call_made", "phone", campaign_id="bare")
        corner.touch(later + _DAY, "call_answered", "phone", answers_touch_id=sent)
        corner.touch(later + _DAY, "call_answered", "phone", campaign_id="bare", answers_touch_id=sent)


def _version_of_a_company_that_was_left(corner: _Corner, dormancy: timedelta, tick: timedelta) -> None:
    # The profile that comes into force at THIRD fits, but is no evaluation point itself.
    later = THIRD - corner.base
    for company, after in (("left", _NOW), ("joined", _DAY)):
        corner.fit(after, industry="retail", source_company_id=f"{corner.name}-{company}")
    corner.touch(later - _DAY, "demo_request", "website", campaign_id="corner")
    for company, after in (("left", later + _DAY), ("joined", later + 2 * _DAY)):
        at = corner.world.written(corner.base + after)
        corner.world.add("companies", source_company_id=f"{corner.name}-{company}", updated_at=at)


SCRIPTS: tuple[Script, ...] = (
    _exit_where_dormancy_ends,
    _rejection_where_dormancy_ends,
    _opt_out_while_silent,
    _all_exits_at_once,
    _deletion_and_rejection_at_once,
    _handoff_where_dormancy_ends,
    _handoff_just_in_time,
    _handoff_before_the_first_response,
    _handoff_in_the_gap,
    _rejected_before_known,
    _rejected_when_known,
    _known_by_an_opt_out,
    _known_as_deleted,
    _records_that_come_as_deleted,
    _score_just_below,
    _score_at_one_instant,
    _unfit_between_mql_and_sql,
    _fit_at_the_exit,
    _fit_just_before_the_exit,
    _window_lends_no_direction,
    _answered_lends_no_direction,
    _answers_at_one_instant,
    _window_of_the_cycle,
    _permission_at_one_instant,
    _window_outside_cycles,
    _registered_to_the_instant,
    _version_of_a_company_that_was_left,
)


def scripted_rows(
    script: Script, name: str, base: datetime, dormancy: timedelta, first_id: int
) -> dict[str, list[Row]]:
    """Tell one script of one person, as rows of each table.

    Args:
        script: One of `SCRIPTS`.
        name: The person's record; ids of touches and handoffs are drawn after it.
        base: The moment from which the script counts.
        dormancy: What the script takes for the silence that ends a cycle.
        first_id: From where on ids are numbered; they are used up as the rows are many.
    """
    world = _World(Random(name), most_on_address=5, used=first_id)
    script(_Corner(world, name, base), dormancy, timedelta(microseconds=1))
    return {table: rows for table, rows in world.rows.items() if rows}


def _deals_and_spend(world: _World) -> None:
    rng = world.rng
    for number in range(20):
        world.add(
            "deals",
            source_deal_id=f"d{number // 2}",
            source_contact_id=f"C{rng.randrange(20)}",
            email=None,
            occurred_at=world.written(START + _DAY * rng.randrange(600)),
            status=world.coded(rng.choice(("opened", "won", "lost"))),
            amount=rng.choice(("1000", None, "much")),
            currency="eur",
        )
        world.add(
            "campaign_spend",
            campaign_id=f"camp-{rng.randrange(3)}",
            spend_date=(START + _DAY * rng.randrange(8)).date().isoformat(),
            amount=rng.choice(("10", "12.50")),
            currency=rng.choice(("EUR", " eur ", "USD")),
        )


# --- dirt ----------------------------------------------------------------------------------------

KEYS: dict[str, str] = {
    "contacts": "source_contact_id",
    "companies": "source_company_id",
    "touches": "source_touch_id",
    "campaigns": "campaign_id",
    "campaign_spend": "campaign_id",
    "handoffs": "source_handoff_id",
    "deals": "source_deal_id",
}
FLAWS: Mapping[str, tuple[Row, ...]] = {
    "contacts": (
        {"source_contact_id": None},
        {"created_at": None},
        {"created_at": "yesterday"},
        {"updated_at": "soon"},
        {"is_deleted": "perhaps"},
    ),
    "companies": ({"source_company_id": " "}, {"updated_at": None}, {"updated_at": "2025-02-30"}),
    "touches": (
        {"source_touch_id": None},
        {"occurred_at": None},
        {"occurred_at": "2025-13-01 00:00:00"},
        {"channel": ""},
        {"touch_type": None},
        {"touch_type": "smoke_signal"},
        {"response_relevance": "maybe"},
        {"source_contact_id": None, "email": None, "anonymous_id": None},
        {"source_contact_id": None, "email": "no address", "anonymous_id": None},
        {"source_contact_id": None, "email": "Info@firm2.example", "anonymous_id": None},
        {"source_contact_id": None, "email": "desk1@hub.example", "anonymous_id": "kiosk-mail-1"},
    ),
    "campaigns": ({"campaign_id": None}, {"updated_at": "tbd"}, {"created_at": "tbd"}),
    "campaign_spend": ({"amount": "twelve"}, {"currency": None}, {"spend_date": "n/a"}),
    "handoffs": (
        {"outcome": "parked"},
        {"outcome": None},
        {"occurred_at": "tbd"},
        {"source_contact_id": None, "email": "no address"},
    ),
    "deals": ({"status": "stalled"}, {"source_contact_id": None, "email": None}),
}
TIMES = {
    "contacts": "updated_at",
    "companies": "updated_at",
    "touches": "occurred_at",
    "campaigns": "updated_at",
    "campaign_spend": "spend_date",
    "handoffs": "occurred_at",
    "deals": "occurred_at",
}
_TOUCH_CHANGES: tuple[Row, ...] = (
    {"response_relevance": "relevant", "response_intent": "book_demo"},
    {"touch_type": "page_visit"},
    {"campaign_id": None},
    {"email": "moved@elsewhere.example"},
)
_CHANGES: Mapping[str, Callable[[Random], Row]] = {
    "contacts": lambda rng: {"industry": rng.choice(_INDUSTRIES), "email": None},
    "companies": lambda rng: {"industry": rng.choice(_INDUSTRIES)},
    "touches": lambda rng: rng.choice(_TOUCH_CHANGES),
    "campaigns": lambda rng: {"message_hypothesis": "Thought better of it"},
    "campaign_spend": lambda rng: {"amount": "99"},
    "handoffs": lambda rng: {"outcome": rng.choice(("accepted", "rejected"))},
    "deals": lambda rng: {"amount": "5"},
}


def _soil(world: _World) -> None:
    """Add repeats, changed repeats, flawed rows (some corrected, some not) and rows before their time."""
    rng = world.rng
    for table, rows in world.rows.items():
        added: list[Row] = []
        for row in rows:
            draw = rng.random()
            if draw < 0.04:
                added.append(dict(row))
            elif draw < 0.09:
                added.append({**row, **_CHANGES[table](rng)})
            elif draw < 0.13:
                flawed = {**row, **rng.choice(FLAWS[table])}
                if world.maybe(0.6) and flawed[KEYS[table]]:
                    flawed[KEYS[table]] = world.new_id("x")
                added.append(flawed)
            elif draw < 0.145:
                early = rng.choice((AS_OF + timedelta(microseconds=1), AS_OF + 30 * _DAY, AS_OF))
                added.append({**row, KEYS[table]: world.new_id("e"), TIMES[table]: world.written(early)})
        rows.extend(added)


# --- files ---------------------------------------------------------------------------------------


def _write_landing(landing: Path, world: _World, *, with_dirt: bool) -> None:
    """Spread each table's rows over files in no order, so that what is late stands beside what is early."""
    rng = world.rng
    for table, rows in world.rows.items():
        folder = landing / "leadproof" / table
        (folder / "2025").mkdir(parents=True, exist_ok=True)
        # Flawed rows lead no file: a reader may take the kinds of columns from the first rows.
        shuffled = rng.sample(rows, len(rows))
        cuts = sorted(rng.randrange(len(rows) + 1) for _ in range(2))
        columns = list(dict.fromkeys(column for row in rows for column in row))
        parts = (shuffled[: cuts[0]], shuffled[cuts[0] : cuts[1]], shuffled[cuts[1] :])
        names = (f"2025/{table}_2025-01-31.csv", f"2025/{table}_2025-07-31.jsonl", f"{table}_2026-02-28.csv")
        for name, part in zip(names, parts, strict=True):
            if not part:
                continue
            if name.endswith(".csv"):
                _write_csv(folder / name, columns, part, rng if with_dirt else None)
            else:
                lines = [json.dumps({column: row.get(column) for column in columns}) for row in part]
                if with_dirt:
                    lines.insert(rng.randrange(1, len(lines) + 1), '{"broken": ')
                (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if with_dirt and parts[2]:
            # The same content under another name loads nothing.
            shutil.copyfile(folder / names[2], folder / f"{table}_again_2026-02-28.csv")


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Row], rng: Random | None) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([row.get(column) or "" for column in columns])
            if rng and rng.random() < 0.01:
                writer.writerow(rng.choice((["broken", "line"], ["broken"] * (len(columns) + 2))))


# --- policy --------------------------------------------------------------------------------------


def change_policy(seeds: Path) -> None:
    """Let policy change while people act: rows that close, follow, begin and end without a follower."""
    _begin_later(seeds / "stage_policy.csv", START + 90 * _DAY)
    _begin_later(seeds / "icp_profiles.csv", START + 60 * _DAY)
    edit_policy(
        seeds / "stage_policy.csv",
        "key",
        {
            "mql_min_score": [(SECOND, {"value": "30"}), (THIRD, {"value": "40"})],
            "score_half_life_days": [(FIRST, {"value": "7"})],
            "dormancy_days": [(SECOND, {"value": "60"})],
            "response_window_days": [(THIRD, {"value": "10"})],
            "hand_raise_qualifies": [(FOURTH, {"value": "false"})],
            "max_contacts_per_address": [(FOURTH, {"value": "3"})],
        },
    )
    edit_policy(
        seeds / "touch_types.csv",
        "touch_type",
        {
            "email_click": [(SECOND, {"is_response": "false", "points": "0", "max_scored_per_cycle": ""})],
            "page_visit": [(THIRD, {"max_scored_per_cycle": "2", "points": "4"})],
            "demo_request": [(SECOND, {"points": "20"})],
            "event_visit": [(THIRD, {"is_hand_raise": "true", "grants_permission": "true"})],
            "newsletter_signup": [(THIRD, None)],
        },
    )
    edit_policy(
        seeds / "touch_direction_rules.csv",
        "rule_id",
        {
            "organic_search": [(SECOND, None)],
            "follow_up_to_request": [
                (SECOND, {"rule_id": "follow_up_inbound", "direction": "inbound", "permission": "granted"})
            ],
            "email_to_opt_in": [(THIRD, {"rule_id": "email_to_opt_in_again"})],
        },
    )
    edit_policy(
        seeds / "context_requirements.csv",
        ("direction", "field"),
        {
            ("inbound", "campaign_name"): [
                (SECOND, {"is_required": "true"}),
                (FOURTH, {"is_required": "false"}),
            ],
            ("outbound", "success_threshold"): [(THIRD, {"is_required": "false"})],
            ("unclassified", "message_hypothesis"): [(FIRST, None)],
        },
    )
    edit_policy(
        seeds / "segment_rules.csv",
        ("segment_name", "attribute"),
        {
            ("mid_market_software", "employee_count"): [(SECOND, {"min_value": "50"})],
            ("industrial", "employee_count"): [(THIRD, None)],
        },
    )
    append_policy(
        seeds / "icp_profiles.csv",
        [
            {
                "icp_version": "v3",
                "effective_from": THIRD.isoformat(),
                "attribute": attribute,
                "operator": "between" if attribute == "employee_count" else "in",
                "allowed_values": allowed,
                "min_value": "50" if attribute == "employee_count" else "",
                "max_value": "2001" if attribute == "employee_count" else "",
                "is_required": required,
            }
            for attribute, allowed, required in (
                ("industry", "software|technology|retail|consulting", "true"),
                ("employee_count", "", "true"),
                ("seniority", "c_level|vp|director|manager", "false"),
                ("company_type", "private|public|startup|subsidiary", "false"),
                ("country", "de|us|fr", "true"),
            )
        ],
    )
    append_policy(
        seeds / "campaign_registry.csv",
        [
            {
                "source_system": "leadproof",
                "campaign_id": campaign,
                "registered_at": moment.isoformat(),
                "message_hypothesis": "Registered hypothesis",
                "success_threshold": ">= 1 %",
                "expected_response": "book_demo|talk",
                "campaign_name": "Registered name",
            }
            for campaign, moment in (
                ("camp-0", FIRST),
                ("camp-1", SECOND),
                ("camp-3", THIRD),
                ("bare", SECOND),
            )
        ],
    )


_Key = str | tuple[str, ...]


def edit_policy(
    path: Path,
    key: _Key,
    changes: Mapping[_Key, Sequence[tuple[datetime, Mapping[str, str] | None]]],
) -> None:
    """Close rows at moments and let others follow; null: nothing follows."""
    columns, rows = _read(path)
    following = []
    for row in rows:
        name = row[key] if isinstance(key, str) else tuple(row[column] for column in key)
        last = row
        for moment, change in changes.get(name, ()):
            last["effective_to"] = moment.isoformat()
            if change is not None:
                last = {**last, **change, "effective_from": moment.isoformat(), "effective_to": ""}
                following.append(last)
    _write(path, columns, [*rows, *following])


def _begin_later(path: Path, moment: datetime) -> None:
    """Let the earliest rows begin at a moment at which people act already."""
    columns, rows = _read(path)
    earliest = min(row["effective_from"] for row in rows)
    for row in rows:
        if row["effective_from"] == earliest:
            row["effective_from"] = moment.isoformat()
    _write(path, columns, rows)


def append_policy(path: Path, added: Sequence[Mapping[str, str]]) -> None:
    columns, rows = _read(path)
    _write(path, columns, [*rows, *({"comment": "Made for a small world.", **row} for row in added)])


def replace_policy(path: Path, name: Mapping[str, str], change: Mapping[str, str]) -> None:
    """Write the row that has these values otherwise."""
    columns, rows = _read(path)
    found = [row for row in rows if name.items() <= row.items()]
    assert len(found) == 1, f"{path.name}: {len(found)} rows of {dict(name)}"
    found[0].update(change)
    _write(path, columns, rows)


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        return list(reader.fieldnames or ()), list(reader)


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Write a world from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=Path, default=Path("seeds"))
    options = parser.parse_args()
    world = write_world(options.out, people=options.people, seed=options.seed, seeds_from=options.seeds)
    print(f"{world.landing} as of {world.as_of.isoformat()}, policy in {world.seeds}")


if __name__ == "__main__":
    main()
