"""Which addresses strangers share, as far as policy says it: what bears one is nobody's in particular.

What the models found out belongs to ``erasure``.
"""

import csv
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

_MOST_CONTACTS = "max_contacts_per_address"


@dataclass(frozen=True)
class SharedAddresses:
    """What makes an address a shared one.

    Args:
        mailboxes: What stands before the sign in addresses of shared mailboxes.
        most_contacts: How many records may bear one person's address.
    """

    mailboxes: Set[str]
    most_contacts: int

    def is_mailbox(self, address: str) -> bool:
        """Say whether an address is a shared mailbox's.

        Args:
            address: A normalised address.

        Returns:
            Whether it is one.
        """
        return address.split("@")[0] in self.mailboxes


def read_shared_addresses(root: Path) -> SharedAddresses:
    """Read what makes an address a shared one.

    Args:
        root: The project's root folder, which holds ``seeds``.

    Returns:
        What policy says. Of several periods, the lowest number of records counts.
    """
    seeds = root / "seeds"
    limits = [int(row["value"]) for row in _rows(seeds / "stage_policy.csv") if row["key"] == _MOST_CONTACTS]
    return SharedAddresses(
        frozenset(row["local_part"].strip().lower() for row in _rows(seeds / "shared_mailboxes.csv")),
        min(limits) if limits else 1,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
