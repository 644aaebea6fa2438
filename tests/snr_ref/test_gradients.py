"""Every backward pass against the complex step, or extended precision, through the literal forward."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from snr_ref import (
    SNRParams,
    batch_hard_triplet_gradient,
    batch_hard_triplet_loss,
    channel_attention,
    cosine_distance,
    cosine_distance_vjp,
    cross_entropy,
    cross_entropy_gradient,
    dual_causality_gradients,
    dual_causality_loss,
    euclidean_distance,
    euclidean_distance_vjp,
    instance_norm,
    instance_norm_vjp,
    mean_pool,
    sample_triplets,
    snr,
    snr_vjp,
)
from snr_ref.conformance.assertion import assert_conforms
from snr_ref.distances import unit
from snr_ref.dual_causality import draws
from snr_ref.gradients import unit_vjp, within_batch
from tests.assertions import rounding
from tests.numerical_gradients import LEAST, central_difference, complex_step
from tests.strategies import embedding_batches, embeddings, feature_shapes, generators, identity_labels, snr_cases

small = feature_shapes(max_images=3, max_side=2, max_channels=4)
DISTANCES = st.sampled_from([cosine_distance, euclidean_distance])
VJPS = {cosine_distance: cosine_distance_vjp, euclidean_distance: euclidean_distance_vjp}
both_distances = pytest.mark.parametrize("distance", VJPS)


def incoming(rng, F):
    """Gradients that reach F~+, f~+, f~- and f~."""
    shape = F.shape[0], F.shape[-1]
    return rng.normal(size=F.shape), rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape)


def objective(F, params, grads, epsilon):
    """A scalar of which `grads` are the gradients in the literal module's outputs."""
    out = snr(F, params, epsilon=epsilon)
    values = out.F_plus, out.f_plus, out.f_minus, out.f_tilde
    return sum((g * value).sum() for g, value in zip(grads, values, strict=True))


def in_each(function, arguments):
    """The complex step of a scalar function in each argument that is there."""
    return tuple(
        None
        if x is None
        else complex_step(lambda v, i=i: function(*(v if j == i else y for j, y in enumerate(arguments))), x)
        for i, x in enumerate(arguments)
    )


def gradients_by_complex_step(F, params, grads, epsilon):
    by_F, *by_params = in_each(lambda F, *p: objective(F, SNRParams(*p), grads, epsilon), (F, *params))
    return by_F, SNRParams(*by_params)


def assert_same_gradients(actual, expected, atol):
    np.testing.assert_allclose(actual[0], expected[0], rtol=0, atol=atol, err_msg="F")
    for name in SNRParams._fields:
        p, q = getattr(actual[1], name), getattr(expected[1], name)
        assert (p is None) == (q is None), name
        if p is not None:
            np.testing.assert_allclose(p, q, rtol=0, atol=atol, err_msg=name)


@given(snr_cases(shapes=small), generators())
def test_snr_vjp_is_the_complex_step_through_the_literal_module(case, rng):
    grads = incoming(rng, case.F)
    reaching = dict(zip(("grad_F_plus", "grad_f_plus", "grad_f_minus", "grad_f_tilde"), grads, strict=True))
    by_F, by_params = snr_vjp(case.F, case.params, *grads, epsilon=case.epsilon)
    assume(not any(((g != 0) & (np.abs(g) < LEAST)).any() for g in (by_F, *by_params) if g is not None))
    numerical = gradients_by_complex_step(case.F, case.params, grads, case.epsilon)
    assert_conforms(numerical, "snr_vjp", case._asdict() | reaching)


