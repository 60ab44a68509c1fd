"""Names of landing files in which somebody stands who has been forgotten, as they are kept.

The file itself belongs to whoever dropped it and keeps its name. The ledger knows it again by the name that
is written here.
"""

import re

from orchestration.suppression import Suppression

_MENTION = re.compile(r"([^/\s@]+?)(?:@|%40)([^/\s@]+)", re.IGNORECASE)
_TAG_DIGITS = 8


def without_forgotten(name: str, suppression: Suppression) -> str:
    """Write a name without the addresses of the forgotten.

    In names, unlike in texts, an underscore, a stop or a dash may part an address from other words.

    Args:
        name: A path, or another name.
        suppression: Who has been forgotten.

    Returns:
        The name. In place of an address stands the beginning of its keyed digest, so that different files
        keep different names.
    """
    if not suppression:
        return name

    def cleaned(found: re.Match[str]) -> str:
        local, domain = found[1], found[2]
        for begin in (0, *(place for place in range(1, len(local)) if not local[place - 1].isalnum())):
            for end in (
                len(domain),
                *(place for place in range(len(domain) - 1, 0, -1) if not domain[place].isalnum()),
            ):
                key = f"email:{local[begin:]}@{domain[:end]}".lower()
                if suppression.matching([key]):
                    tag = suppression.digest(key)[:_TAG_DIGITS]
                    return f"{local[:begin]}(erased-{tag}){domain[end:]}"
        return found[0]

    return _MENTION.sub(cleaned, name)
