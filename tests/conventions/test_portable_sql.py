"""The models keep to SQL that DuckDB, Spark and PostgreSQL read alike; the rest is in macros of `engine`."""

import re
from dataclasses import dataclass

import pytest

from tests.conventions.tree import below, name_of, read, without_comments, without_jinja


@dataclass(frozen=True)
class Construct:
    """What must not stand in a model or in a macro outside ``engine``.

    Args:
        name: Its name.
        pattern: How it is found.
        bad: A query that holds it.
        good: A query that looks like it and does not.
        is_sql_alone: Whether it is looked for outside Jinja and texts only, where it means something else.
    """

    name: str
    pattern: str
    bad: str
    good: str
    is_sql_alone: bool = False

    def is_in(self, sql: str) -> bool:
        """Whether a model's text holds it."""
        looked_at = (
            re.sub(r"'[^']*'", "''", without_jinja(sql)) if self.is_sql_alone else without_comments(sql)
        )
        return bool(re.search(self.pattern, looked_at, re.IGNORECASE | re.MULTILINE))


CONSTRUCTS = (
    Construct(
        "qualify",
        r"\bqualify\b",
        "select * from t qualify row_number() over (order by a) = 1",
        "select qualifying_response, is_qualified from t",
    ),
    Construct("asof_join", r"\basof\b", "select * from a asof join b on a.t >= b.t", "select as_of from t"),
    Construct(
        "group_by_all",
        r"\b(?:group|order)\s+by\s+all\b",
        "select a, count(*) from t group by all",
        "select a from t group by all_values",
    ),
    Construct("double_colon", r"::", "select a::int from t", "select 'a:b' from t"),
    Construct(
        "distinct_on", r"\bdistinct\s+on\b", "select distinct on (a) * from t", "select distinct one from t"
    ),
    Construct(
        "exclude",
        r"\*\s*(?:exclude|except|replace)\b|\bexclude\s*\(",
        "select * exclude (a) from t",
        "excluded",
    ),
    Construct(
        "union_by_name", r"\bby\s+name\b", "select 1 union all by name select 2", "order by name_of_it"
    ),
    Construct(
        "ignore_nulls",
        r"\b(?:ignore|respect)\s+nulls\b",
        "select last_value(a ignore nulls) over (order by b) from t",
        "select a from t order by b nulls last",
    ),
    Construct(
        "from_first",
        r"\(\s*from\s+\w+",
        "with a as (from t) select * from a",
        "select a\nfrom t",
    ),
    Construct(
        "list_or_subscript",
        r"\[",
        "select list_contains([1, 2], a) from t",
        "select '[a-z]', {{ [1, 2] | join(', ') }} from t",
        is_sql_alone=True,
    ),
    Construct(
        "struct_or_map",
        r"\b(?:struct|map|row)\s*\(|\bstruct_pack\b|\{",
        "select {'a': 1} from t",
        "select map_of_it, {{ [{'a': 1}] | length }} from t",
        is_sql_alone=True,
    ),
    Construct("lambda", r"->", "select list_transform(a, x -> x + 1) from t", "select a - b > 0 from t"),
    Construct("ilike", r"\bilike\b", "select a ilike 'b%' from t", "select a like 'b%' from t"),
    Construct("escape_text", r"(?<![\w'])e'", "select e'\\t'", "select 'e', type'"),
)

EXCEPTIONS = {
    ("dbt_project/macros/staging/clean_text.sql", "escape_text"): "In the form for DuckDB only, dispatched.",
}
"""Files in which a construct may stand, and why."""


def _files() -> list[str]:
    macros = [
        path
        for path in below("dbt_project/macros", ".sql")
        if not path.startswith("dbt_project/macros/engine/")
    ]
    others = [*below("dbt_project/tests", ".sql"), *below("dbt_project/snapshots", ".sql")]
    return [*below("models", ".sql"), *macros, *others]


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.name)
def test_models_do_without(construct: Construct) -> None:
    assert construct.is_in(construct.bad)
    assert not construct.is_in(construct.good)
    found = [path for path in _files() if construct.is_in(read(path))]
    assert [path for path in found if (path, construct.name) not in EXCEPTIONS] == []


def test_portability_exceptions_are_needed() -> None:
    by_name = {construct.name: construct for construct in CONSTRUCTS}
    assert [key for key in EXCEPTIONS if not by_name[key[1]].is_in(read(key[0]))] == []


def test_models_quote_no_identifier() -> None:
    """Outside Jinja a double quote begins an identifier on two engines and a text on the third."""
    assert '"' in without_jinja('select "a" from {{ ref("b") }}')
    assert '"' not in without_jinja('select a from {{ ref("b") }} -- "c"')
    assert [path for path in below("models", ".sql") if '"' in without_jinja(read(path))] == []


def test_engines_are_named_in_dispatched_macros_only() -> None:
    named = re.compile(
        r"\b(?:duckdb|spark|postgres|snowflake|databricks)__\w+|target\.type|adapter\.type\(\)"
    )
    found = [path for path in below("models", ".sql") if named.search(without_comments(read(path)))]
    assert found == []


LAST_LINE = re.compile(r"\nselect \* from (\w+)\n?\Z")
ONE_CALL = re.compile(
    r"\A\s*(?:{{ config\([^}]*\) }}\s*)?{{ (?:(?:no_rows|stage_table)\('\w+'\)|scorecard\([^}]*\)) }}\s*\Z"
)


@pytest.mark.parametrize("path", below("models", ".sql"), ids=name_of)
def test_model_ends_in_a_named_result(path: str) -> None:
    """The last CTE is the result, so that any CTE can be looked at by changing one word."""
    text = without_comments(read(path)).strip() + "\n"
    if ONE_CALL.match(text):
        return
    last = LAST_LINE.search(text)
    assert last, f"{path} does not end in `select * from <name>`"
    assert re.search(rf"\b{last[1]} as \(|{{{{ (?:judged|repeated_rows|differing_rows)\(", text), (
        f"{path} selects from {last[1]}, which is no CTE of its own"
    )