def test_snr_vjp_is_the_extended_precision_difference_through_the_literal_module():
    rng = np.random.default_rng(0)
    F = rng.normal(size=(2, 3, 2, 3)) + 1
    shapes = (3,), (3,), (3, 2), (2, 3), (2,), (3,)
    params = SNRParams(*(rng.normal(size=shape) for shape in shapes))
    grads = incoming(rng, F)
    by_F, by_params = snr_vjp(F, params, *grads)
    numerical = central_difference(lambda x: objective(x, params, grads, 1e-5), F)
    np.testing.assert_allclose(by_F, numerical, rtol=1e-8, atol=1e-8)
    for name, p in params._asdict().items():
        numerical = central_difference(lambda x, n=name: objective(F, params._replace(**{n: x}), grads, 1e-5), p)
        np.testing.assert_allclose(getattr(by_params, name), numerical, rtol=1e-8, atol=1e-8, err_msg=name)


@given(snr_cases(shapes=small), generators(), st.sets(st.integers(0, 3)))
def test_none_is_a_gradient_of_zero(case, rng, absent):
    grads = incoming(rng, case.F)
    zeroed = [np.zeros_like(g) if i in absent else g for i, g in enumerate(grads)]
    omitted = [None if i in absent else g for i, g in enumerate(grads)]
    assert_same_gradients(snr_vjp(case.F, case.params, *omitted), snr_vjp(case.F, case.params, *zeroed), 0)


@given(snr_cases(), generators())
def test_without_the_map_gamma_gets_exactly_zero_and_the_input_a_gradient_constant_over_pixels(case, rng):
    """No embedding depends on gamma or sigma."""
    _, *grads = incoming(rng, case.F)
    by_F, by_params = snr_vjp(case.F, case.params, None, *grads, epsilon=case.epsilon)
    np.testing.assert_array_equal(by_params.gamma, 0)
    axes = tuple(range(1, by_F.ndim - 1))
    np.testing.assert_array_equal(by_F, np.broadcast_to(by_F.max(axis=axes, keepdims=True), by_F.shape))


@given(snr_cases(shapes=small))
def test_a_gradient_that_reaches_only_f_tilde_goes_to_beta_alone(case):
    grad = np.arange(1.0, 1 + len(case.F) * case.F.shape[-1]).reshape(len(case.F), -1)
    by_F, by_params = snr_vjp(case.F, case.params, None, None, None, grad)
    np.testing.assert_array_equal(by_F, 0)
    np.testing.assert_array_equal(by_params.beta, grad.sum(axis=0))
    assert all(not p.any() for name, p in by_params._asdict().items() if p is not None and name != "beta")


@given(snr_cases(defects=("constant map", "constant channel", "zero", "large mean")), generators())
def test_degenerate_maps_have_finite_gradients(case, rng):
    by_F, by_params = snr_vjp(case.F, case.params, *incoming(rng, case.F), epsilon=case.epsilon)
    assert all(np.isfinite(x).all() for x in (by_F, *by_params) if x is not None)


def test_a_hidden_unit_exactly_at_zero_passes_no_gradient():
    """relu'(0) = 0, in the closed form as in the literal module: z = (1, -1) and W1 = (1, 1) meet at 0."""
    F = np.array([[[1.0, -1.0]]])
    params = SNRParams(np.ones(2), np.zeros(2), np.ones((2, 1)), np.array([[1.0, 2.0]]))
    grads = incoming(np.random.default_rng(0), F)
    actual = snr_vjp(F, params, *grads)
    assert_same_gradients(actual, gradients_by_complex_step(F, params, grads, 1e-5), 1e-12)
    np.testing.assert_array_equal(actual[1].w1, 0)
    G, by_f_plus, by_f_minus, _ = grads
    np.testing.assert_allclose(actual[0], (G + by_f_plus + by_f_minus) / 2)  # a = 1/2 and nothing through the gate


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@given(case=snr_cases(shapes=st.just((3, 2, 2, 4)), defects=("none",)), rng=generators())
def test_nan_or_inf_stays_in_the_gradient_of_its_image_and_warns_nobody(poison, case, rng):
    grads = incoming(rng, case.F)
    clean, _ = snr_vjp(case.F, case.params, *grads)
    case.F[1, 0, 1, 2] = poison
    with np.errstate(all="raise", under="ignore"):
        poisoned, _ = snr_vjp(case.F, case.params, *grads)
    assert not np.isfinite(poisoned[1, ..., 2]).any()
    np.testing.assert_array_equal(poisoned[[0, 2]], clean[[0, 2]])


