"""Parquet keeps its types, JSON lines keep nested values as text."""

import gzip

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.errors import LeadproofError
from orchestration.landing import readers


@pytest.fixture
def parquet(world, tmp_path):
    def drop(name, select, folder="crm/leads"):
        path = tmp_path / "made.parquet"
        duckdb.sql(f"copy ({select}) to '{path}' (format parquet)")
        world.drop(f"{folder}/{name}", path.read_bytes())

    return drop


def test_parquet_types_are_kept(world, parquet):
    parquet(
        "dt=2026-01-01/a.parquet",
        "select 1::integer as id, 1.5::double as amount, true as flag, [1, 2] as list, {'a': 1} as pair,"
        " timestamptz '2026-01-01 02:00:00+02' as moment, date '2026-01-01' as day",
    )
    world.load()
    assert world.columns() == {
        "id": "INTEGER",
        "amount": "DOUBLE",
        "flag": "BOOLEAN",
        "list": "INTEGER[]",
        "pair": "VARCHAR",
        "moment": "TIMESTAMP",
        "day": "DATE",
    }
    assert world.query("select moment::varchar, _source_row from raw_crm.leads") == [
        ("2026-01-01 00:00:00", 1)
    ]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("1::integer", "5000000000::bigint", "BIGINT"),
        ("5000000000::bigint", "1::integer", "BIGINT"),
        ("date '2026-01-01'", "timestamp '2026-01-02 03:00:00'", "TIMESTAMP"),
        ("1::integer", "'x'", "VARCHAR"),
        ("'x'", "1.5::double", "VARCHAR"),
        ("map {'a': 1}", "'x'", "VARCHAR"),
        ("1::bigint", "1.5::double", "VARCHAR"),
    ],
)
def test_types_that_clash_are_widened(world, parquet, first, second, kept):
    parquet("1.parquet", f"select {first} as value")
    world.load()
    parquet("2.parquet", f"select {second} as value")
    report = world.load()
    assert world.columns() == {"value": kept}
    assert world.query("select count(*), count(value) from raw_crm.leads") == [(2, 2)]
    assert [note.kind for note in report.drift] == ["type_change"]
    parquet("3.parquet", f"select {second} as value, 1 as more")
    assert [note.kind for note in world.load().drift] == ["new_column"]


def test_nested_value_becomes_json_when_widened(world, parquet):
    parquet("1.parquet", "select map {'a': [1]} as value")
    world.load()
    world.drop("crm/leads/2.csv", "value\nx\n")
    world.load()
    assert world.query("select value from raw_crm.leads order by 1 desc") == [('{"a":[1]}',), ("x",)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{'ann@firm.example': 1, 'b': null}", '{"ann@firm.example":1,"b":null}'),
        ("[{'ann@firm.example': [true]}]", '[{"ann@firm.example":[true]}]'),
        ("map {'x': {'ann@firm.example': 1.5}}", '{"x":{"ann@firm.example":1.5}}'),
    ],
)
def test_no_data_decides_the_names_within_a_type(world, parquet, value, text):
    parquet("1.parquet", f"select 1 as id, {value} as value union all select 2, null")
    world.load()
    assert world.columns() == {"id": "INTEGER", "value": "VARCHAR"}
    assert world.query("select value from raw_crm.leads order by id") == [(text,), (None,)]
    assert world.query("select distinct data_type from landing.columns where column_name = 'value'") == [
        ("VARCHAR",)
    ]


def test_compressed_parquet_and_provenance_column_names(world, parquet, tmp_path):
    duckdb.sql(f"copy (select 7 as file_row_number, 8 as _load_id) to '{tmp_path / 'p.parquet'}'")
    world.drop("crm/leads/p.parquet.gz", gzip.compress((tmp_path / "p.parquet").read_bytes()))
    report = world.load()
    assert report.rows == 1, report.notes
    assert world.query("select file_row_number, load_id, _load_id from raw_crm.leads") == [(7, 8, 1)]


