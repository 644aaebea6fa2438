"""The elementary functions: free of overflow, analytic, and with the conventions of the specification at zero."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref.conformance import running_error
from snr_ref.elementary import log_softmax, norm, relu, sigmoid, softplus
from tests.numerical_gradients import central_difference, complex_step
from tests.strategies import generators

EPS64 = np.finfo(np.float64).eps

moderate = st.floats(-30, 30)
large = st.floats(-1e4, 1e4)


@given(moderate)
def test_each_function_is_the_formula_of_its_docstring(x):
    assert sigmoid(np.array([x])) == pytest.approx(1 / (1 + math.exp(-x)), rel=4 * EPS64)
    assert softplus(np.array([x])) == pytest.approx(math.log1p(math.exp(x)), rel=4 * EPS64)
    assert relu(np.array([x])) == max(x, 0)


@given(large)
def test_softplus_and_sigmoid_stay_finite_and_monotone_at_large_arguments(x):
    ahead = x + 1.0
    for f in (softplus, sigmoid):
        assert np.isfinite(f(np.array([x])))
        assert f(np.array([ahead])) >= f(np.array([x]))
    assert softplus(np.array([x])) >= max(x, 0)
    assert 0 <= sigmoid(np.array([x])) <= 1


@given(large)
def test_softplus_and_sigmoid_obey_their_reflections(x):
    """softplus(x) - softplus(-x) = x and sigmoid(x) + sigmoid(-x) = 1."""
    x = np.array([x])
    np.testing.assert_allclose(softplus(x) - softplus(-x), x, rtol=4 * EPS64, atol=4 * EPS64)
    np.testing.assert_allclose(sigmoid(x) + sigmoid(-x), 1, rtol=4 * EPS64)


@given(generators(), st.sampled_from([1.0, 1e4]))
def test_log_softmax_is_normalized_and_blind_to_a_shift(rng, magnitude):
    logits = magnitude * rng.normal(size=(3, 5))
    bounded = running_error.log_softmax(running_error.exact(logits, EPS64))
    np.testing.assert_allclose(np.exp(log_softmax(logits)).sum(axis=1), 1, atol=bounded.exp().sum(1).error.max())
    shifted = np.abs(logits).max() + 100
    np.testing.assert_allclose(
        log_softmax(logits + 100), log_softmax(logits), atol=2 * bounded.error.max() + 2 * np.spacing(shifted)
    )


@given(generators(), st.sampled_from([1e-300, 1e-200, 1.0, 1e200, 1e300]))
def test_norm_scales_with_its_vector_from_the_smallest_numbers_to_the_largest(rng, magnitude):
    v = rng.normal(size=(3, 4))
    expected = [math.sqrt(math.fsum(x * x for x in row)) for row in v]
    np.testing.assert_allclose(norm(magnitude * v) / magnitude, expected, rtol=16 * EPS64)


def test_norm_of_the_zero_vector_is_zero_and_has_zero_derivative():
    zero = np.zeros(3)
    assert norm(zero) == 0
    np.testing.assert_array_equal(complex_step(norm, zero), 0)


def test_relu_has_zero_derivative_at_zero_and_keeps_nan():
    assert complex_step(lambda x: relu(x)[0], np.zeros(1)) == 0
    assert np.isnan(relu(np.array([np.nan])))


@pytest.mark.parametrize(
    ("f", "derivative"),
    [(sigmoid, lambda x: sigmoid(x) * sigmoid(-x)), (softplus, sigmoid), (relu, lambda x: (x > 0).astype(float))],
)
@given(x=st.one_of(large, st.just(0.0)))
def test_the_complex_step_sees_the_derivative(f, derivative, x):
    x = np.array([x])
    tolerance = {"rtol": 16 * EPS64 * (1 + abs(x[0])), "atol": 1e-270}  # times STEP, less is not a normal number
    np.testing.assert_allclose(complex_step(lambda v: f(v)[0], x), derivative(x), **tolerance)


@given(generators())
def test_complex_step_and_extended_precision_agree_on_log_softmax_and_norm(rng):
    """Two ways to differentiate that share nothing but the values."""
    x = rng.normal(size=5)
    for f in (lambda v: log_softmax(v)[0], norm):
        np.testing.assert_allclose(complex_step(f, x), central_difference(f, x), atol=1e-9)


@pytest.mark.parametrize("f", [relu, sigmoid, softplus, log_softmax, norm])
@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_longdouble_and_complex_pass_through(f, dtype):
    assert f(np.array([0.5, -1.5], dtype)).dtype == dtype
