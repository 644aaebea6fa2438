"""A progress bar with the time left, on standard error, if that is a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CELLS = 24
PAUSE = 0.1  # seconds between two drawings


@contextmanager
def bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Yields the function that moves the bar, called with the number done and the total; the end erases the bar."""
    begun: tuple[float, int] | None = None
    drawn, width = 0.0, 0
    terminal = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")

    def show(done: int, total: int) -> None:
        nonlocal begun, drawn, width
        now = time.monotonic()
        begun = begun or (now, done)
        if not terminal or now < drawn + PAUSE:
            return
        cells = CELLS * done // total
        line = f"{description}  {'#' * cells}{'-' * (CELLS - cells)}  {done}/{total}"
        if done > begun[1]:
            line += f"  {(now - begun[0]) / (done - begun[1]) * (total - done):.0f} s left"
        print(f"\r{line:{width}}", end="", file=sys.stderr, flush=True)
        drawn, width = now, len(line)

    try:
        yield show
    finally:
        if width:
            print(f"\r{'':{width}}\r", end="", file=sys.stderr, flush=True)
