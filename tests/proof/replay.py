"""The same rows, told in other files: in any order, again and again, in pieces. The marts must not notice.

Where rows correct one another, the row loaded last stands, so such worlds are replayed in their order; worlds
without corrections in any. What a mart says of files themselves is left out of the comparison.
"""

import csv
import hashlib
import io
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

from orchestration.landing import load_landing
from orchestration.settings import PROJECT_ROOT
from orchestration.simulation import simulate
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, load_policy, make_warehouse
from tests.proof.warehouse import Marts, marts_in
from tests.reference.worlds import write_world

AS_OF = datetime(2026, 6, 30, 12)
OF_FILES = {
    "quarantine": ("quarantine_id", "source_file", "source_row", "first_seen_at"),
    "row_reconciliation": ("files", "latest_observed_at"),
}
"""Columns that say where and when rows were landed, by mart."""


@dataclass(frozen=True)
class _Piece:
    """A file to drop: its place among all of them, its path and its bytes."""

    path: str
    content: bytes


def replay(compiled: CompiledWorld, folder: Path, seed: int, ways: int = 3) -> Counter[str]:
    """Build a world from its files as they are, and again from what they become in several ways.

    Args:
        compiled: The compiled models.
        folder: An empty folder.
        seed: The same seed gives the same world and the same ways.
        ways: How many ways besides the first.

    Returns:
        What there was, counted.

    Raises:
        AssertionError: If a mart differs.
    """
    rng = Random(seed)
    has_dirt = seed % 2 == 1
    # In the reference's worlds rows correct one another even without dirt.
    is_simulated = rng.random() < 0.5
    is_in_order = has_dirt or not is_simulated
    world = folder / "world"
    seeds = PROJECT_ROOT / "seeds"
    if is_simulated:
        landing = world / "landing"
        simulate(
            landing, people=rng.randint(100, 160), days=rng.randint(60, 120), seed=seed, end=AS_OF,
            dirt=has_dirt,
        )  # fmt: skip
        as_of = AS_OF
    else:
        small = write_world(
            world, people=rng.randint(20, 50), seed=seed, seeds_from=seeds, with_dirt=has_dirt
        )
        landing, seeds, as_of = small.landing, small.seeds, small.as_of
    files = _files(landing)
    expected = _digests(_marts(compiled, folder / "whole", [files], seeds, as_of))
    tally: Counter[str] = Counter(worlds=1, files=len(files), marts=len(expected))
    for way in range(ways):
        loads = _retold(rng, files, is_in_order=is_in_order)
        place = folder / f"way{way}"
        got = _digests(_marts(compiled, place, loads, seeds, as_of))
        differing = sorted(table for table in expected if expected[table] != got[table])
        assert not differing, f"Seed {seed}, way {way}: {', '.join(differing)} differ"
        tally.update({"ways": 1, "files retold": sum(map(len, loads)), "loads": len(loads)})
        shutil.rmtree(place)
    return tally


def _files(landing: Path) -> list[_Piece]:
    """The text files of a landing folder. One that repeats another as a whole does so no longer in pieces."""
    by_content: dict[bytes, _Piece] = {}
    for path in sorted(landing.rglob("*")):
        relative = path.relative_to(landing)
        if path.suffix in {".csv", ".jsonl"} and relative.parts[0] == "leadproof":
            content = path.read_bytes()
            by_content.setdefault(content, _Piece(relative.as_posix(), content))
    return list(by_content.values())


def _retold(rng: Random, files: list[_Piece], *, is_in_order: bool) -> list[list[_Piece]]:
    """Split some files, shuffle the pieces if any order will do, repeat some, spread them over loads."""
    pieces: list[_Piece] = []
    for number, file in enumerate(files):
        numbered = _Piece(_named(file.path, f"{number:04}"), file.content)
        pieces += _split(rng, numbered) if rng.random() < 0.6 else [numbered]
    if is_in_order:
        # Later rows go before earlier ones, so pieces stay in the order in which one load would read them.
        return [pieces + _again(rng, pieces)]
    rng.shuffle(pieces)
    loads: list[list[_Piece]] = [[] for _ in range(rng.randint(1, 3))]
    for piece in pieces:
        rng.choice(loads).append(piece)
    return [*loads, _again(rng, pieces)]


