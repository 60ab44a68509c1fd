"""What a release had said and the next telling says otherwise: how many entries, and because of what.

Each story is told twice, as it was known when a release was published and as it is known later. What differs
is counted here once more, from the two tellings' stage tables.
"""

import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.landing import load_landing
from orchestration.release.store import Release
from orchestration.released_past import write_released_past
from orchestration.settings import PROJECT_ROOT
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse
from tests.reference.worlds import DELIVERIES, deliver, write_world

pytestmark = pytest.mark.slow

Row = dict[str, Any]
CONTACTS = "source_contact_id,email,created_at,updated_at,is_deleted\n"
TOUCHES = "source_touch_id,occurred_at,source_contact_id,email,anonymous_id,channel,touch_type\n"
BEFORE, AFTER = datetime(2026, 3, 1), datetime(2026, 3, 10)
PUBLISHED = datetime(2026, 3, 1, 1, tzinfo=UTC)


@dataclass
class Telling:
    """A warehouse whose present telling is compared with the release before."""

    compiled: CompiledWorld
    folder: Path
    seeds: Path = field(default=PROJECT_ROOT / "seeds")
    _releases: int = 0

    def __post_init__(self) -> None:
        self.landing = self.folder / "landing"
        self.landing.mkdir(parents=True)
        self.settings = make_warehouse(self.folder / "warehouse", self.landing)
        shutil.copyfile(self.compiled.settings.build_db, self.settings.build_db)

    def drop(self, table: str, name: str, content: str) -> None:
        """Write a landing file."""
        path = self.landing / "leadproof" / table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def tell(self, as_of: datetime, build_id: str = "b20260301T000000000000", release: Release | None = None,
             **changed: bool) -> None:  # fmt: skip
        """Load what is there and build every model, after a release or none."""
        load_landing(self.settings, now=as_of)
        load_policy(self.settings, self.seeds)
        begin_build(self.settings, as_of, build_id)
        flags = {"is_policy_changed": False, "is_code_changed": False, **changed}
        with connect(self.settings) as database:
            write_released_past(database, release, **flags)
            self.compiled.run_models(database)

    def publish(self, as_of: datetime, published_at: datetime = PUBLISHED) -> Release:
        """Keep the marts as a release that was published."""
        self._releases += 1
        path = self.folder / f"release{self._releases}"
        path.mkdir()
        with duckdb.connect(str(path / "leadproof.duckdb")) as database:
            database.execute(f"attach '{self.settings.build_db}' as build (read_only)")
            database.execute("create schema marts")
            for table in ("stage_transitions", "restatements"):
                database.execute(f"create table marts.{table} as from build.marts.{table}")
        moment = as_of.replace(tzinfo=UTC)
        release_id = f"r{published_at:%Y%m%dT%H%M%S}_00000{self._releases}"
        return Release(
            release_id, "b0", published_at, moment, moment, "", "", "", "passed", None, {}, path, path, True
        )

    def exclude(self, address: str) -> None:
        """Change the policy: somebody is in no stage any more."""
        seeds = self.folder / "seeds"
        shutil.copytree(self.seeds, seeds)
        self.seeds = seeds
        exclusions = seeds / "exclusions.csv"
        said = exclusions.read_text(encoding="utf-8")
        row = {"kind": "email", "pattern": address, "reason": "test", "comment": "A test."}
        line = ",".join(row.get(name, "") for name in said.splitlines()[0].split(","))
        exclusions.write_text(f"{said}{line}\n", encoding="utf-8")

    def rows(self, query: str) -> list[Row]:
        """Rows of a query."""
        return fetch(self.settings, query)

    def restated(self) -> list[tuple[Any, ...]]:
        """What the present build restates, without the telling itself."""
        query = "select * from marts.restatements where build_id = (select build_id from ops.current_build)"
        return sorted(
            (
                row["stage"],
                f"{row['entry_month']:%Y-%m}",
                row["direction"],
                row["cause"],
                row["changed_count"],
            )
            for row in self.rows(query)
        )


@pytest.fixture
def telling(empty_compiled_world: CompiledWorld, tmp_path: Path) -> Telling:
    told = Telling(empty_compiled_world, tmp_path)
    told.drop(
        "contacts",
        "contacts_2026-02-01.csv",
        CONTACTS + "1,a@x.example,2026-01-05,2026-01-05,\n2,b@x.example,2026-02-05,2026-02-05,\n",
    )
    told.drop(
        "touches",
        "touches_2026-02-01.csv",
        TOUCHES + "t1,2026-02-10,1,,,website,content_download\nt2,2026-02-11,,,cookie,website,page_visit\n",
    )
    told.tell(BEFORE)
    return told


def test_nothing_is_restated_before_the_first_release(telling: Telling) -> None:
    assert telling.rows("select * from marts.restatements") == []


