"""The entropy form: its formulas in plain Python, what it does not see, its edges, and its gradients."""

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
from snr_ref.dual_restitution import entropy
from tests.numerical_gradients import central_difference, complex_step
from tests.strategies import classified_cases, feature_shapes, generators, snr_cases
from tests.tolerances import EPS64, logit_bound, restitution_bounds

LOG_2 = math.log(2)
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


def entropies(f, w, b):
    """Of every row, term by term."""
    found = []
    for row in f.reshape(-1, f.shape[-1]):
        logits = [math.fsum(row * column) for column in w.T]
        logits = logits if b is None else [x + y for x, y in zip(logits, b, strict=True)]
        total = math.fsum(math.exp(x - max(logits)) for x in logits)
        p = [math.exp(x - max(logits)) / total for x in logits]
        found.append(-math.fsum(x * math.log(x) for x in p if x > 0))
    return np.array(found)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def bounds(case):
    rows = case.tilde.size // case.tilde.shape[-1]
    logit_error = max(logit_bound(f, case.w, case.b) for f in case[:3])
    return restitution_bounds(rows, case.w.shape[1], logit_error)


@given(classified_cases(BATCHES))
def test_images_are_compared_by_their_mean_entropies(case):
    h_tilde, h_plus, h_minus = (entropies(f, case.w, case.b).mean() for f in case[:3])
    expected = softplus(h_plus - h_tilde), softplus(h_tilde - h_minus)
    loss = dual_restitution_loss(*case)
    np.testing.assert_allclose(loss, expected, rtol=0, atol=2 * bounds(case)[0])
    assert loss.total == loss.plus + loss.minus


@given(classified_cases(FORMS["per pixel"][0]))
def test_pixels_are_compared_each_with_itself(case):
    h_tilde, h_plus, h_minus = (entropies(f, case.w, case.b) for f in case[:3])
    expected = softplus(h_plus - h_tilde).mean(), softplus(h_tilde - h_minus).mean()
    np.testing.assert_allclose(pixelwise_dual_restitution_loss(*case), expected, rtol=0, atol=2 * bounds(case)[0])


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
    slack = 2 * bounds(case)[0]
    assert by_pixels.plus >= by_means.plus - slack
    assert by_pixels.minus >= by_means.minus - slack


@given(classified_cases(BATCHES), generators())
def test_the_order_of_images_and_classes_and_a_shift_of_all_logits_do_not_matter(case, rng):
    images, classes = rng.permutation(len(case.tilde)), rng.permutation(case.w.shape[1])
    b = np.zeros(len(classes)) if case.b is None else case.b
    changed = case._replace(w=case.w[:, classes], b=b[classes] + 3.0)
    changed = changed._replace(tilde=case.tilde[images], plus=case.plus[images], minus=case.minus[images])
    atol = bounds(case)[0] + bounds(changed)[0]
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


@given(generators(), st.integers(1, 6), st.sampled_from([0.0, 1.0, 1e4]))
def test_an_entropy_lies_between_zero_and_that_of_ignorance(rng, classes, magnitude):
    h = entropy(magnitude * rng.normal(size=(4, classes)))
    assert (h >= 0).all()
    assert (h <= math.log(classes) + 8 * classes * EPS64).all()
    assert entropy(np.zeros(classes)) == pytest.approx(math.log(classes), abs=8 * EPS64)


@given(snr_cases(shapes=st.tuples(st.integers(2, 4), st.integers(1, 4), st.integers(1, 5))), generators())
def test_by_the_collapse_the_normalized_features_say_nothing_about_any_image(case, rng):
    out = snr(case.F, case.params)
    w = rng.normal(size=(case.F.shape[-1], 3))
    h = entropy(out.f_tilde @ w)
    np.testing.assert_array_equal(h, h[0])
    by_f_tilde = dual_restitution_gradients(out.f_tilde, out.f_plus, out.f_minus, w)[0]
    np.testing.assert_array_equal(by_f_tilde, by_f_tilde[:1].repeat(len(h), axis=0))


@both_forms
@given(data=st.data())
def test_the_gradients_are_the_complex_step(form, data):
    shapes, loss_of, gradients_of = FORMS[form]
    case = data.draw(classified_cases(shapes))
    by_logit = bounds(case)[1]
    gradients = gradients_of(*case)
    assert (gradients[4] is None) == (case.b is None)
    summed = max(sum(np.abs(f).reshape(-1, f.shape[-1]).sum(axis=0)) for f in case[:3])
    weight = np.abs(case.w).sum(axis=1).max()
    rows = case.tilde.size // case.tilde.shape[-1]
    for i, atol in enumerate([weight, weight, weight, 3 * summed, 3 * rows]):
        if case[i] is not None:
            numerical = complex_step(
                lambda x, i=i: loss_of(*(x if j == i else v for j, v in enumerate(case))).total, case[i]
            )
            np.testing.assert_allclose(gradients[i], numerical, rtol=0, atol=2 * atol * by_logit)


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
