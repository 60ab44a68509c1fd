"""How text becomes values: trimming, times, numbers, flags, codes.

Which columns an entity has does not belong here.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

BLANKS = " \t\r\n"

_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"
    r"\s?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)
# Signs as they are, as a link writes them (once or packed), and an address's also as HTML and JSON do.
_LINK = "%(25)*"
_AT = rf"(@|{_LINK}40|&(amp;)*(\#0*64|\#x0*40|commat);|\\u0040)"
_ADDRESS = re.compile(rf"[^\s@|,;]{_AT}[^\s@|,;]+(\.|{_LINK}2e)[^\s@|,;]", re.ASCII | re.IGNORECASE)
_AROUND_AT = re.compile(rf"[^\s@|,;:/=<>()]*{_AT}[^\s@|,;/<>()]*", re.ASCII | re.IGNORECASE)
_TELEPHONE = re.compile(rf"(\+|{_LINK}2b)[1-9]([0-9 ().\-/]|{_LINK}2[089f]){{6,}}[0-9]", re.IGNORECASE)
_BLANK = rf"([-. ]|{_LINK}20)"
_GROUPED_TELEPHONE = re.compile(
    rf"(\b|{_LINK}[0-9a-f]{{2}})[0-9]{{3}}(\)|{_LINK}29)?{_BLANK}[0-9]{{3}}{_BLANK}[0-9]{{4}}\b",
    re.ASCII | re.IGNORECASE,
)
_QUERY = re.compile(r"\?[^\s?=&]+=", re.ASCII)
_WHOLE_QUERY = re.compile(r"\?[^\s?=&]+=\S*", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def trimmed(text: str | None) -> str | None:
    """Section 2: every text is trimmed (space, tab, CR, LF) and empty is null."""
    if text is None:
        return None
    return text.strip(BLANKS) or None


def as_code(text: str | None) -> str | None:
    """Section 2: codes and attributes compare lower-cased."""
    return None if text is None else text.lower()


def as_time(text: str) -> datetime | None:
    """Section 2: times without a zone are UTC; all stored times are UTC. Null where it cannot be read."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
        )  # fmt: skip
    except ValueError:
        return None
    if zone in (None, "Z", "z", "UTC"):
        return moment
    digits = zone[1:].replace(":", "").ljust(4, "0")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    offset = timezone(shift if zone[0] == "+" else -shift)
    return moment.replace(tzinfo=offset).astimezone(UTC).replace(tzinfo=None)


def as_number(text: str) -> float | None:
    """A number, or null where it cannot be read (section 2: an unreadable optional value becomes null)."""
    return float(text) if _NUMBER.fullmatch(text) else None


def as_flag(text: str) -> bool | None:
    """A yes or no, or null where it cannot be read."""
    return {
        "true": True, "t": True, "1": True, "yes": True, "y": True,
        "false": False, "f": False, "0": False, "no": False, "n": False,
    }.get(text.lower())  # fmt: skip


def address_of(email: str | None) -> str | None:
    """Section 4: the normalised address, or null for text that is no address.

    Normalised = trimmed and lower-cased; an address has exactly one ``@`` between two non-empty parts.
    """
    text = trimmed(email)
    if text is None:
        return None
    parts = text.lower().split("@")
    return text.lower() if len(parts) == 2 and all(parts) else None


def looks_personal(text: str) -> bool:
    """Decision 0029: an address, a telephone number (with country code, or in groups), a query string."""
    return any(pattern.search(text) for pattern in (_ADDRESS, _TELEPHONE, _GROUPED_TELEPHONE, _QUERY))


def without_addresses(text: str) -> str:
    """Decision 0029: the words around each ``@`` are hidden, where one of them is in an address."""
    return _AROUND_AT.sub("<address>", text) if _ADDRESS.search(text) else text


def without_personal_words(text: str) -> str:
    """Decision 0029: what looks personal is hidden, the rest stays."""
    told = _WHOLE_QUERY.sub("?<query>", without_addresses(text))
    return _GROUPED_TELEPHONE.sub("<telephone>", _TELEPHONE.sub("<telephone>", told))


def by_bytes(text: str) -> bytes:
    """Sections 4 and 5: texts are ordered by bytes."""
    return text.encode()


def days(number: float) -> timedelta:
    """A number of days as policy states it."""
    return timedelta(days=number)
