"""Snapshot tables, delivered one after another into a small warehouse whose models run again within seconds.

dbt runs once; what it compiled is then run straight in DuckDB for each sequence of deliveries. What a test
expects does not belong here.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse, run_dbt
from tests.integration.staging_world import load

AS_OF = datetime(2025, 1, 1)
SNAPSHOT_TABLES = ("leadproof/contacts", "leadproof/touches", "leadproof/campaign_spend", "zoho/accounts")
APPENDED_TABLE = "leadproof/handoffs"
_SYSTEMS = ("leadproof", "zoho")
_CSV = {
    "leadproof/contacts": "source_contact_id,job_title,source_stage,created_at,updated_at",
    "leadproof/touches": "source_touch_id,occurred_at,source_contact_id,channel,touch_type",
    "leadproof/campaign_spend": "campaign_id,spend_date,amount,currency",
    "leadproof/handoffs": "source_handoff_id,source_contact_id,occurred_at,outcome",
    "zoho/accounts": "accountid,account_name,industry",
}

Content = Mapping[str, Sequence[str]]
"""The lines of each table's file."""


@dataclass(frozen=True)
class Delivery:
    """One export of every table, and the load that follows it.

    Args:
        content: Name of what it holds.
        loaded_at: When it is loaded (UTC); None to leave it to the load of the next delivery.
        folder: Folder below that of each table; empty for the table's own, which has no date.
        blank_lines: Appended to each file: other bytes, and not one row more.
    """

    content: str
    loaded_at: datetime | None
    folder: str = ""
    blank_lines: int = 0


@dataclass(frozen=True)
class SnapshotWorld:
    """An empty warehouse with every model up to reconciliation.

    Args:
        settings: Where it lies.
    """

    settings: Settings

    @cached_property
    def _tables(self) -> list[tuple[str, str]]:
        """The models that are tables with their SQL, each after those it reads."""
        kinds = fetch(
            self.settings, "select table_schema, table_name, table_type from information_schema.tables"
        )
        views = {f"{row['table_schema']}.{row['table_name']}" for row in kinds if row["table_type"] == "VIEW"}
        path = self.settings.warehouse / "target" / "run_results.json"
        results = json.loads(path.read_text(encoding="utf-8"))["results"]
        compiled = [
            (result["relation_name"].replace('"', "").split(".", 1)[1], result["compiled_code"])
            for result in results
            if result["unique_id"].startswith("model.")
        ]
        return [(relation, sql) for relation, sql in compiled if relation not in views]

    def after(self, root: Path, contents: Mapping[str, Content], deliveries: Iterable[Delivery]) -> Settings:
        """Make the deliveries in a warehouse of their own and build the models on what they brought."""
        settings = make_warehouse(
            root, root / "landing", source_systems=_SYSTEMS, load_modes=self.settings.load_modes
        )
        shutil.copyfile(self.settings.build_db, settings.build_db)
        for delivery in deliveries:
            for table, lines in contents[delivery.content].items():
                path = settings.landing / table / delivery.folder / "export.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                text = "\n".join([_CSV[table], *lines]) + "\n" * (1 + delivery.blank_lines)
                path.write_text(text, encoding="utf-8")
            if delivery.loaded_at:
                load(settings, delivery.loaded_at)
        with connect(settings) as database:
            database.execute(
                "set threads = 1"
            )  # a second one costs more than it brings where tables are small
            for relation, sql in self._tables:
                database.execute(f"create or replace table {relation} as\n{sql}\n")
        return settings


def make_world(root: Path) -> SnapshotWorld:
    """Build the empty warehouse."""
    load_modes = {table.replace("/", "."): "snapshot" for table in SNAPSHOT_TABLES}
    settings = make_warehouse(root, root / "landing", source_systems=_SYSTEMS, load_modes=load_modes)
    load_policy(settings, PROJECT_ROOT / "seeds")
    begin_build(settings, AS_OF)
    run_dbt(settings, "run", "--select", "+row_reconciliation +int_claims_collected")
    return SnapshotWorld(settings)
