"""The truth about simulated files, found again by reading them without any of the project's code."""

import hashlib
import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import LeadproofError
from orchestration.simulation import SimulationOptions, Truth, read_truth, simulate

END = datetime(2026, 6, 30, 12)
OPTIONS = {"people": 600, "days": 240, "seed": 11, "end": END}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, **OPTIONS)
    return folder


@pytest.fixture(scope="module")
def truth(landing: Path) -> Truth:
    return read_truth(landing)


@pytest.fixture(scope="module")
def reader(landing: Path) -> duckdb.DuckDBPyConnection:
    """One view per table over its files without repeated content, broken lines left out, all text."""
    database = duckdb.connect()
    for table in ("contacts", "companies", "touches", "campaigns", "campaign_spend", "handoffs", "deals"):
        files: dict[str, str] = {}
        for path in sorted((landing / "leadproof" / table).rglob("*.csv")):
            files.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), str(path))
        database.execute(
            f"create table {table} as select * from read_csv(?, header = true, all_varchar = true,"
            " strict_mode = true, ignore_errors = true, filename = true, null_padding = false)",
            [list(files.values())],
        )
    return database


def count(reader: duckdb.DuckDBPyConnection, query: str) -> int:
    found = reader.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def test_truth_is_returned_and_written(landing: Path, tmp_path: Path, truth: Truth) -> None:
    returned = simulate(tmp_path, **OPTIONS)
    assert returned == truth
    assert json.loads((landing / "_truth.json").read_text())["tables"]["touches"]["accepted"] > 5_000
    on_disk = {path.relative_to(landing).as_posix() for path in landing.rglob("*") if path.is_file()}
    assert on_disk == set(truth.files)


def test_same_options_give_the_same_bytes(landing: Path, tmp_path: Path, truth: Truth) -> None:
    simulate(tmp_path, **OPTIONS)
    for name in truth.files:
        assert (tmp_path / name).read_bytes() == (landing / name).read_bytes(), name


def test_another_seed_gives_another_world(landing: Path, tmp_path: Path) -> None:
    simulate(tmp_path, **{**OPTIONS, "seed": 12})
    first = sorted((tmp_path / "leadproof" / "touches").rglob("*.csv"))[0].relative_to(tmp_path)
    assert (tmp_path / first).read_bytes() != (landing / first).read_bytes()


def test_landed_rows_are_what_lies_in_the_files(reader: duckdb.DuckDBPyConnection, truth: Truth) -> None:
    for table, counts in truth.tables.items():
        readable = counts.landed - counts.quarantined["structural_reject"]
        assert count(reader, f"select count(*) from {table}") == readable, table


