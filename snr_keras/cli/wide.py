"""Tables that are wider than the terminal: in parts, of which nothing is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

_CUT = "…"  # with which Rich ends what it cuts


def parts(table: Table, console: Console) -> Iterator[Table]:
    """The table if the console shows it whole, else as few tables as do: the first column and some of the others each.

    Where even two columns are too wide, their cells are folded.
    """
    if not _is_cut(table, console):
        yield table
        return
    first, *rest = range(len(table.columns))
    begun = False
    while rest:
        widths = range(len(rest), 1, -1)
        number = next((n for n in widths if not _is_cut(_part(table, [first, *rest[:n]]), console)), 1)
        part = _part(table, [first, *rest[:number]], fold=number == 1)
        part.title = None if begun else table.title
        begun, rest = True, rest[number:]
        part.caption = None if rest else table.caption
        yield part


def _is_cut(table: Table, console: Console) -> bool:
    return _marks(table, console, console.width) > _marks(table, console, 10_000)


def _marks(table: Table, console: Console, width: int) -> int:
    return sum(segment.text.count(_CUT) for segment in console.render(table, console.options.update(width=width)))


def _part(table: Table, chosen: Sequence[int], *, fold: bool = False) -> Table:
    """A table of some columns, without title and caption."""
    part = Table(
        box=table.box,
        padding=table.padding,
        show_lines=table.show_lines,
        title_justify=table.title_justify,
        caption_justify=table.caption_justify,
    )
    columns = [table.columns[number] for number in chosen]
    for column in columns:
        overflow = "fold" if fold else column.overflow
        no_wrap = column.no_wrap and not fold
        part.add_column(column.header, justify=column.justify, style=column.style, no_wrap=no_wrap, overflow=overflow)
    for row, *cells in zip(table.rows, *(column.cells for column in columns), strict=True):
        part.add_row(*cells, end_section=row.end_section)
    return part
