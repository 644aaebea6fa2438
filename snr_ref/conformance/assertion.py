"""Whether an implementation agrees with the reference on any arguments: what tests that draw their own ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.arguments import each_field, in_dtype, is_record
from snr_ref.conformance.case import Case
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.groups import Group
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.report.as_text import failure
from snr_ref.conformance.runner import judge, run

_DRAWN = Group("drawn", "arguments that a test drew")


def assert_conforms(
    implementation: Any, function: str, arguments: Mapping[str, Any], *, dtype: str = "float64"
) -> None:
    """Hold one answer against the reference, within the error that rounding explains for these arguments.

    The arguments are rounded to the dtype first, so that reference and implementation are given the same numbers. In
    half precision feature maps have the half dtype and all else float32.

    Args:
        implementation: An adapter, an object or module with functions named and called as those of `snr_ref`, which is
            called with the arguments in the dtype; or, if it has no such function, what was returned for them: an
            array, a tuple of all outputs in their order, or a mapping or an object that has outputs by name.
        function: Name of the function, as in `snr_ref`.
        arguments: Arguments by the names of the reference; a `distance` is "cosine" or "euclidean".
        dtype: "float64" or "float32"; for a function of feature maps also "float16" or "bfloat16".

    Raises:
        AssertionError: If an output differs by more than rounding explains, or none is there; if an argument was
            overwritten or the implementation raised an exception. It says what differs first, which clauses of the
            specification say what it is, and which known mistake gives these numbers.
        ValueError: If there is no such function, or it is not run in that dtype.
        TypeError: If what was returned is none of these.
    """
    case = _drawn(function, arguments, dtype)
    if isinstance(implementation, Implementation) or FUNCTIONS[function].provided_by(implementation):
        adapter = implementation if isinstance(implementation, Implementation) else Implementation(implementation)
        result = run(adapter, case, dtype)
    else:
        result = judge(case, dtype, FUNCTIONS[function].named(implementation))
    if result.outcome != "passed":
        raise AssertionError(failure(result))


def is_decided(function: str, arguments: Mapping[str, Any], *, dtype: str = "float64") -> bool:
    """Whether every choice in an answer, such as which distance is the smallest, is the same however it is rounded.

    Where it is not, right implementations may differ by more than `assert_conforms` grants, and a test that draws its
    arguments should draw others.

    Args:
        function: Name of the function, as in `snr_ref`.
        arguments: Arguments by the names of the reference.
        dtype: Dtype to which they are rounded, and in which the function is computed.

    Returns:
        Whether it is so; False too where all that is known is that rounding could decide.

    Raises:
        ValueError: If there is no such function, or it is not run in that dtype.
    """
    return FUNCTIONS[function].is_decided(_drawn(function, arguments, dtype).arguments, PRECISIONS[dtype])


def _drawn(function: str, arguments: Mapping[str, Any], dtype: str) -> Case:
    if function not in FUNCTIONS:
        raise ValueError(f"`function` must be one of {', '.join(FUNCTIONS)}. Received: {function!r}")
    about = FUNCTIONS[function]
    if dtype not in about.dtypes:
        raise ValueError(f"`dtype` of {function} must be one of {', '.join(about.dtypes)}. Received: {dtype!r}")
    with np.errstate(over="ignore"):
        rounded = {name: _double(value) for name, value in in_dtype(arguments, dtype, about.maps).items()}
    return Case(f"drawn/{function}", _DRAWN, "Arguments that a test drew.", (about.clause,), function, rounded)


def _double(value: Any) -> Any:
    """Real arrays in float64; bfloat16 is of a kind of its own."""
    if is_record(value):
        return each_field(_double, value)
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind in "fV" else value
