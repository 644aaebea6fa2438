"""CMC, mAP and mINP without sorting the gallery: the fast twin of `snr_ref.retrieval`.

The rank of a match is one plus the number of valid gallery images before it. With m matches in a gallery of G images,
placing every other image among the m sorted matches takes G log m steps, where sorting takes G log G.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snr_keras.evaluation.distances import distance_rows
from snr_keras.evaluation.protocols import RetrievalLabels
from snr_ref import RetrievalResult


@dataclass(frozen=True, eq=False)
class QueryFigures:
    """The figures of each query, of which CMC, mAP and mINP are means; a query without a valid match has none.

    Attributes:
        average_precisions: (Q,) in [0, 1], NaN for a query without a valid match.
        inverse_penalties: (Q,), matches over the rank of the last, NaN likewise.
        first_ranks: (Q,), of the first match, from 1, NaN likewise.
    """

    average_precisions: NDArray[np.float64]
    inverse_penalties: NDArray[np.float64]
    first_ranks: NDArray[np.float64]

    def result(self, max_rank: int = 50) -> RetrievalResult:
        """The means over the queries that have a match, with a CMC of length `max_rank`.

        Raises:
            ValueError: `max_rank` is below 1.
        """
        if max_rank < 1:
            raise ValueError(f"max_rank must be at least 1. Received: max_rank={max_rank}")
        valid = np.isfinite(self.first_ranks)
        return RetrievalResult(
            cmc=np.mean(self.first_ranks[valid, None] <= np.arange(1, max_rank + 1), axis=0),
            mAP=float(np.mean(self.average_precisions[valid])),
            mINP=float(np.mean(self.inverse_penalties[valid])),
            num_valid_queries=int(np.count_nonzero(valid)),
        )


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
    return _figures(distances, labels).result(max_rank)


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
    return evaluate_queries(
        query_embeddings,
        gallery_embeddings,
        query_ids,
        gallery_ids,
        query_cameras,
        gallery_cameras,
        distance=distance,
        protocol=protocol,
    ).result(max_rank)


def evaluate_queries(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    distance: str = "cosine",
    protocol: str = "market1501",
) -> QueryFigures:
    """The figures of each query, before any mean: what a bootstrap over queries needs.

    Arguments and errors are those of `evaluate_embeddings`.
    """
    labels = RetrievalLabels.checked(query_ids, gallery_ids, query_cameras, gallery_cameras, protocol)
    query_embeddings, gallery_embeddings = np.asarray(query_embeddings), np.asarray(gallery_embeddings)
    lengths = (len(query_embeddings), len(gallery_embeddings))
    if lengths != labels.shape:
        raise ValueError(
            f"There must be one embedding a label: {labels.shape[0]} queries, {labels.shape[1]} gallery images. "
            f"Received: {query_embeddings.shape} and {gallery_embeddings.shape}"
        )
    return _figures(distance_rows(query_embeddings, gallery_embeddings, distance), labels)


def _figures(rows: Iterable[NDArray], labels: RetrievalLabels) -> QueryFigures:
    """The figures of every query; `rows` yields each query's (G,) distances in turn."""
    average_precisions, inverse_penalties, first_ranks = np.full((3, labels.shape[0]), np.nan)
    for query, row in enumerate(rows):
        if np.isnan(row).any():
            raise ValueError(f"Distances must not be NaN. Received: NaN in the row of query {query}")
        matches, valid = labels.matches_and_valid(query)
        if not matches.any():
            continue
        ranks = _ranks(row, matches, valid)
        hits = np.arange(1, len(ranks) + 1)
        average_precisions[query] = np.mean(hits / ranks)
        inverse_penalties[query] = len(ranks) / ranks[-1]
        first_ranks[query] = ranks[0]
    if np.isnan(first_ranks).all():
        raise ValueError(labels.why_no_query_is_valid())
    return QueryFigures(average_precisions, inverse_penalties, first_ranks)


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
