"""k-reciprocal re-ranking, a row at a time: the fast twin of `snr_ref.re_ranking`.

Neighbourhoods and encodings have a few dozen entries per image and are sparse matrices. What remains are the products
for the distances of all pairs of images, to find the neighbours. Those of queries and gallery are part of the result:
they are kept if the result is a matrix, and computed again if it is only iterated over.
"""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snr_keras.evaluation.nearest import SquaredDistances, blocks, exact_squared_distances, nearest_and_farthest
from snr_keras.evaluation.progress import Progress, counted
from snr_keras.evaluation.threads import for_each
from snr_keras.scalars import is_integer, is_number


def re_ranking(
    query_features: ArrayLike,
    gallery_features: ArrayLike,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    progress: Progress | None = None,
) -> NDArray:
    """Re-ranked distances, which compare the neighbours of two images, for `evaluate_retrieval`.

    The arguments and the result are those of `snr_ref.re_ranking`. Neighbours are determined by exact distances,
    whatever the dtype; the original distances in the mixture are in the features' own dtype, and in float32 for half
    precision. Their last bits depend on how the matrix library orders the sums of a product, thus on the number of
    images.

    Args:
        query_features: Query features, (Q, D).
        gallery_features: Gallery features, (G, D).
        k1: Number of neighbours examined for reciprocity.
        k2: Number of neighbours, the image itself included, whose encodings are averaged; 1 averages nothing.
        lambda_value: Weight of the squared Euclidean distances, divided by the largest of each query, in [0, 1].
        progress: Function called with the number of rows done and the total: twice the images' and once the result's.

    Returns:
        Re-ranked distances, (Q, G), float64 for float64 features and float32 for others.

    Raises:
        ValueError: If the features are not matrices of one width, hold NaN, infinities or numbers whose squares
            overflow, or if an option is out of range.
        ModuleNotFoundError: If scipy is not installed.

    Source:
        Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017.
    """
    features, queries = stacked(query_features, gallery_features)
    distances = np.empty((queries, len(features) - queries), features.dtype)
    rows = ReRankedRows(
        features, queries, k1=k1, k2=k2, lambda_value=lambda_value, progress=progress, original=distances
    )
    for query, row in enumerate(rows):
        distances[query] = row
    return distances


