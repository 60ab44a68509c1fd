"""The engine that runs expectations inside DuckDB: one held connection, read-only and closed to the outside.

Great Expectations gives a connection back before it fetches the result, and DuckDB then drops the result;
so the connection is held for the life of the engine. Nothing is ever loaded into pandas.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from great_expectations.compatibility import pydantic
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.pool import StaticPool

from expectations.catalogue import hardening

# The datasource has a field called `type`, which hides the builtin in its class body.
EngineClass = type[SqlAlchemyExecutionEngine]


class HeldConnectionEngine(SqlAlchemyExecutionEngine):
    """Runs every query of a validation on one connection."""

    _connection: sqlalchemy.Connection | None

    @contextmanager
    def get_connection(self) -> Iterator[sqlalchemy.Connection]:
        """Lend the held connection.

        Yields:
            The connection; it stays open afterwards.
        """
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection

    def close(self) -> None:
        """Give the connection back and close the database, so that the file may be moved."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


class CandidateDatasource(SQLDatasource):
    """A DuckDB file that is only read, with the settings of a hardened reader.

    Args:
        candidate: Path of the DuckDB file. Great Expectations' own ``connection_string`` cannot hold it:
            there, ``$``, ``%`` and ``?`` mean something else.
        memory_limit: DuckDB's memory limit with its unit; None leaves DuckDB's default.
        threads: DuckDB threads; None leaves DuckDB's default.
        spill_dir: Folder for what does not fit into memory.
        shared_files: Files that views of the candidate read.
    """

    type: Literal["duckdb_candidate"] = "duckdb_candidate"
    connection_string: str = "duckdb://"
    candidate: str
    memory_limit: str | None = None
    threads: int | None = None
    spill_dir: str = ""
    shared_files: tuple[str, ...] = ()

    _engine: sqlalchemy.Engine | None = pydantic.PrivateAttr(None)
    _held: HeldConnectionEngine | None = pydantic.PrivateAttr(None)

    @property
    def execution_engine_type(self) -> EngineClass:
        """The engine class that this datasource uses."""
        return HeldConnectionEngine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """Return the one engine of this datasource.

        Returns:
            The engine, made at the first call.
        """
        if self._held is None:
            # By default the engine copies each table into a temporary one before it looks at it.
            self._held = HeldConnectionEngine(engine=self.get_engine(), create_temp_table=False)
        return self._held

    def close(self) -> None:
        """Close the database, if it was opened."""
        if self._held is not None:
            self._held.close()
            self._held = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _create_engine(self) -> sqlalchemy.Engine:
        engine = sqlalchemy.create_engine(
            sqlalchemy.URL.create("duckdb", database=self.candidate),
            connect_args={"read_only": True},
            poolclass=StaticPool,
        )
        spill_dir = Path(self.spill_dir) if self.spill_dir else None

        shared_files = [Path(path) for path in self.shared_files]

        def harden(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for statement in hardening(self.memory_limit, self.threads, spill_dir, shared_files):
                cursor.execute(statement)
            cursor.close()

        sqlalchemy.event.listen(engine, "connect", harden)
        return engine
