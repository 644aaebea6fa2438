"""Whether an implementation agrees with the reference on any arguments, for tests that draw their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from snr_ref.conformance.arguments import DTYPES, each_field, in_dtype, is_record
from snr_ref.conformance.case import Case
from snr_ref.conformance.expectation import Expected, Numbers
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.groups import Group
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.report.as_text import failure
from snr_ref.conformance.report.result import Result
from snr_ref.conformance.runner import judge, run

_DRAWN = Group("drawn", "arguments that a test drew")


@dataclass(frozen=True, eq=False)
class _Drawn(Case):
    """A case in one dtype, in which a function without feature maps may be run too."""

    dtype: str = "float64"

    @cached_property
    def dtypes(self) -> tuple[str, ...]:
        """The dtype to which the arguments were rounded."""
        return (self.dtype,)

    @cached_property
    def expected(self) -> tuple[Expected, ...]:
        """With the least normal number added to bounds, since those of tiny drawn numbers may be 0 in float64."""
        least = np.finfo(np.float64).tiny
        return tuple(
            {name: Numbers(n.value, {d: t + least for d, t in n.tolerance.items()}) for name, n in expected.items()}
            for expected in super().expected
        )


def assert_conforms(
    implementation: Any, function: str, arguments: Mapping[str, Any], *, dtype: str = "float64"
) -> Result:
    """Compare one answer with the reference, within the error that rounding explains for these arguments.

    The arguments are rounded to the dtype first, so that the reference and the implementation get the same numbers. In
    half precision, feature maps have the half dtype and everything else is float32. A function without feature maps
    gets its features, logits and multilabels in the half dtype, computes in float32, and returns gradients in the half
    dtype.

    Args:
        implementation: An adapter: an object or module with functions named and called as those of `snr_ref`. It is
            called with the arguments in the dtype. Anything without the function is taken for what was returned: an
            array, a tuple of all outputs in their order, or a mapping or an object with outputs by name.
        function: Name of the function, as in `snr_ref`.
        arguments: Arguments by the names of the reference; a `distance` is "cosine" or "euclidean".
        dtype: "float64", "float32", "float16" or "bfloat16".

    Returns:
        The result, with the error of each output as a fraction of its bound.

    Raises:
        AssertionError: If an output differs by more than rounding explains, or no output is returned; if an argument
            was overwritten; or if the implementation raised an exception. The message names the first difference, the
            clauses of the specification that define it, and the known mistake that gives these numbers.
        ValueError: If there is no such function or dtype.
        TypeError: If what was returned is none of the above.
    """
    case = _drawn(function, arguments, dtype)
    if isinstance(implementation, Implementation) or FUNCTIONS[function].provided_by(implementation):
        adapter = implementation if isinstance(implementation, Implementation) else Implementation(implementation)
        result = run(adapter, case, dtype)
    else:
        result = judge(case, dtype, FUNCTIONS[function].named(implementation))
    if result.outcome != "passed":
        raise AssertionError(failure(result))
    return result


def is_decided(function: str, arguments: Mapping[str, Any], *, dtype: str = "float64") -> bool:
    """Whether every choice in an answer, such as which distance is the smallest, is independent of rounding.

    Where it is not, correct implementations may differ by more than `assert_conforms` allows. A test that draws its
    arguments should then draw others.

    Args:
        function: Name of the function, as in `snr_ref`.
        arguments: Arguments by the names of the reference.
        dtype: Dtype to which the arguments are rounded, and in which the function is computed.

    Returns:
        Whether it is; False also where rounding might decide and no more is known.

    Raises:
        ValueError: If there is no such function or dtype.
    """
    return FUNCTIONS[function].is_decided(_drawn(function, arguments, dtype).arguments, PRECISIONS[dtype])


def _drawn(function: str, arguments: Mapping[str, Any], dtype: str) -> Case:
    if function not in FUNCTIONS:
        raise ValueError(f"`function` must be one of {', '.join(FUNCTIONS)}. Received: {function!r}")
    if dtype not in DTYPES:
        raise ValueError(f"`dtype` must be one of {', '.join(DTYPES)}. Received: {dtype!r}")
    about = FUNCTIONS[function]
    with np.errstate(over="ignore"):
        rounded = {name: _double(value) for name, value in in_dtype(arguments, dtype, about.half_arguments).items()}
    return _Drawn(
        f"drawn/{function}", _DRAWN, "Arguments that a test drew.", (about.clause,), function, rounded, dtype=dtype
    )


def _double(value: Any) -> Any:
    """Real arrays in float64; bfloat16 has a kind of its own."""
    if is_record(value):
        return each_field(_double, value)
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind in "fV" else value
