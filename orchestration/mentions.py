"""An address that stands inside another text: how it may be written there, where it begins and ends.

The only definition, for whoever takes addresses out, whoever looks whether they are gone, and whoever asks it
of a text that arrives. If two of them differed by a character, an erasure would find what it cannot take out
and never end, or would take from somebody else. So every sign that parts a mailbox from its domain is looked
at here, in Python: what is written around it is decoded, the addresses that may stand there are listed, and
whoever asks says which of them are meant. How databases ask belongs to ``text_search``.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html.entities import html5
from typing import TypeVar

ERASED = "(erased)"
"""What stands in place of an address in the text of somebody else's row."""

# The sign in links, in HTML and in JSON, packed once or several times, also in DuckDB's text of bytes.
_PACKED_SIGNS = {
    "%": r"(?:25){0,8}(?:40|u0040)",
    "&": r"(?:amp;){0,8}(?:#0{0,8}64|#x0{0,8}40|commat);",
    r"\\": r"\\{0,7}(?:x5c(?:\\{1,8}x5c){0,3})?(?:u0040|u\{0{0,4}40\}|x40)",
}
SIGN_FORMS = "|".join(["@", *(first + rest for first, rest in _PACKED_SIGNS.items())])
"""Regular expression of RE2 and of Python: the sign, as it is or packed, in either case."""
SIGN = f"(?i){SIGN_FORMS}"
"""Regular expression of RE2: a text in which it finds nothing names no address."""

# The same for Python, which looks for one of some characters faster than for one of some beginnings.
_ANY_SIGN = r"[@%&\\](?:(?<=@)" + "".join(f"|(?<={key}){rest}" for key, rest in _PACKED_SIGNS.items()) + ")"
_SIGN_IN_TEXT = re.compile(_ANY_SIGN, re.IGNORECASE | re.ASCII)

# What exports and mail programs put around an address that is the whole of a value; the name before it may be
# another. Written for RE2 and for Python alike, so the blanks are listed: each has another idea of them.
_BLANK = " \t\r\n\u00a0\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
WHOLE_ADDRESS = (
    f'(?i)^[{_BLANK}"]*(?:(?:[^<>@]*|[^<>,;]*|"?[^"<>]*"[{_BLANK}]*)<)?[{_BLANK}\']*'
    f"(?:(?:mailto|smtp):[{_BLANK}]*)?"
    f'([^{_BLANK}<>"@,;:()]+(?:@|%40)[^{_BLANK}<>"@,;:()?&]+?)'
    f"(?:\\?[^{_BLANK}<>@]*)?[{_BLANK}\">,;.']*$"
)
"""Regular expression of RE2: a value that is one address and nothing else, which is its first group."""
_WHOLE_ADDRESS = re.compile(WHOLE_ADDRESS)
_ESCAPE = re.compile(
    r"(?:%[0-9a-f]{2})+|(?:\\x[0-9a-f]{2})+|(?:[\\%]u[0-9a-f]{4})+|\\u\{[0-9a-f]{1,6}\}|\\[nrtbfv\"'/\\]"
    r"|&(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});",
    re.IGNORECASE | re.ASCII,
)
_ESCAPE_BEGINS = re.compile(r"[%&\\]")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v"}
_MOST_PACKED = 8  # JSON in a link in JSON in bytes, and some more

