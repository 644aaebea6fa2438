"""Literal k-reciprocal re-ranking: whole matrices, image by image, in the paper's order and symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref._checks import matrix


def re_ranking(
    query_features: np.ndarray,
    gallery_features: np.ndarray,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
) -> np.ndarray:
    """d* = (1 - lambda) d_J + lambda d, where d_J compares the neighbours of two images.

    Queries and gallery form one set of N = Q + G images, each of which is among its own neighbours. d is the squared
    Euclidean distance of the features as given, divided by the largest distance from the same image.

    Args:
        query_features: Query features, (Q, D).
        gallery_features: Gallery features, (G, D).
        k1: Number of neighbours examined for reciprocity.
        k2: Number of neighbours, the image itself included, whose encodings are averaged; 1 averages nothing.
        lambda_value: Weight of the original distances, in [0, 1].

    Returns:
        Re-ranked distances d*, (Q, G).

    Raises:
        ValueError: If the features are not floating matrices of one width, are not finite or are so large that their
            squared distances overflow, or if an option is out of range.

    Source:
        Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017, eq. 12. Where the
        paper and its public code differ, this follows the code: a neighbourhood has k + 1 images, the image itself
        included; k1 / 2 is rounded half to even; and more than two thirds of the neighbours must be in common.
    """
    features = np.concatenate(_check_features(query_features, gallery_features))
    _check_options(k1, k2, lambda_value)
    queries = len(query_features)

    squared = squared_distances(features)
    ranking = np.argsort(squared, axis=1, kind="stable")  # at equal distances the lower index comes first
    d = relative_distances(squared)
    V = np.stack([encoding(p, d, ranking, k1) for p in range(len(features))])
    if k2 > 1:
        V = np.stack([V[nearest].mean(0) for nearest in ranking[:, :k2]])  # eq. 11, local query expansion
    d_J = jaccard_distances(V[:queries], V[queries:])
    return (1 - lambda_value) * d_J + lambda_value * d[:queries, queries:]


def squared_distances(features: np.ndarray) -> np.ndarray:
    """|x - y|^2 between the rows, (N, N), as a sum of squared differences: exactly 0 for equal rows."""
    return np.stack([((features - x) ** 2).sum(1) for x in features])


def relative_distances(squared: np.ndarray) -> np.ndarray:
    """Each row divided by its maximum; a row of zeros, where all features are equal, stays zero."""
    largest = squared.max(1, keepdims=True)
    return squared / np.where(largest > 0, largest, 1)


def reciprocal_neighbours(p: int, ranking: np.ndarray, k: int) -> np.ndarray:
    """R(p, k): p and those of its k nearest images that have p among their own k nearest (eq. 2)."""
    nearest = ranking[p, : k + 1]
    return nearest[(ranking[nearest, : k + 1] == p).any(1)]


def expanded_neighbours(p: int, ranking: np.ndarray, k1: int) -> np.ndarray:
    """R*(p, k1): R(p, k1), and each R(q, k1 / 2), q in R(p, k1), of which more than two thirds are in it (eq. 3)."""
    R = reciprocal_neighbours(p, ranking, k1)
    parts = [R]
    for q in R:
        R_q = reciprocal_neighbours(q, ranking, round(k1 / 2))
        if 3 * len(np.intersect1d(R_q, R)) > 2 * len(R_q):
            parts.append(R_q)
    return np.unique(np.concatenate(parts))


def encoding(p: int, d: np.ndarray, ranking: np.ndarray, k1: int) -> np.ndarray:
    """V_p: exp(-d(p, g)) for each g in R*(p, k1), divided by their sum, and 0 elsewhere (eq. 7).

    If more than k1 images equal p, p may not be among its own neighbours; R* is then empty and V_p is 0.
    """
    V = np.zeros(len(d), d.dtype)
    neighbours = expanded_neighbours(p, ranking, k1)
    weights = np.exp(-d[p, neighbours])
    V[neighbours] = weights / weights.sum()
    return V


def jaccard_distances(V: np.ndarray, W: np.ndarray) -> np.ndarray:
    """d_J = 1 - sum of min(V_p, V_g) / sum of max(V_p, V_g), (Q, G); the maxima sum to 2 minus the minima (eq. 10)."""
    common = np.stack([np.minimum(v, W).sum(1) for v in V])
    return 1 - common / (2 - common)


def _check_features(query_features: Any, gallery_features: Any) -> tuple[np.ndarray, np.ndarray]:
    queries = matrix("query_features", query_features, "(Q, D)")
    gallery = matrix("gallery_features", gallery_features, "(G, D)")
    if queries.shape[1] != gallery.shape[1] or not len(queries) or not len(gallery):
        raise ValueError(
            "`query_features` and `gallery_features` must have the same width and at least one row each. "
            f"Received: shapes {queries.shape} and {gallery.shape}"
        )
    for name, features in (("query_features", queries), ("gallery_features", gallery)):
        largest = np.abs(features).max()
        if np.iscomplexobj(features) or not largest < np.sqrt(np.finfo(features.dtype).max / features.shape[1]) / 2:
            raise ValueError(
                f"`{name}` must hold real, finite numbers whose squared distances are finite. "
                f"Received: dtype {features.dtype}, largest magnitude {largest}"
            )
    return queries, gallery


def _check_options(k1: Any, k2: Any, lambda_value: Any) -> None:
    for name, k in (("k1", k1), ("k2", k2)):
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"`{name}` must be an integer of at least 1. Received: {k!r}")
    if isinstance(lambda_value, bool) or not isinstance(lambda_value, int | float | np.number):
        raise ValueError(f"`lambda_value` must be a number in [0, 1]. Received: {lambda_value!r}")
    if not 0 <= lambda_value <= 1:
        raise ValueError(f"`lambda_value` must be in [0, 1]. Received: {lambda_value!r}")
