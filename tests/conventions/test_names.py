"""Names say what a thing is: who knows the rule finds the file, and who sees the name knows the rule."""

import ast
import re
from collections import Counter
from pathlib import Path

import yaml

from tests.conventions.tree import below, name_of, read, tracked

_WORD = r"[a-z][a-z0-9]*"
_WORDS = rf"{_WORD}(?:_{_WORD})*"
ENTITIES = ("contacts", "companies", "touches", "campaigns", "campaign_spend", "handoffs", "deals")

INTERMEDIATE = {
    "int_policy_periods": "Its rows are periods in which no policy changes: nothing is done to an entity.",
}
"""Intermediate models whose name does not end in a past participle, and why."""

_IRREGULAR = (
    "known",
    "held",
    "found",
    "kept",
    "built",
    "split",
    "cut",
    "set",
    "told",
    "drawn",
    "made",
    "sent",
    "withdrawn",
)


def _breaking(paths: list[str], pattern: str, exceptions: tuple[str, ...] = ()) -> list[str]:
    return [
        path for path in paths if name_of(path) not in exceptions and not re.fullmatch(pattern, name_of(path))
    ]


# -- dbt ---------------------------------------------------------------------------------------------


def test_staging_models_are_named_by_system_and_entity() -> None:
    for path in below("models/staging", ".sql"):
        system = Path(path).parent.name
        assert Path(path).parent.parent.as_posix() == "models/staging", path
        entity = "|".join(ENTITIES)
        assert re.fullmatch(rf"stg_{system}__({entity})|base_{system}__{_WORDS}", name_of(path)), path


def test_every_system_stages_every_entity() -> None:
    paths = below("models/staging", ".sql")
    for system in {Path(path).parent.name for path in paths}:
        staged = {f"models/staging/{system}/stg_{system}__{entity}.sql" for entity in ENTITIES}
        assert staged <= set(paths), system


def test_intermediate_models_end_in_a_past_participle() -> None:
    irregular = "|".join(_IRREGULAR)
    pattern = rf"int_{_WORDS}_(?:{_WORD}ed|{irregular})"
    assert _breaking(below("models/intermediate", ".sql"), pattern, tuple(INTERMEDIATE)) == []
    names = {name_of(path) for path in below("models/intermediate", ".sql")}
    assert {name for name in INTERMEDIATE if re.fullmatch(pattern, name) or name not in names} == set()


def test_marts_are_plain_nouns() -> None:
    """A mart is named for what it is: a plural noun, or a measure by its grain, never for how it is made."""
    paths = [*below("models/marts", ".sql"), *below("models/restricted", ".sql")]
    assert paths
    assert _breaking(paths, rf"(?!(?:int|stg|base|fct|dim|mart|tmp|rpt)_){_WORDS}") == []


def test_dbt_tests_say_what_they_claim() -> None:
    assert below("dbt_project/tests/generic", ".sql")
    assert _breaking(below("dbt_project/tests/generic", ".sql"), rf"(?:is|has)_{_WORDS}") == []
    assert _breaking(below("dbt_project/tests/singular", ".sql"), rf"assert_{_WORDS}") == []


def test_generic_tests_are_named_like_their_files() -> None:
    for path in below("dbt_project/tests/generic", ".sql"):
        assert re.findall(r"{%-?\s*test\s+(\w+)", read(path)) == [name_of(path)], path


def test_unit_tests_are_named_by_model_and_behaviour() -> None:
    models = {name_of(path) for path in below("models", ".sql")}
    named = []
    for path in below("models", "__unit_tests.yml"):
        for test in yaml.safe_load(read(path))["unit_tests"]:
            assert test["model"] in models, test["name"]
            assert re.fullmatch(rf"unit_{test['model']}__{_WORDS}", test["name"]), test["name"]
            named.append(test["name"])
    assert named
    assert [name for name, times in Counter(named).items() if times > 1] == []


def test_yml_beside_models_is_named_for_what_it_describes() -> None:
    pattern = rf"_{_WORDS}__(?:models|sources|unit_tests|exposures|metrics)"
    assert _breaking(below("models", ".yml"), pattern) == []


def test_seeds_are_plain_nouns() -> None:
    assert below("seeds", ".csv")
    assert _breaking(below("seeds", ".csv"), _WORDS) == []


# -- Python ------------------------------------------------------------------------------------------


def _classes(path: str) -> list[ast.ClassDef]:
    return [node for node in ast.walk(ast.parse(read(path))) if isinstance(node, ast.ClassDef)]


def test_expectation_classes_claim_something() -> None:
    """What is applied to a table is called `Expect<Claim>`; what it builds on is private or in base."""
    for path in below("expectations/claims", ".py"):
        if name_of(path) == "base":
            continue
        for found in _classes(path):
            assert re.fullmatch(r"Expect[A-Z]\w+|_[A-Z]\w+", found.name), f"{path}: {found.name}"


def test_jobs_schedules_and_sensors_carry_their_kind() -> None:
    decorated = re.compile(r"@dg\.(job|schedule|sensor)\b")
    suffixes = {"job": "_job", "schedule": "_schedule", "sensor": "_sensor"}
    kinds = {
        "define_asset_job": "_job",
        "ScheduleDefinition": "_schedule",
        "SensorDefinition": "_sensor",
    }
    found = 0
    for path in below("orchestration", ".py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    match = decorated.match(f"@{ast.unparse(decorator)}")
                    if match:
                        found += 1
                        assert node.name.endswith(suffixes[match[1]]), f"{path}: {node.name}"
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                called = ast.unparse(node.func).split(".")[-1]
                named = _named(node)
                if called in kinds and named:
                    found += 1
                    assert named.endswith(kinds[called]), f"{path}: {named}"
    assert found


def _named(call: ast.Call) -> str | None:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "name"] or call.args[:1]
    first = given[0] if given else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def test_test_files_and_functions_are_named_by_subject_and_behaviour() -> None:
    paths = [path for path in below("tests", ".py") if name_of(path).startswith("test_")]
    for path in paths:
        assert re.fullmatch(rf"test_{_WORDS}", name_of(path)), path
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                assert re.fullmatch(rf"test_{_WORD}(?:_{_WORD})+", node.name), f"{path}: {node.name}"


def test_test_files_have_names_of_their_own() -> None:
    """Two files of one name cannot be collected by one run: the second would be taken for the first."""
    names = Counter(name_of(path) for path in below("tests", ".py") if name_of(path).startswith("test_"))
    assert [name for name, times in names.items() if times > 1] == []


def test_test_files_lie_in_a_room_for_tests() -> None:
    rooms = ("unit", "integration", "conventions", "properties", "proof")
    for path in below("tests", ".py"):
        parts = Path(path).parts
        assert parts[1] in (*rooms, "fixtures", "reference", "conftest.py"), path
        assert name_of(path).startswith("test_") <= (parts[1] in rooms), path
    assert [path for path in tracked() if name_of(path).startswith("test_") and path[:6] != "tests/"] == []
