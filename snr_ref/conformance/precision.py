"""What each dtype is computed and stored in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Precision(NamedTuple):
    """A dtype, as far as rounding is concerned.

    Attributes:
        u: Unit roundoff of what is computed in: float32 where the dtype is half. One unit in the last place, twice the
            error of a correctly rounded operation: a compiler may round x / n as x * (1 / n).
        stored_u: Unit roundoff of a feature map that is returned in the dtype.
        underflow: What a map may lose where it is too small for the dtype's precision.
    """

    u: float
    stored_u: float
    underflow: float


PRECISIONS = {
    "float64": Precision(2.0**-52, 2.0**-52, 2.0**-1022),
    "float32": Precision(2.0**-23, 2.0**-23, 2.0**-126),
    "float16": Precision(2.0**-23, 2.0**-10, 2.0**-24),
    "bfloat16": Precision(2.0**-23, 2.0**-7, 2.0**-126),
}

#: What the expected numbers themselves were computed in, and stored as.
REFERENCE = Precision(float(np.finfo(np.longdouble).eps), 2.0**-53, 2.0**-1022)


class Storage(NamedTuple):
    """How a map is rounded when it is computed.

    Attributes:
        u: Relative to itself.
        underflow: Besides, where it is tiny.
    """

    u: float
    underflow: float

    def rounding(self, x: np.ndarray) -> np.ndarray:
        """By how much at most."""
        return self.u * np.abs(x) + self.underflow


def storage(precision: Precision) -> Storage:
    """That of a map which is returned: where it is half, it was float32 before."""
    wider = 0.0 if precision.stored_u == precision.u else precision.u
    return Storage(precision.stored_u + wider, precision.underflow)
