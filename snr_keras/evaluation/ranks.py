"""Exact ranks of matches from embeddings, at about the cost of float32 products.

A rank needs the order of distances, not their digits. Products are computed in float32, and a bound on their error
decides which of two images is nearer; only where it cannot, the distances are computed in float64.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import h5py
import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.exact import exact_distances
from snr_keras.evaluation.keys import ROWS_BYTES, Space, U, Vectors, parts, slack_of, sort_keys
from snr_keras.evaluation.progress import Progress
from snr_keras.evaluation.protocols import JUNK, RetrievalLabels
from snr_keras.evaluation.threads import each_done

QUERIES_BYTES = 64 * 2**20
"""Bytes of queries in float32 in memory at a time."""

BLOCK = 256
"""Number of queries that one core compares at a time."""

CHUNK = 4096
"""Largest number of gallery images compared at a time."""

CHUNK_BYTES = 32 * 2**20
"""Bytes of these in float32."""

TILE = 32
"""Number of queries, and of images, whose distances of all pairs are computed at a time."""

MANY = 4096
"""Number of undecided pairs of a block from which the distances of equal images are computed once."""


def match_ranks(
    queries: NDArray | h5py.Dataset,
    gallery: NDArray | h5py.Dataset,
    distance: str,
    labels: RetrievalLabels,
    progress: Progress | None = None,
) -> Iterator[NDArray[np.int64]]:
    """The ranks of each query's matches, as a stable sort of exact distances gives them.

    Args:
        queries: Query embeddings, (Q, D): an array, or an h5py dataset, which is read a part at a time.
        gallery: Gallery embeddings, (G, D), likewise.
        distance: "cosine" or "euclidean".
        labels: Labels, which determine the matches and the junk of each query.
        progress: Function called with the number of queries done and the total.

    Yields:
        For each query in turn the ranks, from 1, of its matches in its gallery without junk, (M,), sorted.

    Raises:
        ValueError: If an embedding holds NaN or infinity.
    """
    space = Space.around(queries, distance)
    width = 4 * queries.shape[1]
    chunks = parts(len(gallery), max(width, CHUNK_BYTES // CHUNK), CHUNK_BYTES)
    for part in parts(len(queries), width, QUERIES_BYTES):
        x = space.rows("query", np.asarray(queries[part]), np.arange(part.start, part.stop))
        matches = _Matches.of(labels, part)
        matches.measure(x.embeddings, gallery, chunks, labels.query_ids[part], distance)
        for number, chunk in enumerate(chunks):
            kept = np.flatnonzero(labels.gallery_ids[chunk] != JUNK)
            if len(kept):
                embeddings = np.asarray(gallery[chunk])
                if len(kept) < len(embeddings):
                    embeddings = embeddings[kept]
                y = space.rows("gallery", embeddings, chunk.start + kept)
                for done in matches.count(x, y, space):
                    if progress is not None:
                        progress(part.start + (number * len(x.images) + done) // len(chunks), len(queries))
        yield from matches.ranks()
        if progress is not None:
            progress(part.stop, len(queries))


@dataclass(frozen=True, eq=False)
class _Matches:
    """The matches of some queries, those of each query together, and how many images come before them.

    Attributes:
        starts: Index of each query's first match, and the number P of all, (Q + 1,).
        query: Number of the query of each match, (P,).
        image: Gallery index of each match, (P,).
        distance: Exact distance of each match, (P,).
        before: Number of other images, without junk, found so far that come before each match, (P,).
        left_starts: Index of the first image that each query leaves out, and the number L of all, (Q + 1,).
        left_out: Gallery indices of the images that each query leaves out: its matches and its own junk, (L,).
    """

    starts: NDArray[np.intp]
    query: NDArray[np.intp]
    image: NDArray[np.intp]
    distance: NDArray[np.float64]
    before: NDArray[np.int64]
    left_starts: NDArray[np.intp]
    left_out: NDArray[np.intp]

    @classmethod
    def of(cls, labels: RetrievalLabels, queries: slice) -> "_Matches":
        """The matches before any measurement."""
        found = [labels.matches_and_own_junk(query) for query in range(queries.start, queries.stop)]
        numbers = np.array([len(matches) for matches, _ in found])
        starts = np.concatenate([[0], np.cumsum(numbers)])
        image = np.concatenate([matches for matches, _ in found])
        left_out = [images for pair in found for images in pair]
        left_starts = np.concatenate([[0], np.cumsum([len(matches) + len(junk) for matches, junk in found])])
        query = np.repeat(np.arange(len(found)), numbers)
        distance, before = np.empty(len(image)), np.zeros(len(image), np.int64)
        return cls(starts, query, image, distance, before, left_starts, np.concatenate(left_out))

    def measure(
        self,
        queries: NDArray,
        gallery: NDArray | h5py.Dataset,
        chunks: list[slice],
        query_ids: NDArray,
        distance: str,
    ) -> None:
        """Compute the distances, those of one person's queries together, and sort each query's matches by them."""
        person = query_ids[self.query]
        by_person = np.argsort(person, kind="stable")
        whole = [slice(0, len(gallery))]  # an array is read where its images are needed
        for section in whole if isinstance(gallery, np.ndarray) else chunks:
            images = np.asarray(gallery[section])
            here = by_person[(self.image[by_person] >= section.start) & (self.image[by_person] < section.stop)]
            of_persons = np.split(here, np.flatnonzero(np.diff(person[here])) + 1)
            for pairs in of_persons:
                self._measure(queries, images, section.start, distance, pairs)
        order = np.lexsort((self.distance, self.query))  # and by image, by which they were sorted before
        self.image[:], self.distance[:] = self.image[order], self.distance[order]

    def _measure(self, queries: NDArray, images: NDArray, start: int, distance: str, pairs: NDArray) -> None:
        """Compute the distances of some pairs, with the images of the gallery from an index on."""
        rows, row = np.unique(self.query[pairs], return_inverse=True)
        columns, column = np.unique(self.image[pairs] - start, return_inverse=True)
        distances = np.empty((len(rows), len(columns)))
        for some in parts(len(rows), 1, TILE):
            for others in parts(len(columns), 1, TILE):
                distances[some, others] = exact_distances(queries[rows[some], None], images[columns[others]], distance)
        self.distance[pairs] = distances[row, column]

    def count(self, x: Vectors, y: Vectors, space: Space) -> Iterator[int]:
        """Count the images of a chunk, y, before each match of all queries, x; yields how many queries are done."""
        slack = slack_of(x, y, space)
        for block in each_done(lambda block: self._count(block, x, y, space, slack), parts(len(x.images), 1, BLOCK)):
            yield block.stop

    @np.errstate(over="ignore", invalid="ignore")
    def _count(self, block: slice, x: Vectors, y: Vectors, space: Space, slack: NDArray) -> None:
        keys, slack = sort_keys(x, block, y, slack), slack[block]
        self._leave_out(block, keys, y.images)
        mine = slice(self.starts[block.start], self.starts[block.stop])
        row = self.query[mine] - block.start
        half_squares = np.where(np.isinf(slack), 0, x.half_squares[block])
        thresholds = space.keys(self.distance[mine], half_squares[row])
        margins = slack[row] + 3 * U * (np.abs(thresholds) + slack[row])  # the thresholds are rounded to float32 too
        low, high = (thresholds - margins).astype(np.float32), (thresholds + margins).astype(np.float32)
        last = self.starts[block.start + 1 : block.stop + 1] - 1 - mine.start
        has_match = np.diff(self.starts[block.start : block.stop + 1]) > 0
        highest = np.full(len(keys), np.nan, np.float32)
        highest[has_match] = high[last[has_match]]

        near = np.flatnonzero(keys <= highest[:, None])
        starts = near.searchsorted(keys.shape[1] * np.arange(len(keys) + 1))
        rows = np.repeat(np.arange(len(keys)), np.diff(starts))
        codes = _codes(rows, keys.ravel()[near], near - keys.shape[1] * rows)
        for start, stop in pairwise(starts.tolist()):
            codes[start:stop].sort()
        # Undecided are the images within the margins of a match, and those for which products decide nothing.
        begin, end = codes.searchsorted(_codes(row, low, 0)), codes.searchsorted(_codes(row, high, PLACES), "right")
        lowest = np.full(len(keys), -np.inf, np.float32)
        bottom = codes.searchsorted(_codes(np.arange(len(keys)), lowest, PLACES), "right")
        opened = np.bincount(np.concatenate([begin, starts[:-1]]), minlength=len(codes) + 1)
        closed = np.bincount(np.concatenate([end, bottom]), minlength=len(codes) + 1)
        is_open = np.cumsum(opened - closed)[:-1] > 0
        decided = np.concatenate([[0], np.cumsum(~is_open)])
        self.before[mine] += decided[begin] - decided[starts[row]]
        if is_open.any():
            self._count_exactly(block, codes[is_open] >> ROW, codes[is_open] & PLACES, x, y, space.distance)

    def _leave_out(self, block: slice, keys: NDArray[np.float32], images: NDArray) -> None:
        """Overwrite the keys of images that a query leaves out by NaN."""
        starts = self.left_starts[block.start : block.stop + 1]
        left_out = self.left_out[starts[0] : starts[-1]]
        rows = np.repeat(np.arange(len(keys)), np.diff(starts))
        place = np.minimum(np.searchsorted(images, left_out), len(images) - 1)
        here = images[place] == left_out
        keys[rows[here], place[here]] = np.nan

    def _count_exactly(self, block: slice, row: NDArray, place: NDArray, x: Vectors, y: Vectors, distance: str) -> None:
        """Count some images, sorted by the row of their query, that come before its matches by exact distances."""
        mine = np.flatnonzero(np.isin(self.query, block.start + row))
        distances = np.concatenate([_distances(block.start + row, place, x, y, distance), self.distance[mine]])
        queries = np.concatenate([block.start + row, self.query[mine]])
        order = np.lexsort((np.concatenate([y.images[place], self.image[mine]]), distances, queries))
        counted = np.empty(len(order), np.int64)
        counted[order] = np.cumsum(order < len(row))
        self.before[mine] += counted[len(row) :] - np.searchsorted(block.start + row, self.query[mine])

    def ranks(self) -> Iterator[NDArray[np.int64]]:
        """The ranks of each query's matches, sorted, once all images are counted."""
        ranks = self.before + 1 + np.arange(len(self.before)) - self.starts[self.query]
        yield from (ranks[start:stop] for start, stop in pairwise(self.starts.tolist()))


