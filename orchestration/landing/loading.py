"""Loading landing files into the raw tables: each file once, whole or not at all.

This module decides what happens to a file; how one is found, read and remembered belongs to
``discovery``, the readers and ``ledger``.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.digests import sha256_of
from orchestration.landing import ledger, readers
from orchestration.landing.declarations import DeclaredTable, TableKey, read_declarations
from orchestration.landing.discovery import LandingFile, Survey, survey
from orchestration.landing.erased_names import without_forgotten
from orchestration.landing.failures import (
    IncompleteReadError,
    RefusedFileError,
    UnsettledFileError,
    is_disk_full,
    told_plainly,
)
from orchestration.landing.inspection import as_utf8, unpack
from orchestration.landing.ledger import DUPLICATE, LOADED, REFUSED, Entry, LoadRun
from orchestration.landing.names import literal
from orchestration.landing.report import DriftNote, LoadReport, TableLoad
from orchestration.landing.summaries import table_summaries
from orchestration.landing.tables import RawTable
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.suppression import Suppression, keep_out, read_suppression

Progress = Callable[[str], None]
_WORK_PREFIX = "landing-"
# Each file is a commit, and each checkpoint writes the last row group of a table anew: not after every few.
_CHECKPOINT_THRESHOLD = "256MB"
_FATAL = (
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.PermissionException,
)


def load_landing(
    settings: Settings,
    *,
    now: datetime | None = None,
    declared: Mapping[TableKey, DeclaredTable] | None = None,
    progress: Progress | None = None,
    root: Path = PROJECT_ROOT,
) -> LoadReport:
    """Load every new file version of the landing folder into the build database.

    Rows and ledger entry of a file commit together; a file that is refused, vanishes or changes while it
    is read leaves nothing behind and does not keep the others from being loaded.

    Args:
        settings: Where things lie, and which systems are on.
        now: The load's moment; None for the present one. Without a zone it is UTC.
        declared: What dbt declares of the raw tables; None to read it from the staging folders.
        progress: Told in a few words what is being loaded.
        root: The project's root folder; its staging folders are the known source systems.

    Returns:
        What was loaded, table by table, and everything a person should be told.

    Raises:
        LeadproofError: If there is no landing folder, the build database cannot be opened or written, the
            disk is full, or the list of the forgotten cannot be read. What was committed until then stays and
            is not loaded again.
    """
    found = survey(settings, root)
    suppression = read_suppression(settings)
    # The ledger knows a file under a name in which nobody stands who has been forgotten.
    found.files = [
        replace(file, relative_path=without_forgotten(file.relative_path, suppression))
        for file in found.files
    ]
    if declared is None:
        declared = read_declarations(root)
    with told_plainly(settings.warehouse), _open_build(settings) as connection, _work(settings) as folder:
        _forbid_other_files(connection, folder, found)
        ledger.create_ledger(connection)
        run = LoadRun(ledger.next_load_id(connection), _naive_utc(now))
        loader = _Loader(connection, run, declared, folder, progress or _say_nothing, settings, suppression)
        loader.load_all(found)
        report = loader.report
        report.tables = _tables(connection, loader, declared)
    report.notes = _notes(settings, found) + report.notes
    report.systems_off = found.systems_off
    return report


class _Loader:
    """Goes through the files of one load run and keeps count."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        run: LoadRun,
        declared: Mapping[TableKey, DeclaredTable],
        folder: Path,
        progress: Progress,
        settings: Settings,
        suppression: Suppression,
    ) -> None:
        self.report = LoadReport()
        self.tables: dict[TableKey, TableLoad] = {}
        self._connection = connection
        self._run = run
        self._declared = declared
        self._folder = folder
        self._progress = progress
        self._settings = settings
        self._suppression = suppression

    def load_all(self, found: Survey) -> None:
        """Load what is new among the files that were found."""
        settled = ledger.settled_versions(self._connection)
        self._note_drift(found.drift)
        for file in found.files:
            self._table(file)
        fresh = [
            file
            for file in found.files
            if (file.relative_path, file.size_bytes, file.mtime_ns) not in settled
        ]
        for number, file in enumerate(fresh, start=1):
            self._progress(
                f"{file.source_system}.{file.source_table}: file {number} of {len(fresh)}"
                f" ({_size(file.size_bytes)})"
            )
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                self._load_file(file, Path(folder))

    def _load_file(self, file: LandingFile, folder: Path) -> None:
        observed_at = file.named_date or self._run.loaded_at
        digest: str | None = None
        try:
            file = _with_present_state(file)
            identity = _identity(file.path)
            plain, digest = _fetch(file, folder)
            earlier = ledger.loaded_path(self._connection, file, digest)
            if earlier is None:
                self._load_content(file, plain, digest, identity, observed_at, folder)
            else:
                message = f"The same content was loaded from {earlier}; nothing is loaded."
                self._settle(file, Entry(file, digest, DUPLICATE, observed_at, message=message))
        except RefusedFileError as refusal:
            self._settle(file, Entry(file, digest, REFUSED, observed_at, message=refusal.reason))
        except UnsettledFileError as trouble:
            self.report.notes.append(f"{file.told_path}: {trouble.reason}")

    def _load_content(
        self,
        file: LandingFile,
        plain: Path,
        digest: str,
        identity: readers.Identity,
        observed_at: datetime,
        folder: Path,
    ) -> None:
        table = RawTable(
            file.source_system,
            file.source_table,
            self._declared.get((file.source_system, file.source_table)),
        )
        job = readers.Job(
            self._connection,
            table,
            file,
            identity,
            self._run,
            observed_at,
            folder,
            self._suppression,
            self._declared,
        )
        try:
            loaded = self._attempt(job, plain, digest)
        except IncompleteReadError:
            try:
                loaded = self._attempt(readers.rewritten(job), plain, digest)
            except IncompleteReadError:
                raise RefusedFileError(
                    "The file cannot be read without losing rows; export it again, as Parquet if possible."
                ) from None
        counts = self._table(file)
        counts.files += 1
        counts.rows += loaded.rows
        counts.rejects += loaded.rejects
        self.report.load_id = self._run.load_id
        if loaded.rejects:
            self.report.notes.append(
                f"{file.told_path}: {loaded.rejects:,} of {loaded.rows + loaded.rejects:,} lines could"
                " not be parsed; they are kept in landing.rejects."
            )
        if loaded.withheld:
            self.report.notes.append(
                f"{file.told_path}: {loaded.withheld:,} rows are about people who have been forgotten and"
                " were left out."
            )
        if loaded.namesakes:
            self.report.notes.append(
                f"{file.told_path}: among the rows left out, {loaded.namesakes:,} have nothing but a name"
                " that a kept record bears, too; if one is an opt-out of that record, land it as a touch with"
                " its address in leadproof/touches."
            )
        if loaded.not_learned:
            self.report.notes.append(
                f"{file.told_path}: {loaded.not_learned:,} records came with the address of somebody"
                " forgotten and are known under another one, or too many bear it; their other rows are kept."
            )

    def _attempt(self, job: readers.Job, plain: Path, digest: str) -> readers.Loaded:
        file = job.file
        with _in_file_order(self._connection), _transaction(self._connection):
            try:
                if file.format == "parquet":
                    loaded = readers.read_parquet(job, plain)
                else:
                    read = readers.read_csv if file.format == "csv" else readers.read_jsonl
                    loaded = read(job, as_utf8(plain, job.folder))
            except duckdb.Error as error:
                if is_disk_full(error) or isinstance(error, _FATAL):
                    raise
                _with_present_state(file)  # a file that vanished is no bad file
                raise IncompleteReadError from None
            except OSError as error:
                if is_disk_full(error):
                    raise
                raise _unreadable(error) from None
            if _with_present_state(file) != file or _identity(file.path) != job.identity:
                raise UnsettledFileError("It changed while it was read; it is loaded with the next build.")
            ledger.add_entry(
                self._connection,
                self._run,
                Entry(
                    file,
                    digest,
                    LOADED,
                    job.observed_at,
                    loaded.rows,
                    loaded.rejects,
                    erased=loaded.withheld,
                ),
            )
            if loaded.learned:
                # Before the commit: a file that is loaded is not read again.
                keep_out(self._settings, loaded.learned)
                self._suppression = read_suppression(self._settings)
            ledger.add_columns(self._connection, self._run, job.table, loaded.columns, dict(loaded.types))
            drift = list(loaded.drift)
            if job.table.declared is None:
                drift.append(_undeclared(job.table))
            fresh = ledger.add_drift(self._connection, self._run, drift)
        self._count_drift(fresh)
        return loaded

    def _settle(self, file: LandingFile, entry: Entry) -> None:
        """Remember a file that loads nothing."""
        counts = self._table(file)
        drift: list[DriftNote] = []
        if entry.status == REFUSED:
            counts.refused += 1
            self.report.notes.append(f"{file.told_path} was refused: {entry.message}")
            drift.append(
                DriftNote(
                    "refused_file",
                    file.source_system,
                    file.source_table,
                    str(entry.message),
                    file.told_path,
                )
            )
        else:
            counts.duplicates += 1
        with _transaction(self._connection):
            ledger.add_entry(self._connection, self._run, entry)
            fresh = ledger.add_drift(self._connection, self._run, drift)
        self._count_drift(fresh)

    def _note_drift(self, notes: list[DriftNote]) -> None:
        with _transaction(self._connection):
            fresh = ledger.add_drift(self._connection, self._run, notes)
        self._count_drift(fresh)

    def _count_drift(self, notes: list[DriftNote]) -> None:
        self.report.drift += notes
        for note in notes:
            counts = self.tables.get((note.source_system or "", note.source_table or ""))
            if counts is not None:
                counts.drift += 1

    def _table(self, file: LandingFile) -> TableLoad:
        key = (file.source_system, file.source_table)
        return self.tables.setdefault(key, TableLoad(*key, is_declared=key in self._declared))


