"""Mining of pairs of unlabeled images: `snr_ref.mar.mining` in Keras."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from snr_keras.losses._batches import floating
from snr_keras.losses._checks import known, shaped
from snr_keras.losses.distances import norm
from snr_keras.losses.mar.multilabels import agreement, multilabel_agreement, of_differences
from snr_ref._checks import fraction, non_negative
from snr_ref.mar.mining import MINING_RATIO, mined_count

#: Number of agreements from which to take the largest at a time.
AGREEMENTS = 2**23


class MinedPairs(NamedTuple):
    """The nearest pairs of a batch, nearest first, each with the smaller index first.

    The number of mined pairs is known in advance, the number of positives among them is not: `snr_ref.MinedPairs` has
    two arrays, this has one and a mask.

    Attributes:
        pairs: Indices of the pairs, (T, 2).
        positive: Whether the multilabels of the pair agree, (T,), bool. The others are hard negatives.
    """

    pairs: Any
    positive: Any


def initial_threshold(multilabels: Any, *, mining_ratio: float = MINING_RATIO) -> Any:
    """The agreement of rank max(1, floor(mining_ratio * T)), from the top, among all T pairs of rows.

    A domain of M images has M (M - 1) / 2 agreements, which are never all in memory. The loop takes one turn for each
    image, so do not compile this function for a large domain.

    Args:
        multilabels: Multilabels of the whole target domain before the first step, (N, K).
        mining_ratio: Fraction of all pairs to mine, in (0, 1].

    Returns:
        The threshold, a scalar.

    Raises:
        ValueError: If multilabels is not a floating matrix with at least two rows, or the ratio is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    multilabels = floating("multilabels", multilabels, "(N, K)")
    images = multilabels.shape[0]
    count = mined_count(pair_count(images), mining_ratio)
    rows = max(1, AGREEMENTS // images)
    highest = ops.zeros((0,), multilabels.dtype)
    for start in range(0, images - 1, rows):
        agreement = multilabel_agreement(multilabels[start : start + rows], multilabels[start:])
        of_pairs = ops.where(np.triu(np.ones(agreement.shape, bool), 1), agreement, -np.inf)
        highest = ops.sort(ops.concatenate([highest, ops.reshape(of_pairs, (-1,))]))[-count:]
    return highest[-count]


def next_threshold(threshold: Any, multilabels: Any, *, mining_ratio: float = MINING_RATIO, rate: float = 0.1) -> Any:
    """(1 - rate) * threshold + rate * (threshold of the batch, computed as in `initial_threshold`).

    Args:
        threshold: Threshold with which the batch's pairs were mined.
        multilabels: Multilabels of the batch, from the memory, (N, K).
        mining_ratio: Fraction of all pairs to mine, in (0, 1].
        rate: Weight of the batch, in (0, 1].

    Returns:
        The threshold for the next batch, a scalar.

    Raises:
        ValueError: As for `initial_threshold`, or if the threshold is not a finite number of at least 0, or the rate
            is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    batch = initial_threshold(multilabels, mining_ratio=mining_ratio)
    return (1 - fraction("rate", rate)) * _threshold(threshold, batch.dtype) + rate * batch


def mine_pairs(features: Any, multilabels: Any, threshold: Any, *, mining_ratio: float = MINING_RATIO) -> MinedPairs:
    """The max(1, floor(mining_ratio * T)) nearest of T pairs, split into positives (A > threshold) and hard negatives.

    At equal distances the pair with the lower indices counts as nearer: (0, 1) before (0, 2) before (1, 2). A pair
    whose agreement equals the threshold is a negative.

    Args:
        features: Features f, (N, D), of unit length, N at least 2.
        multilabels: Multilabels from the memory, (N, K).
        threshold: Agreement above which a pair is positive, at least 0.
        mining_ratio: Fraction of all pairs to mine, in (0, 1].

    Returns:
        The pairs, and whether each is positive.

    Raises:
        ValueError: If features and multilabels are not floating matrices with the same number of rows, at least 2, the
            threshold is not a finite number of at least 0, or the ratio is not in (0, 1].

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 3.
    """
    features = floating("features", features, "(N, D)")
    multilabels = floating("multilabels", multilabels, "(N, K)")
    images = features.shape[0]
    shaped("multilabels", multilabels, (images, multilabels.shape[1]), f"features of shape {tuple(features.shape)}")
    count = mined_count(pair_count(images), mining_ratio)
    i, j = np.triu_indices(images, 1)
    d = of_differences(norm, ops.stop_gradient(features), ops.stop_gradient(features))
    nearest = ops.argsort(ops.take(ops.reshape(d, (-1,)), i * images + j))[:count]  # a stable sort
    mined = ops.take(np.stack([i, j], axis=1).astype("int32"), nearest, axis=0)
    differences = ops.take(multilabels, mined[:, 0], axis=0) - ops.take(multilabels, mined[:, 1], axis=0)
    return MinedPairs(mined, agreement(differences) > _threshold(threshold, multilabels.dtype))


def pair_count(images: int) -> int:
    """The number of pairs, N (N - 1) / 2.

    Raises:
        ValueError: If there is no pair.
    """
    if images < 2:
        raise ValueError(f"There must be at least two images to make a pair. Received: {images}")
    return images * (images - 1) // 2


def _threshold(threshold: Any, dtype: Any) -> Any:
    threshold = ops.convert_to_tensor(threshold, dtype)
    numbers = known(threshold)
    if numbers is not None:
        non_negative("threshold", numbers.item())
    return threshold
