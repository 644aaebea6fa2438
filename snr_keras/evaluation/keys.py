"""Sort keys of distances, in float32, with bounds on their errors.

A cosine distance is a quarter of the squared Euclidean distance of unit vectors, so both distances are ordered by

    key(x, y) = |y|^2 / 2 - x.y = (|x - y|^2 - |x|^2) / 2

after any shift of x and y by one vector. Near their mean the vectors are short, so the bound is tight.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.exact import lengths
from snr_keras.evaluation.products import multiply
from snr_keras.evaluation.threads import for_each

DEPTH = 512
"""Number of channels that one product sums. Fewer make the bound tighter, and more products to add."""

ROWS_BYTES = 2 * 2**20
"""Bytes of embeddings in float64 in memory at a time."""

LONGEST = 2.0**50
"""Length of vectors above which products might overflow."""

U = 2.0**-24
"""Unit roundoff of float32."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Embeddings and their vectors in a space.

    Attributes:
        images: Indices of the images, (B,), sorted.
        embeddings: Embeddings, (B, D).
        narrow: Vectors in float32, (B, D).
        lengths: Lengths of the vectors, (B,); infinite where products decide nothing: for very long vectors and, with
            the cosine distance, for zero embeddings, which have no direction.
    """

    images: NDArray[np.intp]
    embeddings: NDArray
    narrow: NDArray[np.float32]
    lengths: NDArray[np.float64]

    @cached_property
    def open(self) -> NDArray[np.intp]:
        """The indices of the rows for which products decide nothing."""
        return np.flatnonzero(np.isinf(self.lengths))

    @cached_property
    def half_squares(self) -> NDArray[np.float64]:
        """|y|^2 / 2 of the vectors, (B,)."""
        return np.square(self.lengths) / 2

    @cached_property
    def originals(self) -> NDArray[np.intp]:
        """For each row the index of an equal row, (B,); nearly all equal rows have the same."""
        _, first, group = np.unique(self.lengths, return_index=True, return_inverse=True)
        equal = (self.embeddings == self.embeddings[first[group]]).all(axis=1)
        return np.where(equal, first[group], np.arange(len(group)))


@dataclass(frozen=True, eq=False)
class Space:
    """The space in which vectors are compared: shifted by one centre and scaled by one power of two.

    Attributes:
        distance: "cosine", for directions, or "euclidean".
        centre: Approximate mean of all vectors, (D,).
        scale: Approximately one over their standard deviation.
    """

    distance: str
    centre: NDArray[np.float64]
    scale: float

    @classmethod
    def around(cls, queries: NDArray, distance: str) -> "Space":
        """A space for the queries, determined from a sample of them."""
        some, _ = cls(distance, np.zeros(queries.shape[1]), 1.0).vectors(queries[:: 1 + len(queries) // 100])
        some = some[np.isfinite(some).all(axis=1)]
        centre = (some / max(1, len(some))).sum(axis=0)
        deviation = np.abs(some - centre).max(initial=0) or np.abs(centre).max(initial=0)
        return cls(distance, centre, 2.0 ** -np.frexp(deviation)[1] if deviation else 1.0)

    @np.errstate(over="ignore", invalid="ignore")
    def vectors(self, embeddings: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Vectors of embeddings, (B, D), and whether each embedding has one: a zero embedding has no direction."""
        wide = np.array(embeddings, np.float64)
        has_one = np.ones(len(wide), bool)
        if self.distance == "cosine":
            squares = _squares(wide)
            usual = ((squares > 1e-280) & (squares < 1e280)).all()
            length = np.sqrt(squares) if usual else lengths(wide)
            has_one = length > 0
            wide /= np.where(has_one, length, 1)[:, None]
        wide -= self.centre
        wide *= self.scale
        return wide, has_one

    def rows(self, whose: str, embeddings: NDArray, images: NDArray[np.intp]) -> Vectors:
        """The embeddings in this space; ValueError if one is not finite."""
        narrow, length = np.empty(embeddings.shape, np.float32), np.empty(len(embeddings))

        @np.errstate(over="ignore", invalid="ignore")  # each thread has its own
        def convert(part: slice) -> None:
            vectors, has_one = self.vectors(embeddings[part])
            narrow[part] = vectors
            length[part] = np.where(has_one, np.sqrt(_squares(vectors)), np.inf)

        for_each(convert, parts(len(embeddings), 8 * embeddings.shape[1], ROWS_BYTES))
        finite = np.isfinite(embeddings[suspects := np.flatnonzero(~(length < np.inf))]).all(axis=1)
        if not finite.all():
            raise ValueError(
                "Embeddings must be finite, since distances would be NaN. "
                f"Received: NaN or infinity in {whose} embedding {images[suspects[~finite][0]]}"
            )
        return Vectors(images, embeddings, narrow, np.where(length > LONGEST, np.inf, length))

    @np.errstate(over="ignore", invalid="ignore")
    def keys(self, distances: NDArray, half_squares: NDArray) -> NDArray[np.float64]:
        """The keys of images at these distances from queries with these |x|^2 / 2."""
        lengths = 2 * np.sqrt(distances) if self.distance == "cosine" else distances
        return np.minimum(np.square(lengths * self.scale) / 2, 1e300) - half_squares


