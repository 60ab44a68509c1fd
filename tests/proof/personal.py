"""Builds on canaries, and somebody who is forgotten, through the real job.

Nothing personal and no secret gets out, and nobody comes back. The search here is not the product's: it reads
every file, unpacks what is packed, and every value of every table.
"""

import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from hashlib import md5
from itertools import count
from pathlib import Path

import duckdb

from orchestration import records
from orchestration.release.readers import open_release
from orchestration.salts import SALTS_FILE
from orchestration.settings import PROJECT_ROOT, Notify, Settings
from orchestration.simulation import simulate
from tests.fixtures.erasure_world import found_in_files, values_hold
from tests.integration.harness import make_warehouse
from tests.proof.canaries import PERSONAL, Canaries
from tests.proof.late_file import tolerate_any_share
from tests.proof.processes import end_session
from tests.proof.shop import Shop

_SYSTEMS = ("leadproof", "zoho", "olist")
_EXPORTS = PROJECT_ROOT / "tests" / "fixtures" / "staging" / "landing"
_PEOPLE, _DAYS = 100, 200
_SEEDS_APART = 1000
_KILLS = 4


def drive_personal(shop: Shop, root: Path, seed: int, *, is_short: bool = False) -> Counter[str]:
    """Build on canaries, forget somebody under kills, send everything again, and look everywhere each time.

    Args:
        shop: Where commands run.
        root: Empty folder.
        seed: Decides the canaries and when forgetting is killed.
        is_short: Whether it ends once somebody is forgotten, without kills.

    Returns:
        What was done and looked at.

    Raises:
        AssertionError: If something personal was found where it may not be.
    """
    rng = random.Random(seed)
    tally: Counter[str] = Counter()
    settings = replace(
        make_warehouse(root, root / "landing", source_systems=_SYSTEMS),
        shared_from_rows=rng.choice((100, 5_000_000)),
        id_salt=f"{_secret_mark(seed)}salt",
        suppression_key=f"{_secret_mark(seed)}key",
        # Nobody listens there, so that each alarm says why it could not be told.
        notify=Notify(
            webhook=f"http://127.0.0.1:9/{_secret_mark(seed)}hook",
            smtp=f"smtp://user:{_secret_mark(seed)}password@localhost:9",
            mail_from="leadproof@sender.example",
            mail_to=("owner@reader.example",),
        ),
    )
    canaries = _drop_files(settings, seed)
    tolerate_any_share(shop.workshop)
    output = root / "output.txt"
    places = (settings.warehouse, settings.dagster_home, shop.workshop.root, output)

    _run(shop, settings, output, 0, "build")
    tally["builds"] += 1
    _look_outside(settings, canaries, places, tally)
    _look_at_modes(settings)

    person = canaries.person
    _forget_under_kills(shop, settings, output, person[0], rng, tally, kills=0 if is_short else _KILLS)
    ids = _looked_for(settings, person)
    _look_for_person(ids, places, tally, "after forgetting")
    if is_short:
        return tally + Counter({"canaries": len(canaries.fields)})

    for path in sorted((settings.landing / "leadproof").rglob("one_more.csv")):
        path.write_bytes(path.read_bytes() + b"\n")
    _run(shop, settings, output, 0, "build")
    tally["builds"] += 1
    _look_for_person(ids, places, tally, "after everything was sent again")
    _look_outside(settings, canaries, places, tally)

    _break_a_model(shop, settings, output, canaries, places)
    tally["builds with a broken model"] += 1

    # What an audit blocks is not repeated by it: an address as the id of a campaign.
    spoilt = canaries.new("leadproof.campaigns.campaign_id", "blocked")
    _spoil_campaign(settings.landing, spoilt)
    _run(shop, settings, output, 1, "build")
    tally["blocked builds"] += 1
    _look_outside(settings, canaries, places, tally)
    notified = records.read_record(settings, records.build_ids(settings)[0]).notified
    assert {told[: len("failed")] for told in notified.values()} == {"failed"} and len(notified) == 2
    tally["canaries"] += len(canaries.fields)
    tally["secrets"] += 4
    tally["sequences"] += 1
    return tally


def _break_a_model(
    shop: Shop, settings: Settings, output: Path, canaries: Canaries, places: Collection[Path]
) -> None:
    """Let a model fail at a personal value, which DuckDB quotes and dbt repeats."""
    model = shop.workshop.root / "models" / "restricted" / "contacts.sql"
    kept = model.read_text(encoding="utf-8")
    # A canary and no other telephone number, so that what is quoted can be recognised; not the mark itself,
    # which dbt would keep with the model's text.
    number = "cast(case when phone like '+99%' then phone end as integer) as phone"
    broken = kept.replace("        phone,\n", f"        {number},\n", 1)
    assert broken != kept
    model.write_text(broken, encoding="utf-8")
    try:
        _run(shop, settings, output, 1, "build")
    finally:
        model.write_text(kept, encoding="utf-8")
    told = output.read_text(encoding="utf-8")
    assert "contacts" in told, f"another model failed:\n{told}"
    # What dbt said lies in the build folder until the next build, for nobody but who builds.
    build = settings.build_db.parent
    assert build.stat().st_mode & 0o077 == 0
    quoting, _ = found_in_files([build / "dbt", build / "last_build.log"], canaries.marks)
    assert quoting, "dbt quoted nothing, so nothing could have leaked"
    salts = settings.erasures / SALTS_FILE
    closed = (build, settings.restricted, settings.candidates, salts, *_unaudited(settings))
    found, _ = found_in_files(places, (*canaries.marks, _secret_mark(canaries.seed)), closed)
    assert found == [], f"a failing model's values are found in {found}"


