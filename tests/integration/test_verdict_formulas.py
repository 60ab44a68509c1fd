"""Evidence, intervals, e-BH and scorecards against computations written apart from the models' SQL."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats
from statsmodels.stats.proportion import proportion_confint

from tests.integration.compiled_world import AS_OF, CompiledWorld, Node
from tests.integration.harness import connect
from tests.proof.verdicts import Judge, least_contacts

pytestmark = pytest.mark.slow

Row = dict[str, Any]
ALTERNATIVES = 2 ** (np.arange(1, 13) / 3)
MODELS = (
    "int_contacts_followed",
    "int_people_contacted",
    "int_tests_counted",
    "int_tests_judged",
    "campaign_scorecard",
    "segment_scorecard",
    "message_scorecard",
    "hypothesis_log",
)


# -- evidence ----------------------------------------------------------------------------------------


def log10_evidence(succeeded: int, matured: int, promised: float, odds_ratios: np.ndarray) -> float:
    """The average of the binomial likelihoods of the alternatives, over that of the promise."""
    odds = odds_ratios * promised / (1 - promised)
    likelihoods = stats.binom.logpmf(succeeded, matured, odds / (1 + odds))
    average = special.logsumexp(likelihoods, b=1 / len(odds_ratios))
    return float(average - stats.binom.logpmf(succeeded, matured, promised)) / np.log(10)


@pytest.fixture(scope="module")
def judge(compiled_world: CompiledWorld) -> Judge:
    """The compiled model on counts that a test makes up."""
    return Judge(compiled_world)


def random_counts(rng: np.random.Generator, tests: int) -> pd.DataFrame:
    promised = np.round(rng.choice([0.0001, 0.005, 0.01, 0.05, 0.3, 0.99], size=tests), 6)
    matured = np.round(10 ** rng.uniform(0, 5, size=tests)).astype(int)
    rates = np.clip(promised * 2 ** rng.normal(0, 1.5, size=tests), 0, 1)
    return pd.DataFrame(
        {
            "test_id": np.arange(tests),
            "family": rng.integers(0, 12, size=tests),
            "promised_rate": promised,
            "matured": matured,
            "succeeded": rng.binomial(matured, rates),
        }
    )


def test_evidence_is_the_mixture_of_binomial_likelihood_ratios(judge: Judge) -> None:
    counts = random_counts(np.random.default_rng(1), 400)
    decided = judge.decide(counts).astype({"test_id": int}).set_index("test_id")
    for row in counts.itertuples():
        found = decided.loc[row.test_id]
        numbers = (int(row.succeeded), int(row.matured), float(row.promised_rate))
        assert found.evidence_above_log10 == pytest.approx(
            log10_evidence(*numbers, ALTERNATIVES), rel=1e-9, abs=2e-6
        )
        assert found.evidence_below_log10 == pytest.approx(
            log10_evidence(*numbers, 1 / ALTERNATIVES), rel=1e-9, abs=2e-6
        )


def test_no_exponential_is_smaller_than_engines_can_tell(compiled_world: CompiledWorld) -> None:
    """PostgreSQL fails on e^-746 and below, where DuckDB says 0; so nothing below e^-700 is asked for."""
    node = next(node for node in compiled_world.models if node["name"] == "int_tests_judged")
    code = re.sub(r"\s+", " ", node["compiled_code"])
    asked = [_argument(code, found.end()) for found in re.finditer(r"\bexp\(", code)]
    of_evidence = [argument for argument in asked if re.search(r"\b(?:above|below)_\d", argument)]
    assert len(of_evidence) == 4 * len(ALTERNATIVES)
    assert all(re.fullmatch(r"greatest\(.*, -700\)", argument) for argument in of_evidence)


def _argument(code: str, start: int) -> str:
    """What stands between a bracket that has been opened and the one that closes it."""
    depth = 1
    for place in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        if not depth:
            return code[start:place].strip()
    raise AssertionError(code[start:])


def test_evidence_is_worth_one_on_average_where_the_promise_is_just_kept() -> None:
    """An e-value, exactly: over all outcomes, weighted with their probability under the promise."""
    for promised, matured in ((0.05, 50), (0.01, 300), (0.4, 20)):
        outcomes = np.arange(matured + 1)
        weights = stats.binom.logpmf(outcomes, matured, promised)
        for odds_ratios in (ALTERNATIVES, 1 / ALTERNATIVES):
            worth = [log10_evidence(int(count), matured, promised, odds_ratios) for count in outcomes]
            assert np.exp(special.logsumexp(weights + np.array(worth) * np.log(10))) == pytest.approx(1)


def e_bh(evidence: Sequence[float], alpha: float) -> set[int]:
    """Wang and Ramdas (2022), section 4, word for word, with decimal logarithms."""
    order = sorted(range(len(evidence)), key=lambda place: -evidence[place])
    most = 0
    for count in range(1, len(evidence) + 1):
        if count * 10.0 ** min(evidence[order[count - 1]], 300) / len(evidence) >= 1 / alpha:
            most = count
    return set(order[:most])


def test_verdicts_are_those_of_e_bh(judge: Judge) -> None:
    said = set()
    for seed in range(5):
        counts = random_counts(np.random.default_rng(seed), 300)
        decided = judge.decide(counts).astype({"test_id": int}).set_index("test_id")
        for _, family in counts.groupby("family"):
            judged = family[family["matured"] >= least_contacts()]
            tests = decided.loc[judged["test_id"]]
            both = [*tests["evidence_above_log10"], *tests["evidence_below_log10"]]
            chosen = e_bh(both, 0.05)
            for place, verdict in enumerate(tests["verdict"]):
                above, below = place in chosen, place + len(tests) in chosen
                assert verdict == ("scale" if above else "stop" if below else "keep_testing")
                said.add(verdict)
        few = counts[counts["matured"] < least_contacts()]["test_id"]
        assert set(decided.loc[few]["verdict"]) == {"insufficient_data"}
    assert said == {"scale", "stop", "keep_testing"}


def test_a_test_of_several_promises_multiplies_their_likelihood_ratios(
    compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    rows = [
        contacted(f"p{number}", promised, number < kept, segment="seg")
        for promised, people, kept in ((0.01, 300, 9), (0.05, 200, 12))
        for number in range(people)
    ]
    for number, row in enumerate(rows):
        row["person_id"] = row["contact_touch_id"] = f"p{number}"
    with JudgedWorld(compiled_world, tmp_path, rows) as database:
        found = read(database, "intermediate.int_tests_judged where cut = 'direction × segment'")
    logarithms = 0.0
    for promised, people, kept in ((0.01, 300, 9), (0.05, 200, 12)):
        odds = ALTERNATIVES * promised / (1 - promised)
        logarithms = (
            logarithms
            + stats.binom.logpmf(kept, people, odds / (1 + odds))
            - stats.binom.logpmf(kept, people, promised)
        )
    expected = special.logsumexp(logarithms, b=1 / 12) / np.log(10)
    (row,) = found
    assert row["evidence_above_log10"] == pytest.approx(expected, abs=2e-6)
    assert row["promised_rate"] == pytest.approx((300 * 0.01 + 200 * 0.05) / 500)
    assert (row["success_n"], row["success_count"]) == (500, 21)


def test_no_verdict_disappears_when_a_goal_is_moved(compiled_world: CompiledWorld, tmp_path: Path) -> None:
    """Thirteen later contacts with another promise do not stand in for a thousand that have been judged."""
    late = {"contacted_at": AS_OF - timedelta(days=40), "matures_at": AS_OF - timedelta(days=10)}
    rows = [contacted(f"a{number}", 0.05, False, **late) for number in range(1000)]
    begun = late | {"contacted_at": AS_OF - timedelta(days=45), "matures_at": AS_OF - timedelta(days=15)}
    rows[0] |= {"contacted_at": AS_OF - timedelta(days=50)}
    rows += [contacted(f"b{number}", 0.02, False, **begun) for number in range(12)]
    rows += [contacted("c", None, False, **begun), contacted("d", 0.03, False, **begun)]
    # And another message, of whose tests the one that is decided has fewer contacts than the one that is not.
    other = begun | {"message_name": "other", "scoped_campaign_id": "s:other", "campaign_id": "other"}
    rows += [contacted(f"e{number}", 0.3, False, **other) for number in range(200)]
    rows += [contacted(f"f{number}", 0.05, number < 15, **other) for number in range(300)]
    # Of the third, the judged one has ended.
    third = {"message_name": "third", "scoped_campaign_id": "s:third", "campaign_id": "third"}
    rows += [contacted(f"g{number}", 0.05, False, **third) for number in range(400)]
    rows += [contacted(f"h{number}", 0.04, False, **begun, **third) for number in range(60)]
    with JudgedWorld(compiled_world, tmp_path, rows) as database:
        shown = {
            row["message_name"]: row
            for row in read(database, "marts.message_scorecard where cut = 'direction × message'")
        }
        log = read(database, "marts.hypothesis_log where cut = 'direction × message'")
    assert (shown["m"]["verdict"], shown["m"]["success_n"], shown["m"]["tests_count"]) == ("stop", 1000, 4)
    assert (shown["other"]["verdict"], shown["other"]["success_n"]) == ("stop", 200)
    assert (shown["third"]["verdict"], shown["third"]["success_n"]) == ("keep_testing", 60)
    assert {row["ended_at"] for row in shown.values()} == {None}
    assert {(row["message_name"], row["success_n"], row["verdict"]) for row in log} == {
        ("m", 1000, "stop"),
        ("m", 12, "insufficient_data"),
        ("m", 1, "insufficient_data"),
        ("m", 0, "insufficient_data"),
        ("other", 200, "stop"),
        ("other", 300, "keep_testing"),
        ("third", 400, "stop"),
        ("third", 60, "keep_testing"),
    }
    assert {row["success_n"]: row["ended_because"] for row in log if row["ended_at"]} == {
        400: "promise_changed"
    }
    assert all((row["learned"] is None) == (row["ended_at"] is None) for row in log)


# -- intervals ---------------------------------------------------------------------------------------

_BOTH = np.concatenate([ALTERNATIVES, 1 / ALTERNATIVES])


def interval(succeeded: int, matured: int) -> tuple[float, float]:
    """Where the mixture of both sides is worth twenty, found by root finding instead of on a grid."""

    def excess(logit: float) -> float:
        return log10_evidence(succeeded, matured, float(special.expit(logit)), _BOTH) - np.log10(20)

    middle = special.logit(min(max(succeeded / matured, 1e-7), 1 - 1e-7))
    edges = special.logit(1e-9), special.logit(1 - 1e-9)
    low = 0.0 if excess(edges[0]) < 0 else special.expit(optimize.brentq(excess, edges[0], middle))
    high = 1.0 if excess(edges[1]) < 0 else special.expit(optimize.brentq(excess, middle, edges[1]))
    return float(low), float(high)


def contacted(person: str, promised: float | None, is_success: bool, **more: Any) -> Row:
    """A row of `int_people_contacted` whose time is over."""
    return {
        "contact_touch_id": person,
        "person_id": person,
        "contacted_at": datetime(2026, 3, 1),
        "matures_at": datetime(2026, 3, 31),
        "campaign_ends_at": None,
        "direction": "outbound",
        "scoped_campaign_id": "s:c",
        "campaign_source_system": "s",
        "campaign_id": "c",
        "message_name": "m",
        "segment": "none",
        "channel": "email",
        "acquisition_source": "unknown",
        "is_first_with_message": True,
        "message_hypothesis": "h",
        "success_metric": "reply rate",
        "success_threshold": "t",
        "promised_rate": promised,
        "untestable_because": None if promised else "threshold_not_readable",
        "is_matured": True,
        "is_icp_fit": True,
        "is_context_complete": True,
        "is_delivered": True,
        "is_answered": is_success,
        "is_relevant": False,
        "is_expected": False,
        "is_success": is_success,
    } | more


def test_intervals_are_those_of_the_inverted_e_process(compiled_world: CompiledWorld, tmp_path: Path) -> None:
    cases = [(1, 0), (1, 1), (60, 0), (60, 60), (500, 3), (500, 50), (2000, 1000), (3000, 2)]
    rows = [
        contacted(f"{place}-{number}", 0.05, number < succeeded, message_name=f"m{place}")
        for place, (matured, succeeded) in enumerate(cases)
        for number in range(matured)
    ]
    with JudgedWorld(compiled_world, tmp_path, rows) as database:
        found = {
            row["message_name"]: row
            for row in read(database, "intermediate.int_tests_judged where cut = 'direction × message'")
        }
    step = (np.log(99) - np.log(1e-5)) / 511
    for place, (matured, succeeded) in enumerate(cases):
        low, high = interval(succeeded, matured)
        row = found[f"m{place}"]
        # The grid widens an end by one step at most, and knows nothing beyond its own ends.
        assert _odds(low) * np.exp(-step) - 1e-5 <= _odds(row["success_low"]) <= _odds(low) + 1e-5, (
            matured, succeeded,
        )  # fmt: skip
        if row["success_high"] < 1:
            assert _odds(high) - 1e-5 <= _odds(row["success_high"]) <= _odds(high) * np.exp(step) + 1e-5
        else:
            assert high > 0.98


def _odds(rate: float) -> float:
    return rate / (1 - rate)


# -- scorecards --------------------------------------------------------------------------------------


class JudgedWorld:
    """A copy of the compiled world in which scorecards and verdicts follow from rows that a test makes up."""

    def __init__(
        self,
        world: CompiledWorld,
        folder: Path,
        rows: Sequence[Row],
        touches: Sequence[Row] | None = None,
        people: Sequence[Row] = (),
    ) -> None:
        self._world, self._folder, self._rows = world, folder, rows
        self._touches, self._people = touches, people

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._database = connect(self._world.copied_to(self._folder))
        nodes: Iterable[Node] = [node for node in self._world.models if node["name"] in MODELS]
        if self._touches is None:
            self._database.execute("create table made_up as from intermediate.int_people_contacted limit 0")
            self._database.execute("drop view intermediate.int_people_contacted")
            self._database.execute("create table intermediate.int_people_contacted as from made_up")
            _replace(self._database, "intermediate.int_people_contacted", self._rows)
            nodes = [node for node in nodes if node["name"] not in MODELS[:2]]
        else:
            _replace(self._database, "marts.touches", self._touches)
            _replace(self._database, "marts.people", self._people)
        self._world.run_models(self._database, list(nodes))
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.close()


def _replace(database: duckdb.DuckDBPyConnection, relation: str, rows: Sequence[Row]) -> None:
    database.execute(f"delete from {relation}")
    if rows:
        frame = pd.DataFrame(list(rows)).astype(object)
        database.register("made_up", frame.where(frame.notna(), None))
        database.execute(f"insert into {relation} by name select * from made_up")
        database.unregister("made_up")


def read(database: duckdb.DuckDBPyConnection, relation: str) -> list[Row]:
    cursor = database.execute(f"select * from {relation}")
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


RESPONSES = ("email_reply", "email_click", "demo_request")


def random_touches(rng: np.random.Generator, people: int) -> list[Row]:
    """Contacts, answers and bounces of some people, many at one instant, by few campaigns and messages."""
    rows: list[Row] = []
    for person in range(people):
        for _ in range(int(rng.integers(0, 7))):
            kind = rng.choice(["contact", "answer", "bounce"], p=[0.55, 0.35, 0.1])
            campaign = str(rng.choice(["c1", "c2", "c3", ""]))
            named = rng.choice(["", "any", "other"], p=[0.7, 0.25, 0.05]) if kind != "contact" else ""
            threshold = "at least 4 %" if campaign == "c1" else "soon"
            rows.append(
                {
                    "touch_id": f"s:{len(rows):05}",
                    "person_id": f"p{person:03}",
                    "source_system": "s",
                    "answers_touch_id": f"s:{int(rng.integers(max(len(rows) - 6, 0), len(rows) + 2)):05}"
                    if named == "any"
                    else "t:1"
                    if named
                    else None,
                    "occurred_at": AS_OF - timedelta(days=int(rng.integers(0, 90))),
                    "actor": {"contact": "company", "answer": "contact", "bounce": "system"}[kind],
                    "touch_type": {
                        "contact": "email_sent",
                        "answer": str(rng.choice(RESPONSES)),
                        "bounce": "email_bounced",
                    }[kind],
                    "is_response": kind == "answer",
                    "response_relevance": str(rng.choice(["relevant", "irrelevant", ""])) or None,
                    "response_intent": str(rng.choice(["buy", "leave", ""])) or None,
                    "direction": str(rng.choice(["outbound", "outbound", "inbound", "unclassified"])),
                    "channel": str(rng.choice(["email", "phone"])),
                    "campaign_source_system": "s" if campaign else None,
                    "campaign_id": campaign or None,
                    "message_name": str(rng.choice(["m1", "m2", "m3"])) if campaign else None,
                    "expected_response": "Buy|ask",
                    "success_metric": "reply rate" if campaign else None,
                    "success_threshold": threshold if campaign else None,
                    "is_icp_fit": bool(rng.random() < 0.5),
                    "is_context_complete": bool(rng.random() < 0.7),
                    "person_segment": str(rng.choice(["one", "two", ""])) or None,
                }
            )
    return rows


def listed_people(people: int) -> list[Row]:
    return [
        {
            "person_id": f"p{person:03}",
            "is_excluded": person % 17 == 0,
            "first_known_at": datetime(2020, 1, 1) if person % 13 else None,
            "acquisition_source": "web_form" if person % 3 else None,
        }
        for person in range(people)
    ]


def contacts_of(touches: Sequence[Row], people: Sequence[Row]) -> list[Row]:
    """Who was contacted with what, and what came of it, person by person in plain Python."""
    known = {row["person_id"]: row for row in people if not row["is_excluded"] and row["first_known_at"]}
    found = []
    contacts: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    followers: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for touch in touches:
        if touch["person_id"] in known and touch["actor"] == "company":
            contacts[_item(touch)].append(touch)
    for touch in touches:
        if touch["person_id"] in known and touch["actor"] != "company":
            answered = _contact_answered(touch, touches)
            if answered:
                followers[_item(answered)].append(touch)
    firsts: dict[tuple[str, str], tuple[datetime, str]] = {}
    for (person, campaign, message), sent in contacts.items():
        first = min(sent, key=lambda touch: (touch["occurred_at"], touch["touch_id"]))
        due = first["occurred_at"] + timedelta(days=30)
        later = [touch for touch in followers[person, campaign, message] if touch["occurred_at"] <= due]
        answers = [touch for touch in later if touch["is_response"]]
        relevant = [touch for touch in answers if touch["response_relevance"] == "relevant"]
        bounced = any(touch["touch_type"] == "email_bounced" for touch in later)
        found.append(
            {
                "person": person,
                "campaign": campaign,
                "message": message,
                "key": (first["occurred_at"], first["touch_id"]),
                "direction": first["direction"],
                "segment": first["person_segment"] or "none",
                "channel": first["channel"],
                "acquisition_source": known[person]["acquisition_source"] or "unknown",
                "threshold": first["success_threshold"],
                "reached": True,
                "matured": due <= AS_OF,
                "delivered": bool(answers) or not bounced,
                "answered": bool(answers),
                "relevant": bool(relevant),
                "expected": any(touch["response_intent"] == "buy" for touch in relevant),
                "success": any(touch["touch_type"] == "email_reply" for touch in answers),
                "fit": first["is_icp_fit"],
                "complete": first["is_context_complete"],
            }
        )
        firsts[person, message] = min(firsts.get((person, message), found[-1]["key"]), found[-1]["key"])
    for row in found:
        row["is_first"] = firsts[row["person"], row["message"]] == row["key"]
    return found


def _item(touch: Row) -> tuple[str, str, str]:
    campaign = f"s:{touch['campaign_id']}" if touch["campaign_id"] else "none"
    return touch["person_id"], campaign, touch["message_name"] or "none"


def _contact_answered(answer: Row, touches: Sequence[Row]) -> Row | None:
    """The contact that an answer names, else the latest one by its campaign; none where there is neither."""
    before = [
        touch
        for touch in touches
        if touch["person_id"] == answer["person_id"]
        and touch["actor"] == "company"
        and touch["occurred_at"] < answer["occurred_at"]
    ]
    named = [touch for touch in before if touch["touch_id"] == answer["answers_touch_id"]]
    if not named and answer["campaign_id"]:
        named = [touch for touch in before if touch["campaign_id"] == answer["campaign_id"]]
    return max(named, key=lambda touch: (touch["occurred_at"], touch["touch_id"]), default=None)


CARDS: Mapping[str, tuple[bool, Sequence[Sequence[str]]]] = {
    "campaign_scorecard": (
        False,
        [["campaign"], ["campaign", "segment"], ["campaign", "channel"], ["campaign", "acquisition_source"]],
    ),
    "segment_scorecard": (True, [[], ["segment"], ["segment", "channel"], ["segment", "acquisition_source"]]),
    "message_scorecard": (
        True,
        [["message"], ["message", "segment"], ["message", "channel"], ["message", "acquisition_source"]],
    ),
}
DIMENSIONS = {"scoped_campaign_id", "message_name", "segment", "channel", "acquisition_source"}
COLUMN = {"campaign": "scoped_campaign_id", "message": "message_name"}
RATES = {
    "delivered": ("delivered", "matured"),
    "response": ("answered", "delivered"),
    "positive_reply_per_contact": ("relevant", "delivered"),
    "positive_reply_per_reply": ("relevant", "answered"),
    "expected_response": ("expected", "delivered"),
}


def assert_scorecards(database: duckdb.DuckDBPyConnection, contacts: Sequence[Row]) -> None:
    for card, (is_first_only, cuts) in CARDS.items():
        expected: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in contacts:
            if row["is_first"] or not is_first_only:
                for cut in cuts:
                    name = " × ".join(["direction", *cut])
                    expected[(name, row["direction"], *(row[each] for each in cut))].append(row)
        found = {}
        for row in read(database, f"marts.{card}"):
            cut = row["cut"].split(" × ")[1:]
            found[(row["cut"], row["direction"], *(row[COLUMN.get(each, each)] for each in cut))] = row
            shown = {COLUMN.get(each, each) for each in cut}
            assert {row[name] for name in (DIMENSIONS - shown) & set(row)} <= {"(all)"}
        assert found.keys() == expected.keys(), card
        for key, rows in expected.items():
            assert_figures(found[key], rows)


def assert_figures(found: Row, rows: Sequence[Row]) -> None:
    matured = [row for row in rows if row["matured"]]
    assert found["reached_count"] == len(rows)
    assert found["maturing_count"] == len(rows) - len(matured)
    for rate, (counted, out_of) in RATES.items():
        n = sum(row[out_of] for row in matured)
        assert_rate(found, rate, sum(row[counted] for row in matured), n)
    assert_rate(found, "icp_fit", sum(row["fit"] for row in rows), len(rows))
    assert_rate(found, "complete_context", sum(row["complete"] for row in rows), len(rows))


def assert_rate(found: Row, rate: str, count: int, n: int) -> None:
    assert (found[f"{rate}_count"], found[f"{rate}_n"]) == (count, n), rate
    values = [found[f"{rate}_{name}"] for name in ("rate", "low", "high")]
    if not n:
        assert values == [None, None, None]
        return
    low, high = proportion_confint(count, n, method="wilson")
    assert values == pytest.approx([count / n, low, high], abs=1e-6)


@pytest.mark.parametrize(("people", "seed"), [(0, 1), (1, 2), (2, 3), (120, 4), (300, 5)])
def test_scorecards_agree_with_a_count_person_by_person(
    compiled_world: CompiledWorld, tmp_path: Path, people: int, seed: int
) -> None:
    touches, listed = random_touches(np.random.default_rng(seed), people), listed_people(people)
    contacts = contacts_of(touches, listed)
    with JudgedWorld(compiled_world, tmp_path, [], touches, listed) as database:
        assert_scorecards(database, contacts)
        tests = read(database, "intermediate.int_tests_judged")
    for row in tests:
        if row["cut"] == "direction × campaign" and row["promised_rate"] is not None:
            of_test = [
                each
                for each in contacts
                if (each["campaign"], each["direction"]) == (row["scoped_campaign_id"], row["direction"])
                and each["matured"]
            ]
            assert row["success_n"] == len(of_test)
            assert row["success_count"] == sum(each["success"] for each in of_test)
    if people > 100:
        assert {row["untestable_because"] for row in _promises(tests)} == {None}
        assert {"no_campaign", "direction_unclassified", "threshold_not_readable"} <= {
            row["verdict_because"] for row in tests
        }


def _promises(tests: Sequence[Row]) -> list[Row]:
    return [
        {"untestable_because": None if row["verdict_because"] in _TESTED else row["verdict_because"]}
        for row in tests
        if row["promised_rate"] is not None
    ]


_TESTED = ("scale", "stop", "keep_testing", "scaled_before_validated", "too_few_people")


def test_scorecards_of_a_world_without_outbound_hold_nothing_of_it(
    compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    touches = [
        row
        for row in random_touches(np.random.default_rng(6), 60)
        if row["direction"] != "outbound" or row["actor"] != "company"
    ]
    listed = listed_people(60)
    with JudgedWorld(compiled_world, tmp_path, [], touches, listed) as database:
        assert_scorecards(database, contacts_of(touches, listed))
        assert not read(database, "marts.message_scorecard where direction = 'outbound'")
        assert read(database, "marts.message_scorecard")


def test_verdicts_do_not_depend_on_the_order_of_rows(compiled_world: CompiledWorld, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    touches, listed = random_touches(rng, 200), listed_people(200)
    mixed = [touches[place] for place in rng.permutation(len(touches))]
    found = []
    for place, rows in enumerate((touches, mixed)):
        with JudgedWorld(compiled_world, tmp_path / str(place), [], rows, listed) as database:
            found.append(
                [
                    database.execute(f"select * from marts.{table} order by all").fetchall()
                    for table in MODELS[4:]
                ]
            )
    assert found[0] == found[1]