class ReRankedRows:
    """The rows of `re_ranking`, (G,), each computed when it is iterated over; they can be iterated over again.

    Args:
        features: Features of the queries, then of the gallery, (Q + G, D), from `stacked`.
        queries: Number Q of queries.
        k1: As for `re_ranking`.
        k2: As for `re_ranking`.
        lambda_value: As for `re_ranking`.
        only: Indices of the queries whose rows are iterated over; by default all, in their order.
        progress: Function called with the number of rows done and the total, as by `re_ranking`.
        original: Array for the squared distances of queries to the gallery, (Q, G), which the rows then use up, once;
            without it they are computed a second time.

    Raises:
        ValueError: If an option is out of range.
        ModuleNotFoundError: If scipy is not installed.
    """

    def __init__(
        self,
        features: NDArray,
        queries: int,
        *,
        k1: int = 20,
        k2: int = 6,
        lambda_value: float = 0.3,
        only: NDArray[np.integer] | None = None,
        progress: Progress | None = None,
        original: NDArray | None = None,
    ) -> None:
        _check_options(k1, k2, lambda_value)
        check_scipy()
        images = len(features)
        self._only = np.arange(queries) if only is None else only
        self._lambda, self._progress = float(lambda_value), progress
        self._gallery, self._before, self._total = slice(queries, images), 2 * images, 2 * images + len(self._only)
        self._squared, self._original = SquaredDistances(features), original

        nearest = np.empty((images, min(images, max(k1 + 1, k2))), np.int32)
        near_distances, farthest = np.empty(nearest.shape), np.empty(images)
        sections = [*blocks(slice(0, queries)), *blocks(self._gallery)]  # the same tiles if computed a second time
        for rows, near, near_squared, largest in nearest_and_farthest(
            self._squared, nearest.shape[1], sections, self._keep
        ):
            nearest[rows], near_distances[rows], farthest[rows] = near, near_squared, largest
            if progress is not None:
                progress(rows.stop, self._total)
        farthest[farthest == 0] = 1  # all features are equal, and all distances 0
        each_image = counted(range(images), progress, self._total, before=images)
        encodings = _averaged(_encodings(features, nearest, near_distances, farthest, k1, each_image), nearest, k2)
        self._farthest, self._encodings = farthest[:queries], encodings[:queries]
        self._images_of_entry = encodings[queries:].T.tocsr()

    def __iter__(self) -> Iterator[NDArray]:
        original = self._original_rows()
        for query, row in counted(original, self._progress, self._total, before=self._before):
            start, stop = self._encodings.indptr[query : query + 2]
            others = self._images_of_entry[self._encodings.indices[start:stop]]
            minima = np.minimum(others.data, np.repeat(self._encodings.data[start:stop], np.diff(others.indptr)))
            common = np.bincount(others.indices, weights=minima, minlength=len(row))
            row = self._lambda * row
            row += (1 - self._lambda) * (1 - common / (2 - common))
            yield row

    def _original_rows(self) -> Iterator[tuple[int, NDArray]]:
        """The queries with their squared distances to the gallery over the largest, computed in blocks of all queries.

        A row is the same to the last bit whichever rows are asked for, and whether the distances were kept or not.
        """
        if self._original is not None:
            for query in self._only.tolist():
                self._original[query] /= self._farthest[query]
                yield query, self._original[query]
            return
        block_of = [rows for rows in blocks(slice(0, len(self._farthest))) for _ in range(rows.start, rows.stop)]
        buffer = np.empty((block_of[0].stop, self._gallery.stop - self._gallery.start), self._squared.features.dtype)
        for rows, chosen in groupby(self._only.tolist(), block_of.__getitem__):
            distances = buffer[: rows.stop - rows.start]
            for_each(partial(self._divide, rows, self._squared.from_rows(rows), distances), blocks(self._gallery))
            yield from ((query, distances[query - rows.start]) for query in chosen)

    def _keep(self, rows: slice, columns: slice, tile: NDArray) -> None:
        start = self._gallery.start
        if self._original is not None and rows.stop <= start <= columns.start:
            self._original[rows, columns.start - start : columns.stop - start] = tile

    def _divide(self, rows: slice, distances_to: Callable[[slice], NDArray], out: NDArray, columns: slice) -> None:
        start = self._gallery.start
        out[:, columns.start - start : columns.stop - start] = distances_to(columns) / self._farthest[rows, None]


def stacked(query_features: ArrayLike, gallery_features: ArrayLike) -> tuple[NDArray, int]:
    """All features, (Q + G, D), float32 or float64, and the number of queries; ValueError as for `re_ranking`."""
    queries, gallery = np.asarray(query_features), np.asarray(gallery_features)
    shapes = queries.shape + gallery.shape
    if (queries.ndim, gallery.ndim) != (2, 2) or queries.shape[1] != gallery.shape[1] or 0 in shapes:
        raise ValueError(
            "Features must be matrices of one width, with at least one row. "
            f"Received: query_features {queries.shape}, gallery_features {gallery.shape}"
        )
    dtype = np.result_type(queries, gallery)
    if dtype.kind != "f" and "float" not in dtype.name:
        raise ValueError(f"Features must be floating-point numbers. Received: {queries.dtype} and {gallery.dtype}")
    wide: type[np.floating[Any]] = np.float64 if dtype.itemsize >= 8 else np.float32
    features = np.concatenate([queries, gallery]).astype(wide, copy=False)
    largest = np.maximum(features.max(), -features.min())
    if not largest < np.sqrt(np.finfo(wide).max / features.shape[1]) / 4:
        raise ValueError(
            "Features and their squared distances must be finite. "
            f"Received: {features.dtype} with a largest magnitude of {largest}"
        )
    return features, len(queries)