def _drop_files(settings: Settings, seed: int) -> Canaries:
    for company in count(seed, _SEEDS_APART):
        shutil.rmtree(settings.landing, ignore_errors=True)
        settings.landing.mkdir(parents=True)
        simulate(settings.landing, people=_PEOPLE, days=_DAYS, seed=company)
        tables = [table for system, table in PERSONAL if system == "leadproof"]
        # So few people do not come to a deal or a handoff in every company.
        if all(any((settings.landing / "leadproof" / table).rglob("*.csv")) for table in tables):
            break
    for system in ("zoho", "olist"):
        shutil.copytree(_EXPORTS / system, settings.landing / system)
    canaries = Canaries(seed)
    canaries.write(settings.landing)
    canaries.add_person(settings.landing)
    return canaries


def _run(shop: Shop, settings: Settings, output: Path, expected: int, *words: str) -> None:
    _start(shop, settings, output, *words)
    code = shop.exit_code()
    assert code == expected, f"leadproof {words[0]} ended with {code}:\n{output.read_text(encoding='utf-8')}"


def _start(shop: Shop, settings: Settings, output: Path, *words: str) -> int:
    return shop.start(settings, output, *words)


def _forget_under_kills(
    shop: Shop,
    settings: Settings,
    output: Path,
    address: str,
    rng: random.Random,
    tally: Counter[str],
    kills: int,
) -> None:
    """Forget somebody, killed at moments that nobody chose; readers see a whole release after each."""
    for _ in range(kills):
        process = _start(shop, settings, output, "forget", address)
        time.sleep(rng.uniform(0.2, 6))
        end_session(process)
        if shop.exit_code() == -signal.SIGKILL:
            tally["kills while forgetting"] += 1
        _read_whole(settings)
        tally["looks at what readers see"] += 1
    _run(shop, settings, output, 0, "forget", address)
    tally["people forgotten"] += 1


def _read_whole(settings: Settings) -> None:
    with open_release(settings) as release:
        tables = release.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        assert len(tables) > 1
        for (table,) in tables:
            count = release.execute(f"select count(*) from marts.{table}").fetchone()
            assert count is not None
        stray = release.execute(
            "select count(*) from marts.touches where person_id not in (select person_id from marts.people)"
        ).fetchone()
        assert stray == (0,), "readers see half a release"


def _looked_for(settings: Settings, person: Collection[str]) -> list[str]:
    keys = [f"email:{next(iter(person)).lower()}"]
    keys += [f"contact:leadproof:{text}" for text in person] + [
        f"anonymous:leadproof:{text}" for text in person
    ]
    ids = [f"p_{md5((settings.id_salt + key).encode()).hexdigest()[:16]}" for key in keys]
    return [*person, *ids]


def _look_for_person(
    texts: Collection[str], places: Collection[Path], tally: Counter[str], when: str
) -> None:
    found, files = found_in_files(places, texts)
    tally["files searched for the forgotten"] += files
    assert found == [], f"{when} somebody forgotten is found in {found}"


def _look_outside(
    settings: Settings, canaries: Canaries, places: Collection[Path], tally: Counter[str]
) -> None:
    """Nothing personal stands outside the build database, contacts, and candidates that nobody may read."""
    spill = settings.build_db.parent / "spill"
    salts = settings.erasures / SALTS_FILE
    closed = (
        settings.build_db,
        settings.restricted,
        settings.candidates,
        spill,
        salts,
        *_unaudited(settings),
    )
    looked_for = (*canaries.marks, canaries.blocked_mark, _secret_mark(canaries.seed))
    found, files = found_in_files(places, looked_for, closed)
    tally["files searched for canaries"] += files
    assert found == [], f"canaries are found in {found}"
    with duckdb.connect(settings.build_db, read_only=True) as build:
        _look_in_marts(build, canaries)


def _secret_mark(seed: int) -> str:
    """What stands in every secret of the environment, and nowhere else."""
    return f"secret{seed}x"


def _unaudited(settings: Settings) -> list[Path]:
    """A candidate's long marts: they lie where releases share them, for the owner alone until audited."""
    return [path for path in settings.shared.rglob("*.parquet") if path.stat().st_mode & 0o077 == 0]


def _look_in_marts(build: duckdb.DuckDBPyConnection, canaries: Canaries) -> None:
    tables = build.execute(
        "select schema_name, table_name from duckdb_tables() where schema_name in ('marts', 'ops', 'policy')"
    ).fetchall()
    for schema, table in tables:
        # What an audit has blocked a candidate for stands in its marts.
        is_held = values_hold(build, f'"{schema}"."{table}"', canaries.marks)
        assert not is_held, f"a canary stands in {schema}.{table}"


def _look_at_modes(settings: Settings) -> None:
    for path in settings.restricted.rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == expected, f"{path} has mode {path.stat().st_mode:o}"
    assert (settings.erasures / SALTS_FILE).stat().st_mode & 0o777 == 0o600
    for folder in (settings.restricted, settings.build_db.parent, settings.candidates, settings.erasures):
        assert folder.stat().st_mode & 0o077 == 0, f"{folder} is open to others"


def _spoil_campaign(landing: Path, campaign_id: str) -> None:
    (landing / "leadproof" / "campaigns" / "spoilt.csv").write_text(
        f"campaign_id,campaign_name,updated_at\n{campaign_id},Spring,2026-01-01\n", encoding="utf-8"
    )