@given(snr_cases(shapes=small), generators())
def test_instance_norm_vjp_is_the_complex_step(case, rng):
    F, (gamma, beta, *_), epsilon = case
    G = rng.normal(size=F.shape)
    numerical = in_each(lambda *arguments: (G * instance_norm(*arguments, epsilon=epsilon)).sum(), (F, gamma, beta))
    arguments = {"F": F, "gamma": gamma, "beta": beta, "grad_F_tilde": G, "epsilon": epsilon}
    assert_conforms(numerical, "instance_norm_vjp", arguments)


@given(snr_cases(shapes=small, defects=("none",)), generators())
def test_channel_attention_vjp_is_the_complex_step(case, rng):
    z, weights = mean_pool(case.F) - case.params.beta, case.params[2:]
    grad_a = rng.normal(size=z.shape)
    numerical = in_each(lambda *arguments: (grad_a * channel_attention(*arguments)).sum(), (z, *weights))
    arguments = {"z": z, **dict(zip(SNRParams._fields[2:], weights, strict=True)), "grad_a": grad_a}
    assert_conforms(numerical, "channel_attention_vjp", arguments)


@both_distances
@given(
    pair=st.integers(1, 5).flatmap(lambda c: st.tuples(embeddings(4, c), embeddings(3, c))),
    rng=generators(),
    share_a_row=st.booleans(),
)
def test_the_distances_vjps_are_the_complex_step_with_zero_at_equal_rows_and_zero_vectors(
    distance, pair, rng, share_a_row
):
    x, y = pair
    if share_a_row:
        y[0] = x[0]
    grad_d = rng.normal(size=(4, 3))
    numerical = in_each(lambda *rows: (grad_d * distance(*rows)).sum(), (x, y))
    assert_conforms(numerical, f"{distance.__name__}_vjp", {"x": x, "y": y, "grad_d": grad_d})


@both_distances
def test_a_distance_has_no_gradient_at_equal_rows_nor_the_cosine_at_zero(distance):
    x = np.array([[1.0, 2.0], [1.0, 2.0]])
    np.testing.assert_array_equal(VJPS[distance](x, x, np.ones((2, 2))), np.zeros((2, 2, 2)))
    by_x, by_y = cosine_distance_vjp(np.zeros((1, 2)), np.array([[3.0, 4.0]]), np.ones((1, 1)))
    np.testing.assert_array_equal([by_x, by_y], np.zeros((2, 1, 2)))


@both_distances
def test_the_distances_vjps_are_the_extended_precision_difference(distance):
    rng = np.random.default_rng(0)
    x, y, grad_d = rng.normal(size=(3, 4)), rng.normal(size=(2, 4)), rng.normal(size=(3, 2))
    numerical = central_difference(lambda v: (grad_d * distance(v, y)).sum(), x)
    np.testing.assert_allclose(VJPS[distance](x, y, grad_d)[0], numerical, rtol=1e-8, atol=1e-8)


@given(embedding_batches(max_images=5, max_channels=4), DISTANCES, st.booleans(), st.integers(0, 99))
def test_dual_causality_gradients_are_the_complex_step(batch, distance, explicit, seed):
    *features, labels = batch
    triplets = sample_triplets(labels, seed=seed) if explicit else None

    def total(*features):
        return dual_causality_loss(*features, labels, distance=distance, triplets=triplets).total

    named = {"distance": distance.__name__.removesuffix("_distance"), "triplets": triplets}
    assert_conforms(in_each(total, features), "dual_causality_gradients", batch._asdict() | named)


