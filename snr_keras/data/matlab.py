"""MATLAB's files: those of version 5 by SciPy, without anything that could run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any


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
