"""An address that stands inside another text: how it may be written there, where it begins and ends.

One definition for whoever takes addresses out, whoever looks whether they are gone, and whoever asks it of a
text that arrives. If two of them differed by a character, an erasure would find what it cannot take out and
never end, or would take from somebody else.
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, unquote

ERASED = "(erased)"
"""What stands in place of an address in the text of somebody else's row."""

# Before an address may stand what belongs to no word, and between them signs that begin no address. In stored
# texts a line break is a backslash and a letter, and a colon in a link is a per cent sign and two digits.
_SIGNS_BEFORE = ".%+'-"
_ESCAPE = r"\\[nrtbfv]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|%[0-9a-f]{2}"
_ESCAPE_CHARACTERS = 6
_ENDS_IN_ESCAPE = re.compile(rf"(?:{_ESCAPE})\Z", re.IGNORECASE)
_GOES_ON = re.compile(r"[.\-]*\w")
_SQL_BEFORE = rf"((?:^|[^\p{{L}}\p{{N}}_.%+'\-]|{_ESCAPE})[.%+'\-]*)"
_SQL_AFTER = r"([.\-]*(?:$|[^\p{L}\p{N}_.\-]))"
# Within what stands close to the sign: in a text without end an open expression would look from every letter.
_CLOSE, _TRIED = 320, 8
_PART = rf"[^\s@<>\"(),;:|\[\]{{}}\\=&?/]{{1,{_CLOSE}}}"
_BEFORE_AT, _AFTER_AT = re.compile(rf"{_PART}\Z"), re.compile(_PART)
_AT, _PACKED_AT = "@", "%40"
_NOTHING_AROUND = re.compile(r"\w[\w.+'-]*@(?:[\w.-]*\w)")

TOKEN = r"(?i)[^\s<>\"(),;|\[\]{}]+(?:@|%40)[^\s<>\"(),;|\[\]{}]+"
"""Regular expression of RE2: what has to be looked at in a text to find every address that it names."""


@dataclass(frozen=True)
class Mentions:
    """Where some addresses stand in texts.

    Args:
        addresses: Normalised addresses.
    """

    addresses: frozenset[str]

    def replaced(self, content: bytes, gone: Callable[[int], bytes]) -> tuple[bytes, int]:
        """Take every mention out of some bytes.

        Args:
            content: The bytes, a text or anything else.
            gone: Gives what takes the place of so many bytes.

        Returns:
            The rest, and how many mentions were taken out.
        """
        lowered = content.lower()
        # Looking for plain bytes is many times as fast as an expression, and mostly there is nothing.
        if not any(form in lowered for form in self._plain_forms):
            return content, 0
        text = content.decode("utf-8", "surrogateescape")
        kept, end, count = [], 0, 0
        for found in self._found(text):
            length = len(_as_bytes(text[found.start() : found.end()]))
            kept += [_as_bytes(text[end : found.start()]), gone(length)]
            end, count = found.end(), count + 1
        return b"".join([*kept, _as_bytes(text[end:])]), count

    @cached_property
    def sql_pattern(self) -> str:
        """Regular expression of RE2 with what stands before as group 1 and what stands after as group 2."""
        forms = "|".join(re.escape(form) for form in self._forms)
        return f"(?i){_SQL_BEFORE}(?:{forms}){_SQL_AFTER}"

    def sql_condition(self, expression: str) -> str:
        """Write the condition that a text mentions one of the addresses.

        Args:
            expression: SQL of the text.

        Returns:
            SQL, never null.
        """
        if not self._forms:
            return "false"
        # The expression alone, as the search asks it: it takes more letters for one (a long s for an s)
        # than a comparison of lower case does, and what only the search finds could never be taken out.
        return f"coalesce(regexp_matches({expression}, {_literal(self.sql_pattern)}), false)"

    def sql_without(self, expression: str) -> str:
        """Write a text with the addresses taken out.

        Args:
            expression: SQL of the text.

        Returns:
            SQL of the text.
        """
        if not self._forms:
            return expression
        cleaned = sql_replaced(expression, self.sql_pattern)
        return f"case when {self.sql_condition(expression)} then {cleaned} else {expression} end"

    @cached_property
    def _forms(self) -> list[str]:
        """Every way in which the addresses may be written, in lower case, the longest first."""
        forms = {form.lower() for address in self.addresses for form in _written_forms(address)}
        return sorted(forms, key=lambda form: (-len(form), form))

    @cached_property
    def _plain_forms(self) -> list[bytes]:
        """The same in bytes of which only ASCII letters are in lower case."""
        return [told.encode().lower() for form in self._forms for told in {form, form.upper()}]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        forms = "|".join(re.escape(form) for form in self._forms)
        return re.compile(rf"(?:{forms})(?!{_GOES_ON.pattern})", re.IGNORECASE)

    def _found(self, text: str) -> Iterator[re.Match[str]]:
        position = 0
        while found := self._pattern.search(text, position):
            is_whole = _begins_at(text, found.start())
            if is_whole:
                yield found
            position = found.end() if is_whole else found.start() + 1