def test_truncated_parquet_is_refused(world, tmp_path):
    path = tmp_path / "made.parquet"
    duckdb.sql(f"copy (select range as id, md5(range::varchar) as x from range(5000)) to '{path}'")
    content = path.read_bytes()
    world.drop("crm/leads/cut.parquet", content[: len(content) // 2])
    world.drop("crm/leads/holed.parquet", content[:2_000] + bytes(20_000) + content[22_000:])
    report = world.load()
    assert report.rows == 0
    assert report.tables[0].refused == 2


def test_json_lines(world):
    world.drop(
        "crm/leads/a.jsonl",
        b'{"id": 1, "Full Name": "\xc3\xab\xc3\xab", "tags": ["x", {"y": null}], "ok": true, "a/b~c": 1.5}\n'
        b"\n"
        b'{"id": "2", "extra": null, "big": 123456789012345678901234567890}\n'
        b"[1, 2]\n"
        b'{"id": 3\n'
        b"\xff\n"
        b'{"id": "4", "quote": "say \\"hi\\", ok"}',
    )
    world.load()
    assert world.query(
        "select id, full_name, tags, ok, a_b_c, extra, big, quote, _source_row from raw_crm.leads order by id"
    ) == [
        ("1", "ëë", '["x",{"y":null}]', "true", "1.5", None, None, None, 1),
        ("2", None, None, None, None, None, "123456789012345678901234567890", None, 3),
        ("4", None, None, None, None, None, None, 'say "hi", ok', 7),
    ]
    assert [(line, error) for line, error, _ in world.rejects()] == [
        (4, "it is JSON, but no object"),
        (5, "it is no valid JSON"),
        (6, "it is no valid UTF-8"),
    ]
    assert set(world.columns().values()) == {"VARCHAR"}


def test_parquet_columns_that_differ_in_case_keep_their_names(lead_world, tmp_path):
    made = tmp_path / "made.parquet"
    nested = pa.array([{"ID": 1, "parts": [{"id": 2}]}])
    table = pa.table([nested, pa.array(["shouted"]), pa.array(["7"])], names=["Whole", "ID", "id"])
    pq.write_table(table, made)
    lead_world.drop("crm/leads/a.parquet", made.read_bytes())
    lead_world.load()
    assert list(lead_world.columns()) == ["whole", "id_2", "id"]
    assert lead_world.query("select id, id_2 from raw_crm.leads") == [("7", "shouted")]


@pytest.mark.parametrize("twice", ['{"a": "1", "a": "2", "c": "3"}', '{"b": {}, "b": {}}'])
def test_json_line_that_names_a_key_twice_is_set_aside(world, twice):
    lines = ['{"a": "first"}', twice, '{"x": {"k": 1, "k": 2}, "A": "4"}']
    world.drop("crm/leads/a.jsonl", "\n".join(lines) + "\n")
    world.load()
    assert world.rejects() == [(2, "it names a key twice", twice)]
    assert world.query("select a, x, a_2, _source_row from raw_crm.leads order by all") == [
        ("first", None, None, 1),
        (None, '{"k":1,"k":2}', "4", 3),
    ]
    assert list(world.columns()) == ["a", "x", "a_2"], "a line that is set aside names no column"


def test_json_lines_of_empty_objects(world):
    world.drop("crm/leads/a.jsonl", "{}\n{}\n")
    assert world.load().rows == 2
    world.drop("crm/leads/b.jsonl", '{"id": 1}\n')
    world.load()
    assert world.query("select count(*), count(id) from raw_crm.leads") == [(3, 1)]


def test_memory_that_ends_within_a_file_is_told_as_that(world, parquet, monkeypatch):
    """The failed transaction can set nothing back; that must not stand in the place of what failed."""

    def out_of_memory(job, *arguments):
        try:
            job.connection.execute("select error('within the transaction')")
        except duckdb.Error:
            raise duckdb.OutOfMemoryException("Out of Memory Error: no more") from None

    parquet("a.parquet", "select 1 as id")
    with monkeypatch.context() as patch:
        patch.setattr(readers, "_insert", out_of_memory)
        with pytest.raises(LeadproofError, match="ran out of memory"):
            world.load()
    world.load()
    assert world.query("select id from raw_crm.leads") == [(1,)]


def test_text_after_a_typed_file_keeps_the_order_of_its_lines(world, parquet, monkeypatch):
    asked = []
    read_csv = readers.read_csv

    def noting(job, text):
        asked.append(
            job.connection.execute("select current_setting('preserve_insertion_order')").fetchone()[0]
        )
        return read_csv(job, text)

    monkeypatch.setattr(readers, "read_csv", noting)
    parquet("a.parquet", "select 1 as id")
    world.drop("crm/leads/b.csv", "id\n2\n")
    world.load()
    assert asked == [True]
