"""Exact nearest neighbours at about the cost of a matrix product: it selects candidates, exact distances decide."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.products import multiply

BLOCK = 256  # rows whose distances are held at a time


def squared_distance_blocks(features: NDArray) -> Iterator[tuple[slice, NDArray, NDArray]]:
    """Squared Euclidean distances of blocks of rows to all rows, in the features' dtype, as |x|^2 + |y|^2 - 2 x.y.

    Args:
        features: Features, (N, D), float32 or float64.

    Yields:
        The slice of rows; their distances, (B, N), in a buffer that the next block overwrites; and a bound on the error
        of each row's distances, (B,).
    """
    centred = features - features.mean(0, dtype=np.float64).astype(
        features.dtype
    )  # the same distances with less rounding
    squares = np.einsum("nd,nd->n", centred, centred, dtype=np.float64)
    lengths, largest = np.sqrt(squares), np.sqrt(squares.max())
    # D products and sums in any order, and a few roundings of each term; the unit roundoff is eps / 2.
    slack = (features.shape[1] / 2 + 4) * np.finfo(features.dtype).eps * (lengths + largest) ** 2
    squares = squares.astype(features.dtype)
    blocks = [slice(start, min(start + BLOCK, len(features))) for start in range(0, len(features), BLOCK)]
    buffer = np.empty((min(BLOCK, len(features)), len(features)), features.dtype)
    below: dict[int, list[NDArray]] = {rows.start: [] for rows in blocks}
    for rows in blocks:
        distances = buffer[: rows.stop - rows.start]
        # The distances are symmetric: those left of the diagonal were computed above it, and are kept until they are
        # used.
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
    """The k nearest rows of each row of a block, itself included, and its largest squared distance, all exact.

    Args:
        features: Features, (N, D).
        rows: Slice of the block.
        distances: Approximate distances, (B, N).
        slack: Bound on the error of each row's distances, (B,).
        k: Number of neighbours, at most N.

    Returns:
        Indices, (B, k), nearest first and at equal distances the lower index first; their squared distances, (B, k);
        and the largest squared distances, (B,); all in float64.
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
    """The squared distances of one row to others, (M,), in float64, as sums of squared differences, as in `snr_ref`."""
    differences = features[others].astype(np.float64)
    differences -= features[row]
    differences *= differences
    return differences.sum(1)


def _upper_bound_of_kth_smallest(values: NDArray, k: int) -> NDArray:
    """An upper bound for each row: the kth smallest of the minima of pairs of its numbers."""
    while values.shape[1] >= 16 * k:
        half = values.shape[1] // 2
        values = np.minimum(values[:, :half], values[:, half : 2 * half])
    return np.partition(values, k - 1, axis=1)[:, k - 1]
