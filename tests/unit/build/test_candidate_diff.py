"""What people open in a spreadsheet shows what a source wrote, and runs none of it."""

import duckdb
import pytest

from orchestration.candidate_diff import for_spreadsheets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("touch t1 (outbound, Spring mail)", "touch t1 (outbound, Spring mail)"),
        (
            "route score at score -2.5; was blocked by opt_out",
            "route score at score -2.5; was blocked by opt_out",
        ),
        ("=1+1", "'=1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("touch t1 (a;=WEBSERVICE(1))", "touch t1 (a;'=WEBSERVICE(1))"),
        ('a; "=1', "a; \"'=1"),
        ("a, +1", "a, '+1"),
        ("\uff1d1", "'\uff1d1"),
        ("a\t=1\r\n=2\x1b[2J\u202e\u2028b", "a =1 =2 [2J b"),
        (None, None),
    ],
)
def test_text_begins_no_formula_and_is_one_line(text: str | None, shown: str | None) -> None:
    with duckdb.connect() as connection:
        found = connection.execute(f"select {for_spreadsheets('told')} from (values (?)) as v (told)", [text])
        assert found.fetchone() == (shown,)
