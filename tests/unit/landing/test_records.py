"""The independent count: every physical line of a file is in a record, set aside, or blank."""

import csv
import io
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.landing import records
from orchestration.landing.readers import csv_source, plain_header
from orchestration.landing.records import CleanCopy, Layout, LineMap, RecordScan

CONNECTION = duckdb.connect(config={"threads": 1})
Read = tuple[list[tuple[int, tuple[str | None, ...]]], list[tuple[int, str, bytes]], bool]


def read(folder: Path, body: bytes, columns: int = 2, **layout: object) -> Read:
    """Scan a body (its first line is line 1) and let DuckDB read what was accepted."""
    described = Layout(delimiter=b",", columns=columns, **layout)  # type: ignore[arg-type]
    header = plain_header(described)
    source = folder / "source.csv"
    source.write_bytes(header + body)
    rejects: list[tuple[int, str, bytes]] = []
    copy = CleanCopy(source, folder / "copy.csv", len(header), header)
    scan = RecordScan(described, 1, copy, lambda line, error, raw: rejects.append((line, error, raw)))
    scan.run(source, len(header))
    rows = CONNECTION.execute(f"select * from {csv_source(copy.path or source, described)}").fetchall()
    lines = scan.lines.lines().tolist()
    assert len(lines) == len(rows) == scan.lines.records
    assert scan.rejects == len(rejects)
    return list(zip(lines, rows, strict=True)), rejects, copy.path is not None


def test_regular_file_is_read_as_it_is(tmp_path):
    rows, rejects, is_copied = read(tmp_path, b'1,a\n2,"b, ""c"""\n\n3,"d\ne"\n4,f')
    assert rows == [(1, ("1", "a")), (2, ("2", 'b, "c"')), (4, ("3", "d\ne")), (6, ("4", "f"))]
    assert rejects == []
    assert not is_copied


def test_crlf_file_is_read_as_it_is(tmp_path):
    rows, rejects, is_copied = read(tmp_path, b'1,a\r\n2,"b\r\nc"\r\n3,d\r\n', terminator=b"\r\n")
    assert rows == [(1, ("1", "a")), (2, ("2", "b\r\nc")), (4, ("3", "d"))]
    assert (rejects, is_copied) == ([], False)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"2", "2 values were expected, 1 were found"),
        (b"2,b,c", "2 values were expected, 3 were found"),
        (b'2,"b"c', "text follows a closing quote"),
        (b"2,b\0c", "a NUL byte stands in it"),
        (b"2,b\rc", "a carriage return stands outside quotes"),
        (b'2,"b', "a quoted value is not closed"),
    ],
)
def test_broken_line_is_set_aside_alone(tmp_path, line, error):
    rows, rejects, _ = read(tmp_path, b"1,a\n" + line + b'\n3,"c"\n4,d\n')
    assert rows == [(1, ("1", "a")), (3, ("3", "c")), (4, ("4", "d"))]
    assert rejects == [(2, error, line)]


def test_unterminated_quote_swallows_no_good_line(tmp_path):
    body = b'1,a\n2,"open\n3,c\n4,"d"\n5,e\n6,"open again\n7,g\n'
    rows, rejects, _ = read(tmp_path, body)
    assert [line for line, _ in rows] == [1, 3, 4, 5, 7]
    assert [line for line, *_ in rejects] == [2, 6]


def test_unterminated_quote_before_empty_quoted_values(tmp_path):
    rows, rejects, _ = read(tmp_path, b'1,"open\n2,""\n3,""\n')
    assert rows == [(2, ("2", None)), (3, ("3", None))]
    assert [line for line, *_ in rejects] == [1]


def test_unterminated_quote_far_from_the_end_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 2_000)
    monkeypatch.setattr(records, "BLOCK_BYTES", 500)
    body = b'0,"open\n' + b"".join(b"%d,x\n" % number for number in range(1, 3_000))
    rows, rejects, _ = read(tmp_path, body)
    assert [line for line, _ in rows] == list(range(2, 3_001))
    assert rejects == [(1, "a quoted value is not closed", b'0,"open')]


