"""Errors a person can act on. Nothing here knows a library or a table."""


class LeadproofError(Exception):
    """An expected failure, told in one sentence with the next step.

    Args:
        message: What went wrong, one sentence, without personal data.
        hint: What to do next, one sentence; empty when the message says it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
