"""One person of the current release: looked up by address or id, read with touches, transitions, claims.

Addresses come from the restricted contacts file and are used for the look-up alone; nothing personal is
kept. How a person is shown stands in ``explanation.py``.
"""

import re
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import duckdb

from orchestration.errors import LeadproofError
from orchestration.release import Release, current_release, open_release
from orchestration.release.database import literal
from orchestration.release.files import explained
from orchestration.report.released_policy import PolicyTables
from orchestration.settings import Settings

_PERSON_ID = re.compile(r"^p_[0-9a-f]{16}$")
_SHOWN_IDS = 5
_T = TypeVar("_T")


@dataclass(frozen=True)
class Standing:
    """Where a person stands as of the release; columns of ``marts.people``."""

    person_id: str
    is_excluded: bool
    exclusion_reason: str | None
    first_known_at: datetime | None
    current_stage: str | None
    current_cycle: int | None
    current_stage_since: datetime | None
    days_in_stage: float | None
    next_stage: str | None
    blocked_by: str | None
    segment: str | None
    industry: str | None
    employee_count: float | None
    employee_count_max: float | None
    seniority: str | None
    company_type: str | None
    country: str | None
    icp_version: str | None
    is_icp_complete: bool | None
    is_icp_fit: bool | None
    engagement_score: float | None
    inbound_touches: int
    outbound_touches: int
    unclassified_touches: int
    source_systems: str | None
    acquisition_source: str | None


@dataclass(frozen=True)
class Touch:
    """One touch with its stamp; columns of ``marts.touches``."""

    touch_id: str
    cycle_number: int | None
    source_system: str
    occurred_at: datetime
    channel: str
    touch_type: str
    actor: str | None
    is_response: bool
    is_hand_raise: bool
    is_opt_out: bool
    placement: str | None
    keyword_intent: str | None
    audience_consent: str | None
    content_fit: str | None
    initiated_by: str | None
    has_prior_permission: bool | None
    direction: str
    direction_rule_id: str | None
    answers_touch_id: str | None
    response_relevance: str | None
    response_intent: str | None
    is_qualifying_response: bool
    points: float | None
    campaign_id: str | None
    campaign_name: str | None
    message_name: str | None
    expected_response: str | None
    is_context_complete: bool | None
    missing_context_fields: str | None
    context_source: str | None


@dataclass(frozen=True)
class Transition:
    """One step of the log; columns of ``marts.stage_transitions``."""

    cycle_number: int
    from_stage: str | None
    to_stage: str
    transition_kind: str
    occurred_at: datetime
    evidence_touch_id: str | None
    direction: str | None
    direction_rule_id: str | None
    campaign_name: str | None
    is_context_complete: bool | None
    missing_context_fields: str | None
    engagement_score: float | None
    icp_version: str | None
    is_icp_complete: bool | None
    is_icp_fit: bool | None
    mql_route: str | None


@dataclass(frozen=True)
class Claim:
    """What a CRM claims of the person; columns of ``marts.stage_claims``."""

    source_system: str
    claimed_stage: str
    proved_stage: str | None
    is_claim_proved: bool | None


@dataclass(frozen=True)
class Person:
    """Everything that is told of a person.

    Args:
        release_id: The release it was read from.
        as_of: The release's clock (UTC, without a zone).
        policy: The release's policy tables.
        asked_id: The retired id that was asked for; None if it was another.
        standing: Where the person stands.
        transitions: The whole log, in order.
        touches: All touches, in order.
        claims: What CRMs claim.
    """

    release_id: str
    as_of: datetime
    policy: PolicyTables
    asked_id: str | None
    standing: Standing
    transitions: list[Transition]
    touches: list[Touch]
    claims: list[Claim]


