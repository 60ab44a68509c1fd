"""Who has been forgotten, kept in a form from which nobody can be told: keyed digests of identity keys.

A digest answers whether a key that arrives is one of them, and nothing else: without the secret nobody can
try addresses against the list. Whose keys they are is decided in ``erasure``; ``landing`` asks before a row
is kept.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from orchestration.errors import LeadproofError
from orchestration.mentions import Mentions, folded
from orchestration.private_files import make_key, read_key, write_private
from orchestration.settings import Settings

LIST_FILE = "suppressed.json"
SECRET_FILE = "suppression.key"
_EMAIL, _MENTION = "email:", "mention:"
# Tells whether the secret at hand is the one that the list was made with.
_PROBE = "leadproof suppression list"


@dataclass(frozen=True)
class Suppression:
    """The keys of everybody who has been forgotten.

    Args:
        secret: Secret of the digests; empty as long as nobody has been forgotten.
        digests: Keyed digests of identity keys, in hex.
    """

    secret: bytes = b""
    digests: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.digests)

    def matching(self, keys: Iterable[str]) -> set[str]:
        """Pick those keys that belong to somebody who has been forgotten.

        Args:
            keys: Identity keys, such as ``email:<normalised>``.

        Returns:
            The keys found.
        """
        return {key for key in keys if self.digests and self.digest(key) in self.digests}

    @cached_property
    def mentions(self) -> Mentions:
        """Where texts name somebody who has been forgotten."""

        # One who writes much is named in many rows.
        @lru_cache(maxsize=65_536)
        def is_listed(address: str) -> bool:
            return bool(self.matching([f"{_EMAIL}{address}", f"{_MENTION}{address}"]))

        return Mentions(is_listed)

    def digest(self, key: str) -> str:
        """Write a key as the list holds it.

        Args:
            key: An identity key.

        Returns:
            The keyed digest, in hex.
        """
        return _digest(self.secret, key)


NOBODY = Suppression()
"""The list as long as nobody has been forgotten."""


def read_suppression(settings: Settings) -> Suppression:
    """Read the list of the forgotten.

    Args:
        settings: Where the list lies, and its secret if the environment gives one.

    Returns:
        The list; an empty one if nobody has been forgotten.

    Raises:
        LeadproofError: If the list cannot be read, or its secret is missing or another one. Then nothing may
            be loaded, because nobody could say who is to be kept out.
    """
    path = settings.erasures / LIST_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        probe, digests = content["probe"], frozenset(content["digests"])
    except (FileNotFoundError, NotADirectoryError):
        return NOBODY
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LeadproofError(
            f"The list of the forgotten at {path} cannot be read.", "Restore it from a backup."
        ) from error
    secret = _secret(settings)
    if secret is None or not hmac.compare_digest(_digest(secret, _PROBE), probe):
        raise LeadproofError(
            "The secret of the list of the forgotten is missing or is another one.",
            f"Restore {settings.erasures / SECRET_FILE}, or set LEADPROOF_SUPPRESSION_KEY as it was.",
        )
    return Suppression(secret, digests)


def keep_out(settings: Settings, keys: Iterable[str]) -> int:
    """Add keys to the list of the forgotten. Only for a caller that holds the build lock.

    Args:
        settings: Where the list lies.
        keys: Identity keys.

    Returns:
        How many of them were not in it yet.

    Raises:
        LeadproofError: If the list or its secret cannot be read.
    """
    held = read_suppression(settings)
    secret = held.secret or _secret(settings) or make_key(settings.erasures / SECRET_FILE)
    fresh = {_digest(secret, key) for key in _with_mentions(keys)} - held.digests
    if fresh:
        write_private(
            settings.erasures / LIST_FILE,
            json.dumps(
                {"probe": _digest(secret, _PROBE), "digests": sorted(held.digests | fresh)}, indent=1
            ).encode(),
        )
    return len(fresh)


def keyed_digest(settings: Settings, key: str) -> str:
    """Write a key so that a certificate can be found by who knows key and secret, and by nobody else.

    Args:
        settings: Where the secret lies.
        key: An identity key.

    Returns:
        The keyed digest, in hex.
    """
    return _digest(_secret(settings) or make_key(settings.erasures / SECRET_FILE), key)


def list_digest(settings: Settings) -> str:
    """Digest the list, to tell whether somebody has been forgotten since.

    Args:
        settings: Where the list lies.

    Returns:
        The hex digest; empty if nobody has been forgotten.
    """
    path = settings.erasures / LIST_FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _with_mentions(keys: Iterable[str]) -> set[str]:
    """Keys, and how a text names the addresses among them whose letters have several forms.

    As another kind: a row whose own address only looks alike is somebody else's.
    """
    held = set(keys)
    addresses = {key.removeprefix(_EMAIL) for key in held if key.startswith(_EMAIL)}
    return held | {f"{_MENTION}{folded(each)}" for each in addresses if folded(each) != each}


def _digest(secret: bytes, key: str) -> str:
    return hmac.digest(secret, key.encode("utf-8", "surrogatepass"), "sha256").hex()


def _secret(settings: Settings) -> bytes | None:
    if settings.suppression_key:
        return settings.suppression_key.encode()
    return read_key(settings.erasures / SECRET_FILE)
