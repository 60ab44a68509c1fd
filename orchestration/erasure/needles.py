"""What must not be found any more: a person's addresses and ids, in bytes and in DuckDB's texts.

A replacement is as long as what it replaces, so that no file changes its shape and a half-written one is only
a file of which the rest is still to be done.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from orchestration.landing.identities import addresses_of
from orchestration.mentions import ERASED, Mentions

_PERSON = re.compile(rb"p_[0-9a-f]{16}(?![A-Za-z0-9])")
# What may end the sentence in which an id stands, and an id as well.
_STOPS = b".:"
_SCOPED = re.compile(rb"(?<![A-Za-z0-9_])[a-z][a-z0-9_]{0,62}:[^\s\"'<>|,;&\\()\[\]{}]+")


@dataclass(frozen=True)
class Needles:
    """What must not be found.

    Args:
        addresses: Normalised e-mail addresses.
        person_ids: Ids of the person in releases.
        touch_ids: Ids of the person's touches.
    """

    addresses: frozenset[str]
    person_ids: frozenset[str]
    touch_ids: frozenset[str]

    def replaced(self, content: bytes) -> tuple[bytes, int]:
        """Take everything out of some bytes.

        Args:
            content: The bytes.

        Returns:
            As many bytes, and how many occurrences were taken out.
        """
        content, count = self.mentions.replaced(content, _as_long)

        def _gone_if(known: Collection[bytes], found: re.Match[bytes]) -> bytes:
            nonlocal count
            name = found[0] if found[0] in known else found[0].rstrip(_STOPS)
            if name not in known:
                return found[0]
            count += 1
            return _as_long(len(name)) + found[0][len(name) :]

        # Looking for plain bytes is many times as fast as an expression, and mostly there is nothing.
        if any(person in content for person in self._people):
            content = _PERSON.sub(lambda found: _gone_if(self._people, found), content)
        if self._touches and any(system in content for system in self._systems):
            content = _SCOPED.sub(lambda found: _gone_if(self._touches, found), content)
        return content, count

    @cached_property
    def mentions(self) -> Mentions:
        """Where the addresses stand in texts."""
        return Mentions(self.addresses)

    @cached_property
    def sql_pattern(self) -> str:
        """Addresses and person ids as one regular expression of RE2, for texts in tables; empty without any.

        What has to stay before and after them are its groups 1 and 2.
        """
        people = "|".join(sorted(self.person_ids))
        if not self.addresses:
            return f"()(?:{people})()" if people else ""
        return f"{self.mentions.sql_pattern}|{people}" if people else self.mentions.sql_pattern

    @cached_property
    def _systems(self) -> frozenset[bytes]:
        return frozenset(f"{name.partition(':')[0]}:".encode() for name in self.touch_ids)

    @cached_property
    def _people(self) -> frozenset[bytes]:
        return frozenset(name.encode() for name in self.person_ids)

    @cached_property
    def _touches(self) -> frozenset[bytes]:
        return frozenset(name.encode() for name in self.touch_ids)


def needles_of(keys: Collection[str], person_ids: Collection[str], touch_ids: Collection[str]) -> Needles:
    """Collect what must not be found of a person.

    Args:
        keys: The person's identity keys.
        person_ids: Ids in releases.
        touch_ids: Ids of touches in releases.

    Returns:
        The needles.
    """
    return Needles(frozenset(addresses_of(keys)), frozenset(person_ids), frozenset(touch_ids))


def _as_long(length: int) -> bytes:
    mark = ERASED.encode()
    return mark + b"*" * (length - len(mark)) if length >= len(mark) else b"*" * length
