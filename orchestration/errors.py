"""Errors a person can act on. Nothing here knows a library or a table."""

from collections.abc import Sequence


class LeadproofError(Exception):
    """An expected failure, told in one sentence with the next step.

    Args:
        message: What went wrong, one sentence, without personal data.
        hint: What to do next, one sentence; empty when the message says it.
        details: What failed and in which rows, one line each, by key and never by value.
    """

    def __init__(self, message: str, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
        self.details = tuple(details)
