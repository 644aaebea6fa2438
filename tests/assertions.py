"""Assertions that say what was computed from what, and keep a record of how near the bound it came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import PRECISIONS


@dataclass(frozen=True)
class Parity:
    """How the port compares with the specification, for one quantity in one dtype.

    Attributes:
        error: The largest absolute error seen.
        fraction: The largest fraction of its bound that an error took up, at most 1 where the tests pass.
        numbers: How many numbers were compared.
    """

    error: float = 0.0
    fraction: float = 0.0
    numbers: int = 0


#: (quantity, dtype) -> Parity, of everything `assert_parity` compared in this run.
PARITY_RECORD: dict[tuple[str, str], Parity] = {}


def assert_parity(
    quantity: str, dtype: str, got: Any, expected: np.ndarray, bound: Any, reproduce: Callable[[], str]
) -> None:
    """Asserts |got - expected| <= bound everywhere, and records the worst.

    Args:
        quantity: What is compared, as the table at the end of the run names it.
        dtype: The dtype of the port.
        got: What the port computed.
        expected: What the specification says.
        bound: The largest error that rounding explains; broadcasts with `expected`.
        reproduce: Returns a snippet that shows the two numbers again; called on failure only.
    """
    got = np.asarray(got, np.float64)
    assert got.shape == expected.shape, f"{quantity} ({dtype}): shape {got.shape}, expected {expected.shape}"
    bound = np.broadcast_to(bound, expected.shape)
    error = np.abs(got - expected)
    fraction = np.divide(error, bound, out=np.where(error > 0, np.inf, 0.0), where=bound > 0)
    fraction = np.where(np.isfinite(got) & np.isfinite(expected), fraction, np.inf)
    record(quantity, dtype, Parity(float(error.max(initial=0)), float(fraction.max(initial=0)), error.size))
    if fraction.size and fraction.max() > 1:
        at = np.unravel_index(np.argmax(fraction), expected.shape)
        raise AssertionError(
            f"{quantity} in {dtype} is off at {tuple(map(int, at))}: got {got[at]!r}, the specification says "
            f"{expected[at]!r}, an error of {error[at]:.3g} where rounding explains {bound[at]:.3g}.\n"
            f"To reproduce:\n\n{reproduce()}"
        )


def rounding(function: str, arguments: Mapping[str, Any], dtype: str = "float64") -> float:
    """How far rounding alone can put off any output of a function: the largest of the kit's bounds."""
    bounds = FUNCTIONS[function].bounds(arguments, PRECISIONS[dtype]).values()
    return max(float(np.max(bound, initial=0)) for bound in bounds)


def literal(array: np.ndarray | None) -> str:
    """Python source of an array, to the last bit, for a snippet that reproduces a failure."""
    if array is None:
        return "None"
    array = np.asarray(array)
    return f"np.array({array.astype(np.float64).ravel().tolist()}).reshape({array.shape})"


def record(quantity: str, dtype: str, new: Parity) -> None:
    """Adds to the record."""
    past = PARITY_RECORD.get((quantity, dtype), Parity())
    PARITY_RECORD[quantity, dtype] = Parity(
        error=max(past.error, new.error),
        fraction=max(past.fraction, new.fraction),
        numbers=past.numbers + new.numbers,
    )
