"""Distances of embeddings in float64; equal pairs have equal distances to the last bit, wherever they are."""

import numpy as np
from numpy.typing import NDArray

ROWS_BYTES = 16 * 2**20
"""Bytes of embeddings in float64 in memory at a time."""


@np.errstate(over="ignore", invalid="ignore")
def exact_distances(x: NDArray, y: NDArray, distance: str) -> NDArray[np.float64]:
    """Distances between rows, as `snr_ref` defines them.

    Args:
        x: First vectors, (N, D), few.
        y: Second vectors, (M, D).
        distance: "cosine" or "euclidean".

    Returns:
        Distances, (N, M).
    """
    function = _cosine if distance == "cosine" else _euclidean
    wide, distances = np.asarray(x, np.float64), np.empty((len(x), len(y)))
    step = max(1, ROWS_BYTES // (8 * max(1, x.shape[1])))
    for start in range(0, len(y), step):
        distances[:, start : start + step] = function(wide, np.asarray(y[start : start + step], np.float64))
    return distances


@np.errstate(over="ignore", invalid="ignore")
def lengths(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The length of each row of a (P, D) matrix, (P,), without overflow or underflow of squares."""
    squares = np.einsum("pd,pd->p", x, x)
    found = np.sqrt(squares)
    extreme = np.flatnonzero((squares < 1e-280) | (squares > 1e280))
    if len(extreme):
        largest = np.abs(x[extreme]).max(axis=1, initial=0)
        scaled = x[extreme] / np.where(largest == 0, 1, largest)[:, None]
        found[extreme] = largest * np.sqrt(np.einsum("pd,pd->p", scaled, scaled))
    return found


def _cosine(x: NDArray, y: NDArray) -> NDArray:
    """0.5 - x.y / (2 |x| |y|), in [0, 1]; 0 for equal rows."""
    x_lengths, y_lengths = lengths(x), lengths(y)
    products = np.einsum("nd,md->nm", x / np.where(x_lengths == 0, 1, x_lengths)[:, None], y)
    d = np.clip(0.5 - products / np.where(y_lengths == 0, 1, y_lengths) / 2, 0, 1)
    n, m = np.nonzero(d < (x.shape[1] + 8) * np.finfo(np.float64).eps)
    equal = (x[n] == y[m]).all(axis=1)
    d[n[equal], m[equal]] = 0
    d[np.ix_(x_lengths == 0, y_lengths == 0)] = 0
    return d


def _euclidean(x: NDArray, y: NDArray) -> NDArray:
    """|x - y|."""
    return np.array([lengths(y - row) for row in x]).reshape(len(x), len(y))
