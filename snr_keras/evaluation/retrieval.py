"""CMC, mAP and mINP without sorting the gallery: the fast twin of `snr_ref.retrieval`.

The rank of a match is one plus the number of images before it. Counting these takes one pass over the distances per
match, of which a query has a few dozen, or one sort of the distances; neither needs the order of the images.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from snr_keras.evaluation.distances import check_embeddings, distance_rows
from snr_keras.evaluation.progress import Progress, counted
from snr_keras.evaluation.protocols import RetrievalLabels
from snr_keras.evaluation.ranks import match_ranks
from snr_keras.evaluation.single_shot import expected_curve
from snr_ref import RetrievalResult

SORTED_BELOW = 400
"""Gallery images per match of a query: with fewer than this, sorting takes less time than counting."""


@dataclass(frozen=True, eq=False)
class QueryFigures:
    """The scores of each query, of which CMC, mAP and mINP are means; a query without a valid match has none.

    Attributes:
        average_precisions: Average precision, (Q,), in [0, 1]; NaN for a query without a valid match.
        inverse_penalties: Number of matches over the rank of the last, (Q,); NaN likewise.
        first_ranks: Rank of the first match, (Q,), from 1; NaN likewise.
        cmc: Whether a match is in the top k, or the probability of it, (Q, max_rank); NaN likewise.
    """

    average_precisions: NDArray[np.float64]
    inverse_penalties: NDArray[np.float64]
    first_ranks: NDArray[np.float64]
    cmc: NDArray[np.float64]

    def result(self) -> RetrievalResult:
        """The means over the queries that have a match."""
        valid = np.isfinite(self.first_ranks)
        return RetrievalResult(
            cmc=np.mean(self.cmc[valid], axis=0),
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
    query_files: ArrayLike | None = None,
    gallery_files: ArrayLike | None = None,
) -> RetrievalResult:
    """CMC, mAP and mINP of the rankings by a matrix of distances.

    The arguments and the result are those of `snr_ref.evaluate_retrieval`. At equal distances the lower gallery index
    comes first, as there.

    Args:
        distances: Distances, (Q, G); smaller is more alike.
        query_ids: Query identities, (Q,), none of them -1 (junk) or 0 (a distractor).
        gallery_ids: Gallery identities, (G,); -1 is left out, 0 matches no query.
        query_cameras: Query cameras, (Q,), or None under the protocol "no_camera".
        gallery_cameras: Gallery cameras, (G,), or None under the protocol "no_camera".
        max_rank: Length of `cmc`.
        protocol: "market1501" leaves out a query's own identity in its own camera; "no_camera" ignores cameras;
            "single_gallery_shot" is "market1501" with a `cmc` against one random image of each identity.
        query_files: File number of each query, (Q,), integers; a query's own file is left out of its ranking, whatever
            its identity. None if no query is in the gallery.
        gallery_files: File number of each gallery image, (G,), in the same numbering; required with `query_files`.

    Returns:
        `RetrievalResult(cmc, mAP, mINP, num_valid_queries)`, fractions in [0, 1].

    Raises:
        ValueError: If a shape is wrong, a distance is NaN, the protocol is unknown, a query's identity is -1 or 0, or
            no query has a valid match; the message says which, and for the last what to do.
    """
    labels = RetrievalLabels.checked(
        query_ids, gallery_ids, query_cameras, gallery_cameras, protocol, query_files, gallery_files
    )
    rows = checked_distances(distances, labels)
    return _figures(_from_rows(rows, labels, protocol, max_rank), labels, max_rank).result()


def evaluate_embeddings(
    query_embeddings: ArrayLike | h5py.Dataset,
    gallery_embeddings: ArrayLike | h5py.Dataset,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    distance: str = "cosine",
    max_rank: int = 50,
    protocol: str = "market1501",
    query_files: ArrayLike | None = None,
    gallery_files: ArrayLike | None = None,
    progress: Progress | None = None,
) -> RetrievalResult:
    """CMC, mAP and mINP of the rankings by embeddings, without ever holding the whole distance matrix.

    The ranks are those of float64 distances, which are computed only where float32 products do not decide which of two
    images is nearer (`snr_keras.evaluation.ranks`).

    Args:
        query_embeddings: Query embeddings, (Q, D), of any precision. A memory-mapped array or a dataset of an open
            HDF5 file is read a part at a time, except with re-ranking or under the protocol "single_gallery_shot".
        gallery_embeddings: Gallery embeddings, (G, D), likewise.
        query_ids: Query identities, (Q,), none of them -1 (junk) or 0 (a distractor).
        gallery_ids: Gallery identities, (G,); -1 is left out, 0 matches no query.
        query_cameras: Query cameras, (Q,), or None under the protocol "no_camera".
        gallery_cameras: Gallery cameras, (G,), or None under the protocol "no_camera".
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        max_rank: Length of `cmc`.
        protocol: "market1501", "no_camera" or "single_gallery_shot", as for `evaluate_retrieval`.
        query_files: File number of each query, (Q,), integers; None if no query is in the gallery.
        gallery_files: File number of each gallery image, (G,), in the same numbering; required with `query_files`.
        progress: Function called with the number of queries done and the total; for "re_ranked" distances it is called
            as by `re_ranking`.

    Returns:
        `RetrievalResult(cmc, mAP, mINP, num_valid_queries)`, fractions in [0, 1].

    Raises:
        ValueError: As for `evaluate_retrieval`; also if the distance is unknown, or the embeddings are not matrices of
            one width or hold NaN or infinity.
    """
    return evaluate_queries(
        query_embeddings,
        gallery_embeddings,
        query_ids,
        gallery_ids,
        query_cameras,
        gallery_cameras,
        distance=distance,
        max_rank=max_rank,
        protocol=protocol,
        query_files=query_files,
        gallery_files=gallery_files,
        progress=progress,
    ).result()


def evaluate_queries(
    query_embeddings: ArrayLike | h5py.Dataset,
    gallery_embeddings: ArrayLike | h5py.Dataset,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
    *,
    distance: str = "cosine",
    max_rank: int = 50,
    protocol: str = "market1501",
    query_files: ArrayLike | None = None,
    gallery_files: ArrayLike | None = None,
    progress: Progress | None = None,
) -> QueryFigures:
    """The scores of each query, before any mean, as a bootstrap over queries needs them.

    Arguments and errors are those of `evaluate_embeddings`.
    """
    labels = RetrievalLabels.checked(
        query_ids, gallery_ids, query_cameras, gallery_cameras, protocol, query_files, gallery_files
    )
    queries, gallery = checked_embeddings(query_embeddings, gallery_embeddings, labels)
    if distance == "re_ranked" or protocol == "single_gallery_shot":
        rows = distance_rows(np.asarray(queries), np.asarray(gallery), distance, progress=progress)
        rows = counted(rows, None if distance == "re_ranked" else progress, len(queries))
        return _figures(_from_rows(rows, labels, protocol, max_rank), labels, max_rank)
    check_embeddings(queries, gallery, distance)
    ranks = match_ranks(queries, gallery, distance, labels, progress)
    return _figures(((of_query, _curve(of_query, max_rank)) for of_query in ranks), labels, max_rank)


def checked_distances(distances: ArrayLike, labels: RetrievalLabels) -> NDArray:
    """The distances as an array; ValueError if its shape is not that of the labels."""
    matrix = np.asarray(distances)
    if matrix.shape != labels.shape:
        raise ValueError(
            f"distances must have one row per query and one column per gallery image, {labels.shape}. "
            f"Received: distances.shape={matrix.shape}"
        )
    return matrix


def checked_embeddings(
    queries: ArrayLike | h5py.Dataset, gallery: ArrayLike | h5py.Dataset, labels: RetrievalLabels
) -> tuple[NDArray | h5py.Dataset, NDArray | h5py.Dataset]:
    """The embeddings as arrays, or still in their files; ValueError if there is not one per label."""
    queries, gallery = (x if isinstance(x, h5py.Dataset) else np.asarray(x) for x in (queries, gallery))
    if (len(queries), len(gallery)) != labels.shape:
        raise ValueError(
            f"There must be one embedding per label: {labels.shape[0]} queries, {labels.shape[1]} gallery images. "
            f"Received: {queries.shape} and {gallery.shape}"
        )
    return queries, gallery


def _figures(of_queries: Iterable[tuple[NDArray, NDArray]], labels: RetrievalLabels, max_rank: int) -> QueryFigures:
    """The scores of every query, from the sorted ranks of its matches and its curve."""
    if max_rank < 1:
        raise ValueError(f"max_rank must be at least 1. Received: max_rank={max_rank}")
    cmc = np.full((labels.shape[0], max_rank), np.nan)
    average_precisions, inverse_penalties, first_ranks = np.full((3, labels.shape[0]), np.nan)
    for query, (ranks, curve) in enumerate(of_queries):
        if not len(ranks):
            continue
        average_precisions[query] = np.mean(np.arange(1, len(ranks) + 1) / ranks)
        inverse_penalties[query] = len(ranks) / ranks[-1]
        first_ranks[query] = ranks[0]
        cmc[query] = curve
    if np.isnan(first_ranks).all():
        raise ValueError(labels.why_no_query_is_valid())
    return QueryFigures(average_precisions, inverse_penalties, first_ranks, cmc)


def _curve(ranks: NDArray, max_rank: int) -> NDArray:
    """Whether a match is in the top k, for k up to `max_rank`."""
    return np.arange(1, max_rank + 1) >= ranks[0] if len(ranks) else np.zeros(max_rank, bool)


def _from_rows(
    rows: Iterable[NDArray], labels: RetrievalLabels, protocol: str, max_rank: int
) -> Iterator[tuple[NDArray, NDArray]]:
    """The sorted ranks of each query's matches, and its curve, from its distances, (G,)."""
    for query, row in enumerate(rows):
        if np.isnan(row.max(initial=0)):
            raise ValueError(f"Distances must not be NaN. Received: NaN in the row of query {query}")
        matches, junk = labels.matches_and_junk(query)
        ranks = _ranks(row, matches, junk)
        if protocol == "single_gallery_shot" and len(matches):
            yield ranks, expected_curve(row, labels.gallery_ids, matches, junk, max_rank)
        else:
            yield ranks, _curve(ranks, max_rank)


def _ranks(row: NDArray, matches: NDArray, junk: NDArray) -> NDArray:
    """The ranks, from 1, of one query's matches in its gallery without junk, sorted."""
    at, at_junk = row[matches], row[junk][:, None]
    junk_before = (at_junk < at) | ((at_junk == at) & (junk[:, None] < matches))
    return np.sort(1 + _numbers_before(row, matches) - np.count_nonzero(junk_before, axis=0))


def _numbers_before(row: NDArray, images: NDArray) -> NDArray:
    """The number of gallery images before each of some; at equal distances the lower gallery index comes first."""
    at = row[images]
    if len(row) > SORTED_BELOW * len(images):
        before = [
            np.count_nonzero(row[:image] <= distance) + np.count_nonzero(row[image + 1 :] < distance)
            for image, distance in zip(images.tolist(), at, strict=True)
        ]
        return np.array(before)
    ordered = np.sort(row)
    number = np.searchsorted(ordered, at, side="left")
    for tied in np.flatnonzero(np.searchsorted(ordered, at, side="right") - number > 1):
        number[tied] += np.count_nonzero(row[: images[tied]] == at[tied])
    return number
