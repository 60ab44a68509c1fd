"""How long work tells the person in front of the terminal that it goes on.

The parts call ``say``; whoever runs them decides where it goes. Results do not belong here: those are
returned and recorded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Sink = Callable[[str], None]
_sinks: list[Sink] = []


def say(text: str) -> None:
    """Report what is being done now, in a few words.

    Args:
        text: For example ``Loading raw_zoho.leads``; no personal data.
    """
    for sink in _sinks:
        sink(text)


@contextmanager
def listening(sink: Sink) -> Iterator[None]:
    """Send what is said inside the block to a sink as well.

    Args:
        sink: Receives each text.
    """
    _sinks.append(sink)
    try:
        yield
    finally:
        _sinks.remove(sink)
