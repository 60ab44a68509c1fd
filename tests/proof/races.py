"""Files that grow, vanish or are replaced while they are read: each phase of reading with each disturbance.

What was loaded must be one whole content of the file, the one whose hash the ledger keeps; and the next load,
undisturbed, must come to what lies there then.
"""

import gzip
import hashlib
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.landing import load_landing, loading
from orchestration.settings import Settings
from tests.integration.harness import fetch, make_warehouse
from tests.proof.files import NOW

_MARK = re.compile(r"mk\d{6}")
Action = Callable[[Path, bytes], None]


def _grow(path: Path, later: bytes) -> None:
    path.write_bytes(later)


def _replace(path: Path, later: bytes) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_bytes(later)
    beside.replace(path)


def _replace_with_its_time(path: Path, later: bytes) -> None:
    """As rsync and ``cp -p`` do, by a file of the same size."""
    before = path.stat()
    _replace(path, later)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _rewrite_with_its_time(path: Path, later: bytes) -> None:
    before = path.stat()
    path.write_bytes(later)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _vanish(path: Path, _: bytes) -> None:
    path.unlink()


def _cut(path: Path, _: bytes) -> None:
    os.truncate(path, path.stat().st_size // 2)


ACTIONS: dict[str, Action] = {
    "grown": _grow,
    "replaced": _replace,
    "replaced with its time": _replace_with_its_time,
    "rewritten with its time": _rewrite_with_its_time,
    "vanished": _vanish,
    "cut": _cut,
}
PHASES = ("before it is hashed", "before it is read", "after it was read")
FORMATS = ("csv", "csv.gz", "jsonl", "parquet")


def prove_races(folder: Path, formats: Sequence[str] = FORMATS) -> Counter[str]:
    """Disturb files of every format in every phase of reading in every way.

    Args:
        folder: An empty folder.
        formats: Endings of the files' names.

    Returns:
        What there was, counted.

    Raises:
        AssertionError: If something was loaded that is no whole content, or anything is missing afterwards.
    """
    tally: Counter[str] = Counter()
    number = 0
    for ending in formats:
        settings = make_warehouse(folder / ending, folder / ending / "landing", source_systems=())
        place = settings.landing / "shop" / "orders"
        place.mkdir(parents=True)
        for phase in PHASES:
            for name, act in ACTIONS.items():
                number += 1
                path = place / f"{name.replace(' ', '_')}_{number}.{ending}"
                first, then = (_content(ending, [number * 1_000 + each for each in rows]) for rows in (
                    range(5), range(7) if name == "grown" else range(100, 105)
                ))  # fmt: skip
                path.write_bytes(first)
                beside = place / f"good_{number}.{ending}"
                beside.write_bytes(_content(ending, [number * 1_000 + 900]))
                with _disturbed(phase, path, lambda act=act, path=path, then=then: act(path, then)):  # type: ignore[misc]
                    load_landing(settings, now=NOW, declared={})
                what = f"{ending}, {name} {phase}"
                _assert_whole(settings, path, what)
                assert _marks_of(settings, beside.name) == {f"mk{number * 1_000 + 900:06}"}, (
                    f"{what}: a good file"
                )
                load_landing(settings, now=NOW, declared={})
                _assert_whole(settings, path, what)
                _assert_complete(settings, path, what)
                tally.update({"races": 1, f"files {name}": 1})
                path.unlink(missing_ok=True)
    return tally


def _content(ending: str, numbers: list[int]) -> bytes:
    rows = [{"id": f"mk{number:06}", "note": "x" * 20} for number in numbers]
    if ending == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), out)
        return out.getvalue()
    if ending == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    text = "id,note\n" + "".join(f"{row['id']},{row['note']}\n" for row in rows)
    return gzip.compress(text.encode(), mtime=0) if ending.endswith("gz") else text.encode()


@contextmanager
def _disturbed(phase: str, path: Path, act: Callable[[], None]) -> Iterator[None]:
    """Let something happen to a file once, in a phase of its reading."""
    left = [act]

    def happen(seen: Path) -> None:
        if left and seen == path:
            left.pop()()

    fetched = loading._fetch
    attempt = loading._Loader._attempt
    present = loading._with_present_state

    def disturbed_fetch(file: Any, folder: Path) -> Any:
        if phase == PHASES[0]:
            happen(file.path)
        return fetched(file, folder)

    def disturbed_attempt(self: Any, job: Any, *rest: Any) -> Any:
        if phase == PHASES[1]:
            happen(job.file.path)
        reading.append(job.file.path)
        try:
            return attempt(self, job, *rest)
        finally:
            reading.clear()

    reading: list[Path] = []

    def disturbed_state(file: Any) -> Any:
        # Within an attempt, the state is asked for when everything has been read.
        if phase == PHASES[2] and reading:
            happen(file.path)
        return present(file)

    with ExitStack() as stack:
        stack.enter_context(patch.object(loading, "_fetch", disturbed_fetch))
        stack.enter_context(patch.object(loading._Loader, "_attempt", disturbed_attempt))
        stack.enter_context(patch.object(loading, "_with_present_state", disturbed_state))
        yield
    assert not left, f"nothing happened {phase}"


def _assert_whole(settings: Settings, path: Path, what: str) -> None:
    """Every loaded version of a file has the rows of the content whose hash stands in the ledger."""
    relative = path.relative_to(settings.landing).as_posix()
    query = "select * from landing.files where status = 'loaded' and path = ?"
    for entry in fetch(settings, query, [relative]):
        rows = fetch(
            settings,
            "select id from raw_shop.orders where _load_id = ? and _source_file = ? order by _source_row",
            [entry["load_id"], entry["path"]],
        )
        numbers = [int(row["id"][2:]) for row in rows if row["id"]]
        ending = entry["path"].split(".", 1)[1]
        content = _content(ending, numbers)
        plain = gzip.decompress(content) if ending.endswith("gz") else content
        is_cut = hashlib.sha256(plain).hexdigest() != entry["content_hash"]
        # A cut text file is a content of its own, whose rows are the first ones.
        assert not is_cut or "/cut_" in entry["path"], (
            f"{what}: {entry['path']} holds rows of another content"
        )
        assert len(rows) == entry["row_count"], f"{what}: {entry['path']} has other rows than the ledger says"


def _assert_complete(settings: Settings, path: Path, what: str) -> None:
    if not path.exists():
        assert not _marks_of(settings, path.name), f"{what}: rows of a file that is gone"
        return
    relative = path.relative_to(settings.landing).as_posix()
    [latest] = fetch(
        settings, "select * from landing.files where path = ? order by file_id desc limit 1", [relative]
    )
    if path.name.endswith((".parquet", ".gz")) and "cut" in what:
        assert latest["status"] == "refused", f"{what}: a cut file was loaded"
        return
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert latest["status"] == "loaded", f"{what}: {latest['message']}"
    assert latest["content_hash"] == hashlib.sha256(content).hexdigest(), f"{what}: not the present content"
    if path.suffix != ".parquet":
        marks = set(_MARK.findall(content.decode()))
        assert _marks_of(settings, path.name) >= marks, f"{what}: rows are missing"


def _marks_of(settings: Settings, name: str) -> set[str]:
    loaded = fetch(
        settings, "select id as text from raw_shop.orders where _source_file = ?", [f"shop/orders/{name}"]
    )
    rejected = fetch(
        settings,
        "select raw_text as text from landing.rejects where source_file = ?",
        [f"shop/orders/{name}"],
    )
    return {mark for row in (*loaded, *rejected) for mark in _MARK.findall(row["text"] or "")}
