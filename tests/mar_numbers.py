"""Numbers of MAR's public implementation, KovenYu/MAR in float64, that both packages have to come to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from snr_ref.distances import unit


def assert_numbers_of_the_public_implementation(
    losses: Any, gradients: Any, kinds: Callable[[Any], tuple[int, int]]
) -> None:
    """Asserts the numbers, on features and agents that have unit length already.

    Args:
        losses: Object with the functions of `snr_ref`, on anything that NumPy converts to arrays.
        gradients: Object with the functions of the gradients.
        kinds: Function from the result of `mine_pairs` to the numbers of positives and negatives.
    """
    agents = unit(_wave(7, 5, start=1))
    labels = np.arange(8) % 7
    source = unit(agents[labels] + 0.5 * _wave(8, 5, start=2))
    target = unit(agents[np.arange(12) % 4] + 0.7 * _wave(12, 5, start=3))
    views = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 3])
    log_past = np.asarray(losses.log_multilabels(unit(_wave(20, 5, start=4)), agents))

    threshold = losses.initial_threshold(np.exp(log_past), mining_ratio=0.25)
    _assert_close(threshold, 0.9962574688802532)
    statistics = losses.initial_statistics(log_past, np.arange(20) % 4)
    _assert_close(np.asarray(statistics.mean)[[0, 6]], [-15.053593520510741, -22.71728953266691])
    _assert_close(np.asarray(statistics.std)[[0, 6]], [17.26548813954363, 12.804060086508851])

    log_y = np.asarray(losses.log_multilabels(target, agents))
    statistics = losses.next_statistics(statistics, log_y, views, rate=0.0368)
    statistics = type(statistics)(*map(np.asarray, statistics))
    _assert_close(statistics.mean[[0, 6]], [-15.220337588200184, -22.487784477213953])
    _assert_close(statistics.std[[0, 6]], [17.32993550119091, 12.9002645326827])
    _assert_close(losses.consistency_loss(log_y, views, statistics), 269.8399687297994)
    in_log_y = gradients.consistency_gradient(log_y, views, statistics)
    _assert_close(
        gradients.log_multilabels_vjp(target, agents, in_log_y)[0],
        [-9.614157424576222, -36.352891613472984, 53.13678796128683, -31.934436655211723, -3.2625279530791653],
    )

    mined = target, np.exp(log_y), np.asarray(threshold).item()
    assert kinds(losses.mine_pairs(*mined, mining_ratio=0.25)) == (4, 12)
    _assert_close(losses.discriminative_loss(*mined, mining_ratio=0.25), 0.6615316904909199)
    _assert_close(
        gradients.discriminative_gradient(*mined, mining_ratio=0.25)[0, :4],
        [-0.049672205446504816, -0.09088467111226431, 0.03674930719184726, 0.048834552942505494],
    )
    _assert_close(losses.next_threshold(mined[2], mined[1], mining_ratio=0.25), 0.9638093208948976)

    _assert_close(losses.joint_embedding_loss(source, labels, target, agents), 0.4577946750979618)
    of_source, of_target = gradients.joint_embedding_gradients(source, labels, target, agents)
    _assert_close(
        of_source[1, :4], [0.025727939534724773, -0.033935967874867815, 0.019622603129835152, -0.0067367799687174275]
    )
    np.testing.assert_array_equal(of_target[0], 0)
    _assert_close(
        of_target[1, :4], [0.021934346186448024, -0.028796236253573793, 0.022917139525346037, -0.013420440047774044]
    )


def _wave(*shape: int, start: int) -> np.ndarray:
    return np.sin(start + 1.7 * np.arange(math.prod(shape)) ** 1.1).reshape(shape)


def _assert_close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=1e-11, atol=1e-13)