@given(snr_cases(shapes=st.tuples(st.just(4), st.integers(1, 4), st.integers(1, 5))), DISTANCES)
def test_by_the_collapse_the_normalized_features_get_no_gradient(case, distance):
    out = snr(case.F, case.params)
    by_f_tilde, *_ = dual_causality_gradients(out.f_tilde, out.f_plus, out.f_minus, [0, 0, 1, 1], distance=distance)
    np.testing.assert_array_equal(by_f_tilde, 0)


@given(embedding_batches(), DISTANCES)
def test_at_a_gate_of_one_half_labels_cancel_on_the_backbone_and_add_up_on_the_gate(batch, distance):
    """With f~+ = f~- = f: the gradient in z is that of slopes (P + Q) tanh(d/2), that in a is z times that of P - Q.

    The bound: of two gradients, and of one whose slopes are up to twice as large.
    """
    f, labels = batch.f_plus, batch.labels
    at_half = {"f_tilde": np.broadcast_to(batch.f_tilde[:1], f.shape), "f_plus": f, "f_minus": f, "labels": labels}
    bound = 4 * rounding(
        "dual_causality_gradients", at_half | {"distance": distance.__name__.removesuffix("_distance")}
    )
    _, of_plus, of_minus = dual_causality_gradients(**at_half, distance=distance)
    P, Q = draws(labels)
    pulled = within_batch(VJPS[distance], f, (P + Q) * np.tanh(distance(f, f) / 2))
    labelled = within_batch(VJPS[distance], f, P - Q)
    np.testing.assert_allclose(of_plus + of_minus, pulled, rtol=0, atol=bound)
    np.testing.assert_allclose(of_plus - of_minus, labelled, rtol=0, atol=bound)


@pytest.mark.parametrize("labels", [[], [3]])
def test_a_batch_without_a_pair_has_gradients_zero(labels):
    f = np.ones((len(labels), 2))
    for gradient in dual_causality_gradients(f, f, f, labels):
        np.testing.assert_array_equal(gradient, np.zeros_like(f))


@given(generators(), st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from([1.0, 100.0]))
def test_cross_entropy_gradient_is_the_complex_step(rng, label_smoothing, magnitude):
    logits, labels = magnitude * rng.normal(size=(3, 4)), rng.integers(0, 4, 3)
    numerical = complex_step(lambda x: cross_entropy(x, labels, label_smoothing=label_smoothing), logits)
    arguments = {"logits": logits, "labels": labels, "label_smoothing": label_smoothing}
    assert_conforms(numerical, "cross_entropy_gradient", arguments)


@given(
    st.tuples(st.integers(1, 7), st.integers(1, 4)).flatmap(
        lambda shape: st.tuples(embeddings(*shape, defects=False), identity_labels(shape[0]))
    ),
    st.sampled_from([0.3, 0.0, 2.0, "soft"]),
)
def test_batch_hard_triplet_gradient_is_the_complex_step(batch, margin):
    """Ordinary features have no ties and sit on no kink, with probability one; ties have a test of their own."""
    features, labels = batch
    numerical = complex_step(lambda x: batch_hard_triplet_loss(x, labels, margin=margin), features)
    arguments = {"features": features, "labels": labels, "margin": margin}
    assert_conforms(numerical, "batch_hard_triplet_gradient", arguments)


