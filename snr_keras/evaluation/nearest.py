"""Exact nearest neighbours for little more than a matrix product: it chooses candidates, exact distances decide."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.products import multiply

BLOCK = 256  # rows whose distances are held at one time


def squared_distance_blocks(features: NDArray) -> Iterator[tuple[slice, NDArray, NDArray]]:
    """Squared Euclidean distances of a block of rows to all rows, in the features' dtype, as |x|^2 + |y|^2 - 2 x.y.

    Args:
        features: (N, D), float32 or float64.

    Yields:
        The rows; their (B, N) distances, in a buffer that the next block is written to; and for each row, (B,), how far
        off any of its distances can be.
    """
    centred = features - features.mean(0, dtype=np.float64).astype(features.dtype)  # distances stay, roundings shrink
    squares = np.einsum("nd,nd->n", centred, centred, dtype=np.float64)
    lengths, largest = np.sqrt(squares), np.sqrt(squares.max())
    # D products and sums in any order, and a few roundings of each term; half of eps is the unit roundoff.
    slack = (features.shape[1] / 2 + 4) * np.finfo(features.dtype).eps * (lengths + largest) ** 2
    squares = squares.astype(features.dtype)
    blocks = [slice(start, min(start + BLOCK, len(features))) for start in range(0, len(features), BLOCK)]
    buffer = np.empty((min(BLOCK, len(features)), len(features)), features.dtype)
    below: dict[int, list[NDArray]] = {rows.start: [] for rows in blocks}
    for rows in blocks:
        distances = buffer[: rows.stop - rows.start]
        # The distances are symmetric: what is left of the diagonal was above it, and is kept until it is used.
        for block, known in zip(blocks, below.pop(rows.start), strict=False):
            distances[:, block] = known.T
        new = distances[:, rows.start :]
        multiply(-2 * centred[rows], centred[rows.start :], new)
        new += squares[rows.start :]
        new += squares[rows, None]
        for block in blocks[rows.start // BLOCK + 1 :]:
            below[block.start].append(distances[:, block].copy())
        yield rows, distances, slack[rows]


def nearest_and_farthest(features: NDArray, rows: slice, distances: NDArray, slack: NDArray, k: int) -> tuple:
    """The k nearest rows of each row of a block, itself among them, and its largest squared distance, all exact.

    Args:
        features: (N, D).
        rows: Those of the block.
        distances: (B, N), each off by no more than the slack of its row.
        slack: (B,).
        k: Neighbours, at most N.

    Returns:
        (B, k) indices, nearest first, of equal distances the lower index first, their (B, k) squared distances, and
        (B,) the largest, in float64.
    """
    near = _upper_bound_of_kth_smallest(distances, k) + 2 * slack
    far = distances.max(1) - 2 * slack
    candidates = (distances <= near[:, None]) | (distances >= far[:, None])
    nearest, near_distances = np.empty((len(distances), k), np.int32), np.empty((len(distances), k))
    farthest = np.empty(len(distances))
    for row, is_candidate in enumerate(candidates):
        index = np.flatnonzero(is_candidate)
        exact = exact_squared_distances(features, rows.start + row, index)
        first = np.argsort(exact, kind="stable")[:k]
        nearest[row], near_distances[row], farthest[row] = index[first], exact[first], exact.max()
    return nearest, near_distances, farthest


def exact_squared_distances(features: NDArray, row: int, others: NDArray) -> NDArray:
    """The sums of squared differences of one row to others in float64, as `snr_ref` takes them: (M,)."""
    differences = features[others].astype(np.float64)
    differences -= features[row]
    differences *= differences
    return differences.sum(1)


def _upper_bound_of_kth_smallest(values: NDArray, k: int) -> NDArray:
    """Of each row: the kth smallest of a part of its numbers, which the smaller ones of pairs are."""
    while values.shape[1] >= 16 * k:
        half = values.shape[1] // 2
        values = np.minimum(values[:, :half], values[:, half : 2 * half])
    return np.partition(values, k - 1, axis=1)[:, k - 1]
