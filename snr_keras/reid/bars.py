"""Bars on standard error that show how far long work is; where that is no terminal, nothing is written.

There is one display. Work inside other work has a line of its own below it. Whoever prints while bars are shown calls
`hide` first; they come back when one of them moves.
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
    """A line of the display: what is done, how much of it, and how long the rest will take."""

    def __init__(self, description: str) -> None:
        self.description = description
        self.done: float = 0
        self.total: float | None = None
        self._details: str | None = None
        self._begun = 0.0, 0.0

    def show(self, done: float, total: float | None, *, details: str | None = None) -> None:
        """Move the bar.

        Args:
            done: How much is done; a part of one counts too.
            total: How much there is in all; None if that is unknown.
            details: What stands beside the bar; by default the numbers, and the time left at the pace so far.
        """
        if total != self.total or done < self.done:
            self._begun = time.monotonic(), done
        self.done, self.total, self._details = done, total, details
        _draw(at_once=done == total)

    def within(self, done: int, total: int) -> Callable[[float], None]:
        """What moves the bar within one of its parts: to be called with the fraction of this part that is done."""
        return lambda fraction: self.show(done + fraction, total)

    def details(self) -> str:
        """What stands beside the bar now."""
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
    """A bar for long work; yields the function that moves it, called with the number done and in all."""
    with line(description) as added:
        added.show(0, None)
        yield added.show


@contextmanager
def changing_bar() -> Iterator[Callable[[str, float, float], None]]:
    """A bar for one work after another; yields the function that moves it, called with what is done and how much."""
    with line("") as added:

        def move(description: str, done: float, total: float) -> None:
            added.description = description
            added.show(done, total)

        yield move


def hide() -> None:
    """Take the bars off the screen, for something else to be written there."""
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
    """Draw all lines, if it is time to."""
    global _drawn, _drawn_at
    terminal = sys.stderr is not None and sys.stderr.isatty()  # it is None where it was closed
    if not terminal or os.environ.get("TERM") in ("dumb", "unknown"):
        return
    if _drawn is not None and not at_once and time.monotonic() < _drawn_at + PAUSE:
        return
    from rich.console import Console  # when there is something to draw: each command imports this module
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
    """Text in characters that the terminal has, with its width; nothing in it gives orders."""
    encoding = sys.stderr.encoding
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)
