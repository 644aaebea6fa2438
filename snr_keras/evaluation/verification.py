"""Verification, whether two images show the same person: the fast twin of `snr_ref.verification`.

It takes two passes and keeps no pair. The first counts distances in many narrow bins. The thresholds lie in a few of
them, and the second collects the distances in these only. The result is that of a sort of all pairs.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snr_keras.evaluation.distances import distance_rows
from snr_keras.evaluation.progress import Progress, counted
from snr_keras.evaluation.protocols import RetrievalLabels
from snr_keras.evaluation.retrieval import checked_distances, checked_embeddings
from snr_ref import VerificationResult
from snr_ref.verification import BINS, FALSE_POSITIVE_RATES, check_pairs, check_range, check_rates

NARROW = 2**16
"""Number of bins of the first pass."""

SAME, DIFFERENT = 0, 1


def evaluate_verification(
    distances: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    false_positive_rates: Sequence[float] = FALSE_POSITIVE_RATES,
    protocol: str = "market1501",
    query_files: ArrayLike | None = None,
    gallery_files: ArrayLike | None = None,
) -> VerificationResult:
    """True-positive rates at false-positive rates, the equal error rate, and histograms, over all pairs except junk.

    The arguments and the result are those of `snr_ref.evaluate_verification`, equal to the last bit.

    Args:
        distances: Distances, (Q, G), finite; smaller is more alike.
        query_ids: Query identities, (Q,), none of them -1 (junk) or 0 (a distractor).
        gallery_ids: Gallery identities, (G,); -1 is left out, 0 matches no query.
        query_cameras: Query cameras, (Q,), or None under the protocol "no_camera".
        gallery_cameras: Gallery cameras, (G,), or None under the protocol "no_camera".
        false_positive_rates: Rates at which to find thresholds, in [0, 1].
        protocol: Protocol, as for `evaluate_retrieval`.
        query_files: File number of each query, (Q,), integers; None if no query is in the gallery. An image makes no
            pair with itself.
        gallery_files: File number of each gallery image, (G,), in the same numbering; required with `query_files`.

    Returns:
        The rates and counts.

    Raises:
        ValueError: As for `evaluate_retrieval`; also if a distance is infinite, a rate is not in [0, 1], or all pairs
            are of one kind.
    """
    labels = RetrievalLabels.checked(
        query_ids, gallery_ids, query_cameras, gallery_cameras, protocol, query_files, gallery_files
    )
    matrix = checked_distances(distances, labels)
    span = (float(matrix.min()), float(matrix.max())) if matrix.size else (0.0, 0.0)
    return _evaluated(matrix, labels, span, false_positive_rates)


def evaluate_embedding_verification(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    distance: str = "cosine",
    false_positive_rates: Sequence[float] = FALSE_POSITIVE_RATES,
    protocol: str = "market1501",
    query_files: ArrayLike | None = None,
    gallery_files: ArrayLike | None = None,
    progress: Progress | None = None,
) -> VerificationResult:
    """The same for distances of embeddings, without ever holding the whole distance matrix.

    Args:
        query_embeddings: Query embeddings, (Q, D).
        gallery_embeddings: Gallery embeddings, (G, D).
        query_ids: Query identities, (Q,), none of them -1 (junk) or 0 (a distractor).
        gallery_ids: Gallery identities, (G,); -1 is left out, 0 matches no query.
        query_cameras: Query cameras, (Q,), or None under the protocol "no_camera".
        gallery_cameras: Gallery cameras, (G,), or None under the protocol "no_camera".
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        false_positive_rates: Rates at which to find thresholds, in [0, 1].
        protocol: Protocol, as for `evaluate_retrieval`.
        query_files: File number of each query, (Q,), integers; None if no query is in the gallery. An image makes no
            pair with itself.
        gallery_files: File number of each gallery image, (G,), in the same numbering; required with `query_files`.
        progress: Function called with the number of rows of distances done and the total: two for each query.

    Returns:
        The rates and counts.

    Raises:
        ValueError: As for `evaluate_verification`; also if the distance is unknown or the embeddings are not matrices
            of one width.
    """
    labels = RetrievalLabels.checked(
        query_ids, gallery_ids, query_cameras, gallery_cameras, protocol, query_files, gallery_files
    )
    queries, gallery = (np.asarray(x) for x in checked_embeddings(query_embeddings, gallery_embeddings, labels))
    rows = distance_rows(queries, gallery, distance)
    largest = 1.0 if distance == "cosine" else sum(_largest_length(x) for x in (queries, gallery))
    return _evaluated(rows, labels, (0.0, largest), false_positive_rates, progress)


def _evaluated(
    rows: Iterable[NDArray],
    labels: RetrievalLabels,
    span: tuple[float, float],
    false_positive_rates: Sequence[float],
    progress: Progress | None = None,
) -> VerificationResult:
    """The result for rows that can be iterated twice, whose distances lie in a span, up to rounding."""
    rates, queries = check_rates(false_positive_rates), labels.shape[0]
    counts = np.zeros((2, NARROW), np.int64)
    smallest, largest = np.inf, -np.inf
    for pairs in counted(_pairs(rows, labels), progress, 2 * queries):
        for of_kind, distances in zip(counts, pairs, strict=True):
            of_kind += np.bincount(_bins(distances, span, NARROW), minlength=NARROW)
            smallest, largest = distances.min(initial=smallest), distances.max(initial=largest)
    numbers = counts.sum(axis=1)
    check_pairs(*numbers.tolist())
    check_range(smallest, largest)

    needed = _needed_bins(counts, rates)
    histograms = np.zeros((2, BINS), np.int64)
    found: tuple[list[NDArray], list[NDArray]] = ([], [])
    for pairs in counted(_pairs(rows, labels), progress, 2 * queries, before=queries):
        for histogram, found_of_kind, distances in zip(histograms, found, pairs, strict=True):
            histogram += np.bincount(_bins(distances, (smallest, largest), BINS), minlength=BINS)
            found_of_kind.append(distances[needed[_bins(distances, span, NARROW)]])

    same, different = (np.sort(np.concatenate(parts)) for parts in found)
    thresholds = np.unique(np.concatenate([same, different, [np.inf]]))
    passed_over = np.cumsum(np.where(needed, 0, counts), axis=1)[:, _bins(thresholds, span, NARROW)]
    below = passed_over + np.stack([np.searchsorted(same, thresholds), np.searchsorted(different, thresholds)])
    true_positives, false_positives = below / numbers[:, None]
    missed = (numbers[SAME] - below[SAME]) / numbers[SAME]
    chosen = [np.flatnonzero(false_positives <= rate)[-1] for rate in rates]
    equal = np.flatnonzero(false_positives >= missed)[0]
    return VerificationResult(
        false_positive_rates=rates,
        true_positive_rates=true_positives[chosen],
        thresholds=thresholds[chosen],
        equal_error_threshold=float(thresholds[equal]),
        equal_error_rate=float((false_positives[equal] + missed[equal]) / 2),
        bin_edges=np.linspace(smallest, largest, BINS + 1),
        same_counts=histograms[SAME],
        different_counts=histograms[DIFFERENT],
    )


def _pairs(rows: Iterable[NDArray], labels: RetrievalLabels) -> Iterator[tuple[NDArray, NDArray]]:
    """For each query, the distances to images of its identity, and to those of others, in float64, without junk."""
    for query, row in enumerate(np.asarray(row, np.float64) for row in rows):
        if np.isnan(row.max(initial=-np.inf)):
            raise ValueError(f"Distances must not be NaN. Received: NaN in the row of query {query}")
        matches, junk = labels.matches_and_junk(query)
        is_other = np.ones(len(row), bool)
        is_other[matches] = is_other[junk] = False
        yield row[matches], row[is_other]


def _bins(distances: NDArray, span: tuple[float, float], number: int) -> NDArray[np.intp]:
    """The bin of each distance among equal bins of a span; those outside are in the first or the last."""
    low, high = span
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        bins = np.nan_to_num((distances - low) / ((high - low) / number))
    return np.clip(bins, 0, number - 1).astype(np.intp)


def _needed_bins(counts: NDArray[np.int64], rates: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The narrow bins that may contain a threshold, given the number of pairs of each kind in every bin."""
    needed = np.zeros(NARROW, bool)
    up_to = np.cumsum(counts, axis=1)
    numbers = up_to[:, -1:]
    shares, missed = up_to / numbers, (numbers - up_to)[SAME] / numbers[SAME]
    for rate in rates:  # the first distance at which too many of the different pairs are accepted
        needed[np.flatnonzero(shares[DIFFERENT] > rate)[:1]] = True
    crossing = np.flatnonzero(shares[DIFFERENT] >= missed)[0]  # the rates cross within this bin
    needed[crossing] = True
    needed[crossing + 1 + np.flatnonzero(counts[:, crossing + 1 :].any(axis=0))[:1]] = True
    return needed


def _largest_length(x: NDArray) -> float:
    return float(np.sqrt(np.einsum("nd,nd->n", x, x, dtype=np.float64).max(initial=0)))
