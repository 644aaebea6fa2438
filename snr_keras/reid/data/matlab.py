"""MATLAB files of version 5, read by SciPy, without anything that could run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_EXACT = 2**53  # largest range in which doubles, MATLAB's usual numbers, hold every integer


def load_matlab(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file of version 5, with cells and structs as nested arrays.

    Raises:
        ModuleNotFoundError: If SciPy is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or damaged.
    """
    if importlib.util.find_spec("scipy") is None:
        raise ModuleNotFoundError(f'Reading {path} needs SciPy. Install with: pip install "snr-reid[data]"')
    from scipy.io import loadmat

    if not path.is_file():
        raise FileNotFoundError(f"Expected a MATLAB file. Received: {str(path)!r}, which does not exist")
    try:
        return loadmat(str(path), simplify_cells=False)
    except Exception as error:  # SciPy may raise anything on damaged files
        raise ValueError(f"Expected a MATLAB file of version 5. Received: {str(path)!r} ({error})") from error


def whole_numbers(values: ArrayLike, *, least: int = 0) -> list[int]:
    """Integers from a MATLAB file, where they are often stored as doubles.

    Raises:
        ValueError: If they are not numbers, or one of them is not whole or less than `least`.
    """
    array = np.asarray(values).ravel()
    if array.dtype.kind not in "iuf":
        raise ValueError(f"expected numbers. Received: an array of {array.dtype}")
    if len(wrong := array[~((array >= least) & (array <= _EXACT) & (array == np.rint(array)))]):
        raise ValueError(f"expected whole numbers from {least} up. Received: {wrong[0]}")
    return [int(value) for value in array]
