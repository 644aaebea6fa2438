"""Bounds of the discriminative loss and of its gradient, where rounding decides neither what is mined nor as what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.mar.losses import NO_NEGATIVE, NO_POSITIVE
from snr_ref.mar.mining import MINING_RATIO, image_pairs, mine_pairs, mined_count


class _Kind(NamedTuple):
    """Pairs of one kind.

    Attributes:
        log_mean: The logarithm of the mean of exp(-|f_i - f_j|^2).
        pull: For each image the sum of w (f_i - f_j), or of w f_i - w f_j, over its pairs.
    """

    log_mean: Rounded
    pull: Rounded


def discriminative_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Softplus(log N - log P)."""
    positives, negatives = _kinds(arguments, precision.u)
    return {"loss": (negatives.log_mean - positives.log_mean).softplus().error}


def discriminative_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """2 q times the pull of the positives less that of the negatives."""
    positives, negatives = _kinds(arguments, precision.u)
    q = (negatives.log_mean - positives.log_mean).sigmoid()
    return {"grad_features": (exact(2.0, precision.u) * q * (positives.pull - negatives.pull)).error}


def is_decided(arguments: Mapping[str, Any]) -> bool:
    """Whether the same pairs are mined, and as the same, however distances and agreements are rounded.

    They are where features are sixteenths of length 1, and multilabels and threshold sixty-fourths: squares and
    agreements are exact then. Where the farthest pair that is mined is no nearer than the next, the differences of all
    that are at that distance have to be halves, and their lengths whole.

    Args:
        arguments: Of `discriminative_loss`.

    Returns:
        Whether it is so.
    """
    features, shares = arguments["features"], np.append(arguments["multilabels"], arguments["threshold"])
    is_exact = (
        (features * 16 % 1 == 0).all() and ((features**2).sum(axis=1) == 1).all() and (shares * 64 % 1 == 0).all()
    )
    i, j = image_pairs(len(features)).T
    differences = features[i] - features[j]
    squared = (differences**2).sum(axis=1)
    count = mined_count(len(squared), arguments.get("mining_ratio", MINING_RATIO))
    last, *farther = np.sort(squared)[count - 1 :]
    is_tied = bool(farther) and farther[0] == last
    is_whole = np.sqrt(last) % 1 == 0 and (differences[squared == last] * 2 % 1 == 0).all()
    return bool(is_exact and (is_whole or not is_tied))


def squared_distance(x: Rounded, y: Rounded) -> Rounded:
    """|x - y|^2 over the last axis, of differences or as |x|^2 + |y|^2 - 2 x.y: its exponential is as good of both."""
    difference = x - y
    of_differences = (difference * difference).sum(-1)
    expanded = (x * x).sum(-1) + (y * y).sum(-1) - exact(2.0, x.u) * (x * y).sum(-1)
    return Rounded(of_differences.value, np.maximum(of_differences.error, expanded.error), x.u)


def _kinds(arguments: Mapping[str, Any], u: float) -> tuple[_Kind, _Kind]:
    features, ratio = arguments["features"], arguments.get("mining_ratio", MINING_RATIO)
    mined = mine_pairs(features, arguments["multilabels"], arguments["threshold"], mining_ratio=ratio)
    f = exact(features, u)
    return _kind(f, mined.positives, NO_POSITIVE), _kind(f, mined.negatives, NO_NEGATIVE)


def _kind(f: Rounded, pairs: np.ndarray, otherwise: float) -> _Kind:
    if not len(pairs):
        return _Kind(exact(otherwise, f.u).log(), exact(np.zeros(f.value.shape), f.u))
    i, j = pairs.T
    exponents = -squared_distance(f[i], f[j])
    largest = exact(exponents.value.max(), f.u)
    proximity = (exponents - largest).exp()
    total = proximity.sum(0)
    w = (proximity / total)[:, None]
    ends = np.zeros((len(f.value), len(pairs)))
    ends[i, np.arange(len(pairs))], ends[j, np.arange(len(pairs))] = 1, -1
    return _Kind(largest + (total / exact(len(pairs), f.u)).log(), exact(ends, f.u) @ (w * f[i] - w * f[j]))
