"""Writes a simulated world into a landing folder, chunk by chunk, and says what is true about it.

Only the order of work belongs here: who lives is in ``population``, what happens in ``journeys``, rows in
``records``, flaws in ``dirt``.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from orchestration.errors import LeadproofError
from orchestration.simulation import records
from orchestration.simulation.campaigns import (
    PROGRAM,
    Calendar,
    Campaign,
    campaign_rows,
    plan_campaigns,
    spend_rows,
)
from orchestration.simulation.clock import DAY, Array, to_datetime, to_seconds
from orchestration.simulation.dirt import TABLES, Dirt
from orchestration.simulation.drafts import COMPANY, OPT_OUT_KINDS, Touches
from orchestration.simulation.files import SYSTEM, Period, TableWriter, periods
from orchestration.simulation.journeys import World, hand_over, live, resized
from orchestration.simulation.population import (
    CROWDED,
    PEOPLE_PER_COMPANY,
    Population,
    joined,
    populate,
    taken,
    texts_of,
)
from orchestration.simulation.truth import (
    IDENTITIES_FILE,
    TRUTH_FILE,
    MessageTruth,
    TableTruth,
    Truth,
    read_truth,
)
from orchestration.simulation.vocabulary import KIND

Progress = Callable[[str, float], None]

SMALLEST_PEOPLE = 100
SHORTEST_DAYS = 60
# Bounds memory: about this many touches are held at once.
_TOUCHES_PER_CHUNK = 400_000
_TOUCHES_PER_PERSON = 20
_KEY_COLUMNS = ("contact", "second_contact", "email", "second_email", "visitor", "second_visitor")
_KEY_KINDS = ("contact", "contact", "email", "email", "anonymous", "anonymous")
_CAMPAIGN_SCHEMA = pa.schema(
    [
        (name, pa.timestamp("us") if name.endswith("_at") else pa.string())
        for name in (
            "campaign_id",
            "campaign_name",
            "channel",
            "segment_name",
            "segment_definition",
            "message_name",
            "message_hypothesis",
            "expected_response",
            "success_metric",
            "success_threshold",
            "icp_version",
            "starts_at",
            "ends_at",
            "created_at",
            "updated_at",
        )
    ]
)
_SPEND_SCHEMA = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("spend_date", pa.timestamp("us")),
        ("amount", pa.float64()),
        ("currency", pa.string()),
    ]
)


def _now() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)


@dataclass(frozen=True)
class SimulationOptions:
    """What a simulated world is made of; the same options give the same bytes.

    Args:
        people: People who may become known; strangers who stay anonymous come on top.
        days: Length of the world in days.
        seed: Any whole number from zero; another seed gives another world.
        end: Last moment of the world, UTC; by default the present hour.
        file_format: ``csv`` or ``parquet``; typed Parquet cannot hold unreadable values or broken lines.
        touches: About how many touches to write; None lets it follow from people and days, about 20 each.
        dirt: Whether to add rows that must be quarantined, superseded or pending.
    """

    people: int = 4_000
    days: int = 400
    seed: int = 7
    end: datetime = field(default_factory=_now)
    file_format: str = "csv"
    touches: int | None = None
    dirt: bool = True

    def __post_init__(self) -> None:
        """Refuse options that give no world.

        Raises:
            LeadproofError: If a value is out of bounds.
        """
        for name, value, least in (
            ("people", self.people, SMALLEST_PEOPLE),
            ("days", self.days, SHORTEST_DAYS),
            ("seed", self.seed, 0),
            ("touches", self.touches if self.touches is not None else 1, 1),
        ):
            if value < least:
                raise LeadproofError(f"The simulation's {name} is {value}.", f"Give at least {least}.")
        if self.file_format not in {"csv", "parquet"}:
            raise LeadproofError(
                f"The simulation cannot write the format '{self.file_format}'.", "Give csv or parquet."
            )


def simulate(
    out: Path,
    *,
    people: int = SimulationOptions.people,
    days: int = SimulationOptions.days,
    seed: int = SimulationOptions.seed,
    end: datetime | None = None,
    file_format: str = SimulationOptions.file_format,
    touches: int | None = SimulationOptions.touches,
    dirt: bool = SimulationOptions.dirt,
    progress: Progress | None = None,
) -> Truth:
    """Write a simulated world as canonical files under ``<out>/leadproof`` and its truth beside them.

    Files that an earlier simulation wrote into the folder are replaced; other files are not touched.

    Args:
        out: Landing folder.
        people: People who may become known, at least 100.
        days: Length of the world in days, at least 60.
        seed: Any whole number from zero.
        end: Last moment of the world (UTC where it has no zone); None for the present hour.
        file_format: ``csv`` or ``parquet``.
        touches: About how many touches to write; None lets it follow from people and days.
        dirt: Whether to add rows that must be quarantined, superseded or pending.
        progress: Called with a few words and the share done (0-1).

    Returns:
        What is true about the files.

    Raises:
        LeadproofError: If an option is out of bounds, or the folder holds files of other origin.
    """
    ends = _now() if end is None else to_datetime(to_seconds(end))
    options = SimulationOptions(people, days, seed, ends, file_format, touches, dirt)
    _make_room(out)
    return _Simulation(out, options, progress or (lambda text, share: None)).run()


def _make_room(out: Path) -> None:
    """Remove what an earlier simulation wrote; refuse where anything else lies."""
    system = out / SYSTEM
    found = sorted(path for path in system.rglob("*") if path.is_file()) if system.is_dir() else []
    own = set(read_truth(out).files) if (out / TRUTH_FILE).is_file() else set()
    foreign = [path for path in found if path.relative_to(out).as_posix() not in own]
    if foreign:
        raise LeadproofError(
            f"{foreign[0]} was not written by a finished simulation.",
            "Choose an empty folder, or move the file away.",
        )
    # The truth first: without it, what an interrupted run leaves behind is not taken for its files.
    (out / TRUTH_FILE).unlink(missing_ok=True)
    for path in found:
        path.unlink()


class _Simulation:
    """One run of the simulator.

    Args:
        out: Landing folder.
        options: What to write.
        progress: Called with a few words and the share done.
    """

    def __init__(self, out: Path, options: SimulationOptions, progress: Progress) -> None:
        self.out = out
        self.options = options
        self.progress = progress
        self.end = to_seconds(options.end)
        self.start = self.end - options.days * DAY
        monthly = periods(self.start, self.end)
        quarterly = periods(self.start, self.end, months=3)
        self.periods = {
            "touches": monthly,
            "contacts": periods(self.start, self.end, first_list=DAY),
            "companies": periods(self.start, self.end, months=3, first_list=DAY),
            "campaigns": periods(self.start, self.end, months=3, first_list=DAY),
            "campaign_spend": quarterly,
            "handoffs": quarterly,
            "deals": quarterly,
        }
        self.next_ids = dict.fromkeys(TABLES, 1)
        self.truth = Truth(parameters={**asdict(options), "end": options.end.isoformat()})
        self.truth.tables = {table: TableTruth() for table in TABLES}
        self.dirt = {
            table: Dirt(table, truth, self.end, options.file_format == "csv", options.dirt)
            for table, truth in self.truth.tables.items()
        }

    def run(self) -> Truth:
        """Write everything.

        Returns:
            What is true about the files.
        """
        (self.out / SYSTEM).mkdir(parents=True, exist_ok=True)
        self.progress("Planning campaigns", 0.0)
        calendar = plan_campaigns(self._rng(1), self.start, self.end)
        self.truth.messages = [_message(campaign) for campaign in calendar.campaigns]
        with ExitStack() as stack:
            writers = {
                table: stack.enter_context(TableWriter(self.out, table, self.options.file_format))
                for table in TABLES
            }
            identities = stack.enter_context(_IdentityWriter(self.out / IDENTITIES_FILE))
            self._write_campaigns(writers, calendar)
            for number, (share, chunk) in enumerate(self._chunks()):
                self._write_chunk(writers, identities, calendar, number, chunk)
                self.progress("Simulating people", share)
        if self.options.dirt:
            self._copy_files(writers)
        paths = [path for writer in writers.values() for path in writer.paths]
        for table, writer in writers.items():
            self.truth.tables[table].files = len(writer.paths)
        names = [path.relative_to(self.out).as_posix() for path in paths]
        self.truth.files = sorted([*names, IDENTITIES_FILE, TRUTH_FILE])
        self.truth.write(self.out)
        self.progress("Wrote the truth", 1.0)
        return self.truth

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.options.seed, *stream])

    def _chunks(self) -> Iterator[tuple[float, Population]]:
        """Draw people in chunks whose touches fit into memory."""
        people = self.options.people
        per_person = max((self.options.touches or 0) / people, _TOUCHES_PER_PERSON)
        size = max(int(_TOUCHES_PER_CHUNK / per_person), 20)
        first = company_first = 0
        for number, begin in enumerate(range(0, people, size)):
            count = min(size, people - begin)
            chunk = populate(self._rng(2, number), count, first, company_first, self.start, self.end)
            first += chunk.size_total
            company_first += max(int(count / PEOPLE_PER_COMPANY), 8)
            yield (begin + count) / people, chunk

    def _write_chunk(
        self,
        writers: dict[str, TableWriter],
        identities: "_IdentityWriter",
        calendar: Calendar,
        number: int,
        chunk: Population,
    ) -> None:
        world = World(self._rng(3, number), calendar, self.start, self.end)
        touches = live(world, chunk)
        if self.options.touches is not None:
            target = round(self.options.touches * chunk.people / self.options.people)
            touches = resized(world, chunk, touches, target)
        rng = self._rng(4, number)
        keys = records.carried_keys(rng, chunk, touches)
        ids = pa.array([campaign.campaign_id for campaign in calendar.campaigns])
        table = records.touch_table(rng, chunk, touches, keys, ids, self._reserved("touches", len(touches)))
        crowded = tuple(
            np.unique(chunk.names["email"].to_numpy(zero_copy_only=False)[chunk.role == CROWDED].astype(str))
        )
        self._write_rows(writers["touches"], table, touches.time, number, crowded=crowded)
        contacts = records.contact_table(rng, chunk, touches, self.end)
        self._write_rows(writers["contacts"], contacts, _seconds(contacts, "updated_at"), number)
        companies = records.company_table(rng, chunk, self.start, self.end)
        self._write_rows(writers["companies"], companies, _seconds(companies, "updated_at"), number)
        handoffs, deals = hand_over(world, chunk, touches)
        rows = records.handoff_table(chunk, handoffs, self._reserved("handoffs", len(handoffs.person)))
        self._write_rows(writers["handoffs"], rows, _seconds(rows, "occurred_at"), number)
        rows = records.deal_table(chunk, deals, self._reserved("deals", len(deals.person)))
        self._write_rows(writers["deals"], rows, _seconds(rows, "occurred_at"), number)
        self._count_answers(calendar, touches)
        identities.add(self.truth, chunk, records.link(chunk, touches, keys, self.end))

    def _reserved(self, table: str, count: int) -> int:
        """Reserve numbers for rows of a table.

        Args:
            table: Source table.
            count: How many numbers.

        Returns:
            The first of them.
        """
        first = self.next_ids[table]
        self.next_ids[table] += count
        return first

    def _write_campaigns(self, writers: dict[str, TableWriter], calendar: Calendar) -> None:
        rows = pa.Table.from_pylist(campaign_rows(calendar), schema=_CAMPAIGN_SCHEMA)
        self._write_rows(writers["campaigns"], rows, _seconds(rows, "updated_at"), 0)
        spend = spend_rows(self._rng(5), calendar, self.end)
        rows = pa.Table.from_pylist(spend, schema=_SPEND_SCHEMA)
        self._write_rows(writers["campaign_spend"], rows, _seconds(rows, "spend_date"), 0)

    def _write_rows(
        self,
        writer: TableWriter,
        rows: pa.Table,
        times: Array,
        number: int,
        crowded: tuple[str, ...] = (),
    ) -> None:
        """Cut rows that are ordered by time into the files of their periods."""
        rng = self._rng(6, number, sorted(TABLES).index(writer.table))
        table_periods = self.periods[writer.table]
        cuts = np.searchsorted(times, [period.start for period in table_periods[1:]])
        bounds = [0, *cuts.tolist(), len(rows)]
        for place, period in enumerate(table_periods):
            pieces = self.dirt[writer.table].pieces(
                rng,
                rows.slice(bounds[place], bounds[place + 1] - bounds[place]),
                is_last=place == len(table_periods) - 1,
                crowded=crowded,
                with_kiosk=writer.table == "touches" and number == 0 and place == len(table_periods) // 2,
            )
            writer.write(_subfolder(writer.table, place, period), period.exported_on, pieces)

    def _count_answers(self, calendar: Calendar, touches: Touches) -> None:
        sends = np.array([_send(campaign) for campaign in calendar.campaigns])
        campaign = touches.campaign
        has_campaign = campaign >= 0
        is_send = has_campaign & (sends[campaign.clip(0)] == touches.kind)
        sent = np.bincount(campaign[is_send], minlength=len(sends))
        places = np.full(int(touches.uid.max(initial=0)) + 1, -1)
        places[touches.uid] = np.arange(len(touches))
        cause = np.where(touches.parent >= 0, places[touches.parent.clip(0)], -1)
        answers = (cause >= 0) & ~COMPANY[touches.kind] & ~np.isin(touches.kind, OPT_OUT_KINDS)
        answers[answers] &= is_send[cause[answers]]
        answered = np.bincount(campaign[cause[answers]], minlength=len(sends))
        for message, count, replies in zip(
            self.truth.messages, sent.tolist(), answered.tolist(), strict=True
        ):
            message.company_touches += count
            message.answers += replies

    def _copy_files(self, writers: dict[str, TableWriter]) -> None:
        """Deliver a few files a second time under another name; they must load nothing."""
        for table in ("touches", "contacts", "campaign_spend"):
            original = sorted(writers[table].paths)[0]
            copy = writers[table].folder / "resent" / f"again_{original.name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)
            writers[table].paths.append(copy)
            self.truth.tables[table].duplicate_files += 1


class _IdentityWriter:
    """Writes which keys belong to one person, one row per key, and adds up the counts.

    Args:
        path: The file.
    """

    _SCHEMA = pa.schema([("identity_key", pa.string()), ("true_person", pa.string())])

    def __init__(self, path: Path) -> None:
        self._writer = pa_parquet.ParquetWriter(path, self._SCHEMA, compression="zstd")

    def __enter__(self) -> "_IdentityWriter":
        return self

    def __exit__(self, *details: object) -> None:
        self._writer.close()

    def add(self, truth: Truth, chunk: Population, found: records.Identities) -> None:
        """Add the identities of a chunk.

        Args:
            truth: Counts to be kept.
            chunk: The people.
            found: Their identities.
        """
        for name, count in vars(found).items():
            if name != "keys":
                truth.identities[name] += count
        person, bit, component = found.keys
        texts = pa.concat_arrays([chunk.names[name] for name in _KEY_COLUMNS])
        values = texts.take(pa.array(bit * chunk.size_total + person))
        prefixes = [f"{kind}:" if kind == "email" else f"{kind}:{SYSTEM}:" for kind in _KEY_KINDS]
        number = texts_of((chunk.first + person) * 10 + component, 10)
        self._writer.write_table(
            pa.table([joined(taken(tuple(prefixes), bit), values), number], schema=self._SCHEMA)
        )


def _message(campaign: Campaign) -> MessageTruth:
    first = campaign.versions[0]
    is_sent = _send(campaign) >= 0 and not campaign.gap
    return MessageTruth(
        campaign.campaign_id,
        first["campaign_name"],
        first["channel"],
        first["message_name"],
        round(campaign.rate, 6) if is_sent else None,
    )


def _send(campaign: Campaign) -> int:
    """Find the kind of touch by which the company delivers a campaign; -1 if people come by themselves."""
    program = PROGRAM.get(campaign.program)
    if program is None:
        return KIND["cold_mail"]
    if program.key == "followup":
        return KIND["follow_up"]
    return KIND[program.send] if program.send else -1


def _seconds(rows: pa.Table, column: str) -> Array:
    return np.asarray(rows[column].cast(pa.int64()).to_numpy() // 1_000_000)


def _subfolder(table: str, place: int, period: Period) -> str:
    if table == "touches":
        return period.exported_on[:4]
    return "enrichment" if table == "contacts" and place else ""
