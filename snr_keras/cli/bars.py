"""Bars that show how far long work is, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from snr_keras.cli.console import console, shown


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for long work; yields the function that moves it, called with the number done and in all."""
    with changing_bar() as move:
        move(description, 0, None)
        yield lambda done, total: move(description, done, total)


@contextmanager
def changing_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar for one work after another; yields the function that moves it, called with what is done and how much."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    doing = ""
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(doing, total=None)

        def move(description: str, done: int, total: int | None) -> None:
            nonlocal doing
            if description != doing:
                doing = description
                bar.reset(task, description=shown(description))
            bar.update(task, completed=done, total=total)

        yield move
