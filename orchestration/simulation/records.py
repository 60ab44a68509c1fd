"""Rows of the source system: touches with their identity keys, contacts, companies, handoffs, deals.

Turns numbers into canonical columns, and works out which keys of a person the rows really link.
What happened does not belong here, nor do files and dirt.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.simulation import vocabulary as words
from orchestration.simulation.clock import DAY, HOUR, Array
from orchestration.simulation.drafts import COMPANY, OPT_OUT_KINDS, Touches
from orchestration.simulation.journeys import Outcomes
from orchestration.simulation.population import (
    CROWDED,
    FLAT_TITLES,
    INDUSTRIES,
    MAILBOX,
    NEVER,
    TYPES,
    Population,
    texts_of,
)

TIMESTAMP = pa.timestamp("us")
# Bits of the identity keys that a row carries.
CONTACT, SECOND_CONTACT, EMAIL, SECOND_EMAIL, VISITOR, SECOND_VISITOR = (1 << bit for bit in range(6))
UNKNOWN_CAMPAIGN = "retired-0000"
_PATIENCE = 16  # seconds; version times of one record differ by their kind within this grid
# How often a first record knows: industry, size, seniority, title, company type, country, company.
# Bought lists know much, forms ask for little.
_LISTED_SHARES = np.array([0.8, 0.76, 0.35, 0.88, 0.74, 0.9, 0.85])
_FORM_SHARES = np.array([0.35, 0.3, 0.15, 0.6, 0.3, 0.7, 0.8])
_KEYS = np.array([("crm", "phone", "click", "form", "web").index(kind.keys) for kind in words.KINDS])
_CRM, _PHONE, _CLICK, _FORM, _WEB = range(5)
_WITHOUT_DEVICE = np.array(
    [words.KIND[name] for name in ("booth_visit", "letter_request", "introduction", "talk_visit")]
)


@dataclass
class Identities:
    """Which keys of people the accepted rows link.

    Args:
        people: Connected components that appear in an accepted row.
        known: Those with a contact record or a linking address.
        anonymous: Those of anonymous keys only.
        several_addresses: People joined over two addresses.
        several_records: People joined over two contact records.
        linked_visitors: Anonymous keys joined to a record or an address.
        keys: Person (place in the chunk), key bit and component, one row per key that appears.
    """

    people: int
    known: int
    anonymous: int
    several_addresses: int
    several_records: int
    linked_visitors: int
    keys: tuple[Array, Array, Array]


def carried_keys(rng: np.random.Generator, population: Population, touches: Touches) -> Array:
    """Decide which identity keys each touch carries.

    Args:
        rng: Source of randomness.
        population: The people.
        touches: What happened, ordered by time.

    Returns:
        Bits per touch.
    """
    size = len(touches)
    person, time, way = touches.person, touches.time, _KEYS[touches.kind]
    draws = rng.random((4, size))
    has_record = population.has_record[person] & (time >= population.born_at[person])
    in_second = (population.second_record[person] > 0) & (time >= population.second_at[person])
    in_second &= has_record & (draws[0] < 0.4)
    elsewhere = in_second & (population.second_record[person] == 2)
    elsewhere |= (time >= population.moved_at[person]) & (draws[0] < 0.7)
    contact = np.where(in_second, SECOND_CONTACT, CONTACT)
    email = np.where(elsewhere, SECOND_EMAIL, EMAIL)
    two_devices = (person * 2_654_435_761 >> 7) % 5 == 0
    visitor = np.where(two_devices & (draws[1] < 0.3), SECOND_VISITOR, VISITOR)
    identified = np.full(population.size_total, NEVER)
    shown = (way == _FORM) | (way == _CLICK)
    np.minimum.at(identified, person[shown], time[shown])
    is_identified = time > identified[person]
    keys = np.zeros(size, dtype=np.int64)
    personal = (way == _CRM) | (way == _PHONE)
    keys |= np.where(personal & has_record & (draws[2] < 0.93), contact, 0)
    keys |= np.where((way == _CRM) & (draws[3] < 0.6), email, 0)
    keys |= np.where((way == _CLICK) & has_record, contact, 0)
    keys |= np.where((way == _CLICK) & ~has_record, email, 0)
    keys |= np.where(way == _FORM, email, 0)
    keys |= np.where((way == _FORM) & has_record & (draws[3] < 0.3), contact, 0)
    with_device = ((way == _FORM) & ~np.isin(touches.kind, _WITHOUT_DEVICE)) | (way == _CLICK) | (way == _WEB)
    keys |= np.where(with_device, visitor, 0)
    keys |= np.where((way == _WEB) & is_identified & has_record & (draws[2] < 0.35), contact, 0)
    keys = np.where(keys == 0, np.where(has_record & (way == _PHONE), contact, email), keys)
    return np.where(touches.kind == words.KIND["second_mail"], CONTACT | SECOND_EMAIL, keys)


def touch_table(
    rng: np.random.Generator,
    population: Population,
    touches: Touches,
    keys: Array,
    campaign_ids: pa.Array,
    first_id: int,
) -> pa.Table:
    """Write touches as canonical rows.

    Args:
        rng: Source of randomness.
        population: The people.
        touches: What happened, ordered by time.
        keys: Bits of the keys that each touch carries.
        campaign_ids: Ids of all campaigns by index.
        first_id: Number of the first touch.

    Returns:
        Rows in the order of the touches.
    """
    size, names = len(touches), population.names
    ids = texts_of(np.arange(first_id, first_id + size), 10, b"t")
    places = np.full(int(max(touches.uid.max(initial=0), touches.parent.max(initial=0))) + 1, -1)
    places[touches.uid] = np.arange(size)
    answered = np.where(touches.answers, places[touches.parent], -1)
    email = np.where(keys & EMAIL, 0, np.where(keys & SECOND_EMAIL, 1, -1))
    email = np.where((email == 0) & (rng.random(size) < 0.02), 2, email)
    campaigns = pa.concat_arrays([campaign_ids, pa.array([UNKNOWN_CAMPAIGN])])
    campaign = np.where(touches.campaign == -2, len(campaign_ids), touches.campaign)
    fixed = {
        name: _coded([getattr(kind, name) for kind in words.KINDS], touches.kind)
        for name in ("placement", "keyword_intent", "audience_consent", "content_fit", "initiated_by")
    }
    return pa.table(
        {
            "source_touch_id": ids,
            "occurred_at": moments(touches.time),
            "source_contact_id": _of(
                (names["contact"], names["second_contact"]),
                np.where(keys & CONTACT, 0, np.where(keys & SECOND_CONTACT, 1, -1)),
                touches.person,
            ),
            "email": _of(
                (names["email"], names["second_email"], pc.utf8_upper(names["email"])), email, touches.person
            ),
            "anonymous_id": _of(
                (names["visitor"], names["second_visitor"]),
                np.where(keys & VISITOR, 0, np.where(keys & SECOND_VISITOR, 1, -1)),
                touches.person,
            ),
            "channel": _coded([kind.channel for kind in words.KINDS], touches.kind),
            "touch_type": _coded([kind.touch_type for kind in words.KINDS], touches.kind),
            "campaign_id": campaigns.take(_index(campaign)),
            "answers_touch_id": ids.take(_index(answered)),
            **fixed,
            "offer_id": _coded(list(words.OFFERS), _ranged(rng, touches.kind, words.OFFER_RANGE, (0, 1))),
            "landing_page": _coded(list(words.PAGES), _pages(rng, touches.kind)),
            "response_relevance": _coded(list(words.RELEVANCE), touches.relevance),
            "response_intent": _coded(list(words.INTENTS), touches.intent),
        }
    )


def contact_table(rng: np.random.Generator, population: Population, touches: Touches, end: int) -> pa.Table:
    """Write contact versions: first records, late enrichment, moves, second records, claims, deletions.

    Args:
        rng: Source of randomness.
        population: The people; births are settled.
        touches: What happened; who responded is enriched sooner.
        end: Last second of the world.

    Returns:
        Rows by ``updated_at`` and id.
    """
    total = population.size_total
    responded = np.full(total, NEVER)
    own = ~COMPANY[touches.kind] & ~np.isin(touches.kind, OPT_OUT_KINDS)
    np.minimum.at(responded, touches.person[own], touches.time[own])
    in_crm = population.has_record & (population.born_at <= end)
    born = population.born_at
    listed = np.isin(population.acquisition, (words.LIST_PURCHASE, words.IMPORT))
    shares = np.where(listed[None, :], _LISTED_SHARES[:, None], _FORM_SHARES[:, None])
    known = rng.random((7, total)) < shares
    known[3] |= population.exclusion > 0
    versions = _Versions()
    everyone = np.flatnonzero(in_crm)
    versions.add(everyone, 0, born, known, claim=_first_claims(rng, total))
    for place in range(6):
        found = in_crm & ~known[place] & (rng.random(total) < np.where(responded < NEVER, 0.82, 0.4))
        late = born + (rng.exponential(70 * DAY, total)).astype(np.int64) + HOUR
        soon = np.maximum(born, responded) + (rng.exponential(7 * DAY, total)).astype(np.int64) + HOUR
        only = np.zeros_like(known)
        only[place] = True
        versions.add(np.flatnonzero(found), 1 + place, np.where(responded < NEVER, soon, late), only)
    none = np.zeros_like(known)
    moved = np.flatnonzero(in_crm & (population.moved_at <= end))
    versions.add(moved, 7, population.moved_at, none, email=1)
    second = in_crm & (population.second_record > 0) & (population.second_at <= end)
    for record, email in ((1, 0), (2, 1)):
        chosen = np.flatnonzero(second & (population.second_record == record))
        versions.add(chosen, 8, population.second_at, known, email=email, is_second=True)
    claimed = np.flatnonzero(in_crm & (responded < NEVER) & (rng.random(total) < 0.6))
    claim_time = np.maximum(responded, born) + DAY + rng.integers(0, 20 * DAY, total)
    versions.add(claimed, 9, claim_time, none, claim=rng.choice((2, 3, 4), total, p=(0.5, 0.38, 0.12)))
    deleted = in_crm & (population.deleted_at <= end)
    versions.add(np.flatnonzero(deleted), 10, population.deleted_at, none, is_deleted=True)
    also = np.flatnonzero(deleted & second & (population.second_at < population.deleted_at))
    versions.add(also, 11, population.deleted_at + HOUR, none, is_second=True, is_deleted=True)
    return versions.table(rng, population, end)


class _Versions:
    """Collects contact versions as columns."""

    def __init__(self) -> None:
        self.blocks: list[tuple[Array, ...]] = []

    def add(
        self,
        person: Array,
        kind: int,
        time: Array,
        known: Array,
        *,
        email: int = 0,
        claim: Array | None = None,
        is_second: bool = False,
        is_deleted: bool = False,
    ) -> None:
        size = len(person)
        # Each kind of version happens at most once per record, so no two versions share an instant.
        moment = time[person] // _PATIENCE * _PATIENCE + kind
        claims = np.zeros(size, dtype=np.int64) if claim is None else claim[person]
        flags = (np.full(size, email), claims, np.full(size, is_second), np.full(size, is_deleted))
        self.blocks.append((person, moment, known[:, person], *flags))

    def table(self, rng: np.random.Generator, population: Population, end: int) -> pa.Table:
        person, time, known, email, claim, is_second, is_deleted = (
            np.concatenate([block[place] for block in self.blocks], axis=-1) for place in range(7)
        )
        order = np.lexsort((is_second, person, time))
        order = order[time[order] <= end]
        person, time, email, claim = person[order], time[order], email[order], claim[order]
        known, is_second, is_deleted = known[:, order], is_second[order], is_deleted[order]
        names, company = population.names, population.company[person]
        first = np.where(is_second, population.second_at[person], population.born_at[person])
        in_bands = (person * 40_503 >> 3) % 3 == 0
        bands = np.array(words.SIZE_BANDS)
        band = np.searchsorted(bands[:, 1], population.size[company]).clip(0, len(bands) - 1)
        low = np.where(in_bands, bands[band, 0], population.size[company])
        full = known.sum(axis=0) > 1
        return pa.table(
            {
                "source_contact_id": _of(
                    (names["contact"], names["second_contact"]), is_second.astype(int), person
                ),
                "source_company_id": _where(known[6], names["company"], company),
                "email": _of((names["email"], names["second_email"]), email, person),
                "phone": _where(full & ((person % 10) < 6), names["phone"], person),
                "full_name": _where(full, names["full_name"], person),
                "job_title": _coded([*FLAT_TITLES, None], np.where(known[3], population.title[person], -1)),
                "seniority": _coded(
                    [*words.SENIORITIES, None], np.where(known[2], population.seniority[person], -1)
                ),
                "company_name": _where(full, names["company_name"], company),
                "company_domain": _where(full, names["home_domain"], person),
                "industry": _coded([*INDUSTRIES, None], np.where(known[0], population.industry[company], -1)),
                "employee_count": _number(known[1], low),
                "employee_count_max": _number(known[1] & in_bands, bands[band, 1]),
                "company_type": _coded([*TYPES, None], np.where(known[4], population.type[company], -1)),
                "country": _coded(
                    [*words.COUNTRIES, None], np.where(known[5], population.country[company], -1)
                ),
                "acquisition_source": _coded(list(words.ACQUISITIONS), population.acquisition[person]),
                "source_stage": _coded(list(words.STAGE_CLAIMS), claim),
                "created_at": moments(first // _PATIENCE * _PATIENCE),
                "updated_at": moments(time),
                "is_deleted": _coded(["false", "true"], is_deleted),
            }
        )


def company_table(rng: np.random.Generator, population: Population, start: int, end: int) -> pa.Table:
    """Write company versions; they carry attributes that contacts lack, and some attributes come later.

    Args:
        rng: Source of randomness.
        population: The people and their companies.
        start: First second of the world.
        end: Last second of the world.

    Returns:
        Rows by ``updated_at`` and id.
    """
    total = len(population.company_segment)
    listed = rng.random(total) < 0.85
    known = rng.random((4, total)) < np.array([0.72, 0.72, 0.75, 0.85])[:, None]
    first = (start + rng.integers(0, DAY, total)) // _PATIENCE * _PATIENCE
    later = (
        first + (rng.uniform(10 * DAY, end - start, total)).astype(np.int64)
    ) // _PATIENCE * _PATIENCE + 1
    updated = listed & (later <= end) & (rng.random(total) < 0.5)
    company = np.concatenate([np.flatnonzero(listed), np.flatnonzero(updated)])
    time = np.concatenate([first[listed], later[updated]])
    filled = known | (rng.random((4, total)) < 0.6)
    known = np.concatenate([known[:, listed], filled[:, updated]], axis=1)
    order = np.lexsort((company, time))
    company, time, known = company[order], time[order], known[:, order]
    names = population.names
    return pa.table(
        {
            "source_company_id": names["company"].take(_index(company)),
            "company_name": names["company_name"].take(_index(company)),
            "company_domain": names["company_domain"].take(_index(company)),
            "industry": _coded([*INDUSTRIES, None], np.where(known[0], population.industry[company], -1)),
            "employee_count": _number(known[1], population.size[company]),
            "employee_count_max": _number(np.zeros(len(company), bool), company),
            "company_type": _coded([*TYPES, None], np.where(known[2], population.type[company], -1)),
            "country": _coded([*words.COUNTRIES, None], np.where(known[3], population.country[company], -1)),
            "updated_at": moments(time),
        }
    )


def handoff_table(population: Population, handoffs: Outcomes, first_id: int) -> pa.Table:
    """Write handoffs to sales.

    Args:
        population: The people.
        handoffs: What sales did.
        first_id: Number of the first handoff.

    Returns:
        Rows by time.
    """
    table = pa.table(
        {
            "source_handoff_id": texts_of(first_id + handoffs.number, 8, b"h"),
            **_person_columns(population, handoffs),
            "outcome": _coded(["accepted", "rejected"], handoffs.code),
            "reason": _coded([*words.REJECTIONS, None], handoffs.reason),
        }
    )
    return table.take(_index(np.lexsort((handoffs.number, handoffs.time))))


def deal_table(population: Population, deals: Outcomes, first_id: int) -> pa.Table:
    """Write deals, one row per status.

    Args:
        population: The people.
        deals: What sales did.
        first_id: Number of the first deal.

    Returns:
        Rows by time.
    """
    table = pa.table(
        {
            "source_deal_id": texts_of(first_id + deals.number, 8, b"o"),
            **_person_columns(population, deals),
            "status": _coded(["opened", "won", "lost"], deals.code),
            "amount": pa.array(deals.amount, pa.float64()),
            "currency": _coded(["USD"], np.zeros(len(deals.person), dtype=np.int64)),
        }
    )
    return table.take(_index(np.lexsort((deals.code, deals.number, deals.time))))


def link(population: Population, touches: Touches, keys: Array, end: int) -> Identities:
    """Join the keys of each person that accepted rows carry together.

    Args:
        population: The people.
        touches: What happened.
        keys: Bits of the keys that each touch carries.
        end: Last second of the world.

    Returns:
        The identities that a faithful reader must find.
    """
    rows = [np.unique(touches.person * 64 + keys)]
    in_crm = population.has_record & (population.born_at <= end)
    shared = np.isin(population.role, (MAILBOX, CROWDED))
    first = np.where(shared, CONTACT, CONTACT | EMAIL)
    rows.append(np.flatnonzero(in_crm) * 64 + first[in_crm])
    moved = np.flatnonzero(in_crm & (population.moved_at <= end))
    rows.append(moved * 64 + (CONTACT | SECOND_EMAIL))
    second = in_crm & (population.second_record > 0) & (population.second_at <= end)
    for record, email in ((1, EMAIL), (2, SECOND_EMAIL)):
        chosen = np.flatnonzero(second & (population.second_record == record))
        rows.append(chosen * 64 + (SECOND_CONTACT | email))
    together = np.unique(np.concatenate(rows))
    person, masks = together // 64, together % 64
    labels = np.full((population.size_total, 6), 99)
    for bit in range(6):
        here = person[(masks >> bit) & 1 == 1]
        labels[here, bit] = bit
    while True:
        before = labels.copy()
        smallest = np.full(len(masks), 99)
        for bit in range(6):
            has = (masks >> bit) & 1 == 1
            smallest[has] = np.minimum(smallest[has], labels[person[has], bit])
        for bit in range(6):
            has = (masks >> bit) & 1 == 1
            np.minimum.at(labels, (person[has], np.full(has.sum(), bit)), smallest[has])
        if (labels == before).all():
            break
    return _counted(labels)


def _counted(labels: Array) -> Identities:
    roots = [(labels == root).any(axis=1) for root in range(6)]
    components = int(sum(root.sum() for root in roots))
    known = int(sum(root.sum() for root in roots[:4]))
    shown = labels < 99
    addresses = shown[:, 2] & shown[:, 3] & (labels[:, 2] == labels[:, 3])
    records = shown[:, 0] & shown[:, 1] & (labels[:, 0] == labels[:, 1])
    person, bit = np.nonzero(shown)
    return Identities(
        components,
        known,
        components - known,
        int(addresses.sum()),
        int(records.sum()),
        int((shown[:, 4:] & (labels[:, 4:] < 4)).sum()),
        (person, bit, labels[person, bit]),
    )


def moments(seconds: Array) -> pa.Array:
    """Turn seconds into Arrow timestamps.

    Args:
        seconds: Seconds since 1970-01-01 UTC.

    Returns:
        Timestamps without a zone, to be read as UTC.
    """
    return pa.array(seconds * 1_000_000, pa.int64()).cast(TIMESTAMP)


def _person_columns(population: Population, outcomes: Outcomes) -> dict[str, pa.Array]:
    in_crm = population.has_record[outcomes.person]
    contact = population.names["contact"]
    # Sales names the record; the address stands in where there is none, and sometimes beside it.
    with_email = ~in_crm | (outcomes.number % 3 == 0)
    return {
        "source_contact_id": _where(in_crm, contact, outcomes.person),
        "email": _where(with_email, population.names["email"], outcomes.person),
        "occurred_at": moments(outcomes.time),
    }


def _first_claims(rng: np.random.Generator, total: int) -> Array:
    return rng.choice(len(words.STAGE_CLAIMS), total, p=(0.3, 0.5, 0.12, 0.06, 0.02))


def _index(places: Array) -> pa.Array:
    """Turn places into Arrow indices; negative ones become null."""
    return pa.array(places, pa.int64(), mask=np.asarray(places) < 0)


def _where(chosen: Array, values: pa.Array, places: Array) -> pa.Array:
    return values.take(_index(np.where(chosen, places, -1)))


def _of(columns: tuple[pa.Array, ...], which: Array, places: Array) -> pa.Array:
    """Take from one of several arrays of equal length; ``which`` below zero gives null."""
    length = len(columns[0])
    return pa.concat_arrays(list(columns)).take(_index(np.where(which < 0, -1, which * length + places)))


def _coded(values: list[str | None], codes: Array) -> pa.Array:
    """Take texts by their code; a negative code counts from the end, as in Python."""
    codes = np.where(np.asarray(codes) < 0, len(values) + np.asarray(codes), codes)
    nulls = np.array([value is None for value in values])[codes]
    known = pa.array(["" if value is None else value for value in values])
    indices = pa.array(codes, pa.int32(), mask=nulls)
    return pa.DictionaryArray.from_arrays(indices, known)


def _number(chosen: Array, values: Array) -> pa.Array:
    return pa.array(values, pa.int64(), mask=~np.asarray(chosen))


def _ranged(
    rng: np.random.Generator, kinds: Array, ranges: dict[str, tuple[int, int]], default: tuple[int, int]
) -> Array:
    bounds = np.array([ranges.get(kind.name, default) for kind in words.KINDS])[kinds]
    drawn: Array = bounds[:, 0] + rng.random(len(kinds)) * (bounds[:, 1] - bounds[:, 0])
    return drawn.astype(np.int64)


def _pages(rng: np.random.Generator, kinds: Array) -> Array:
    with_page = np.array(
        [kind.actor == "contact" and kind.touch_type in {"page_visit", "ad_click"} for kind in words.KINDS]
    )
    pages = _ranged(rng, kinds, words.PAGE_RANGE, (1, 9))
    named = np.array([kind.name in words.PAGE_RANGE for kind in words.KINDS])
    return np.where(with_page[kinds] | named[kinds], pages, 0)
