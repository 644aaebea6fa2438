"""The precision in which each dtype is computed and stored."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Precision(NamedTuple):
    """The rounding of a dtype.

    Attributes:
        u: Unit roundoff of the computation, which is in float32 for a half dtype. It is one unit in the last place,
            twice the error of a correctly rounded operation: a compiler may round x / n as x * (1 / n).
        stored_u: Unit roundoff of a feature map that is returned in the dtype.
        underflow: Largest loss of a map's number that is too small for the dtype's precision.
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

#: The precision in which the expected numbers themselves are computed and stored.
REFERENCE = Precision(float(np.finfo(np.longdouble).eps), 2.0**-53, 2.0**-1022)


class Storage(NamedTuple):
    """The rounding of a map that is stored.

    Attributes:
        u: Relative rounding.
        underflow: Additional absolute rounding of tiny numbers.
    """

    u: float
    underflow: float

    def rounding(self, x: np.ndarray) -> np.ndarray:
        """The largest rounding of each number."""
        return self.u * np.abs(x) + self.underflow


def storage(precision: Precision) -> Storage:
    """The storage of a returned map: in half precision it was float32 before."""
    wider = 0.0 if precision.stored_u == precision.u else precision.u
    return Storage(precision.stored_u + wider, precision.underflow)
