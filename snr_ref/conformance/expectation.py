"""The expected answer: the reference's, in extended precision, with the error that rounding explains in each dtype."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snr_ref.conformance.arguments import HALF, each_field, is_record
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import PRECISIONS, REFERENCE
from snr_ref.conformance.running_error import Rounded


@dataclass(frozen=True, eq=False)
class Numbers:
    """One output that a case expects.

    Attributes:
        value: The numbers, in float64; NaN stands for "not finite", whether NaN or an infinity.
        tolerance: Largest absolute error that rounding explains, for each dtype, of the shape of `value`.
    """

    value: np.ndarray
    tolerance: Mapping[str, np.ndarray]


#: The outputs that a case expects, by name.
Expected = Mapping[str, Numbers]


def expect(function: Function, arguments: Mapping[str, Any], dtypes: tuple[str, ...]) -> Expected:
    """The outputs of a function, each with its tolerance.

    The reference runs in longdouble; if that is no wider than float64, its own rounding is added to the tolerance.

    Args:
        function: Function to call.
        arguments: Arguments by name, in float64.
        dtypes: Dtypes for which to compute tolerances.

    Returns:
        Outputs by name, in the order of the chain.
    """
    extended = {name: _extended(value) for name, value in arguments.items()}
    result = function.reference(extended)
    bounds = {dtype: function.bounds(arguments, PRECISIONS[dtype]) for dtype in dtypes}
    own = function.bounds(arguments, REFERENCE)
    expected = {}
    for output in (output for output in function.outputs if output in own):  # an absent bias has no gradient
        value = np.asarray(result[output], np.float64)
        value = np.where(np.isfinite(value), value, np.nan)
        is_stored = not function.maps and output in function.half_outputs  # the bounds of maps include it
        tolerance = {}
        for dtype in dtypes:
            bound = bounds[dtype][output]
            if is_stored and dtype in HALF:
                bound = Rounded(value, bound, PRECISIONS[dtype].u).stored(*PRECISIONS[dtype][1:]).error
            tolerance[dtype] = np.broadcast_to(bound + own[output], value.shape)
        expected[output] = Numbers(value, tolerance)
    return expected


def _extended(value: Any) -> Any:
    if is_record(value):
        return each_field(_extended, value)
    is_real = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.longdouble) if is_real else value