# An address is looked for so far from its sign, as it is written and as it reads, and not at every place
# where one could begin: a text without an end would be looked at from each of its letters.
_WRITTEN, _LONGEST, _TRIED = 1_024, 320, 8
_BYTES_WRITTEN = 4 * _WRITTEN
# Signs that join words to one mailbox or domain; before or after all words they may as well be punctuation.
_IN_MAILBOX, _IN_DOMAIN = frozenset(".%+'-"), frozenset(".-")
_NEVER_INSIDE = frozenset('<>"@')
# What parts words although its signs, letters and digits are those of words: colours of a terminal, two dots,
# and the letter before a quote by which Python and SQL tell kinds of texts. That one may be a mailbox, too.
_COLOUR, _COLOUR_BEGINS, _LONGEST_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]", re.ASCII), "\x1b[", 64
_DOTS = ".."
_KINDS_OF_QUOTED = frozenset(f"{letter}'" for letter in "bBuUrRfFeEnN")
# As most cells are, and millions of them are looked at: nothing here could be read in another way.
_PLAIN = re.compile(
    r"(?![bfnreu]')[a-z0-9][a-z0-9_.+'\-]*@[a-z0-9](?:[a-z0-9.\-]*[a-z0-9])?", re.IGNORECASE | re.ASCII
)
# As most addresses stand in texts: nothing encoded beside them, nothing but space or quotes before them. The
# first reads backwards from the sign. What does not fit is looked at letter by letter, and comes to the same.
_PLAINLY_BEFORE = re.compile(
    r"([a-z0-9_.+'\-]*[a-z0-9_])(?<!'[bfnreu])(?:\Z|[\x00-\x20\"<>@])", re.IGNORECASE | re.ASCII
)
_PLAINLY_AFTER = re.compile(
    r"([a-z0-9_.\-]*[a-z0-9_])((?:[!#$'()*+,/:;=?\[\]^`{|}~][!#$'-;=?A-\[\]-~]*)?)(?:\Z|[\x00-\x20\"<>@])",
    re.IGNORECASE | re.ASCII,
)
_ENDS_IN_NAME = re.compile(
    r"_|[.\-]+\d|(?:\.(?:csv|tsv|txt|jsonl?|parquet|xlsx?|xml|zip|gz|tmp|part|crdownload))+(?![^\W_])",
    re.IGNORECASE,
)
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x11FF),  # Burmese, Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0xA4CF),  # Kana, Han
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),
    (0x20000, 0x3FFFF),
)
_WORD, _OTHER, _NEVER = "word", "other", "never"
Text = TypeVar("Text", str, bytes)


@dataclass(frozen=True)
class Mention:
    """Where an address stands in a text or in bytes.

    Args:
        start: Where it begins.
        end: Where it ends.
        address: The address, folded.
    """

    start: int
    end: int
    address: str


@dataclass(frozen=True)
class Mentions:
    """Where some addresses stand in texts.

    Args:
        is_meant: Says of a folded address whether it is one of them.
        domain_starts: Letters with which their domains begin, folded; None if nobody knows.
    """

    is_meant: Callable[[str], bool]
    domain_starts: frozenset[str] | None = None

    def found(self, text: str, *, in_name: bool = False) -> Iterator[Mention]:
        """Find the addresses in a text.

        Args:
            text: The text.
            in_name: Whether it is the name of a file, in which an underscore, a date or an ending parts an
                address from other words.

        Yields:
            Each mention, in order; none reaches into another.
        """
        if len(text) <= _LONGEST and not in_name and _PLAIN.fullmatch(text) and _DOTS not in text:
            address = text.lower()
            if self.is_meant(address):
                yield Mention(0, len(text), address)
            return
        floor = 0
        for start, end, stop in _with_next(_SIGN_IN_TEXT.finditer(text), len(text)):
            begin, last = max(floor, start - _WRITTEN), min(stop, end + _WRITTEN)
            before = _Side(text[begin:start], begin > floor, text[start] == "%")
            after = _Side(text[end:last], last < stop)
            floor = end
            if meant := self._meant(before, after, in_name):
                left, right, address = meant
                floor = end + right
                yield Mention(begin + left, floor, address)

    def found_in_bytes(self, content: bytes) -> Iterator[Mention]:
        """Find the addresses in bytes, a text or anything else.

        Args:
            content: The bytes.

        Yields:
            Each mention, in order; none reaches into another.
        """
        floor = 0
        for start, end, stop in _with_next(self._sign_in_bytes.finditer(content), len(content)):
            begin, last = max(floor, start - _BYTES_WRITTEN), min(stop, end + _BYTES_WRITTEN)
            told_before, told_after = _as_text(content[begin:start]), _as_text(content[end:last])
            is_cut = begin > floor or len(told_before) > _WRITTEN
            before = _Side(told_before[-_WRITTEN:], is_cut, content[start : start + 1] == b"%")
            after = _Side(told_after[:_WRITTEN], last < stop or len(told_after) > _WRITTEN)
            floor = end
            if meant := self._meant(before, after, in_name=False):
                left, right, address = meant
                floor = end + len(_as_bytes(after.text[:right]))
                yield Mention(start - len(_as_bytes(before.text[left:])), floor, address)

    def names(self, text: str) -> bool:
        """Say whether a text names one of the addresses.

        Args:
            text: The text.

        Returns:
            Whether it does.
        """
        return next(self.found(text), None) is not None

    def names_in_bytes(self, content: bytes) -> bool:
        """Say whether bytes name one of the addresses.

        Args:
            content: The bytes.

        Returns:
            Whether they do.
        """
        return next(self.found_in_bytes(content), None) is not None

    def cleaned(self, text: str) -> str:
        """Take every mention out of a text.

        Args:
            text: The text.

        Returns:
            The text, in which none is found any more.
        """
        # What was taken out is a boundary for what follows already, so a second look finds nothing.
        return "".join(pieces(text, self.found(text), lambda _: ERASED))

    @cached_property
    def _sign_in_bytes(self) -> re.Pattern[bytes]:
        """A sign before one of the domains: in bytes that are no text, signs stand everywhere."""
        if self.domain_starts is None:
            return re.compile(_ANY_SIGN.encode(), re.IGNORECASE)
        letters = {form for start in self.domain_starts for form in _unfolded(start)}
        forms = b"|".join(re.escape(_as_bytes(letter)) for letter in sorted(letters))
        return re.compile(_ANY_SIGN.encode() + rb"(?=[%&\\]|" + (forms or rb"(?!)") + rb")", re.IGNORECASE)

    def _meant(self, before: "_Side", after: "_Side", in_name: bool) -> tuple[int, int, str] | None:
        """One of the addresses around a sign, the longest first: where it begins and ends on its sides."""
        if not before.text or not after.text:
            return None
        return self._meant_as_written(before, after, in_name) or (
            self._meant_as_written(form, after, in_name) if (form := before.as_form()) else None
        )

    def _meant_as_written(
        self, before: "_Side", after: "_Side", in_name: bool
    ) -> tuple[int, int, str] | None:
        if not in_name and (plain := _around_plainly(before, after)) is not None:
            return next((each for each in plain if self.is_meant(each[2])), None)
        beginnings, ends = _beginnings(before, in_name), _ends(after, in_name)
        # As far as it can be decoded first: a mailbox `r&d` in HTML is no `d` behind an escape.
        for level in reversed(range(max(len(beginnings), len(ends)))):
            for left, mailbox in beginnings[min(level, len(beginnings) - 1)]:
                for right, domain in ends[min(level, len(ends) - 1)]:
                    if self.is_meant(f"{mailbox}@{domain}"):
                        return left, right, f"{mailbox}@{domain}"
        return None


