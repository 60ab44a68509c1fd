"""Where an address stands in a text: the same for bytes, for DuckDB, and for whoever has only its digest.

Addresses are written in every form, beside every neighbour and inside every type of column. Whatever looks
for them must agree, what is cleaned must hold none, and addresses of other people must stay as they are.
"""

import functools
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from orchestration import mentions as module
from orchestration.erasure.needles import Needles, needles_of
from orchestration.mentions import ERASED, SIGN, mentions_of
from orchestration.suppression import Suppression, _with_mentions
from orchestration.text_search import TextSearch

PERSON = "p_0123456789abcdef"
AN = "an@firm.example.org"
FORGOTTEN = (
    AN,
    "o'hara@firm.example.org",
    "a+b@firm.example.org",
    "r&d@firm.example.org",
    "m.o-n@firm.example.org",
    "éric@firm.example.org",
    "\u017fam@firm.example.org",
    "νικος@firm.example.org",
    "\u0130nci@firm.example.org",
    "王芳@firm.example.org",
    "an@x.example",
)
OTHERS = (
    "jan@firm.example.org",
    "j.an@firm.example.org",
    "j+an@firm.example.org",
    "o'an@firm.example.org",
    "j-an@firm.example.org",
    "j_an@firm.example.org",
    "j%an@firm.example.org",
    "éan@firm.example.org",
    "e\u0301an@firm.example.org",
    "bo'hara@firm.example.org",
    "ha+b@firm.example.org",
    "an@firm.example.org.example",
    "an@firm.example.organ",
    "an@firm.example.org-a",
    "an@firm.example.orgé",
    "an@firm.example",
    "bn@firm.example.org",
)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _units(text: str) -> str:
    return json.dumps(text)[1:-1].replace("@", "\\u0040").replace("'", "\\u0027").replace("+", "\\u002b")


def _entities(text: str, form: Callable[[str], str]) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else form(letter) for letter in text)


def _upper(text: str) -> str:
    return text.upper()


WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": _upper,
    "link": quote,
    "link with the sign": functools.partial(quote, safe="@"),
    "link, lower case": lambda text: quote(text, safe="").lower(),
    "every letter": _percent,
    "link in a link": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON units": _units,
    "HTML": html.escape,
    "HTML numbers": lambda text: _entities(text, lambda letter: f"&#{ord(letter)};"),
    "HTML hex numbers": lambda text: _entities(text, lambda letter: f"&#x{ord(letter):X};"),
    "HTML names": lambda text: html.escape(text).replace("@", "&commat;").replace("é", "&eacute;"),
    "HTML in a link": lambda text: quote(html.escape(text), safe="@"),
}
# Nothing here joins words, so whatever stands between them is whole.
PARTING = (
    " ", ", ", "; ", "<", ">", '"', "|", "\n", "\t", "(", ")",
    "[", "]", "=", "?e=", "&x=", "://", ":", "!", "…",
    "\\n", "\\t", "\\u003c", "\\u00a0", "%20", "%0A", "%3D", "%2520", "&lt;", "&quot;", "&#32;", "&nbsp;",
    "\u00a0", "\u200b", "\uff0c", "、", "—", "\x00 ", "$1 ", "~ ", "* ", "/",
)  # fmt: skip
BEFORE = (*PARTING, "mailto:", "mailto%3A")
# Any may join, and make other addresses of what stands between them.
ANY = (
    *BEFORE, "", "a", "7", "_", "-", ".", "+", "'", "%", "&", "\\", "é", "e\u0301", "\u0301", "%2B",
    "%27", "%C3%A9", "%E9", "%", "&#x27;", "&#39;", "&eacute;", "&amp;", "\\u00e9", "\\u002b", "\\x27", "\\'",
    "@", "%40", "..", "'-", "\x1b[31m", "\\u001b[0m", "b'", "E'", "q=a+", "%u0040", "\\u{40}",
    "联系", "谢谢", "へ", "입니다", ERASED, "***", PERSON, *OTHERS, *FORGOTTEN,
)  # fmt: skip


def _parts(between: tuple[str, ...]) -> st.SearchStrategy[str]:
    def written(address: str, form: str) -> str:
        return WRITTEN[form](address)

    addresses = st.builds(written, st.sampled_from([*FORGOTTEN, *OTHERS]), st.sampled_from(sorted(WRITTEN)))
    neighbours = st.sampled_from(between)
    return st.lists(st.one_of(addresses, neighbours), min_size=1, max_size=7).map("".join)


