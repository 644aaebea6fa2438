"""CMC, mAP and mINP without sorting the gallery: the fast twin of `snr_ref.retrieval`.

The rank of a match is one plus the number of valid gallery images before it. With m matches in a gallery of G images,
placing every other image among the m sorted matches takes G log m steps, where sorting takes G log G.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snr_keras.evaluation.distances import distance_rows
from snr_keras.evaluation.protocols import RetrievalLabels
from snr_ref import RetrievalResult


def evaluate_retrieval(
    distances: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    max_rank: int = 50,
    protocol: str = "market1501",
) -> RetrievalResult:
    """Score the ranking of the gallery that the distances give for each query.

    Takes and returns what `snr_ref.evaluate_retrieval` does, and ranks equal distances as it does: the lower gallery
    index first.

    Args:
        distances: (Q, G) distances, smaller is more alike.
        query_ids: (Q,) identities, none of them -1 (junk) or 0 (a distractor).
        gallery_ids: (G,) identities; -1 is left out, 0 matches no query.
        query_cameras: (Q,) cameras, or None under the protocol "no_camera".
        gallery_cameras: (G,) cameras, or None under the protocol "no_camera".
        max_rank: The length of `cmc`.
        protocol: "market1501" leaves out a query's own identity in its own camera; "no_camera" knows no cameras.

    Returns:
        `RetrievalResult(cmc, mAP, mINP, num_valid_queries)`, fractions in [0, 1].

    Raises:
        ValueError: A wrong shape, a NaN distance, an unknown protocol, a query identity of -1 or 0, or no query with a
            valid match; the message says which, and for the last what to do.
    """
    distances = np.asarray(distances)
    labels = RetrievalLabels.checked(query_ids, gallery_ids, query_cameras, gallery_cameras, protocol)
    if distances.shape != labels.shape:
        raise ValueError(
            f"distances must have one row a query and one column a gallery image, {labels.shape}. "
            f"Received: distances.shape={distances.shape}"
        )
    return _score(distances, labels, max_rank)


def evaluate_embeddings(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    distance: str = "cosine",
    max_rank: int = 50,
    protocol: str = "market1501",
) -> RetrievalResult:
    """Score the ranking of the gallery by embeddings, without ever holding the whole distance matrix.

    Args:
        query_embeddings: (Q, D).
        gallery_embeddings: (G, D).
        query_ids: As for `evaluate_retrieval`, and so are the other labels.
        gallery_ids: See `query_ids`.
        query_cameras: See `query_ids`.
        gallery_cameras: See `query_ids`.
        distance: "cosine" or "euclidean".
        max_rank: The length of `cmc`.
        protocol: "market1501" or "no_camera".

    Returns:
        `RetrievalResult(cmc, mAP, mINP, num_valid_queries)`, fractions in [0, 1].

    Raises:
        ValueError: As `evaluate_retrieval`; also for an unknown distance and for embeddings that are no matrices of
            one width.
    """
    labels = RetrievalLabels.checked(query_ids, gallery_ids, query_cameras, gallery_cameras, protocol)
    return _score(_rows(query_embeddings, gallery_embeddings, labels, distance), labels, max_rank)


def average_precisions(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    distance: str = "cosine",
    protocol: str = "market1501",
) -> NDArray[np.float64]:
    """The average precision of each query, of which mAP is the mean; the arguments are those of `evaluate_embeddings`.

    Returns:
        (Q,) fractions in [0, 1]; NaN for a query without a valid match.

    Raises:
        ValueError: As `evaluate_embeddings`, but not where no query has a valid match.
    """
    labels = RetrievalLabels.checked(query_ids, gallery_ids, query_cameras, gallery_cameras, protocol)
    ranks = _ranks_of_matches(_rows(query_embeddings, gallery_embeddings, labels, distance), labels)
    return np.array([_average_precision(of_query) if len(of_query) else np.nan for of_query in ranks])


def _rows(
    query_embeddings: ArrayLike, gallery_embeddings: ArrayLike, labels: RetrievalLabels, distance: str
) -> Iterator[NDArray]:
    query_embeddings, gallery_embeddings = np.asarray(query_embeddings), np.asarray(gallery_embeddings)
    lengths = (len(query_embeddings), len(gallery_embeddings))
    if lengths != labels.shape:
        raise ValueError(
            f"There must be one embedding a label: {labels.shape[0]} queries, {labels.shape[1]} gallery images. "
            f"Received: {query_embeddings.shape} and {gallery_embeddings.shape}"
        )
    return distance_rows(query_embeddings, gallery_embeddings, distance)


def _score(rows: Iterable[NDArray], labels: RetrievalLabels, max_rank: int) -> RetrievalResult:
    """Average over the queries that have a match; `rows` yields each query's (G,) distances in turn."""
    if max_rank < 1:
        raise ValueError(f"max_rank must be at least 1. Received: max_rank={max_rank}")
    first_ranks, precisions, inverse_penalties = [], [], []
    for ranks in _ranks_of_matches(rows, labels):
        if not len(ranks):
            continue
        first_ranks.append(ranks[0])
        precisions.append(_average_precision(ranks))
        inverse_penalties.append(len(ranks) / ranks[-1])
    if not first_ranks:
        raise ValueError(labels.why_no_query_is_valid())
    cmc = np.mean(np.asarray(first_ranks)[:, None] <= np.arange(1, max_rank + 1), axis=0)
    return RetrievalResult(
        cmc=cmc,
        mAP=float(np.mean(precisions)),
        mINP=float(np.mean(inverse_penalties)),
        num_valid_queries=len(first_ranks),
    )


def _average_precision(ranks: NDArray) -> np.float64:
    """The mean of the precisions at a query's matches, whose ranks these are."""
    return np.mean(np.arange(1, len(ranks) + 1) / ranks)


def _ranks_of_matches(rows: Iterable[NDArray], labels: RetrievalLabels) -> Iterator[NDArray]:
    """Of each query the ranks of its matches, ascending; none where it has no valid match."""
    for query, row in enumerate(rows):
        if np.isnan(row).any():
            raise ValueError(f"Distances must not be NaN. Received: NaN in the row of query {query}")
        yield _ranks(row, *labels.matches_and_valid(query))


def _ranks(row: NDArray, matches: NDArray, valid: NDArray) -> NDArray:
    """The ranks, from 1, of one query's matches among its valid gallery images, ascending."""
    index = np.flatnonzero(matches)
    index = index[np.argsort(row[index], kind="stable")]
    others = np.flatnonzero(valid & ~matches)
    first_after = np.searchsorted(row[index], row[others], side="right")  # an equal match comes first...
    tied = np.flatnonzero(np.searchsorted(row[index], row[others], side="left") < first_after)
    for other in tied:  # ...unless its gallery index is the higher
        equal = row[index] == row[others[other]]
        first_after[other] -= np.count_nonzero(index[equal] > others[other])
    others_before = np.cumsum(np.bincount(first_after, minlength=len(index) + 1)[:-1])
    return np.arange(1, len(index) + 1) + others_before
