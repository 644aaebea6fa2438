"""Reports of the progress of long work."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[int, int], None]
"""Function called with the number done and the total."""

T = TypeVar("T")


def counted(things: Iterable[T], progress: Progress | None, total: int, *, before: int = 0) -> Iterator[T]:
    """The things in turn; `progress` is called after each was processed, with counts that start after `before`."""
    for done, thing in enumerate(things, start=before + 1):
        yield thing
        if progress is not None:
            progress(done, total)
