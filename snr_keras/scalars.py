"""What counts as an integer and as a number, Python's or NumPy's, and either as Python's own, which JSON takes."""

from __future__ import annotations

import math
import numbers
import sys
from typing import Any


def is_integer(x: Any) -> bool:
    """Whether a value is an integer, and no boolean."""
    return isinstance(x, numbers.Integral) and not isinstance(x, bool)


def is_number(x: Any) -> bool:
    """Whether a value is a finite number, and no boolean."""
    return isinstance(x, numbers.Real) and not isinstance(x, bool) and math.isfinite(x)


def plain(x: Any) -> Any:
    """A scalar of NumPy's, also within tuples, as Python has it; anything else as it is."""
    if isinstance(x, tuple):
        return tuple(map(plain, x))
    numpy = sys.modules.get("numpy")  # where it was never imported, x is none of its scalars
    return x.item() if numpy is not None and isinstance(x, numpy.generic) else x
