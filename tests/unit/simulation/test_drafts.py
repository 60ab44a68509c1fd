import numpy as np
import pytest

from orchestration.simulation.drafts import Draft, struck
from orchestration.simulation.population import NEVER, Population, populate
from orchestration.simulation.vocabulary import KIND

START, END = 1_000_000, 50_000_000


@pytest.fixture
def population() -> Population:
    people = populate(np.random.default_rng(1), 100, 0, 0, START, END)
    people.born_at = np.full(people.size_total, START)
    people.deleted_at = np.full(people.size_total, NEVER)
    return people


def times(draft: Draft, population: Population) -> list[int]:
    return struck(draft.gathered(), population, START, END).time.tolist()


def one(draft: Draft, kind: str, time: int, parent: int = -1) -> int:
    return int(draft.add(np.array([0]), np.array([time]), KIND[kind], parent=parent).uid[0])


def test_nothing_outside_the_worlds_time(population: Population) -> None:
    draft = Draft()
    for time in (START - 1, START, END, END + 1):
        one(draft, "site_visit", time)
    assert times(draft, population) == [START, END]


def test_company_is_silent_after_an_opt_out_and_its_answers_vanish(population: Population) -> None:
    draft = Draft()
    one(draft, "cold_mail", START + 10)
    one(draft, "unsubscribe", START + 20)
    late = one(draft, "cold_mail", START + 30)
    reply = one(draft, "cold_reply", START + 40, late)
    one(draft, "meeting_invite", START + 50, reply)
    one(draft, "site_visit", START + 60)
    assert times(draft, population) == [START + 10, START + 20, START + 60]


def test_an_opt_out_that_never_happened_silences_nobody(population: Population) -> None:
    draft = Draft()
    gone = one(draft, "cold_mail", START - 5)
    one(draft, "unsubscribe", START + 20, gone)
    one(draft, "cold_mail", START + 30)
    assert times(draft, population) == [START + 30]


def test_a_second_refusal_says_nothing_new(population: Population) -> None:
    draft = Draft()
    one(draft, "unsubscribe", START + 20)
    one(draft, "complaint", START + 30)
    assert times(draft, population) == [START + 20]


def test_company_does_not_touch_whom_it_does_not_know_or_has_deleted(population: Population) -> None:
    population.born_at[0] = START + 100
    population.deleted_at[0] = START + 200
    draft = Draft()
    for time in (START + 50, START + 150, START + 250):
        one(draft, "cold_mail", time)
        one(draft, "site_visit", time + 1)
    assert times(draft, population) == [START + 51, START + 150, START + 151, START + 251]
