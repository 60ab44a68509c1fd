"""Canonical rows of the system `leadproof`, and the verdict on each (section 2, ADR 0001, ADR 0007).

Reads values, finds reasons to reject, decides who waits and who supersedes whom. Who is one person with whom
does not belong here; the one question that verdicts ask of identity (which keys link nobody) is in `hubs.py`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from tests.reference import hubs
from tests.reference.landing import LandedRow, Landing
from tests.reference.policy import Policy
from tests.reference.values import (
    address_of,
    as_code,
    as_flag,
    as_number,
    as_time,
    looks_personal,
    trimmed,
    without_addresses,
    without_personal_words,
)

Value = str | float | bool | datetime | None
Verdict = Literal["accepted", "superseded", "pending", "quarantined"]
Kind = Literal["id", "text", "code", "time", "day", "number", "flag", "page", "currency"]


@dataclass(frozen=True)
class Entity:
    """An entity of section 2.

    Args:
        columns: Kind of each canonical column.
        required: Columns without which the row goes to quarantine.
        codes: Columns whose value must be known, with the known values (touch types are asked of policy).
        wanted_codes: Optional columns with a fixed list; any other word becomes null, with a warning.
        identity: Columns of which at least one is needed.
        published: Published columns of the source's own words (decision 0029): a ``code`` that looks personal
            is none, of ``words`` and ``id`` what is personal is hidden.
        key: Columns that make two rows one.
        time: Column of the row time.
    """

    columns: Mapping[str, Kind]
    required: tuple[str, ...]
    key: tuple[str, ...]
    time: str
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wanted_codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity: tuple[str, ...] = ()
    published: Mapping[str, Literal["code", "words", "id"]] = field(default_factory=dict)


_COMPANY: dict[str, Kind] = {
    "company_name": "text",
    "company_domain": "code",
    "industry": "code",
    "employee_count": "number",
    "employee_count_max": "number",
    "company_type": "code",
    "country": "code",
}

ENTITIES: dict[str, Entity] = {
    "contacts": Entity(
        columns={
            "source_contact_id": "id", "source_company_id": "id", "email": "text", "phone": "text",
            "full_name": "text", "job_title": "text", "seniority": "code", **_COMPANY,
            "acquisition_source": "code", "source_stage": "code",
            "created_at": "time", "updated_at": "time", "is_deleted": "flag",
        },
        required=("source_contact_id", "created_at"),
        key=("source_contact_id", "updated_at"),
        time="updated_at",
        published={
            "seniority": "code", "industry": "code", "company_type": "code", "country": "code",
            "source_stage": "code",
        },
        wanted_codes={
            "acquisition_source": (
                "list_purchase", "web_form", "event", "referral", "partner", "import", "other",
            )
        },
    ),
    "companies": Entity(
        columns={"source_company_id": "id", **_COMPANY, "updated_at": "time"},
        required=("source_company_id", "updated_at"),
        key=("source_company_id", "updated_at"),
        time="updated_at",
        published={"industry": "code", "company_type": "code", "country": "code"},
    ),
    "touches": Entity(
        columns={
            "source_touch_id": "id", "occurred_at": "time", "source_contact_id": "id", "email": "text",
            "anonymous_id": "id", "channel": "code", "touch_type": "code", "campaign_id": "id",
            "answers_touch_id": "id", "placement": "code", "keyword_intent": "code",
            "audience_consent": "code", "content_fit": "code", "initiated_by": "code", "offer_id": "id",
            "landing_page": "page", "response_relevance": "code", "response_intent": "code",
        },
        required=("source_touch_id", "occurred_at", "channel", "touch_type"),
        key=("source_touch_id",),
        time="occurred_at",
        codes={"response_relevance": ("relevant", "irrelevant")},
        published={
            "channel": "words", "campaign_id": "id", "answers_touch_id": "id", "placement": "code",
            "keyword_intent": "code", "audience_consent": "code", "content_fit": "code",
            "initiated_by": "code", "offer_id": "id", "landing_page": "words", "response_intent": "code",
        },
        identity=("source_contact_id", "email", "anonymous_id"),
    ),
    "campaigns": Entity(
        columns={
            "campaign_id": "id", "campaign_name": "text", "channel": "code", "segment_name": "text",
            "segment_definition": "text", "message_name": "text", "message_hypothesis": "text",
            "expected_response": "text", "success_metric": "text", "success_threshold": "text",
            "icp_version": "text", "starts_at": "time", "ends_at": "time",
            "created_at": "time", "updated_at": "time",
        },
        required=("campaign_id", "updated_at"),
        key=("campaign_id", "updated_at"),
        time="updated_at",
        published={
            "campaign_name": "words", "channel": "code", "segment_name": "words",
            "segment_definition": "words", "message_name": "words", "message_hypothesis": "words",
            "expected_response": "words", "success_metric": "words", "success_threshold": "words",
            "icp_version": "words",
        },
    ),
    "campaign_spend": Entity(
        columns={"campaign_id": "id", "spend_date": "day", "amount": "number", "currency": "currency"},
        required=("campaign_id", "spend_date", "amount", "currency"),
        key=("campaign_id", "spend_date", "currency"),
        time="spend_date",
        published={"currency": "words"},
    ),
    "handoffs": Entity(
        columns={
            "source_handoff_id": "id", "source_contact_id": "id", "email": "text",
            "occurred_at": "time", "outcome": "code", "reason": "text",
        },
        required=("source_handoff_id", "occurred_at", "outcome"),
        key=("source_handoff_id",),
        time="occurred_at",
        codes={"outcome": ("accepted", "rejected")},
        identity=("source_contact_id", "email"),
    ),
    "deals": Entity(
        columns={
            "source_deal_id": "id", "source_contact_id": "id", "email": "text", "occurred_at": "time",
            "status": "code", "amount": "number", "currency": "currency",
        },
        required=("source_deal_id", "occurred_at", "status"),
        key=("source_deal_id", "status"),
        time="occurred_at",
        codes={"status": ("opened", "won", "lost")},
        identity=("source_contact_id", "email"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A landed row and what became of it.

    Args:
        values: Canonical columns; empty for a line that could not be parsed.
        reason_code: Why the row is quarantined, else null.
        reason_column: The offending column, null where there is none.
        warning_columns: Optional columns whose value could not be read and became null.
        verdict: Null only while verdicts are being found.
    """

    entity: str
    row: LandedRow
    values: Mapping[str, Value]
    reason_code: str | None = None
    reason_column: str | None = None
    warning_columns: tuple[str, ...] = ()
    verdict: Verdict | None = None

    @property
    def key(self) -> tuple[object, ...] | None:
        """Section 2: what makes two rows one; null where part of it is not known."""
        columns = ENTITIES[self.entity].key
        parts = tuple(self.values.get(column) for column in columns)
        return None if None in parts else (self.row.source_system, self.entity, *parts)

    @property
    def is_version(self) -> bool:
        """Section 2: rows of contacts, companies and campaigns are versions of a record."""
        return ENTITIES[self.entity].time == "updated_at"

    @property
    def record(self) -> tuple[object, ...] | None:
        """ADR 0007: what a later row must tell of to replace this one; of a version its record."""
        columns = [
            name for name in ENTITIES[self.entity].key if not (self.is_version and name == "updated_at")
        ]
        parts = tuple(self.values.get(column) for column in columns)
        return None if None in parts else (self.row.source_system, self.entity, *parts)

    @property
    def time(self) -> datetime | None:
        """Section 2: the row time."""
        return self.moment(ENTITIES[self.entity].time)

    def text(self, column: str) -> str | None:
        """A column that holds text."""
        value = self.values.get(column)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{column} is no text")
        return value

    def moment(self, column: str) -> datetime | None:
        """A column that holds a time."""
        value = self.values.get(column)
        return value if isinstance(value, datetime) else None