def find_person(settings: Settings, query: str) -> Person:
    """Find a person in the current release and read what is known.

    Args:
        settings: Where the warehouse lies.
        query: An e-mail address in any case, a person id (retired ones too) or a touch id.

    Returns:
        The person.

    Raises:
        LeadproofError: If nothing is published, or the release knows nobody by that. The query is not
            repeated, because it may be an address.
    """
    wanted = query.strip()
    release = current_release(settings)
    if not wanted:
        raise LeadproofError("Nobody was asked for.", "Give an e-mail address or a person id.")
    with open_release(settings, release.release_id if release else None) as connection:
        assert release is not None  # open_release has told that nothing is published
        with explained(f"Reading release {release.release_id}", release.path):
            person_id = _person_id(connection, settings, release, wanted)
            current_id = _first(
                connection,
                f"select person_id from marts.people where person_id = {literal(person_id)} union all"
                f" select person_id from marts.person_aliases where alias_id = {literal(person_id)} limit 1",
            )
            if current_id is None:
                raise LeadproofError(
                    f"Release {release.release_id} knows no person with this id.",
                    "Ids depend on the salt; look the person up by e-mail address instead.",
                )
            return _read(connection, release, current_id, person_id if person_id != current_id else None)


def _person_id(
    connection: duckdb.DuckDBPyConnection, settings: Settings, release: Release, wanted: str
) -> str:
    if _PERSON_ID.match(wanted.lower()):
        return wanted.lower()
    if "@" in wanted:
        return _by_address(settings, release, wanted.lower())
    by_touch = _first(
        connection, f"select person_id from marts.touches where touch_id = {literal(wanted)} limit 1"
    )
    if by_touch is None:
        raise LeadproofError(
            "This is neither an e-mail address nor the id of a person or touch in the current release.",
            "Person ids look like p_0123456789abcdef; touch ids like zoho:call-17.",
        )
    return by_touch


def _by_address(settings: Settings, release: Release, address: str) -> str:
    if not release.contacts.is_file():
        raise LeadproofError(
            f"Addresses cannot be looked up: the contacts file of release {release.release_id} is missing.",
            "Ask by person id, or build again.",
        )
    with (
        explained("Looking the address up", release.contacts),
        duckdb.connect(config={"threads": settings.threads}) as reading,
    ):
        rows = reading.execute(
            f"select distinct person_id from read_parquet({literal(release.contacts)})"
            f" where lower(trim(email)) = {literal(address)} order by person_id"
        ).fetchall()
    if not rows:
        raise LeadproofError(
            f"Release {release.release_id} knows nobody with this address.",
            "Check the spelling; who was added since appears with the next leadproof build.",
        )
    if len(rows) > 1:
        ids = ", ".join(row[0] for row in rows[:_SHOWN_IDS]) + (", …" if len(rows) > _SHOWN_IDS else "")
        raise LeadproofError(
            f"This address is shared by {len(rows):,} people: {ids}.",
            "A shared mailbox identifies nobody; ask by person id.",
        )
    return str(rows[0][0])


def _read(
    connection: duckdb.DuckDBPyConnection, release: Release, person_id: str, asked_id: str | None
) -> Person:
    return Person(
        release_id=release.release_id,
        as_of=release.as_of.replace(tzinfo=None),
        policy=PolicyTables(Path(release.policy)),
        asked_id=asked_id,
        standing=_rows(connection, Standing, "people", person_id, "person_id")[0],
        transitions=sorted(
            _rows(connection, Transition, "stage_transitions", person_id, "occurred_at"), key=_in_order
        ),
        touches=_rows(connection, Touch, "touches", person_id, "occurred_at, touch_id"),
        claims=_rows(connection, Claim, "stage_claims", person_id, "source_system"),
    )


_STEPS = ("suspect", "prospect", "mql", "sql", "recycled", "disqualified")


def _in_order(transition: Transition) -> tuple[int, datetime, int]:
    return transition.cycle_number, transition.occurred_at, _STEPS.index(transition.to_stage)


def _rows(
    connection: duckdb.DuckDBPyConnection, kind: type[_T], table: str, person_id: str, order: str
) -> list[_T]:
    names = ", ".join(field.name for field in fields(kind))  # type: ignore[arg-type]
    found = connection.execute(
        f"select {names} from marts.{table} where person_id = {literal(person_id)} order by {order}"
    ).fetchall()
    return [kind(*row) for row in found]


def _first(connection: duckdb.DuckDBPyConnection, query: str) -> str | None:
    # Queries carry no parameters: binding one makes DuckDB import pandas, which takes a second.
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else None
