"""What must not be found any more: a person's addresses and ids, in bytes and in DuckDB's texts.

In bytes, a replacement is as long as what it replaces, so that no file changes its shape and a half-written
one is only a file of which the rest is still to be done.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import duckdb

from orchestration.landing.identities import addresses_of
from orchestration.mentions import ERASED, SIGN, Mentions, mentions_of, pieces
from orchestration.text_search import TextSearch

_SHAPE_OF_PERSON = "p_[0-9a-f]{16}"
_PERSON = re.compile(rf"{_SHAPE_OF_PERSON}(?![A-Za-z0-9])")
_PERSON_IN_BYTES = re.compile(_PERSON.pattern.encode())
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
        taken = 0
        while True:
            content, count = self._replaced_once(content)
            if not count:
                return content, taken
            # What is gone may have joined something else to a longer word.
            taken += count

    def names(self, text: str) -> bool:
        """Say whether a text names the person by an address or an id of a release.

        Args:
            text: The text.

        Returns:
            Whether it does.
        """
        return self._holds_id(text) or self.mentions.names(text)

    def names_in_bytes(self, content: bytes) -> bool:
        """Say whether bytes name the person by an address or an id of a release.

        Args:
            content: The bytes.

        Returns:
            Whether they do.
        """
        return any(
            found[0] in self._people for found in _PERSON_IN_BYTES.finditer(content)
        ) or self.mentions.names_in_bytes(content)

    def cleaned(self, text: str) -> str:
        """Take the person's addresses and ids out of a text.

        Args:
            text: The text.

        Returns:
            The rest, which names the person no more.
        """
        while self.names(text):
            text = _PERSON.sub(lambda found: ERASED if found[0] in self.person_ids else found[0], text)
            text = self.mentions.cleaned(text)
        return text

    def in_sql(self, connection: duckdb.DuckDBPyConnection) -> TextSearch:
        """Let a connection look for the person's addresses and ids.

        Args:
            connection: The connection.

        Returns:
            What it can ask.
        """
        return TextSearch(connection, self, f"{SIGN}|{_SHAPE_OF_PERSON}" if self.person_ids else SIGN)

    def longer_than(self, size_bytes: int) -> "Needles":
        """Leave out what is so short that it may stand anywhere by chance.

        Args:
            size_bytes: Size of the longest that is left out.

        Returns:
            The others.
        """
        return replace(
            self,
            addresses=frozenset(each for each in self.addresses if len(each.encode()) > size_bytes),
            touch_ids=frozenset(each for each in self.touch_ids if len(each.encode()) > size_bytes),
        )

    def _replaced_once(self, content: bytes) -> tuple[bytes, int]:
        count = 0

        def _gone_if(known: Collection[bytes], found: re.Match[bytes]) -> bytes:
            nonlocal count
            name = found[0] if found[0] in known else found[0].rstrip(_STOPS)
            if name not in known:
                return found[0]
            count += 1
            return _as_long(len(name)) + found[0][len(name) :]

        # Looking for plain bytes is many times as fast as an expression, and mostly there is nothing.
        if any(person in content for person in self._people):
            content = _PERSON_IN_BYTES.sub(lambda found: _gone_if(self._people, found), content)
        if self._touches and any(system in content for system in self._systems):
            content = _SCOPED.sub(lambda found: _gone_if(self._touches, found), content)
        mentions = [*self.mentions.found_in_bytes(content)]
        rest = pieces(content, mentions, lambda mention: _as_long(mention.end - mention.start))
        return b"".join(rest), count + len(mentions)

    def _holds_id(self, text: str) -> bool:
        return any(found[0] in self.person_ids for found in _PERSON.finditer(text))

    @cached_property
    def mentions(self) -> Mentions:
        """Where the addresses stand in texts."""
        return mentions_of(self.addresses)

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
