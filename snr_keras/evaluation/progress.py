"""Word of how far long work is, for whoever asks for it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[int, int], None]
"""Called with the number done and the number in all."""

T = TypeVar("T")


def counted(things: Iterable[T], progress: Progress | None, total: int, *, before: int = 0) -> Iterator[T]:
    """The things, one after the other; `progress` hears of each that was dealt with, after so many before."""
    for done, thing in enumerate(things, start=before + 1):
        yield thing
        if progress is not None:
            progress(done, total)
