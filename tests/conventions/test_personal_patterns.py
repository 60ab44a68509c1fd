"""What staging hides is what the audit would block: the same patterns, each written where its language is."""

import pytest

from expectations.claims import tables
from tests.conventions.tree import read

MACROS = "dbt_project/macros/staging/personal_words.sql"


@pytest.mark.parametrize(
    ("macro", "pattern"),
    [
        ("address_pattern", tables._EMAIL),
        ("telephone_pattern", tables._PHONE),
        ("grouped_telephone_pattern", tables._NATIONAL_PHONE),
    ],
)
def test_staging_hides_what_the_audit_blocks(macro: str, pattern: str) -> None:
    assert f"{{% macro {macro}() -%}}\n    '{pattern}'\n" in read(MACROS)


def test_staging_hides_query_strings_that_the_audit_blocks() -> None:
    assert f"    '{tables._QUERY_STRING}{{{{ rest }}}}'\n" in read(MACROS)
