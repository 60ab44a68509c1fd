"""What happens to people in a sequence, drawn piece by piece so that a failure shrinks to few and plain rows.

An event is told by small numbers (which person, which kind), and becomes a row only where it happens, because
what a response answers depends on what was said before. When a row comes, and in which file, does not belong
here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hypothesis import strategies as st

from tests.proof.moments import DAY, as_text, moments
from tests.reference.worlds import (
    COMPANY_KINDS,
    FLAWS,
    OPT_OUT_KINDS,
    OTHER_KINDS,
    RESPONSE_KINDS,
    Kind,
    Row,
)

PEOPLE = 16
COMPANIES = 3
CAMPAIGNS = 3
# Complete from the beginning, so that people can come far; the others are edited while people act.
STEADY_CAMPAIGN = "steady"

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "contacts": (
        "source_contact_id", "source_company_id", "email", "phone", "full_name", "job_title", "seniority",
        "company_name", "company_domain", "industry", "employee_count", "employee_count_max", "company_type",
        "country", "acquisition_source", "source_stage", "created_at", "updated_at", "is_deleted",
    ),
    "companies": (
        "source_company_id", "company_name", "company_domain", "industry", "employee_count",
        "employee_count_max", "company_type", "country", "updated_at",
    ),
    "touches": (
        "source_touch_id", "occurred_at", "source_contact_id", "email", "anonymous_id", "channel",
        "touch_type", "campaign_id", "answers_touch_id", "placement", "keyword_intent", "audience_consent",
        "content_fit", "initiated_by", "offer_id", "landing_page", "response_relevance", "response_intent",
    ),
    "campaigns": (
        "campaign_id", "campaign_name", "channel", "segment_name", "segment_definition", "message_name",
        "message_hypothesis", "expected_response", "success_metric", "success_threshold", "icp_version",
        "starts_at", "ends_at", "created_at", "updated_at",
    ),
    "campaign_spend": ("campaign_id", "spend_date", "amount", "currency"),
    "handoffs": ("source_handoff_id", "source_contact_id", "email", "occurred_at", "outcome", "reason"),
    "deals": (
        "source_deal_id", "source_contact_id", "email", "occurred_at", "status", "amount", "currency",
    ),
}  # fmt: skip

_FITTING: Row = {
    "industry": "software", "employee_count": "100", "seniority": "vp", "company_type": "private",
    "country": "de",
}  # fmt: skip
_FACTS: tuple[Row, ...] = (
    _FITTING,
    {},
    {**_FITTING, "industry": "retail"},
    {**_FITTING, "employee_count": "50", "employee_count_max": "5000"},
    {**_FITTING, "seniority": None, "job_title": "Head of Sales"},
    {"industry": "software"},
    {"seniority": "manager", "company_type": "startup"},
    {"employee_count": "2000", "country": "br"},
)
_RESPONSES: tuple[Kind, ...] = (
    ("page_visit", "website", {}),
    ("demo_request", "website", {}),
    ("trial_signup", "website", {}),
    *RESPONSE_KINDS,
)
KINDS: tuple[tuple[Kind, bool], ...] = (
    *((kind, True) for kind in _RESPONSES),
    *((kind, False) for kind in (*COMPANY_KINDS, *OPT_OUT_KINDS, *OTHER_KINDS)),
)


@dataclass(frozen=True)
class Keys:
    """By what a row tells whom it means, each key possibly another person's.

    Args:
        contact: Whose record; null without one.
        email: Whose address; null without one.
        visitor: Whose visitor id; null without one.
        is_second: Whether record and address are the person's second ones.
    """

    contact: int | None = None
    email: int | None = None
    visitor: int | None = None
    is_second: bool = False

    def columns(self, *names: str) -> Row:
        """The columns of that name; a row that names nobody means the first person's record."""
        values = {
            "source_contact_id": contact_id(self.contact, self.is_second),
            "email": address(self.email, self.is_second),
            "anonymous_id": None if self.visitor is None else f"v{self.visitor}",
        }
        told = {name: values[name] for name in names}
        return told if any(told.values()) else {**told, names[0]: contact_id(0, False)}


def contact_id(person: int | None, is_second: bool = False) -> str | None:
    """A person's first or second record."""
    return None if person is None else f"{'c' if is_second else 'C'}{person}"