def test_overlong_line_is_set_aside_without_being_held(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 1_000)
    monkeypatch.setattr(records, "BLOCK_BYTES", 300)
    rows, rejects, _ = read(tmp_path, b"1,a\n2," + b"x" * 5_000 + b"\n3,c\n")
    assert rows == [(1, ("1", "a")), (3, ("3", "c"))]
    assert [(line, error) for line, error, _ in rejects] == [(2, "it is longer than 1,000 bytes")]


def test_quotes_inside_plain_values_and_blanks_around_quotes_are_forgiven(tmp_path):
    rows, rejects, _ = read(tmp_path, b'5" pipe,a\n "b, c" ,d\n')
    assert rows == [(1, ('5" pipe', "a")), (2, ("b, c", "d"))]
    assert rejects == []


def test_a_quote_inside_a_plain_value_hides_no_delimiter(tmp_path):
    rows, rejects, _ = read(tmp_path, b'a"b,c",d\n1,2\n')
    assert rows == [(2, ("1", "2"))]
    assert rejects == [(1, "2 values were expected, 3 were found", b'a"b,c",d')]


def test_line_ends_may_differ(tmp_path):
    rows, rejects, _ = read(tmp_path, b"1,a\n2,b\r\n3,c\n4,d\r")
    assert rows == [(1, ("1", "a")), (2, ("2", "b")), (3, ("3", "c")), (4, ("4", "d"))]
    assert rejects == []


def test_invalid_text_is_set_aside(tmp_path):
    rows, rejects, _ = read(tmp_path, "1,ä\n".encode() + b"2,\xe4\n3,c\n", has_bad_text=True)
    assert rows == [(1, ("1", "ä")), (3, ("3", "c"))]
    assert rejects == [(2, "it is no valid UTF-8", b"2,\xe4")]


def test_blank_lines_of_one_column_are_no_rows(tmp_path):
    rows, rejects, _ = read(tmp_path, b'a\n\nb\n\n""\n', columns=1)
    assert rows == [(1, ("a",)), (3, ("b",)), (5, (None,))]
    assert rejects == []


def test_line_map_keeps_only_the_changes():
    lines = LineMap()
    for first in (2, 5, 8):
        lines.append(records.np.array([first, first + 1]))
    assert lines.lines().tolist() == [2, 3, 5, 6, 8, 9]
    assert lines.constant_distance is None


_VALUES = st.text(alphabet='ab,"\n é', max_size=6)
_WILD_VALUES = st.text(alphabet='ab,"\n\r é', max_size=6)


def rows_of(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str, str]]]:
    return st.lists(st.tuples(values, values, values), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    # A writer that quotes only where it must leaves some carriage returns bare.
    written=st.tuples(st.just(csv.QUOTE_MINIMAL), rows_of(_VALUES))
    | st.tuples(st.just(csv.QUOTE_ALL), rows_of(_WILD_VALUES)),
    terminator=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(5, 80),
)
def test_what_a_csv_writer_wrote_comes_back(tmp_path, monkeypatch, written, terminator, block):
    monkeypatch.setattr(records, "BLOCK_BYTES", block)
    quoting, rows = written
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=terminator, quoting=quoting).writerows(rows)
    body = text.getvalue().encode()
    found, rejects, _ = read(tmp_path, body, columns=3, terminator=terminator.encode())
    assert rejects == []
    assert [values for _, values in found] == [tuple(value or None for value in row) for row in rows]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.lists(st.sampled_from([b"a", b"1", b",", b'"', b"\n", b"\n", b"\r\n", b"\r", b" ", b"\0"])).map(
        b"".join
    ),
    columns=st.integers(1, 3),
    terminator=st.sampled_from([b"\n", b"\r\n"]),
    block=st.integers(3, 60),
)
def test_no_line_is_lost_or_counted_twice(tmp_path, monkeypatch, body, columns, terminator, block):
    monkeypatch.setattr(records, "BLOCK_BYTES", block)
    found, rejects, _ = read(tmp_path, body, columns=columns, terminator=terminator)
    covered = [line for line, *_ in rejects]
    for line, values in found:
        spanned = sum(value.count("\n") for value in values if value)
        covered += range(line, line + spanned + 1)
    assert len(covered) == len(set(covered))
    lines = body.split(b"\n")
    left = set(range(1, len(lines) + 1)) - set(covered)
    assert all(lines[line - 1].rstrip(b"\r") == b"" for line in left)
