"""Who lives in the simulated world: companies, people, their addresses, records and true attributes.

People come in chunks, so that memory stays bounded however many there are. What they do belongs in
``journeys``; which rows the CRM writes about them belongs in ``records``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.simulation import vocabulary as words
from orchestration.simulation.clock import DAY, HOUR, Array, business_seconds, pick_days

# Parts that a person may play. Only NORMAL people are reached by campaigns and come by themselves.
NORMAL, STRANGER, MAILBOX, CROWDED, GAP = range(5)
# Why a person is excluded, if at all.
KEPT, STAFF, TEST, COMPETITOR, JOB_SEEKER = range(5)

PEOPLE_PER_COMPANY = 2.6
STRANGERS_PER_PERSON = 0.15
CROWD = 7  # records that share one address; the policy's limit is five
NEVER = np.iinfo(np.int64).max // 4


@dataclass
class Population:
    """One chunk of people; every array has one element per person, strangers last.

    Args:
        people: How many of them may become known; the rest are strangers who stay anonymous.
        first: Number of the first person in the world.
        role: Part the person plays.
        exclusion: Why the person is excluded.
        company: Place of the person's company in the company arrays.
        segment: Place in ``SEGMENTS``.
        is_fit: Whether the true attributes fit.
        seniority: Place in ``SENIORITIES``.
        title: Place in the flat list of titles.
        acquisition: Place in ``ACQUISITIONS``.
        has_record: Whether the CRM holds a contact.
        born_at: When the person enters the CRM (seconds); ``NEVER`` until those who come by the web do.
        second_record: 0 none, 1 a duplicate with the same address, 2 a record with another address.
        second_at: When the second record is made.
        moved_at: When the address changes; ``NEVER`` for most.
        deleted_at: When all records are deleted.
        pull: Factor on interest and answers.
        company_first: Number of the first company in the world.
        company_segment: Per company: place in ``SEGMENTS``.
        industry: Per company: index in ``INDUSTRIES``.
        size: Per company: employees.
        type: Per company: index in ``TYPES``.
        country: Per company: index in ``words.COUNTRIES``.
        names: Texts per person and company, as Arrow arrays.
    """

    people: int
    first: int
    role: Array
    exclusion: Array
    company: Array
    segment: Array
    is_fit: Array
    seniority: Array
    title: Array
    acquisition: Array
    has_record: Array
    born_at: Array
    second_record: Array
    second_at: Array
    moved_at: Array
    deleted_at: Array
    pull: Array
    company_first: int
    company_segment: Array
    industry: Array
    size: Array
    type: Array
    country: Array
    names: dict[str, pa.Array]

    def settle_births(self, first_forms: Array) -> None:
        """Let those who come by the web enter the CRM when they fill their first form.

        Args:
            first_forms: Per person: seconds of the first form; ``NEVER`` for none.
        """
        waiting = self.born_at == NEVER
        for moments in (self.second_at, self.moved_at, self.deleted_at):
            chosen = waiting & (moments > NEVER)
            moments[chosen] += first_forms[chosen] - NEVER
        self.born_at = np.where(waiting, first_forms, self.born_at)

    @property
    def size_total(self) -> int:
        """How many people and strangers there are."""
        return len(self.role)


INDUSTRIES = tuple(dict.fromkeys(name for segment in words.SEGMENTS for name in segment.industries))
TYPES = tuple(dict.fromkeys(name for segment in words.SEGMENTS for name in segment.types))
FLAT_TITLES = (*(title for titles in words.TITLES for title in titles), *words.JOB_SEEKER_TITLES)


def digits(first: int, count: int, width: int) -> pa.Array:
    """Write consecutive numbers with leading zeros, without a Python loop.

    Args:
        first: First number.
        count: How many numbers.
        width: Digits.

    Returns:
        Texts.
    """
    return texts_of(np.arange(first, first + count), width)


def texts_of(numbers: Array, width: int, prefix: bytes = b"") -> pa.Array:
    """Write numbers with leading zeros behind a prefix, without a Python loop.

    Args:
        numbers: Numbers from zero.
        width: Digits.
        prefix: Leading text.

    Returns:
        Texts of equal length.
    """
    length = len(prefix) + width
    cells = np.empty((len(numbers), length), dtype=np.uint8)
    cells[:, : len(prefix)] = np.frombuffer(prefix, dtype=np.uint8)
    rest = np.asarray(numbers, dtype=np.int64).copy()
    for place in range(length - 1, len(prefix) - 1, -1):
        cells[:, place] = 48 + rest % 10
        rest //= 10
    offsets = np.arange(0, (len(numbers) + 1) * length, length, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(cells))


def taken(values: tuple[str | None, ...], codes: Array) -> pa.Array:
    """Look codes up in a list of texts.

    Args:
        values: Texts; None stays null.
        codes: Places in the list.

    Returns:
        Texts.
    """
    return pa.array(values, pa.string()).take(pa.array(codes, pa.int32()))


def joined(*parts: Any) -> pa.Array:
    """Join texts element by element.

    Args:
        parts: Arrow arrays or single texts.

    Returns:
        Texts.
    """
    return pc.binary_join_element_wise(*parts, "")


def populate(
    rng: np.random.Generator, people: int, first: int, company_first: int, start: int, end: int
) -> Population:
    """Draw one chunk of people with their companies.

    Args:
        rng: Source of randomness of this chunk.
        people: How many people, strangers not counted.
        first: Number of the first person.
        company_first: Number of the first company.
        start: First second of the world.
        end: Last second of the world.

    Returns:
        The people.
    """
    strangers = int(people * STRANGERS_PER_PERSON)
    total = people + strangers
    companies = max(int(people / PEOPLE_PER_COMPANY), 8)
    weights = np.array([segment.weight for segment in words.SEGMENTS])
    company_segment = rng.choice(len(words.SEGMENTS), companies, p=weights / weights.sum())
    industry, size, company_type = _firmographics(rng, company_segment)
    country = rng.integers(0, len(words.COUNTRIES), companies)
    company = rng.integers(0, companies, total)
    seniority = rng.choice(len(words.SENIORITIES), total, p=words.SENIORITY_WEIGHTS)
    role, exclusion = _roles(rng, people, total)
    segment = company_segment[company]
    fit = _fits(industry, size, company_type, country)[company] & (seniority < 4)
    pulls = np.array([segment.pull for segment in words.SEGMENTS])
    acquisition = rng.choice(len(words.ACQUISITIONS), total, p=words.ACQUISITION_WEIGHTS)
    acquisition = np.where(role == NORMAL, acquisition, words.LIST_PURCHASE)
    second = rng.choice(3, total, p=(0.93, 0.03, 0.04)) * (role == NORMAL)
    moves = (rng.random(total) < 0.04) & (role == NORMAL) & (second == 0)
    deletes = (rng.random(total) < 0.025) & (role == NORMAL)
    has_record = (role != STRANGER) & ~(
        (acquisition == words.WEB_FORM) & (second == 0) & ~moves & (rng.random(total) < 0.1)
    )
    born = _births(rng, acquisition, start, end)
    population = Population(
        people,
        first,
        role,
        exclusion,
        company,
        segment,
        fit,
        seniority,
        _titles(rng, seniority, exclusion),
        acquisition,
        has_record,
        born,
        second,
        _later(rng, born, second > 0, 5, 120),
        _later(rng, born, moves, 30, 200),
        _later(rng, born, deletes & has_record, 60, 300),
        pulls[segment] * np.where(fit, 1.4, 0.6) * rng.lognormal(-0.18, 0.6, total),
        company_first,
        company_segment,
        industry,
        size,
        company_type,
        country,
        {},
    )
    population.names = _names(rng, population, companies)
    return population


def _fits(industry: Array, size: Array, company_type: Array, country: Array) -> Array:
    return (
        np.isin(industry, [INDUSTRIES.index(name) for name in sorted(words.FIT_INDUSTRIES)])
        & (size >= words.FIT_SIZES[0])
        & (size <= words.FIT_SIZES[1])
        & np.isin(company_type, [TYPES.index(name) for name in sorted(words.FIT_TYPES)])
        & np.isin(
            country, [place for place, name in enumerate(words.COUNTRIES) if name in words.FIT_COUNTRIES]
        )
    )


def _firmographics(rng: np.random.Generator, company_segment: Array) -> tuple[Array, Array, Array]:
    companies = len(company_segment)
    industry = np.zeros(companies, dtype=np.int64)
    company_type = np.zeros(companies, dtype=np.int64)
    size = np.zeros(companies, dtype=np.int64)
    for place, segment in enumerate(words.SEGMENTS):
        here = np.flatnonzero(company_segment == place)
        industries = np.array([INDUSTRIES.index(name) for name in segment.industries])
        types = np.array([TYPES.index(name) for name in segment.types])
        industry[here] = industries[rng.integers(0, len(industries), len(here))]
        company_type[here] = types[rng.integers(0, len(types), len(here))]
        low, high = np.log(segment.sizes[0]), np.log(segment.sizes[1])
        size[here] = np.exp(rng.uniform(low, high, len(here))).astype(np.int64)
    return industry, size, company_type


def _roles(rng: np.random.Generator, people: int, total: int) -> tuple[Array, Array]:
    """Give a few people, drawn at random, a part of their own; everyone else is normal."""
    role = np.zeros(total, dtype=np.int8)
    exclusion = np.zeros(total, dtype=np.int8)
    role[people:] = STRANGER
    order = rng.permutation(people)
    gaps = round(people * 0.0045)  # few enough for the audit of outbound prospects' context
    crowds = CROWD * max(1, people // 4_000)
    mailboxes = max(2, people // 500)
    role[order[:gaps]] = GAP
    role[order[gaps : gaps + crowds]] = CROWDED
    role[order[gaps + crowds : gaps + crowds + mailboxes]] = MAILBOX
    rest = order[gaps + crowds + mailboxes :]
    each = max(1, round(people * 0.003))
    for place, reason in enumerate((STAFF, TEST, COMPETITOR, JOB_SEEKER)):
        exclusion[rest[place * each : (place + 1) * each]] = reason
    return role, exclusion


def _titles(rng: np.random.Generator, seniority: Array, exclusion: Array) -> Array:
    starts = np.cumsum([0, *(len(titles) for titles in words.TITLES)])
    counts = np.array([len(titles) for titles in words.TITLES])
    title: Array = starts[seniority] + (rng.random(len(seniority)) * counts[seniority]).astype(np.int64)
    seekers = starts[-1] + rng.integers(0, len(words.JOB_SEEKER_TITLES), len(seniority))
    chosen: Array = np.where(exclusion == JOB_SEEKER, seekers, title)
    return chosen


def _births(rng: np.random.Generator, acquisition: Array, start: int, end: int) -> Array:
    """Draw when people enter the CRM: bought lists mostly at once, the others over the whole time."""
    total = len(acquisition)
    days = pick_days(rng, total, start // DAY + 1, end // DAY - 1)
    at_once = (acquisition == words.LIST_PURCHASE) & (rng.random(total) < 0.8)
    moments = np.where(
        at_once, start + rng.integers(0, 2 * HOUR, total), days * DAY + business_seconds(rng, total)
    )
    return np.where(acquisition == words.WEB_FORM, NEVER, moments.clip(start, end - HOUR))


def _later(rng: np.random.Generator, born: Array, chosen: Array, low: int, high: int) -> Array:
    delays = (rng.uniform(low, high, len(born)) * DAY).astype(np.int64)
    return np.where(chosen, born + delays, NEVER)


def _names(rng: np.random.Generator, population: Population, companies: int) -> dict[str, pa.Array]:
    total = population.size_total

    def pick(values: tuple[str, ...], size: int) -> pa.Array:
        return taken(values, rng.integers(0, len(values), size))

    number = digits(population.first, total, 8)
    given = joined(pick(words.GIVEN_PARTS, total), pick(words.GIVEN_ENDS, total))
    family = joined(pick(words.FAMILY_PARTS, total), pick(words.FAMILY_ENDS, total))
    stem = joined(pick(words.COMPANY_PARTS, companies), pick(words.COMPANY_ENDS, companies))
    company_name = joined(stem, " ", pick(words.COMPANY_FORMS, companies))
    domain = joined(
        pc.utf8_lower(stem), digits(population.company_first, companies, 5), pa.scalar(".example")
    )
    home = domain.take(pa.array(population.company))
    for reason, special in ((STAFF, words.VENDOR_DOMAIN), (COMPETITOR, words.RIVAL_DOMAIN)):
        home = pc.if_else(pa.array(population.exclusion == reason), special, home)
    mailbox = joined(pc.utf8_lower(given), ".", pc.utf8_lower(family), number)
    email = joined(mailbox, "@", home)
    tester = joined("test@", number, ".example")
    email = pc.if_else(pa.array(population.exclusion == TEST), tester, email)
    email = pc.if_else(pa.array(population.role == MAILBOX), joined("info@", home), email)
    crowded = (np.cumsum(population.role == CROWDED) - 1).clip(0) // CROWD
    crowd = joined("assistants", texts_of(population.first + crowded, 8), "@", "agency.example")
    email = pc.if_else(pa.array(population.role == CROWDED), crowd, email)
    second = joined(mailbox, "@", pick(words.FREE_MAIL_DOMAINS, total))
    return {
        "contact": joined("c", number),
        "second_contact": joined("d", number),
        "email": email,
        "second_email": second,
        "visitor": joined("v", number, "a"),
        "second_visitor": joined("v", number, "b"),
        "full_name": joined(given, " ", family),
        "phone": joined("+00 555 ", number),
        "company": joined("co", digits(population.company_first, companies, 7)),
        "company_name": company_name,
        "company_domain": domain,
        "home_domain": home,
    }