NEEDLES = needles_of({f"email:{address}" for address in FORGOTTEN}, {PERSON}, ())
SECRET = Suppression(b"secret")
LIST = Suppression(
    b"secret",
    frozenset(SECRET.digest(key) for key in _with_mentions(f"email:{address}" for address in FORGOTTEN)),
)
TYPES = {
    "told": "VARCHAR",
    "[told, 'other']": "VARCHAR[]",
    "{'told': told, 'n': 1}": "STRUCT(told VARCHAR, n INTEGER)",
    "[{'told': told}]": "STRUCT(told VARCHAR)[]",
    "map {'told': told}": "MAP(VARCHAR, VARCHAR)",
    "cast(to_json({'told': told}) as json)": "JSON",
    "encode(told)": "BLOB",
    "{'told': encode(told)}": "STRUCT(told BLOB)",
}


@functools.cache
def _connection() -> tuple[duckdb.DuckDBPyConnection, TextSearch, TextSearch]:
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    return connection, NEEDLES.in_sql(connection), TextSearch(connection, LIST.mentions, SIGN)


def _in_sql(told: str, *, listed: bool = False) -> tuple[list[bool], str]:
    connection, needles, by_list = _connection()
    search = by_list if listed else needles
    conditions = ", ".join(search.condition(expression, kind) for expression, kind in TYPES.items())
    row = connection.execute(
        f"select {conditions}, {search.without('told', 'VARCHAR')}, {search.without('[told]', 'VARCHAR[]')}"
        " from (select ? as told)",
        [told],
    ).fetchone()
    assert row is not None
    assert row[-1] == [row[-2]]
    return list(row[:-2]), row[-2]


def _all_agree(told: str) -> None:
    is_named = NEEDLES.names(told)
    cleaned = NEEDLES.cleaned(told)
    conditions, cleaned_in_sql = _in_sql(told)
    content = told.encode()
    cleaned_bytes, count = NEEDLES.replaced(content)
    assert conditions[0] == is_named
    assert NEEDLES.names_in_bytes(content) == is_named == bool(count)
    assert all(conditions) if is_named else not any(conditions[:2] + conditions[6:7]), conditions
    assert cleaned_in_sql == cleaned
    assert (cleaned != told) == is_named
    # What is clean stays as it is, wherever it is looked at again.
    assert NEEDLES.cleaned(cleaned) == cleaned and not NEEDLES.names(cleaned)
    assert len(cleaned_bytes) == len(content) and NEEDLES.replaced(cleaned_bytes) == (cleaned_bytes, 0)
    assert not NEEDLES.names_in_bytes(cleaned.encode()) and not NEEDLES.names(cleaned_bytes.decode())
    # Whoever has only digests finds the same addresses.
    mentions = mentions_of(FORGOTTEN)
    assert [*LIST.mentions.found(told)] == [*mentions.found(told)]
    assert LIST.mentions.cleaned(told) == mentions.cleaned(told)
    # What is looked at closely comes to the same.
    with pytest.MonkeyPatch.context() as closely:
        closely.setattr(module, "_around_plainly", lambda *_: None)
        assert [*mentions_of(FORGOTTEN).found(told)] == [*mentions.found(told)]
        in_bytes = [*mentions.found_in_bytes(content)]
    assert [*mentions.found_in_bytes(content)] == in_bytes


@seed(20_260_101)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(_parts(ANY))
@example("an@x.example'an@x.example'an@x.example")
@example(f"{PERSON}.an@x.example {PERSON}")
@example("j%2Ban@x.example&#x27;an@x.example")
def test_everybody_who_looks_for_an_address_finds_the_same(told: str) -> None:
    _all_agree(told)


def _only_the_forgotten_go(between: list[str], people: list[tuple[str, str]]) -> None:
    told, expected = "", ""
    for parting, (address, form) in zip(between, people, strict=False):
        told += parting + WRITTEN[form](address)
        expected += parting + (ERASED if address in FORGOTTEN else WRITTEN[form](address))
    assert NEEDLES.cleaned(f"{told} ") == f"{expected} "
    assert LIST.mentions.cleaned(f"{told} ") == f"{expected} "


PEOPLE = st.lists(
    st.tuples(st.sampled_from([*FORGOTTEN, *OTHERS]), st.sampled_from(sorted(WRITTEN))),
    min_size=1,
    max_size=6,
)
BETWEEN = st.lists(st.sampled_from(PARTING), min_size=6, max_size=6)