def test_the_same_told_again_is_no_restatement(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop(
        "touches", "touches_2026-03-05.csv", TOUCHES + "t9,2026-03-05,2,,,website,content_download\n"
    )
    telling.tell(AFTER, release=release)
    assert len(telling.rows("select * from marts.prospects")) == 2
    assert telling.rows("select * from marts.restatements") == []


def test_a_touch_that_landed_late_is_the_cause(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop(
        "touches", "touches_2026-03-05.csv", TOUCHES + "t9,2026-02-20,2,,,website,content_download\n"
    )
    telling.tell(AFTER, release=release)
    assert telling.restated() == [("prospect", "2026-02", "inbound", "late_touches", 1)]
    (row,) = telling.rows("select * from marts.restatements")
    assert (row["entries_before"], row["entries_now"], row["compared_release_id"]) == (
        1,
        2,
        release.release_id,
    )


def test_a_record_that_landed_late_is_the_cause(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop("contacts", "contacts_2026-03-05.csv", CONTACTS + "3,c@x.example,2026-01-20,2026-03-02,\n")
    telling.tell(AFTER, release=release)
    assert telling.restated() == [("suspect", "2026-01", "none", "late_contacts", 1)]


def test_two_people_who_become_one_are_the_cause(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop("contacts", "contacts_2026-03-05.csv", CONTACTS + "2,a@x.example,2026-02-05,2026-03-05,\n")
    telling.tell(AFTER, release=release)
    assert telling.restated() == [("suspect", "2026-02", "none", "merged", -1)]


def test_visits_that_get_a_name_later_are_the_cause(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop(
        "touches",
        "touches_2026-03-05.csv",
        TOUCHES + "t9,2026-03-05,,d@x.example,cookie,website,content_download\n",
    )
    telling.tell(AFTER, release=release)
    assert telling.restated() == [
        ("prospect", "2026-02", "inbound", "newly_identified", 1),
        ("suspect", "2026-02", "none", "newly_identified", 1),
    ]


def test_a_correction_that_gives_the_evidence_to_somebody_else_is_the_cause(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop(
        "touches", "touches_2026-03-05.csv", TOUCHES + "t1,2026-02-10,2,,,website,content_download\n"
    )
    telling.tell(AFTER, release=release)
    assert telling.restated() == [("prospect", "2026-02", "inbound", "late_touches", 0)]
    (row,) = telling.rows("select * from marts.restatements")
    assert (row["added_count"], row["removed_count"]) == (1, 1)


def test_a_row_that_had_waited_is_the_cause(telling: Telling) -> None:
    telling.drop("contacts", "contacts_2026-02-28.csv", CONTACTS + "4,e@x.example,2026-01-02,2026-03-04,\n")
    telling.tell(BEFORE)
    release = telling.publish(BEFORE)
    telling.tell(AFTER, release=release)
    assert telling.restated() == [("suspect", "2026-01", "none", "pending_passed", 1)]


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"is_policy_changed": True, "is_code_changed": True}, "policy"),
        ({"is_code_changed": True}, "code_or_settings"),
        ({}, "unexplained"),
    ],
)
def test_what_no_row_explains_is_put_down_to_what_else_changed(
    telling: Telling, changed: dict[str, bool], cause: str
) -> None:
    release = telling.publish(BEFORE)
    telling.exclude("a@x.example")
    telling.tell(AFTER, release=release, **changed)
    assert telling.restated() == _excluded_because_of(cause)


REPEATED = {
    "contacts": CONTACTS
    + "1,a@x.example,2026-01-05,2026-01-05,\n2,b@x.example,2026-02-05,2026-02-05,\n3,c@x.example,2026-03-05,,\n",
    "touches": TOUCHES
    + "t1,2026-02-10,1,,,website,content_download\nt2,2026-02-11,,,cookie,website,page_visit\n"
    + "t3,2026-03-06,1,,,website,page_visit\n",
}
LATER = {
    "contacts": CONTACTS + "1,a@x.example,2026-01-05,2026-03-04,\n",
    "touches": TOUCHES + "t3,2026-03-06,1,a@x.example,other,website,page_visit\n",
}


@pytest.mark.parametrize("delivered", [REPEATED, LATER], ids=["repeated", "later"])
def test_rows_that_say_nothing_new_of_then_are_no_cause(telling: Telling, delivered: dict[str, str]) -> None:
    """A full export repeats everything, and a day brings new versions and visits: neither moves the past."""
    release = telling.publish(BEFORE)
    for table, content in delivered.items():
        telling.drop(table, f"{table}_2026-03-06.csv", content)
    telling.exclude("a@x.example")
    telling.tell(AFTER, release=release, is_policy_changed=True)
    assert telling.restated() == _excluded_because_of("policy")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("t1,2026-02-10,1,,,website,form_submit\n", "late_touches"),
        # The moment moves out of the time compared.
        ("t1,2026-03-04,1,,,website,content_download\n", "late_touches"),
    ],
)
def test_a_row_repeated_with_another_content_is_a_cause(telling: Telling, content: str, cause: str) -> None:
    release = telling.publish(BEFORE)
    telling.drop("touches", "touches_2026-03-06.csv", TOUCHES + content)
    telling.exclude("a@x.example")
    telling.tell(AFTER, release=release, is_policy_changed=True)
    assert telling.restated() == _excluded_because_of(cause)


