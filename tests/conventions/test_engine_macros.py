"""What engines say differently stands behind one dispatched macro, and its forms say the same.

Where DuckDB has a form of its own, the portable one is run on DuckDB too and both are compared. Words that
DuckDB spells otherwise are translated first; what cannot be compared is listed with the reason.
"""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conventions.engine_forms import DEFAULT, DUCKDB, dispatched, forms, render
from tests.conventions.tree import below, name_of, read
from tests.integration.compiled_world import CompiledWorld

SPELT_OTHERWISE = {
    "regexp_like(": "regexp_matches(",
    "btrim(": "trim(",
    "try_to_timestamp(": "try_strptime(",
    "div(": "divide(",
    "'d MMM, yyyy HH:mm:ss'": "'%d %b, %Y %H:%M:%S'",
    "'d MMM, yyyy HH:mm'": "'%d %b, %Y %H:%M'",
    "'d MMM, yyyy'": "'%d %b, %Y'",
}
"""Functions and formats of the portable forms, and what DuckDB calls them."""

NOT_COMPARED = {
    "regexp_replace_all": "The same words replace every match on other engines and the first on DuckDB.",
}
"""Macros with a form for DuckDB that the portable one cannot be compared with there, and why."""

DISPATCHED_ELSEWHERE = {
    "dbt_project/macros/staging/clean_text.sql": "Staging's own: every staged column goes through it.",
}
"""Files outside `engine` that dispatch, and why."""

TEXTS = (
    *(None, "", " ", "a", " a", "a ", "\ta\r\n", "a b", "\u00a0a", "trn", "\\t", "!", "0", " \t\r\n "),
    *("-", "é ", "'", "a\tb", "\n\n"),
)
MOMENTS = (
    *(None, "2021-04-15", "2021-04-15 00:03:00", "2021-04-15 00:03:00.5", "2021-04-15T00:03:00"),
    *(
        "2021-04-15T00:03:00Z",
        "2021-04-15 00:03",
        "2021-4-5",
        "2021/04/15",
        "2021/04/15 00:03:00",
        "2021-04-15x",
    ),
    *("15 Apr, 2021 00:03:00", "15 Apr, 2021 00:03", "15 Apr, 2021", "5 Apr, 2021", "31 Feb, 2021"),
    *(
        "1899-12-31",
        "1900-01-01",
        "0001-01-01",
        "9999-12-31",
        "1 Jan, 1899",
        "infinity",
        "epoch",
        "yesterday",
    ),
    *("2021", "20210415", "15.04.2021", "4/15/2021", "2021-13-01", "2021-02-30", "hello, 2021"),
    "2021-04-15 25:00:00",
)
"""Without offsets: DuckDB's plain cast drops one without a word, so only its own form reads them."""