@seed(20_260_102)
@settings(max_examples=400, deadline=None, database=None)
@given(BETWEEN, PEOPLE)
def test_only_the_forgotten_go_whoever_stands_beside_them(
    between: list[str], people: list[tuple[str, str]]
) -> None:
    _only_the_forgotten_go(between, people)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None, database=None)
@given(BETWEEN, PEOPLE)
def test_only_the_forgotten_go_in_many_texts(between: list[str], people: list[tuple[str, str]]) -> None:
    _only_the_forgotten_go(between, people)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(_parts(ANY))
def test_everybody_finds_the_same_in_many_texts(told: str) -> None:
    _all_agree(told)


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("address", FORGOTTEN)
def test_address_is_found_however_it_is_written(address: str, form: str) -> None:
    written = WRITTEN[form](address)
    for before in BEFORE:
        for after in PARTING if before == " " else (" ",):
            told = f"{before}{written}{after}"
            assert NEEDLES.cleaned(told) == f"{before}{ERASED}{after}", told
    told = f'{{"told": "{written}"}}'
    conditions, cleaned = _in_sql(told)
    assert all(conditions) and cleaned == f'{{"told": "{ERASED}"}}'
    assert all(_in_sql(told, listed=True)[0])
    _all_agree(told)


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("address", OTHERS)
def test_address_of_somebody_else_is_left_alone(address: str, form: str) -> None:
    written = WRITTEN[form](address)
    for parting in PARTING:
        told = f"{parting}{written}{parting}"
        assert NEEDLES.cleaned(told) == told
        assert NEEDLES.replaced(told.encode()) == (told.encode(), 0)
    told = f"ask <{written}>, please"
    conditions, cleaned = _in_sql(told)
    assert not any(conditions) and cleaned == told
    assert not any(_in_sql(told, listed=True)[0])


def test_text_of_two_readings_names_both() -> None:
    told = "FIRM\\nan@firm.example.org"
    for address in (AN, "nan@firm.example.org"):
        cleaned = mentions_of([address]).cleaned(told)
        assert cleaned in ("FIRM\\n(erased)", "FIRM\\(erased)")
    assert mentions_of(["d@firm.example.org"]).names("r&d@firm.example.org")
    assert mentions_of(["r&d@firm.example.org"]).cleaned("r&d@firm.example.org") == ERASED


ANNA = "anna.schmidt@acme.test"
LOGGED = {
    f"\x1b[31m{ANNA}\x1b[0m failed": "\x1b[31m(erased)\x1b[0m failed",
    f"\x1b[1m\x1b[38;5;9m'{ANNA}'\x1b[0m": "\x1b[1m\x1b[38;5;9m'(erased)'\x1b[0m",
    f"\\u001b[31m{ANNA}\\u001b[0m": "\\u001b[31m(erased)\\u001b[0m",
    f"\\x1b[31m{ANNA}\\x1b[0m": "\\x1b[31m(erased)\\x1b[0m",
    f"{{b'email': b'{ANNA}'}}": "{b'email': b'(erased)'}",
    f"u'{ANNA.upper()}', E'{ANNA}' and N'{ANNA}'": "u'(erased)', E'(erased)' and N'(erased)'",
    f"e'{ANNA}": "e'(erased)",
    f"b\\'{ANNA}\\'": "b\\'(erased)\\'",
    "b%27anna.schmidt%40acme.test%27": "b%27(erased)%27",
    "/search?q=mail+anna.schmidt%40acme.test&x=1": "/search?q=mail+(erased)&x=1",
    "q=to+mail+anna.schmidt%2540acme.test": "q=to+mail+(erased)",
    f"mail...{ANNA}": "mail...(erased)",
    "anna.schmidt%u0040acme.test": "(erased)",
    "%u0061nna.schmidt%u0040acme.test": "(erased)",
    "anna.schmidt\\u{40}acme.test": "(erased)",
    "anna.schmidt\\u{0040}acme\\u{2e}test": "(erased)",
}


@pytest.mark.parametrize("told", LOGGED)
def test_address_is_found_in_what_logs_and_links_write(told: str) -> None:
    needles = needles_of({f"email:{ANNA}"}, (), ())
    assert needles.cleaned(told) == LOGGED[told]
    assert needles.replaced(told.encode())[1] and needles.names_in_bytes(told.encode())
    with duckdb.connect() as connection:
        search = needles.in_sql(connection)
        row = connection.execute(
            f"select {search.without('told', 'VARCHAR')} from (select ? as told)", [told]
        )
        assert row.fetchone() == (LOGGED[told],)
    _all_agree(told.replace(ANNA, AN).replace("anna.schmidt", "an").replace("acme.test", "x.example"))