def test_visits_of_somebody_known_that_get_a_name_later_are_the_cause(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop(
        "touches",
        "touches_2026-03-05.csv",
        TOUCHES + "t9,2026-03-05,2,,cookie,website,content_download\n",
    )
    telling.tell(AFTER, release=release)
    assert telling.restated() == [("prospect", "2026-02", "inbound", "newly_identified", 1)]


def _excluded_because_of(cause: str) -> list[tuple[Any, ...]]:
    return [
        ("prospect", "2026-02", "inbound", cause, -1),
        ("suspect", "2026-01", "none", cause, -1),
    ]


def test_what_earlier_builds_found_is_carried_on_by_the_release(telling: Telling) -> None:
    first = telling.publish(BEFORE)
    telling.drop(
        "touches", "touches_2026-03-05.csv", TOUCHES + "t9,2026-02-20,2,,,website,content_download\n"
    )
    telling.tell(AFTER, "b20260310T000000000000", first)
    second = telling.publish(AFTER, datetime(2026, 3, 10, 1, tzinfo=UTC))
    telling.drop("touches", "touches_2026-03-12.csv", TOUCHES + "t8,2026-02-21,2,,,website,unsubscribe\n")
    # Not published: the next build knows nothing of it.
    telling.tell(datetime(2026, 3, 12), "b20260312T000000000000", second)
    telling.tell(datetime(2026, 3, 13), "b20260313T000000000000", second)
    kept = Counter(row["build_id"] for row in telling.rows("select * from marts.restatements"))
    assert kept == {"b20260310T000000000000": 1}


def test_an_earlier_as_of_takes_nothing_back(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.tell(datetime(2026, 2, 1), release=release)
    assert telling.rows("select * from marts.restatements") == []


@pytest.mark.parametrize("seed", [3, 4])
def test_differences_of_a_troubled_world_add_up(
    empty_compiled_world: CompiledWorld, tmp_path: Path, seed: int
) -> None:
    """Three deliveries full of late rows, corrections and merges, each compared with the one before."""
    small = write_world(tmp_path / "world", people=80, seed=seed, seeds_from=PROJECT_ROOT / "seeds")
    telling = Telling(empty_compiled_world, tmp_path / "told", small.seeds)
    release, told = None, Counter[tuple[Any, ...]]()
    for number in range(len(DELIVERIES)):
        as_of = deliver(small, telling.landing, number)
        build_id = f"b2026010{number + 1}T000000000000"
        telling.tell(as_of, build_id, release)
        if release is not None:
            assert_adds_up(telling, build_id, release, told)
        told = Counter(_entries(telling))
        release = telling.publish(as_of, as_of.replace(tzinfo=UTC))


def assert_adds_up(telling: Telling, build_id: str, release: Release, told: Counter[tuple[Any, ...]]) -> None:
    until = release.as_of.replace(tzinfo=None)
    aliases = {
        row["alias_id"]: row["person_id"] for row in telling.rows("select * from marts.person_aliases")
    }
    before = Counter[tuple[Any, ...]]()
    for (person_id, *rest), count in told.items():
        before[(aliases.get(person_id, person_id), *rest)] += count
    now = Counter(entry for entry in _entries(telling) if entry[2] <= until)
    expected: dict[tuple[Any, ...], list[int]] = {}
    for place, side in ((0, now - before), (1, before - now)):
        for (_, stage, at, direction), count in side.items():
            expected.setdefault((stage, at.date().replace(day=1), direction), [0, 0])[place] += count
    found: dict[tuple[Any, ...], list[int]] = {}
    rows = [row for row in telling.rows("select * from marts.restatements") if row["build_id"] == build_id]
    for row in rows:
        sums = found.setdefault((row["stage"], row["entry_month"], row["direction"]), [0, 0])
        sums[0] += row["added_count"]
        sums[1] += row["removed_count"]
    assert found == expected
    assert found, "a world in which nothing is restated proves little"
    for row in rows:
        key = (row["stage"], row["entry_month"], row["direction"])
        counts = [sum(count for entry, count in side.items() if _key(entry) == key) for side in (told, now)]
        assert [row["entries_before"], row["entries_now"]] == counts
    causes = Counter[str]()
    for row in rows:
        causes[row["cause"]] += row["added_count"] + row["removed_count"]
    # A key that ceases to link, because others came to share it, parts people whom no row of theirs concerns.
    assert causes["unexplained"] <= 0.05 * causes.total(), causes
    assert len(causes) > 1, "a world with one cause only tells no causes apart"


def _key(entry: tuple[Any, ...]) -> tuple[Any, ...]:
    return (entry[1], entry[2].date().replace(day=1), entry[3])


def _entries(telling: Telling) -> list[tuple[Any, ...]]:
    rows = telling.rows(
        "select * from marts.stage_transitions where to_stage in ('suspect', 'prospect', 'mql', 'sql')"
    )
    return [
        (row["person_id"], row["to_stage"], row["occurred_at"], row["direction"] or "none") for row in rows
    ]
