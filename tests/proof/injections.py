"""Hostile texts wherever a source, a policy table or a reader may write one: they stay texts and do nothing.

Values and pages are looked at over the compiled models beside the same world in harmless words; names of
files, folders, systems and columns through the loader; cells of policy tables through their check; a reader's
statements on connections that are closed in as the README and ``open_release`` do it; and all of it together
through the real job, with what it prints. How texts are drawn belongs to ``hostile_texts``.
"""

import csv
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import duckdb
import pytest

from orchestration import records
from orchestration.digests import sha256_of
from orchestration.landing import load_landing
from orchestration.policy import check_policy, read_policy
from orchestration.policy.schema import TABLES
from orchestration.release import open_release
from orchestration.release.database import literal
from orchestration.report.site import writing
from orchestration.report.site.source import Source
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.source_text import one_line
from tests.fixtures.release_world import make_release, make_settings
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import connect, fetch, make_warehouse
from tests.proof.hostile_texts import Grounds, as_name, draw_statements, draw_text
from tests.proof.hostile_world import (
    AS_OF,
    address_of,
    differing_shapes,
    harmless_words,
    tell,
    told_world,
    with_address_sign,
)
from tests.proof.late_file import tolerate_any_share
from tests.proof.shop import Shop
from tests.proof.warehouse import Warehouse
from tests.reference.values import trimmed
from tests.unit.report.site_world import add_audits

