"""What the simulator knows to be true about the files it wrote.

A test compares this with what was read, judged and joined. Nothing here is read by a build: the file's name
begins with ``_``.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.errors import LeadproofError

TRUTH_FILE = "_truth.json"
IDENTITIES_FILE = "_truth_identities.parquet"


@dataclass
class TableTruth:
    """True counts of one source table, as of the end of the world.

    Args:
        landed: Rows that a loader must keep, structural rejects included, files with repeated content not.
        superseded: Rows whose key comes again later.
        pending: Rows whose time is later than the end.
        quarantined: Rows to be quarantined, by reason code.
        replaced: Those of them whose key is accepted from a later file, by reason code.
        warnings: Unreadable optional values, by column.
        duplicate_files: Files whose content another file of the table has as well.
        files: Files written, duplicates included.
    """

    landed: int = 0
    superseded: int = 0
    pending: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    duplicate_files: int = 0
    files: int = 0

    @property
    def accepted(self) -> int:
        """Rows that take part in everything."""
        return self.landed - self.superseded - self.pending - self.quarantined.total()


@dataclass
class MessageTruth:
    """How one campaign's message really does.

    Args:
        campaign_id: Id of the campaign.
        campaign_name: Name of its first version.
        channel: Channel.
        message_name: Name of the message.
        true_response_rate: Probability (0-1) that a touch is answered by a person of average pull; null where
            people come by themselves.
        company_touches: Touches of the company that it made.
        answers: Touches of people that answered them.
    """

    campaign_id: str
    campaign_name: str | None
    channel: str
    message_name: str
    true_response_rate: float | None
    company_touches: int = 0
    answers: int = 0


@dataclass
class Truth:
    """Everything known about simulated files.

    Args:
        parameters: Options of the simulation, ``end`` as ISO text (UTC).
        tables: Counts by source table.
        identities: How many people a faithful reader finds, how many of them are known, how many were joined.
        messages: One entry per campaign.
        files: Paths of all files written, relative to the landing folder, this one included.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, TableTruth] = field(default_factory=dict)
    identities: Counter[str] = field(default_factory=Counter)
    messages: list[MessageTruth] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def quarantined(self) -> dict[tuple[str, str], int]:
        """Injected rows that must be quarantined, by source table and reason code."""
        return {
            (name, code): count
            for name, table in self.tables.items()
            for code, count in sorted(table.quarantined.items())
            if count
        }

    def write(self, folder: Path) -> None:
        """Write the truth beside the files.

        Args:
            folder: The landing folder.
        """
        # Not dataclasses.asdict: it rebuilds a Counter from pairs and so counts the pairs.
        tables = {name: {**vars(table), "accepted": table.accepted} for name, table in self.tables.items()}
        messages = [vars(message) for message in self.messages]
        text = json.dumps({**vars(self), "tables": tables, "messages": messages}, indent=1, sort_keys=True)
        (folder / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")


def read_truth(folder: Path) -> Truth:
    """Read the truth that lies beside simulated files.

    Args:
        folder: The landing folder.

    Returns:
        The truth.

    Raises:
        LeadproofError: If the folder holds no readable truth.
    """
    try:
        found = json.loads((folder / TRUTH_FILE).read_text(encoding="utf-8"))
        tables = {}
        for name, table in found["tables"].items():
            del table["accepted"]
            for counter in ("quarantined", "replaced", "warnings"):
                table[counter] = Counter(table[counter])
            tables[name] = TableTruth(**table)
        return Truth(
            found["parameters"],
            tables,
            Counter(found["identities"]),
            [MessageTruth(**message) for message in found["messages"]],
            found["files"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LeadproofError(
            f"{folder / TRUTH_FILE} is missing or cannot be read.",
            "Write the folder again with `leadproof simulate --out <folder>`.",
        ) from error