ROW, KEY, PLACES = 45, 13, 2**13 - 1
"""The lowest bit of a row in a code, that of a key, and the largest place, which is below the key."""


def _codes(
    rows: NDArray[np.intp], keys: NDArray[np.float32], places: NDArray[np.intp] | int
) -> NDArray[np.signedinteger]:
    """Integers in the order of rows, then of keys, then of places."""
    bits = (keys + np.float32(0)).view(np.int32)  # of 0 for -0
    ascending = (bits ^ (bits >> 31 & 2**31 - 1)).astype(np.int64) + 2**31  # negative ones are stored descending
    return rows << ROW | ascending << KEY | places


def _distances(query: NDArray, place: NDArray, x: Vectors, y: Vectors, distance: str) -> NDArray[np.float64]:
    """Exact distances of pairs of a row of x and a row of y, (P,)."""
    if len(query) > MANY:
        pairs, inverse = np.unique(query * len(y.images) + y.originals[place], return_inverse=True)
        query, place = np.divmod(pairs, len(y.images))
    else:
        inverse = np.arange(len(query))
    distances = np.empty(len(query))

    for part in parts(len(query), 8 * x.narrow.shape[1], ROWS_BYTES):
        distances[part] = exact_distances(x.embeddings[query[part]], y.embeddings[place[part]], distance)
    return distances[inverse]
