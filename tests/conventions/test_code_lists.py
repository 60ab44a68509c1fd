"""A list of codes that no policy can widen is written where it is used; all of them say the same."""

import csv
import re

from expectations.suites import ACCEPTED
from tests.conventions.tree import read


def _in_staging(column: str) -> list[str]:
    """The codes that staging accepts for a column, out of the macro's text."""
    found = re.findall(rf"'{column}': \[(.*?)\]", read("dbt_project/macros/staging/conform.sql"), re.DOTALL)
    assert len(found) == 1, column
    return re.findall(r"'(\w+)'", found[0])


def test_acquisition_sources_are_the_same_in_policy_staging_and_audit() -> None:
    vocabulary = csv.DictReader(read("seeds/vocabulary.csv").splitlines())
    agreed = [row["code"] for row in vocabulary if row["column_name"] == "acquisition_source"]
    assert agreed
    assert _in_staging("acquisition_source") == agreed
    assert list(ACCEPTED["people"]["acquisition_source"]) == agreed


def test_relevance_is_the_same_in_staging_and_audit() -> None:
    assert _in_staging("response_relevance") == list(ACCEPTED["touches"]["response_relevance"])
