"""d(x, y): what it does not see, and the conventions where the formulas say nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import cosine_distance, euclidean_distance
from tests.assertions import rounding
from tests.strategies import embeddings, generators

BOTH = pytest.mark.parametrize("distance", [cosine_distance, euclidean_distance])
pairs_of_embeddings = st.integers(1, 6).flatmap(lambda c: st.tuples(embeddings(5, c), embeddings(4, c)))


@BOTH
@given(pair=pairs_of_embeddings)
def test_a_distance_is_symmetric_and_exactly_zero_between_equal_rows(distance, pair):
    x, y = pair
    d = distance(x, y)
    np.testing.assert_allclose(d, distance(y, x).T, rtol=1e-15, atol=1e-15)
    np.testing.assert_array_equal(np.diag(distance(x, x)), 0)
    equal = (x[:, np.newaxis] == y[np.newaxis]).all(axis=2)
    np.testing.assert_array_equal(d[equal], 0)
    assert (d >= 0).all()


@given(pairs_of_embeddings, generators())
def test_the_cosine_distance_never_leaves_zero_to_one_not_even_by_rounding(pair, rng):
    x, y = pair
    lengths = rng.uniform(0.1, 10, (20, 1))
    along = np.concatenate([y, lengths * x[:1], -lengths * x[:1]])
    d = cosine_distance(x, along)
    assert ((d >= 0) & (d <= 1)).all()


def assert_same_cosines(pair, other):
    """Within the rounding of both: between equal rows a distance is 0 and has none, and theirs may not be equal."""
    bound = sum(rounding("cosine_distance", {"x": x, "y": y}) for x, y in (pair, other))
    np.testing.assert_allclose(cosine_distance(*other), cosine_distance(*pair), rtol=0, atol=bound)


@given(pairs_of_embeddings, generators())
def test_the_cosine_distance_is_blind_to_the_length_of_each_row(pair, rng):
    longer = [rows * rng.uniform(1e-3, 1e3, (len(rows), 1)) for rows in pair]
    assert_same_cosines(pair, longer)


@given(pairs_of_embeddings, st.sampled_from([2.0**-996, 2.0**-664, 2.0**664, 2.0**996]))
def test_neither_distance_overflows_or_underflows(pair, magnitude):
    x, y = pair
    assert_same_cosines(pair, (magnitude * x, y))
    scaled = euclidean_distance(magnitude * x, magnitude * y) / magnitude
    bound = 2 * rounding("euclidean_distance", {"x": x, "y": y})
    np.testing.assert_allclose(scaled, euclidean_distance(x, y), rtol=0, atol=bound)


def test_zero_is_at_cosine_distance_zero_from_itself_and_a_half_from_everything_else():
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_array_equal(cosine_distance(x, x), [[0, 0.5], [0.5, 0]])


def test_opposite_rows_are_at_cosine_distance_one_and_orthogonal_ones_at_a_half():
    x = np.array([[1.0, 0.0]])
    np.testing.assert_array_equal(cosine_distance(x, np.array([[-2.0, 0.0], [0.0, 5.0], [9.0, 0.0]])), [[1, 0.5, 0]])


@BOTH
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_nan_or_inf_stays_in_its_row(distance, poison):
    x = np.random.default_rng(0).normal(size=(4, 3))
    clean = distance(x, x)
    x[2, 1] = poison
    with np.errstate(all="raise"):
        d = distance(x, x)
    others = np.ix_([0, 1, 3], [0, 1, 3])
    np.testing.assert_array_equal(d[others], clean[others])
    assert not np.isfinite(d[2]).any()


@BOTH
@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_longdouble_and_complex128_pass_through(distance, dtype):
    x = np.random.default_rng(0).normal(size=(4, 3))
    d = distance(x.astype(dtype), x)
    assert d.dtype == dtype
    np.testing.assert_allclose(d.real.astype(np.float64), distance(x, x), rtol=1e-14, atol=1e-15)


@BOTH
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            np.ones((2, 3)),
            np.ones((2, 4)),
            r"`y` must have shape \(2, 3\).*x of shape \(2, 3\). Received: shape \(2, 4\)",
        ),
        (np.ones(3), np.ones((2, 3)), r"`x` must have shape \(N, C\). Received: shape \(3,\)"),
        (np.ones((2, 3)), np.ones((1, 2, 3)), r"`y` must have shape \(M, C\). Received: shape \(1, 2, 3\)"),
        (np.ones((2, 3), int), np.ones((2, 3)), r"`x` must hold floating.*Received: dtype int64 with shape \(2, 3\)"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_shape(distance, x, y, message):
    with pytest.raises(ValueError, match=message):
        distance(x, y)