def _fetch(file: LandingFile, folder: Path) -> tuple[Path, str]:
    """Return the file's content under a name of our own, and its hash.

    Names of landing files may hold anything, and DuckDB would read ``*`` and ``[`` in them as patterns.
    """
    plain = folder / "content"
    try:
        if file.is_compressed:
            return plain, unpack(file.path, plain)
        digest = sha256_of(file.path)
    except OSError as error:
        if is_disk_full(error):
            raise
        raise _unreadable(error) from None
    plain.symlink_to(file.path.absolute())
    return plain, digest


def _unreadable(error: OSError) -> UnsettledFileError:
    return UnsettledFileError(
        f"It cannot be read ({(error.strerror or 'unknown error').lower()}); it is tried again with the next"
        " build."
    )


def _with_present_state(file: LandingFile) -> LandingFile:
    try:
        status = file.path.stat()
    except OSError:
        raise _vanished() from None
    return replace(file, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)


def _identity(path: Path) -> readers.Identity:
    """What no copying tool can set: size and modification time of a replaced file may be those of the old."""
    try:
        status = path.stat()
    except OSError:
        raise _vanished() from None
    return status.st_ino, status.st_ctime_ns


def _vanished() -> UnsettledFileError:
    return UnsettledFileError("It vanished before it was read; nothing of it is loaded.")


