"""The identities (i) to (viii), each on the literal module, and the closed form built from them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import mean_pool, snr, snr_closed_form
from tests.assertions import rounding
from tests.strategies import snr_cases


def literal(case):
    """The literal module, and how far rounding may take it from its identities."""
    bound = 2 * rounding("snr", case._asdict())
    return snr(case.F, case.params, epsilon=case.epsilon), {"rtol": 0, "atol": bound}


def centred(case):
    """F - mu, and gamma / sigma, both of the shape of a map or of one that broadcasts to it."""
    pixels = tuple(range(1, case.F.ndim - 1))
    sigma = np.sqrt(case.F.var(axis=pixels, keepdims=True) + case.epsilon)
    return case.F - case.F.mean(axis=pixels, keepdims=True), case.params.gamma / sigma


def over_pixels(v, case):
    """(N, C) for every pixel of F."""
    return v.reshape(len(v), *(1,) * (case.F.ndim - 2), -1)


@given(snr_cases())
def test_i_the_normalized_map_pools_to_beta_for_every_image(case):
    out, within = literal(case)
    np.testing.assert_allclose(mean_pool(out.F_tilde), out.f_tilde, **within)


@given(snr_cases())
def test_ii_the_residual_pools_to_mu_minus_beta(case):
    out, within = literal(case)
    np.testing.assert_allclose(mean_pool(out.R), mean_pool(case.F) - case.params.beta, **within)


@given(snr_cases())
def test_iii_the_restituted_map_is_affine_in_the_centred_input(case):
    out, within = literal(case)
    (deviation, g), a = centred(case), over_pixels(out.a, case)
    np.testing.assert_allclose(out.F_plus, (a + (1 - a) * g) * deviation + over_pixels(out.f_plus, case), **within)


@given(snr_cases())
def test_iv_the_contaminated_map_is_the_restituted_one_with_the_gate_turned_round(case):
    out, within = literal(case)
    (deviation, g), a = centred(case), over_pixels(out.a, case)
    np.testing.assert_allclose(out.F_minus, ((1 - a) + a * g) * deviation + over_pixels(out.f_minus, case), **within)


@given(snr_cases())
def test_v_the_embeddings_are_gates_on_the_channel_means_and_sum_to_beta_plus_mu(case):
    out, within = literal(case)
    z = mean_pool(case.F) - case.params.beta
    np.testing.assert_allclose(out.f_plus, case.params.beta + out.a * z, **within)
    np.testing.assert_allclose(out.f_minus, case.params.beta + (1 - out.a) * z, **within)
    np.testing.assert_allclose(out.f_plus + out.f_minus, case.params.beta + mean_pool(case.F), **within)


@given(snr_cases())
def test_vi_the_two_branches_sum_to_the_input_and_its_normalization(case):
    out, within = literal(case)
    np.testing.assert_allclose(out.F_plus + out.F_minus, case.F + out.F_tilde, **within)


@given(snr_cases(), st.sampled_from([1.0, -1.0]))
def test_vii_an_open_gate_makes_the_module_vanish_and_a_closed_one_leaves_the_instance_norm(case, sign):
    """A large bias b2 opens or closes the gate whatever W1 and W2 say."""
    weights = case.params.w1, case.params.w2
    reach = np.abs(case.F).max() * np.prod([1 + np.abs(w).sum() for w in weights]) + 1e4
    params = case.params._replace(b1=None, b2=np.full(case.F.shape[-1], sign * 1e3 * reach))
    out = snr(case.F, params, epsilon=case.epsilon)
    expected = case.F if sign > 0 else out.F_tilde
    atol = 2 * rounding("snr", case._asdict() | {"params": params})
    np.testing.assert_allclose(out.F_plus, expected, rtol=0, atol=atol)


@given(snr_cases())
def test_viii_every_element_of_both_branches_lies_between_the_input_and_its_normalization(case):
    out, within = literal(case)
    slack = within["atol"]
    low, high = np.minimum(case.F, out.F_tilde) - slack, np.maximum(case.F, out.F_tilde) + slack
    for branch in (out.F_plus, out.F_minus):
        assert (low <= branch).all()
        assert (branch <= high).all()


@given(snr_cases())
def test_the_closed_form_equals_the_literal_module(case):
    out, within = literal(case)
    F_plus, f_tilde, f_plus, f_minus = snr_closed_form(case.F, case.params, epsilon=case.epsilon)
    np.testing.assert_allclose(F_plus, out.F_plus, **within)
    np.testing.assert_array_equal(f_tilde, out.f_tilde)
    np.testing.assert_allclose(f_plus, out.f_plus, **within)
    np.testing.assert_allclose(f_minus, out.f_minus, **within)


@given(snr_cases(shapes=st.just((3, 2, 2, 4)), defects=("none",)), st.sampled_from([np.nan, np.inf]))
def test_the_closed_form_keeps_nan_and_inf_in_their_image_and_warns_nobody(case, poison):
    clean = snr_closed_form(case.F, case.params)
    case.F[1, 0, 1, 2] = poison
    with np.errstate(all="raise", under="ignore"):
        poisoned = snr_closed_form(case.F, case.params)
    assert not np.isfinite(poisoned[0][1, ..., 2]).any()
    for x, y in zip(poisoned, clean, strict=True):
        np.testing.assert_array_equal(x[[0, 2]], y[[0, 2]])


@given(snr_cases())
def test_the_closed_form_of_an_extended_precision_input_is_of_that_precision(case):
    assert {x.dtype for x in snr_closed_form(case.F.astype(np.longdouble), case.params)} == {np.dtype(np.longdouble)}
    assert {x.dtype for x in snr_closed_form(case.F.astype(np.complex128), case.params)} == {np.dtype(np.complex128)}
