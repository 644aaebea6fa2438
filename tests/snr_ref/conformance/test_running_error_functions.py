"""Elementary functions carry a bound: what single precision makes of an argument that is off stays within it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref.conformance.running_error import Rounded
from tests.strategies import generators

U = 2.0**-23

#: Name -> the function with its bound, the plain one, and the sign of the arguments that it is used with; 0 is either.
FUNCTIONS: dict[str, tuple[Callable[[Rounded], Rounded], Callable[[np.ndarray], np.ndarray], int]] = {
    "sqrt": (Rounded.sqrt, np.sqrt, 1),
    "log": (Rounded.log, np.log, 1),
    "exp": (Rounded.exp, np.exp, -1),
    "softplus": (Rounded.softplus, lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 0),
    "max": (lambda x: x.max(0), lambda x: x.max(0), 0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(rng=generators(), scale=st.sampled_from([1e-3, 1.0, 30.0]), off=st.sampled_from([0.0, 1e-6, 1e-2, 0.5]))
def test_single_precision_stays_within_the_bound(name: str, rng: np.random.Generator, scale: float, off: float) -> None:
    bounded, plain, sign = FUNCTIONS[name]
    x = scale * rng.normal(size=(20, 3))
    x = sign * np.abs(x) if sign else x
    error = off * np.abs(x)
    computed = plain((x + rng.uniform(-1, 1, x.shape) * error).astype(np.float32)).astype(np.float64)
    result = bounded(Rounded(x, error + U * (np.abs(x) + error), U))
    assert (np.abs(computed - result.value) <= result.error).all()


@pytest.mark.parametrize("name", FUNCTIONS)
@given(rng=generators(), off=st.sampled_from([1e-6, 1e-3]))
def test_the_bound_is_no_larger_than_an_argument_that_is_off_by_its_error_makes_it(
    name: str, rng: np.random.Generator, off: float
) -> None:
    """In exact arithmetic only the argument's error is left, and some argument within it comes near the bound."""
    bounded, plain, sign = FUNCTIONS[name]
    x = rng.normal(size=(20, 3))
    x = sign * (np.abs(x) + 0.1) if sign else x
    error = np.full_like(x, off * 0.1)
    result = bounded(Rounded(x, error, 0.0))
    reached = np.maximum(np.abs(plain(x + error) - plain(x)), np.abs(plain(x - error) - plain(x)))
    assert (result.error <= 1.01 * reached + 1e-12).all()


def test_a_root_of_what_may_be_zero_is_off_by_the_root_of_its_error() -> None:
    root = Rounded(np.array([0.0]), np.array([1e-4]), 0.0).sqrt()
    np.testing.assert_allclose(root.error, 1e-2)


def test_a_logarithm_of_what_may_be_zero_is_refused() -> None:
    with pytest.raises(AssertionError, match="may be zero"):
        Rounded(np.array([1e-9]), np.array([1e-8]), U).log()


def test_the_largest_is_off_by_the_error_of_those_that_may_be_the_largest() -> None:
    x = Rounded(np.array([1.0, 1.5, 3.0]), np.array([9.0, 0.5, 0.25]), U)
    assert x.max(0).error == 9.0
    assert x[1:].max(0).error == 0.25