def check_scipy() -> None:
    """Raises ModuleNotFoundError, with what to do, if scipy is not installed."""
    if importlib.util.find_spec("scipy") is None:
        raise ModuleNotFoundError('Re-ranking needs scipy: pip install "snr-reid[data]"')


def _encodings(
    features: NDArray,
    nearest: NDArray,
    near_distances: NDArray,
    farthest: NDArray,
    k1: int,
    each_image: Iterable[int],
) -> Any:
    """V (eq. 7), a sparse matrix with one row per image: exp(-d) of the expanded neighbours, divided by their sum."""
    V = _expanded_neighbours(nearest, k1).astype(np.float64)
    squared = _known_distances(V, nearest, near_distances)
    image_of = np.repeat(np.arange(len(nearest)), np.diff(V.indptr))
    unknown = np.flatnonzero(np.isnan(squared))
    squared[unknown] = exact_squared_distances(features, image_of[unknown], V.indices[unknown])
    for image in each_image:
        start, stop = V.indptr[image : image + 2]
        weights = np.exp(-squared[start:stop] / farthest[image])
        V.data[start:stop] = weights / weights.sum()
    return V


def _known_distances(V: Any, nearest: NDArray, near_distances: NDArray) -> NDArray[np.float64]:
    """For each entry of V the squared distance of its images if one is among the nearest of the other, else NaN."""
    images = len(nearest)
    one = np.repeat(np.arange(images), nearest.shape[1])
    pairs = np.concatenate([one * images + nearest.ravel(), nearest.ravel() * np.int64(images) + one])
    pairs, first = np.unique(pairs, return_index=True)
    distances = np.tile(near_distances.ravel(), 2)[first]
    asked = np.repeat(np.arange(images), np.diff(V.indptr)) * images + V.indices
    place = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
    return np.where(pairs[place] == asked, distances[place], np.nan)


def _expanded_neighbours(nearest: NDArray, k1: int) -> Any:
    """R* (eq. 3) as a sparse matrix with one row per image."""
    R, R_half = (_reciprocal_neighbours(nearest, k) for k in (k1, round(k1 / 2)))
    common = R.multiply(R @ R_half.T).tocsr()  # elements that R(p, k1) and R(q, k1 / 2) share, for q in R(p, k1)
    sizes = np.diff(R_half.indptr)
    common.data = (3 * common.data > 2 * sizes[common.indices]).astype(np.int32)
    expanded = (R + common @ R_half).tocsr()
    expanded.eliminate_zeros()
    expanded.sort_indices()
    return expanded


def _reciprocal_neighbours(nearest: NDArray, k: int) -> Any:
    """R(p, k) (eq. 2) as a sparse matrix of 0 and 1 with one row per image."""
    neighbours = _rows_of(nearest[:, : k + 1])
    return neighbours.multiply(neighbours.T).tocsr()


def _averaged(encodings: Any, nearest: NDArray, k2: int) -> Any:
    """Local query expansion (eq. 11): the mean encoding of the k2 nearest."""
    if k2 == 1:
        return encodings
    neighbours = _rows_of(nearest[:, :k2])
    return (neighbours @ encodings).tocsr() / min(k2, nearest.shape[1])


def _rows_of(indices: NDArray) -> Any:
    """The sparse (N, N) matrix with ones at (N, k) indices."""
    from scipy.sparse import csr_array

    images, k = indices.shape
    starts = np.arange(0, images * k + 1, k)
    return csr_array((np.ones(indices.size, np.int32), indices.ravel(), starts), shape=(images, images))


def _check_options(k1: Any, k2: Any, lambda_value: Any) -> None:
    for name, k in (("k1", k1), ("k2", k2)):
        if not is_integer(k) or k < 1:
            raise ValueError(f"{name} must be an integer of at least 1. Received: {name}={k!r}")
    if not is_number(lambda_value) or not 0 <= lambda_value <= 1:
        raise ValueError(f"lambda_value must be a number in [0, 1]. Received: lambda_value={lambda_value!r}")