def mentions_of(addresses: Iterable[str]) -> Mentions:
    """Collect addresses that are looked for.

    Args:
        addresses: Addresses, in any case.

    Returns:
        Their mentions.
    """
    known = frozenset(map(folded, addresses))
    starts = frozenset(address.rpartition("@")[2][:1] for address in known)
    return Mentions(known.__contains__, starts)


def normalised(text: str) -> str:
    """Write an address as identity keys hold it.

    Args:
        text: The address.

    Returns:
        Without space around it, and in lower case, letter by letter as DuckDB does it: Python's own lower
        case looks at neighbours, and makes two letters of one.
    """
    return "".join(_lowered(letter) for letter in text.strip(" \t\r\n"))


def whole_address(text: str) -> str | None:
    """Read the address that a text is, but for what mail programs put around it.

    Args:
        text: For example ``mailto:jane@firm.example`` or ``Jane <jane@firm.example>``.

    Returns:
        The address, normalised; None if the text is something else, or holds more.
    """
    found = _WHOLE_ADDRESS.match(text)
    return None if found is None else normalised(found[1]).replace("%40", "@")


@lru_cache(maxsize=65_536)
def folded(address: str) -> str:
    """Write an address so that its upper and lower case, in which letters may have several forms, are one.

    Args:
        address: The address.

    Returns:
        Its form for comparing; nobody's key.
    """
    if address.isascii():
        return address.lower()
    letters = (_folded_letter(letter) for letter in address)
    return "".join(letters).replace("i\u0307", "i")  # what Python makes of a capital I with a dot


def pieces(content: Text, mentions: Iterable[Mention], gone: Callable[[Mention], Text]) -> list[Text]:
    """Put something in the place of mentions.

    Args:
        content: A text or bytes.
        mentions: What is found there, in order.
        gone: Gives what takes the place of a mention.

    Returns:
        The rest, to be joined.
    """
    parts: list[Text] = []
    end = 0
    for mention in mentions:
        parts += [content[end : mention.start], gone(mention)]
        end = mention.end
    parts.append(content[end:])
    return parts


@dataclass(frozen=True)
class _Reading:
    """What stands on one side of a sign, decoded so many times.

    Args:
        text: How it reads.
        places: Where each letter begins in what is written, and the end.
    """

    text: str
    places: Sequence[int]


