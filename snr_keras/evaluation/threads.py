"""Work on all cores: a piece to each, with NumPy's matrix library on one core within it.

Left to itself that library takes all cores for a product and none for what comes between two products.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

THREADS = min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
"""Number of pieces of work at a time. Each has arrays of its own, so this also limits memory."""

_controller = cache(ThreadpoolController)


def each_done(function: Callable[[Any], Any], pieces: Sequence[Any]) -> Iterator[Any]:
    """Call a function with each piece, and yield the pieces in order as they are done; an error in one is raised."""
    with _controller().limit(limits=1, user_api="blas"), ThreadPoolExecutor(THREADS) as pool:
        for piece, _ in zip(pieces, pool.map(function, pieces), strict=True):
            yield piece


def for_each(function: Callable[[Any], Any], pieces: Sequence[Any]) -> None:
    """Call a function with each piece; an error in one is raised."""
    for _ in each_done(function, pieces):
        pass
