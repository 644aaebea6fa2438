"""A step of MAR: what is taken with what, and in which order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import (
    AdaptationLosses,
    AdaptationState,
    AdaptationWeights,
    adaptation_gradients,
    adaptation_step,
    consistency_loss,
    cross_entropy,
    discriminative_loss,
    initial_memory,
    initial_statistics,
    initial_threshold,
    joint_embedding_loss,
    log_multilabels,
    next_memory,
    next_statistics,
    next_threshold,
)
from snr_ref.distances import unit
from tests.numerical_gradients import complex_step
from tests.strategies import generators

K, D, TARGET_IMAGES = 4, 3, 9


def domain(rng):
    """A classifier, and the state before the first step."""
    agents = unit(rng.normal(size=(K, D)))
    log_y = log_multilabels(unit(rng.normal(size=(TARGET_IMAGES, D))), agents)
    statistics = initial_statistics(log_y, np.arange(TARGET_IMAGES) % 3)
    return agents, AdaptationState(initial_threshold(np.exp(log_y)), statistics, initial_memory(TARGET_IMAGES, K))


def batch(rng, agents):
    labels = rng.integers(0, K, 5)
    return {
        "source_features": unit(agents[labels] + 0.5 * rng.normal(size=(5, D))),
        "source_labels": labels,
        "target_features": unit(rng.normal(size=(6, D))),
        "target_views": rng.integers(0, 3, 6),
        "target_indices": rng.permutation(TARGET_IMAGES)[:6],
        "agents": agents,
    }


@given(generators())
def test_in_the_first_epoch_pairs_are_not_mined_and_nothing_is_remembered(rng):
    agents, state = domain(rng)
    losses, after = adaptation_step(state, **batch(rng, agents), epoch=0)
    assert losses.discriminative == 0
    assert after.threshold == state.threshold
    assert after.memory is state.memory
    assert losses.consistency > 0


@given(generators())
def test_statistics_and_memory_take_the_batch_in_before_the_losses_and_the_threshold_after_them(rng):
    agents, state = domain(rng)
    for _ in range(2):  # a first visit and, of some, a second
        step = batch(rng, agents)
        losses, after = adaptation_step(state, **step, epoch=1, mining_ratio=0.3)
        log_y = log_multilabels(step["target_features"], agents)
        statistics = next_statistics(state.statistics, log_y, step["target_views"], rate=11 / 10_000)
        memory = next_memory(state.memory, step["target_indices"], np.exp(log_y))
        rows = memory.multilabels[step["target_indices"]]
        np.testing.assert_array_equal(after.statistics, statistics)
        np.testing.assert_array_equal(after.memory.multilabels, memory.multilabels)
        np.testing.assert_array_equal(after.memory.visited, memory.visited)
        assert after.threshold == next_threshold(state.threshold, rows, mining_ratio=0.3)
        source = step["source_features"], step["source_labels"]
        assert losses.discriminative == discriminative_loss(
            step["target_features"], rows, state.threshold, mining_ratio=0.3
        )
        assert losses.consistency == consistency_loss(log_y, step["target_views"], statistics)
        assert losses.cross_entropy == cross_entropy(30 * (source[0] @ agents.T), source[1], label_smoothing=0.0)
        assert losses.joint_embedding == joint_embedding_loss(*source, step["target_features"], agents)
        assert losses.total == pytest.approx(
            losses.discriminative
            + 2e-4 * losses.consistency
            + 50 * (losses.cross_entropy + 0.2 * losses.joint_embedding),
            rel=1e-15,
        )
        state = after


@given(generators())
def test_the_total_is_that_of_the_weights_and_mar_s_own_are_the_usual(rng):
    losses = AdaptationLosses(*rng.uniform(1, 2, 4))
    d, c, s, j = rng.uniform(0, 2, 4)
    expected = d * losses.discriminative + c * losses.consistency + s * losses.cross_entropy
    expected += s * j * losses.joint_embedding
    assert losses.weighted(AdaptationWeights(d, c, s, j)) == pytest.approx(expected, rel=1e-14)
    assert losses.weighted(AdaptationWeights()) == losses.total


def test_a_loss_without_weight_is_not_in_the_total():
    losses = AdaptationLosses(discriminative=np.inf, consistency=np.nan, cross_entropy=3.0, joint_embedding=np.inf)
    assert losses.weighted(AdaptationWeights(discriminative=0, consistency=0, joint_embedding=0)) == 150
    losses = AdaptationLosses(discriminative=2.0, consistency=3.0, cross_entropy=np.inf, joint_embedding=np.nan)
    assert losses.weighted(AdaptationWeights(consistency=2, source=0, joint_embedding=0)) == 8


def weightings():
    """Weights of which any may be 0."""
    weight = st.sampled_from([0.0, 0.3, 1.0, 7.0])
    return st.builds(AdaptationWeights, weight, weight, weight, weight) | st.just(AdaptationWeights())


@given(generators(), st.sampled_from([0, 3]), weightings())
def test_the_gradients_are_the_complex_step_and_stop_where_the_method_stops_them(rng, epoch, weights):
    agents, state = domain(rng)
    state = adaptation_step(state, **batch(rng, agents), epoch=1)[1]
    step = batch(rng, agents)
    options = {"epoch": epoch, "mining_ratio": 0.3}
    gradients = adaptation_gradients(state, **step, **options, weights=weights)
    for name, gradient in zip(("source_features", "target_features", "agents"), gradients, strict=True):
        expected = complex_step(
            lambda x, n=name: adaptation_step(state, **{**step, n: x}, **options)[0].weighted(weights), step[name]
        )
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-10 * (1 + np.abs(expected).max()), err_msg=name)


@pytest.mark.parametrize("epoch", [-1, 0.5, True])
def test_an_epoch_is_a_number_of_epochs(epoch):
    rng = np.random.default_rng(0)
    agents, state = domain(rng)
    with pytest.raises(ValueError, match=r"`epoch` must be an integer of at least 0\. Received"):
        adaptation_step(state, **batch(rng, agents), epoch=epoch)
