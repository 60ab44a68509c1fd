"""Whose row it is where an address is a whole value: an id, or anything in a table that nobody declared."""

from pathlib import Path

import duckdb
import pytest

from orchestration import erasure
from orchestration.erasure import scope
from orchestration.erasure.build_database import attach_held
from orchestration.erasure.needles import needles_of
from orchestration.erasure.search import search_everywhere
from orchestration.landing.declarations import read_declarations
from orchestration.landing.identities import keys_of_table
from orchestration.landing.names import literal
from orchestration.mentions import whole_address
from orchestration.settings import PROJECT_ROOT
from tests.unit.landing.conftest import World, settings_in

ANNA, BOB = "anna@acme.example", "bob@acme.example"
CONTACTS = "source_contact_id,email,full_name,phone,created_at,referred_by\n"
TOUCHES = "source_touch_id,source_contact_id,email,anonymous_id,occurred_at,channel,touch_type\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(settings_in(tmp_path, "leadproof"), tmp_path, {**read_declarations(PROJECT_ROOT)})


def _forget(world: World, address: str = ANNA) -> dict[str, int]:
    content = erasure.forget(world.settings, erasure.email_key(address)).content
    needles = needles_of({f"email:{address}"}, (), ())
    assert search_everywhere(world.settings, needles).found_in == []
    return dict(content["raw_rows"])


def _names(world: World, table: str, column: str = "full_name") -> list[str]:
    return [row[0] for row in world.query(f"select {column} from raw_leadproof.{table} order by all")]


def _assert_all_counted(world: World, rows: int) -> None:
    counted = world.query(
        "select sum(row_count), sum(row_count + reject_count + coalesce(erased_count, 0)) from landing.files"
    )
    held = world.query("select sum(estimated_size) from duckdb_tables() where schema_name like 'raw%'")
    assert counted == [(held[0][0], rows)]


def test_record_whose_id_is_the_address_goes_and_does_not_come_back(world: World) -> None:
    contacts = (
        f"{CONTACTS}{ANNA.upper()},,Anna,+49 30 1,2026-01-01,\n"
        f"mailto:{ANNA},,Anna too,,2026-01-01,\n"
        f"{BOB},,Bob,,2026-01-01,{ANNA}\n"
        f"7,Anna <{ANNA}>,Anna again,,2026-01-01,\n"
        f"8,{BOB},Bob too,,2026-01-01,\n"
    )
    touches = (
        f"{TOUCHES}1,{ANNA.upper()},,,2026-02-01,email,email_sent\n"
        f"2,,,{ANNA},2026-02-01,web,visit\n"
        f"3,8,,{ANNA},2026-02-01,web,visit\n"
        f"4,7,,,2026-02-01,email,email_sent\n"
        f"5,8,,v5,2026-02-01,web,visit\n"
    )
    for said in ("a", "b"):
        world.drop(f"leadproof/contacts/{said}.csv", contacts + "\n" * (said == "b"))
        world.drop(f"leadproof/touches/{said}.csv", touches + "\n" * (said == "b"))
        world.load()
        if said == "a":
            assert _forget(world) == {"leadproof.contacts": 3, "leadproof.touches": 3}
        assert {*_names(world, "contacts")} == {"Bob", "Bob too"}
        kept = world.query(
            "select distinct source_touch_id, anonymous_id from raw_leadproof.touches order by 1"
        )
        # No visitor of the same name for all who have been forgotten: the models would join strangers.
        assert kept == [("3", None), ("5", "v5")]
        assert world.query("select distinct referred_by from raw_leadproof.contacts order by 1") == [
            ("(erased)",),
            (None,),
        ]
    _assert_all_counted(world, 20)


def test_record_whose_id_is_the_address_leads_to_what_the_models_know_of_it(world: World) -> None:
    world.drop(
        "leadproof/contacts/a.csv",
        f"{CONTACTS}{ANNA},private@home.example,Anna,,2026-01-01,\n2,private@home.example,Anna,,2026-01-01,\n",
    )
    world.load()
    with duckdb.connect(str(world.settings.build_db)) as connection:
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.int_identities_resolved as select 'p_1' as person_id, identity_key"
            f" from (values ('contact:leadproof:{ANNA}'), ('email:private@home.example'),"
            " ('contact:leadproof:2')) as known(identity_key)"
        )
    assert _forget(world) == {"leadproof.contacts": 2}


