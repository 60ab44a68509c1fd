"""Dirt in the files, counted: rows to be quarantined, repeated, early, and files that come twice.

Dirt is added to the true rows and never takes one away; all that takes part in the funnel besides them
are a few forms filled on a shared device. Every flawed row has exactly one flaw: its reason code is certain.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.simulation.clock import DAY, HOUR, Array
from orchestration.simulation.files import as_text
from orchestration.simulation.population import taken
from orchestration.simulation.records import moments
from orchestration.simulation.truth import TableTruth

Piece: TypeAlias = pa.Table | bytes
_UNREADABLE_TIMES = ("not recorded", "0000-00-00 00:00:00", "tbd")
_IDENTITY = ("source_contact_id", "anonymous_id")
KIOSK = "kiosk-tablet-1"
_KIOSK_PEOPLE = 8


@dataclass(frozen=True)
class Flaw:
    """One way in which a row can be wrong.

    Args:
        code: Reason code it leads to.
        values: New values by column; None empties the column.
        rate: Share of the true rows to which such a row is added.
        is_typed: Whether a typed file can hold it.
    """

    code: str
    values: dict[str, tuple[str, ...] | None]
    rate: float
    is_typed: bool = True


@dataclass(frozen=True)
class Table:
    """What dirt needs to know about a source table.

    Args:
        key: Column that gets a new value in rows added, so that they repeat no other row's key.
        time: Column of the row time.
        flaws: Ways in which its rows can be wrong.
        optional_number: Optional column that may hold an unreadable number; empty for none.
        correction: Column that a corrected row changes; empty where the table is never corrected.
    """

    key: str
    time: str
    flaws: tuple[Flaw, ...]
    optional_number: str = ""
    correction: str = ""


def _missing(column: str, rate: float) -> Flaw:
    return Flaw("missing_required", {column: None}, rate)


def _unreadable_time(column: str, rate: float) -> Flaw:
    return Flaw("unparseable_timestamp", {column: _UNREADABLE_TIMES}, rate, is_typed=False)


def _nobody(emails: tuple[str, ...] | None, rate: float) -> Flaw:
    return Flaw("no_identity", {"source_contact_id": None, "anonymous_id": None, "email": emails}, rate)


_NO_ADDRESS = ("unknown", "name(at)company", "@company.example", "two@at@company.example")
_MAILBOXES = ("info@company00001.example", "sales@company00002.example", "INFO@company00003.example")

TABLES: dict[str, Table] = {
    "contacts": Table(
        "source_contact_id",
        "updated_at",
        (
            _missing("source_contact_id", 0.0012),
            _missing("created_at", 0.0012),
            _unreadable_time("created_at", 0.001),
        ),
        optional_number="employee_count",
    ),
    "companies": Table(
        "source_company_id",
        "updated_at",
        (
            _missing("source_company_id", 0.001),
            _missing("updated_at", 0.0015),
            _unreadable_time("updated_at", 0.0015),
        ),
        optional_number="employee_count",
    ),
    "touches": Table(
        "source_touch_id",
        "occurred_at",
        (
            _missing("source_touch_id", 0.0002),
            _missing("occurred_at", 0.0004),
            _missing("channel", 0.0003),
            _missing("touch_type", 0.0003),
            _unreadable_time("occurred_at", 0.0006),
            Flaw("unknown_code", {"touch_type": ("brochure_read", "fax_received")}, 0.0006),
            Flaw("unknown_code", {"response_relevance": ("maybe", "n/a")}, 0.0004),
            _nobody(None, 0.0008),
            _nobody(_NO_ADDRESS, 0.0006),
            _nobody(_MAILBOXES, 0.0006),
        ),
        correction="offer_id",
    ),
    "campaigns": Table(
        "campaign_id",
        "updated_at",
        (
            _missing("campaign_id", 0.003),
            _missing("updated_at", 0.003),
            _unreadable_time("updated_at", 0.003),
        ),
    ),
    "campaign_spend": Table(
        "campaign_id",
        "spend_date",
        (
            _missing("campaign_id", 0.0005),
            _missing("amount", 0.0005),
            _missing("currency", 0.0005),
            _unreadable_time("spend_date", 0.0005),
            Flaw("unparseable_number", {"amount": ("n/a", "twelve", "1.2.3")}, 0.0008, is_typed=False),
        ),
    ),
    "handoffs": Table(
        "source_handoff_id",
        "occurred_at",
        (
            _missing("outcome", 0.002),
            _unreadable_time("occurred_at", 0.002),
            Flaw("unknown_code", {"outcome": ("parked", "maybe")}, 0.003),
            Flaw("no_identity", {"source_contact_id": None, "email": _NO_ADDRESS[:3]}, 0.002),
        ),
        correction="reason",
    ),
    "deals": Table(
        "source_deal_id",
        "occurred_at",
        (
            _missing("status", 0.002),
            _unreadable_time("occurred_at", 0.002),
            Flaw("unknown_code", {"status": ("stalled", "verbal yes")}, 0.003),
            Flaw("no_identity", {"source_contact_id": None, "email": None}, 0.002),
        ),
        optional_number="amount",
    ),
}
_REPEATED = 0.0012
_CORRECTED = 0.0008
_EARLY = 0.0006
_BROKEN = 0.0003
_RETRIED = 0.0002


@dataclass
class Dirt:
    """Adds dirt to the pieces of one table and counts it.

    Args:
        table: Name of the source table.
        truth: Counts to be kept.
        end: Last second of the world.
        is_csv: Whether the files hold text.
        is_on: Whether to add any dirt at all.
        added: How many rows have got a new key.
        started: Flaws of which at least one row has been added.
        carried: Rows that go into the next period's file.
    """

    table: str
    truth: TableTruth
    end: int
    is_csv: bool
    is_on: bool
    added: int = 0
    started: set[int] = field(default_factory=set)
    carried: list[pa.Table] = field(default_factory=list)

    def pieces(
        self,
        rng: np.random.Generator,
        rows: pa.Table,
        *,
        is_last: bool,
        crowded: tuple[str, ...] = (),
        with_kiosk: bool = False,
    ) -> list[Piece]:
        """Turn the true rows of one period into pieces of a file.

        Args:
            rng: Source of randomness.
            rows: True rows.
            is_last: Whether no later period follows for these rows.
            crowded: Addresses that too many contact records share (touches only).
            with_kiosk: Whether a shared device shows up in this period (touches only).

        Returns:
            Rows and raw lines, in the order in which they stand in the file.
        """
        rows = as_text(rows) if self.is_csv else rows
        self.truth.landed += len(rows)
        before, self.carried = self.carried, []
        scattered: list[Piece] = [self._counted(piece) for piece in before]
        if not self.is_on or not len(rows):
            return [rows, *scattered]
        table = TABLES[self.table]
        places = rng.permutation(len(rows))
        for number, flaw in enumerate(table.flaws):
            if flaw.is_typed or self.is_csv:
                scattered.append(self._flawed(rng, rows, flaw, number))
        if crowded:
            scattered.append(self._flawed(rng, rows, _nobody(crowded, 0.0004), 100))
        if with_kiosk:
            scattered.extend(self._at_kiosk(rng, rows))
        repeated = places[: self._many(len(rows), _REPEATED, 200)]
        scattered.append(self._repeated(rows, repeated))
        if is_last:
            scattered.append(self._early(rng, rows))
        elif table.correction:
            self._correct_later(rows, places)
            scattered.append(self._retry_later(rows, places))
        if self.is_csv:
            scattered.append(self._broken(rng, rows))
            rows = self._warned(rows, repeated)
        return self._mixed(rng, rows, scattered)

    def _many(self, size: int, rate: float, number: int) -> int:
        """Decide how many rows to add; the first period that has rows gets at least one of each kind."""
        wanted = int(size * rate + 0.5)
        if wanted == 0 and number not in self.started:
            wanted = 1
        if wanted:
            self.started.add(number)
        return min(wanted, size)

    def _counted(self, piece: pa.Table) -> pa.Table:
        self.truth.landed += len(piece)
        return piece

    def _renamed(self, piece: pa.Table) -> pa.Table:
        key = TABLES[self.table].key
        names = [f"x{self.added + place:09d}" for place in range(len(piece))]
        self.added += len(piece)
        return _with(piece, key, pa.array(names, pa.string()))

    def _flawed(self, rng: np.random.Generator, rows: pa.Table, flaw: Flaw, number: int) -> pa.Table:
        count = self._many(len(rows), flaw.rate, number)
        piece = self._renamed(rows.take(pa.array(rng.integers(0, len(rows), count))))
        for column, values in flaw.values.items():
            if column not in piece.column_names:
                continue
            if values is None:
                changed = pa.nulls(count, pa.string())
            else:
                changed = taken(values, rng.integers(0, len(values), count))
            piece = _with(piece, column, changed)
        self.truth.quarantined[flaw.code] += count
        return self._counted(piece)

    def _repeated(self, rows: pa.Table, places: Array) -> pa.Table:
        """Export some rows twice."""
        self.truth.superseded += len(places)
        return self._counted(rows.take(pa.array(places)))

    def _correct_later(self, rows: pa.Table, places: Array) -> None:
        """Let some rows come again in the next file with a corrected value."""
        count = self._many(len(rows), _CORRECTED, 300)
        # From the other end, so that no row is both repeated and corrected.
        piece = rows.take(pa.array(places[len(places) - count :]))
        self.truth.superseded += count
        self.carried.append(
            _with(piece, TABLES[self.table].correction, pa.array(["corrected"] * count, pa.string()))
        )

    def _retry_later(self, rows: pa.Table, places: Array) -> pa.Table:
        """Let some rows come unreadable first; they come again, whole, in the next file."""
        middle = len(places) // 2
        count = min(self._many(len(rows), _RETRIED, 301), max(middle // 4, 0))
        piece = rows.take(pa.array(places[middle : middle + count]))
        column = "response_relevance" if self.table == "touches" else "outcome"
        if not count:
            return piece
        self.truth.superseded += count
        self.truth.quarantined["unknown_code"] += count
        self.truth.replaced["unknown_code"] += count
        self.carried.append(piece)
        return self._counted(_with(piece, column, pa.array(["?"] * count, pa.string())))

    def _early(self, rng: np.random.Generator, rows: pa.Table) -> pa.Table:
        """Add rows whose time has not come yet."""
        count = self._many(len(rows), _EARLY, 400)
        piece = rows.take(pa.array(rng.integers(0, len(rows), count)))
        if self.table != "campaigns":
            piece = self._renamed(piece)
        times = self.end // DAY * DAY + (2 + rng.permutation(count) % 20) * DAY + 9 * HOUR
        if self.table == "campaign_spend":
            times = times // DAY * DAY
        column = as_text(pa.table({"time": moments(times)}))["time"] if self.is_csv else moments(times)
        self.truth.pending += count
        return self._counted(_with(piece, TABLES[self.table].time, column))

    def _broken(self, rng: np.random.Generator, rows: pa.Table) -> bytes:
        """Write lines with too few or too many fields."""
        count = self._many(len(rows), _BROKEN, 500)
        lines = []
        for cut in (rng.random(count) < 0.5).tolist():
            lines.append("broken,line" if cut else ",".join(["broken"] * (rows.num_columns + 3)))
        self.truth.quarantined["structural_reject"] += count
        self.truth.landed += count
        return "".join(f"{line}\n" for line in lines).encode()

    def _warned(self, rows: pa.Table, repeated: Array) -> pa.Table:
        """Put words where an optional number is missing anyway, in rows that come only once."""
        column = TABLES[self.table].optional_number
        if not column:
            return rows
        empty = np.setdiff1d(np.flatnonzero(rows[column].is_null().to_numpy()), repeated)
        count = self._many(len(empty), 0.004, 600) if len(empty) else 0
        mask = np.zeros(len(rows), dtype=bool)
        mask[empty[:: max(len(empty) // max(count, 1), 1)][:count]] = True
        if mask.any():
            self.truth.warnings[column] += int(mask.sum())
        return _with(rows, column, pc.if_else(pa.array(mask), "not known", rows[column]))

    def _at_kiosk(self, rng: np.random.Generator, rows: pa.Table) -> list[pa.Table]:
        """Let many people fill forms on one device; what carries only that device belongs to nobody."""
        emails = pc.utf8_lower(rows["email"].combine_chunks())
        usable = np.flatnonzero(pc.and_(pc.is_valid(emails), pc.is_valid(rows["anonymous_id"])).to_numpy())
        texts = emails.take(pa.array(usable)).to_numpy(zero_copy_only=False).astype(str)
        first = usable[np.sort(np.unique(texts, return_index=True)[1])][:_KIOSK_PEOPLE]
        if len(first) < _KIOSK_PEOPLE:
            return []
        forms = self._renamed(rows.take(pa.array(first)))
        forms = _with(forms, "anonymous_id", pa.array([KIOSK] * len(first)))
        flaw = Flaw(
            "no_identity", {"source_contact_id": None, "email": None, "anonymous_id": (KIOSK,)}, 0.0004
        )
        return [self._counted(forms), self._flawed(rng, rows, flaw, 101)]

    def _mixed(self, rng: np.random.Generator, rows: pa.Table, scattered: list[Piece]) -> list[Piece]:
        """Put the additions between the true rows; the first row stays first, for the header's sake."""
        cuts = np.sort(rng.integers(1, len(rows) + 1, len(scattered)))
        pieces: list[Piece] = []
        if not self.is_csv:
            # Each piece of its own would become a row group of its own.
            return [pa.concat_tables([rows, *scattered]).unify_dictionaries()]
        begin = 0
        for cut, piece in zip(cuts.tolist(), scattered, strict=True):
            pieces.extend([rows.slice(begin, cut - begin), piece])
            begin = cut
        return [*pieces, rows.slice(begin)]


def _with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    """Replace a column, keeping its type where the files are typed."""
    place = table.column_names.index(column)
    kind = table.schema.field(place).type
    if not values.type.equals(kind):
        values = _encoded(values, kind) if pa.types.is_dictionary(kind) else values.cast(kind)
    return table.set_column(place, table.schema.field(place), values)


def _encoded(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values.dictionary_encode().cast(kind)
