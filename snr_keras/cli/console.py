"""What every command prints with: the console."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from snr_keras.reid.data.report import printable


class PrintableConsole(Console):
    """A console on which nothing that is printed gives orders to the terminal: whatever is no text is escaped.

    File names, settings and names of layers come from others, and so do errors and warnings that quote them.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What is printed, piece by piece; ends of lines stay, and so do Rich's own orders."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_escaped(segment.text))


def _escaped(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


console = PrintableConsole()
errors = PrintableConsole(stderr=True)


def say(text: object) -> None:
    """Print text as it is: names of files are no markup, and lines are as long as they are, to be copied."""
    _say(console, text)


def say_error(text: object, *, label: str = "") -> None:
    """Print text as it is to standard error, after a label in red."""
    if label:
        errors.print(label, style="bold red", end=" ")
    _say(errors, text)


def _say(where: Console, text: object) -> None:
    where.print(_escaped(str(text)), markup=False, highlight=False, soft_wrap=True)


def shown(text: str) -> str:
    """Text for a table or a bar: no markup, and what cannot be printed, or not by this console, escaped.

    Escaped here, and not as late as by the stream, it has the width that it is laid out for.
    """
    encoding = console.encoding
    return escape(printable(text).encode(encoding, "backslashreplace").decode(encoding))