@pytest.mark.parametrize(
    "told",
    [
        "o'anna.schmidt@acme.test",
        "bob'anna.schmidt@acme.test",
        "ok.anna.schmidt@acme.test",
        "q=mail+anna.schmidt@acme.test",
        "q=mail%2Banna.schmidt%40acme.test",
        "mail+anna.schmidt%40acme.test",
        "[31manna.schmidt@acme.test",
        "\x1bmanna.schmidt@acme.test",
        "\x1b[31mjanna.schmidt@acme.test",
        "b'janna.schmidt@acme.test'",
    ],
)
def test_others_are_left_alone_in_what_logs_and_links_write(told: str) -> None:
    needles = needles_of({f"email:{ANNA}"}, (), ())
    assert needles.cleaned(told) == told
    assert needles.replaced(told.encode()) == (told.encode(), 0)


def test_words_of_scripts_without_spaces_are_no_part_of_an_address() -> None:
    told = "请联系an@firm.example.org谢谢, 연락처an@firm.example.org입니다, an@firm.example.orgへ"
    cleaned = f"请联系{ERASED}谢谢, 연락처{ERASED}입니다, {ERASED}へ"
    assert mentions_of([AN]).cleaned(told) == cleaned
    _all_agree(told)


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    content = b"\x00\xff\xfean@x.example\xe9\x80\x00 jan@x.example \xff"
    cleaned, count = NEEDLES.replaced(content)
    assert count == 1
    assert cleaned == content.replace(b"an@x.example", b"(erased)****", 1)


@pytest.mark.parametrize("domain", ["\U00020000.example", "\U0001f600.example", "中.example"])
def test_domain_of_any_letter_is_found_in_bytes_as_in_texts(domain: str) -> None:
    mentions = mentions_of([f"an@{domain}"])
    told = f"mail an@{domain} now"
    assert mentions.names(told) and mentions.names_in_bytes(told.encode())


def test_what_looks_alike_in_capitals_is_found_in_texts_only() -> None:
    sam, strange = "sam@firm.example.org", "\u017fam@firm.example.org"
    assert mentions_of([sam]).names(strange) and mentions_of([strange]).names(sam.upper())
    keys = _with_mentions([f"email:{strange}"])
    assert keys == {f"email:{strange}", f"mention:{sam}"}, "a row of the other's own stays"
    assert _with_mentions([f"email:{sam}"]) == {f"email:{sam}"}


@pytest.mark.parametrize(
    "told",
    [
        "-" * 1_000_000 + "@x.y",
        "'" * 1_000_000 + "an@x.example",
        "a" * 1_000_000,
        "@" * 100_000,
        "an@x.example," * 50_000,
        "%40" * 100_000,
        "\\" * 100_000,
        "%2525" * 100_000 + "@x.example",
        "a!" * 50_000 + "an@x.example" + "!b" * 50_000,
        ("-" * 1_000 + "@x" + "." * 1_000) * 100,
        "b'" * 100_000 + "an@x.example",
        "\x1b[" * 100_000 + "an@x.example",
        "\x1b[" + "1;" * 100_000 + "man@x.example",
        "b'.@x" * 20_000,
        "?" + "a+" * 50_000 + "an%40x.example",
    ],
    ids=lambda told: told[:8],
)
def test_text_without_an_end_is_no_trap(told: str) -> None:
    started = time.process_time()
    is_named = NEEDLES.names(told)
    assert (
        NEEDLES.names_in_bytes(told.encode()) == is_named == _in_sql(told)[0][0] == LIST.mentions.names(told)
    )
    assert time.process_time() - started < 10


def test_thousands_are_looked_for_as_one_is() -> None:
    people = [f"person{number}@firm{number}.example.org" for number in range(20_000)]
    needles = Needles(frozenset(people), frozenset(), frozenset())
    with duckdb.connect() as connection:
        search = needles.in_sql(connection)
        found = connection.execute(
            f"select count(*), count(*) filter ({search.condition('told', 'VARCHAR')}) from"
            " (select 'ask person' || n || '@firm' || n || '.example.org now' as told"
            " from range(30000) as r(n))"
        ).fetchone()
    assert found == (30_000, 20_000)
