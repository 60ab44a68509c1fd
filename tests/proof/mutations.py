r"""Files as sources deliver them and as they break: bytes drawn from a seed, and what may become of them.

Each row of a file carries a mark, ``mk`` and eight hex digits, that stands nowhere else. So whatever a reader
makes of the bytes, it can be asked where each mark has gone. How files are loaded and counted belongs to
``files``.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

TableKey = tuple[str, str]
Columns = Mapping[TableKey, Sequence[str]]
Rows = list[list[str]]

GOOD_TABLES = (("leadproof", "contacts"), ("leadproof", "touches"), ("leadproof", "companies"))
"""Tables of which good files are written too: appended to, so that nothing later replaces their rows."""


@dataclass(frozen=True)
class Dropped:
    """A file to drop.

    Args:
        path: Path relative to the landing folder.
        content: Its bytes.
        kind: What was done to it; ``good`` if nothing.
        may_be_refused: Whether the loader may refuse the file as a whole, with a reason.
        encoding: The encoding of a text file's bytes.
        is_bent: Whether bytes were changed blindly, so that nothing is sure but that marks are kept.
    """

    path: str
    content: bytes
    kind: str
    may_be_refused: bool = False
    encoding: str = "utf-8"
    is_bent: bool = False


@dataclass
class _Draft:
    """A file in the making: names, rows and the source of randomness."""

    rng: Random
    names: list[str]
    rows: Rows

    def place(self) -> tuple[list[str], int]:
        """A random row, and a random value of it that is not its mark."""
        row = self.rng.choice(self.rows)
        return row, self.rng.randrange(1, len(row)) if len(row) > 1 else 0

    def written(self, delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
        """The file as a CSV writer writes it."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
        writer.writerow(self.names)
        writer.writerows(self.rows)
        return out.getvalue()

    def lines(self) -> list[str]:
        """The lines of the file, the header first."""
        return self.written().removesuffix("\n").split("\n")

    def objects(self) -> list[dict[str, object]]:
        """The rows as JSON objects."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


def draw_files(columns: Columns, seed: int, number: int, batch: int) -> list[Dropped]:
    """Draw files, about every seventh of them good.

    Args:
        columns: Column names of every table for which files come; the first is the id.
        seed: The same seed gives the same files.
        number: How many.
        batch: Number of the batch; stands in the paths, so that no batch replaces files of another.
    """
    rng = Random(f"{seed} {batch}")
    files = []
    for position in range(number):
        stem = f"b{batch:04}_{position:03}"
        if position % 7 == 0:
            files.append(_good(rng, columns, stem))
            continue
        system, table = rng.choice(sorted(columns))
        draft = _draft(rng, (system, table), columns[system, table])
        kind, mutate = rng.choice(MUTATIONS)
        ending, content, more = mutate(draft)
        files.append(Dropped(f"{system}/{table}/{stem}.{ending}", content, kind, **more))
    return files


def _good(rng: Random, columns: Columns, stem: str) -> Dropped:
    key = rng.choice(GOOD_TABLES)
    draft = _draft(rng, key, columns[key])
    text = draft.written(
        rng.choice(",;\t|"), rng.choice(["\n", "\r\n"]), rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    )
    way = rng.randrange(4)
    path = f"{key[0]}/{key[1]}/{stem}"
    if way == 0:
        return Dropped(f"{path}.csv.gz", gzip.compress(text.encode(), mtime=0), "good")
    if way == 1:
        lines = "".join(json.dumps(each) + "\n" for each in draft.objects())
        return Dropped(f"{path}.jsonl", lines.encode(), "good")
    if way == 2:
        return Dropped(f"{path}.parquet", _parquet(pa.Table.from_pylist(draft.objects())), "good")
    return Dropped(f"{path}.csv", text.encode(), "good")


def _draft(rng: Random, key: TableKey, names: Sequence[str]) -> _Draft:
    return _Draft(rng, list(names), [_row(rng, key, names) for _ in range(rng.randint(1, 12))])


def _row(rng: Random, key: TableKey, names: Sequence[str]) -> list[str]:
    mark = f"mk{rng.getrandbits(32):08x}"
    moment = f"2026-0{rng.randint(1, 5)}-{rng.randint(10, 28)} {rng.randint(10, 23)}:15:00"
    known = {
        names[0]: mark,
        "email": f"{mark}@example.com" if key != ("leadproof", "touches") else "",
        "source_contact_id": mark,
        "created_at": moment,
        "updated_at": moment,
        "occurred_at": moment,
        "channel": "website",
        "touch_type": "page_visit",
        "anonymous_id": mark,
        "employee_count": str(rng.randint(10, 900)),
    }
    if key[0] != "leadproof":
        words = ["Zoë", "b; c", 'say "hi"', "12", "", "2024-01-02", "Web Research"]
        return [known.get(name) or rng.choice(words) for name in names]
    return [known.get(name, "") for name in names]


# -- what is done to files ------------------------------------------------------------------------

More = dict[str, object]
Mutated = tuple[str, bytes, More]
_REFUSABLE: More = {"may_be_refused": True}


def _text(draft_text: str) -> Mutated:
    return "csv", draft_text.encode(), {}


def _encoded(encoding: str, mark: bytes = b"") -> Callable[[_Draft], Mutated]:
    def mutate(draft: _Draft) -> Mutated:
        text = draft.written().replace("Zoë", draft.rng.choice(["Zoë", "Ünal", "Málaga"]))
        return "csv", mark + text.encode(encoding), {"encoding": encoding}

    return mutate


def _foreign(encoding: str) -> Callable[[_Draft], Mutated]:
    def mutate(draft: _Draft) -> Mutated:
        row, place = draft.place()
        row[place] = "Привет мир"
        return "csv", draft.written().encode(encoding, "replace"), {"encoding": encoding, **_REFUSABLE}

    return mutate


def _ragged(draft: _Draft) -> Mutated:
    for _ in range(draft.rng.randint(1, 3)):
        row = draft.rng.choice(draft.rows)
        if draft.rng.random() < 0.5 and len(row) > 2:
            del row[draft.rng.randrange(1, len(row))]
        else:
            row.insert(draft.rng.randrange(1, len(row) + 1), "one more")
    return _text(draft.written())


def _cut(draft: _Draft) -> Mutated:
    content = draft.written().encode()
    begin = content.index(b"\n") + 1
    return "csv", content[: draft.rng.randint(begin, len(content))], {}


def _cut_anywhere(draft: _Draft) -> Mutated:
    content = draft.written().encode()
    return "csv", content[: draft.rng.randint(1, len(content))], _REFUSABLE


def _open_quote(draft: _Draft) -> Mutated:
    lines = draft.lines()
    for _ in range(draft.rng.randint(1, 2)):
        line = draft.rng.randrange(1, len(lines))
        values = lines[line].split(",")
        place = draft.rng.randrange(1, len(values)) if len(values) > 1 else 0
        values[place] = draft.rng.choice(['"open', '"', '"a"b', '"open""', ' "x" y'])
        lines[line] = ",".join(values)
    return _text("\n".join(lines) + draft.rng.choice(["", "\n"]))


def _nul(draft: _Draft) -> Mutated:
    content = bytearray(draft.written().encode())
    begin = content.index(b"\n") + 1
    for _ in range(draft.rng.randint(1, 3)):
        content.insert(draft.rng.randrange(begin, len(content) + 1), 0)
    return "csv", bytes(content), {"is_bent": True}


def _bad_bytes(draft: _Draft) -> Mutated:
    content = bytearray(draft.written().encode())
    begin = content.index(b"\n") + 1
    for _ in range(draft.rng.randint(1, 4)):
        content.insert(
            draft.rng.randrange(begin, len(content) + 1), draft.rng.choice([0xFF, 0xC3, 0x80, 0xED])
        )
    return "csv", bytes(content), {"is_bent": True, **_REFUSABLE}


def _bent(draft: _Draft) -> Mutated:
    content = bytearray(draft.written().encode())
    for _ in range(draft.rng.randint(1, 8)):
        content[draft.rng.randrange(len(content))] = draft.rng.randrange(256)
    return "csv", bytes(content), {"is_bent": True, **_REFUSABLE}


def _header(change: Callable[[_Draft], None], *, is_refusable: bool = False) -> Callable[[_Draft], Mutated]:
    def mutate(draft: _Draft) -> Mutated:
        change(draft)
        return "csv", draft.written().encode(), _REFUSABLE if is_refusable else {}

    return mutate


def _duplicate(draft: _Draft) -> None:
    draft.names[-1] = draft.rng.choice([draft.names[0], draft.names[0].upper()])


def _rename(draft: _Draft) -> None:
    draft.names[draft.rng.randrange(len(draft.names))] = draft.rng.choice(
        ["", "renamed", "Größe", "select", 'a"b', "x;y", "_load_id", "a" * 300]
    )


def _reorder(draft: _Draft) -> None:
    order = draft.rng.sample(range(len(draft.names)), len(draft.names))
    draft.names[:] = [draft.names[place] for place in order]
    draft.rows[:] = [[row[place] for place in order] for row in draft.rows]


def _no_header(draft: _Draft) -> Mutated:
    return "csv", "\n".join(draft.lines()[1:]).encode(), {**_REFUSABLE, "is_bent": True}


def _lines_in_values(draft: _Draft) -> Mutated:
    for _ in range(draft.rng.randint(1, 3)):
        row, place = draft.place()
        row[place] = draft.rng.choice(["a\nb", "a\r\nb", "a\n\nb", '"\n"', "\n"])
    return _text(draft.written(end=draft.rng.choice(["\n", "\r\n"])))


def _signs_in_values(draft: _Draft) -> Mutated:
    row, place = draft.place()
    row[place] = draft.rng.choice(
        ["a\u2028b", "a\x85b", "a\x0bb", "a\x0cb", "a\x1cb", "\ufeffa", "🙂", "a\tb", "'", "\\"]
    )
    return _text(draft.written())


def _huge(draft: _Draft) -> Mutated:
    row, place = draft.place()
    row[place] = "x" * draft.rng.choice([70_000, 1_200_000, 2_500_000])
    return _text(draft.written())


def _wrong_types(draft: _Draft) -> Mutated:
    for row in draft.rows:
        place = draft.rng.randrange(1, len(row)) if len(row) > 1 else 0
        row[place] = (
            row[place]
            if place == 0
            else draft.rng.choice(["31.02.2026", "NaN", "1e999", "ja", "-", "null", "9" * 40])
        )
    return _text(draft.written())


def _blank_lines(draft: _Draft) -> Mutated:
    lines = draft.lines()
    for _ in range(draft.rng.randint(1, 4)):
        lines.insert(draft.rng.randrange(len(lines) + 1), draft.rng.choice(["", "", "\r"]))
    return _text("\n".join(lines) + draft.rng.choice(["", "\n", "\n\n\n"]))


def _mixed_ends(draft: _Draft) -> Mutated:
    return _text("".join(line + draft.rng.choice(["\n", "\r\n"]) for line in draft.lines()))


def _stray_returns(draft: _Draft) -> Mutated:
    """Lines that end in any way, also in two ways at once; a reader may take several for one."""
    ends = ["\n", "\r\n", "\r", "\r\r\n"]
    text = "".join(line + draft.rng.choice(ends) for line in draft.lines())
    return "csv", text.encode(), {"is_bent": True, **_REFUSABLE}


def _returns_only(draft: _Draft) -> Mutated:
    return _text("\r".join(draft.lines()) + draft.rng.choice(["", "\r"]))


def _returns_within(draft: _Draft) -> Mutated:
    row, place = draft.place()
    row[place] = "a\rb"
    quoting = draft.rng.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
    return _text(draft.written(quoting=quoting))


def _nothing(content: bytes) -> Callable[[_Draft], Mutated]:
    return lambda draft: (draft.rng.choice(["csv", "jsonl", "parquet", "csv.gz"]), content, dict(_REFUSABLE))


def _header_only(draft: _Draft) -> Mutated:
    return _text(",".join(draft.names) + draft.rng.choice(["", "\n"]))


def _excel_hint(draft: _Draft) -> Mutated:
    return _text("sep=;\n" + draft.written(";"))


def _same_row_twice(draft: _Draft) -> Mutated:
    draft.rows += [list(row) for row in draft.rows]
    return _text(draft.written())


def _gzip(change: Callable[[Random, bytes], bytes], *, is_refusable: bool) -> Callable[[_Draft], Mutated]:
    def mutate(draft: _Draft) -> Mutated:
        content = change(draft.rng, gzip.compress(draft.written().encode(), mtime=0))
        return "csv.gz", content, dict(_REFUSABLE) if is_refusable else {}

    return mutate


def _in_two_members(draft: _Draft) -> Mutated:
    content = draft.written().encode()
    place = draft.rng.randrange(len(content))
    return "csv.gz", gzip.compress(content[:place], mtime=0) + gzip.compress(content[place:], mtime=0), {}


def _json_lines(
    change: Callable[[_Draft, list[str]], None], *, is_refusable: bool = False
) -> Callable[[_Draft], Mutated]:
    def mutate(draft: _Draft) -> Mutated:
        lines = [json.dumps(each, ensure_ascii=draft.rng.random() < 0.5) for each in draft.objects()]
        change(draft, lines)
        end = draft.rng.choice(["\n", "\r\n"])
        text = end.join(lines) + draft.rng.choice(["", end])
        # A mutation may leave half a surrogate, which no encoding holds.
        return "jsonl", text.encode("utf-8", "surrogatepass"), dict(_REFUSABLE) if is_refusable else {}

    return mutate


def _json_shapes(draft: _Draft, lines: list[str]) -> None:
    shapes = [
        "[1, 2]", "null", "17", '"text"', "{}", "", "   ", "{", '{"a": }', "NaN", '{"a": NaN}', "true",
        '{"a": {"b": [{"c": null}]}}', '{"a": 1e400}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"": 1}',
        '{"a": 1, "a": 2}', '{"A": 1, "a": 2}', '{"a": 1} {"b": 2}', '{"a": 1},', "[" * 500 + "]" * 500,
        '{"a": ' * 200 + "1" + "}" * 200, '{"a/b~c": "\\"x\\""}', "{'a': 1}", '{"a": "tab\there"}',
    ]  # fmt: skip
    for _ in range(draft.rng.randint(1, 5)):
        lines.insert(draft.rng.randrange(len(lines) + 1), draft.rng.choice(shapes))


def _json_types(draft: _Draft, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        value = json.loads(line)
        name = draft.rng.choice(draft.names[1:] or draft.names)
        if name != draft.names[0]:
            value[name] = draft.rng.choice([1, 1.5, True, None, [1, "x"], {"a": None}, 10**30, "a\nb"])
        lines[number] = json.dumps(value)


def _json_keys(draft: _Draft, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        value = json.loads(line)
        value[draft.rng.choice(["extra", "Größe", "_load_id", "a b", "🙂", "x" * 200])] = "more"
        keys = draft.rng.sample(sorted(value), len(value))
        lines[number] = json.dumps({key: value[key] for key in keys})


def _json_cut(draft: _Draft, lines: list[str]) -> None:
    lines[-1] = lines[-1][: draft.rng.randrange(1, len(lines[-1]))]


def _json_array(draft: _Draft, lines: list[str]) -> None:
    lines[:] = ["[", *(line + "," for line in lines[:-1]), lines[-1], "]"]


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _typed(draft: _Draft) -> Mutated:
    table = pa.Table.from_pylist(draft.objects())
    size = len(draft.rows)
    values: list[tuple[object, pa.DataType]] = [
        (7, pa.int8()), (2**63, pa.uint64()), (1.5, pa.float32()), (True, pa.bool_()),
        (Decimal("12345678901234567890.12"), pa.decimal128(38, 2)), (b"\xff\x00", pa.binary()),
        (date(2026, 1, 2), pa.date32()), (time(1, 2, 3), pa.time64("us")),
        (datetime(2026, 1, 2, tzinfo=UTC), pa.timestamp("ns", tz="Europe/Berlin")),
        (datetime(2026, 1, 2), pa.timestamp("s")), (timedelta(days=3), pa.duration("us")),
        ([1, None], pa.list_(pa.int32())), ({"a": 1}, pa.struct([("a", pa.int64())])),
        ([("k", 1)], pa.map_(pa.string(), pa.int32())), (None, pa.null()), ("x", pa.large_string()),
        ("x", pa.dictionary(pa.int8(), pa.string())), (1.5, pa.float64()), (9, pa.int64()),
    ]  # fmt: skip
    for _ in range(draft.rng.randint(1, 4)):
        value, kind = draft.rng.choice(values)
        column = pa.array([value] * size, kind)
        name = draft.rng.choice([*draft.names[1:], "extra"])
        place = table.schema.get_field_index(name)
        table = table.append_column(name, column) if place < 0 else table.set_column(place, name, column)
    return "parquet", _parquet(table), {}


def _parquet_cut(draft: _Draft) -> Mutated:
    content = _parquet(pa.Table.from_pylist(draft.objects()))
    return "parquet", content[: draft.rng.randrange(1, len(content))], _REFUSABLE


def _parquet_bent(draft: _Draft) -> Mutated:
    content = bytearray(_parquet(pa.Table.from_pylist(draft.objects())))
    for _ in range(draft.rng.randint(1, 6)):
        content[draft.rng.randrange(len(content))] = draft.rng.randrange(256)
    return "parquet", bytes(content), {**_REFUSABLE, "is_bent": True}


def _parquet_names(draft: _Draft) -> Mutated:
    names = list(draft.names)
    names[-1] = draft.rng.choice([names[0].upper(), "", "a b", 'a"b', "file_row_number", "_source_row"])
    columns = [pa.array([row[place] for row in draft.rows]) for place in range(len(names))]
    return "parquet", _parquet(pa.Table.from_arrays(columns, names)), {}


def _parquet_empty(draft: _Draft) -> Mutated:
    return "parquet", _parquet(pa.Table.from_pylist(draft.objects()).slice(0, 0)), {}


def _parquet_packed(draft: _Draft) -> Mutated:
    return "parquet.gz", gzip.compress(_parquet(pa.Table.from_pylist(draft.objects())), mtime=0), {}


def _misnamed(draft: _Draft) -> Mutated:
    content = draft.written().encode()
    return draft.rng.choice(["parquet", "jsonl", "csv.gz"]), content, {**_REFUSABLE}


MUTATIONS: Sequence[tuple[str, Callable[[_Draft], Mutated]]] = (
    ("encoding: UTF-8 with byte-order mark", _encoded("utf-8", b"\xef\xbb\xbf")),
    ("encoding: UTF-16, little end first", _encoded("utf-16-le", b"\xff\xfe")),
    ("encoding: UTF-16, big end first", _encoded("utf-16-be", b"\xfe\xff")),
    ("encoding: Western", _encoded("cp1252")),
    ("encoding: Cyrillic", _foreign("cp1251")),
    ("encoding: UTF-32", _foreign("utf-32")),
    ("rows: ragged", _ragged),
    ("rows: cut short", _cut),
    ("rows: cut anywhere", _cut_anywhere),
    ("rows: the same twice", _same_row_twice),
    ("quotes: open or followed by text", _open_quote),
    ("bytes: NUL", _nul),
    ("bytes: no UTF-8", _bad_bytes),
    ("bytes: any changed", _bent),
    ("header: a name twice", _header(_duplicate)),
    ("header: a name changed", _header(_rename, is_refusable=True)),
    ("header: another order", _header(_reorder)),
    ("header: missing", _no_header),
    ("header: nothing else", _header_only),
    ("header: Excel's hint before it", _excel_hint),
    ("values: line breaks", _lines_in_values),
    ("values: rare signs", _signs_in_values),
    ("values: carriage returns", _returns_within),
    ("values: huge", _huge),
    ("values: of wrong types", _wrong_types),
    ("lines: blank", _blank_lines),
    ("lines: mixed ends", _mixed_ends),
    ("lines: stray returns", _stray_returns),
    ("lines: carriage returns only", _returns_only),
    ("file: empty", _nothing(b"")),
    ("file: a line break", _nothing(b"\n")),
    ("file: of another format than its name", _misnamed),
    ("gzip: whole", _gzip(lambda _, packed: packed, is_refusable=False)),
    (
        "gzip: cut short",
        _gzip(lambda rng, packed: packed[: rng.randrange(1, len(packed))], is_refusable=True),
    ),
    ("gzip: something after it", _gzip(lambda _, packed: packed + b"garbage", is_refusable=True)),
    ("gzip: twice", _gzip(lambda _, packed: gzip.compress(packed, mtime=0), is_refusable=True)),
    ("gzip: two members", _in_two_members),
    ("JSONL: whole", _json_lines(lambda *_: None)),
    ("JSONL: other shapes", _json_lines(_json_shapes, is_refusable=False)),
    ("JSONL: other types", _json_lines(_json_types)),
    ("JSONL: other keys", _json_lines(_json_keys)),
    ("JSONL: cut short", _json_lines(_json_cut, is_refusable=True)),
    ("JSONL: one array", _json_lines(_json_array)),
    ("Parquet: other types", _typed),
    ("Parquet: cut short", _parquet_cut),
    ("Parquet: any byte changed", _parquet_bent),
    ("Parquet: awkward names", _parquet_names),
    ("Parquet: no rows", _parquet_empty),
    ("Parquet: packed", _parquet_packed),
)
"""Everything that is done to files, by name."""
