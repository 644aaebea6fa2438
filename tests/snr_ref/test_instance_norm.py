"""Eq. 1: what it computes, what it ignores, and what it does with degenerate maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import SNRParams, instance_norm, mean_pool
from tests.assertions import rounding
from tests.strategies import SNRCase, feature_maps, generators, snr_cases


def normalize(case: SNRCase) -> np.ndarray:
    return instance_norm(case.F, case.params.gamma, case.params.beta, epsilon=case.epsilon)


def bound(case: SNRCase) -> float:
    arguments = {"F": case.F, "gamma": case.params.gamma, "beta": case.params.beta, "epsilon": case.epsilon}
    return rounding("instance_norm", arguments)


@given(feature_maps(defects=("none",)))
def test_with_unit_scale_the_map_has_mean_zero_and_the_variance_that_epsilon_leaves(F):
    channels = F.shape[-1]
    F_tilde = instance_norm(F, np.ones(channels), np.zeros(channels))
    axes = tuple(range(1, F.ndim - 1))
    np.testing.assert_allclose(F_tilde.mean(axis=axes), 0, atol=1e-10)
    np.testing.assert_allclose(F_tilde.var(axis=axes), F.var(axis=axes) / (F.var(axis=axes) + 1e-5), atol=1e-10)


@given(snr_cases(), generators())
def test_a_shift_of_each_image_and_channel_changes_nothing(case, rng):
    case = case._replace(F=np.rint(case.F * 2**20) / 2**20)  # so that their sums are exact
    shift = rng.integers(-300, 300, size=(case.F.shape[0], *(1,) * (case.F.ndim - 2), case.F.shape[-1]))
    shifted = case._replace(F=case.F + shift)
    np.testing.assert_allclose(normalize(shifted), normalize(case), rtol=0, atol=bound(case) + bound(shifted))


@given(snr_cases(), st.integers(-6, 6))
def test_a_positive_scale_changes_nothing_when_epsilon_scales_with_its_square(case, exponent):
    scale = 2.0**exponent  # exact
    scaled = case._replace(F=scale * case.F, epsilon=scale**2 * case.epsilon)
    np.testing.assert_allclose(normalize(scaled), normalize(case), rtol=0, atol=bound(case) + bound(scaled))


@given(snr_cases(), generators())
def test_images_pixels_and_channels_may_be_permuted_before_or_after(case, rng):
    F, params = case.F, case.params
    images, channels = rng.permutation(F.shape[0]), rng.permutation(F.shape[-1])
    pixels = rng.permutation(F[0, ..., 0].size)

    def shuffled_pixels(x):
        flat = x.reshape(x.shape[0], -1, x.shape[-1])
        return flat[:, pixels].reshape(x.shape)

    permuted = shuffled_pixels(F[images][..., channels])
    F_tilde = instance_norm(permuted, params.gamma[channels], params.beta[channels], epsilon=case.epsilon)
    expected = shuffled_pixels(normalize(case)[images][..., channels])
    np.testing.assert_allclose(F_tilde, expected, rtol=0, atol=2 * bound(case))


@given(snr_cases(defects=("constant map", "zero")))
def test_a_constant_channel_becomes_beta(case):
    np.testing.assert_allclose(
        normalize(case), np.broadcast_to(case.params.beta, case.F.shape), rtol=0, atol=bound(case)
    )


@given(snr_cases(shapes=st.sampled_from([(2, 1, 3), (3, 1, 1, 2), (1, 1, 1, 1, 4)])))
def test_a_map_of_a_single_pixel_becomes_beta_exactly(case):
    np.testing.assert_array_equal(normalize(case), np.broadcast_to(case.params.beta, case.F.shape))


@given(generators(), st.sampled_from([1e2, 1e4, 1e6]))
def test_a_large_mean_costs_no_more_than_the_rounding_of_the_input(rng, mean):
    """Against the same map around zero; a one-pass E[x^2] - mu^2 in float64 would already be off by 1e-4 at 1e6."""
    F = np.round(rng.normal(size=(2, 5, 4, 3)) * 2**20) / 2**20  # so that F + mean is exact
    params = SNRParams(rng.normal(size=3), rng.normal(size=3), np.zeros((3, 1)), np.zeros((1, 3)))
    expected = instance_norm(F, params.gamma, params.beta)
    actual = instance_norm(F + mean, params.gamma, params.beta)
    np.testing.assert_allclose(
        actual,
        expected,
        rtol=0,
        atol=rounding("instance_norm", {"F": F + mean, "gamma": params.gamma, "beta": params.beta}),
    )


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@given(case=snr_cases(shapes=st.just((3, 3, 2, 4)), defects=("none",)))
def test_nan_or_inf_stays_in_its_image_and_channel_and_warns_nobody(poison, case):
    clean = normalize(case)
    case.F[1, 2, 0, 3] = poison
    with np.errstate(all="raise"):
        poisoned = normalize(case)
    assert not np.isfinite(poisoned[1, ..., 3]).any()
    poisoned[1, ..., 3] = clean[1, ..., 3]
    np.testing.assert_array_equal(poisoned, clean)


def test_epsilon_zero_is_legal_and_normalizes_to_unit_variance():
    F = np.array([[[1.0], [3.0]]])
    np.testing.assert_array_equal(instance_norm(F, np.ones(1), np.zeros(1), epsilon=0.0), [[[-1.0], [1.0]]])


def test_mean_and_deviation_are_those_of_each_image_and_channel():
    F = np.array([[[1.0, 10.0], [3.0, 12.0]], [[5.0, 0.0], [5.5, 8.0]]])
    np.testing.assert_array_equal(mean_pool(F), [[2, 11], [5.25, 4]])
    expected = np.broadcast_to([[-1.0], [1.0]], (2, 2, 1)) * np.ones(2)
    np.testing.assert_array_equal(instance_norm(F, np.ones(2), np.zeros(2), epsilon=0.0), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_real_precision_is_computed_in_and_returned_as_float64(dtype):
    F = np.linspace(-1, 1, 12).reshape(1, 6, 2).astype(dtype)
    F_tilde = instance_norm(F, np.ones(2, dtype), np.zeros(2, dtype))
    assert F_tilde.dtype == np.float64
    np.testing.assert_array_equal(F_tilde, instance_norm(F.astype(np.float64), np.ones(2), np.zeros(2)))


def test_bfloat16_is_computed_in_and_returned_as_float64():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    F = np.linspace(-1, 1, 12).reshape(1, 6, 2).astype(bfloat16)
    F_tilde = instance_norm(F, np.ones(2, bfloat16), np.zeros(2, bfloat16))
    np.testing.assert_array_equal(F_tilde, instance_norm(F.astype(np.float64), np.ones(2), np.zeros(2)))


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_longdouble_and_complex128_pass_through(dtype):
    F = np.linspace(-1, 1, 12).reshape(1, 6, 2)
    passed = instance_norm(F.astype(dtype), np.ones(2), np.zeros(2))
    assert passed.dtype == dtype
    np.testing.assert_allclose(passed.real.astype(np.float64), instance_norm(F, np.ones(2), np.zeros(2)), atol=1e-14)


@pytest.mark.parametrize(
    ("F", "gamma", "beta", "epsilon", "message"),
    [
        (
            np.ones((2, 3, 4), int),
            np.ones(4),
            np.ones(4),
            1e-5,
            r"`F` must hold floating.*dtype int64 with shape \(2, 3",
        ),
        (np.ones((2, 3, 4), bool), np.ones(4), np.ones(4), 1e-5, r"`F` must hold floating.*Received: dtype bool"),
        (np.ones((2, 4)), np.ones(4), np.ones(4), 1e-5, r"\(N, \*S, C\).*Received: shape \(2, 4\)"),
        (np.ones((2, 0, 4)), np.ones(4), np.ones(4), 1e-5, r"one pixel.*Received: shape \(2, 0, 4\)"),
        (np.ones((2, 3, 4)), np.ones(5), np.ones(4), 1e-5, r"`gamma`.*\(2, 3, 4\). Received: shape \(5,\)"),
        (np.ones((2, 3, 4)), np.ones(4), np.ones((1, 4)), 1e-5, r"`beta`.*\(2, 3, 4\). Received: shape \(1, 4\)"),
        (np.ones((2, 3, 4)), np.ones(4, int), np.ones(4), 1e-5, r"`gamma` must hold floating.*Received: dtype int64"),
        (np.ones((2, 3, 4)), np.ones(4), np.ones(4), -1e-5, r"`epsilon`.*at least 0. Received: -1e-05"),
        (np.ones((2, 3, 4)), np.ones(4), np.ones(4), np.nan, r"`epsilon`.*Received: nan"),
        (np.ones((2, 3, 4)), np.ones(4), np.ones(4), "small", r"`epsilon`.*Received: 'small'"),
    ],
)
def test_what_does_not_fit_is_refused_by_shape(F, gamma, beta, epsilon, message):
    with pytest.raises(ValueError, match=message):
        instance_norm(F, gamma, beta, epsilon=epsilon)
