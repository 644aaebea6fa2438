"""Rows of a distance matrix, a block of queries at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.products import multiply
from snr_keras.evaluation.progress import Progress
from snr_keras.evaluation.re_ranking import ReRankedRows, stacked

DISTANCES = ("cosine", "euclidean", "re_ranked")

ROWS_BYTES = 256 * 2**20
"""Bytes of distances in memory at a time."""

CHUNK_BYTES = 64 * 2**20
"""Bytes of the gallery in float64 in memory at a time."""


def distance_rows(
    queries: NDArray,
    gallery: NDArray,
    distance: str,
    *,
    only: NDArray[np.integer] | None = None,
    progress: Progress | None = None,
) -> Iterable[NDArray]:
    """The distances of each query to the gallery in turn, (G,), in float64, since embeddings may be near duplicates.

    The rows can be iterated over again. They may be views into memory that later rows overwrite: copy a row to keep
    it. At most some 400 MB are held, whatever the size of the gallery, except by "re_ranked", which holds a copy of the
    embeddings and the neighbours of every image.

    Args:
        queries: Query embeddings, (Q, D).
        gallery: Gallery embeddings, (G, D).
        distance: "cosine", 0.5 - x.y / (2 |x| |y|), "euclidean", |x - y|, or "re_ranked", `re_ranking` of the
            embeddings at unit length, in its dtype.
        only: Indices of the queries to return; by default all, in their order.
        progress: Function called as by `re_ranking`; it is not called for other distances.

    Raises:
        ValueError: If the distance is unknown, or the embeddings are not matrices of one width; also as for
            `re_ranking`.
        ModuleNotFoundError: As for `re_ranking`.
    """
    check_embeddings(queries, gallery, distance)
    if distance == "re_ranked":
        features, number = stacked(_unit_rows(queries), _unit_rows(gallery))
        return ReRankedRows(features, number, only=only, progress=progress)
    return _Rows(queries if only is None else queries[only], gallery, _cosine if distance == "cosine" else _euclidean)


def check_embeddings(queries: NDArray, gallery: NDArray, distance: str) -> None:
    """Raises ValueError for an unknown distance, or embeddings that are not real matrices of one width."""
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {DISTANCES}. Received: distance={distance!r}")
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"Embeddings must be matrices of one width. Received: queries {queries.shape}, gallery {gallery.shape}"
        )
    for whose, dtype in (("queries", queries.dtype), ("gallery", gallery.dtype)):
        if dtype.kind not in "fiu" and "float" not in dtype.name:
            lost = ". NumPy saves bfloat16 as such bytes: give them back by .view(ml_dtypes.bfloat16)"
            raise ValueError(
                f"Embeddings must be real numbers. Received: {whose} of dtype {dtype}{lost if dtype == 'V2' else ''}"
            )


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of distances, (G,), that a function computes, each when it is iterated over."""

    queries: NDArray
    gallery: NDArray
    fill: Callable[[NDArray, NDArray, NDArray], None]

    def __iter__(self) -> Iterator[NDArray]:
        queries, gallery = self.queries, self.gallery
        chunk = max(1, CHUNK_BYTES // (8 * max(1, gallery.shape[1])))
        block = min(len(queries), chunk, max(1, ROWS_BYTES // (8 * max(1, len(gallery)))))
        buffer = np.empty((block, len(gallery)))
        for first in range(0, len(queries), block):
            x = queries[first : first + block].astype(np.float64)
            rows = buffer[: len(x)]
            for start in range(0, len(gallery), chunk):
                self.fill(x, gallery[start : start + chunk].astype(np.float64), rows[:, start : start + chunk])
            yield from rows


def _cosine(x: NDArray, y: NDArray, out: NDArray) -> None:
    """Write the distances of (B, D) to (C, D) rows into a (B, C) array; y is overwritten."""
    x_lengths, y_lengths = np.sqrt(_squares(x)), np.sqrt(_squares(y))
    y /= np.where(y_lengths > 0, y_lengths, 1)[:, None]
    multiply(x / np.where(x_lengths > 0, -2 * x_lengths, 1)[:, None], y, out)
    out += 0.5
    out[np.ix_(x_lengths == 0, y_lengths == 0)] = 0  # d(x, x) = 0 for every x


def _euclidean(x: NDArray, y: NDArray, out: NDArray) -> None:
    """Write the distances of (B, D) to (C, D) rows into a (B, C) array."""
    multiply(-2 * x, y, out)
    out += _squares(x)[:, None]
    out += _squares(y)
    np.maximum(out, 0, out=out)
    np.sqrt(out, out=out)


def _unit_rows(x: NDArray) -> NDArray:
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(lengths > 0, lengths, 1)


def _squares(x: NDArray) -> NDArray:
    return np.einsum("nd,nd->n", x, x)