def address(person: int | None, is_second: bool = False) -> str | None:
    """A person's first or second address; one person works for a competitor."""
    if person is None:
        return None
    if is_second:
        return f"P{person}.alias@home.example"
    return f"p{person}@{'rival' if person == PEOPLE - 1 else f'firm{person % 4}'}.example"


@dataclass(frozen=True)
class Touch:
    """A touch still to be told.

    Args:
        kind: Index into `KINDS`.
        campaign: Null, or which one.
        answers: Null, or which touch of those told so far, of anybody.
        variant: Picks among the values that the kind allows for its other columns.
        id_prefix: Lets the order of ids by bytes differ from the order in which they are told.
    """

    at: datetime
    keys: Keys
    kind: int
    campaign: str | None
    answers: int | None
    relevance: str | None
    intent: str | None
    variant: int
    id_prefix: str

    def row(self, number: int, told: Sequence[str]) -> Row:
        """The touch as a row, after others were told."""
        (touch_type, channel, facts), is_response = KINDS[self.kind]
        answers = None
        if is_response and self.answers is not None:
            answers = told[-1 - self.answers % len(told)] if told else "nobody-sent-it"
        return {
            "source_touch_id": f"{self.id_prefix}t{number}",
            "occurred_at": as_text(self.at),
            **self.keys.columns("source_contact_id", "email", "anonymous_id"),
            "channel": channel,
            "touch_type": touch_type,
            "campaign_id": self.campaign,
            "answers_touch_id": answers,
            **{column: values[self.variant % len(values)] for column, values in facts.items()},
            "response_relevance": self.relevance if is_response else None,
            "response_intent": self.intent if is_response else None,
        }


@dataclass(frozen=True)
class Version:
    """A version of a contact record or, without keys, of a company."""

    at: datetime
    keys: Keys | None
    company: int | None
    facts: int
    is_deleted: bool = False

    def row(self) -> Row:
        """The version as a row."""
        if self.keys is None:
            company = f"co{self.company or 0}"
            facts = {
                name: value for name, value in _FACTS[self.facts].items() if name in COLUMNS["companies"]
            }
            return {"source_company_id": company, "updated_at": as_text(self.at), **facts}
        return {
            **self.keys.columns("source_contact_id", "email"),
            "source_contact_id": contact_id(self.keys.contact or 0, self.keys.is_second),
            "source_company_id": None if self.company is None else f"co{self.company}",
            "created_at": as_text(self.at),
            "updated_at": as_text(self.at),
            "is_deleted": "true" if self.is_deleted else None,
            **_FACTS[self.facts],
        }


@dataclass(frozen=True)
class Handoff:
    """A handoff to sales."""

    at: datetime
    keys: Keys
    is_accepted: bool

    def row(self, number: int) -> Row:
        """The handoff as a row."""
        return {
            "source_handoff_id": f"h{number}",
            **self.keys.columns("source_contact_id", "email"),
            "occurred_at": as_text(self.at),
            "outcome": "accepted" if self.is_accepted else "rejected",
        }


@dataclass(frozen=True)
class CampaignVersion:
    """A version of a campaign.

    Args:
        lacks: A column that it leaves empty.
        begins_before: Days by which the campaign starts before this version was recorded.
    """

    campaign: int
    at: datetime
    lacks: str | None
    channel: str
    expected: str
    begins_before: int | None

    def row(self) -> Row:
        """The version as a row."""
        values: Row = {
            "campaign_id": f"camp-{self.campaign}",
            "campaign_name": f"Campaign {self.campaign}",
            "channel": self.channel,
            "segment_name": "mid_market_software",
            "segment_definition": "Those whom we mean",
            "message_hypothesis": "They have the problem",
            "expected_response": self.expected,
            "success_metric": "replies",
            "success_threshold": "2 %",
            "icp_version": "v2",
            "updated_at": as_text(self.at),
        }
        if self.begins_before is not None:
            values["starts_at"] = as_text(self.at - self.begins_before * DAY)
        if self.lacks is not None:
            values[self.lacks] = None
        return values


def steady_campaign(since: datetime) -> Row:
    """The campaign that lacks nothing."""
    return {
        "campaign_id": STEADY_CAMPAIGN,
        "campaign_name": "Steady",
        "segment_definition": "Those",
        "message_hypothesis": "Because",
        "expected_response": "talk|book_demo",
        "success_metric": "replies",
        "success_threshold": "2 %",
        "updated_at": as_text(since),
    }


