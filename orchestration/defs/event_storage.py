"""Dagster's event log for a run inside the command line's own process.

Same files, same tables as Dagster's SQLite storage, so the UI reads what is written here. Choosing another
storage belongs to ``dagster.yaml``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from dagster import DagsterInstance
from dagster._core.instance import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.pool import NullPool

from orchestration.settings import Settings

_BUSY_SECONDS = 300
_NO_CAPTURE = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


class KeptConnectionEventLogStorage(SqliteEventLogStorage):
    """SQLite event log that keeps its connections while the process lives.

    Dagster opens and closes a database for every event, which costs more than a small build's models: each
    close writes the journal back and each open compiles every statement anew. A build has hundreds of events.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept: dict[str, sqlalchemy.Connection] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "KeptConnectionEventLogStorage":
        """Make the storage from its configuration, as Dagster asks for it."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock:
            connection = self._kept.get(shard) or self._open(shard)
            with connection.begin():
                yield connection

    def _open(self, shard: str) -> sqlalchemy.Connection:
        engine = sqlalchemy.create_engine(
            self.conn_string_for_shard(shard),
            poolclass=NullPool,
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        )
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        connection = engine.connect()
        # With a write-ahead log this still survives a crash of the process; only a power cut may lose events.
        connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
        connection.rollback()
        self._kept[shard] = connection
        return connection

    def dispose(self) -> None:
        """Close the connections."""
        while self._kept:
            _, connection = self._kept.popitem()
            connection.close()
            connection.engine.dispose()
        super().dispose()


def own_process_instance(settings: Settings) -> DagsterInstance:
    """Open Dagster's storage for a run inside this process.

    Args:
        settings: Where ``DAGSTER_HOME`` is.

    Returns:
        The same storage that the UI reads. Stdout is not captured, because the terminal is ours; a storage
        other than SQLite stays as ``dagster.yaml`` says.
    """
    ref = InstanceRef.from_dir(str(settings.dagster_home), overrides=_NO_CAPTURE)
    events = ref.event_storage_data
    if events is not None and events.class_name == SqliteEventLogStorage.__name__:
        kept = ConfigurableClassData(
            module_name=__name__,
            class_name=KeptConnectionEventLogStorage.__name__,
            config_yaml=events.config_yaml,
        )
        # Without the unified storage, its three parts are opened one by one: same folders.
        ref = ref._replace(storage_data=None, event_storage_data=kept)
    return DagsterInstance.from_ref(ref)