def judge(landing: Landing, policy: Policy, as_of: datetime) -> tuple[list[Judged], hubs.Linkless]:
    """Section 2, verdict of a staged row: quarantined, then pending, and only the rest supersede one another.

    Returns:
        Every landed row with its verdict, and the keys that link nobody.
    """
    judged: list[Judged] = []
    of_entity: dict[str, list[Judged]] = defaultdict(list)
    for row in landing.rows:
        if row.source_table not in ENTITIES:
            continue
        staged = staged_row(row, policy)
        of_entity[staged.entity].append(staged)
    contacts = _ranked(of_entity.pop("contacts", []), as_of)
    judged.extend(contacts)
    touches = of_entity.pop("touches", [])
    linkless = hubs.keys_that_link_nobody(
        accepted_contacts=[row for row in contacts if row.verdict == "accepted"],
        # ADR 0001: usable, not pending, and the last loaded of their id.
        standing_touches=[row for row in _ranked(touches, as_of) if row.verdict == "accepted"],
        policy=policy,
        as_of=as_of,
    )
    judged.extend(_ranked([_identified(touch, linkless) for touch in touches], as_of))
    for rows in of_entity.values():
        judged.extend(_ranked(rows, as_of))
    return judged, linkless


def staged_row(row: LandedRow, policy: Policy) -> Judged:
    """Section 2: canonical values of a landed row, and the first reason why it cannot be used.

    Of several reasons in one row the first counts in the order in which section 2 lists the codes, and within
    one code the first column in the order of the canonical columns.
    """
    name = row.source_table
    entity = ENTITIES[name]
    if row.error is not None:
        return Judged(name, row, {}, reason_code="structural_reject")
    values: dict[str, Value] = {}
    missing: list[str] = []
    unreadable: list[str] = []
    for column, kind in entity.columns.items():
        text = trimmed(row.values.get(column))
        values[column] = None if text is None else _publishable(READERS[kind](text), entity, column)
        if text is None:
            missing.append(column)
        elif values[column] not in entity.wanted_codes.get(column, (values[column],)):
            values[column] = None
            unreadable.append(column)
        elif values[column] is None:
            unreadable.append(column)
    if name == "contacts" and values["updated_at"] is None:
        values["updated_at"] = values["created_at"]
    for column in ("created_at",) if name in ("contacts", "campaigns") else ():
        values[column] = _not_after(values[column], values["updated_at"])
    reason = _reason(entity, values, missing, unreadable, policy)
    warnings = tuple(
        column
        for column in unreadable
        if column not in entity.required
        and (
            column in entity.wanted_codes
            or entity.published.get(column) == "code"
            or entity.columns[column] in ("time", "day", "number", "flag")
        )
    )
    code, column_of_reason = reason or (None, None)
    return Judged(name, row, values, code, column_of_reason, warnings)


