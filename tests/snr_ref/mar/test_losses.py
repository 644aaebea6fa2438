"""MAR's losses keep their conventions, and have the numbers of their public code and the gradients of their values."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import snr_ref
from snr_ref import (
    MultilabelMemory,
    ViewStatistics,
    consistency_gradient,
    consistency_loss,
    discriminative_gradient,
    discriminative_loss,
    initial_memory,
    initial_statistics,
    initial_threshold,
    joint_embedding_gradients,
    joint_embedding_loss,
    log_multilabels,
    mine_pairs,
    multilabel_agreement,
    next_memory,
    next_statistics,
    next_threshold,
    soft_multilabels,
)
from snr_ref.conformance.assertion import assert_conforms, is_decided
from snr_ref.distances import unit
from tests.mar_numbers import assert_numbers_of_the_public_implementation
from tests.numerical_gradients import complex_step
from tests.strategies import generators, multilabel_batches

RATIOS = st.sampled_from([0.005, 0.2, 0.5, 1.0])
batches = multilabel_batches()


def test_log_multilabels_stay_finite_where_the_multilabels_underflow():
    log_y = log_multilabels(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [-1.0, 0.0]]), scale=1e4)
    np.testing.assert_array_equal(log_y, [[0.0, -2e4]])


@given(batches)
def test_the_agreement_is_symmetric_and_one_with_itself(batch):
    y = batch.multilabels
    agreement = multilabel_agreement(y, y)
    np.testing.assert_array_equal(agreement, agreement.T)
    np.testing.assert_array_equal(np.diag(agreement), 1)


@given(batches, RATIOS)
def test_the_threshold_is_the_agreement_at_the_mining_ratio_from_the_top(batch, ratio):
    y = batch.multilabels
    agreements = [multilabel_agreement(y[[i]], y[[j]])[0, 0] for i, j in combinations(range(len(y)), 2)]
    count = max(1, math.floor(ratio * len(agreements)))
    own = sorted(agreements, reverse=True)[count - 1]
    assert initial_threshold(y, mining_ratio=ratio) == own
    assert next_threshold(0.25, y, mining_ratio=ratio) == pytest.approx(0.9 * 0.25 + 0.1 * own, rel=1e-15)
    assert next_threshold(0.25, y, mining_ratio=ratio, rate=1.0) == own


@given(batches, RATIOS)
def test_the_nearest_pairs_are_mined_and_sorted_by_their_agreement(batch, ratio):
    f, y = batch.features, batch.multilabels
    pairs = list(combinations(range(len(f)), 2))
    count = max(1, math.floor(ratio * len(pairs)))
    distance = {pair: np.linalg.norm(f[pair[0]] - f[pair[1]]) for pair in pairs}
    positives, negatives = mine_pairs(f, y, batch.threshold, mining_ratio=ratio)
    mined = {tuple(pair) for pair in [*positives.tolist(), *negatives.tolist()]}
    assert len(mined) == len(positives) + len(negatives) == count
    left = set(pairs) - mined
    assert max(distance[pair] for pair in mined) <= min((distance[pair] for pair in left), default=9) + 1e-15
    agreement = multilabel_agreement(y, y)
    assert all(agreement[i, j] > batch.threshold for i, j in positives)
    assert all(agreement[i, j] <= batch.threshold for i, j in negatives)


def test_of_pairs_at_one_distance_the_one_with_the_lower_indices_is_nearer():
    square = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])  # sides (0, 1), (0, 3), (1, 2), (2, 3)
    same = np.full((4, 2), 0.5)
    for ratio, expected in ((0.1, [(0, 1)]), (0.5, [(0, 1), (0, 3), (1, 2)])):
        positives, negatives = mine_pairs(square, same, 0.0, mining_ratio=ratio)
        assert [tuple(pair) for pair in positives] == expected
        assert len(negatives) == 0


def test_an_agreement_that_equals_the_threshold_is_not_above_it():
    f, y = np.array([[1.0], [1.0]]), np.array([[0.75, 0.25], [0.25, 0.75]])
    assert mine_pairs(f, y, 0.5).negatives.tolist() == [[0, 1]]
    assert mine_pairs(f, y, np.nextafter(0.5, 0)).positives.tolist() == [[0, 1]]


def test_without_positives_their_mean_is_one_and_without_negatives_theirs_a_half():
    f, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.full((2, 2), 0.5)  # one pair, at a squared distance of 2
    assert discriminative_loss(f, y, 1.0) == pytest.approx(math.log(1 + math.exp(-2)))
    assert discriminative_loss(f, y, 0.0) == pytest.approx(math.log(1 + 0.5 * math.exp(2)))


def test_pairs_too_far_for_exp_still_have_a_loss_and_a_gradient():
    f, y = np.array([[0.0], [100.0]]), np.full((2, 1), 1.0)
    assert discriminative_loss(f, y, 0.0) == pytest.approx(1e4 + math.log(0.5))
    np.testing.assert_allclose(discriminative_gradient(f, y, 0.0), [[-200.0], [200.0]])


@given(batches, RATIOS)
def test_the_discriminative_gradient_is_the_complex_step(batch, ratio):
    mined = {"features": batch.features, "multilabels": batch.multilabels, "threshold": batch.threshold}
    arguments = {**mined, "mining_ratio": ratio}
    assume(is_decided("discriminative_gradient", arguments))  # complex and extended numbers round otherwise
    d = [np.abs(x - y).tolist() for x, y in combinations(batch.features, 2)]
    assume(all(x != y for x, y in combinations(d, 2)))  # complex numbers are ordered by their imaginary parts then
    numerical = complex_step(lambda x: discriminative_loss(**{**arguments, "features": x}), batch.features)
    assert_conforms(numerical, "discriminative_gradient", arguments)


@given(batches, generators())
def test_the_gradient_through_log_multilabels_is_the_complex_step(batch, rng):
    f, agents = batch.features, batch.agents
    G = rng.normal(size=(len(f), len(agents)))
    numerical = complex_step(lambda x: (G * log_multilabels(x, agents)).sum(), f)
    arguments = {"features": f, "agents": agents, "grad_log_multilabels": G}
    assert_conforms(numerical, "log_multilabels_vjp", arguments)


def test_equal_rows_have_a_deviation_of_exactly_zero_and_no_gradient_by_it():
    log_y = np.tile(np.log([[0.1, 0.2, 0.7]]), (3, 1))
    mean, std = initial_statistics(log_y, np.zeros(3, int))
    np.testing.assert_array_equal(mean, log_y[0])
    np.testing.assert_array_equal(std, 0)
    statistics = ViewStatistics(log_y[0], np.ones(3))
    assert consistency_loss(log_y, np.zeros(3, int), statistics) == 1.5
    np.testing.assert_array_equal(consistency_gradient(log_y, np.zeros(3, int), statistics), 0)


@given(batches, generators())
def test_running_statistics_are_means_over_views_with_two_images_and_move_by_the_rate(batch, rng):
    log_y = np.log(batch.multilabels)
    views = [log_y[batch.views == view] for view in np.unique(batch.views) if (batch.views == view).sum() > 1]
    past = ViewStatistics(*rng.normal(size=(2, log_y.shape[1])))
    moved = next_statistics(past, log_y, batch.views, rate=0.25)
    if not views:
        assert moved is not past
        np.testing.assert_array_equal(moved, past)
        with pytest.raises(ValueError, match="at least two images"):
            initial_statistics(log_y, batch.views)
        return
    own = initial_statistics(log_y, batch.views)
    np.testing.assert_allclose(own.mean, np.mean([rows.mean(axis=0) for rows in views], axis=0), rtol=1e-13, atol=1e-13)
    deviations = [rows.std(axis=0, ddof=1) for rows in views]
    np.testing.assert_allclose(own.std, np.mean(deviations, axis=0), rtol=1e-9, atol=1e-13)
    for running, before, batch_own in zip(moved, past, own, strict=True):
        np.testing.assert_allclose(running, 0.75 * before + 0.25 * batch_own, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(next_statistics(past, log_y, batch.views, rate=1.0), own)


def test_one_view_that_is_the_running_one_costs_nothing():
    log_y = np.log(np.random.default_rng(0).dirichlet(np.ones(4), 5))
    assert consistency_loss(log_y, np.zeros(5, int), initial_statistics(log_y, np.zeros(5, int))) == 0


@given(batches, generators())
def test_the_consistency_gradient_is_the_complex_step(batch, rng):
    log_y = rng.normal(size=batch.multilabels.shape)
    statistics = ViewStatistics(*rng.normal(size=(2, log_y.shape[1])))
    numerical = complex_step(lambda x: consistency_loss(x, batch.views, statistics), log_y)
    arguments = {"log_multilabels": log_y, "views": batch.views, "statistics": statistics}
    assert_conforms(numerical, "consistency_gradient", arguments)


@given(multilabel_batches(defects=False))
def test_between_unit_vectors_the_hard_agents_are_those_within_the_margin(batch):
    f, agents = batch.features, batch.agents
    own_term = joint_embedding_loss(f[:0], [], f, agents)
    hinges = np.maximum(0, 1 - ((f[:, None] - agents) ** 2).sum(axis=-1))
    hard = hinges > 1e-14
    means = [row[which].mean() for row, which in zip(hinges, hard, strict=True) if which.any()]
    assert own_term == pytest.approx(np.mean(means) if means else 0, rel=1e-13)


def test_without_any_term_the_joint_embedding_loss_is_zero():
    f, agents = np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])
    assert joint_embedding_loss(f[:0], [], f, agents) == 0
    of_source, of_target = joint_embedding_gradients(f[:0], [], f, agents)
    assert of_source.shape == (0, 2)
    np.testing.assert_array_equal(of_target, [[0.0, 0.0]])


@given(batches, st.sampled_from([1.0, 0.0, 0.5, 3.0]))
def test_the_joint_embedding_gradients_are_the_complex_step(batch, margin):
    f, labels, agents = batch.features, batch.labels, batch.agents
    arguments = {
        "source_features": f, "source_labels": labels, "target_features": f[::-1], "agents": agents, "margin": margin
    }  # fmt: skip
    assume(is_decided("joint_embedding_gradients", arguments))
    numerical = tuple(
        complex_step(lambda x, name=name: joint_embedding_loss(**{**arguments, name: x}), f)
        for name, f in (("source_features", f), ("target_features", f[::-1]))
    )
    assert_conforms(numerical, "joint_embedding_gradients", arguments)


def test_the_first_visit_is_written_down_and_later_ones_are_mixed_in():
    memory = initial_memory(4, 2)
    first = next_memory(memory, np.array([2, 0]), np.array([[0.5, 0.5], [1.0, 0.0]]))
    np.testing.assert_array_equal(first.visited, [True, False, True, False])
    np.testing.assert_array_equal(first.multilabels, [[1, 0], [0, 0], [0.5, 0.5], [0, 0]])
    second = next_memory(first, np.array([3, 0]), np.array([[0.2, 0.8], [0.0, 1.0]]))
    np.testing.assert_allclose(second.multilabels, [[0.9, 0.1], [0, 0], [0.5, 0.5], [0.2, 0.8]], rtol=1e-15)
    assert not memory.visited.any()  # nothing is changed in place
    assert first.visited.sum() == 2


def test_the_numbers_of_the_public_implementation():
    assert_numbers_of_the_public_implementation(snr_ref, snr_ref, lambda mined: (*map(len, mined),))


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
def test_longdouble_and_complex128_pass_through(dtype):
    f = unit(np.random.default_rng(0).normal(size=(4, 3))).astype(dtype)
    views, y = [0, 0, 1, 1], soft_multilabels(f, f)
    statistics = initial_statistics(log_multilabels(f, f), views)
    values = [
        y,
        discriminative_loss(f, y, 0.5),
        discriminative_loss(f, y, 1.0),
        discriminative_gradient(f, y, 0.5),
        *statistics,
        consistency_loss(log_multilabels(f, f), views, statistics),
        consistency_gradient(log_multilabels(f, f), views, statistics),
        joint_embedding_loss(f, [0, 1, 2, 3], f, f),
        joint_embedding_loss(f[:0], [], f, -f[:1]),
        *joint_embedding_gradients(f, [0, 1, 2, 3], f, f),
    ]
    assert {np.asarray(value).dtype for value in values} == {np.dtype(dtype)}


F = unit(np.ones((3, 2)))
Y = np.full((3, 4), 0.25)
MEMORY = MultilabelMemory(np.zeros((5, 4)), np.zeros(5, bool))
STATISTICS = ViewStatistics(np.zeros(4), np.zeros(4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: soft_multilabels(F, Y), r"`agents`.*\(3, 2\) to match features of shape \(3, 2\). Received.*\(3, 4\)"),
        (lambda: soft_multilabels(F, F[:0]), r"`agents` must have at least one row. Received: shape \(0, 2\)"),
        (lambda: soft_multilabels(F, F, scale=-1), "`scale`.*Received: -1"),
        (lambda: multilabel_agreement(Y, F), r"`y` must have shape \(3, 4\).*Received: shape \(3, 2\)"),
        (lambda: initial_threshold(Y[:1]), "at least two images to make a pair. Received: 1"),
        (lambda: initial_threshold(Y, mining_ratio=0), "`mining_ratio` must be above 0 and at most 1. Received: 0"),
        (lambda: next_threshold(np.nan, Y), "`threshold`.*Received: nan"),
        (lambda: next_threshold(0.5, Y, rate=1.5), "`rate` must be above 0 and at most 1. Received: 1.5"),
        (lambda: mine_pairs(F, Y[:2], 0.5), r"`multilabels` must have shape \(3, 4\).*Received: shape \(2, 4\)"),
        (lambda: discriminative_loss(F[:1], Y[:1], 0.5), "at least two images"),
        (lambda: discriminative_loss(F.astype(int), Y, 0.5), "`features` must hold floating"),
        (lambda: discriminative_gradient(F, Y, -0.5), "`threshold`.*Received: -0.5"),
        (lambda: initial_statistics(Y, [0, 1, 2]), r"a view with at least two images. Received: array\(\[0, 1, 2\]\)"),
        (lambda: initial_statistics(Y, [0.0, 1.0, 1.0]), "`views` must hold integers. Received: dtype float64"),
        (lambda: next_statistics(STATISTICS, F, [0, 0, 0], rate=0.1), r"`statistics.mean`.*Received: shape \(4,\)"),
        (lambda: next_statistics(STATISTICS, Y, [0, 0, 0], rate=0.0), "`rate`.*Received: 0.0"),
        (lambda: consistency_loss(Y, [0, 0], STATISTICS), r"`views` must have shape \(3,\).*Received: shape \(2,\)"),
        (lambda: joint_embedding_loss(F, [0, 1, 3], F, F), r"in \[0, 3\).*Received: array\(\[0, 1, 3\]\)"),
        (lambda: joint_embedding_loss(F, [0, 1, 2], Y, F), r"`target_features` must have shape \(3, 2\)"),
        (lambda: joint_embedding_loss(F, [0, 1, 2], F, F, margin=-1), "`margin`.*at least 0. Received: -1"),
        (lambda: initial_memory(0, 3), "`images` must be an integer of at least 1. Received: 0"),
        (lambda: initial_memory(3, 1.5), "`classes`.*Received: 1.5"),
        (lambda: next_memory(MEMORY, [0, 0, 1], Y), r"distinct, in \[0, 5\). Received: array\(\[0, 0, 1\]\)"),
        (lambda: next_memory(MEMORY, [0, 5, 1], Y), r"distinct, in \[0, 5\)"),
        (lambda: next_memory(MEMORY, [0, 1, 2], F), r"`memory` must hold .*Received: shapes \(5, 4\) and \(5,\)"),
        (lambda: next_memory(MEMORY, [0, 1, 2], Y, rate=0), "`rate`.*Received: 0"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
