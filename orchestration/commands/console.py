"""Words on a terminal: progress while work goes on, plain lines where nobody watches.

Everything that commands print passes here: a name or cell of a source can then neither steer the terminal nor
forge a line, whoever forgot to clean it.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from orchestration import progress
from orchestration.source_text import lines_as_they_are, one_line


class HarmlessConsole(Console):
    """A console whose colours are Rich's alone: what it is given to print holds no control characters."""

    def print(self, *objects: Any, **options: Any) -> None:
        """See ``Console.print``; each text is one line, whatever a source put into it."""
        super().print(*(one_line(each) if isinstance(each, str) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See ``Console.render``; what Rich itself says to the terminal stays."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(lines_as_they_are(segment.text), segment.style)


# Bound now: during a build the process's own stdout is lent to dbt's chatter.
out = HarmlessConsole(file=sys.stdout, highlight=False, soft_wrap=True)


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
        with (
            out.status(Text(one_line(title))) as status,
            progress.listening(lambda text: status.update(Text(one_line(text)))),
        ):
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
