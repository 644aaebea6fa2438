"""The entropy form: what it does not see, its edges, and its gradients."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import (
    dual_restitution_gradients,
    dual_restitution_loss,
    pixelwise_dual_restitution_gradients,
    pixelwise_dual_restitution_loss,
    snr,
)
from snr_ref.conformance.assertion import assert_conforms
from tests.assertions import rounding
from tests.numerical_gradients import central_difference, complex_step
from tests.strategies import classified_cases, feature_shapes, generators, snr_cases

LOG_2 = math.log(2)
EPS64 = np.finfo(np.float64).eps
BATCHES = st.tuples(st.integers(1, 5), st.integers(1, 4))
FORMS = {
    "classification": (BATCHES, dual_restitution_loss, dual_restitution_gradients),
    "per pixel": (
        feature_shapes(max_images=3, max_side=3, max_channels=4),
        pixelwise_dual_restitution_loss,
        pixelwise_dual_restitution_gradients,
    ),
}
both_forms = pytest.mark.parametrize("form", FORMS)


def named(case):
    """The arguments of the loss for images, or for pixels, by name."""
    f = "f" if case.tilde.ndim == 2 else "F"
    return dict(zip((f"{f}_tilde", f"{f}_plus", f"{f}_minus", "w", "b"), case, strict=True))


def bound(case):
    return rounding("dual_restitution_loss" if case.tilde.ndim == 2 else "pixelwise_dual_restitution_loss", named(case))


@given(classified_cases(st.tuples(st.just(1), st.just(1), st.integers(1, 4))))
def test_of_one_image_of_one_pixel_the_two_forms_are_one(case):
    f_tilde, f_plus, f_minus = (f[:, 0] for f in case[:3])
    assert pixelwise_dual_restitution_loss(*case) == dual_restitution_loss(f_tilde, f_plus, f_minus, *case[3:])


@given(classified_cases(st.tuples(st.integers(2, 5), st.integers(1, 3), st.integers(1, 4))))
def test_pixel_by_pixel_is_never_less_than_the_comparison_of_means(case):
    """Softplus is convex."""
    f_tilde, f_plus, f_minus = (f.reshape(-1, f.shape[-1]) for f in case[:3])
    by_means = dual_restitution_loss(f_tilde, f_plus, f_minus, *case[3:])
    by_pixels = pixelwise_dual_restitution_loss(*case)
    slack = bound(case) + rounding(
        "dual_restitution_loss", named(case._replace(tilde=f_tilde, plus=f_plus, minus=f_minus))
    )
    assert by_pixels.plus >= by_means.plus - slack
    assert by_pixels.minus >= by_means.minus - slack


@given(classified_cases(BATCHES), generators())
def test_the_order_of_images_and_classes_and_a_shift_of_all_logits_do_not_matter(case, rng):
    images, classes = rng.permutation(len(case.tilde)), rng.permutation(case.w.shape[1])
    b = np.zeros(len(classes)) if case.b is None else case.b
    changed = case._replace(w=case.w[:, classes], b=b[classes] + 3.0)
    changed = changed._replace(tilde=case.tilde[images], plus=case.plus[images], minus=case.minus[images])
    atol = bound(case) + bound(changed)
    np.testing.assert_allclose(dual_restitution_loss(*changed), dual_restitution_loss(*case), rtol=0, atol=atol)


@both_forms
@given(data=st.data(), classes=st.sampled_from([1, 3]))
def test_where_there_is_nothing_to_compare_each_half_is_softplus_of_zero(form, data, classes):
    """Nothing restituted; a classifier that knows nothing; a single class."""
    shapes, loss_of, gradients_of = FORMS[form]
    case = data.draw(classified_cases(shapes))
    equal = case._replace(plus=case.tilde, minus=case.tilde)
    ignorant = case._replace(w=np.zeros((case.w.shape[0], classes)), b=None)
    one_class = case._replace(w=case.w[:, :1], b=None)
    for trivial in (equal, ignorant, one_class):
        assert loss_of(*trivial) == pytest.approx((LOG_2, LOG_2), abs=(trivial.tilde.size + 8) * EPS64)
    for gradient in gradients_of(*one_class)[:4]:
        np.testing.assert_array_equal(gradient, 0)


@both_forms
@given(data=st.data())
def test_entropies_lie_between_zero_and_that_of_ignorance_and_so_does_each_half(form, data):
    """Softplus of a difference of two entropies, each between 0 and log K."""
    shapes, loss_of, _ = FORMS[form]
    case = data.draw(classified_cases(shapes))
    classes, slack = case.w.shape[1], bound(case)
    for half in loss_of(*case):
        assert math.log1p(1 / classes) - slack <= half <= math.log1p(classes) + slack


def test_a_classifier_that_is_sure_of_one_feature_and_knows_nothing_of_the_other_has_the_largest_half():
    sure, unsure, w = np.array([[1e4, 0.0]]), np.zeros((1, 2)), np.eye(2)
    loss = dual_restitution_loss(sure, unsure, sure, w)
    assert loss == pytest.approx((math.log1p(2), math.log(2)), rel=4 * EPS64)


@given(snr_cases(shapes=st.tuples(st.integers(2, 4), st.integers(1, 4), st.integers(1, 5))), generators())
def test_by_the_collapse_the_normalized_features_say_nothing_about_any_image(case, rng):
    out = snr(case.F, case.params)
    w = rng.normal(size=(case.F.shape[-1], 3))
    by_f_tilde = dual_restitution_gradients(out.f_tilde, out.f_plus, out.f_minus, w)[0]
    np.testing.assert_array_equal(by_f_tilde, by_f_tilde[:1].repeat(len(by_f_tilde), axis=0))


@both_forms
@given(data=st.data())
def test_the_gradients_are_the_complex_step(form, data):
    shapes, loss_of, gradients_of = FORMS[form]
    case = data.draw(classified_cases(shapes))
    gradients = tuple(
        None
        if x is None
        else complex_step(lambda v, i=i: loss_of(*(v if j == i else y for j, y in enumerate(case))).total, x)
        for i, x in enumerate(case)
    )
    assert_conforms(gradients, gradients_of.__name__, named(case))


@both_forms
def test_the_gradients_are_the_extended_precision_difference(form):
    rng = np.random.default_rng(0)
    shape = (3, 4) if form == "classification" else (2, 3, 2, 4)
    case = [*rng.normal(size=(3, *shape)), rng.normal(size=(4, 3)), rng.normal(size=3)]
    _, loss_of, gradients_of = FORMS[form]
    for i, gradient in enumerate(gradients_of(*case)):
        numerical = central_difference(
            lambda x, i=i: loss_of(*(x if j == i else v for j, v in enumerate(case))).total, case[i]
        )
        np.testing.assert_allclose(gradient, numerical, rtol=1e-8, atol=1e-8)


@both_forms
def test_infinite_features_give_nan_and_no_warning(form):
    _, loss_of, gradients_of = FORMS[form]
    f = np.ones((2, 3) if form == "classification" else (2, 2, 3))
    broken = f.copy()
    broken[0, ..., 0] = np.inf
    assert np.isnan(loss_of(f, broken, f, np.eye(3)).plus)
    assert np.isnan(gradients_of(f, broken, f, np.eye(3))[1]).any()


f, F, W = np.ones((2, 3)), np.ones((2, 4, 3)), np.ones((3, 5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dual_restitution_loss(F, F, F, W), r"`f_tilde` must have shape \(N, C\). Received: shape \(2, 4, 3\)"),
        (
            lambda: dual_restitution_loss(f, f[:1], f, W),
            r"`f_plus`.*f_tilde of shape \(2, 3\). Received: shape \(1, 3\)",
        ),
        (lambda: dual_restitution_loss(f, f, f.T, W), r"`f_minus`.*Received: shape \(3, 2\)"),
        (lambda: dual_restitution_loss(f[:0], f[:0], f[:0], W), r"at least one image. Received: shape \(0, 3\)"),
        (lambda: dual_restitution_loss(f, f, f, W.T), r"`w` must have shape \(3, 3\).*Received: shape \(5, 3\)"),
        (lambda: dual_restitution_loss(f, f, f, W[0]), r"`w` must have shape \(C, K\). Received: shape \(5,\)"),
        (lambda: dual_restitution_loss(f, f, f, W[:, :0]), r"`w` must have shape \(C, K\). Received: shape \(3, 0\)"),
        (lambda: dual_restitution_loss(f, f, f, W, np.ones(3)), r"`b`.*w of shape \(3, 5\). Received: shape \(3,\)"),
        (lambda: dual_restitution_loss(f, f, f.astype(int), W), r"`f_minus` must hold floating.*dtype int64"),
        (lambda: dual_restitution_gradients(f, f, f, W, np.ones((1, 5))), r"`b`.*Received: shape \(1, 5\)"),
        (lambda: pixelwise_dual_restitution_loss(f, f, f, W), r"`F_tilde`.*\(N, \*S, C\).*Received: shape \(2, 3\)"),
        (lambda: pixelwise_dual_restitution_loss(F, F[:, :1], F, W), r"`F_plus`.*Received: shape \(2, 1, 3\)"),
        (lambda: pixelwise_dual_restitution_loss(F[:0], F[:0], F[:0], W), r"one image. Received: shape \(0, 4, 3\)"),
        (lambda: pixelwise_dual_restitution_gradients(F, F, f, W), r"`F_minus`.*Received: shape \(2, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
