"""What a page is made of: sections of tiles, figures, tables, sentences, and gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Term = tuple[str, str]
"""A word of a sentence, and the published column that defines it."""


@dataclass(frozen=True)
class Column:
    """A column of a table on a page.

    Args:
        label: Heading.
        term: Published column that defines the figure; empty for what needs no definition.
        is_number: Whether it is set to the right, in figures of equal width.

    Raises:
        ValueError: If it holds figures and names no column that defines them.
    """

    label: str
    term: str = ""
    is_number: bool = False

    def __post_init__(self) -> None:
        """Refuse figures that nothing defines."""
        if self.is_number and not self.term:
            raise ValueError(f"The column {self.label!r} holds figures, so it names what defines them.")


@dataclass(frozen=True)
class Cell:
    """A cell that is more than text.

    Args:
        text: What it says.
        tone: Its role in the palette, for example ``scale`` or ``inbound``; empty for none.
        is_long: Whether it is prose, which wraps.
    """

    text: str
    tone: str = ""
    is_long: bool = False


@dataclass(frozen=True)
class Table:
    """A table; the first column heads each row.

    Args:
        columns: Its columns.
        rows: Cells in the order of the columns, text or ``Cell``.
        caption: What a row is.
        left_out: Rows that are not shown, because there are too many.
        source: The mart that holds all of it; empty if there is none.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]
    caption: str
    left_out: int = 0
    source: str = ""


@dataclass(frozen=True)
class Chart:
    """One drawing.

    Args:
        spec: Vega-Lite, with its data.
        label: What it shows, in a sentence, for who cannot see it.
        title: Its heading where a figure has several.
    """

    spec: dict[str, Any]
    label: str
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """Drawings with the finding in words and the figures in a table.

    Args:
        id: Name of the figure on its page.
        title: What it shows.
        caption: What is found.
        charts: The drawings; without any the table speaks.
        table: The figures.
        legend: Role in the palette and word, for what colour and sign mean.
        is_open: Whether the table is in view from the start.
        terms: What defines the figures of the caption.
    """

    id: str
    title: str
    caption: str
    charts: Sequence[Chart]
    table: Table | None = None
    legend: Sequence[tuple[str, str]] = ()
    is_open: bool = False
    terms: Sequence[Term] = ()


@dataclass(frozen=True)
class Tile:
    """One figure, large.

    Args:
        label: What it is.
        value: The figure.
        note: What to know beside it.
        term: Published column that defines it.
        tone: Its role in the palette.
        rate: A share that belongs to it, with its interval, on a line of its own.
        rate_term: Published column that defines that share.
    """

    label: str
    value: str
    note: str = ""
    term: str = ""
    tone: str = ""
    rate: str = ""
    rate_term: str = ""


@dataclass(frozen=True)
class Gap:
    """What a page cannot say, and what would mend it.

    Args:
        missing: What is missing.
        remedy: What would mend it.
    """

    missing: str
    remedy: str


@dataclass(frozen=True)
class Item:
    """A sentence with its mark.

    Args:
        text: The sentence.
        tone: Role in the palette.
        mark: Word before it.
        note: Smaller text below.
    """

    text: str
    tone: str = ""
    mark: str = ""
    note: str = ""


@dataclass(frozen=True)
class Items:
    """A list of sentences.

    Args:
        items: The sentences.
        left_out: How many more there are.
        terms: What defines their figures.
    """

    items: Sequence[Item]
    left_out: int = 0
    terms: Sequence[Term] = ()


@dataclass(frozen=True)
class Terms:
    """A list of terms with what they mean.

    Args:
        entries: Anchor, term, meaning and where it is used.
    """

    entries: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Tiles:
    """Figures side by side."""

    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str


Block = Figure | Table | Tiles | Items | Terms | Gap | Prose


@dataclass
class Section:
    """A section of a page.

    Args:
        id: Anchor.
        title: Heading.
        blocks: What stands in it.
        intro: One or two sentences on how to read it.
    """

    id: str
    title: str
    blocks: Sequence[Block] = ()
    intro: str = ""


@dataclass
class Page:
    """A page.

    Args:
        name: File name without its ending.
        title: Name in the navigation and heading of the page.
        finding: The one sentence to take away.
        sections: What stands on it.
        question: The question that the page answers.
        terms: What defines the figures of the finding.
    """

    name: str
    title: str
    finding: str
    sections: list[Section]
    question: str = ""
    terms: Sequence[Term] = ()

    @property
    def has_charts(self) -> bool:
        """Whether anything on it is drawn."""
        return any(
            isinstance(block, Figure) and block.charts
            for section in self.sections
            for block in section.blocks
        )


def kind_of(block: Block) -> str:
    """Name a block's kind, by which the templates choose how it is written."""
    return type(block).__name__.lower()
