"""The nearest gallery rows of each query: exact, a chunk of both at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

DISTANCES = ("cosine", "euclidean")

CHUNK_BYTES = 64 * 2**20
"""Bytes of the largest array in use; there are a few of that size at a time."""

QUERIES = 512
"""Number of queries whose distances to a chunk of the gallery are in memory at a time."""

SPARE = 16
"""Number of additional candidates whose distances are computed directly too, to decide near ties."""


def nearest(
    queries: Any,
    gallery: Any,
    *,
    top: int,
    distance: str = "cosine",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest gallery rows of each query, as a sort of all distances gives them.

    Each chunk is searched by a matrix product in float64. The distances of the nearest candidates, and of a few more,
    are computed again from differences, which lose no digits where two vectors are close: equal vectors have distance
    0. At equal distances the lower gallery index comes first, unless more candidates than the additional ones are equal
    at the last place. A query of zeros has no direction: by the cosine any rows are its nearest.

    Args:
        queries: Query embeddings, (Q, D), an array or an object that returns rows by `queries[i:j]`, such as an HDF5
            dataset.
        gallery: Gallery embeddings, (G, D), likewise; read once for every 512 queries.
        top: Number of matches per query; a smaller gallery gives fewer.
        distance: "cosine" or "euclidean".
        progress: Function called with the number of chunks searched and the total.

    Returns:
        Gallery indices and distances, both (Q, min(top, G)), in ascending order of distance.

    Raises:
        ValueError: If `top` is not positive, the distance unknown, the widths differ, or a number is not finite.
    """
    check_searchable(queries, gallery, top, distance)
    number, found = queries.shape[0], min(top, gallery.shape[0])
    indices, distances = np.empty((number, found), np.int64), np.empty((number, found))
    rows = chunk_rows(gallery)
    blocks, chunks = range(0, number, QUERIES), range(0, gallery.shape[0], rows)
    for done, start in enumerate(blocks):
        block = prepared(queries[start : start + QUERIES], distance, f"queries, from row {start} on")
        best = np.empty((len(block), 0), np.int64), np.empty((len(block), 0))
        for searched, first in enumerate(chunks, 1):
            chunk = prepared(gallery[first : first + rows], distance, f"the gallery, from row {first} on")
            there, far = _nearest_of_chunk(block, chunk, found, distance)
            best = _merged(best, (there + first, far), found)
            if progress is not None:
                progress(done * len(chunks) + searched, len(blocks) * len(chunks))
        indices[start : start + QUERIES], distances[start : start + QUERIES] = best
    return indices, distances


def check_searchable(queries: Any, gallery: Any, top: int, distance: str) -> None:
    """Refuse arguments with which no search is possible.

    Raises:
        ValueError: If `top` is not positive, the distance unknown, or the widths differ.
    """
    if top < 1:
        raise ValueError(f"`top` must be at least 1. Received: top={top}")
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {DISTANCES}. Received: distance={distance!r}")
    if len(queries.shape) != 2 or len(gallery.shape) != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"Embeddings must be matrices of one width. Received: queries {queries.shape}, gallery {gallery.shape}"
        )


def chunk_rows(gallery: Any) -> int:
    """The number of gallery rows in memory at a time."""
    return max(1, CHUNK_BYTES // (8 * max(QUERIES, gallery.shape[1])))


def prepared(rows: Any, distance: str, where: str) -> NDArray[np.float64]:
    """The rows in float64, with length 1 (or 0) for the cosine."""
    x = np.asarray(rows, np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"Embeddings must be finite. Received: NaN or infinity in {where}")
    if distance == "euclidean":
        return x
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)


def _nearest_of_chunk(
    block: NDArray[np.float64], chunk: NDArray[np.float64], top: int, distance: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Indices in the chunk of the candidates nearest to each query, (B, k), and their distances."""
    # For unit vectors the larger product is nearer; otherwise the smaller |y|^2 - 2 x.y.
    order = -block @ chunk.T
    if distance == "euclidean":
        order *= 2
        order += np.sum(chunk * chunk, axis=1)
    k = min(top + SPARE, len(chunk))
    candidates = np.sort(np.argpartition(order, k - 1, axis=1)[:, :k], axis=1)
    far = np.stack([distances_to(x, chunk[there], distance) for x, there in zip(block, candidates, strict=True)])
    return candidates, far


def distances_to(x: NDArray[np.float64], y: NDArray[np.float64], distance: str) -> NDArray[np.float64]:
    """The distances of x, (D,), to y, (k, D), computed from differences, (k,)."""
    squares = np.sum((y - x) ** 2, axis=1)
    if distance == "euclidean":
        return np.sqrt(squares)
    one_is_zero = y.any(axis=1) != x.any()
    return np.where(one_is_zero, 0.5, squares / 4)  # |x - y|^2 = 2 - 2 cos for unit vectors


def _merged(
    one: tuple[NDArray[np.int64], NDArray[np.float64]], other: tuple[NDArray[np.int64], NDArray[np.float64]], top: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest of both, by distance and then by index; the indices of `one` are below those of `other`."""
    indices, far = (np.concatenate(pair, axis=1) for pair in zip(one, other, strict=True))
    order = np.argsort(far, axis=1, kind="stable")[:, :top]
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(far, order, axis=1)
