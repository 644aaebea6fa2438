"""Verification, whether two images show the same person: all pairs of a query and a gallery image, by distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snr_ref.retrieval import Protocol, labelled_pairs

FALSE_POSITIVE_RATES = (1e-4, 1e-3, 1e-2, 1e-1)

BINS = 128


class VerificationResult(NamedTuple):
    """How well a threshold on the distance separates pairs of one person from pairs of two.

    A pair is accepted as one person if its distance is below the threshold. The true-positive rate is the fraction of
    same-person pairs that are accepted, the false-positive rate the fraction of other pairs that are accepted.

    Attributes:
        false_positive_rates: Requested rates, (F,).
        true_positive_rates: True-positive rates at the thresholds, (F,).
        thresholds: Threshold for each requested rate, (F,): the largest distance of a pair, or infinity, whose
            false-positive rate is at most the requested one.
        equal_error_threshold: Smallest distance of a pair, or infinity, at which the false-positive rate is at least
            the fraction of same-person pairs that are rejected: the threshold to use where both errors cost the same.
        equal_error_rate: Mean of the two fractions at that threshold.
        bin_edges: Edges of the histograms, (129,), equally spaced from the smallest distance of a pair to the largest.
        same_counts: Number of same-person pairs in each bin, (128,); a pair at an edge belongs to the bin above it,
            except at the last edge.
        different_counts: Number of other pairs in each bin, (128,).
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
    """True-positive rates at false-positive rates, the equal error rate, and histograms, over all pairs except junk.

    Junk is defined as in `evaluate_retrieval`. A distractor has no identity, so a pair with one shows two persons.

    Args:
        distances: Distances, (Q, G), finite; smaller is more alike.
        query_ids: Query identities, (Q,), integers, neither -1 nor 0.
        gallery_ids: Gallery identities, (G,), integers.
        query_cameras: Query cameras, (Q,), integers; not needed under "no_camera".
        gallery_cameras: Gallery cameras, (G,), integers; not needed under "no_camera".
        false_positive_rates: Rates at which to find thresholds, (F,), in [0, 1].
        protocol: "market1501" or "no_camera"; "single_gallery_shot" means "market1501" here.
        query_files: File number of each query, (Q,), integers; None if no query is in the gallery. An image makes no
            pair with itself.
        gallery_files: File number of each gallery image, (G,), in the same numbering; required with `query_files`.

    Returns:
        The rates and counts.

    Raises:
        ValueError: As for `evaluate_retrieval`; also if a distance is infinite, a rate is not in [0, 1], or all pairs
            are of one kind.
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
    return np.linspace(smallest, largest, BINS + 1)


def bin_of(distances: np.ndarray, smallest: float, largest: float) -> np.ndarray:
    """The bin of each distance, floor((d - smallest) / step); the last bin for the largest distance."""
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
    """Raises ValueError if a distance, or their range, is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(largest - smallest):
            raise ValueError(f"`distances` must be finite. Received: numbers from {smallest} to {largest}")


def check_pairs(same: int, different: int) -> None:
    """Raises ValueError if either kind of pair is missing."""
    if not same or not different:
        raise ValueError(
            "There must be pairs of one person and pairs of two. "
            f"Received: {same} pairs of one person, {different} of two"
        )
