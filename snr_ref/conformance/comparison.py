"""Comparison of an answer with the expected one: errors, and whether rounding explains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snr_ref.conformance.arguments import HALF
from snr_ref.conformance.case import Case
from snr_ref.conformance.expectation import Expected, Numbers
from snr_ref.conformance.functions import FUNCTIONS


@dataclass(frozen=True)
class Comparison:
    """One output of one case in one dtype.

    Attributes:
        output: Name of the output.
        error: Largest absolute error; infinite if the shapes differ or other numbers are finite.
        ulps: Largest error in units in the last place of the expected number, in the dtype; in half precision, in
            float32 for outputs that are not stored in it.
        fraction: Largest error as a fraction of its tolerance, the conditioning times the unit roundoff. More than 1 is
            a failure.
        at: Index of the number with that error.
        got: Number received there; None if the shapes differ.
        expected: Number expected there; None if the shapes differ.
        why: Empty if the output passed, else a sentence.
    """

    output: str
    error: float
    ulps: float
    fraction: float
    at: tuple[int, ...] = ()
    got: float | None = None
    expected: float | None = None
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether rounding explains the error."""
        return not self.why


def compare(case: Case, dtype: str, answer: Mapping[str, np.ndarray]) -> list[Comparison]:
    """Compare the outputs that are both answered and expected, in the order of the chain.

    Args:
        case: Case of kind "numbers" or "pattern".
        dtype: Dtype in which it was run.
        answer: Outputs by name.

    Returns:
        The comparisons with the nearest expected answer.
    """
    halves = FUNCTIONS[case.function].half_outputs
    ways = [_with(expected, dtype, halves, answer) for expected in case.expected]
    return min(ways, key=lambda way: (sum(not c.passed for c in way), max((c.fraction for c in way), default=0.0)))


def _with(expected: Expected, dtype: str, halves: frozenset[str], answer: Mapping[str, np.ndarray]) -> list[Comparison]:
    compared = []
    for name in (name for name in expected if name in answer):
        own = "float32" if dtype in HALF and name not in halves else dtype
        compared.append(_output(name, expected[name], dtype, own, answer[name]))
    return compared


def _output(name: str, numbers: Numbers, dtype: str, own: str, got: np.ndarray) -> Comparison:
    value, tolerance = numbers.value, numbers.tolerance[dtype]
    if got.dtype.kind in "cOSUM" or (got.dtype.kind == "V" and "float" not in got.dtype.name):
        return Comparison(name, np.inf, np.inf, np.inf, why=f"expected real numbers, received {got.dtype}")
    got = got.astype(np.float64)
    if got.shape == () and got == 0 and name.startswith("grad_"):
        got = np.zeros(value.shape)  # an absent gradient
    if got.shape != value.shape:
        return Comparison(name, np.inf, np.inf, np.inf, why=f"expected shape {value.shape}, received {got.shape}")
    if not value.size:
        return Comparison(name, 0.0, 0.0, 0.0)
    finite = np.isfinite(value)
    with np.errstate(invalid="ignore"):
        error = np.where(finite, np.abs(got - value), np.where(np.isfinite(got), np.inf, 0.0))
    error = np.where(np.isnan(error), np.inf, error)
    fraction = np.divide(error, tolerance, out=np.where(error > 0, np.inf, 0.0), where=finite & (tolerance > 0))
    with np.errstate(over="ignore"):  # for an expected 0, whose unit is the smallest number
        ulps = np.divide(error, spacing(value, own), out=np.zeros_like(error), where=finite)
    ulps = np.where(np.isinf(error), np.inf, ulps)
    at = np.unravel_index(np.argmax(fraction), value.shape)
    place = tuple(int(i) for i in at)
    worst = float(fraction[at])
    why = ""
    if worst > 1:
        wanted = f"{value[at]:.9g}" if finite[at] else "NaN or an infinity"
        explained = f", where rounding explains {tolerance[at]:.3g}" if finite[at] else ""
        where = f" at {list(place)}" if place else ""
        why = f"expected {wanted}{where}, received {got[at]:.9g}: off by {error[at]:.3g}{explained}"
    return Comparison(name, float(error.max()), float(ulps.max()), worst, place, float(got[at]), float(value[at]), why)


def spacing(value: np.ndarray, dtype: str) -> np.ndarray:
    """One unit in the last place of each number in a dtype; for 0, the smallest number."""
    digits, least = {"float64": (52, -1022), "float32": (23, -126), "float16": (10, -14), "bfloat16": (7, -126)}[dtype]
    _, exponent = np.frexp(np.where(np.isfinite(value), value, 1.0))
    exponent = np.where(value == 0, least, np.maximum(exponent - 1, least))
    return np.ldexp(1.0, exponent - digits)
