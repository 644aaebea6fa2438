"""Exact ranks of matches from embeddings, at about the cost of float32 products.

A rank needs the order of distances, not their digits. Products are computed in float32, and a bound on their error
decides which of two images is nearer; only where it cannot, the distances are computed in float64.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.exact import exact_distances
from snr_keras.evaluation.keys import Space, U, Vectors, keys_of_queries, parts
from snr_keras.evaluation.progress import Progress
from snr_keras.evaluation.protocols import JUNK, RetrievalLabels

CHUNK_BYTES = 128 * 2**20
"""Bytes of the queries, and of the gallery images, in float32 in memory at a time."""

COUNTED = 12
"""Number of a query's matches up to which counting the images before each takes less time than sorting all images."""

MANY = 512
"""Number of undecided images of a query from which the distances of equal ones are computed once."""


def match_ranks(
    queries: NDArray, gallery: NDArray, distance: str, labels: RetrievalLabels, progress: Progress | None = None
) -> Iterator[NDArray[np.int64]]:
    """The ranks of each query's matches, as a stable sort of exact distances gives them.

    Args:
        queries: Query embeddings, (Q, D).
        gallery: Gallery embeddings, (G, D): an array, or an h5py dataset, which is read a slice at a time.
        distance: "cosine" or "euclidean".
        labels: Labels, which determine the matches and the junk of each query.
        progress: Function called with the number of queries done and the total.

    Yields:
        For each query in turn the ranks, from 1, of its matches in its gallery without junk, (M,), sorted.

    Raises:
        ValueError: If an embedding holds NaN or infinity.
    """
    space = Space.around(queries, distance)
    for part in parts(len(queries), 4 * queries.shape[1], CHUNK_BYTES):
        x = space.rows("query", queries[part], np.arange(part.start, part.stop))
        rankings = [_Ranking.of(query, queries[query], labels) for query in range(part.start, part.stop)]
        chunks = parts(len(gallery), 4 * gallery.shape[1], CHUNK_BYTES)
        for chunk in chunks:
            _measure(_by_person(rankings, labels.query_ids[part]), chunk.start, np.asarray(gallery[chunk]), distance)
        for number, chunk in enumerate(chunks):
            kept = np.flatnonzero(labels.gallery_ids[chunk] != JUNK)
            embeddings = np.asarray(gallery[chunk])
            y = space.rows(
                "gallery", embeddings if len(kept) == len(embeddings) else embeddings[kept], chunk.start + kept
            )
            for query, keys, slack in keys_of_queries(x, y, space):
                ranking = rankings[query]
                if ranking.matches:
                    thresholds = space.keys(ranking.distances[: ranking.matches], x.half_squares[query])
                    _count(ranking, y, keys, thresholds, slack, distance)
                if progress is not None:
                    counted = number * len(rankings) + query + 1
                    progress(part.start + counted // len(chunks), len(queries))
        yield from (ranking.ranks() for ranking in rankings)


@dataclass(frozen=True, eq=False)
class _Ranking:
    """The state of one query's ranking.

    Attributes:
        embedding: Embedding of the query, (D,).
        images: Gallery indices of the query's matches and of its own junk, (M + J,).
        matches: Number M of matches.
        distances: Exact distances, (M + J,).
        before: Number of images found so far, junk included, that come before each match, (M,).
    """

    embedding: NDArray
    images: NDArray[np.intp]
    matches: int
    distances: NDArray[np.float64]
    before: NDArray[np.int64]

    @classmethod
    def of(cls, query: int, embedding: NDArray, labels: RetrievalLabels) -> "_Ranking":
        """The ranking before any measurement. Images that are junk for every query are left out."""
        matches, junk = labels.matches_and_junk(query)
        images = np.concatenate([matches, junk[labels.gallery_ids[junk] != JUNK]])
        return cls(embedding, images, len(matches), np.empty(len(images)), np.zeros(len(matches), np.int64))

    def are_before(self, images: NDArray, distances: NDArray) -> NDArray[np.bool_]:
        """Whether images at these exact distances, (I,), come before the matches, (I, M)."""
        own, at = self.images[: self.matches], self.distances[: self.matches]
        return (distances[:, None] < at) | ((distances[:, None] == at) & (images[:, None] < own))

    def ranks(self) -> NDArray[np.int64]:
        """The ranks, (M,), from 1, sorted, once all images are counted."""
        junk = self.are_before(self.images[self.matches :], self.distances[self.matches :])
        return np.sort(1 + self.before - np.count_nonzero(junk, axis=0))


def _by_person(rankings: Sequence[_Ranking], query_ids: NDArray) -> Iterator[list[_Ranking]]:
    """The rankings of one person's queries, which need the same images, a few dozen at a time."""
    order = np.argsort(query_ids, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(query_ids[order])) + 1):
        yield from ([rankings[query] for query in group[start : start + 64]] for start in range(0, len(group), 64))


def _measure(groups: Iterable[Sequence[_Ranking]], first: int, gallery: NDArray, distance: str) -> None:
    """Fill in the distances of the images in a chunk of the gallery, one group of queries at a time."""
    for rankings in groups:
        images = np.unique(np.concatenate([ranking.images for ranking in rankings]))
        images = images[(images >= first) & (images < first + len(gallery))]
        queries = np.stack([ranking.embedding for ranking in rankings])
        distances = exact_distances(queries, gallery[images - first], distance)
        for ranking, row in zip(rankings, distances, strict=True):
            here = np.flatnonzero(np.isin(ranking.images, images))
            ranking.distances[here] = row[np.searchsorted(images, ranking.images[here])]


@np.errstate(over="ignore")
def _count(
    ranking: _Ranking,
    y: Vectors,
    keys: NDArray[np.float32],
    thresholds: NDArray,
    slack: float,
    distance: str,
) -> None:
    """Count the images of a chunk that come before each match of a query."""
    margins = slack + 3 * U * (np.abs(thresholds) + slack)  # the thresholds are rounded to float32 too
    low, high = (thresholds - margins).astype(np.float32), (thresholds + margins).astype(np.float32)
    if len(thresholds) > COUNTED:
        ordered = np.sort(keys)
        below = np.searchsorted(ordered, low, side="left")
        within = np.searchsorted(ordered, high, side="right") - below
    else:
        below = np.array([np.count_nonzero(keys < threshold) for threshold in low])
        within = np.array([np.count_nonzero(keys <= threshold) for threshold in high]) - below
    ranking.before[:] += below
    own = ranking.images[: ranking.matches]
    is_here = (own >= y.images[0]) & (own <= y.images[-1])
    undecided = np.flatnonzero((within > is_here) | (len(y.open) > 0))
    if not len(undecided):
        return
    inside = [np.flatnonzero((keys >= low[match]) & (keys <= high[match])) for match in undecided]
    if len(y.open):
        inside = [np.union1d(those, y.open) for those in inside]
    places = np.unique(np.concatenate(inside))
    distances = _distances(ranking.embedding, y, places, distance)
    are_before = ranking.are_before(y.images[places], distances)
    for match, those in zip(undecided, inside, strict=True):
        ranking.before[match] += np.count_nonzero(are_before[np.searchsorted(places, those), match])


def _distances(query: NDArray, y: Vectors, places: NDArray, distance: str) -> NDArray[np.float64]:
    """Exact distances of a query to the rows at some indices, (P,)."""
    if len(places) < MANY:
        return exact_distances(query[None], y.embeddings[places], distance)[0]
    originals, place = np.unique(y.originals[places], return_inverse=True)
    return exact_distances(query[None], y.embeddings[originals], distance)[0, place]
