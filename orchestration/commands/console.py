"""Words on a terminal: progress while work goes on, plain lines where nobody watches."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from orchestration import progress

# Bound now: during a build the process's own stdout is lent to dbt's chatter.
out = Console(file=sys.stdout, highlight=False, soft_wrap=True)


@contextmanager
def working(title: str) -> Iterator[None]:
    """Show what is being done until the block ends.

    Args:
        title: What is being done at first.

    Yields:
        Nothing.
    """
    started = time.monotonic()
    if out.is_terminal:
        with out.status(title) as status, progress.listening(lambda text: status.update(text)):
            yield
        return

    def line(text: str) -> None:
        out.print(f"[{time.monotonic() - started:6.1f}s] {text}", markup=False)

    line(title)
    with progress.listening(line):
        yield


def say_share(text: str, share: float) -> None:
    """Say what is being done and how much of it is done.

    Args:
        text: What is being done.
        share: 0-1.
    """
    progress.say(f"{text} ({share:.0%})")
