"""What a release had said and the next telling says otherwise: how many entries, and because of what.

Each story is told twice, as it was known when a release was published and as it is known later. What differs
is counted here once more, from the two tellings' stage tables.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
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
PUBLISHED_TABLES = ("suspects", "prospects", "mqls", "sqls", "touches", "people", "restatements")
DIMENSIONS = ("direction", "segment", "scoped_campaign_id", "channel", "acquisition_source")


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

    def copied_to(self, folder: Path) -> "Telling":
        """The same once more, to be told on."""
        copy = Telling(self.compiled, folder, self.seeds)
        shutil.copytree(self.landing, copy.landing, dirs_exist_ok=True)
        shutil.copyfile(self.settings.build_db, copy.settings.build_db)
        return copy

    def drop(self, table: str, name: str, content: str) -> None:
        """Write a landing file."""
        path = self.landing / "leadproof" / table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def tell(self, as_of: datetime, build_id: str = "b20260301T000000000000", release: Release | None = None,
             **changed: bool) -> None:  # fmt: skip
        """Load what is there and build what restatements are made of, after a release or none."""
        load_landing(self.settings, now=as_of)
        load_policy(self.settings, self.seeds)
        begin_build(self.settings, as_of, build_id)
        flags = {"is_policy_changed": False, "is_code_changed": False, **changed}
        with connect(self.settings) as database:
            write_released_past(database, release, **flags)
            self.compiled.run_models(
                database, self.compiled.leading_to((*PUBLISHED_TABLES, "person_aliases"))
            )

    def publish(
        self,
        as_of: datetime,
        published_at: datetime = PUBLISHED,
        lacking: Sequence[tuple[str, str]] = (),
    ) -> Release:
        """Keep the marts as a release that was published, without the columns that it lacks."""
        self._releases += 1
        path = self.folder / f"release{self._releases}"
        path.mkdir()
        with duckdb.connect(str(path / "leadproof.duckdb")) as database:
            database.execute(f"attach '{self.settings.build_db}' as build (read_only)")
            database.execute("create schema marts")
            for table in PUBLISHED_TABLES:
                database.execute(f"create table marts.{table} as from build.marts.{table}")
            for table, column in lacking:
                database.execute(f"alter table marts.{table} drop column {column}")
        moment = as_of.replace(tzinfo=UTC)
        release_id = f"r{published_at:%Y%m%dT%H%M%S}_00000{self._releases}"
        return Release(
            release_id, "b0", published_at, moment, moment, "", "", "", "passed", None, {}, path, path, True
        )

    def moved(self) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
        """What the present build restates, by dimensions: stage, cause, how many were added and removed."""
        query = "select * from marts.restatements where build_id = (select build_id from ops.current_build)"
        found: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        for row in self.rows(query):
            cell = tuple(row[name] for name in DIMENSIONS)
            found.setdefault(cell, []).append(
                (row["stage"], row["cause"], row["added_count"], row["removed_count"])
            )
        return {cell: sorted(told) for cell, told in found.items()}

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


@pytest.fixture(scope="module")
def told_before(empty_compiled_world: CompiledWorld, tmp_path_factory: pytest.TempPathFactory) -> Telling:
    """What was known when the release was published, told once for all tests. Never write into it."""
    told = Telling(empty_compiled_world, tmp_path_factory.mktemp("told"))
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


@pytest.fixture
def telling(told_before: Telling, tmp_path: Path) -> Telling:
    return told_before.copied_to(tmp_path)


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
    assert telling.restated() == [
        ("prospect", "2026-02", "inbound", "late_touches", 1),
        # The person's first touch describes the suspect, too.
        ("suspect", "2026-02", "inbound", "late_touches", 1),
        ("suspect", "2026-02", "none", "late_touches", -1),
    ]
    (row,) = telling.rows("select * from marts.restatements where stage = 'prospect'")
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
        ("suspect", "2026-02", "inbound", "newly_identified", 1),
    ]


def test_a_correction_that_gives_the_evidence_to_somebody_else_is_the_cause(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.drop(
        "touches", "touches_2026-03-05.csv", TOUCHES + "t1,2026-02-10,2,,,website,content_download\n"
    )
    telling.tell(AFTER, release=release)
    assert telling.restated() == [
        ("prospect", "2026-02", "inbound", "late_touches", 0),
        ("suspect", "2026-01", "inbound", "late_touches", -1),
        ("suspect", "2026-01", "none", "late_touches", 1),
        ("suspect", "2026-02", "inbound", "late_touches", 1),
        ("suspect", "2026-02", "none", "late_touches", -1),
    ]
    (row,) = telling.rows("select * from marts.restatements where stage = 'prospect'")
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
    + "1,a@x.example,2026-01-05,2026-01-05,\n2,b@x.example,2026-02-05,2026-02-05,\n"
    + "3,c@x.example,2026-03-05,,\n",
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
    assert telling.restated() == [
        ("prospect", "2026-02", "inbound", "newly_identified", 1),
        ("suspect", "2026-02", "inbound", "newly_identified", 1),
        ("suspect", "2026-02", "none", "newly_identified", -1),
    ]


SENT = TOUCHES[:-1] + ",campaign_id,response_relevance,response_intent,audience_consent\n"


@dataclass(frozen=True)
class Story:
    """Something that comes late, and what it moves.

    Args:
        before: Files of the release, by table.
        after: Files that land later.
        moved: By direction, segment, campaign, channel and source: stage, cause, added and removed.
    """

    before: dict[str, str]
    after: dict[str, str]
    moved: dict[tuple[Any, ...], list[tuple[Any, ...]]]


_FULL = "source_contact_id,email,source_company_id,seniority,acquisition_source,created_at,updated_at\n"
_COMPANIES = "source_company_id,industry,employee_count,company_type,country,updated_at\n"
_FITTING = "k1,software,200,private,de,2026-01-01\n"
_VP = "7,v@x.example,k1,vp,web_form,2026-01-05,2026-01-05\n"
_CONTEXT = (
    "campaign_id,campaign_name,segment_definition,message_name,message_hypothesis,expected_response,"
    "success_metric,success_threshold,starts_at,created_at,updated_at\n"
)
_COLD = "c1,Cold,Everybody,Hours,{},meeting,reply_rate,5 %,2026-01-01,2026-01-01,{}\n"
_REPLIED = (
    "s1,2026-01-10,7,,,email,email_sent,c1,,,none\n"
    "s2,2026-01-12,7,,,email,email_reply,c1,relevant,meeting,none\n"
)
_MID = ("outbound", "mid_market_software", "leadproof:c1", "email", "web_form")
_HANDOFFS = "source_handoff_id,source_contact_id,occurred_at,outcome\n"
_STORIES = {
    "campaign of a touch": Story(
        {"contacts": _FULL + _VP, "touches": SENT + "s1,2026-01-10,7,,,website,content_download,c1,,,\n"},
        {"touches": SENT + "s1,2026-01-10,7,,,website,content_download,c2,,,\n"},
        {
            ("inbound", "none", "leadproof:c1", "website", "web_form"): [
                ("prospect", "late_touches", 0, 1),
                ("suspect", "late_touches", 0, 1),
            ],
            ("inbound", "none", "leadproof:c2", "website", "web_form"): [
                ("prospect", "late_touches", 1, 0),
                ("suspect", "late_touches", 1, 0),
            ],
        },
    ),
    "company record": Story(
        {
            "contacts": _FULL + _VP,
            "companies": _COMPANIES + "k1,,,,,2026-01-01\n",
            "touches": SENT + "s1,2026-01-10,7,,,website,content_download,,,,\n",
        },
        {"companies": _COMPANIES + _FITTING},
        {
            ("inbound", segment, "none", "website", "web_form"): [
                ("prospect", "late_companies", added, 1 - added),
                # Known on the day on which the record of the contact begins.
                ("suspect", "late_companies", added, 1 - added),
            ]
            for segment, added in (("none", 0), ("mid_market_software", 1))
        },
    ),
    "campaign version": Story(
        {
            "contacts": _FULL + _VP,
            "companies": _COMPANIES + _FITTING,
            "campaigns": _CONTEXT + _COLD.format("", "2026-01-01"),
            "touches": SENT + _REPLIED,
        },
        {"campaigns": _CONTEXT + _COLD.format("Hours saved", "2026-01-01")},
        {_MID: [("mql", "late_campaigns", 1, 0), ("sql", "late_campaigns", 1, 0)]},
    ),
    "later campaign version": Story(
        {
            "contacts": _FULL + _VP,
            "companies": _COMPANIES + _FITTING,
            "campaigns": _CONTEXT + _COLD.format("", "2026-01-01"),
            "touches": SENT + _REPLIED,
        },
        {
            "campaigns": _CONTEXT + _COLD.format("Hours saved", "2026-03-04"),
            "companies": _COMPANIES + "k1,software,20,private,de,2026-01-01\n",
        },
        {
            (_MID[0], segment, *_MID[2:]): [
                ("prospect", "late_companies", added, 1 - added),
                ("suspect", "late_companies", added, 1 - added),
            ]
            for segment, added in (("mid_market_software", 0), ("small_software", 1))
        },
    ),
    "handoff": Story(
        {
            "contacts": _FULL + _VP,
            "touches": SENT
            + "s1,2026-01-10,7,,,website,content_download,,,,\ns2,2026-01-20,7,,,website,page_visit,,,,\n",
        },
        {"handoffs": _HANDOFFS + "h1,7,2026-01-15,rejected\n"},
        {
            ("inbound", "none", "none", "website", "web_form"): [
                ("prospect", "late_handoffs", 1, 0),
                ("suspect", "late_handoffs", 1, 0),
            ]
        },
    ),
    "source of a record": Story(
        {
            "contacts": _FULL + _VP.replace("web_form", ""),
            "touches": SENT + "s1,2026-01-10,7,,,website,page_visit,,,,\n",
        },
        {"contacts": _FULL + _VP.replace("2026-01-05\n", "2026-03-04\n")},
        {
            ("inbound", "none", "none", "website", source): [
                ("prospect", "late_contacts", added, 1 - added),
                ("suspect", "late_contacts", added, 1 - added),
            ]
            for source, added in (("unknown", 0), ("web_form", 1))
        },
    ),
    # A first touch of after the release describes its suspect otherwise and restates nothing.
    "first touch": Story(
        {"contacts": _FULL + _VP},
        {"touches": SENT + "s1,2026-03-04,7,,,website,content_download,c1,,,\n"},
        {},
    ),
}


@pytest.mark.parametrize("story", _STORIES.values(), ids=_STORIES.keys())
def test_an_entry_that_moves_leaves_a_trace_and_its_cause(
    empty_compiled_world: CompiledWorld, tmp_path: Path, story: Story
) -> None:
    telling = Telling(empty_compiled_world, tmp_path)
    for table, content in story.before.items():
        telling.drop(table, f"{table}_2026-02-01.csv", content)
    telling.tell(BEFORE)
    release = telling.publish(BEFORE)
    for table, content in story.after.items():
        telling.drop(table, f"{table}_2026-03-05.csv", content)
    telling.tell(AFTER, release=release)
    assert telling.moved() == story.moved


def test_a_segment_that_policy_moves_leaves_a_trace(
    empty_compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    telling = Telling(empty_compiled_world, tmp_path)
    telling.drop("contacts", "contacts_2026-02-01.csv", _FULL + _VP)
    telling.drop("companies", "companies_2026-02-01.csv", _COMPANIES + _FITTING)
    telling.tell(BEFORE)
    release = telling.publish(BEFORE)
    shutil.copytree(telling.seeds, tmp_path / "seeds")
    telling.seeds = tmp_path / "seeds"
    rules = telling.seeds / "segment_rules.csv"
    rules.write_text(
        rules.read_text(encoding="utf-8").replace("mid_market_software", "middle"), encoding="utf-8"
    )
    telling.tell(AFTER, release=release, is_policy_changed=True)
    assert telling.moved() == {
        ("none", segment, "none", "none", "web_form"): [("suspect", "policy", added, 1 - added)]
        for segment, added in (("mid_market_software", 0), ("middle", 1))
    }


@pytest.mark.parametrize(
    "lacking",
    [
        [("prospects", "person_segment")],
        [("touches", "campaign_source_system")],
        [("people", "acquisition_source")],
        [
            ("restatements", "segment"),
            ("restatements", "scoped_campaign_id"),
            ("restatements", "campaign_name"),
        ],
    ],
)
def test_what_an_earlier_release_does_not_say_is_not_restated(
    telling: Telling, lacking: list[tuple[str, str]]
) -> None:
    release = telling.publish(BEFORE, lacking=lacking)
    telling.drop(
        "touches", "touches_2026-03-05.csv", TOUCHES + "t9,2026-02-20,2,,,website,content_download\n"
    )
    telling.tell(AFTER, release=release)
    assert telling.restated()[0] == ("prospect", "2026-02", "inbound", "late_touches", 1)
    others = {row[:4] for row in telling.restated()[1:]}
    # The first touch of the person described the suspect otherwise, where the release says how.
    assert others <= {("suspect", "2026-02", side, "late_touches") for side in ("none", "inbound")}


def test_restatements_that_were_told_with_fewer_dimensions_are_carried_on(telling: Telling) -> None:
    first = telling.publish(BEFORE)
    telling.drop(
        "touches", "touches_2026-03-05.csv", TOUCHES + "t9,2026-02-20,2,,,website,content_download\n"
    )
    telling.tell(AFTER, "b20260310T000000000000", first)
    told = telling.rows("select * from marts.restatements where stage = 'prospect'")
    names = ("segment", "scoped_campaign_id", "campaign_name", "channel", "acquisition_source")
    second = telling.publish(
        AFTER, datetime(2026, 3, 10, 1, tzinfo=UTC), lacking=[("restatements", name) for name in names]
    )
    telling.tell(datetime(2026, 3, 13), "b20260313T000000000000", second)
    carried = telling.rows("select * from marts.restatements where stage = 'prospect'")
    unsaid = dict.fromkeys((*names, "campaign_source_system", "campaign_id"), "(all)")
    assert carried == [row | unsaid for row in told]


def _excluded_because_of(cause: str) -> list[tuple[Any, ...]]:
    return [
        ("prospect", "2026-02", "inbound", cause, -1),
        ("suspect", "2026-01", "inbound", cause, -1),
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
    assert kept == {"b20260310T000000000000": 3}


def test_an_earlier_as_of_takes_nothing_back(telling: Telling) -> None:
    release = telling.publish(BEFORE)
    telling.tell(datetime(2026, 2, 1), release=release)
    assert telling.rows("select * from marts.restatements") == []


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.long)])
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
        told = Counter(_entries(telling, as_of))
        release = telling.publish(as_of, as_of.replace(tzinfo=UTC))


def assert_adds_up(telling: Telling, build_id: str, release: Release, told: Counter[tuple[Any, ...]]) -> None:
    until = release.as_of.replace(tzinfo=None)
    aliases = {
        row["alias_id"]: row["person_id"] for row in telling.rows("select * from marts.person_aliases")
    }
    before = Counter[tuple[Any, ...]]()
    for (person_id, *rest), count in told.items():
        before[(aliases.get(person_id, person_id), *rest)] += count
    now = Counter(entry for entry in _entries(telling, until) if entry[2] <= until)
    expected: dict[tuple[Any, ...], list[int]] = {}
    for place, side in ((0, now - before), (1, before - now)):
        for entry, count in side.items():
            expected.setdefault(_key(entry), [0, 0])[place] += count
    found: dict[tuple[Any, ...], list[int]] = {}
    rows = [row for row in telling.rows("select * from marts.restatements") if row["build_id"] == build_id]
    for row in rows:
        sums = found.setdefault(_cell(row), [0, 0])
        sums[0] += row["added_count"]
        sums[1] += row["removed_count"]
    assert found == expected
    assert found, "a world in which nothing is restated proves little"
    for row in rows:
        counts = [
            sum(count for entry, count in side.items() if _key(entry) == _cell(row)) for side in (told, now)
        ]
        assert [row["entries_before"], row["entries_now"]] == counts
    causes = Counter[str]()
    for row in rows:
        causes[row["cause"]] += row["added_count"] + row["removed_count"]
    # A key that ceases to link, because others came to share it, parts people whom no row of theirs concerns.
    assert causes["unexplained"] <= 0.05 * causes.total(), causes
    assert len(causes) > 1, "a world with one cause only tells no causes apart"


def _cell(row: Row) -> tuple[Any, ...]:
    return (row["stage"], row["entry_month"], *(row[name] for name in DIMENSIONS))


def _key(entry: tuple[Any, ...]) -> tuple[Any, ...]:
    return (entry[1], entry[2].date().replace(day=1), *entry[3:])


def _entries(telling: Telling, until: datetime) -> list[tuple[Any, ...]]:
    """Entries with what they are cut by, from published tables; a touch of after `until` describes none."""
    touches = {row["touch_id"]: row for row in telling.rows("select * from marts.touches")}
    first: dict[str, Row] = {}
    for touch in touches.values():
        held = first.get(touch["person_id"])
        if held is None or _order(touch) < _order(held):
            first[touch["person_id"]] = touch
    people = {row["person_id"]: row for row in telling.rows("select * from marts.people")}
    entries = []
    for stage, table in (
        ("suspect", "suspects"),
        ("prospect", "prospects"),
        ("mql", "mqls"),
        ("sql", "sqls"),
    ):
        for row in telling.rows(f"select * from marts.{table}"):
            evidence = touches.get(row["evidence_touch_id"])
            shown = evidence or first.get(row["person_id"])
            if shown is None or shown["occurred_at"] > until:
                described = ("none", row["person_segment"] or "none", "none", "none")
            else:
                campaign = row["campaign_id"] if evidence else shown["campaign_id"]
                described = (
                    shown["direction"],
                    row["person_segment"] or "none",
                    f"{shown['campaign_source_system']}:{campaign}" if campaign else "none",
                    shown["channel"],
                )
            source = people[row["person_id"]]["acquisition_source"] or "unknown"
            entries.append((row["person_id"], stage, row[f"became_{stage}_at"], *described, source))
    return entries


def _order(touch: Row) -> tuple[datetime, bytes, bytes]:
    return touch["occurred_at"], touch["source_system"].encode(), touch["touch_id"].encode()