def _publishable(value: Value, entity: Entity, column: str) -> Value:
    """Decision 0029: what of a value may be published; of other columns all of it."""
    how = entity.published.get(column)
    if how is None or not isinstance(value, str):
        return value
    if how == "code":
        return None if looks_personal(value) else value
    if how == "id":
        return without_addresses(value)
    return without_personal_words(value) if looks_personal(value) else value


def _reason(
    entity: Entity,
    values: Mapping[str, Value],
    missing: Iterable[str],
    unreadable: Iterable[str],
    policy: Policy,
) -> tuple[str, str | None] | None:
    for column in missing:
        if column in entity.required:
            return "missing_required", column
    for code, kinds in (("unparseable_timestamp", ("time", "day")), ("unparseable_number", ("number",))):
        for column in unreadable:
            if column in entity.required and entity.columns[column] in kinds:
                return code, column
    touch_type, moment = values.get("touch_type"), values.get("occurred_at")
    # Section 3: the row in force at the moment it is applied to decides, so also whether there is one.
    if (
        isinstance(touch_type, str)
        and isinstance(moment, datetime)
        and policy.touch_type(touch_type, moment) is None
    ):
        return "unknown_code", "touch_type"
    for column, known in entity.codes.items():
        if values[column] is not None and values[column] not in known:
            return "unknown_code", column
    if entity.identity and not any(
        values[column] is not None and (column != "email" or address_of(str(values[column])))
        for column in entity.identity
    ):
        return "no_identity", "email" if values["email"] else "source_contact_id"
    return None


def _identified(touch: Judged, linkless: hubs.Linkless) -> Judged:
    """Section 4: a touch that carries nothing but keys that link nobody is quarantined as `no_identity`."""
    if touch.reason_code is not None or linkless.linking_keys(touch):
        return touch
    column = next(
        column
        for column in ("email", "anonymous_id")
        if touch.values[column] and (column != "email" or address_of(touch.text(column)))
    )
    return replace(touch, reason_code="no_identity", reason_column=column)


def _ranked(rows: Iterable[Judged], as_of: datetime) -> list[Judged]:
    """Section 2: quarantined, then pending; of the rest the row loaded last of each key is accepted."""
    ranked: list[Judged] = []
    usable: dict[tuple[object, ...], list[Judged]] = defaultdict(list)
    for row in rows:
        if row.reason_code is not None:
            ranked.append(replace(row, verdict="quarantined"))
            continue
        if row.time is None or row.key is None:
            raise ValueError(f"a usable row of {row.entity} without time or key: {row.row}")
        if row.time > as_of:
            ranked.append(replace(row, verdict="pending"))
        else:
            usable[row.key].append(row)
    for same in usable.values():
        *earlier, last = sorted(same, key=lambda row: row.row.load_order)
        ranked.extend(replace(row, verdict="superseded") for row in earlier)
        ranked.append(replace(last, verdict="accepted"))
    return ranked


def _not_after(moment: Value, limit: Value) -> Value:
    """Section 2: a `created_at` later than `updated_at` is read as `updated_at`."""
    if isinstance(moment, datetime) and isinstance(limit, datetime):
        return min(moment, limit)
    return moment


def _page(text: str) -> str | None:
    """Section 7: no query string is published."""
    return trimmed(text.split("?")[0].split("#")[0])


def _day(text: str) -> datetime | None:
    moment = as_time(text)
    return None if moment is None else moment.replace(hour=0, minute=0, second=0, microsecond=0)


READERS: dict[Kind, Callable[[str], Value]] = {
    "id": lambda text: text,
    "text": lambda text: text,
    "code": as_code,
    "time": as_time,
    "day": _day,
    "number": as_number,
    "flag": as_flag,
    "page": _page,
    "currency": lambda text: text.upper(),
}