def _run(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        return database.execute(sql).fetchall()


def _form(form: str, macro: str, *arguments: Any) -> str:
    sql = render(form, macro, *arguments)
    if form == DEFAULT:
        for portable, here in SPELT_OTHERWISE.items():
            sql = sql.replace(portable, here)
    return sql


def _values(values: tuple[str | None, ...]) -> str:
    listed = ", ".join(
        "(null)" if value is None else "('" + value.replace("'", "''") + "')" for value in values
    )
    return f"(values {listed}) as given (value)"


def _of_values(macro: str, values: tuple[str | None, ...]) -> Callable[[str], list[tuple[Any, ...]]]:
    return lambda form: _run(f"select value, {_form(form, macro, 'value')} from {_values(values)}")


def _of_greatest(macro: str) -> Callable[[str], list[tuple[Any, ...]]]:
    rows = (
        "(values (1, 'a', 1), (1, 'b', 2), (1, null, 3), (1, null, 0), (2, null, 1), (3, 'c', null))"
        " as given (g, v, o)"
    )
    return lambda form: _run(f"select g, {_form(form, macro, 'v', 'o')} from {rows} group by g order by g")


def _days_after(form: str) -> list[tuple[Any, ...]]:
    """Whole days: of a part of a day, DuckDB would round an interval, for which it has its own form."""
    moment = "timestamp '2024-02-28 23:59:59.123456'"
    return _run(
        ", ".join(["select 1", *(_form(form, "days_after", moment, days) for days in (0, 1, -1, 366, 3650))])
    )


def _regexp_like(form: str) -> list[tuple[Any, ...]]:
    patterns = ("'^a'", "'(?i)CHIEF|\\bhead\\b'", "'[0-9]+'")
    values = _values(("a", "ba", "chief", "Head of", "ahead", "x9", "", None))
    found = ", ".join(_form(form, "regexp_like", "value", pattern) for pattern in patterns)
    return _run(f"select value, {found} from {values}")


def _seconds_between(form: str) -> list[tuple[Any, ...]]:
    pairs = (
        ("2024-01-01 00:00:00", "2024-01-01 00:00:00"),
        ("2024-01-01 00:00:00", "2024-02-29 12:00:00.25"),
        ("2024-01-02 00:00:00", "2023-12-31 23:59:59.999"),
        ("1970-01-01 00:00:00", "2050-01-01 00:00:00"),
    )
    spans = ", ".join(
        _form(form, "seconds_between", f"timestamp '{earlier}'", f"timestamp '{later}'")
        for earlier, later in pairs
    )
    return [tuple(round(span, 5) for span in row) for row in _run(f"select {spans}")]


def _row_digest(form: str) -> list[tuple[Any, ...]]:
    """Which of some rows are the same: what the forms call them differs."""
    # The last two are one to DuckDB's own hash.
    texts = (None, "", "a", "1:a", "-", "/promo/0/item-08/index.html", "/promo/9/item-03/index.html")
    rows = [(one, other, number) for one in texts for other in texts for number in (None, 0, 1)]
    written = ", ".join(
        f"({', '.join('null' if value is None else repr(value) for value in row)})" for row in [*rows, *rows]
    )
    digest = _form(form, "row_digest", ["one", "other", "number"])
    return _run(
        f"select one, other, number, count(*) over (partition by {digest})"
        f" from (values {written}) as t(one, other, number) order by all"
    )


def _text_contains(form: str) -> list[tuple[Any, ...]]:
    values = _values(("a", "50%", "%", "a&b", "", "\\u0040", None))
    parts = ("'%'", "'&b'", "'u0040'", "''")
    found = ", ".join(_form(form, "text_contains", "value", part) for part in parts)
    return _run(f"select value, {found} from {values}")


def _text_number(form: str) -> list[tuple[Any, ...]]:
    values = _values((*TEXTS, "A", "leadproof:t1", "leadproof:t2"))
    one, other = _form(form, "text_number", "one.value"), _form(form, "text_number", "other.value")
    alike = f"select one.value, other.value from one, other where {one} = {other}"
    return _run(f"with one as (from {values}), other as (from {values}) {alike}")


def _type_double(form: str) -> list[tuple[Any, ...]]:
    return _run(
        f"select typeof(cast(1 as {_form(form, 'type_double')})), cast(0.1 as {_form(form, 'type_double')})"
    )


def _whole_quotient(form: str) -> list[tuple[Any, ...]]:
    pairs = ((7, 2), (6, 3), (0, 5), (5, 0), (10**18 - 1, 7), (10**30, 3))
    return _run("select " + ", ".join(_form(form, "whole_quotient", str(a), str(b)) for a, b in pairs))


COMPARED: dict[str, Callable[[str], list[tuple[Any, ...]]]] = {
    "arg_max": _of_greatest("arg_max"),
    "clean_text": _of_values("clean_text", TEXTS),
    "days_after": _days_after,
    "parse_timestamp": _of_values("parse_timestamp", MOMENTS),
    "regexp_like": _regexp_like,
    "row_digest": _row_digest,
    "seconds_between": _seconds_between,
    "text_contains": _text_contains,
    "text_number": _text_number,
    "type_double": _type_double,
    "whole_quotient": _whole_quotient,
}
"""What a form gives, for the same values. Connected components have a test of their own."""


def test_every_dispatched_macro_has_a_portable_form() -> None:
    assert dispatched()
    assert [macro for macro in dispatched() if DEFAULT not in forms().get(macro, set())] == []
    assert [macro for macro in forms() if macro not in dispatched()] == []


def test_engine_files_hold_the_macro_of_their_name() -> None:
    for path in below("dbt_project/macros/engine", ".sql"):
        names = [macro for macro, file in dispatched().items() if file == path]
        assert names in ([name_of(path)], []), path
        assert f"macro {name_of(path)}(" in read(path), path
    elsewhere = {path for path in dispatched().values() if Path(path).parent.name != "engine"}
    assert elsewhere == set(DISPATCHED_ELSEWHERE)


def test_every_pair_of_forms_is_compared() -> None:
    pairs = {macro for macro, engines in forms().items() if {DEFAULT, DUCKDB} <= engines}
    assert pairs == {*COMPARED, *NOT_COMPARED, "connected_components"}


@pytest.mark.parametrize("macro", COMPARED)
def test_forms_agree(macro: str) -> None:
    assert COMPARED[macro](DUCKDB) == COMPARED[macro](DEFAULT)


def test_ids_that_share_their_number_still_do() -> None:
    """The unit test of ``int_touches_repeated`` tells such ids apart: with others it would test nothing."""
    shared = (
        _form(DUCKDB, "text_number", "'s:aaaaa0bbbbbbb0'"),
        _form(DUCKDB, "text_number", "'s:aaaaaybbbbbbbw'"),
    )
    assert _run(f"select {shared[0]} = {shared[1]}") == [(True,)]


@pytest.mark.slow
def test_forms_are_rendered_as_dbt_does(compiled_world: CompiledWorld) -> None:
    node = next(node for node in compiled_world.models if node["name"] == "int_identities_resolved")
    links = '"leadproof"."intermediate"."int_identity_links_found"'
    rendered = render(DUCKDB, "connected_components", links)
    assert "".join(rendered.split()) in "".join(node["compiled_code"].split())


# -- connected components ----------------------------------------------------------------------------

Links = list[tuple[int, int]]


def _components_of(links: Links) -> list[tuple[int, int]]:
    """The smallest node of each node's component, found by a third way: joining sets."""
    leader = {node: node for link in links for node in link}
    changed = True
    while changed:
        changed = False
        for left, right in links:
            least = min(leader[left], leader[right])
            changed = changed or leader[left] != least or leader[right] != least
            leader[left] = leader[right] = least
    return sorted(leader.items())


def _graph(kind: str, size: int, seed: int) -> Links:
    chance = random.Random(f"{kind} {size} {seed}")
    nodes = chance.sample(range(1, 10 * size + 1), size)
    chain = list(pairwise(nodes))

    def any_two() -> tuple[int, int]:
        left, right = chance.sample(nodes, 2)
        return left, right

    graphs: dict[str, Links] = {
        "chain": chain,
        "cycle": [*chain, (nodes[-1], nodes[0])],
        "star": [(nodes[0], node) for node in nodes[1:]],
        "pairs": list(zip(nodes[::2], nodes[1::2], strict=False)),
        "lonely": [(node, node) for node in nodes[: size // 2]] + chain[size // 2 :],
        "sparse": [any_two() for _ in range(size * 2 // 3)],
        "dense": [any_two() for _ in range(size * 2)],
    }
    links = list({(min(link), max(link)): link for link in graphs[kind]}.values())
    chance.shuffle(links)
    return [(left, right) if chance.random() < 0.5 else (right, left) for left, right in links]


def _components(form: str, links: Links) -> list[tuple[int, int]]:
    listed = ", ".join(f"({left}, {right})" for left, right in links)
    with duckdb.connect() as database:
        database.execute(
            f"create table links as select * from (values {listed}) as given (left_id, right_id)"
        )
        found = render(form, "connected_components", "links")
        return database.execute(f"with recursive {found} select * from components order by 1").fetchall()


@pytest.mark.parametrize("kind", ["chain", "cycle", "star", "pairs", "lonely", "sparse", "dense"])
def test_connected_components_agree(kind: str) -> None:
    for size, seed in ((2, 1), (3, 1), (7, 1), (7, 2), (40, 1), (120, 1)):
        links = _graph(kind, size, seed)
        if not links:
            continue
        expected = _components_of(links)
        assert _components(DUCKDB, links) == expected, links
        assert _components(DEFAULT, links) == expected, links
