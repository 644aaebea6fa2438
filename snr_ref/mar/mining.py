"""Mining: pairs of unlabeled images taken to show one person, and pairs taken to show two who look alike."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from snr_ref._checks import fraction, matrix, non_negative, shaped
from snr_ref.distances import euclidean
from snr_ref.mar.multilabels import agreement

#: Fraction of all pairs to mine.
MINING_RATIO = 0.005


class MinedPairs(NamedTuple):
    """The nearest pairs of a batch, nearest first, each with the smaller index first.

    Attributes:
        positives: Indices of pairs whose multilabels agree, (P, 2).
        negatives: Indices of hard negatives, whose multilabels do not agree, (Q, 2).
    """

    positives: np.ndarray
    negatives: np.ndarray


@np.errstate(invalid="ignore")  # rows that hold Inf have no distance
def initial_threshold(multilabels: np.ndarray, *, mining_ratio: float = MINING_RATIO) -> float:
    """The agreement of rank max(1, floor(mining_ratio * T)), from the top, among all T pairs of rows.

    Args:
        multilabels: Multilabels of the whole target domain before the first step, (N, K).
        mining_ratio: Fraction of all pairs to mine, in (0, 1].

    Returns:
        The threshold.

    Raises:
        ValueError: If multilabels is not a floating matrix with at least two rows, or the ratio is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    multilabels = matrix("multilabels", multilabels, "(N, K)")
    return agreement_at(mining_ratio, multilabels)


def agreement_at(mining_ratio: float, multilabels: np.ndarray) -> float:
    """The agreement of rank max(1, floor(mining_ratio * T)), from the top, among all T pairs of rows."""
    i, j = image_pairs(len(multilabels)).T
    agreements = np.sort(agreement(multilabels, multilabels)[i, j])
    return agreements[-mined_count(len(agreements), mining_ratio)]


@np.errstate(invalid="ignore")
def next_threshold(
    threshold: float, multilabels: np.ndarray, *, mining_ratio: float = MINING_RATIO, rate: float = 0.1
) -> float:
    """(1 - rate) * threshold + rate * (threshold of the batch, computed as in `initial_threshold`).

    Args:
        threshold: Threshold with which the batch's pairs were mined.
        multilabels: Multilabels of the batch, from the memory, (N, K).
        mining_ratio: Fraction of all pairs to mine, in (0, 1].
        rate: Weight of the batch, in (0, 1].

    Returns:
        The threshold for the next batch.

    Raises:
        ValueError: As for `initial_threshold`, or if the threshold is not a finite number of at least 0, or the rate
            is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    batch = initial_threshold(multilabels, mining_ratio=mining_ratio)
    return (1 - fraction("rate", rate)) * non_negative("threshold", threshold) + rate * batch


@np.errstate(invalid="ignore")
def mine_pairs(
    features: np.ndarray, multilabels: np.ndarray, threshold: float, *, mining_ratio: float = MINING_RATIO
) -> MinedPairs:
    """The max(1, floor(mining_ratio * T)) nearest of T pairs, split into positives (A > threshold) and hard negatives.

    At equal distances the pair with the lower indices counts as nearer: (0, 1) before (0, 2) before (1, 2). A pair
    whose agreement equals the threshold is a negative.

    Args:
        features: Features f, (N, D), of unit length, N at least 2.
        multilabels: Multilabels from the memory, (N, K).
        threshold: Agreement above which a pair is positive, at least 0.
        mining_ratio: Fraction of all pairs to mine, in (0, 1].

    Returns:
        The indices of the positives and of the hard negatives.

    Raises:
        ValueError: If features and multilabels are not floating matrices with the same number of rows, at least 2, the
            threshold is not a finite number of at least 0, or the ratio is not in (0, 1].

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 3.
    """
    features, multilabels = check_features_and_multilabels(features, multilabels)
    return mined(features, multilabels, non_negative("threshold", threshold), mining_ratio)


def mined(features: np.ndarray, multilabels: np.ndarray, threshold: float, mining_ratio: float) -> MinedPairs:
    """The nearest pairs, split into positives (A > threshold) and hard negatives (eq. 3)."""
    pairs = image_pairs(len(features))
    i, j = pairs.T
    d = euclidean(features, features)[i, j].real
    nearest = pairs[np.argsort(d, kind="stable")[: mined_count(len(pairs), mining_ratio)]]
    i, j = nearest.T
    positive = agreement(multilabels, multilabels)[i, j] > threshold
    return MinedPairs(nearest[positive], nearest[~positive])


def image_pairs(images: int) -> np.ndarray:
    """All pairs of two images, (0, 1), (0, 2), ..., (1, 2), ..., as (T, 2); ValueError if there are none."""
    if images < 2:
        raise ValueError(f"There must be at least two images to make a pair. Received: {images}")
    return np.stack(np.triu_indices(images, 1), axis=1)


def mined_count(pairs: int, mining_ratio: float) -> int:
    """max(1, floor(mining_ratio * pairs)), in double precision; ValueError if the ratio is not in (0, 1]."""
    return max(1, math.floor(fraction("mining_ratio", mining_ratio) * pairs))


def check_features_and_multilabels(features: np.ndarray, multilabels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floating matrices, (N, D) and (N, K); ValueError if they are not."""
    features, multilabels = matrix("features", features, "(N, D)"), matrix("multilabels", multilabels, "(N, K)")
    shape = len(features), multilabels.shape[1]
    return features, shaped("multilabels", multilabels, shape, f"features of shape {features.shape}")
