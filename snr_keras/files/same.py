"""Whether two paths name one file."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray


def file_key(path: str | os.PathLike[str]) -> Hashable:
    """A key that all names of a file share, however it is linked: its device and inode.

    If there is no such file, or its file system does not number files, it is the path without symbolic links.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path)
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def file_numbers(*names: Sequence[str]) -> tuple[NDArray[np.int64], ...]:
    """A number, 0, 1, ..., for the file of every path: paths of one file have the same number in all sequences."""
    numbers: dict[Hashable, int] = {}
    return tuple(
        np.array([numbers.setdefault(file_key(path), len(numbers)) for path in paths], np.int64) for paths in names
    )