Event = Touch | Version | Handoff

# What a source may say anew of a row that it delivered before, under the same id.
CHANGES: Mapping[str, tuple[Row, ...]] = {
    "contacts": (
        {"industry": "retail"},
        {"email": None},
        {"email": "p1@firm1.example"},
        {"is_deleted": "true"},
    ),
    "companies": ({"industry": "retail"}, {"employee_count": "10"}),
    "touches": (
        {"response_relevance": "relevant", "response_intent": "talk"},
        {"touch_type": "page_visit"},
        {"campaign_id": None},
        {"campaign_id": STEADY_CAMPAIGN},
        {"source_contact_id": "C1", "email": None},
        {"email": "p2@firm2.example"},
        {"anonymous_id": None, "email": "moved@elsewhere.example"},
        {"touch_type": "unsubscribe"},
    ),
    "campaigns": ({"message_hypothesis": "Thought better of it"}, {"expected_response": "nothing"}),
    "campaign_spend": ({"amount": "99"},),
    "handoffs": ({"outcome": "rejected"}, {"outcome": "accepted"}),
    "deals": ({"amount": "5"},),
}  # fmt: skip
NOT_REPEATED = {table: (*CHANGES[table], *FLAWS.get(table, ())) for table in CHANGES}


def keys(person: int, other: st.SearchStrategy[int]) -> st.SearchStrategy[Keys]:
    """Keys of a person, of which now and then one is another's."""
    own = [st.just(person)] * 6
    whose = st.one_of(*own, *([st.none()] * 6), other)
    return st.builds(
        Keys,
        contact=st.one_of(*own, whose),
        email=whose,
        visitor=whose,
        is_second=st.sampled_from((False, False, False, True)),
    )


def events(person: int) -> st.SearchStrategy[Event]:
    """Something that happens to a person."""
    whose = keys(person, st.integers(0, PEOPLE - 1))
    touch = st.builds(
        Touch,
        at=moments(),
        keys=whose,
        kind=st.one_of(st.integers(0, 2), st.integers(0, len(KINDS) - 1)),
        campaign=st.sampled_from(
            (
                None,
                None,
                STEADY_CAMPAIGN,
                STEADY_CAMPAIGN,
                *(f"camp-{n}" for n in range(CAMPAIGNS)),
                "unknown",
            )
        ),
        answers=st.one_of(st.none(), st.integers(0, 30)),
        relevance=st.sampled_from((None, None, "relevant", "irrelevant")),
        intent=st.sampled_from((None, "book_demo", "Talk", "no_thanks")),
        variant=st.integers(0, 3),
        id_prefix=st.sampled_from(("", "Z", "é", "1")),
    )
    version = st.builds(
        Version,
        at=moments(),
        keys=whose,
        company=st.one_of(st.none(), st.integers(0, COMPANIES - 1)),
        facts=st.sampled_from((0, 0, 0, *range(len(_FACTS)))),
        is_deleted=st.sampled_from((False, False, False, True)),
    )
    handoff = st.builds(Handoff, at=moments(), keys=whose, is_accepted=st.booleans())
    return st.one_of(touch, touch, touch, touch, version, version, handoff)


def lives() -> st.SearchStrategy[list[Event]]:
    """What happens to one person, in no order."""
    return st.integers(0, PEOPLE - 1).flatmap(lambda person: st.lists(events(person), min_size=1, max_size=8))


def company_versions() -> st.SearchStrategy[Version]:
    """A version of a company."""
    return st.builds(
        Version,
        at=moments(),
        keys=st.none(),
        company=st.integers(0, COMPANIES - 1),
        facts=st.integers(0, len(_FACTS) - 1),
    )


def campaign_versions() -> st.SearchStrategy[CampaignVersion]:
    """A version of one of the campaigns that change."""
    return st.builds(
        CampaignVersion,
        campaign=st.integers(0, CAMPAIGNS - 1),
        at=moments(),
        lacks=st.sampled_from((None, None, None, "message_hypothesis", "campaign_name", "expected_response")),
        channel=st.sampled_from(("email", "phone", "website")),
        expected=st.sampled_from(("talk|book_demo", "book_demo", "something")),
        begins_before=st.sampled_from((None, 0, 30)),
    )
