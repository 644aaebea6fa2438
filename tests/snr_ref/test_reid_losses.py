"""L_ReID: label-smoothed cross-entropy, the batch-hard triplet loss, and the objective they are part of."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import RESNET50_WEIGHTS, batch_hard_triplet_loss, cross_entropy, dual_causality_loss, total_objective
from tests.assertions import rounding
from tests.strategies import embeddings, generators, identity_labels

MARGINS = st.sampled_from([0.3, 0.0, 2.0, "soft"])
batches = st.tuples(st.integers(1, 7), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(embeddings(*shape), identity_labels(shape[0]))
)


@given(generators(), st.floats(-1e4, 1e4))
def test_cross_entropy_is_blind_to_a_shift_of_each_row_and_finite_at_large_logits(rng, shift):
    logits, labels = rng.normal(size=(3, 5)), rng.integers(0, 5, 3)
    shifted = logits + shift
    bound = rounding("cross_entropy", {"logits": shifted, "labels": labels}) + 2 * np.spacing(np.abs(shifted).max())
    assert cross_entropy(shifted, labels) == pytest.approx(cross_entropy(logits, labels), rel=1e-14, abs=bound)
    assert np.isfinite(cross_entropy(1e4 * logits, labels))


def test_cross_entropy_of_equal_logits_is_log_k():
    assert cross_entropy(np.zeros((2, 8)), [0, 7]) == pytest.approx(math.log(8), rel=1e-15)


def test_label_smoothing_is_one_tenth_by_default():
    logits = np.array([[2.0, 0.0]])
    log_p = [-math.log1p(math.exp(-2)), -2 - math.log1p(math.exp(-2))]
    assert cross_entropy(logits, [0]) == pytest.approx(-(0.95 * log_p[0] + 0.05 * log_p[1]), rel=1e-14)


@given(batches, MARGINS, generators())
def test_the_order_of_the_images_and_the_names_of_the_identities_do_not_matter(batch, margin, rng):
    f, labels = batch
    order = rng.permutation(len(f))
    renamed = batch_hard_triplet_loss(f[order], 5 - 11 * labels[order], margin=margin)
    assert renamed == pytest.approx(batch_hard_triplet_loss(f, labels, margin=margin), rel=1e-14, abs=1e-14)


@given(batches, MARGINS, generators())
def test_a_common_translation_of_the_features_changes_nothing(batch, margin, rng):
    f, labels = batch
    moved = f + rng.normal(size=f.shape[1])
    difference = batch_hard_triplet_loss(moved, labels, margin=margin) - batch_hard_triplet_loss(
        f, labels, margin=margin
    )
    bounds = [
        rounding("batch_hard_triplet_loss", {"features": x, "labels": labels, "margin": margin}) for x in (f, moved)
    ]
    assert abs(difference) <= sum(bounds) + 4 * np.spacing(np.abs(moved).max())


@pytest.mark.parametrize("labels", [[], [4], [1, 1, 1], [1, 2, 3]])
@pytest.mark.parametrize("margin", [0.3, "soft"])
def test_a_batch_without_a_triplet_has_loss_zero(labels, margin):
    f = np.random.default_rng(0).normal(size=(len(labels), 2))
    assert batch_hard_triplet_loss(f, labels, margin=margin) == 0


def test_the_margin_is_three_tenths_by_default():
    f = np.array([[0.0], [1.0], [1.1]])
    assert batch_hard_triplet_loss(f, [0, 0, 1]) == pytest.approx(((1 - 1.1 + 0.3) + (1 - 0.1 + 0.3)) / 2)


def test_the_total_objective_weighs_each_module():
    assert total_objective(2.0, [1.0, 10.0, 100.0, 1000.0], RESNET50_WEIGHTS) == pytest.approx(2 + 0.1 + 1 + 50 + 500)
    assert total_objective(2.0, [], []) == 2.0


def test_the_total_objective_takes_the_totals_of_the_dual_causality_losses():
    f = np.random.default_rng(0).normal(size=(3, 2))
    loss = dual_causality_loss(f, 2 * f + 1, f - 1, [0, 0, 1])
    assert total_objective(1.0, [loss.total], [0.5]) == pytest.approx(1 + 0.5 * (loss.plus + loss.minus))


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_longdouble_and_complex128_pass_through(dtype):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    assert np.asarray(cross_entropy(x, [0, 1, 2, 0])).dtype == dtype
    assert np.asarray(batch_hard_triplet_loss(x, [0, 0, 1, 1])).dtype == dtype
    assert np.asarray(batch_hard_triplet_loss(x, [0, 0, 0, 0])).dtype == dtype
    assert np.asarray(total_objective(cross_entropy(x, [0, 1, 2, 0]), [x[0, 0]], [0.1])).dtype == dtype


X = np.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cross_entropy(X, [0, 3]), r"in \[0, 3\).*shape \(2, 3\). Received: labels from 0 to 3"),
        (lambda: cross_entropy(X, [-1, 0]), r"in \[0, 3\).*Received: labels from -1 to 0"),
        (lambda: cross_entropy(X, [0]), r"`labels` must have shape \(2,\).*Received: shape \(1,\)"),
        (lambda: cross_entropy(X, [0.0, 1.0]), r"`labels` must hold integers. Received: dtype float64"),
        (lambda: cross_entropy(X.astype(int), [0, 1]), r"`logits` must hold floating.*Received: dtype int64"),
        (lambda: cross_entropy(np.ones(3), [0]), r"`logits` must have shape \(N, K\). Received: shape \(3,\)"),
        (lambda: cross_entropy(np.ones((0, 3)), []), r"at least one row. Received: shape \(0, 3\)"),
        (lambda: cross_entropy(X, [0, 1], label_smoothing=1.5), r"in \[0, 1\]. Received: 1.5"),
        (lambda: batch_hard_triplet_loss(X, [0]), r"`labels`.*features of shape \(2, 3\). Received: shape \(1,\)"),
        (lambda: batch_hard_triplet_loss(np.ones(3), [0]), r"\(N, D\). Received: shape \(3,\)"),
        (lambda: batch_hard_triplet_loss(X, [0, 1], margin="hard"), r"`margin`.*Received: 'hard'"),
        (lambda: batch_hard_triplet_loss(X, [0, 1], margin=-0.1), r"`margin`.*Received: -0.1"),
        (lambda: total_objective(1.0, [1.0], [0.1, 0.2]), "one lambda per module. Received: 2 weights for 1 losses"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
