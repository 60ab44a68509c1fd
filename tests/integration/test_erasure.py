"""A person is erased from a published warehouse: whom that means, what goes, stays, and is kept out."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import erasure, increment
from orchestration.commands.releases import told
from orchestration.erasure import files, releases
from orchestration.errors import LeadproofError
from orchestration.landing import load_landing
from orchestration.landing.declarations import read_declarations
from orchestration.landing.identities import keys_of_table
from orchestration.release import build_lock, current_release, list_releases, rollback
from orchestration.salts import keep_salts, kept_salts
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.suppression import keep_out, read_suppression
from tests.fixtures.erasure_world import (
    assert_only_an_is_gone,
    build_again,
    drop_neighbours,
    found_in_files,
    occurrences,
    publish_world,
)
from tests.fixtures.tools import tools_of_its_own
from tests.integration.compiled_world import AS_OF, CompiledWorld
from tests.integration.harness import connect, fetch
from tests.proof.canaries import PERSONAL

_SHORT = 8
__all__ = ["tools_of_its_own"]


@pytest.fixture(scope="module")
def published(compiled_world: CompiledWorld, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published warehouse, long marts shared by month. Never write into it."""
    return publish_world(compiled_world, tmp_path_factory.mktemp("published"), shared_from_rows=20)