_KEPT_ROWS = "create schema sentinel; create table sentinel.kept as select range as value from range(7)"
_SEEN_BY_PEOPLE = re.compile(r"^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_REFUSALS = (duckdb.PermissionException, duckdb.InvalidInputException)
_COMMENT = "comment"
# Names of links and images: whoever writes into one decides what a browser fetches or runs.
_ADDRESSES = ("href", "src", "srcdoc", "action", "formaction", "data", "style", "xlink:href")
_SHOWN = 5


def prove_injections(
    compiled: CompiledWorld, place: Path, seed: int, texts: int, statements: int, shop: Shop | None = None
) -> Counter[str]:
    """Write hostile texts everywhere, and see that nothing follows from any.

    Args:
        compiled: The compiled models of the canonical system.
        place: Empty folder.
        seed: Decides the texts and where they stand.
        texts: How many stand in values, and in names, and in cells of policy tables, a third each.
        statements: How many a reader tries on each of two connections.
        shop: Where the real job runs, in a project copy that gets the policy tables; null to leave it out.

    Returns:
        What was done, counted.

    Raises:
        AssertionError: If a text had an effect, was changed, or kept another row out.
    """
    rng, tally = Random(seed), Counter[str]()
    place.mkdir(parents=True, exist_ok=True)
    grounds = _make_grounds(place / "grounds", seed)
    drawn = [draw_text(rng, grounds, number) for number in range(max(texts, 3))]
    values, names, cells = (drawn[begin::3] for begin in range(3))
    before = _beside(grounds)
    _look_at_values(compiled, place / "values", grounds, values, tally)
    _look_at_names(place / "names", rng, grounds, names, tally)
    policy = _look_at_policy(place / "policy", rng, cells, tally)
    _look_at_readers(place / "readers", rng, grounds, statements, tally)
    if shop is not None:
        _look_at_the_job(shop, place / "job", rng, grounds, (values, names, policy), tally)
    _assert_nothing_came_to_be(before, grounds, place)
    tally["texts"] += len(drawn)
    return tally


# -- what must not happen -----------------------------------------------------------------------------


def assert_harmless_on_a_terminal(told: str) -> None:
    """Assert that printed text can neither steer a terminal nor forge a line's direction."""
    for line in told.split("\n"):
        seen = [letter for letter in line if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        assert not seen, f"a terminal gets {seen}: {line!r}"


def assert_no_markup(page: str, mark: str) -> None:
    """Assert that a page holds a mark as words only.

    Args:
        page: The page.
        mark: What every hostile text holds.
    """
    parsed = _Page(page, mark)
    assert not parsed.found, f"a page obeys {parsed.found[:_SHOWN]}"


def assert_no_formula(export: str) -> None:
    """Assert that no cell of a CSV file is a formula, whichever separator a spreadsheet takes it to have."""
    for separator in ",;\t":
        for row in csv.reader(export.splitlines(keepends=True), delimiter=separator):
            found = [cell for cell in row if _SEEN_BY_PEOPLE.match(cell)]
            assert not found, f"a spreadsheet that separates by {separator!r} obeys {found}"


class _Page(HTMLParser):
    """Finds a mark where a browser would obey it."""

    def __init__(self, page: str, mark: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._mark = mark
        self._script: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        # A block of data is no script.
        self._script = tag if tag in ("script", "style") and known.get("type") != "application/json" else None
        if self._mark in tag:
            self.found.append(f"element {tag}")
        for name, value in attrs:
            is_obeyed = name.startswith("on") or name in _ADDRESSES
            if self._mark in name or (is_obeyed and self._mark in (value or "")):
                self.found.append(f"{name}={value} of {tag}")

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._mark in data and self._script:
            self.found.append(f"{self._script}: {data}")

    def handle_comment(self, data: str) -> None:
        if self._mark in data:
            self.found.append(f"comment: {data}")

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)


def _make_grounds(folder: Path, seed: int) -> Grounds:
    folder.mkdir(parents=True)
    grounds = Grounds(folder, f"leak{seed}x")
    grounds.secret.write_text("secret\n42\n", encoding="utf-8")
    duckdb.connect(folder / "other.duckdb").close()
    return grounds


def _beside(grounds: Grounds) -> dict[str, str]:
    """Everything beside warehouses, with the digest of each file."""
    return {str(path): sha256_of(path) if path.is_file() else "folder" for path in grounds.folder.rglob("*")}


def _assert_nothing_came_to_be(before: dict[str, str], grounds: Grounds, place: Path) -> None:
    assert _beside(grounds) == before, "something beside the warehouse was changed"
    here = {
        *Path.cwd().iterdir(),
        *PROJECT_ROOT.iterdir(),
        *Path.home().iterdir(),
        *place.parents[0].iterdir(),
    }
    made = [path for path in here if grounds.mark in path.name]
    # What lies in a landing folder was put there, by whom the names were chosen.
    made += [path for path in place.rglob(f"*{grounds.mark}*") if "landing" not in path.parts]
    assert made == [], f"these came to be: {made[:_SHOWN]}"


def _assert_sentinel(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select count(*), sum(value) from sentinel.kept").fetchone() == (7, 21)


# -- where texts stand --------------------------------------------------------------------------------


def _look_at_values(
    compiled: CompiledWorld, place: Path, grounds: Grounds, words: Sequence[str], tally: Counter[str]
) -> None:
    """In values: all marts are what they are in harmless words, and the pages show them as words."""
    # In alphabetical order, as the harmless ones are: of two that come at one instant, the later one counts.
    words = sorted(words, key=lambda word: trimmed(word) or "")
    plain, harmless = with_address_sign(words), harmless_words(words)
    with told_world(compiled, place / "harmless", harmless, plain) as warehouse:
        expected = warehouse.marts()
    with told_world(compiled, place / "hostile", words) as warehouse:
        seen = warehouse.marts()
        pages = _write_pages(warehouse, place / "site")
    assert len(seen["prospects"]) == len(seen["campaigns"]) == len(words), "a row was kept out"
    differing = differing_shapes((expected, harmless), (seen, words))
    assert differing == {}, f"hostile words come to other rows: {differing}"
    assert {row["campaign_name"] for row in seen["campaigns"]} == {trimmed(word) for word in words}
    told = [page.read_text(encoding="utf-8") for page in pages]
    for page in told:
        assert_no_markup(page, grounds.mark)
    assert any(grounds.mark in page for page in told), "no page shows any text"
    tally["texts in values"] += len(words)
    tally["rows compared"] += sum(len(rows) for rows in seen.values())
    tally["pages read"] += len(pages)


def _write_pages(warehouse: Warehouse, folder: Path) -> list[Path]:
    add_audits(warehouse.database, (warehouse.build_id,))
    source = Source(
        connection=warehouse.database,
        policy_dir=warehouse.root / "seeds",
        release_id="r20260630T120500_000001",
        build_id=warehouse.build_id,
        as_of=AS_OF,
        published_at=AS_OF,
        code_version="abc",
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writing, "chart_script", lambda: "window.drawn = 0;")
        assert writing.write_site(source, folder) == []
    return sorted(folder.glob("*.html"))


def _look_at_names(
    place: Path, rng: Random, grounds: Grounds, texts: Sequence[str], tally: Counter[str]
) -> None:
    """As names of files, folders, systems, tables and columns: every row of a known table is loaded once."""
    settings = make_warehouse(place, place / "landing")
    with connect(settings) as database:
        database.execute(_KEPT_ROWS)
    expected = _drop_names(settings.landing, rng, texts, tally)
    load_landing(settings)
    found = {row["source_touch_id"] for row in fetch(settings, "from raw_leadproof.touches")}
    assert found == expected, f"these rows are missing: {expected - found}"
    [loaded] = fetch(
        settings,
        "select count(*) as files, sum(row_count) as rows from landing.files"
        " where status = 'loaded' and source_system = 'leadproof' and source_table = 'touches'",
    )
    assert loaded == {"files": len(expected), "rows": len(expected)}
    schemas = {row["schema_name"] for row in fetch(settings, "select schema_name from duckdb_schemas()")}
    assert not any(grounds.mark in name for name in schemas), f"a text became a schema: {schemas}"
    _assert_sentinel(settings.build_db)


def _drop_names(landing: Path, rng: Random, texts: Sequence[str], tally: Counter[str]) -> set[str]:
    """Drop a touch under each name, the kinds of names in turn.

    Returns:
        Ids of the touches that lie in the folder of a known table.
    """
    touches = landing / "leadproof" / "touches"
    expected = set()
    for number, text in enumerate(texts):
        name, kind = as_name(text), ("file", "folder", "column", "table", "system")[number % 5]
        path = {
            "file": touches / f"{name}.csv",
            "folder": touches / name / f"{number}.csv",
            "column": touches / f"{number}.csv",
            "table": landing / "leadproof" / name / "rows.csv",
            "system": landing / name / "touches" / "rows.csv",
        }[kind]
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_touch(path, f"named-{number}", text if kind == "column" else rng.choice(texts))
        if path.is_relative_to(touches):
            expected.add(f"named-{number}")
        tally[f"texts as names: {kind}"] += 1
    return expected


def _write_touch(path: Path, touch_id: str, column: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        # A file whose header holds a carriage return is refused as a whole, of which `FILES` tells.
        told = column.replace("\r", "\n")
        rows.writerow(["source_touch_id", "occurred_at", "email", "channel", "touch_type", told])
        rows.writerow([touch_id, "2025-01-05", "a@firm.example", "email", "email_reply", "x"])


def _look_at_policy(place: Path, rng: Random, texts: Sequence[str], tally: Counter[str]) -> Path:
    """In cells of policy tables: accepted as words, or refused by a sentence that says where.

    Returns:
        A folder with the tables in which all accepted texts stand.
    """
    seeds = place / "seeds"
    seeds.mkdir(parents=True)
    for system in ("leadproof", "zoho", "olist"):
        (place / "models" / "staging" / system).mkdir(parents=True)
    for path in (PROJECT_ROOT / "seeds").glob("*.csv"):
        (seeds / path.name).write_bytes(path.read_bytes())
    tables = [name for name in TABLES if len(_records(seeds / f"{name}.csv")) > 1]
    for number, text in enumerate(texts):
        # Most are comments, which are looked at all at once.
        is_comment = number % 4 > 0
        # A cell of several lines is refused, because people would overlook the later ones.
        cell = " ".join(text.split()) if is_comment else text.strip()
        table = rng.choice(tables)
        path = seeds / f"{table}.csv"
        kept, lines = path.read_bytes(), _records(path)
        column = _COMMENT if is_comment else rng.choice(lines[0])
        lines[rng.randrange(1, len(lines))][lines[0].index(column)] = cell
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(lines)
        problems = [] if is_comment else check_policy(read_policy(place))
        assert all(one_line(str(problem)).isprintable() for problem in problems), problems
        if problems:
            assert any(table in str(problem) for problem in problems), problems
            path.write_bytes(kept)
        tally["texts in cells: " + ("refused" if problems else "accepted")] += 1
    problems = check_policy(read_policy(place))
    assert problems == [], f"a comment is refused: {[str(problem) for problem in problems]}"
    return seeds


def _records(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


# -- readers ------------------------------------------------------------------------------------------


def _look_at_readers(place: Path, rng: Random, grounds: Grounds, number: int, tally: Counter[str]) -> None:
    """A closed-in reader is refused whatever is no question to its release."""
    settings = make_settings(place, shared_from_rows=100)
    release = make_release(settings, 1)
    make_release(settings, 2)
    (other,) = set(settings.shared.glob("touches/2026-01-*")) - {
        settings.shared / "touches" / path.name for path in release.path.glob("marts/touches/*")
    }
    places = {"folder": grounds.folder, "release": release.path, "secret": grounds.secret, "other": other}
    before = _bytes_below(settings.warehouse)
    with (
        open_release(settings, release.release_id) as own,
        closing(_opened_as_the_readme_says(release.database, place / "copied.duckdb")) as written,
    ):
        for connection in (own, written):
            for kind, statement in draw_statements(rng, places, f"{grounds.mark}reader", number):
                assert_refused(connection, statement)
                tally[f"statements refused: {kind}"] += 1
                tally["statements"] += 1
            assert connection.execute("select count(*), sum(generation) from marts.people").fetchone() == (
                50,
                50,
            )
    changed = {
        path for path, digest in _bytes_below(settings.warehouse).items() if before.get(path) != digest
    }
    assert changed == set(), f"a reader changed {sorted(changed)[:_SHOWN]}"


def assert_refused(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Assert that a reader may not run a statement, and that it was understood.

    Args:
        connection: The reader's.
        statement: The statement.
    """
    try:
        connection.execute(statement).fetchall()
    except _REFUSALS:
        return
    except duckdb.Error as error:
        raise AssertionError(f"a statement failed, but was not refused: {statement!r}: {error}") from error
    raise AssertionError(f"a reader may run {statement!r}")


def _opened_as_the_readme_says(database: Path, copied: Path) -> duckdb.DuckDBPyConnection:
    """A connection to a copy, because one to the release itself would share what the first has locked."""
    shutil.copyfile(database, copied)
    told = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    settings = re.findall(
        r'^    "(\w+ = \w+)",$', told.partition("for setting in (")[2].partition("):")[0], re.M
    )
    assert settings[-1] == "lock_configuration = true"
    connection = duckdb.connect(copied, read_only=True)
    for setting in settings:
        connection.execute(f"set {setting}")
    return connection


def _bytes_below(folder: Path) -> dict[str, str]:
    return {str(path): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


# -- all of it through the real job -------------------------------------------------------------------


def _look_at_the_job(
    shop: Shop,
    place: Path,
    rng: Random,
    grounds: Grounds,
    texts: tuple[Sequence[str], Sequence[str], Path],
    tally: Counter[str],
) -> None:
    """Build, compare, explain and report through the commands that people type, and read what they leave."""
    words, names, seeds = texts
    settings = make_warehouse(place, place / "landing")
    half = len(words) // 2
    tell(settings.landing, words[:half], files=("rows.csv", *(f"{as_name(name)}.csv" for name in names[:2])))
    _drop_names(settings.landing, rng, names, tally)
    with connect(settings) as database:
        database.execute(_KEPT_ROWS)
    shutil.copytree(seeds, shop.workshop.root / "seeds", dirs_exist_ok=True)
    tolerate_any_share(shop.workshop)
    output, as_of = place / "output.txt", f"{AS_OF:%Y-%m-%d}"

    def run(expected: int, *command: str) -> str:
        shop.start(settings, output, *command)
        code, told = shop.exit_code(), output.read_text(encoding="utf-8")
        assert code == expected, f"leadproof {command[0]} ended with {code}:\n{told}"
        assert "Traceback" not in told, told
        assert_harmless_on_a_terminal(told)
        tally["commands of the job"] += 1
        return told

    run(0, "build", "--as-of", as_of)
    tell(settings.landing, words[half:], begin=half, files=("more.csv",))
    excluded = ["email_domain", "firm0.example", " ".join(words[0].split()), " ".join(words[1].split())]
    with (shop.workshop.root / "seeds" / "exclusions.csv").open("a", encoding="utf-8", newline="") as table:
        csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(excluded)
    run(0, "build", "--as-of", as_of, "--candidate", "--restate", trimmed(rng.choice(words)) or "")
    candidate = records.read_record(settings, records.build_ids(settings)[0])
    export = Path(candidate.changes["path"]).read_text(encoding="utf-8")
    assert "excluded: " in export and export.count(grounds.mark) > half, f"few texts are exported: {export}"
    assert_no_formula(export)
    assert_harmless_on_a_terminal(export)
    for number in rng.sample(range(half), min(4, half)):
        assert grounds.mark in run(0, "explain", "--", address_of(number, words[number]))
    run(1, "explain", "--", rng.choice(words))
    run(1, "rollback", "--", rng.choice(words))
    for command in ("status", "releases", "report"):
        run(0, command)
    _assert_released(settings, words[:half])
    _assert_sentinel(settings.build_db)
    for page in settings.warehouse.rglob("*.html"):
        if page.name != "catalogue.html":  # dbt's own, of models alone
            assert_no_markup(page.read_text(encoding="utf-8"), grounds.mark)
            tally["pages read"] += 1
    tally["runs of the real job"] += 1


def _assert_released(settings: Settings, words: Sequence[str]) -> None:
    """Readers get each word as it was told."""
    told = {trimmed(word) for word in words}
    (contacts,) = settings.restricted.glob(f"{settings.current.readlink().name}/*.parquet")
    with open_release(settings) as release, duckdb.connect() as closed:
        campaigns = release.execute("select distinct campaign_name from marts.campaigns").fetchall()
        people = closed.execute(
            f"select distinct full_name from read_parquet({literal(contacts)})"
        ).fetchall()
    assert told <= {name for (name,) in campaigns}
    assert told <= {name for (name,) in people}
