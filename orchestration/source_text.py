"""Text that sources chose (names of files, columns, cells), made harmless before anybody is shown it."""

import re
import unicodedata
from typing import Any

from orchestration.mentions import SIGN_FORMS

WITHHELD = "(withheld: it held personal data)"
"""What is told in place of a text that nobody may be shown."""
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_ADDRESS = re.compile(rf"[^\s@](?:{SIGN_FORMS})[^\s@]", re.IGNORECASE | re.ASCII)
_TELEPHONE = re.compile(
    r"(?:\+|%(?:25)*2b)[1-9](?:[0-9 ().\-/]|%(?:25)*2[089f]){6,}[0-9]"
    r"|(?<![0-9])[0-9]{3}(?:\)|%(?:25)*29)?(?:[-. ]|%(?:25)*20)[0-9]{3}(?:[-. ]|%(?:25)*20)[0-9]{4}(?![0-9])",
    re.IGNORECASE,
)


def clean(value: Any) -> str:
    """Make a text of a source fit for one line of a terminal or page.

    Args:
        value: The text; None becomes empty.

    Returns:
        The text without control, direction and other invisible characters, so that it can neither move the
        cursor nor change what stands around it.
    """
    text = "" if value is None else str(value)
    return one_line(" ".join(text.split()))


def one_line(text: str) -> str:
    """Make a text that may hold a source's words one line of a terminal, blanks as they are.

    Args:
        text: The text.

    Returns:
        The text as ``clean`` makes it, but indented and aligned as before.
    """
    if text.isprintable():
        return text
    return "".join(" " if letter.isspace() else _shown(letter) for letter in text)


def lines_as_they_are(text: str) -> str:
    """Make lines that may hold a source's words fit for a terminal.

    Args:
        text: The lines, ended by line feeds.

    Returns:
        The lines as ``one_line`` makes each.
    """
    return "\n".join(one_line(line) for line in text.split("\n"))


def personal_kind(name: str) -> str | None:
    """Say what personal data a name holds, as far as a name can be recognised.

    Args:
        name: A name of a file, folder or column as its source wrote it.

    Returns:
        ``address``, ``telephone`` or null.
    """
    if _ADDRESS.search(name):
        return "address"
    return "telephone" if _TELEPHONE.search(name) else None


def impersonal(text: str | None) -> str | None:
    """Keep to oneself what somebody wrote about a person where everybody may read it.

    Args:
        text: The text; null stays null.

    Returns:
        The text; if it holds an address or a telephone number, that it is withheld.
    """
    return WITHHELD if text is not None and personal_kind(text) is not None else text


def _shown(letter: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in _UNSEEN else letter
