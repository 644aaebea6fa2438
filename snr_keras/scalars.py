"""Tests for integers and numbers, Python's or NumPy's, and their conversion to Python's own, for JSON."""

from __future__ import annotations

import math
import numbers
import sys
from typing import Any


def is_integer(x: Any) -> bool:
    """Whether a value is an integer and not a boolean."""
    return isinstance(x, numbers.Integral) and not isinstance(x, bool)


def is_number(x: Any) -> bool:
    """Whether a value is a finite number and not a boolean."""
    return isinstance(x, numbers.Real) and not isinstance(x, bool) and math.isfinite(x)


def plain(x: Any) -> Any:
    """A NumPy scalar, also within tuples, as a Python scalar; anything else unchanged."""
    if isinstance(x, tuple):
        return tuple(map(plain, x))
    numpy = sys.modules.get("numpy")  # if it was never imported, x is not one of its scalars
    return x.item() if numpy is not None and isinstance(x, numpy.generic) else x
