"""The console with which every command prints."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from snr_keras.cli.wide import parts
from snr_keras.reid import bars
from snr_keras.reid.data.report import printable


class PrintableConsole(Console):
    """A console that escapes control characters in everything that it prints, so that no text controls the terminal.

    File names, settings and layer names come from elsewhere, and errors and warnings quote them.
    """

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, above the bars if there are any; a table that is too wide for the terminal in parts."""
        bars.hide()
        for_terminal = (parts(each, self) if isinstance(each, Table) else [each] for each in objects)
        super().print(*chain.from_iterable(for_terminal), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """The output, segment by segment; line ends and Rich's own control codes stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_escaped(segment.text))


def _escaped(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


console = PrintableConsole()
errors = PrintableConsole(stderr=True)


def say(text: object) -> None:
    """Print text literally: file names are not markup, and lines are not wrapped, so they can be copied."""
    _say(console, text)


def say_error(text: object, *, label: str = "") -> None:
    """Print text literally to standard error, after a red label."""
    if label:
        errors.print(label, style="bold red", end=" ")
    _say(errors, text)


def _say(where: Console, text: object) -> None:
    where.print(_escaped(str(text)), markup=False, highlight=False, soft_wrap=True)


def shown(text: str) -> str:
    """Text for a table or a bar: without markup, and with unprintable characters escaped.

    It is escaped here, and not by the stream, so that the layout knows its width.
    """
    encoding = console.encoding
    return escape(printable(text).encode(encoding, "backslashreplace").decode(encoding))