@pytest.fixture
def warehouse(published: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A copy that a test may change, under the path that the release names."""
    root = published.warehouse.parent
    kept = tmp_path / "kept"
    shutil.copytree(root, kept, symlinks=True)
    yield published
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(root)
    shutil.copytree(kept, root, symlinks=True)


def _person_of_many_rows(settings: Settings) -> dict[str, Any]:
    """Somebody with an address, a record and an anonymous id, and most touches of all such people."""
    return fetch(
        settings,
        """
        select keys.person_id, min(substr(identity_key, 7)) filter (kind_rank = 1) as email,
            list(identity_key) as keys
        from intermediate.int_identities_resolved as keys
        inner join marts.people using (person_id)
        group by keys.person_id
        having bool_or(kind_rank = 1) and bool_or(kind_rank = 2) and bool_or(kind_rank = 3)
        order by (select count(*) from marts.touches where touches.person_id = keys.person_id) desc, 1
        limit 1
        """,
    )[0]


def _texts_of(settings: Settings, person: dict[str, Any]) -> list[str]:
    ids = [row["alias_id"] for row in fetch(
        settings, "select alias_id from marts.person_aliases where person_id = ?", [person["person_id"]]
    )]  # fmt: skip
    addresses = [key.removeprefix("email:") for key in person["keys"] if key.startswith("email:")]
    return [*addresses, person["person_id"], *ids]


def test_forget_leaves_nothing_of_a_person_and_everything_of_others(
    compiled_world: CompiledWorld, warehouse: Settings
) -> None:
    person = _person_of_many_rows(warehouse)
    texts = _texts_of(warehouse, person)
    others = _rows_of_others(warehouse, person["person_id"])
    landed = _landed(warehouse)
    assert occurrences(warehouse, texts)
    log = warehouse.dagster_home / "logs" / "run.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"could not read '{person['email'].upper()}'\n")
    length = log.stat().st_size

    certificate = erasure.forget(warehouse, erasure.email_key(f" {person['email'].upper()} "))

    assert occurrences(warehouse, texts) == []
    assert log.stat().st_size == length and "(erased)" in log.read_text()
    assert _rows_of_others(warehouse, person["person_id"]) == others
    assert certificate.content["is_known"] and certificate.content["search"]["occurrences"] == 0
    assert person["email"] not in certificate.path.read_text()
    assert certificate.path.stat().st_mode & 0o777 == 0o600
    assert {file["path"] for file in certificate.content["landing_files_to_delete"]} <= {
        path.relative_to(warehouse.landing).as_posix() for path in warehouse.landing.rglob("*.csv")
    }
    kept, erased = _landed(warehouse), _erased(warehouse)
    assert erased == sum(certificate.content["raw_rows"].values()) > 0
    assert kept == landed - erased
    release = current_release(warehouse)
    assert release is not None
    manifest = json.loads((release.path / "manifest.json").read_text())
    assert "audit" not in manifest and manifest["audit_before_erasure"]["suite_digest"] == "suite-1"
    assert manifest["erasures"][0]["erasure_id"] == certificate.content["erasure_id"]
    assert "rewritten: 1 erasure since its audit" in "\n".join(told(release))
    assert rollback(warehouse, release.release_id).release_id == release.release_id  # its hashes hold
    assert release.contacts.stat().st_mode & 0o777 == 0o600

    for path in warehouse.landing.rglob("*.csv"):
        path.write_bytes(path.read_bytes() + b"\n")  # the source sends everything again, as other bytes
    _drop_two_who_turn_out_to_be_one(warehouse.landing / "leadproof")
    build_again(compiled_world, warehouse, 1)
    assert occurrences(warehouse, texts) == []
    consents = fetch(
        warehouse,
        "select count(distinct person_id) as people, list(distinct consent) as consents"
        " from restricted.contacts where email in ('one@merge.test', 'two@merge.test')",
    )
    assert consents == [{"people": 1, "consents": ["opted_out"]}]
    unbalanced = fetch(
        warehouse,
        "select * from marts.row_reconciliation where landed_rows"
        " <> accepted_rows + superseded_rows + quarantined_rows + pending_rows",
    )
    assert unbalanced == []
    assert fetch(warehouse, "select sum(erased_rows) as n from marts.row_reconciliation")[0]["n"] > erased


def _drop_two_who_turn_out_to_be_one(landing: Path) -> None:
    """One opts out at the instant at which the other grants permission; only later does a row join them."""
    (landing / "contacts" / "merge.csv").write_text(
        "source_contact_id,email,created_at\n"
        "merge-1,one@merge.test,2026-01-01\nmerge-2,two@merge.test,2026-01-01\n"
    )
    (landing / "touches" / "merge.csv").write_text(
        "source_touch_id,source_contact_id,email,occurred_at,channel,touch_type\n"
        "merge-1,merge-1,,2026-02-01,email,unsubscribe\n"
        "merge-2,merge-2,,2026-02-01,web,form_submit\n"
        "merge-3,merge-2,one@merge.test,2026-03-01,web,page_visit\n"
    )


def test_personal_values_stand_in_no_release_report_or_record(published: Settings) -> None:
    values: set[str] = set()
    with connect(published, read_only=True) as database:
        for (system, table), columns in PERSONAL.items():
            for column in set(columns) & {"email", "phone", "mobile", "full_name", "potential_name"}:
                rows = database.execute(f"select distinct {column} from raw_{system}.{table}").fetchall()
                values |= {row[0].strip() for row in rows if row[0] and len(row[0].strip()) > _SHORT}
    assert len(values) > _SHORT
    closed = (published.build_db.parent, published.restricted, published.candidates)
    found, files_looked_at = found_in_files((published.warehouse,), values, closed)
    assert found == [] and files_looked_at > len(PERSONAL)
    inside, _ = found_in_files((published.restricted,), values)
    assert inside, "the search finds them where they belong"


@pytest.mark.long
def test_forget_that_is_killed_after_any_step_is_finished_by_the_next(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = _person_of_many_rows(warehouse)
    texts = _texts_of(warehouse, person)
    steps: list[tuple[object, str]] = [
        (files, "drop_candidates"),
        (releases, "forget_contacts"),
        (releases, "forget_in_release"),
        (erasure.run.build_database, "rewrite_build_database"),
        (files, "redact_files"),
        (erasure.run, "search_everywhere"),
        (erasure.run, "close_journal"),
    ]
    for module, name in steps:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(module, name, _interrupted)
            if name == "drop_candidates":
                erasure.forget(warehouse, f"email:{person['email']}")
            erasure.finish_unfinished(warehouse)
    assert occurrences(warehouse, texts) != []  # the journal itself, closed to others
    certificate = erasure.finish_unfinished(warehouse)
    assert certificate is not None and certificate.content["raw_rows"]
    assert occurrences(warehouse, texts) == []
    assert erasure.finish_unfinished(warehouse) is None
    assert len(list_releases(warehouse)) == 1


def test_forget_of_somebody_unknown_keeps_them_out(warehouse: Settings) -> None:
    before = _landed(warehouse)
    certificate = erasure.forget(warehouse, erasure.email_key("nobody.known@example.test"))
    assert not certificate.content["is_known"] and certificate.content["releases"] == {}
    assert _landed(warehouse) == before
    file = warehouse.landing / "leadproof" / "contacts" / "late.csv"
    file.write_text(
        "source_contact_id,email,full_name,created_at\n"
        "late-1,Nobody.Known@example.test,Late Person,2026-01-01\n"
        "late-2,somebody.else@example.test,Other Person,2026-01-01\n"
        'late-3,third@example.test,"see nobody.known@example.test, please",2026-01-01\n'
        "late-4,nobody.known@example.test,too,many,values,here\n"
    )
    touches = warehouse.landing / "leadproof" / "touches" / "early.csv"
    touches.write_text(
        "source_touch_id,source_contact_id,occurred_at,channel,touch_type\n"
        "early-1,late-1,2026-01-02,email,email_reply\n"
    )
    load_landing(warehouse, now=AS_OF)
    counts = "select row_count, reject_count, erased_count from landing.files where path like '%late.csv'"
    assert fetch(warehouse, counts) == [{"row_count": 2, "reject_count": 0, "erased_count": 2}]
    assert [row["full_name"] for row in fetch(
        warehouse, "select full_name from raw_leadproof.contacts where source_contact_id = 'late-3'"
    )] == ["see (erased), please"]  # fmt: skip
    assert occurrences(warehouse, ["nobody.known@example.test"]) == []
    # Whoever was kept out gave the record's id: rows that name nothing else belong to them, too.
    assert read_suppression(warehouse).matching({"contact:leadproof:late-1"})
    if fetch(warehouse, "select 1 from raw_leadproof.touches where source_contact_id = 'late-1'"):
        late = erasure.erase_late_rows(warehouse)
        assert late is not None
    assert fetch(warehouse, "select 1 from raw_leadproof.touches where source_contact_id = 'late-1'") == []


@pytest.mark.long
def test_forget_takes_nobody_for_the_person_and_ends(
    compiled_world: CompiledWorld, warehouse: Settings
) -> None:
    drop_neighbours(warehouse.landing)
    build_again(compiled_world, warehouse, 1)
    certificate = erasure.forget(warehouse, erasure.email_key("an@acme.test"))
    assert certificate.content["is_known"] and "an@acme.test" not in certificate.path.read_text()
    assert certificate.content["raw_lines"] == {"leadproof.contacts": 2}
    assert_only_an_is_gone(warehouse)
    loaded = fetch(warehouse, "select count(*)::int as n from landing.files")
    load_landing(warehouse, now=AS_OF)  # the ledger knows every file again
    assert fetch(warehouse, "select count(*)::int as n from landing.files") == loaded
    for path in warehouse.landing.rglob("*.csv"):
        path.write_bytes(path.read_bytes() + b"\n")
    build_again(compiled_world, warehouse, 2)
    assert_only_an_is_gone(warehouse)


def test_forget_erases_nobody_through_a_shared_address(warehouse: Settings) -> None:
    hubs = fetch(
        warehouse,
        "select substr(identity_key, 7) as email from intermediate.int_identity_hubs_found"
        " where identity_key like 'email:%' order by 1",
    )
    assert hubs
    before = _landed(warehouse)
    for hub in hubs:
        with pytest.raises(LeadproofError, match="identifies nobody") as raised:
            erasure.forget(warehouse, f"email:{hub['email']}")
        assert hub["email"] not in str(raised.value)
    record = fetch(
        warehouse,
        "select source_contact_id as id, lower(trim(email)) as email from raw_leadproof.contacts"
        " where 'email:' || lower(trim(email)) in"
        " (select identity_key from intermediate.int_identity_hubs_found) order by 1 limit 1",
    )[0]
    certificate = erasure.forget(warehouse, erasure.contact_key(f"leadproof:{record['id']}"))
    assert before - _landed(warehouse) == sum(certificate.content["raw_rows"].values()) < 20
    assert not read_suppression(warehouse).matching({f"email:{record['email']}"})
    assert fetch(
        warehouse, "select 1 from raw_leadproof.contacts where source_contact_id = ?", [record["id"]]
    ) == []  # fmt: skip


def test_forget_waits_for_no_build_and_a_preview_removes_nothing(warehouse: Settings) -> None:
    person = _person_of_many_rows(warehouse)
    before = _landed(warehouse)
    found = erasure.preview(warehouse, f"email:{person['email']}")
    assert found["raw_rows"] and _landed(warehouse) == before
    assert not (warehouse.erasures / "suppressed.json").exists()
    with build_lock(warehouse, "test"), pytest.raises(LeadproofError, match="Another build is running"):
        erasure.forget(warehouse, f"email:{person['email']}")


def test_forget_begins_nothing_while_a_copy_of_the_database_lies_there(warehouse: Settings) -> None:
    copy = warehouse.build_db.with_name("backup.duckdb")
    shutil.copyfile(warehouse.build_db, copy)
    held = copy.read_bytes()
    key = fetch(
        warehouse, "select min(lower(email)) as email from raw_leadproof.contacts where email like '%@%'"
    )[0]["email"]
    with pytest.raises(LeadproofError, match=r"also stands in .*backup\.duckdb"):
        erasure.forget(warehouse, erasure.email_key(key))
    assert not erasure.is_unfinished(warehouse) and copy.read_bytes() == held
    copy.unlink()
    assert erasure.forget(warehouse, erasure.email_key(key)).content["is_known"]


def test_list_of_the_forgotten_is_of_no_use_without_its_secret(warehouse: Settings) -> None:
    assert keep_out(warehouse, ["email:nobody@example.test"]) == 1
    assert keep_out(warehouse, ["email:nobody@example.test"]) == 0
    assert "nobody" not in (warehouse.erasures / "suppressed.json").read_text()
    assert (warehouse.erasures / "suppression.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(LeadproofError, match="secret"):
        load_landing(replace(warehouse, suppression_key="another"), now=AS_OF)
    (warehouse.erasures / "suppression.key").unlink()
    with pytest.raises(LeadproofError, match="secret"):
        load_landing(warehouse, now=AS_OF)


def test_forget_finds_a_record_without_address_under_a_salt_of_long_ago(warehouse: Settings) -> None:
    person = fetch(
        warehouse,
        """
        select person_id, min(identity_key) filter (identity_key like 'contact:%') as contact
        from intermediate.int_identities_resolved
        inner join marts.people using (person_id)
        group by person_id
        having not bool_or(identity_key like 'email:%')
            and bool_or(identity_key like 'contact:%')
        order by 1 limit 1
        """,
    )[0]
    # As builds do when they begin: the release was made with the first salt, and two have come since.
    for salt in ("a second salt", "a third salt"):
        with connect(warehouse) as database:
            keep_salts(warehouse, {*increment.written_salts(database), salt})
            database.execute("update ops.current_build set id_salt = ?", [salt])
    assert kept_salts(warehouse) == {warehouse.id_salt, "a second salt", "a third salt"}
    assert (warehouse.erasures / "salts.json").stat().st_mode & 0o777 == 0o600
    assert occurrences(warehouse, [person["person_id"]])
    certificate = erasure.forget(replace(warehouse, id_salt="a third salt"), person["contact"])
    assert certificate.content["releases"]
    assert occurrences(warehouse, [person["person_id"]]) == []


def test_raw_keys_are_those_of_the_models(compiled_world: CompiledWorld) -> None:
    compared = 0
    with connect(compiled_world.settings, read_only=True) as database:
        for (system, table), declared in read_declarations(PROJECT_ROOT).items():
            types = {row[0]: row[1] for row in database.execute(f"describe raw_{system}.{table}").fetchall()}
            keys = keys_of_table(system, declared, types)
            for entity in declared.feeds:
                for kind, expected in _staged_keys(database, system, table, entity).items():
                    assert keys is not None, f"nothing says who the rows of {system}.{table} are about"
                    rows = database.execute(f"select {keys.of(kind)} from raw_{system}.{table}").fetchall()
                    assert expected <= {row[0] for row in rows}, f"{system}.{table}: {kind}"
                    compared += len(expected)
    assert compared


def _staged_keys(
    database: duckdb.DuckDBPyConnection, system: str, table: str, entity: str
) -> dict[str, set[str]]:
    """Identity keys by kind, as the models stage them; a table that names its leads gives no ids."""
    staged = f"staging.stg_{system}__{entity}"
    columns = {row[0] for row in database.execute(f"describe {staged}").fetchall()}
    found: dict[str, set[str]] = {}
    for kind, (column, key) in _STAGED_KEYS.items():
        if column in columns and table != "campaign_lead_status":
            rows = database.execute(f"select distinct {key} from {staged} where source_table = '{table}'")
            found[kind] = {row[0] for row in rows.fetchall() if row[0] is not None}
    return {kind: keys for kind, keys in found.items() if keys}


_STAGED_KEYS = {
    "email": (
        "email",
        "case when email like '_%@_%' and email not like '%@%@%' then 'email:' || lower(email) end",
    ),
    "contact": ("source_contact_id", "'contact:' || source_system || ':' || source_contact_id"),
    "anonymous": ("anonymous_id", "'anonymous:' || source_system || ':' || anonymous_id"),
}


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def _landed(settings: Settings) -> int:
    row = fetch(
        settings,
        "select sum(row_count + reject_count)::bigint as n from landing.files where status = 'loaded'",
    )
    return int(row[0]["n"])


def _erased(settings: Settings) -> int:
    return int(fetch(settings, "select sum(erased_count)::bigint as n from landing.files")[0]["n"])


def _rows_of_others(settings: Settings, person_id: str) -> dict[str, Any]:
    """Every row of the release that names other people, and every row of their contacts."""
    release = current_release(settings)
    assert release is not None
    found: dict[str, Any] = {}
    with duckdb.connect(release.database, read_only=True) as marts:
        tables = marts.execute(
            "select distinct table_name from information_schema.columns"
            " where table_schema = 'marts' and column_name = 'person_id' order by 1"
        ).fetchall()
        for (table,) in tables:
            parquet = release.path / "marts" / f"{table}.parquet"
            parts = [parquet] if parquet.is_file() else sorted((release.path / "marts" / table).glob("*"))
            listed = ", ".join(f"'{path}'" for path in parts)
            sums = f"select count(*), bit_xor(hash(held)) from {{}} as held where person_id <> '{person_id}'"
            found[table] = marts.execute(sums.format(f"marts.{table}")).fetchone()
            files_of = f"read_parquet([{listed}], hive_partitioning = false)"
            assert marts.execute(sums.format(files_of)).fetchone() == found[table], table
        found["contacts"] = marts.execute(
            f"select count(*), bit_xor(hash(held)) from '{release.contacts}' as held"
            f" where person_id <> '{person_id}'"
        ).fetchone()
    return found
