"""Are these two the same person? All pairs of a query and a gallery image, sorted by distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snr_ref.retrieval import Protocol, labelled_pairs

FALSE_POSITIVE_RATES = (1e-4, 1e-3, 1e-2, 1e-1)

BINS = 128


class VerificationResult(NamedTuple):
    """How well one threshold on the distance tells pairs of one person from pairs of two.

    A pair whose distance is below the threshold is taken for one person. The true-positive rate is the fraction of
    same-person pairs that are taken for it, the false-positive rate that of the others.

    Attributes:
        false_positive_rates: (F,), that were asked for.
        true_positive_rates: (F,), at the thresholds.
        thresholds: (F,), each the largest distance of a pair, or infinity, whose false-positive rate is at most that
            which was asked for.
        equal_error_threshold: The smallest distance of a pair, or infinity, at which the false-positive rate is at
            least the fraction of same-person pairs that are missed: the one to take where both errors cost the same.
        equal_error_rate: The mean of the two fractions there.
        bin_edges: (129,), equal steps from the smallest distance of a pair to the largest.
        same_counts: (128,), same-person pairs between the edges; a pair at an edge is above it, but at the last.
        different_counts: (128,), the other pairs.
    """

    false_positive_rates: np.ndarray
    true_positive_rates: np.ndarray
    thresholds: np.ndarray
    equal_error_threshold: float
    equal_error_rate: float
    bin_edges: np.ndarray
    same_counts: np.ndarray
    different_counts: np.ndarray


def evaluate_verification(
    distances: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cameras: np.ndarray | None = None,
    gallery_cameras: np.ndarray | None = None,
    *,
    false_positive_rates: Sequence[float] = FALSE_POSITIVE_RATES,
    protocol: Protocol = "market1501",
    query_files: np.ndarray | None = None,
    gallery_files: np.ndarray | None = None,
) -> VerificationResult:
    """True-positive rates at false-positive rates, the equal error rate, and histograms, over all pairs but junk.

    What is junk is as in `evaluate_retrieval`; distractors are nobody, so a pair with one shows two persons.

    Args:
        distances: (Q, G), finite, smaller is more alike.
        query_ids: (Q,) integers, neither -1 nor 0.
        gallery_ids: (G,) integers.
        query_cameras: (Q,) integers; not needed under "no_camera".
        gallery_cameras: (G,) integers; not needed under "no_camera".
        false_positive_rates: Numbers in [0, 1].
        protocol: "market1501" or "no_camera"; "single_gallery_shot" is "market1501" here.
        query_files: As for `evaluate_retrieval`, and so are `gallery_files`: an image makes no pair with itself.
        gallery_files: See `query_files`.

    Returns:
        The rates and counts.

    Raises:
        ValueError: As `evaluate_retrieval`; also if a distance is infinite, a rate is not in [0, 1], or all pairs are
            of one kind.
    """
    pairs = labelled_pairs(
        distances, query_ids, gallery_ids, query_cameras, gallery_cameras, protocol, query_files, gallery_files
    )
    rates = check_rates(false_positive_rates)
    distances = pairs.distances.astype(np.float64)
    same = np.sort(distances[pairs.same_identity & ~pairs.junk])
    different = np.sort(distances[~pairs.same_identity & ~pairs.junk])
    check_pairs(len(same), len(different))
    smallest, largest = min(same[0], different[0]), max(same[-1], different[-1])
    check_range(smallest, largest)

    thresholds = np.unique(np.concatenate([same, different, [np.inf]]))
    true_positives = np.searchsorted(same, thresholds) / len(same)
    missed = (len(same) - np.searchsorted(same, thresholds)) / len(same)
    false_positives = np.searchsorted(different, thresholds) / len(different)
    chosen = [np.flatnonzero(false_positives <= rate)[-1] for rate in rates]
    equal = np.flatnonzero(false_positives >= missed)[0]

    return VerificationResult(
        false_positive_rates=rates,
        true_positive_rates=true_positives[chosen],
        thresholds=thresholds[chosen],
        equal_error_threshold=float(thresholds[equal]),
        equal_error_rate=float((false_positives[equal] + missed[equal]) / 2),
        bin_edges=bin_edges(smallest, largest),
        same_counts=np.bincount(bin_of(same, smallest, largest), minlength=BINS),
        different_counts=np.bincount(bin_of(different, smallest, largest), minlength=BINS),
    )


def bin_edges(smallest: float, largest: float) -> np.ndarray:
    """The edges of the histogram's bins, (129,)."""
    return smallest + np.arange(BINS + 1) * ((largest - smallest) / BINS)


def bin_of(distances: np.ndarray, smallest: float, largest: float) -> np.ndarray:
    """The histogram's bin of each distance: floor((d - smallest) / step), the last for the largest."""
    step = (largest - smallest) / BINS
    if step == 0:
        return np.zeros(np.shape(distances), np.intp)
    return np.minimum((distances - smallest) / step, BINS - 1).astype(np.intp)


def check_rates(false_positive_rates: Sequence[float]) -> np.ndarray:
    """The rates as an array; ValueError if one is not in [0, 1]."""
    rates = np.asarray(false_positive_rates, np.float64)
    if rates.ndim != 1 or not len(rates) or not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f"`false_positive_rates` must be numbers in [0, 1]. Received: {false_positive_rates!r}")
    return rates


def check_range(smallest: float, largest: float) -> None:
    """ValueError if a distance, or the range of them, is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(largest - smallest):
            raise ValueError(f"`distances` must be finite. Received: numbers from {smallest} to {largest}")


def check_pairs(same: int, different: int) -> None:
    """ValueError if one of the two kinds of pairs is not there."""
    if not same or not different:
        raise ValueError(
            "There must be pairs of one person and pairs of two. "
            f"Received: {same} pairs of one person, {different} of two"
        )
