"""Lines for a terminal: wrapped under their own beginning, readable without colour and without Unicode."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions
from rich.text import Text

_NARROWEST, _WIDEST = 60, 100
_ASCII = str.maketrans(
    {
        "←": "<-",
        "→": "->",
        "◆": "*",
        "✗": "x",
        "✓": "+",
        "·": "-",
        "–": "-",
        "×": "x",
        "─": "-",
        "…": "...",
        "•": "*",
        "\N{REPLACEMENT CHARACTER}": "?",
    }
)


class Sheet:
    """Collects lines for one console.

    Args:
        console: The console, asked only how wide characters are.
        options: Its width and encoding.
    """

    def __init__(self, console: Console, options: ConsoleOptions) -> None:
        self.width = max(_NARROWEST, min(options.max_width, _WIDEST))
        self._console = console
        self._is_ascii = options.ascii_only
        self._lines: list[Text] = []

    def blank(self) -> None:
        """Leave a line empty."""
        self._lines.append(Text())

    def heading(self, text: str) -> None:
        """Begin a part."""
        self.blank()
        self._lines.append(Text(text, style="bold"))

    def rule(self, text: str) -> None:
        """Draw a line that carries words."""
        title = self._coded(Text(f"── {text} ", style="bold"))
        rest = max(self.width - title.cell_len, 0)
        self._lines.append(title.append(("-" if self._is_ascii else "─") * rest, style="dim"))

    def put(
        self,
        body: Text | str,
        beginning: Text | str = "",
        indent: int = 0,
        ending: Text | str = "",
        is_cut: bool = False,
    ) -> None:
        """Write a paragraph that wraps under where it starts.

        Args:
            body: The paragraph.
            beginning: What stands before it on the first line only.
            indent: Cells by which the paragraph is indented; a longer beginning moves it further.
            ending: What stands at the right edge of the first line; the paragraph keeps clear of it.
            is_cut: Keep it to one line and cut it with an ellipsis.
        """
        first, last = self._coded(_text(beginning)), self._coded(_text(ending))
        start = max(indent, first.cell_len)
        room = max(self.width - start - (last.cell_len + 2 if last else 0), 20)
        body = self._coded(_text(body))
        if is_cut:
            body.truncate(room, overflow="ellipsis")
        wrapped = body.wrap(self._console, room) if body else [Text()]
        for place, line in enumerate(wrapped):
            line.rstrip()
            head = first.copy() if place == 0 else Text()
            head.append(" " * (start - head.cell_len)).append_text(line)
            if place == 0 and last:
                head.append(" " * max(self.width - head.cell_len - last.cell_len, 2)).append_text(last)
            self._lines.append(head)

    def whole(self, text: str, beginning: Text | str = "", indent: int = 0) -> None:
        """Write something to be copied, such as a path: on one line however long it is."""
        head = self._coded(_text(beginning))
        head.append(" " * (indent - head.cell_len)).append(text, style="default")
        self._lines.append(head)

    def columns(self, left: list[tuple[str, Text]], right: list[tuple[str, Text]], label: int) -> None:
        """Write labelled values in two columns, or in one where they are too long for two.

        Args:
            left: Labels and values of the left column.
            right: Those of the right one.
            label: Cells that a label takes.
        """
        half = self.width // 2
        fits = all(label + value.cell_len < half for _, value in (*left, *right))
        if not fits:
            for name, value in (*left, *right):
                self.put(value, Text(f"  {name}", style="dim"), label)
            return
        for place in range(max(len(left), len(right))):
            line = Text()
            for start, column in ((0, left), (half, right)):
                if place < len(column):
                    name, value = column[place]
                    line.append(" " * (start - line.cell_len))
                    line.append(f"  {name}", style="dim")
                    line.append(" " * (start + label - line.cell_len)).append_text(value)
            self._lines.append(self._coded(line))

    def lines(self) -> Iterator[Text]:
        """Give the lines."""
        yield from self._lines

    def _coded(self, text: Text) -> Text:
        if not self._is_ascii:
            return text
        coded = Text()
        for piece in text.divide([span.start for span in text.spans] + [span.end for span in text.spans]):
            plain = piece.plain.translate(_ASCII).encode("ascii", "replace").decode()
            style = piece.spans[0].style if piece.spans else piece.style
            coded.append(plain, style=style)
        return coded


def _text(value: Text | str) -> Text:
    return Text(value) if isinstance(value, str) else value
