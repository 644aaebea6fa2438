"""Assertions that keep a record of how near each number came to its bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snr_ref.conformance.assertion import assert_conforms
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import PRECISIONS


@dataclass(frozen=True)
class Parity:
    """How the port compares with the specification, for one quantity in one dtype.

    Attributes:
        error: The largest absolute error.
        fraction: The largest quotient of an error and its bound, at most 1 if the tests pass.
        numbers: Number of compared numbers.
    """

    error: float = 0.0
    fraction: float = 0.0
    numbers: int = 0


#: (quantity, dtype) -> Parity, of everything that was compared in this run.
PARITY_RECORD: dict[tuple[str, str], Parity] = {}


def assert_parity(implementation: Any, function: str, arguments: Mapping[str, Any], *, dtype: str) -> None:
    """Does what `assert_conforms` does, and records the worst error of each output."""
    result = assert_conforms(implementation, function, arguments, dtype=dtype)
    for compared in result.comparisons:
        numbers = result.case.expected[0][compared.output].value.size
        record(f"{function}.{compared.output}", dtype, Parity(compared.error, compared.fraction, numbers))


def rounding(function: str, arguments: Mapping[str, Any], dtype: str = "float64") -> float:
    """The largest of the kit's bounds on the rounding errors of a function's outputs."""
    bounds = FUNCTIONS[function].bounds(arguments, PRECISIONS[dtype]).values()
    return max(float(np.max(bound, initial=0)) for bound in bounds)


def assert_within(quantity: str, dtype: str, got: Any, expected: Any, bound: Any) -> None:
    """Asserts |got - expected| <= bound everywhere, for quantities outside the kit, and records the worst error."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected)
    assert got.shape == expected.shape, f"{quantity} ({dtype}): shape {got.shape}, expected {expected.shape}"
    error = np.abs(got - expected)
    fraction = np.divide(error, bound, out=np.where(error == 0, 0.0, np.inf), where=np.asarray(bound) > 0)
    assert (fraction <= 1).all(), f"{quantity} ({dtype}): expected {expected} within {bound}, received {got}"
    record(quantity, dtype, Parity(float(error.max(initial=0)), float(fraction.max(initial=0)), error.size))


def record(quantity: str, dtype: str, new: Parity) -> None:
    """Adds to the record."""
    past = PARITY_RECORD.get((quantity, dtype), Parity())
    PARITY_RECORD[quantity, dtype] = Parity(
        error=max(past.error, new.error),
        fraction=max(past.fraction, new.fraction),
        numbers=past.numbers + new.numbers,
    )
