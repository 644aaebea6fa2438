"""MAR's losses in Keras: the reference's values and gradients in float64, compiled too, and its refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops

import snr_ref
from snr_keras import losses
from snr_ref.distances import unit
from tests.snr_keras.backend import DTYPES, MODES, to_numpy, to_tensor, value_and_gradients

K, D, IMAGES = 4, 3, 9

pytestmark = pytest.mark.skipif("float64" not in DTYPES, reason="Keras' operations take float64 for float32 there")


def tensor(array: Any) -> Any:
    return to_tensor(np.asarray(array), "float64")


@pytest.mark.parametrize("mode", [MODES[0], MODES[-1]])
@pytest.mark.parametrize(
    ("epoch", "weights"), [(0, losses.AdaptationWeights()), (1, losses.AdaptationWeights(2.0, 0.0, 3.0, 0.5))]
)
def test_a_step_and_its_gradients_are_those_of_the_reference(
    mode: str, epoch: int, weights: losses.AdaptationWeights
) -> None:
    rng = np.random.default_rng(epoch)
    agents, labels = unit(rng.normal(size=(K, D))), rng.integers(0, K, 5)
    log_y = snr_ref.log_multilabels(unit(rng.normal(size=(IMAGES, D))), agents)
    statistics = snr_ref.initial_statistics(log_y, np.arange(IMAGES) % 3)
    memory = snr_ref.MultilabelMemory(np.exp(log_y), np.arange(IMAGES) < 5)
    state = snr_ref.AdaptationState(snr_ref.initial_threshold(np.exp(log_y)), statistics, memory)
    source, target = unit(agents[labels] + 0.5 * rng.normal(size=(5, D))), unit(rng.normal(size=(6, D)))
    views, indices = np.array([0, 0, 1, 1, 1, 2]), rng.permutation(IMAGES)[:6]
    options: dict[str, Any] = {"epoch": epoch, "mining_ratio": 0.3}
    arguments = (state, source, labels, target, views, indices, agents)
    expected, after = snr_ref.adaptation_step(*arguments, **options)
    gradients = snr_ref.adaptation_gradients(*arguments, **options, weights=weights)

    def step(source: Any, target: Any, agents: Any, labels: Any, views: Any, indices: Any) -> list[Any]:
        before = losses.AdaptationState(
            tensor(state.threshold),
            losses.ViewStatistics(*map(tensor, statistics)),
            losses.MultilabelMemory(tensor(memory.multilabels), ops.convert_to_tensor(memory.visited)),
        )
        got, now = losses.adaptation_step(before, source, labels, target, views, indices, agents, **options)
        return [got.weighted(weights), *got, now.threshold, *now.statistics, now.memory.multilabels]

    wanted = [expected.weighted(weights), *expected, after.threshold, *after.statistics, after.memory.multilabels]
    cotangents = [tensor(np.full(np.shape(value), float(n == 0))) for n, value in enumerate(wanted)]
    others = [ops.convert_to_tensor(x) for x in (labels, views, indices)]
    got, of_inputs = value_and_gradients(step, mode=mode)([*map(tensor, (source, target, agents))], cotangents, *others)
    for value, exact in zip([*got, *of_inputs], [*wanted, *gradients], strict=True):
        np.testing.assert_allclose(value, exact, rtol=0, atol=1e-10 * (1 + np.abs(exact).max()))


def test_nearest_pairs_come_first_with_the_lower_indices_and_equality_is_not_above_the_threshold() -> None:
    square = tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    pairs, positive = losses.mine_pairs(square, tensor(np.full((4, 2), 0.5)), 0.0, mining_ratio=0.5)
    assert to_numpy(pairs).tolist() == [[0, 1], [0, 3], [1, 2]]
    assert to_numpy(positive).all()
    y = tensor([[0.75, 0.25], [0.25, 0.75]])
    assert not to_numpy(losses.mine_pairs(tensor([[1.0], [1.0]]), y, 0.5).positive).any()


def test_equal_rows_deviate_by_zero_and_a_row_of_no_length_has_no_gradient() -> None:
    log_y = tensor(np.tile(np.log([[0.1, 0.2, 0.7]]), (3, 1)))
    views = ops.zeros((3,), "int32")
    statistics = losses.ViewStatistics(log_y[0], ops.ones((3,), "float64"))
    step = value_and_gradients(lambda x: [losses.consistency_loss(x, views, statistics)])
    (value,), (gradient,) = step([log_y], [tensor(1.0)])
    assert value == 1.5
    np.testing.assert_array_equal(gradient, 0)
    (direction,), (gradient,) = value_and_gradients(lambda x: [losses.unit(x)])(
        [tensor([[0.0, 0.0]])], [tensor([[1.0, 1.0]])]
    )
    np.testing.assert_array_equal([direction, gradient], 0)


F, Y = unit(np.ones((3, 2))), np.full((3, 4), 0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.soft_multilabels(F, Y), r"`agents`.*\(3, 2\) to match features of shape \(3, 2\). Received"),
        (lambda: losses.initial_threshold(Y[:1]), "at least two images, to make a pair. Received: 1"),
        (lambda: losses.next_threshold(np.nan, Y), "`threshold`.*Received: nan"),
        (lambda: losses.initial_statistics(Y, [0, 1, 2]), "a view with at least two images"),
        (lambda: losses.joint_embedding_loss(F, [0, 1, 3], F, F), r"in \[0, 3\).*Received: array\(\[0, 1, 3\]"),
        (lambda: losses.next_memory(losses.initial_memory(5, 4), [0, 0, 1], Y), r"distinct, in \[0, 5\)"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