@dataclass(frozen=True)
class _Side:
    """What is written on one side of a sign.

    Args:
        text: As it is written.
        is_cut: Whether more is written beyond it.
        is_in_link: Whether the sign is written as links write it.
    """

    text: str
    is_cut: bool
    is_in_link: bool = False

    def as_form(self) -> "_Side | None":
        """Read the last word as a link's query, where a plus is a space and a plus of an address is `%2B`."""
        start = next((at for at in range(len(self.text), 0, -1) if self.text[at - 1].isspace()), 0)
        word = self.text[start:]
        if not self.is_in_link or "+" not in word:
            return None
        begins = min((at for sign in "?=&" if (at := word.find(sign)) >= 0), default=len(word))
        query = word[begins:].replace("+", " ")
        return _Side(self.text[:start] + word[:begins] + query, self.is_cut) if " " in query else None

    def readings(self) -> list[_Reading]:
        """Read the text as it is written, and decoded once, twice and so on."""
        found = [_Reading(self.text, range(len(self.text) + 1))]
        while len(found) <= _MOST_PACKED and (deeper := _decoded(found[-1])) is not None:
            found.append(deeper)
        return found


def _with_next(signs: Iterable[re.Match], length: int) -> Iterator[tuple[int, int, int]]:  # type: ignore[type-arg]
    """Where each sign begins and ends, and where the next one begins."""
    spans = (found.span() for found in signs)
    last = next(spans, None)
    if last is None:
        return
    for span in spans:
        yield *last, span[0]
        last = span
    yield *last, length


def _decoded(reading: _Reading) -> _Reading | None:
    """Decode a text once; None if nothing is encoded in it."""
    text = reading.text
    if not _ESCAPE_BEGINS.search(text):
        return None
    letters: list[str] = []
    places: list[int] = []
    end, is_other = 0, False
    for found in _ESCAPE.finditer(text):
        letters += text[end : found.start()]
        places += reading.places[end : found.start()]
        end = found.end()
        for letter, place in _letters_of(found[0]):
            letters.append(letter)
            places.append(reading.places[found.start() + place])
        is_other = True
    if not is_other:
        return None
    letters += text[end:]
    places += reading.places[end:]
    told = "".join(letters)
    return _Reading(told, places) if told != text else None


def _letters_of(escape: str) -> list[tuple[str, int]]:
    """What an escape says, and where in it each letter begins; what says nothing stays as it is written."""
    kind = escape[:2].lower()
    if escape[2:3] == "{":
        return [(_character(int(escape[3:-1], 16)) or "\ufffd", 0)]
    if kind in ("\\u", "%u"):
        return _letters_of_units(escape)
    if kind[0] == "%":
        return _letters_of_bytes(escape, len("%00"))
    if kind == "\\x":
        return _letters_of_bytes(escape, len("\\x00"))
    if kind[0] == "\\":
        return [(_CONTROLS.get(kind[1], kind[1]), 0)]
    told = _entity(escape)
    return [(letter, 0) for letter in told] if told else [*zip(escape, range(len(escape)), strict=True)]


