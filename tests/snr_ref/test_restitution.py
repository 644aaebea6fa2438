"""Eqs. 2 to 5, each from the one before, and the module they make up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import SNRParams, channel_attention, initial_params, instance_norm, mean_pool, snr
from tests.assertions import rounding
from tests.strategies import generators, snr_cases


@given(snr_cases())
def test_every_output_is_its_equation_applied_to_the_one_before(case):
    F, params = case.F, case.params
    out = snr(F, params, epsilon=case.epsilon)
    np.testing.assert_array_equal(out.F_tilde, instance_norm(F, params.gamma, params.beta, epsilon=case.epsilon))
    np.testing.assert_array_equal(out.R, F - out.F_tilde)
    np.testing.assert_array_equal(out.a, channel_attention(mean_pool(out.R), *params[2:]))
    a = out.a.reshape(len(F), *(1,) * (F.ndim - 2), F.shape[-1])
    np.testing.assert_array_equal(out.R_plus, a * out.R)
    np.testing.assert_array_equal(out.R_minus, (1 - a) * out.R)
    np.testing.assert_array_equal(out.F_plus, out.F_tilde + out.R_plus)
    np.testing.assert_array_equal(out.F_minus, out.F_tilde + out.R_minus)
    np.testing.assert_array_equal(out.f_plus, mean_pool(out.F_plus))
    np.testing.assert_array_equal(out.f_minus, mean_pool(out.F_minus))


@given(snr_cases())
def test_f_tilde_is_beta_itself_and_not_a_pooled_map(case):
    out = snr(case.F, case.params, epsilon=case.epsilon)
    np.testing.assert_array_equal(out.f_tilde, np.tile(case.params.beta, (len(case.F), 1)))


@given(snr_cases(), generators())
def test_images_and_channels_may_be_permuted_before_or_after(case, rng):
    F, (gamma, beta, w1, w2, b1, b2) = case.F, case.params
    images, k = rng.permutation(F.shape[0]), rng.permutation(F.shape[-1])
    permuted = SNRParams(gamma[k], beta[k], w1[k], w2[:, k], b1, None if b2 is None else b2[k])
    before = snr(F[images][..., k], permuted, epsilon=case.epsilon)
    after = snr(F, case.params, epsilon=case.epsilon)
    atol = 2 * rounding("snr", case._asdict())
    for name, x, y in zip(before._fields, before, after, strict=True):
        np.testing.assert_allclose(x, y[images][..., k], rtol=0, atol=atol, err_msg=name)


@given(snr_cases(), generators())
def test_pixels_may_be_permuted_before_or_after_and_the_embeddings_do_not_see_it(case, rng):
    F = case.F.reshape(case.F.shape[0], -1, case.F.shape[-1])
    order = rng.permutation(F.shape[1])
    before, after = snr(F[:, order], case.params), snr(F, case.params)
    atol = 2 * rounding("snr", {"F": F, "params": case.params})
    np.testing.assert_allclose(before.F_plus, after.F_plus[:, order], rtol=0, atol=atol)
    np.testing.assert_allclose(before.f_plus, after.f_plus, rtol=0, atol=atol)
    np.testing.assert_allclose(before.f_minus, after.f_minus, rtol=0, atol=atol)


@given(snr_cases())
def test_the_spatial_axes_are_only_pixels(case):
    flat = case.F.reshape(case.F.shape[0], -1, case.F.shape[-1])
    out, of_flat = snr(case.F, case.params), snr(flat, case.params)
    atol = 2 * rounding("snr", {"F": flat, "params": case.params})
    np.testing.assert_allclose(out.F_plus.reshape(flat.shape), of_flat.F_plus, rtol=0, atol=atol)
    np.testing.assert_allclose(out.f_minus, of_flat.f_minus, rtol=0, atol=atol)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@given(case=snr_cases(shapes=st.just((3, 2, 2, 4)), defects=("none",)))
def test_nan_or_inf_stays_in_its_image_and_warns_nobody(poison, case):
    clean = snr(case.F, case.params)
    case.F[1, 0, 1, 2] = poison
    with np.errstate(all="raise", under="ignore"):
        poisoned = snr(case.F, case.params)
    assert not np.isfinite(poisoned.F_plus[1, ..., 2]).any()
    assert not np.isfinite(poisoned.f_plus[1, 2])
    for name, x, y in zip(clean._fields, poisoned, clean, strict=True):
        np.testing.assert_array_equal(x[[0, 2]], y[[0, 2]], err_msg=name)


@given(snr_cases(defects=("constant map", "zero", "large mean", "one bright pixel")))
def test_degenerate_maps_give_finite_outputs(case):
    assert all(np.isfinite(x).all() for x in snr(case.F, case.params, epsilon=case.epsilon))


@pytest.mark.parametrize("magnitude", [1e4, -1e4])
def test_a_saturated_gate_is_finite_and_lets_everything_or_nothing_through(magnitude):
    F = np.random.default_rng(0).normal(size=(2, 5, 3))
    params = initial_params(3, use_bias=True, seed=0)._replace(b2=np.full(3, magnitude))
    out = snr(F, params)
    np.testing.assert_allclose(out.F_plus, F if magnitude > 0 else out.F_tilde, atol=1e-15)


def test_an_empty_batch_has_empty_outputs():
    out = snr(np.empty((0, 4, 3, 2)), initial_params(2, seed=0))
    assert out.F_plus.shape == (0, 4, 3, 2)
    assert out.f_tilde.shape == out.f_plus.shape == out.f_minus.shape == (0, 2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_lower_precision_is_computed_in_and_returned_as_float64(dtype):
    F = np.random.default_rng(1).normal(size=(2, 3, 2)).astype(dtype)
    params = SNRParams(*(None if p is None else p.astype(dtype) for p in initial_params(2, seed=0)))
    widened = SNRParams(*(None if p is None else p.astype(np.float64) for p in params))
    for x, y in zip(snr(F, params), snr(F.astype(np.float64), widened), strict=True):
        assert x.dtype == np.float64
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
@pytest.mark.parametrize("wide", ["F", "params"])
def test_longdouble_and_complex128_pass_through_wherever_they_come_in(dtype, wide):
    F = np.random.default_rng(1).normal(size=(2, 3, 2))
    params = initial_params(2, use_bias=True, seed=0)
    widened = SNRParams(*(p.astype(dtype) for p in params))
    out = snr(F.astype(dtype), params) if wide == "F" else snr(F, widened)
    assert {x.dtype for x in out} == {np.dtype(dtype)}


def test_initial_params_are_those_of_the_specification():
    params = initial_params(64, reduction=16, seed=0)
    np.testing.assert_array_equal(params.gamma, 1)
    np.testing.assert_array_equal(params.beta, 0)
    assert (params.w1.shape, params.w2.shape, params.b1, params.b2) == ((64, 4), (4, 64), None, None)
    assert np.abs(params.w1).max() <= 2 * np.sqrt(2 / 64) / 0.8796
    assert np.abs(params.w2).max() <= np.sqrt(6 / 68)
    wide = initial_params(1024, reduction=1, seed=0)
    assert wide.w1.std() == pytest.approx(np.sqrt(2 / 1024), rel=0.01)
    assert wide.w2.std() == pytest.approx(np.sqrt(2 / 2048), rel=0.01)


@pytest.mark.parametrize(("channels", "reduction", "hidden"), [(24, 16, 1), (40, 16, 2), (3, 16, 1), (112, 16, 7)])
def test_the_hidden_width_is_at_least_one_and_rounds_down(channels, reduction, hidden):
    params = initial_params(channels, reduction=reduction, use_bias=True, seed=0)
    assert (params.w1.shape, params.b1.shape, params.b2.shape) == ((channels, hidden), (hidden,), (channels,))


@pytest.mark.parametrize(("channels", "reduction"), [(0, 16), (8, 0)])
def test_no_params_without_channels_or_reduction(channels, reduction):
    with pytest.raises(ValueError, match=f"Received: channels={channels}, reduction={reduction}"):
        initial_params(channels, reduction=reduction, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gamma": np.ones(5)}, r"`params.gamma` must have shape \(4,\) to match F of shape \(2, 3, 4\). .*\(5,\)"),
        ({"beta": np.ones(5)}, r"`params.beta`.*F of shape \(2, 3, 4\). Received: shape \(5,\)"),
        ({"w1": np.ones((5, 2))}, r"`params.w1`.*F of shape \(2, 3, 4\). Received: shape \(5, 2\)"),
        ({"w1": np.ones((4, 0))}, r"`params.w1`.*Received: shape \(4, 0\)"),
        ({"w1": np.ones(4)}, r"`params.w1`.*Received: shape \(4,\)"),
        (
            {"w2": np.ones((3, 4))},
            r"`params.w2` must have shape \(2, 4\).*w1 of shape \(4, 2\). Received: shape \(3, 4\)",
        ),
        ({"w2": np.ones((4, 2))}, r"`params.w2`.*Received: shape \(4, 2\)"),
        ({"b1": np.ones(4)}, r"`params.b1`.*Received: shape \(4,\)"),
        ({"b2": np.ones(2)}, r"`params.b2`.*Received: shape \(2,\)"),
        ({"w1": np.ones((4, 2), int)}, r"`params.w1` must hold floating.*Received: dtype int64"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_by_shape(change, message):
    params = SNRParams(np.ones(4), np.zeros(4), np.ones((4, 2)), np.ones((2, 4)))._replace(**change)
    with pytest.raises(ValueError, match=message):
        snr(np.ones((2, 3, 4)), params)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: snr(np.ones((2, 3, 4), int), None), r"`F` must hold floating.*shape \(2, 3, 4\)"),
        (lambda: snr(np.ones((2, 4)), None), r"Received: shape \(2, 4\)"),
        (lambda: channel_attention(np.ones((1, 2, 3)), np.ones((3, 1)), np.ones((1, 3))), r"`z`.*shape \(1, 2, 3\)"),
        (lambda: channel_attention(np.ones((1, 3)), np.ones((2, 1)), np.ones((1, 2))), r"`w1`.*z of shape \(1, 3\)"),
    ],
)
def test_maps_that_do_not_fit_are_refused_by_shape(call, message):
    with pytest.raises(ValueError, match=message):
        call()
