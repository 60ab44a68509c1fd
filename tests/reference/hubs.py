"""Identity keys, and which of them link nobody (section 4, ADR 0001).

Who is one person with whom does not belong here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tests.reference.policy import Policy
from tests.reference.values import address_of

if TYPE_CHECKING:
    from tests.reference.staging import Judged


@dataclass(frozen=True)
class Linkless:
    """Keys that link nobody.

    Args:
        shared: Local parts of shared mailboxes.
        addresses: Addresses on too many contact records.
        anonymous: Keys of anonymous ids that too many people use.
    """

    shared: frozenset[str]
    addresses: frozenset[str]
    anonymous: frozenset[str]

    def links(self, key: str) -> bool:
        """Whether a key links."""
        if key.startswith("email:"):
            address = key.removeprefix("email:")
            return address.split("@")[0] not in self.shared and address not in self.addresses
        return key not in self.anonymous

    def linking_keys(self, row: Judged) -> list[str]:
        """The keys of a contact version or touch that link."""
        return [key for key in keys_of(row) if self.links(key)]


def keys_of(row: Judged) -> list[str]:
    """Section 4: all identity keys that a row carries, linking or not."""
    system, keys = row.row.source_system, []
    if contact := row.text("source_contact_id"):
        keys.append(f"contact:{system}:{contact}")
    if address := address_of(row.text("email")):
        keys.append(f"email:{address}")
    if row.entity == "touches" and (anonymous := row.text("anonymous_id")):
        keys.append(f"anonymous:{system}:{anonymous}")
    return keys


def keys_that_link_nobody(
    *,
    accepted_contacts: Iterable[Judged],
    standing_touches: Iterable[Judged],
    policy: Policy,
    as_of: datetime,
) -> Linkless:
    """Section 4, "nobody is linked by", with the policy at as-of; ADR 0001 for anonymous ids."""
    most = policy.stage_values(as_of).max_contacts_per_address
    records: dict[str, set[str]] = defaultdict(set)
    for version in accepted_contacts:
        if address := address_of(version.text("email")):
            records[address].add(f"{version.row.source_system}:{version.text('source_contact_id')}")
    addresses: dict[str, set[str]] = defaultdict(set)
    contacts: dict[str, set[str]] = defaultdict(set)
    for touch in standing_touches:
        keys = keys_of(touch)
        for anonymous in (key for key in keys if key.startswith("anonymous:")):
            addresses[anonymous].update(key for key in keys if key.startswith("email:"))
            contacts[anonymous].update(key for key in keys if key.startswith("contact:"))
    return Linkless(
        shared=policy.shared_mailboxes,
        addresses=frozenset(address for address, of_address in records.items() if len(of_address) > most),
        anonymous=frozenset(
            key for key in addresses if len(addresses[key]) > most or len(contacts[key]) > most
        ),
    )