@np.errstate(invalid="ignore")
def slack_of(x: Vectors, y: Vectors, space: Space) -> NDArray[np.float64]:
    """A bound on the difference of each query's keys from the keys of the computed exact distances, (Q,).

    With u the unit roundoff of float32 and L = |x| + |y|: rounding the vectors changes a product by at most
    2 u |x| |y| <= u L^2 / 2; a product of K channels is off by at most K u |x| |y| <= K u L^2 / 4, in any order; each
    of n subtractions rounds a number of at most L^2 / 2; |y|^2 / 2 rounds once. One more u L^2 covers second-order
    terms and the float64 roundings proportional to L^2. In addition float64 rounds the shift by a centre c, and a
    cosine distance of D channels, in which numbers of size 1 cancel. Underflow is below (1 + L) D * tiny.
    """
    channels = x.narrow.shape[1]
    lengths = x.lengths + np.max(y.lengths, where=np.isfinite(y.lengths), initial=0)
    shift = 2.0**-50 * np.linalg.norm(space.centre * space.scale)
    slack = (min(DEPTH, channels) / 4 + channels / DEPTH / 2 + 4) * U * lengths**2 + shift * (2 * lengths + shift)
    if space.distance == "cosine":
        slack += (channels + 16) * 2.0**-51 * space.scale**2
    return np.where(np.isinf(lengths), np.inf, slack + (1 + lengths) * channels * np.finfo(np.float32).tiny)


@np.errstate(over="ignore", invalid="ignore")
def sort_keys(x: Vectors, block: slice, y: Vectors, slack: NDArray) -> NDArray[np.float32]:
    """The keys of a block of rows of x with all rows of y, (B, C).

    Keys of undecidable rows of y are -inf. Those of an undecidable row of x are 0, with an infinite slack.
    """
    queries = x.narrow[block]
    keys, products = np.empty((2, len(queries), len(y.narrow)), np.float32)
    keys[:] = y.half_squares
    for start in range(0, queries.shape[1], DEPTH):
        multiply(queries[:, start : start + DEPTH], y.narrow[:, start : start + DEPTH], products)
        keys -= products
    keys[np.isinf(slack[block])] = 0
    keys[:, y.open] = -np.inf
    return keys


def _squares(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared length of each row of an (N, D) matrix, (N,), by BLAS, in half of einsum's time."""
    return np.matmul(x[:, None, :], x[:, :, None])[:, 0, 0]


def parts(rows: int, row_bytes: int, memory: int) -> list[slice]:
    """Slices of all rows, each as large as the memory allows."""
    step = max(1, memory // max(1, row_bytes))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
