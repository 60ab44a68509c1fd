"""The worklist on hand-written people: for each code the shortest story that leads to it, and its opposite.

What is true of the worklist of any world is looked at in `test_funnel_reports.py`.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from expectations.suites import ACCEPTED
from orchestration.landing import load_landing
from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse

pytestmark = pytest.mark.slow

AS_OF = datetime(2025, 2, 20)
_CONTACT_COLUMNS = (
    "source_contact_id,email,industry,employee_count,seniority,company_type,"
    "created_at,updated_at,is_deleted\n"
)
_TOUCH_COLUMNS = "source_touch_id,source_contact_id,occurred_at,channel,touch_type,audience_consent\n"
_HANDOFF_COLUMNS = "source_handoff_id,source_contact_id,occurred_at,outcome\n"
_FITS = "software,200,vp,private"


@dataclass(frozen=True)
class Story:
    """What happens to one person, and what is to be done about it.

    Args:
        touches: Day, channel, touch type, and the consent that the list claims, each with blanks between.
        work: Action, because and the day since when; None where there is nothing to do.
        profile: Industry, employees, seniority and company type.
        later: A day and the profile that a later version of the record gives; `deleted` deletes it.
        handoffs: Days on which sales accepts the person.
        breaches: Direction of each contact after an opt-out.
        merged: Touches of a second record, which turns out to be of the same person: it has the same address.
    """

    touches: tuple[str, ...]
    work: tuple[str, str, str] | None
    profile: str = _FITS
    later: tuple[str, str] | None = None
    handoffs: tuple[str, ...] = ()
    breaches: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()


STORIES = {
    "mailed by a list that never learnt": Story(
        (
            "2025-02-01 email unsubscribe",
            "2025-02-02 email email_sent none",
            "2025-02-03 email email_sent",
            "2025-02-04 email email_sent opt_in",
        ),
        ("suppress", "contacted_after_opt_out", "2025-02-01"),
        breaches=("inbound", "outbound", "unclassified"),
    ),
    "mailed under an opt-out that was taken back": Story(
        (
            "2025-02-01 email unsubscribe",
            "2025-02-02 email email_sent none",
            "2025-02-03 website content_download",
            "2025-02-04 email email_sent none",
            "2025-02-05 email unsubscribe",
        ),
        ("suppress", "opted_out", "2025-02-05"),
        breaches=("outbound",),
    ),
    "found by search after an opt-out": Story(
        ("2025-02-01 email unsubscribe", "2025-02-02 organic_search ad_impression"),
        ("suppress", "opted_out", "2025-02-01"),
    ),
    "opted out twice": Story(
        ("2025-02-01 email unsubscribe", "2025-02-05 email do_not_contact_request"),
        ("suppress", "opted_out", "2025-02-01"),
    ),
    # An opt-out wins a merge: what another record of the person had permitted before is over with it.
    "opted out under one of two records": Story(
        ("2025-01-20 website page_visit", "2025-02-01 email unsubscribe"),
        ("suppress", "contacted_after_opt_out", "2025-02-01"),
        breaches=("outbound",),
        merged=("2025-01-25 email consent_recorded", "2025-02-05 email email_sent none"),
    ),
    "opted out under the record that was merged": Story(
        ("2025-01-20 website page_visit", "2025-01-25 email consent_recorded"),
        ("suppress", "opted_out", "2025-02-01"),
        merged=("2025-02-01 email unsubscribe",),
    ),
    "permits contact again under another record": Story(
        ("2025-01-20 website page_visit", "2025-02-01 email unsubscribe"),
        ("nurture", "permission_regained", "2025-02-03"),
        merged=("2025-02-03 email consent_recorded",),
    ),
    "permits contact again": Story(
        (
            "2025-01-20 website page_visit",
            "2025-02-01 email unsubscribe",
            "2025-02-03 email consent_recorded",
        ),
        ("nurture", "permission_regained", "2025-02-03"),
    ),
    "permits contact again and does not fit": Story(
        (
            "2025-01-20 website page_visit",
            "2025-02-01 email unsubscribe",
            "2025-02-03 email consent_recorded",
        ),
        None,
        profile="software,7,vp,private",
    ),
    "deleted": Story(
        ("2025-01-20 website page_visit",),
        ("suppress", "records_deleted", "2025-02-04"),
        later=("2025-02-04", "deleted"),
    ),
    "asks for a demo": Story(
        ("2025-02-03 website demo_request",), ("hand_off", "not_handed_off", "2025-02-03")
    ),
    "was handed off before the record was complete": Story(
        ("2025-02-03 website demo_request",),
        None,
        profile=",200,vp,private",
        later=("2025-02-15", _FITS),
        handoffs=("2025-02-05",),
    ),
    "was handed off before asking": Story(
        ("2025-02-01 website page_visit", "2025-02-03 website demo_request"),
        ("hand_off", "not_handed_off", "2025-02-03"),
        handoffs=("2025-02-02",),
    ),
    "was handed off in an earlier cycle": Story(
        (
            "2025-01-10 website demo_request",
            "2025-01-20 email unsubscribe",
            "2025-02-03 website demo_request",
        ),
        ("hand_off", "not_handed_off", "2025-02-03"),
        handoffs=("2025-01-12",),
    ),
    "lacks an attribute": Story(
        ("2025-02-03 website page_visit",),
        ("enrich", "icp_missing", "2025-02-03"),
        profile=",200,vp,private",
    ),
    "answers mail of no campaign": Story(
        ("2025-02-03 email email_reply none",), ("enrich", "context_missing", "2025-02-03")
    ),
    "went quiet": Story(("2024-05-01 website page_visit",), ("nurture", "recycled", "2024-10-28")),
    "went quiet and does not fit": Story(
        ("2024-05-01 website page_visit",), None, profile="software,7,vp,private"
    ),
    "has scored and not asked": Story(
        ("2025-02-03 website trial_signup", "2025-02-03 website form_submit"),
        ("nurture", "no_qualifying_response", "2025-02-03"),
    ),
    "has visited once": Story(("2025-02-03 website page_visit",), ("nurture", "score_too_low", "2025-02-03")),
    # Manufacturing joined the ICP with 2025; that is no occasion to look at anybody again.
    "fits since the ICP changed": Story(
        ("2024-12-20 website demo_request",),
        ("nurture", "not_evaluated_since", "2024-12-20"),
        profile="manufacturing,200,vp,private",
    ),
    "was never touched": Story((), None),
}


@pytest.fixture(scope="module")
def told(empty_compiled_world: CompiledWorld, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("worklist")
    seeds = folder / "seeds"
    shutil.copytree(PROJECT_ROOT / "seeds", seeds)
    with (seeds / "touch_types.csv").open("a", encoding="utf-8") as types:
        types.write("consent_recorded,contact,false,false,false,true,0,,2000-01-01T00:00:00,,No response.\n")
    landing = folder / "landing"
    contacts, touches, handoffs = [_CONTACT_COLUMNS], [_TOUCH_COLUMNS], [_HANDOFF_COLUMNS]
    for number, story in enumerate(STORIES.values()):
        begins = min([touch[:10] for touch in story.touches], default="2025-01-15")
        contacts.append(f"{number},p{number}@x.example,{story.profile},{begins},{begins},\n")
        if story.later:
            day, profile = story.later
            flag = "true" if profile == "deleted" else ""
            known = story.profile if flag else profile
            contacts.append(f"{number},p{number}@x.example,{known},{begins},{day},{flag}\n")
        for place, touch in enumerate(story.touches):
            day, channel, touch_type, *consent = touch.split()
            touches.append(f"t{number}_{place},{number},{day},{channel},{touch_type},{''.join(consent)}\n")
        if story.merged:
            contacts.append(f"{number}b,p{number}@x.example,{story.profile},2025-02-10,2025-02-10,\n")
        for place, touch in enumerate(story.merged):
            day, channel, touch_type, *consent = touch.split()
            touches.append(f"m{number}_{place},{number}b,{day},{channel},{touch_type},{''.join(consent)}\n")
        for day in story.handoffs:
            handoffs.append(f"h{number}_{day},{number},{day},accepted\n")
    for table, lines in (("contacts", contacts), ("touches", touches), ("handoffs", handoffs)):
        path = landing / "leadproof" / table / f"{table}_2025-02-20.csv"
        path.parent.mkdir(parents=True)
        path.write_text("".join(lines), encoding="utf-8")
    settings = make_warehouse(folder / "warehouse", landing)
    shutil.copyfile(empty_compiled_world.settings.build_db, settings.build_db)
    load_landing(settings, now=AS_OF)
    load_policy(settings, seeds)
    begin_build(settings, AS_OF)
    with connect(settings) as database:
        empty_compiled_world.run_models(database)
    return settings


def _people(told: Settings) -> dict[str, str]:
    """The person of each story, by its address."""
    rows = fetch(told, "select identity_key, person_id from intermediate.int_identities_resolved")
    ids = {row["identity_key"]: row["person_id"] for row in rows}
    return {name: ids[f"contact:leadproof:{number}"] for number, name in enumerate(STORIES)}


@pytest.mark.parametrize("name", STORIES)
def test_each_story_leads_to_its_work(told: Settings, name: str) -> None:
    rows: list[dict[str, Any]] = fetch(
        told, "select * from marts.worklist where person_id = ?", [_people(told)[name]]
    )
    found = [(row["action"], row["because"], f"{row['since']:%Y-%m-%d}") for row in rows]
    work = STORIES[name].work
    assert found == ([work] if work else [])


def test_each_contact_after_an_opt_out_is_listed_with_its_direction(told: Settings) -> None:
    listed = fetch(told, "select person_id, direction from marts.opt_out_breaches")
    for name, person_id in _people(told).items():
        directions = sorted(row["direction"] for row in listed if row["person_id"] == person_id)
        assert directions == sorted(STORIES[name].breaches), name


def test_every_code_has_its_story() -> None:
    assert {story.work[1] for story in STORIES.values() if story.work} == set(ACCEPTED["worklist"]["because"])
