"""Rows of a distance matrix, a block of queries at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

DISTANCES = ("cosine", "euclidean")
BLOCK = 256  # queries whose distances are held at one time


def distance_rows(queries: NDArray, gallery: NDArray, distance: str) -> Iterator[NDArray]:
    """Yield each query's (G,) distances to the gallery, in float64: embeddings may be near duplicates of each other.

    Args:
        queries: (Q, D).
        gallery: (G, D).
        distance: "cosine", 0.5 - x.y / (2 |x| |y|), or "euclidean", |x - y|.

    Raises:
        ValueError: An unknown distance, or shapes that are no matrices of one width.
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {DISTANCES}. Received: distance={distance!r}")
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"Embeddings must be matrices of one width. Received: queries {queries.shape}, gallery {gallery.shape}"
        )
    queries, gallery = queries.astype(np.float64), gallery.astype(np.float64)
    block_of = _cosine if distance == "cosine" else _euclidean
    if distance == "cosine":
        queries, gallery = _unit_rows(queries), _unit_rows(gallery)
    return (row for start in range(0, len(queries), BLOCK) for row in block_of(queries[start : start + BLOCK], gallery))


def _unit_rows(x: NDArray) -> NDArray:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)


def _cosine(x: NDArray, y: NDArray) -> NDArray:
    both_zero = np.outer(~x.any(axis=1), ~y.any(axis=1))  # d(x, x) = 0 for every x
    return np.where(both_zero, 0.0, 0.5 - 0.5 * (x @ y.T))


def _euclidean(x: NDArray, y: NDArray) -> NDArray:
    squared = np.sum(x * x, axis=1)[:, None] + np.sum(y * y, axis=1)[None] - 2 * (x @ y.T)
    return np.sqrt(np.maximum(squared, 0))