def test_repeated_files_hold_content_that_another_file_has(landing: Path, truth: Truth) -> None:
    for table, counts in truth.tables.items():
        paths = [path for path in (landing / "leadproof" / table).rglob("*") if path.is_file()]
        different = {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
        assert len(paths) == counts.files
        assert len(paths) - len(different) == counts.duplicate_files


TOUCH_VERDICTS = """
    with crowded_addresses as (
        select lower(email) as email from contacts group by 1 having count(distinct source_contact_id) > 5
    ),
    shared as (
        select anonymous_id from touches group by 1 having count(distinct lower(email)) > 5
    ),
    judged as (
        select *, case
            when trim(source_touch_id) is null or trim(occurred_at) is null or channel is null
                or touch_type is null then 'missing_required'
            when try_cast(occurred_at as timestamp) is null then 'unparseable_timestamp'
            when touch_type in ('brochure_read', 'fax_received') then 'unknown_code'
            when response_relevance not in ('relevant', 'irrelevant') then 'unknown_code'
            when source_contact_id is null
                and (anonymous_id is null or anonymous_id in (select anonymous_id from shared
                    where anonymous_id is not null))
                and (
                    email is null
                    or not regexp_full_match(email, '[^@]+@[^@]+')
                    or lower(split_part(email, '@', 1)) in ('info', 'sales')
                    or lower(email) in (select email from crowded_addresses where email is not null)
                ) then 'no_identity'
            when cast(occurred_at as timestamp) > timestamp '2026-06-30 12:00:00' then 'pending'
            else 'usable' end as verdict
        from touches
    )
"""


def test_touches_are_flawed_exactly_as_told(reader: duckdb.DuckDBPyConnection, truth: Truth) -> None:
    found = Counter(
        dict(reader.execute(f"{TOUCH_VERDICTS} select verdict, count(*) from judged group by 1").fetchall())
    )
    told = truth.tables["touches"]
    usable, pending = found.pop("usable"), found.pop("pending")
    assert {**found, "structural_reject": told.quarantined["structural_reject"]} == told.quarantined
    assert pending == told.pending
    ids = count(
        reader,
        f"{TOUCH_VERDICTS} select count(distinct source_touch_id) from judged where verdict = 'usable'",
    )
    assert usable - ids == told.superseded
    assert ids == told.accepted
    assert set(told.quarantined) == {
        "missing_required",
        "unparseable_timestamp",
        "unknown_code",
        "no_identity",
        "structural_reject",
    }


def test_contact_versions_repeat_exactly_as_told(reader: duckdb.DuckDBPyConnection, truth: Truth) -> None:
    usable = (
        "select distinct source_contact_id, updated_at from contacts where source_contact_id is not null"
        " and try_cast(created_at as timestamp) is not null"
        " and updated_at::timestamp <= timestamp '2026-06-30 12:00:00'"
    )
    assert count(reader, f"select count(*) from ({usable})") == truth.tables["contacts"].accepted
    assert (
        count(reader, "select count(*) from contacts where employee_count = 'not known'")
        == (truth.tables["contacts"].warnings["employee_count"])
    )


def test_people_are_joined_exactly_as_told(reader: duckdb.DuckDBPyConnection, truth: Truth) -> None:
    leader: dict[str, str] = {}

    def lead(key: str) -> str:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    def is_shared(email: str) -> bool:
        return email.startswith("info@") or email.endswith("@agency.example")

    contacts = reader.execute(
        "select distinct 'c:' || source_contact_id, 'e:' || lower(email), email from contacts"
        " where source_contact_id is not null and try_cast(created_at as timestamp) is not null"
        " and updated_at::timestamp <= timestamp '2026-06-30 12:00:00'"
    ).fetchall()
    touches = reader.execute(
        f"{TOUCH_VERDICTS} select distinct 'c:' || source_contact_id, 'e:' || lower(email),"
        " 'a:' || anonymous_id from judged where verdict = 'usable'"
    ).fetchall()
    rows = [(contact, None if is_shared(email) else address, None) for contact, address, email in contacts]
    rows += [(contact, address, None if device == "a:kiosk-tablet-1" else device)
             for contact, address, device in touches]  # fmt: skip
    for row in rows:
        keys = [key for key in row if key]
        for key in keys:
            leader[lead(key)] = lead(keys[0])
    people = {lead(key) for key in leader}
    known = {lead(key) for key in leader if not key.startswith("a:")}
    assert len(people) == truth.identities["people"]
    assert len(known) == truth.identities["known"]
    assert len(people - known) == truth.identities["anonymous"]


def test_identities_file_says_who_is_who(landing: Path, truth: Truth) -> None:
    with duckdb.connect() as database:
        keys, different, persons = database.execute(
            "select count(*), count(distinct identity_key), count(distinct true_person) from read_parquet(?)",
            [str(landing / "_truth_identities.parquet")],
        ).fetchall()[0]
    assert persons == truth.identities["people"]
    # Only addresses that link nobody are keys of several people.
    assert keys >= different > persons


def test_messages_are_answered_about_as_often_as_they_deserve(tmp_path: Path) -> None:
    truth = simulate(tmp_path, people=6_000, days=120, seed=3, end=END, dirt=False, file_format="parquet")
    sent: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for message in truth.messages:
        if message.campaign_id.startswith("mail-"):
            sent[message.message_name] += message.company_touches
            answered[message.message_name] += message.answers
    rates = {name: answered[name] / sent[name] for name in sent}
    ranked = sorted(rates, key=rates.__getitem__)
    assert ranked == ["Product news", "Handoffs without arguing", "Forecast you can defend"]


def test_parquet_is_typed_and_clean_worlds_have_no_dirt(tmp_path: Path) -> None:
    truth = simulate(tmp_path, **OPTIONS, file_format="parquet", dirt=False)
    assert truth.quarantined == {}
    assert all(counts.landed == counts.accepted for counts in truth.tables.values())
    with duckdb.connect() as database:
        kinds = dict(
            row[:2]
            for row in database.execute(
                "describe select * from read_parquet(?)",
                [str(tmp_path / "leadproof" / "touches" / "**" / "*.parquet")],
            ).fetchall()
        )
    assert kinds["occurred_at"] == "TIMESTAMP"
    assert set(kinds.values()) == {"TIMESTAMP", "VARCHAR"}


@pytest.mark.parametrize("target", [4_500, 30_000])
def test_number_of_touches_can_be_chosen(tmp_path: Path, target: int) -> None:
    plain = simulate(tmp_path, **OPTIONS, touches=target, dirt=False)
    assert abs(plain.tables["touches"].landed - target) < 0.05 * target


def test_chunks_do_not_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.simulation.simulator._TOUCHES_PER_CHUNK", 3_000)
    shares: list[float] = []
    simulate(
        tmp_path,
        **OPTIONS,
        file_format="parquet",
        dirt=False,
        progress=lambda text, share: shares.append(share),
    )
    assert len(shares) > 4
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    with duckdb.connect() as database:
        for table, key in (
            ("touches", "source_touch_id"),
            ("contacts", "source_contact_id, updated_at"),
            ("companies", "source_company_id, updated_at"),
            ("handoffs", "source_handoff_id"),
        ):
            rows, different = database.execute(
                f"select count(*), count(distinct ({key})) from read_parquet(?)",
                [str(tmp_path / "leadproof" / table / "**" / "*.parquet")],
            ).fetchall()[0]
            assert rows == different > 0, table


def test_own_files_are_replaced_and_foreign_ones_refused(tmp_path: Path) -> None:
    simulate(tmp_path, **OPTIONS)
    shorter = simulate(tmp_path, **{**OPTIONS, "days": 90})
    on_disk = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert on_disk == set(shorter.files)
    foreign = tmp_path / "leadproof" / "touches" / "mine.csv"
    foreign.write_text("source_touch_id\n1\n")
    with pytest.raises(LeadproofError, match=r"mine\.csv was not written by a finished simulation"):
        simulate(tmp_path, **OPTIONS)
    assert foreign.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("people", 10), ("days", 5), ("seed", -1), ("touches", 0), ("file_format", "xlsx")],
)
def test_impossible_options_are_refused_in_one_sentence(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(LeadproofError, match=name.replace("file_format", "xlsx")):
        simulate(tmp_path, **{**OPTIONS, name: value})
    assert not list(tmp_path.iterdir())


def test_a_missing_truth_is_told(tmp_path: Path) -> None:
    with pytest.raises(LeadproofError, match=r"_truth\.json is missing"):
        read_truth(tmp_path)


def test_defaults_are_in_one_place() -> None:
    options = SimulationOptions()
    assert (options.people, options.days, options.file_format) == (4_000, 400, "csv")