@contextmanager
def _open_build(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = settings.build_db.parent
    spill = folder / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        str(settings.build_db),
        config={
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(spill),
            "checkpoint_threshold": _CHECKPOINT_THRESHOLD,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")  # it would write over whoever prints
        yield connection
        connection.execute("checkpoint")
    finally:
        connection.close()


@contextmanager
def _work(settings: Settings) -> Iterator[Path]:
    """Give a working folder, and clear away those of runs that were killed.

    The build database is open, and only one process can hold it, so no other run is using them.
    """
    spill = settings.build_db.parent / "spill"
    for left in spill.glob(f"{_WORK_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=spill))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forbid_other_files(connection: duckdb.DuckDBPyConnection, folder: Path, found: Survey) -> None:
    """Let DuckDB read the working folder and the landing files, wherever links lead, and nothing else."""
    folders = {folder.resolve(), *(file.path.resolve().parent for file in found.files)}
    allowed = ", ".join(literal(f"{each}{os.sep}") for each in sorted(folders))
    connection.execute(f"set allowed_directories = [{allowed}]")
    connection.execute("set enable_external_access = false")


@contextmanager
def _in_file_order(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have rows in the order of their file again once its transaction has ended, whatever its reader did."""
    try:
        yield
    finally:
        # Within a transaction that has failed nothing can be set, and after a fatal error nothing is read.
        with suppress(duckdb.Error):
            connection.execute("set preserve_insertion_order = true")


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        # A failed commit, and DuckDB after a fatal error, have no transaction left to roll back.
        with suppress(duckdb.Error):
            connection.execute("rollback")
        raise


def _tables(
    connection: duckdb.DuckDBPyConnection,
    loader: _Loader,
    declared: Mapping[TableKey, DeclaredTable],
) -> list[TableLoad]:
    for key, summary in table_summaries(connection).items():
        counts = loader.tables.setdefault(key, TableLoad(*key, is_declared=key in declared))
        counts.latest_observed_at = summary.latest_observed_at
        counts.total_files = summary.files
        counts.total_rows = summary.rows
        counts.total_rejects = summary.rejects
    return [loader.tables[key] for key in sorted(loader.tables)]


def _notes(settings: Settings, found: Survey) -> list[str]:
    notes = [
        f"Source system '{system}' has files but is off, so they are not loaded; add it to source_systems"
        " in dbt_project.yml."
        for system in found.systems_off
    ]
    notes += [
        f"Source system '{system}' has no folder models/staging/{system}, so its files are loaded but"
        " nothing is built from them; add staging models, or take the folder away."
        for system in found.systems_unknown
    ]
    notes += [
        f"Source system '{system}' is on but has no files under {settings.landing / system}; drop some"
        " there, or take it off source_systems in dbt_project.yml."
        for system in found.systems_empty
    ]
    notes += [
        f"{note.source_file}: {note.detail}" if note.source_file else note.detail for note in found.drift
    ]
    return notes


def _undeclared(table: RawTable) -> DriftNote:
    return DriftNote(
        "undeclared_table",
        table.source_system,
        table.source_table,
        "No dbt source declares the table; it is loaded, and nothing is built from it.",
    )


def _naive_utc(moment: datetime | None) -> datetime:
    moment = moment or datetime.now(UTC)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"


def _say_nothing(text: str) -> None:
    """Take a progress message and drop it."""