def _again(rng: Random, pieces: list[_Piece]) -> list[_Piece]:
    """Some of the files under other names, after all others by the alphabet."""
    chosen = rng.sample(pieces, max(len(pieces) // 3, 1))
    return [_Piece(_named(piece.path, "zz_again"), piece.content) for piece in chosen]


def _split(rng: Random, file: _Piece) -> list[_Piece]:
    """Cut a file between two records; the pieces follow one another by the alphabet."""
    text = file.content.decode("utf-8-sig")
    if file.path.endswith(".jsonl"):
        records = _objects(text)
        header = ""
    else:
        records = _records(text)
        header, records = records[0], records[1:]
    if len(records) < 2:
        return [file]
    places = sorted(rng.sample(range(1, len(records)), min(rng.randint(1, 3), len(records) - 1)))
    bounds = [0, *places, len(records)]
    return [
        _Piece(_part(file.path, part), (header + "".join(records[begin:end])).encode())
        for part, (begin, end) in enumerate(pairwise(bounds))
    ]


def _objects(text: str) -> list[str]:
    """The lines of a JSONL text; a broken one stays with the one before it: alone it would be no JSONL."""
    records: list[str] = []
    held = ""
    for line in text.split("\n"):
        if not line:
            continue
        if not line.startswith("{") or not line.rstrip().endswith("}"):
            if records:
                records[-1] += line + "\n"
            else:
                held += line + "\n"
        else:
            records.append(held + line + "\n")
            held = ""
    return records


def _records(text: str) -> list[str]:
    """The records of a CSV text as they stand, each with its line breaks; a broken line is one of its own."""
    lines = io.StringIO(text, newline="").readlines()
    records, held = [], ""
    for line in lines:
        held += line if line.endswith("\n") else line + "\n"
        if held.count('"') % 2 == 0 or not _is_open(held):
            records.append(held)
            held = ""
    return records + ([held] if held else [])


def _is_open(text: str) -> bool:
    try:
        list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return True
    return False


def _named(path: str, addition: str) -> str:
    """The path under another name, beside all others of its table: later paths go before earlier ones."""
    system, table, rest = path.split("/", 2)
    return f"{system}/{table}/{addition}_{rest.replace('/', '_')}"


def _part(path: str, part: int) -> str:
    """The path of a part: behind the number of its file, before the name."""
    folder, _, name = path.rpartition("/")
    number, _, rest = name.partition("_")
    return f"{folder}/{number}_{part}_{rest}"


def _marts(
    compiled: CompiledWorld, folder: Path, loads: list[list[_Piece]], seeds: Path, as_of: datetime
) -> Marts:
    settings = make_warehouse(folder, folder / "landing")
    settings.landing.mkdir(parents=True)
    shutil.copyfile(compiled.settings.build_db, settings.build_db)
    for number, pieces in enumerate(loads):
        for piece in pieces:
            path = settings.landing / piece.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(piece.content)
        load_landing(settings, now=as_of - timedelta(hours=len(loads) - number))
    load_policy(settings, seeds)
    begin_build(settings, as_of)
    with connect(settings) as database:
        compiled.run_models(database)
        return marts_in(compiled, database, settings.build_db.stem)


def _digests(marts: Marts) -> dict[str, str]:
    """A digest of every mart's rows, whatever their order."""
    digests = {}
    for table, rows in marts.items():
        left_out = OF_FILES.get(table, ())
        told = sorted(
            "\x1f".join(f"{name}={value!r}" for name, value in row.items() if name not in left_out)
            for row in rows
        )
        digests[table] = hashlib.sha256("\n".join(told).encode()).hexdigest()
    return digests