def _letters_of_bytes(escape: str, width: int) -> list[tuple[str, int]]:
    """Letters of UTF-8 whose bytes are written one by one."""
    content = bytes(
        int(escape[place + width - 2 : place + width], 16) for place in range(0, len(escape), width)
    )
    found: list[tuple[str, int]] = []
    place = 0
    while place < len(content):
        length = next(
            (
                count
                for count in range(1, _BYTES_WRITTEN // _WRITTEN + 1)
                if _is_letter(content[place : place + count])
            ),
            0,
        )
        if length:
            found.append((content[place : place + length].decode(), place * width))
        else:
            found += [(escape[at], at) for at in range(place * width, (place + 1) * width)]
        place += length or 1
    return found


def _is_letter(content: bytes) -> bool:
    try:
        return len(content.decode()) == 1
    except UnicodeDecodeError:
        return False


def _letters_of_units(escape: str) -> list[tuple[str, int]]:
    """Letters of UTF-16 as JSON writes them, of which two may be one letter."""
    width = len("\\u0000")
    units = [(int(escape[place + 2 : place + width], 16), place) for place in range(0, len(escape), width)]
    told = "".join(chr(unit) for unit, _ in units)
    whole = told.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found: list[tuple[str, int]] = []
    at = 0
    for letter in whole:
        found.append((letter, units[at][1]))
        at += 2 if ord(letter) > 0xFFFF else 1
    return found


def _entity(escape: str) -> str:
    name = escape[1:].lower() if escape[1] == "#" else escape[1:]
    if not name.startswith("#"):
        return html5.get(name) or html5.get(name.lower()) or ""
    number = int(name[2:-1], 16) if name[1] == "x" else int(name[1:-1])
    return _character(number)


def _character(number: int) -> str:
    return chr(number) if number < 0x110000 else ""


def _around_plainly(before: "_Side", after: "_Side") -> list[tuple[int, int, str]] | None:
    """All addresses around a sign where little can stand; None where somebody has to look closely."""
    mailbox = _PLAINLY_BEFORE.match(before.text[::-1])
    domain = _PLAINLY_AFTER.match(after.text)
    if mailbox is None or domain is None or _DOTS in mailbox[1]:
        return None
    left, right, whole = mailbox.end(1), domain.end(1), domain.end(2)
    is_open = (before.is_cut and left == len(before.text)) or (after.is_cut and whole == len(after.text))
    if is_open or max(left, whole) > _LONGEST:
        return None
    name = f"{mailbox[1][::-1]}@".lower()
    ends = (right,) if right == whole else (whole, right)
    return [(len(before.text) - left, end, name + after.text[:end].lower()) for end in ends]


def _beginnings(side: _Side, in_name: bool) -> list[list[tuple[int, str]]]:
    """Where an address may begin before a sign, the farthest first, and how its mailbox reads; by reading."""
    readings = side.readings()
    return [
        [
            (reading.places[place], folded(reading.text[place:]))
            for place in _open_places(reading.text, side.is_cut, in_name)
            if all(
                _opens_deeper(reading, place, deeper, side.is_cut, in_name)
                for deeper in readings[level + 1 :]
            )
        ]
        for level, reading in enumerate(readings)
    ]


def _open_places(text: str, is_cut: bool, in_name: bool) -> list[int]:
    first = end = len(text)
    while first > max(end - _LONGEST, 0) and _kind(text[first - 1]) != _NEVER:
        first -= 1
    places: list[int] = []
    is_open, quoted_from = _opens(text, first, is_cut, in_name), -1
    for place in range(first, end):
        is_open = is_open or _parts_before(text, place)
        if is_open and text[place : place + 2] in _KINDS_OF_QUOTED:
            quoted_from = place + 2
        is_quoted = 0 <= quoted_from <= place
        if is_open or is_quoted or (place > first and _changes_script(text[place - 1], text[place])):
            places.append(place)
        if text[place] not in _IN_MAILBOX:
            is_open = not _is_word(text[place], in_name)
            quoted_from = -1 if is_quoted else quoted_from
    return places if len(places) <= _TRIED else [places[0], *places[-_TRIED:]]


def _opens(text: str, place: int, is_cut: bool, in_name: bool) -> bool:
    """Whether an address may begin at a place: what joins it to no word stands before it."""
    before = _word_ends(text, place)
    is_quoted = 0 < before < place and text[before - 1 : before + 1] in _KINDS_OF_QUOTED
    if is_quoted and _opens_word(text, before - 1, is_cut, in_name):
        return True
    return _opens_word(text, place, is_cut, in_name)


def _opens_word(text: str, place: int, is_cut: bool, in_name: bool) -> bool:
    before = _word_ends(text, place)
    if _DOTS in text[before:place] or _parts_before(text, before):
        return True
    if not before:
        return not is_cut
    if not _is_word(text[before - 1], in_name):
        return True
    return before == place < len(text) and _changes_script(text[before - 1], text[place])


def _word_ends(text: str, place: int) -> int:
    """Where the word ends that signs may join to what stands at a place."""
    while place and text[place - 1] in _IN_MAILBOX:
        place -= 1
    return place


def _parts_before(text: str, place: int) -> bool:
    """Whether a colour of a terminal or two dots end at a place."""
    if text[max(place - 2, 0) : place] == _DOTS:
        return True
    begin = text.rfind(_COLOUR_BEGINS, max(place - _LONGEST_COLOUR, 0), place)
    return begin >= 0 and _COLOUR.fullmatch(text, begin, place) is not None


def _opens_deeper(reading: _Reading, place: int, deeper: _Reading, is_cut: bool, in_name: bool) -> bool:
    """Whether it may begin there as well when more is decoded: an escape may stand for what joins words."""
    written = reading.places[place]
    found = bisect_left(deeper.places, written)
    if found < len(deeper.places) and deeper.places[found] == written:
        return _opens(deeper.text, found, is_cut, in_name)
    # Behind a backslash stands what it makes of its letter, or a word: `CORP\nan@...`. Nobody can tell.
    return place > 0 and reading.text[place - 1] == "\\"


def _ends(side: _Side, in_name: bool) -> list[list[tuple[int, str]]]:
    """Where an address may end after a sign, the farthest first, and how its domain reads; by reading."""
    readings = side.readings()
    return [
        [
            (reading.places[place], folded(reading.text[:place]))
            for place in _closed_places(reading.text, side.is_cut, in_name)
            if all(
                _closes_deeper(reading, place, deeper, side.is_cut, in_name)
                for deeper in readings[level + 1 :]
            )
        ]
        for level, reading in enumerate(readings)
    ]


def _closed_places(text: str, is_cut: bool, in_name: bool) -> list[int]:
    most = min(len(text), _LONGEST)
    run = 0
    while run < most and (text[run] in _IN_DOMAIN or _is_word(text[run], in_name=False)):
        run += 1
    whole = run
    while whole < most and _kind(text[whole]) != _NEVER:
        whole += 1
    places: list[int] = []
    is_closed = _closes(text, run, is_cut, in_name)
    for place in range(run, 0, -1):
        if place < run and text[place] not in _IN_DOMAIN:
            is_closed = _changes_script(text[place - 1], text[place])
        if is_closed or (in_name and _ENDS_IN_NAME.match(text, place)):
            places.append(place)
    tried = places if len(places) <= _TRIED else [places[0], *places[-_TRIED:]]
    # A domain of other characters is none, but a field with a semicolon behind it is still a key.
    is_end = whole < most or (whole == len(text) and not is_cut)
    if whole > run and is_end and _closes(text, whole, is_cut, in_name):
        return [whole, *tried]
    return tried


def _closes(text: str, place: int, is_cut: bool, in_name: bool) -> bool:
    """Whether an address may end at a place: what follows joins no word to it."""
    after = place
    while after < len(text) and text[after] in _IN_DOMAIN:
        after += 1
    if after == len(text):
        return not is_cut
    if not _is_word(text[after], in_name=False) or (in_name and bool(_ENDS_IN_NAME.match(text, place))):
        return True
    return 0 < after == place and _changes_script(text[place - 1], text[place])


def _closes_deeper(reading: _Reading, place: int, deeper: _Reading, is_cut: bool, in_name: bool) -> bool:
    written = reading.places[place]
    found = bisect_left(deeper.places, written)
    is_edge = found < len(deeper.places) and deeper.places[found] == written
    return is_edge and _closes(deeper.text, found, is_cut, in_name)


def _is_word(letter: str, in_name: bool) -> bool:
    return _kind(letter) == _WORD and not (in_name and letter == "_")


@lru_cache(maxsize=8_192)
def _kind(letter: str) -> str:
    if letter in _NEVER_INSIDE or letter.isspace():
        return _NEVER
    if letter == "_" or letter.isalnum():
        return _WORD
    category = unicodedata.category(letter)
    # An accent of its own belongs to the letter before; what Python does not know yet may be a letter.
    if category[0] == "M" or category == "Cn":
        return _WORD
    return _NEVER if category in ("Cc", "Cs") else _OTHER


def _changes_script(before: str, after: str) -> bool:
    """Whether a word ends between two letters because only one belongs to a script without spaces."""
    if before.isascii() and after.isascii():
        return False
    return (
        _kind(before) == _kind(after) == _WORD
        and unicodedata.category(after)[0] != "M"
        and _is_without_spaces(before) != _is_without_spaces(after)
    )


@lru_cache(maxsize=8_192)
def _is_without_spaces(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in _WITHOUT_SPACES)


def _lowered(letter: str) -> str:
    return letter.lower()[:1]


@lru_cache(maxsize=8_192)
def _folded_letter(letter: str) -> str:
    told = letter.casefold()
    return told if len(told) == 1 else _lowered(letter)


@lru_cache(maxsize=1_024)
def _unfolded(letter: str) -> tuple[str, ...]:
    """All letters that are one when folded."""
    if letter.isascii() and letter not in "iks":
        return (letter, letter.upper())
    others = (other for other in map(chr, range(0x20000)) if _folded_letter(other) == letter)
    return tuple({letter, *others})  # beyond, letters have one form


def _as_text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