def mentions_of(addresses: Iterable[str]) -> Mentions:
    """Collect addresses that are looked for.

    Args:
        addresses: Normalised addresses.

    Returns:
        Their mentions.
    """
    return Mentions(frozenset(addresses))


def possible_addresses(text: str) -> set[str]:
    """List the addresses that a text may mention, for whoever has only their digests to compare with.

    Args:
        text: The text.

    Returns:
        Normalised addresses, most of which are nobody's.
    """
    if _NOTHING_AROUND.fullmatch(text):
        return {text.lower()}  # as most cells are: millions of them are looked at
    found: set[str] = set()
    for told in {text, unquote(text)} if _PACKED_AT in text.lower() else {text}:
        sign = told.find(_AT)
        while sign >= 0:
            found |= _around(told, sign)
            sign = told.find(_AT, sign + 1)
    return found


def sql_replaced(expression: str, pattern: str) -> str:
    """Write a text in which what a pattern finds between its two groups is taken out.

    Args:
        expression: SQL of the text.
        pattern: Regular expression of RE2 with two groups.

    Returns:
        SQL of the text.
    """
    # Twice, because two mentions side by side share what stands between them.
    for _ in range(2):
        expression = f"regexp_replace({expression}, {_literal(pattern)}, '\\1{ERASED}\\2', 'g')"
    return expression


def _around(text: str, sign: int) -> set[str]:
    """The addresses that may stand around a sign: with other signs around them, and without."""
    start = max(sign - _CLOSE, 0)
    before, after = _BEFORE_AT.search(text[start:sign]), _AFTER_AT.match(text, sign + 1)
    if before is None or after is None:
        return set()
    first = start + before.start()
    beginnings = [place for place in range(first, sign) if _begins_at(text, place)]
    ends = [place for place in range(sign + 2, after.end() + 1) if not _GOES_ON.match(text, place)]
    return {
        text[begin:end].lower()
        for begin in {first, *beginnings[-_TRIED:]}
        for end in {after.end(), *ends[:_TRIED]}
    }


def _written_forms(address: str) -> set[str]:
    """An address as text, JSON, HTML and links write it."""
    return {
        address,
        json.dumps(address)[1:-1],
        html.escape(address),
        quote(address),
        quote(address, safe="@"),
    }


def _begins_at(text: str, start: int) -> bool:
    while start and text[start - 1] in _SIGNS_BEFORE:
        start -= 1
    before = text[start - 1 : start] if start else ""
    is_in_word = before.isalnum() or before == "_"
    return not is_in_word or bool(_ENDS_IN_ESCAPE.search(text[max(start - _ESCAPE_CHARACTERS, 0) : start]))


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
