"""Progress bars on standard error for long work; if that is not a terminal, nothing is written.

There is one display. Nested work has its line below that of the outer work. Code that prints while bars are shown calls
`hide` first; the bars return when one of them moves.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from snr_keras.reid.data.report import printable

if TYPE_CHECKING:
    from rich.live_render import LiveRender
    from rich.table import Table

PAUSE = 0.1
"""Seconds between two drawings."""

_lines: list[Line] = []
_drawn: LiveRender | None = None
_drawn_at = 0.0


class Line:
    """A line of the display: a description of the work, its progress, and the time left."""

    def __init__(self, description: str) -> None:
        self.description = description
        self.done: float = 0
        self.total: float | None = None
        self._details: str | None = None
        self._begun = 0.0, 0.0

    def show(self, done: float, total: float | None, *, details: str | None = None) -> None:
        """Move the bar.

        Args:
            done: Number done; it may have a fraction.
            total: Total number; None if unknown.
            details: Text beside the bar; by default the numbers, and the time left at the pace so far.
        """
        if total != self.total or done < self.done:
            self._begun = time.monotonic(), done
        self.done, self.total, self._details = done, total, details
        _draw(at_once=done == total)

    def within(self, done: int, total: int) -> Callable[[float], None]:
        """A function that moves the bar within one of its parts, called with the finished fraction of this part."""
        return lambda fraction: self.show(done + fraction, total)

    def details(self) -> str:
        """The current text beside the bar."""
        if self._details is not None or self.total is None:
            return self._details or ""
        begun, done_then = self._begun
        numbers = f"{int(self.done)}/{int(self.total)}"
        if not done_then < self.done < self.total:
            return numbers
        pace = (time.monotonic() - begun) / (self.done - done_then)
        return f"{numbers}  {duration(pace * (self.total - self.done))} left"


@contextmanager
def line(description: str) -> Iterator[Line]:
    """A new line, the last of the display."""
    added = Line(description)
    _lines.append(added)
    try:
        yield added
    finally:
        hide()
        _lines.remove(added)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[float, float], None]]:
    """A bar for long work; yields the function that moves it, called with the number done and the total."""
    with line(description) as added:
        added.show(0, None)
        yield added.show


@contextmanager
def changing_bar() -> Iterator[Callable[[str, float, float], None]]:
    """A bar for several tasks in turn; yields the function that moves it, called with a task, number done and total."""
    with line("") as added:

        def move(description: str, done: float, total: float) -> None:
            added.description = description
            added.show(done, total)

        yield move


def hide() -> None:
    """Remove the bars from the screen, so that other text can be written there."""
    global _drawn
    if _drawn is not None:
        from rich.console import Console

        Console(stderr=True).control(_drawn.position_cursor())
        _drawn = None


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as `1:02:05`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def _draw(*, at_once: bool) -> None:
    """Draw all lines, unless they were drawn less than `PAUSE` ago."""
    global _drawn, _drawn_at
    terminal = sys.stderr is not None and sys.stderr.isatty()  # it is None if it was closed
    if not terminal or os.environ.get("TERM") in ("dumb", "unknown"):
        return
    if _drawn is not None and not at_once and time.monotonic() < _drawn_at + PAUSE:
        return
    from rich.console import Console  # imported only to draw, since each command imports this module
    from rich.live_render import LiveRender

    console = Console(stderr=True)
    with console:  # all in one write
        if _drawn is None:
            _drawn = LiveRender("", vertical_overflow="crop")
        console.control(_drawn.position_cursor())
        _drawn.set_renderable(_table(console.width))
        console.print(_drawn, end="")
    _drawn_at = time.monotonic()


def _table(width: int) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.width = width - 1  # a line that is full would break if the terminal became narrower
    table.add_column(no_wrap=True, max_width=width // 3)
    table.add_column(width=width // 5)
    table.add_column(no_wrap=True, ratio=1)
    for one in _lines:
        bar = ProgressBar(total=one.total, completed=one.done)
        table.add_row(Text(_shown(one.description)), bar, Text(_shown(one.details())))
    return table


def _shown(text: str) -> str:
    """The text in characters that the terminal can show, without control characters."""
    encoding = sys.stderr.encoding
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)
