"""The simulated company that is measured, and the day that is held back from its first build.

Only files are made here. Building and measuring do not belong here.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.floor import SYSTEM
from orchestration.errors import LeadproofError
from orchestration.landing.names import literal
from orchestration.settings import PROJECT_ROOT
from orchestration.simulation import simulate

END = datetime(2025, 7, 1)
"""Last moment of every world: fixed, so that it is simulated once; past, so that a build may look back."""
DAYS = 400
UPDATE = "update"
"""Folder of the held-back files below a table's; it sorts last, so its rows count as loaded last."""
_TIMES = {
    "touches": "occurred_at",
    "contacts": "coalesce(updated_at, created_at)",
    "companies": "updated_at",
    "campaigns": "updated_at",
    "campaign_spend": "spend_date",
    "handoffs": "occurred_at",
    "deals": "occurred_at",
}


@dataclass(frozen=True)
class Scale:
    """How large a company is measured.

    Args:
        name: Word of the command line.
        people: People who may become known.
        touches: About how many touches.
        held_touches: Touches of the increment, the latest.
        held_contacts: Contact versions of the increment, the latest.
    """

    name: str
    people: int
    touches: int
    held_touches: int
    held_contacts: int


SCALES = {
    scale.name: scale
    for scale in (
        Scale("1m", 50_000, 1_000_000, 15_000, 2_000),
        Scale("10m", 500_000, 10_000_000, 150_000, 20_000),
        Scale("100m", 5_000_000, 100_000_000, 150_000, 20_000),
    )
}


@dataclass(frozen=True)
class World:
    """Landing files in two parts.

    Args:
        landing: Landing folder; holds the first part, and the second after ``deliver``.
        held: The second part, folders as in the landing folder.
        first_as_of: As-of of the first build (UTC, without zone); held rows that are older come late.
        second_as_of: As-of of the second build.
        rows: Rows by table and part (``first``, ``held``).
    """

    landing: Path
    held: Path
    first_as_of: datetime
    second_as_of: datetime
    rows: dict[str, dict[str, int]]

    def take_back(self) -> None:
        """Bring the landing folder into the state before the increment."""
        for table in _TIMES:
            shutil.rmtree(self.landing / SYSTEM / table / UPDATE, ignore_errors=True)

    def deliver(self) -> None:
        """Drop the held-back files into the landing folder."""
        for path in sorted(self.held.rglob("*.parquet")):
            target = self.landing / path.relative_to(self.held)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def scale_of(name: str) -> Scale:
    """Return a scale by its name.

    Args:
        name: ``1m``, ``10m`` or ``100m``.

    Returns:
        The scale.

    Raises:
        LeadproofError: If there is none of that name.
    """
    if name not in SCALES:
        raise LeadproofError(f"SCALE is '{name}', which is no size.", f"Give one of {', '.join(SCALES)}.")
    return SCALES[name]


def make_world(scale: Scale, folder: Path, *, is_fresh: bool = False) -> World:
    """Simulate a company and hold its last rows back, unless the folder holds just that.

    Args:
        scale: How large.
        folder: Where its files lie.
        is_fresh: Simulate again whatever the folder holds.

    Returns:
        The world, in the state before the increment.
    """
    stamp = folder / "world.json"
    key = _key(scale)
    known = json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else {}
    if is_fresh or known.get("key") != key:
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        landing = folder / "landing"
        simulate(
            landing,
            people=scale.people,
            touches=scale.touches,
            days=DAYS,
            end=END,
            file_format="parquet",
        )
        first_as_of, rows = hold_back(landing, folder / "held", scale.held_touches, scale.held_contacts, END)
        known = {"key": key, "first_as_of": first_as_of.isoformat(), "rows": rows}
        stamp.write_text(json.dumps(known, indent=2), encoding="utf-8")
    world = World(
        folder / "landing", folder / "held", datetime.fromisoformat(known["first_as_of"]), END, known["rows"]
    )
    world.take_back()
    return world


