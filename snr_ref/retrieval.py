"""Literal retrieval metrics: a loop over the queries, each with its ranked gallery."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from snr_ref._checks import integer_labels

Protocol = Literal["market1501", "no_camera", "single_gallery_shot"]

JUNK, DISTRACTOR = -1, 0


class RetrievalResult(NamedTuple):
    """The retrieval scores, as fractions in [0, 1].

    Attributes:
        cmc: CMC curve, (max_rank,); cmc[k - 1] is the fraction of queries with a match in the top k. cmc[0] is rank-1.
        mAP: Mean average precision.
        mINP: Mean inverse negative penalty.
        num_valid_queries: Number of queries that have a match in the gallery; every mean is over these.
    """

    cmc: np.ndarray
    mAP: float  # noqa: N815 - the field's own spelling
    mINP: float  # noqa: N815
    num_valid_queries: int


def evaluate_retrieval(
    distances: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cameras: np.ndarray | None = None,
    gallery_cameras: np.ndarray | None = None,
    *,
    max_rank: int = 50,
    protocol: Protocol = "market1501",
    query_files: np.ndarray | None = None,
    gallery_files: np.ndarray | None = None,
) -> RetrievalResult:
    """CMC, mAP and mINP.

    The gallery of each query is ranked by increasing distance; at equal distances the lower gallery index comes first.
    Junk is removed from the ranking: gallery images of identity -1 and, under "market1501", those of the query's own
    identity in the query's own camera. Distractors, of identity 0, stay and match no query. "no_camera" ignores the
    cameras. If an image can be both a query and in the gallery, pass file numbers: the gallery image with the query's
    own file number is junk for that query, under every protocol and whatever its identity.

    "single_gallery_shot", the classic protocol of CUHK03, has the junk of "market1501" and another CMC: the gallery
    holds one image of each identity, drawn at random, and every distractor. The curve is the expectation over all
    draws, which published code estimates from a few. mAP and mINP are over the whole gallery, as in that code.

    Args:
        distances: Distances, (Q, G); smaller is nearer.
        query_ids: Query identities, (Q,), integers, neither -1 nor 0.
        gallery_ids: Gallery identities, (G,), integers.
        query_cameras: Query cameras, (Q,), integers; not needed under "no_camera".
        gallery_cameras: Gallery cameras, (G,), integers; not needed under "no_camera".
        max_rank: Length of the CMC curve. Past the end of the gallery the curve keeps its last value.
        protocol: "market1501", "no_camera" or "single_gallery_shot".
        query_files: File number of each query, (Q,), integers; None if no query is in the gallery.
        gallery_files: File number of each gallery image, (G,), in the same numbering; required with `query_files`.

    Returns:
        The scores, over the queries that have a match in the gallery.

    Raises:
        ValueError: If a shape does not fit, a distance is NaN, a query's identity is -1 or 0, cameras or the files of
            one side are missing, or no query has a match in the gallery; the error then names the cause.

    Source:
        Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015 (protocol, CMC, mAP); Ye et al., "Deep
        Learning for Person Re-identification: A Survey and Outlook", TPAMI 2021 (mINP); Li et al., "DeepReID: Deep
        Filter Pairing Neural Network for Person Re-identification", CVPR 2014 (single gallery shot).
    """
    pairs = labelled_pairs(
        distances, query_ids, gallery_ids, query_cameras, gallery_cameras, protocol, query_files, gallery_files
    )
    if isinstance(max_rank, bool) or not isinstance(max_rank, int | np.integer) or max_rank < 1:
        raise ValueError(f"`max_rank` must be an integer of at least 1. Received: {max_rank!r}")

    curves, precisions, inverse_penalties = [], [], []
    for query, identity in enumerate(pairs.query_ids):
        ranking = np.argsort(pairs.distances[query], kind="stable")
        ranking = ranking[~pairs.junk[query, ranking]]
        matches = pairs.same_identity[query, ranking]
        if not matches.any():
            continue
        if protocol == "single_gallery_shot":
            curves.append(expected_cumulative_matches(pairs.gallery_ids[ranking], identity, max_rank))
        else:
            curves.append(cumulative_matches(matches, max_rank))
        precisions.append(average_precision(matches))
        inverse_penalties.append(inverse_negative_penalty(matches))
    if not curves:
        raise ValueError(_why_no_query_is_valid(pairs.same_identity, protocol))
    return RetrievalResult(
        cmc=np.mean(curves, axis=0),
        mAP=float(np.mean(precisions)),
        mINP=float(np.mean(inverse_penalties)),
        num_valid_queries=len(curves),
    )


class LabelledPairs(NamedTuple):
    """The checked arguments of `evaluate_retrieval`, and the kind of every pair of a query and a gallery image.

    Attributes:
        distances: Distances, (Q, G).
        query_ids: Query identities, (Q,).
        gallery_ids: Gallery identities, (G,).
        same_identity: Whether the pair shows one identity, (Q, G), bool.
        junk: Whether the gallery image is junk for the query, (Q, G), bool.
    """

    distances: np.ndarray
    query_ids: np.ndarray
    gallery_ids: np.ndarray
    same_identity: np.ndarray
    junk: np.ndarray


def labelled_pairs(
    distances: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cameras: np.ndarray | None,
    gallery_cameras: np.ndarray | None,
    protocol: Protocol,
    query_files: np.ndarray | None,
    gallery_files: np.ndarray | None,
) -> LabelledPairs:
    """The pairs under this protocol; ValueError as for `evaluate_retrieval`."""
    distances = _check_distances(distances)
    n_queries, n_gallery = distances.shape
    because = f"distances of shape {distances.shape}"
    query_ids = integer_labels("query_ids", query_ids, n_queries, because)
    gallery_ids = integer_labels("gallery_ids", gallery_ids, n_gallery, because)
    _check_query_ids(query_ids)
    if protocol not in get_args(Protocol):
        raise ValueError(f"`protocol` must be one of {get_args(Protocol)}. Received: {protocol!r}")
    same_identity = query_ids[:, np.newaxis] == gallery_ids[np.newaxis, :]
    junk = np.tile(gallery_ids == JUNK, (n_queries, 1))
    if protocol != "no_camera":
        if query_cameras is None or gallery_cameras is None:
            raise ValueError(
                f'`query_cameras` and `gallery_cameras` are needed under protocol="{protocol}"; for data without '
                f'camera labels use protocol="no_camera". Received: {query_cameras!r} and {gallery_cameras!r}'
            )
        query_cameras = integer_labels("query_cameras", query_cameras, n_queries, because)
        gallery_cameras = integer_labels("gallery_cameras", gallery_cameras, n_gallery, because)
        junk |= same_identity & (query_cameras[:, np.newaxis] == gallery_cameras[np.newaxis, :])
    if (query_files is None) != (gallery_files is None):
        raise ValueError(
            "`query_files` and `gallery_files` must be given together or not at all. "
            f"Received: {query_files!r} and {gallery_files!r}"
        )
    if query_files is not None and gallery_files is not None:
        query_files = integer_labels("query_files", query_files, n_queries, because)
        gallery_files = integer_labels("gallery_files", gallery_files, n_gallery, because)
        junk |= query_files[:, np.newaxis] == gallery_files[np.newaxis, :]
    return LabelledPairs(distances, query_ids, gallery_ids, same_identity, junk)


def cumulative_matches(matches: np.ndarray, max_rank: int) -> np.ndarray:
    """The CMC curve of one query, (max_rank,): 0 before the rank of its first match, 1 from there on."""
    return (np.arange(1, max_rank + 1) >= _ranks(matches)[0]).astype(np.float64)


def expected_cumulative_matches(identities: np.ndarray, query_id: int, max_rank: int) -> np.ndarray:
    """The CMC curve of one query when the gallery holds one random image per identity.

    Let p_i(r) be the fraction of identity i's images before rank r. The number of identities before a match at rank r
    is a sum of independent draws of 0 or 1 with these probabilities. The match is equally likely to be each image of
    the query's identity. Every draw contains every distractor.
    """
    others = np.setdiff1d(identities, [query_id, DISTRACTOR])
    curves = []
    for match in np.flatnonzero(identities == query_id):
        before = identities[:match]
        number_before = np.array([1.0])  # the probabilities that 0, 1, ... identities come before the match
        for i in others:
            p = np.count_nonzero(before == i) / np.count_nonzero(identities == i)
            number_before = np.convolve(number_before, [1 - p, p])
        distractors = np.count_nonzero(before == DISTRACTOR)
        by_rank = np.concatenate([np.zeros(distractors), np.cumsum(number_before), np.ones(max_rank)])
        curves.append(by_rank[:max_rank])
    return np.mean(curves, axis=0)


def average_precision(matches: np.ndarray) -> float:
    """AP = mean over the matches of the precision at their rank: the i-th match at rank r_i has precision i / r_i.

    This is the standard AP, not the trapezoidal AP of some published code.
    """
    ranks = _ranks(matches)
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def inverse_negative_penalty(matches: np.ndarray) -> float:
    """INP = number of matches / rank of the last match."""
    ranks = _ranks(matches)
    return float(len(ranks) / ranks[-1])


def _ranks(matches: np.ndarray) -> np.ndarray:
    """The ranks of the matches, from 1."""
    return np.flatnonzero(matches) + 1


def _check_distances(distances: np.ndarray) -> np.ndarray:
    """Real distances without NaN, (Q, G), Q and G at least 1; ValueError if they are not."""
    distances = np.asarray(distances)
    if distances.dtype.kind == "V" and "float" in distances.dtype.name:
        distances = distances.astype(np.float64)
    if distances.ndim != 2 or distances.dtype.kind not in "iuf":
        raise ValueError(
            "`distances` must be real numbers of shape (Q, G). "
            f"Received: dtype {distances.dtype} with shape {distances.shape}"
        )
    if 0 in distances.shape:
        raise ValueError(f"`distances` must have a query and a gallery image. Received: shape {distances.shape}")
    undefined = np.argwhere(np.isnan(distances))
    if len(undefined):
        query, image = undefined[0]
        raise ValueError(
            "`distances` must not hold NaN, which has no rank. "
            f"Received: {len(undefined)} NaN, the first between query {query} and gallery image {image}"
        )
    return distances


def _check_query_ids(query_ids: np.ndarray) -> None:
    """Raises ValueError if a query is junk or a distractor."""
    unfit = np.flatnonzero((query_ids == JUNK) | (query_ids == DISTRACTOR))
    if len(unfit):
        raise ValueError(
            f"`query_ids` must not be {JUNK} (junk) or {DISTRACTOR} (distractor). "
            f"Received: {len(unfit)} such queries, the first at index {unfit[0]} with identity {query_ids[unfit[0]]}"
        )


def _why_no_query_is_valid(same_identity: np.ndarray, protocol: Protocol) -> str:
    """The message of the error."""
    n_queries, n_gallery = same_identity.shape
    received = f"Received: {n_queries} queries and {n_gallery} gallery images"
    if not same_identity.any():
        return (
            "At least one query must have a match in the gallery, but no query identity occurs in the gallery. "
            f"Do both come from the same data set, with the same numbering? {received}"
        )
    if protocol == "no_camera":
        return f"At least one query must have a match besides itself; every match is the query's own file. {received}"
    return (
        "At least one query must have a match in another camera, but every match is in the query's own camera "
        f'and so is junk. For data without meaningful camera labels use protocol="no_camera". {received}'
    )