@pytest.mark.parametrize("is_joined", [False, True])
def test_releases_know_whose_touches_alone_give_the_address_as_an_id(world: World, is_joined: bool) -> None:
    world.drop(
        "leadproof/touches/a.csv",
        f"{TOUCHES}1,{ANNA.upper()},,,2026-02-01,email,email_sent\n"
        f"2,,mailto:{ANNA},,2026-02-01,email,email_sent\n"
        f"3,,,{ANNA},2026-02-01,web,visit\n"
        f"4,8,{BOB},{ANNA if is_joined else 'v5'},2026-02-01,web,visit\n",
    )
    world.load()
    contact, email, visitor = (
        f"contact:leadproof:{ANNA.upper()}",
        f"email:mailto:{ANNA}",
        f"anonymous:leadproof:{ANNA}",
    )
    known = {contact: "p_1", email: "p_2", visitor: "p_4" if is_joined else "p_3"}
    known |= {"contact:leadproof:8": "p_4", f"email:{BOB}": "p_4"}
    with duckdb.connect(str(world.settings.build_db)) as connection:
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.int_identities_resolved(identity_key text, person_id text)"
        )
        connection.executemany(
            "insert into intermediate.int_identities_resolved values (?, ?)", list(known.items())
        )
    with duckdb.connect() as connection:
        attach_held(connection, world.settings.build_db)
        tables = scope.held_tables(connection, world.declared)
        keys = scope.keys_of_person(connection, tables, {f"email:{ANNA}"})
        ids = scope.person_ids_of(connection, keys, world.settings)
    theirs = {f"email:{ANNA}", contact, email} | (set() if is_joined else {visitor})
    assert keys == theirs
    assert len(ids) == len(theirs)
    # The row goes in any case, as it says nothing else.
    assert _forget(world) == {"leadproof.touches": 3}


def test_rows_of_tables_that_nobody_declared_go_with_the_address(world: World) -> None:
    fair = (
        f"name,email,phone,told\nAnna,{ANNA},+49 30 1234567,x\nAnna too, {ANNA.upper()} ,,x\n"
        f"Anna again,mailto:{ANNA},,x\nAnna at last,Anna <{ANNA}>,,x\n"
        f"Bob,{BOB},,ask {ANNA}\nEve,,,{ANNA};{BOB}\n"
    )
    deals = f"deal,owner_email,sales_rep\nBig,{ANNA},{ANNA}\nSmall,{BOB},{ANNA}\n"
    leads = f"name,email,owner_email\nBob,{BOB},{ANNA}\nEve,,{ANNA}\nAnna,{ANNA},{BOB}\n"
    pairs = f"note,who,whom\nboth,{ANNA},{BOB}\nherself,{ANNA},{ANNA}\n"
    tables = {"fair": fair, "crm_deals": deals, "crm_leads": leads, "pairs": pairs}
    for said in ("a", "b"):
        for table, content in tables.items():
            world.drop(f"leadproof/{table}/{said}.csv", content + "\n" * (said == "b"))
        world.load()
        if said == "a":
            assert _forget(world) == {"leadproof.fair": 4, "leadproof.crm_leads": 1, "leadproof.pairs": 1}
        assert {*_names(world, "fair", "name")} == {"Bob", "Eve"}
        assert {*_names(world, "crm_deals", "deal")} == {"Big", "Small"}
        assert {*_names(world, "crm_leads", "name")} == {"Bob", "Eve"}
        assert {*_names(world, "pairs", "note")} == {"both"}
        assert {*_names(world, "pairs", "who")} == {"(erased)"}
    _assert_all_counted(world, 26)


@pytest.mark.parametrize("first", [ANNA, BOB])
def test_row_of_several_stays_whoever_of_them_is_forgotten_first(world: World, first: str) -> None:
    row = f"note,phone,who,whom\nboth,+49 30 1,Anna <{ANNA}>,{BOB}\n"
    world.drop("leadproof/pairs/a.csv", row)
    world.load()
    for address in sorted((ANNA, BOB), key=lambda each: each != first):
        assert _forget(world, address) == {}
    world.drop("leadproof/pairs/b.csv", row + "\n")
    world.load()
    assert world.query("select who, whom from raw_leadproof.pairs") == [("Anna <(erased)>", "(erased)")] * 2


@pytest.mark.parametrize(
    "text",
    [
        ANNA,
        f" <{ANNA.upper()}>",
        f"Anna\u00a0<{ANNA}>",
        f"mailto:{ANNA.replace('@', '%40')}?subject=a",
        f"\u200b{ANNA}\ufeff",
        f'"{ANNA}",',
        f"o'hara@{BOB.split('@')[1]}",
        "\u0130nci@firm.example",
        f"{ANNA} {BOB}",
        f"ask {ANNA}",
        f"{BOB} <{ANNA}>",
        f'"{ANNA}" <{ANNA}>',
        f'"Doe, Anna ({BOB})" <{ANNA}>',
        f"{BOB}, Anna <{ANNA}>",
        f"'{ANNA}'",
        f"'{ANNA}' <{ANNA}>",
        f"'o'hara@{BOB.split('@')[1]}'",
        f"SMTP:{ANNA}",
        "a%40b@c",
        "50%40 off@home",
        "nobody",
        "",
        "@" * 2_000,
    ],
)
def test_a_database_reads_whole_values_as_python_does(text: str) -> None:
    keys = keys_of_table("crm", None, {"told": "VARCHAR"})
    assert keys is not None
    found = duckdb.execute(
        f"select {keys.addresses['email']} from (select {literal(text)} as told)"
    ).fetchall()
    address = whole_address(text)
    assert found == [(f"email:{address}" if address else None,)]
