"""MATLAB's files: those of version 5 by SciPy, without anything that could run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_EXACT = 2**53  # up to which doubles, MATLAB's usual numbers, are whole numbers one by one


def load_matlab(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file of version 5, its cells and structs as nested arrays.

    Raises:
        ModuleNotFoundError: if SciPy is not installed.
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file, or damaged.
    """
    if importlib.util.find_spec("scipy") is None:
        raise ModuleNotFoundError(f'Reading {path} needs SciPy. Install with: pip install "snr-reid[data]"')
    from scipy.io import loadmat

    if not path.is_file():
        raise FileNotFoundError(f"Expected a MATLAB file. Received: {str(path)!r}, which does not exist")
    try:
        return loadmat(str(path), simplify_cells=False)
    except Exception as error:  # on damaged files SciPy raises whatever it stumbles over
        raise ValueError(f"Expected a MATLAB file of version 5. Received: {str(path)!r} ({error})") from error


def whole_numbers(values: ArrayLike, *, least: int = 0) -> list[int]:
    """Numbers of a MATLAB file that have to be whole, which are doubles there as often as integers.

    Raises:
        ValueError: if they are no numbers, or one of them is not whole or smaller than `least`.
    """
    array = np.asarray(values).ravel()
    if array.dtype.kind not in "iuf":
        raise ValueError(f"expected numbers. Received: an array of {array.dtype}")
    if len(wrong := array[~((array >= least) & (array <= _EXACT) & (array == np.rint(array)))]):
        raise ValueError(f"expected whole numbers from {least} up. Received: {wrong[0]}")
    return [int(value) for value in array]
