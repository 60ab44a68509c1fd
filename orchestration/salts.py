"""Salts of person ids that builds have ever used: kept releases know people by ids of earlier salts, too.

Only who computes all ids of a person can take them out of every release. Whose ids are looked for is decided
in ``erasure``.
"""

import json
from collections.abc import Iterable

from orchestration.errors import LeadproofError
from orchestration.private_files import close_to_others, write_private
from orchestration.settings import Settings

SALTS_FILE = "salts.json"


def kept_salts(settings: Settings) -> frozenset[str]:
    """Read the salts that builds have used.

    Args:
        settings: Where they lie.

    Returns:
        The salts; none before the first build.

    Raises:
        LeadproofError: If they cannot be read. Without them somebody may stay in earlier releases.
    """
    path = settings.erasures / SALTS_FILE
    try:
        salts = json.loads(path.read_text(encoding="utf-8"))["salts"]
        if not isinstance(salts, list) or not all(isinstance(salt, str) for salt in salts):
            raise TypeError("salts are a list of texts")
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError):
        # Without the cause: it may quote a salt.
        raise LeadproofError(
            f"The earlier salts of person ids at {path} cannot be read.", "Restore the file from a backup."
        ) from None
    return frozenset(salts)


def keep_salts(settings: Settings, salts: Iterable[str]) -> None:
    """Keep salts of person ids for their owner alone. Only for a caller that holds the build lock.

    Args:
        settings: Where they lie.
        salts: Salts; an empty one means that ids carry none.

    Raises:
        LeadproofError: If those kept so far cannot be read.
    """
    held = kept_salts(settings)
    known = held | set(salts)
    if known != held:
        close_to_others(settings.erasures)
        content = json.dumps({"salts": sorted(known)}, indent=1) + "\n"
        write_private(settings.erasures / SALTS_FILE, content.encode())
