"""What the reference answers, in extended precision, with the error that rounding explains in each dtype."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance.bounds import BOUNDS
from snr_ref.conformance.bounds.precision import PRECISIONS, REFERENCE
from snr_ref.conformance.functions import FUNCTIONS, call, each_field, is_record, named_outputs
from snr_ref.instance_norm import mean_pool, standard_deviation


@dataclass(frozen=True, eq=False)
class Numbers:
    """One output that a case expects.

    Attributes:
        value: In float64; NaN stands for "not finite": NaN or an infinity, it doesn't matter which.
        tolerance: For each dtype, the largest absolute error that rounding explains, of the shape of `value`.
    """

    value: np.ndarray
    tolerance: Mapping[str, np.ndarray]


#: What a case expects: its outputs by name.
Expected = Mapping[str, Numbers]


def expect(function: str, arguments: Mapping[str, Any], dtypes: tuple[str, ...]) -> Expected:
    """The outputs of a function, each with its tolerance.

    The reference runs in longdouble; where that is no wider than float64, its own rounding is added to the tolerance.

    Args:
        function: A name in `FUNCTIONS`.
        arguments: In float64.
        dtypes: Those that a tolerance is wanted for.

    Returns:
        Outputs by name, in the order of the chain.
    """
    extended = {name: _extended(value) for name, value in arguments.items()}
    result = named_outputs(function, call(snr_ref, function, extended))
    if function == "snr":
        epsilon = extended.get("epsilon", 1e-5)
        moments = {"mu": mean_pool(extended["F"]), "sigma": standard_deviation(extended["F"], epsilon=epsilon)}
        result = moments | result
    bounds = {dtype: BOUNDS[function](arguments, PRECISIONS[dtype]) for dtype in dtypes}
    own = BOUNDS[function](arguments, REFERENCE)
    expected = {}
    for output in (output for output in FUNCTIONS[function].outputs if output in own):  # an absent bias has no gradient
        value = np.asarray(result[output], np.float64)
        value = np.where(np.isfinite(value), value, np.nan)
        tolerance = {dtype: np.broadcast_to(bounds[dtype][output] + own[output], value.shape) for dtype in dtypes}
        expected[output] = Numbers(value, tolerance)
    return expected


def _extended(value: Any) -> Any:
    if is_record(value):
        return each_field(_extended, value)
    is_real = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.longdouble) if is_real else value
