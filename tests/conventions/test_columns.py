"""Declared columns are the real ones, both ways; marts are under contract and hold no personal data."""

import csv
import re
from collections import defaultdict

import pytest

from orchestration.policy.schema import CAMPAIGN_FIELDS
from orchestration.settings import PROJECT_ROOT
from tests.integration.compiled_world import CompiledWorld, Node
from tests.integration.harness import connect, fetch

pytestmark = pytest.mark.slow

PERSONAL = re.compile(
    r"(?:^|_)(?:e_?mail|phone|mobile|telephone|fax|first_name|last_name|full_name|contact_name|person_name|birth\w*"
    r"|ip_address|street|address|job_title|salary|gender|photo|linkedin\w*|url|query_string|raw_text)(?:$|_)"
)
PERSONAL_RAW = re.compile(
    r"^(?:email|phone|mobile|full_name|last_name|lead_last_name|lead_first_name|potential_name)$"
)


@pytest.fixture(scope="module")
def real(compiled_world: CompiledWorld) -> dict[str, dict[str, str]]:
    """Columns and types of every relation of the small warehouse."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in fetch(
        compiled_world.settings,
        "select table_schema, table_name, column_name, lower(data_type) as kind"
        " from information_schema.columns order by ordinal_position",
    ):
        found[f"{row['table_schema']}.{row['table_name']}"][row["column_name"]] = row["kind"]
    return found


def _models(world: CompiledWorld, *schemas: str) -> list[Node]:
    return [node for node in world.models if node["schema"] in schemas]


def _relation(node: Node) -> str:
    return f"{node['schema']}.{node['alias']}"


def test_declared_columns_are_the_real_ones(
    compiled_world: CompiledWorld, real: dict[str, dict[str, str]]
) -> None:
    found = {}
    for node in _models(compiled_world, "marts", "restricted", "staging"):
        declared, present = set(node["columns"]), set(real[_relation(node)])
        if declared != present:
            found[_relation(node)] = {
                "declared only": sorted(declared - present),
                "real only": sorted(present - declared),
            }
    assert found == {}


def test_columns_declared_of_intermediate_models_are_real(
    compiled_world: CompiledWorld, real: dict[str, dict[str, str]]
) -> None:
    found = {
        _relation(node): sorted(set(node["columns"]) - set(real[_relation(node)]))
        for node in _models(compiled_world, "intermediate")
    }
    assert {relation: columns for relation, columns in found.items() if columns} == {}


def test_every_mart_is_under_contract(compiled_world: CompiledWorld, real: dict[str, dict[str, str]]) -> None:
    """In the order and with the types that are declared; dbt then refuses to build anything else."""
    marts = _models(compiled_world, "marts")
    assert marts
    for node in marts:
        assert node["config"]["contract"]["enforced"], node["name"]
        declared = {column["name"]: column["data_type"] for column in node["columns"].values()}
        assert declared == real[_relation(node)], node["name"]


def test_every_system_stages_the_same_columns(
    compiled_world: CompiledWorld, real: dict[str, dict[str, str]]
) -> None:
    by_entity: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for node in _models(compiled_world, "staging"):
        if node["name"].startswith("stg_"):
            by_entity[node["name"].split("__")[1]][node["name"]] = real[_relation(node)]
    assert len(by_entity) == 7
    for entity, columns in by_entity.items():
        first = next(iter(columns.values()))
        assert {
            name for name, found in columns.items() if list(found.items()) != list(first.items())
        } == set(), entity


def test_seeds_are_declared_as_they_are_written(compiled_world: CompiledWorld) -> None:
    for node in compiled_world.manifest["nodes"].values():
        if node["resource_type"] == "seed":
            with (PROJECT_ROOT / node["original_file_path"]).open(encoding="utf-8", newline="") as lines:
                header = next(csv.reader(lines))
            assert list(node["config"]["column_types"]) == header, node["name"]
            assert list(node["columns"]) == header, node["name"]


def test_context_that_a_policy_can_require_is_published(
    compiled_world: CompiledWorld, real: dict[str, dict[str, str]]
) -> None:
    """A requirement is looked up by column name; one that no column has would never be missed."""
    assert set(CAMPAIGN_FIELDS) < set(real["marts.campaigns"])


def test_marts_have_no_personal_column(real: dict[str, dict[str, str]]) -> None:
    assert all(PERSONAL.search(name) for name in ("email", "work_phone", "job_title", "ip_address"))
    assert not any(PERSONAL.search(name) for name in ("campaign_name", "landing_page", "addressed_people"))
    found = [
        f"{relation}.{column}"
        for relation, columns in real.items()
        for column in columns
        if relation.startswith("marts.") and PERSONAL.search(column)
    ]
    assert found == []


def test_no_personal_value_reaches_a_mart(
    compiled_world: CompiledWorld, real: dict[str, dict[str, str]]
) -> None:
    """Every address, number and name of the raw tables is looked for in every text of every mart."""
    personal: set[str] = set()
    published: dict[str, set[str]] = defaultdict(set)
    with connect(compiled_world.settings, read_only=True) as database:
        for relation, columns in real.items():
            schema = relation.split(".")[0]
            for column, kind in columns.items():
                if kind != "varchar" or not (schema.startswith("raw_") or schema == "marts"):
                    continue
                values = {
                    row[0].strip().lower()
                    for row in database.execute(f'select distinct "{column}" from {relation}').fetchall()
                    if row[0]
                }
                if schema == "marts":
                    published[f"{relation}.{column}"] |= values
                elif PERSONAL_RAW.match(column):
                    personal |= values
    assert len(personal) > 50
    found = {place: sorted(values & personal) for place, values in published.items() if values & personal}
    assert found == {}
    addressed = {place for place, values in published.items() for value in values if "@" in value}
    assert addressed == set()
