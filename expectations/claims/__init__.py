"""The project's own expectation classes; importing them imports Great Expectations (about seven seconds).

What they are applied to, and with which parameters, stands in ``expectations.suites``.
"""

from expectations.claims import (
    funnel_reports,
    inputs,
    money_reports,
    scorecards,
    stages,
    tables,
    touches,
)
from expectations.claims.base import Claim

__all__ = ["Claim", "class_named"]


def class_named(expectation: str) -> type[Claim]:
    """Look an expectation class up by its name.

    Args:
        expectation: The class name, for example ``ExpectContextComplete``.

    Returns:
        The class.

    Raises:
        LookupError: If no module of this package defines it.
    """
    for module in (inputs, stages, touches, tables, funnel_reports, scorecards, money_reports):
        found = getattr(module, expectation, None)
        if isinstance(found, type) and issubclass(found, Claim):
            return found
    raise LookupError(f"No expectation class is called {expectation}.")