def hold_back(
    landing: Path, held: Path, touches: int, contacts: int, end: datetime
) -> tuple[datetime, dict[str, dict[str, int]]]:
    """Move the latest rows out of a landing folder into files of their own.

    Args:
        landing: Landing folder with typed Parquet of the canonical system.
        held: Folder for what is held back.
        touches: About how many touches; all of one instant go together.
        contacts: About how many contact versions.
        end: Last moment of the world (UTC, without zone); later rows wait anyway and stay.

    Returns:
        As-of of the first build, just before the later of both cuts, and the rows by table and part. Of the
        other tables the rows after it are held back.
    """
    with duckdb.connect() as database:
        cuts = {
            "touches": _cut(database, landing, "touches", touches, end),
            "contacts": _cut(database, landing, "contacts", contacts, end),
        }
        first_as_of = max(cuts.values()) - timedelta(seconds=1)
        rows = {}
        for table in _TIMES:
            since = cuts.get(table, first_as_of + timedelta(seconds=1))
            rows[table] = _split(database, landing, held, table, since, end)
    return first_as_of, rows


def _cut(
    database: duckdb.DuckDBPyConnection, landing: Path, table: str, count: int, end: datetime
) -> datetime:
    time = _TIMES[table]
    found = database.execute(
        f"select min(moment) from (select {time} as moment from read_parquet({_files(landing, table)})"
        f" where {time} <= $1 order by moment desc limit {count:d})",
        [end],
    ).fetchone()
    if found is None or not isinstance(found[0], datetime):
        raise LeadproofError(f"The simulated table {table} is empty.", "Simulate it again with --fresh.")
    return found[0]


def _split(
    database: duckdb.DuckDBPyConnection, landing: Path, held: Path, table: str, since: datetime, end: datetime
) -> dict[str, int]:
    bounds = " and ".join(f"timestamp {literal(str(bound))}" for bound in (since, end))
    moves = f"coalesce({_TIMES[table]} between {bounds}, false)"
    counts = database.execute(
        f"select filename, count(*), count(*) filter ({moves})"
        f" from read_parquet({_files(landing, table)}, filename = true) group by filename order by filename"
    ).fetchall()
    moving = [name for name, _, moved in counts if moved]
    if moving:
        target = held / SYSTEM / table / UPDATE / f"{table}_{end:%Y-%m-%d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        listed = ", ".join(literal(name) for name in moving)
        database.execute(
            f"copy (from read_parquet([{listed}]) where {moves}) to {literal(str(target))} (compression zstd)"
        )
    for name in moving:
        rest = Path(f"{name}.tmp")
        database.execute(
            f"copy (from read_parquet({literal(name)}) where not {moves})"
            f" to {literal(str(rest))} (format parquet, compression zstd)"
        )
        rest.replace(name)
    held_rows = sum(moved for _, _, moved in counts)
    return {"first": sum(total for _, total, _ in counts) - held_rows, "held": held_rows}


def _files(landing: Path, table: str) -> str:
    return literal(str(landing / SYSTEM / table / "**" / "*.parquet"))


def _key(scale: Scale) -> str:
    """Digest what a world depends on: its options and the code that simulates and splits it."""
    digest = hashlib.sha256(json.dumps([asdict(scale), END.isoformat(), DAYS]).encode())
    for path in [*sorted((PROJECT_ROOT / "orchestration" / "simulation").glob("*.py")), Path(__file__)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def size_of(folder: Path) -> int:
    """Add up the disk space below a folder.

    Args:
        folder: Any folder; may be absent.

    Returns:
        Bytes on disk; files that several names share count once.
    """
    sizes: dict[tuple[int, int], int] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if not path.is_symlink() and path.exists():
                stat = path.stat()
                sizes[stat.st_dev, stat.st_ino] = stat.st_blocks * 512
    return sum(sizes.values())