def test_among_equally_hard_examples_the_lowest_index_has_the_gradient():
    """Anchor 0 at the origin: positives 1 and 2 are equally far, negatives 3 and 4 equally near."""
    features = np.array([[0.0, 0.0], [2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    labels = [0, 0, 0, 1, 1]
    gradient = batch_hard_triplet_gradient(features, labels, margin=5.0)
    expected = np.zeros((5, 2))
    for a, p, n in [(0, 1, 3), (1, 2, 3), (2, 1, 3), (3, 4, 0), (4, 3, 0)]:
        away = (features[a] - features[p]) / np.linalg.norm(features[a] - features[p])
        near = (features[a] - features[n]) / np.linalg.norm(features[a] - features[n])
        expected[a] += (away - near) / 5
        expected[p] -= away / 5
        expected[n] += near / 5
    np.testing.assert_allclose(gradient, expected, atol=1e-15)


def test_a_satisfied_margin_and_one_met_exactly_have_no_gradient():
    for nearest_negative in (10.0, 2.0):
        features = np.array([[0.0], [1.0], [-nearest_negative], [1.0 + nearest_negative]])
        np.testing.assert_array_equal(batch_hard_triplet_gradient(features, [0, 0, 1, 2], margin=1.0), np.zeros((4, 1)))


def test_collapsed_features_have_zero_gradient_and_no_nan():
    """Every distance is 0, where the Euclidean distance has gradient 0 by convention."""
    features = np.ones((4, 3))
    for margin in (0.3, "soft"):
        np.testing.assert_array_equal(batch_hard_triplet_gradient(features, [0, 0, 1, 1], margin=margin), 0)


@pytest.mark.parametrize("labels", [[], [4], [1, 1, 1], [1, 2, 3]])
def test_a_batch_without_a_triplet_has_gradient_zero(labels):
    features = np.random.default_rng(0).normal(size=(len(labels), 2))
    gradient = batch_hard_triplet_gradient(features, labels)
    np.testing.assert_array_equal(gradient, np.zeros_like(features))


F = np.ones((2, 3, 4))
PARAMS = SNRParams(np.ones(4), np.zeros(4), np.ones((4, 2)), np.ones((2, 4)))
X = np.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: snr_vjp(F, PARAMS, np.ones((2, 3, 5))),
            r"`grad_F_plus`.*F of shape \(2, 3, 4\). Received: shape \(2, 3, 5\)",
        ),
        (lambda: snr_vjp(F, PARAMS, None, np.ones((2, 5))), r"`grad_f_plus`.*Received: shape \(2, 5\)"),
        (lambda: snr_vjp(F, PARAMS, None, None, np.ones(4)), r"`grad_f_minus`.*Received: shape \(4,\)"),
        (lambda: snr_vjp(F, PARAMS, None, None, None, np.ones(4)), r"`grad_f_tilde`.*Received: shape \(4,\)"),
        (lambda: snr_vjp(F, PARAMS._replace(w2=np.ones((4, 2))), F), r"`params.w2`.*Received: shape \(4, 2\)"),
        (lambda: snr_vjp(F.astype(int), PARAMS, F), r"`F` must hold floating.*Received: dtype int64"),
        (lambda: snr_vjp(F, PARAMS, F, epsilon=-1.0), r"`epsilon`.*Received: -1.0"),
        (lambda: instance_norm_vjp(F, np.ones(4), np.ones(4), F[0]), r"`grad_F_tilde`.*Received: shape \(3, 4\)"),
        (lambda: cosine_distance_vjp(X, X, X), r"`grad_d`.*Received: shape \(2, 3\)"),
        (lambda: euclidean_distance_vjp(X, X, X), r"`grad_d`.*Received: shape \(2, 3\)"),
        (lambda: dual_causality_gradients(X, X, X[:1], [0, 1]), r"`f_minus`.*Received: shape \(1, 3\)"),
        (lambda: dual_causality_gradients(X, X, X, [0, 1], distance=np.dot), "`distance`.*Received: <"),
        (lambda: cross_entropy_gradient(X, [0, 3]), r"Received: labels from 0 to 3"),
        (lambda: batch_hard_triplet_gradient(X, [0, 1], margin="hard"), r"`margin`.*Received: 'hard'"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(embeddings(3, 3), generators())
def test_unit_vjp_is_the_complex_step_and_sees_no_length(x, rng):
    G = rng.normal(size=x.shape)
    assert_conforms(complex_step(lambda v: (G * unit(v)).sum(), x), "unit_vjp", {"x": x, "grad_u": G})
    np.testing.assert_allclose((unit_vjp(x, G) * x).sum(axis=1), 0, atol=1e-14 * (1 + np.abs(G).max()))
