"""What must not be found any more: a person's addresses and ids, in bytes and in DuckDB's texts.

A replacement is as long as what it replaces, so that no file changes its shape and a half-written one is only
a file of which the rest is still to be done.
"""

import html
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from orchestration.landing.identities import ERASED, addresses_of

_BEFORE = rb"(?<![A-Za-z0-9._%+\-])"
_AFTER = rb"(?![A-Za-z0-9_\-]|\.[A-Za-z0-9])"
_PERSON = re.compile(rb"(?<![A-Za-z0-9_])p_[0-9a-f]{16}(?![A-Za-z0-9])")
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
        count = 0

        def _gone(found: re.Match[bytes]) -> bytes:
            nonlocal count
            count += 1
            return _as_long(len(found[0]))

        def _gone_if(known: Collection[bytes], found: re.Match[bytes]) -> bytes:
            nonlocal count
            if found[0] not in known:
                return found[0]
            count += 1
            return _as_long(len(found[0]))

        # Looking for plain bytes is many times as fast as an expression, and mostly there is nothing.
        lowered = content.lower()
        if self._addresses is not None and any(form in lowered for form in self._forms):
            content = self._addresses.sub(_gone, content)
        if any(person in content for person in self._people):
            content = _PERSON.sub(lambda found: _gone_if(self._people, found), content)
        if self._touches and any(system in content for system in self._systems):
            content = _SCOPED.sub(lambda found: _gone_if(self._touches, found), content)
        return content, count

    @property
    def sql_pattern(self) -> str:
        """Everything as one regular expression of RE2, for texts in tables; empty if there is nothing."""
        parts = sorted(self.addresses) + sorted(self.person_ids) + sorted(self.touch_ids)
        return "(?i)(" + "|".join(re.escape(part) for part in parts) + ")" if parts else ""

    @cached_property
    def _addresses(self) -> re.Pattern[bytes] | None:
        if not self._forms:
            return None
        listed = b"|".join(re.escape(form) for form in self._forms)
        return re.compile(_BEFORE + rb"(?:" + listed + rb")" + _AFTER, re.IGNORECASE)

    @cached_property
    def _forms(self) -> list[bytes]:
        """Every way in which an address may be written, in lower case, the longest first."""
        forms = {form.lower().encode() for address in self.addresses for form in _written_forms(address)}
        return sorted(forms, key=len, reverse=True)

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


def _written_forms(address: str) -> set[str]:
    """An address as text, JSON, HTML and links write it."""
    return {
        address,
        json.dumps(address)[1:-1],
        html.escape(address),
        quote(address),
        quote(address, safe="@"),
    }


def _as_long(length: int) -> bytes:
    mark = ERASED.encode()
    return mark + b"*" * (length - len(mark)) if length >= len(mark) else b"*" * length
