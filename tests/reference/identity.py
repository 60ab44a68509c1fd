"""Who is one person with whom, and how the person is called (section 4).

What a person is like or did does not belong here.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tests.reference.hubs import Linkless, keys_of
from tests.reference.staging import Judged
from tests.reference.values import by_bytes

_KINDS = ("email", "contact", "anonymous")


@dataclass(frozen=True)
class Component:
    """The keys of one person, and the rows that carry one of them.

    Args:
        person_id: Id after the leading key.
        aliases: Ids that the other keys would have led to.
        keys: Linking keys, leading key first.
        contacts: Accepted contact versions.
        touches: Accepted touches.
    """

    person_id: str
    aliases: tuple[str, ...]
    keys: tuple[str, ...]
    contacts: tuple[Judged, ...]
    touches: tuple[Judged, ...]


@dataclass(frozen=True)
class Identities:
    """All people, and who has which key."""

    people: tuple[Component, ...]
    owner_of: dict[str, str]

    def follower(self, handoff: Judged) -> str | None:
        """Section 4: handoffs follow the contact key if a person has it, else the e-mail."""
        return next((self.owner_of[key] for key in keys_of(handoff) if key in self.owner_of), None)


def resolve(rows: Iterable[Judged], linkless: Linkless, salt: str = "") -> Identities:
    """Section 4: connected components of the linking keys of all accepted contact versions and touches."""
    linked = [
        (row, linkless.linking_keys(row))
        for row in rows
        if row.verdict == "accepted" and row.entity in ("contacts", "touches")
    ]
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    earliest: dict[str, datetime] = {}
    for row, keys in linked:
        for key in keys:
            parents.setdefault(key, key)
            moment = _time(row)
            earliest[key] = min(earliest.get(key, moment), moment)
        for key in keys[1:]:
            parents[root(key)] = root(keys[0])

    keys_by_root: dict[str, list[str]] = defaultdict(list)
    for key in parents:
        keys_by_root[root(key)].append(key)
    rows_by_root: dict[str, list[Judged]] = defaultdict(list)
    for row, keys in linked:
        rows_by_root[root(keys[0])].append(row)

    people = []
    for of_person, keys in keys_by_root.items():
        ranked = sorted(keys, key=lambda key: (_KINDS.index(key.split(":")[0]), earliest[key], by_bytes(key)))
        ids = [person_id_of(key, salt) for key in ranked]
        people.append(
            Component(
                person_id=ids[0],
                aliases=tuple(sorted(set(ids[1:]) - {ids[0]})),
                keys=tuple(ranked),
                contacts=tuple(row for row in rows_by_root[of_person] if row.entity == "contacts"),
                touches=tuple(row for row in rows_by_root[of_person] if row.entity == "touches"),
            )
        )
    people.sort(key=lambda person: person.person_id)
    return Identities(tuple(people), {key: person.person_id for person in people for key in person.keys})


def person_id_of(key: str, salt: str = "") -> str:
    """Section 4: `p_` and the first 16 hex digits of md5(salt + leading key)."""
    return "p_" + hashlib.md5((salt + key).encode(), usedforsecurity=False).hexdigest()[:16]


def _time(row: Judged) -> datetime:
    if row.time is None:
        raise ValueError(f"an accepted row without time: {row.row}")
    return row.time
