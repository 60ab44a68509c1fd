"""What must not be found any more: a person's addresses and ids, in bytes and in DuckDB's texts.

In bytes, a replacement is as long as what it replaces, so that no file changes its shape and a half-written
one is only a file of which the rest is still to be done.
"""

import html
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote

import duckdb

from orchestration.landing.identities import addresses_of
from orchestration.mentions import ERASED, SIGN, Mention, Mentions, mentions_of, pieces
from orchestration.text_search import TextSearch

_SHAPE_OF_PERSON = "p_[0-9a-f]{16}"
_PERSON = re.compile(rf"{_SHAPE_OF_PERSON}(?![A-Za-z0-9])")
_PERSON_IN_BYTES = re.compile(_PERSON.pattern.encode())
# An id of a touch begins where no word goes on, or behind what an escape or a colour of a terminal ends with.
_BEGINS = rb"(?:(?<![A-Za-z0-9_])|(?<=\\[nrtbfv])|(?<=\x1b\[[0-9]m)|(?<=\x1b\[[0-9]{2}m))"
# It goes on with a letter or digit, as it is or escaped, also behind what may end the sentence around it.
_GOES_ON = re.compile(r"[.:\-+~=@$%^_]*(?:[^\W_]|\\+u(?P<unit>[0-9a-f]{4})|&\#(?P<number>[0-9]{1,6});)", re.I)
_LOOKED_BEHIND_BYTES = 64


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

    def in_packed(self, size_bytes: int) -> "Needles":
        """Leave out what may stand in packed bytes all the same.

        That is whatever is so short that it stands anywhere by chance, and ids of touches: a row of somebody
        else keeps the id of the touch that it answers.

        Args:
            size_bytes: Size of the longest that is left out.

        Returns:
            The others.
        """
        return replace(
            self,
            addresses=frozenset(each for each in self.addresses if len(each.encode()) > size_bytes),
            touch_ids=frozenset(),
        )

    def _replaced_once(self, content: bytes) -> tuple[bytes, int]:
        count = 0

        def _gone_if_known(found: re.Match[bytes]) -> bytes:
            nonlocal count
            if found[0] not in self._people:
                return found[0]
            count += 1
            return _as_long(len(found[0]))

        # Looking for plain bytes is many times as fast as an expression, and mostly there is nothing.
        if any(person in content for person in self._people):
            content = _PERSON_IN_BYTES.sub(_gone_if_known, content)
        touches = [*self._touches_in(content)]
        content = b"".join(pieces(content, touches, _gone))
        mentions = [*self.mentions.found_in_bytes(content)]
        return b"".join(pieces(content, mentions, _gone)), count + len(touches) + len(mentions)

    def _touches_in(self, content: bytes) -> Iterator[Mention]:
        """Where ids of touches stand, the longest first: one may begin like another."""
        if not any(system in content for system in self._systems):
            return
        end = 0
        for found in self._touch_begins.finditer(content):
            start = found.start()
            if start < end:
                continue
            for length in self._touch_lengths:
                name = content[start : start + length]
                if len(name) == length and name in self._touches and not _goes_on(content, start + length):
                    end = start + length
                    yield Mention(start, end, "")
                    break

    def _holds_id(self, text: str) -> bool:
        return any(found[0] in self.person_ids for found in _PERSON.finditer(text))

    @cached_property
    def mentions(self) -> Mentions:
        """Where the addresses stand in texts."""
        return mentions_of(self.addresses)

    @cached_property
    def _systems(self) -> frozenset[bytes]:
        return frozenset(name.partition(":")[0].encode() for name in self.touch_ids)

    @cached_property
    def _touch_begins(self) -> re.Pattern[bytes]:
        systems = b"|".join(re.escape(system) for system in sorted(self._systems))
        return re.compile(_BEGINS + rb"(?:" + systems + rb")(?::|%3[Aa])")

    @cached_property
    def _touch_lengths(self) -> list[int]:
        return sorted({len(name) for name in self._touches}, reverse=True)

    @cached_property
    def _people(self) -> frozenset[bytes]:
        return frozenset(name.encode() for name in self.person_ids)

    @cached_property
    def _touches(self) -> frozenset[bytes]:
        return frozenset(form.encode() for name in self.touch_ids for form in _written_forms(name))


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


def _gone(mention: Mention) -> bytes:
    return _as_long(mention.end - mention.start)


def _written_forms(name: str) -> set[str]:
    """How an id is written as it is, in JSON, in HTML, in links, and in one of them within another."""
    once = _written_once(name)
    return once.union(*map(_written_once, once))


def _written_once(text: str) -> set[str]:
    in_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    for sign in "&<>'":  # as JSON within a page is written
        in_json |= {each.replace(sign, f"\\u{ord(sign):04x}") for each in in_json}
    escaped = html.escape(text, quote=False)
    in_html = {escaped, html.escape(text), escaped.replace('"', "&#34;").replace("'", "&#39;")}
    links = {quote(text, safe=safe) for safe in ("", ":", "/", ":/")}
    return {text} | in_json | in_html | links


def _goes_on(content: bytes, place: int) -> bool:
    """Whether an id that ends at a place would be the beginning of a longer one."""
    behind = content[place : place + _LOOKED_BEHIND_BYTES].decode("utf-8", "ignore")
    found = _GOES_ON.match(behind)
    if found is None:
        return False
    if found["unit"]:
        return chr(int(found["unit"], 16)).isalnum()
    return not found["number"] or chr(int(found["number"])).isalnum()
