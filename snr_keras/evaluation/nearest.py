"""Exact nearest neighbours at about half the cost of all products: they select candidates, exact distances decide.

Distances are symmetric, so a tile of them serves the images of its rows and those of its columns. No tile is kept: each
image has a short list of the nearest and the farthest that were seen, a few more than are wanted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.keys import ROWS_BYTES, parts
from snr_keras.evaluation.products import multiply
from snr_keras.evaluation.threads import for_each

BLOCK = 1024  # rows and columns of a tile of distances

SPARE = 16
"""Images in a list beyond those wanted. If even the last may be one of these, the row is computed again."""

PAIRS = 2**20
"""Number of pairs, about, whose exact distances are in memory at a time."""


class SquaredDistances:
    """Squared Euclidean distances of the rows of a matrix, in its dtype, a tile at a time, as |x|^2 + |y|^2 - 2 x.y.

    Attributes:
        features: Features, (N, D), float32 or float64.
        slack: Bound on the error of each row's distances, (N,).
    """

    def __init__(self, features: NDArray) -> None:
        self.features = features
        # The same distances with less rounding.
        self._mean = features.mean(0, dtype=np.float64).astype(features.dtype)
        centred = (self._centred(rows) for rows in blocks(slice(0, len(features))))
        squares = np.concatenate([np.einsum("nd,nd->n", part, part, dtype=np.float64) for part in centred])
        # D products and sums in any order, and a few roundings of each term; the unit roundoff is eps / 2.
        roundings = (features.shape[1] / 2 + 4) * np.finfo(features.dtype).eps
        self.slack = roundings * (np.sqrt(squares) + np.sqrt(squares.max())) ** 2
        self._squares = squares.astype(features.dtype)

    def from_rows(self, rows: slice | NDArray[np.intp]) -> Callable[[slice], NDArray]:
        """A function from consecutive rows to the distances of some rows to these, (B, C)."""
        x, x_squares = -2 * self._centred(rows), self._squares[rows, None]

        def to(columns: slice) -> NDArray:
            y = self._centred(columns)
            tile = np.empty((len(x), len(y)), x.dtype)
            multiply(x, y, tile)
            tile += self._squares[columns]
            tile += x_squares
            return tile

        return to

    def _centred(self, rows: slice | NDArray[np.intp]) -> NDArray:
        return self.features[rows] - self._mean


class _Smallest:
    """The smallest numbers of each row of a matrix, with their columns, while threads see it a tile at a time."""

    def __init__(self, rows: int, number: int, dtype: np.dtype) -> None:
        self.values = np.full((rows, number), np.inf, dtype)
        self.columns = np.zeros((rows, number), np.int32)
        self._locks: dict[int, Lock] = defaultdict(Lock)

    def see(self, rows: slice, columns: slice, tile: NDArray) -> None:
        """Take what is small enough of a tile, (B, C), which is contiguous or the transpose of one that is."""
        with self._locks[rows.start]:
            self._see(rows, columns, tile)

    def _see(self, rows: slice, columns: slice, tile: NDArray) -> None:
        values, number = self.values[rows], self.values.shape[1]
        limits = values.max(1)
        if np.isinf(limits[0]):  # the first tile: all of it would be small enough
            last = min(number, tile.shape[1]) - 1
            limits = np.nextafter(np.partition(tile, last, axis=1)[:, last], np.inf)
        small = np.flatnonzero((tile < limits[:, None]).ravel("K"))
        if tile.flags.c_contiguous:
            row, column = np.divmod(small, tile.shape[1])
        else:
            column, row = np.divmod(small, len(tile))
            by_row = np.argsort(row, kind="stable")
            row, column = row[by_row], column[by_row]
        if not len(row):
            return
        changed, first, counts = np.unique(row, return_index=True, return_counts=True)
        at = np.repeat(np.arange(len(changed)), counts), np.arange(len(row)) + np.repeat(number - first, counts)
        both = np.full((len(changed), number + counts.max()), np.inf, tile.dtype)
        both[:, :number], both[at] = values[changed], tile[row, column]
        both_columns = np.zeros(both.shape, np.int32)
        both_columns[:, :number], both_columns[at] = self.columns[rows][changed], columns.start + column
        kept = np.argpartition(both, number - 1, axis=1)[:, :number]
        values[changed] = np.take_along_axis(both, kept, axis=1)
        self.columns[rows][changed] = np.take_along_axis(both_columns, kept, axis=1)

    def up_to(self, rows: slice, k: int, slack: NDArray) -> tuple[NDArray, NDArray]:
        """For each row the kth smallest number plus a slack, (B,), and whether all numbers up to it are kept, (B,)."""
        values = self.values[rows]
        bounds = np.partition(values, k - 1, axis=1)[:, k - 1] + slack
        return bounds, values.max(1) > bounds


def nearest_and_farthest(
    distances: SquaredDistances, k: int, sections: Sequence[slice], look: Callable[[slice, slice, NDArray], None]
) -> Iterator[tuple[slice, NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]]:
    """The k nearest rows of each row, itself included, and its largest squared distance, all exact.

    Args:
        distances: Distances of N rows.
        k: Number of neighbours, at most N.
        sections: Slices of rows, one after the other, each of which is a block of its own.
        look: Function called with each tile of distances, (B, C), of a block and a later one or itself, and with both
            slices; by several threads at a time.

    Yields:
        A slice of rows; the indices of their neighbours, (B, k), nearest first and at equal distances the lower index
        first; their squared distances, (B, k); and the largest squared distances, (B,); all in float64.
    """
    features, images = distances.features, len(distances.features)
    # The farthest are the nearest by negative distances.
    near, far = (_Smallest(images, min(images, n + SPARE), features.dtype) for n in (k, 1))
    for number, rows in enumerate(sections):
        for_each(partial(_see_tile, near, far, look, rows, distances.from_rows(rows)), sections[number:])
        nearest, near_distances = np.empty((rows.stop - rows.start, k), np.int32), np.empty((rows.stop - rows.start, k))
        farthest = np.empty(len(nearest))
        candidates = _candidates(distances, rows, near, far, k)
        groups = np.flatnonzero(np.diff(np.cumsum(candidates.sum(1)) // PAIRS)) + 1
        for some in np.split(np.arange(len(nearest)), groups):
            row, image = np.divmod(np.flatnonzero(candidates[some]), candidates.shape[1])
            exact = exact_squared_distances(features, rows.start + some[row], image)
            order, starts = np.lexsort((exact, row)), np.searchsorted(row, np.arange(len(some)))
            first = order[starts[:, None] + np.arange(k)]
            nearest[some], near_distances[some] = image[first], exact[first]
            farthest[some] = np.maximum.reduceat(exact, starts)
        yield rows, nearest, near_distances, farthest


def _see_tile(
    near: _Smallest,
    far: _Smallest,
    look: Callable[[slice, slice, NDArray], None],
    rows: slice,
    distances_to: Callable[[slice], NDArray],
    columns: slice,
) -> None:
    tile = distances_to(columns)
    look(rows, columns, tile)
    for seen, numbers in ((near, tile), (far, -tile)):
        seen.see(rows, columns, numbers)
        if columns != rows:
            seen.see(columns, rows, numbers.T)


def _candidates(distances: SquaredDistances, rows: slice, near: _Smallest, far: _Smallest, k: int) -> NDArray[np.bool_]:
    """Which images may be among the k nearest of each row or be the farthest, (B, N)."""
    slack, images = 2 * distances.slack[rows], len(distances.features)
    (near_bounds, near_known), (far_bounds, far_known) = near.up_to(rows, k, slack), far.up_to(rows, 1, slack)
    candidates = np.zeros((len(slack), images), bool)
    for seen, bounds in ((near, near_bounds), (far, far_bounds)):
        row, place = np.nonzero(seen.values[rows] <= bounds[:, None])
        candidates[row, seen.columns[rows][row, place]] = True
    open_rows = np.flatnonzero(~(near_known & far_known))
    if len(open_rows):
        nearer_than, farther_than = near_bounds[open_rows, None], -far_bounds[open_rows, None]
        distances_to = distances.from_rows(rows.start + open_rows)

        def decide(columns: slice) -> None:
            tile = distances_to(columns)
            candidates[open_rows, columns] = (tile <= nearer_than) | (tile >= farther_than)

        for_each(decide, blocks(slice(0, images)))
    return candidates


def exact_squared_distances(features: NDArray, rows: NDArray, others: NDArray) -> NDArray:
    """The squared distances of pairs of rows, (P,), in float64, as sums of squared differences, as in `snr_ref`."""
    distances = np.empty(len(rows))

    def compute(pairs: slice) -> None:
        differences = features[others[pairs]].astype(np.float64)
        differences -= features[rows[pairs]]
        differences *= differences
        differences.sum(1, out=distances[pairs])

    for_each(compute, parts(len(rows), 8 * features.shape[1], ROWS_BYTES))
    return distances


def blocks(rows: slice) -> list[slice]:
    """The slice in parts of `BLOCK`."""
    return [slice(start, min(start + BLOCK, rows.stop)) for start in range(rows.start, rows.stop, BLOCK)]
