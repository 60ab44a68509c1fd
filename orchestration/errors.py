"""Errors a person can act on. Nothing here knows a library or a table."""

from collections.abc import Sequence

DISK_FULL, OUT_OF_MEMORY = "disk_full", "out_of_memory"
"""Causes that need the same remedy in whichever phase they come up."""


class LeadproofError(Exception):
    """An expected failure, told in one sentence with the next step.

    Args:
        message: What went wrong, one sentence, without personal data.
        hint: What to do next, one sentence; empty when the message says it.
        details: What failed and in which rows, one line each, by key and never by value.
        cause: ``DISK_FULL`` or ``OUT_OF_MEMORY``; empty for any other.
    """

    def __init__(self, message: str, hint: str = "", details: Sequence[str] = (), cause: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
        self.details = tuple(details)
        self.cause = cause
