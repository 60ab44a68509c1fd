"""People forgotten one after the other in one published warehouse, under kills, with rebuilds in between.

Over the compiled models, so that there can be many. The real job does the same once in ``personal``.
"""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from orchestration import erasure
from orchestration.release import list_releases
from orchestration.release.readers import open_release
from orchestration.settings import Settings
from tests.fixtures.erasure_world import (
    assert_only_an_is_gone,
    build_again,
    drop_neighbours,
    occurrences,
    publish_world,
)
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import fetch

_PEOPLE = 8
_KILLS = 3
_REBUILT_EVERY = 3


def drive_erasures(world: CompiledWorld, folder: Path, seed: int, *, people: int = _PEOPLE) -> Counter[str]:
    """Forget people whom a seed chooses, killed at moments that it chooses.

    Args:
        world: The compiled world of all systems.
        folder: Empty folder.
        seed: Decides who, and when kills hit.
        people: How many, besides one among neighbours from the sixth on.

    Returns:
        What was done and looked at.

    Raises:
        AssertionError: If somebody is found afterwards, comes back or takes others along.
    """
    rng = random.Random(seed)
    tally: Counter[str] = Counter()
    settings = publish_world(world, folder, shared_from_rows=rng.choice((20, 5_000_000)))
    forgotten: list[str] = []
    for number in range(1, people + 1):
        person = rng.choice(_people(settings))
        others = _counts_of_others(settings, person["person_id"])
        _forget_under_kills(settings, f"email:{person['email']}", rng, tally)
        forgotten += _texts(person)
        _look(settings, forgotten, tally)
        assert _counts_of_others(settings, person["person_id"]) == others, "somebody else lost rows"
        tally["people forgotten"] += 1
        if number % _REBUILT_EVERY == 0 or number == people:
            for path in sorted(settings.landing.rglob("*.csv")):
                path.write_bytes(path.read_bytes() + b"\n")
            if number == _REBUILT_EVERY:
                drop_neighbours(settings.landing)
            build_again(world, settings, number)
            tally["rebuilds after everything was sent again"] += 1
            _look(settings, forgotten, tally)
            _rows_add_up(settings)
        if number == 2 * _REBUILT_EVERY:
            _forget_under_kills(settings, "email:an@acme.test", rng, tally)
            tally["people forgotten"] += 1
        if number >= 2 * _REBUILT_EVERY:
            assert_only_an_is_gone(settings)
            tally["looks at neighbours of the forgotten"] += 1
    tally["sequences"] += 1
    return tally


def _people(settings: Settings) -> list[dict[str, Any]]:
    """People of the newest release who have an address of their own, with every id that leads to them."""
    release = list_releases(settings)[0]
    with duckdb.connect(release.database, read_only=True) as marts:
        rows = marts.execute(
            "select person_id, min(lower(email)), (select list(alias_id) from marts.person_aliases as aliases"
            " where aliases.person_id = contacts.person_id)"
            f" from '{release.contacts}' as contacts where email is not null and person_id in"
            " (select person_id from marts.people) and lower(email) in (select lower(email) from"
            f" '{release.contacts}' group by 1 having count(distinct person_id) = 1)"
            " and split_part(email, '@', 1) not in ('info', 'sales', 'hello', 'contact', 'office')"
            " and not contains(email, 'acme.test')"
            " group by person_id order by 1"
        ).fetchall()
    return [{"person_id": row[0], "email": row[1], "aliases": row[2] or []} for row in rows]


def _texts(person: dict[str, Any]) -> list[str]:
    return [person["email"], person["person_id"], *person["aliases"]]


def _counts_of_others(settings: Settings, person_id: str) -> dict[str, Any]:
    release = list_releases(settings)[0]
    with duckdb.connect(release.database, read_only=True) as marts:
        tables = marts.execute(
            "select distinct table_name from information_schema.columns"
            " where table_schema = 'marts' and column_name = 'person_id' order by 1"
        ).fetchall()
        return {
            table: marts.execute(
                f"select count(*), bit_xor(hash(held)) from marts.{table} as held where person_id <> ?",
                [person_id],
            ).fetchone()
            for (table,) in tables
        }


def _forget_under_kills(settings: Settings, key: str, rng: random.Random, tally: Counter[str]) -> None:
    for _ in range(rng.randint(0, _KILLS)):
        process = os.fork()
        if process == 0:
            try:
                erasure.forget(settings, key)
            finally:
                os._exit(0)
        time.sleep(rng.uniform(0, 2))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        tally["kills while forgetting"] += os.WIFSIGNALED(status)
        with open_release(settings) as release:
            stray = release.execute(
                "select count(*) from marts.touches"
                " where person_id not in (select person_id from marts.people)"
            ).fetchone()
            assert stray == (0,), "readers see half a release"
        tally["looks at what readers see"] += 1
    certificate = erasure.forget(settings, key)
    assert certificate.content["search"]["occurrences"] == 0


def _look(settings: Settings, texts: list[str], tally: Counter[str]) -> None:
    found = occurrences(settings, texts)
    tally["searches for the forgotten"] += 1
    assert found == [], f"somebody forgotten is found in {found}"


def _rows_add_up(settings: Settings) -> None:
    rows = fetch(
        settings,
        "select source_table from marts.row_reconciliation where landed_rows"
        " <> accepted_rows + superseded_rows + quarantined_rows + pending_rows",
    )
    assert rows == [], f"rows do not add up: {rows}"
