"""A FAISS index, for repeated searches in large galleries: it searches where the nearest are likely to be.

The gallery is divided into cells, approximately the square root of its size, and for each query the nearest 64 cells
are
searched: all cells for a few thousand pictures, a sixteenth for a million. The distances of the matches are computed
again from the features and equal those of the exact search; some of the nearest may be in other cells.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from snr_keras.files.atomic import new_file
from snr_keras.files.regular import open_regular
from snr_keras.reid.search.extraction import check_writable
from snr_keras.reid.search.neighbours import QUERIES, SPARE, check_searchable, chunk_rows, distances_to, prepared

CELLS_SEARCHED = 64

_SEAL = b"\nsnr index, sha256 of the bytes before: "
_BLOCK = 2**20  # bytes read at a time

_LEARN_FROM = 64  # average number of rows per cell from which the cells are learned

_OTHER_FEATURES = (
    "The index belongs to other features: its matches have other distances in these. Name another file, which is then "
    "written, or delete this one"
)

Progress = Callable[[int, int], None]


def open_index(
    path: str | os.PathLike[str], gallery: Any, *, distance: str = "cosine", progress: Progress | None = None
) -> Any:
    """The index of a gallery in a file, which is built and written if it does not exist.

    The file is FAISS's own, an `IndexIVFFlat` whose ids are rows of the gallery, and as large as the gallery. Building
    it holds it in memory. Opening it reads the whole file once, for the checksum at its end; a search reads only the
    cells that it searches.

    Args:
        path: File of the index.
        gallery: Gallery embeddings, (G, D), an array or an object that returns rows by `gallery[i:j]`.
        distance: "cosine" or "euclidean".
        progress: Function called with the number of chunks read and the total while it is built, which takes two
            passes.

    Raises:
        ModuleNotFoundError: Without FAISS; the message says how to install it.
        ValueError: If the file is not an index, or belongs to another gallery or distance.
        OSError: If it cannot be written.
    """
    faiss = _faiss()
    path = Path(path)
    if not os.path.lexists(path):  # a broken link must not be replaced
        check_writable(path)
        index = _built(faiss, gallery, distance, progress)
        with new_file(path) as unfinished, open(unfinished, "wb") as file:
            _write_sealed(faiss, index, file)
    _check_seal(path)  # before FAISS, which may crash on damage, sees any of it
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    except RuntimeError as error:
        raise ValueError(_refusal(path, str(error))) from error
    if not isinstance(index, faiss.IndexIVFFlat):
        raise ValueError(
            f"Expected an IndexIVFFlat written by `search`. Received: {type(index).__name__} in {str(path)!r}"
        )
    if (index.ntotal, index.d, index.metric_type) != (*gallery.shape, _metric(faiss, distance)):
        raise ValueError(
            f"The index {str(path)!r} belongs to other features or another distance: expected {gallery.shape[0]} "
            f"vectors of {gallery.shape[1]} numbers for the {distance} distance. Received: {index.ntotal} of "
            f"{index.d} for {'cosine' if index.metric_type == faiss.METRIC_INNER_PRODUCT else 'euclidean'}. Name "
            "another file, which is then written, or delete this one"
        )
    return index


def _write_sealed(faiss: Any, index: Any, file: BinaryIO) -> None:
    """Write an index, followed by the SHA-256 of its bytes, which FAISS ignores."""
    digest, failures = hashlib.sha256(), []

    def write(content: bytes) -> None:
        digest.update(content)
        try:
            file.write(content)
        except OSError as error:  # which FAISS would reword
            failures.append(error)

    faiss.write_index(index, faiss.PyCallbackIOWriter(write))
    if failures:
        raise failures[0]
    file.write(_SEAL + digest.hexdigest().encode())


def _check_seal(path: Path) -> None:
    """Refuse an index that changed after it was written.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it has no seal, or its content does not match the seal.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        left = file.seek(0, os.SEEK_END) - len(_SEAL) - 2 * digest.digest_size
        file.seek(max(left, 0))
        seal = file.read()
        file.seek(0)
        while left > 0 and (block := file.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
    if not seal.startswith(_SEAL):
        raise ValueError(_refusal(path, "without the checksum at its end"))
    if seal != _SEAL + digest.hexdigest().encode():
        raise ValueError(_refusal(path, "its content does not match its checksum"))


def _refusal(path: Path, received: str) -> str:
    return (
        f"Expected an index written by `search`, or a file that does not exist yet. Received: {str(path)!r} "
        f"({received}). Delete it to have it written again"
    )


def nearest_by_index(
    index: Any, queries: Any, gallery: Any, *, top: int, distance: str = "cosine", progress: Progress | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The result of `nearest`, as far as it is in the searched cells.

    Args:
        index: Index of the gallery, from `open_index`.
        queries: Query embeddings, (Q, D).
        gallery: Gallery embeddings, (G, D); rows are read as they are found.
        top: Number of matches per query; a smaller gallery gives fewer.
        distance: Distance of the index.
        progress: Function called with the number of blocks of queries searched and the total.

    Returns:
        Gallery indices and distances, both (Q, min(top, G)), in ascending order of distance.

    Raises:
        ValueError: As for `nearest`, or if the index belongs to another gallery.
    """
    faiss = _faiss()
    check_searchable(queries, gallery, top, distance)
    number, found = queries.shape[0], min(top, gallery.shape[0])
    indices, distances = np.empty((number, found), np.int64), np.empty((number, found))
    blocks = range(0, number, QUERIES)
    for done, start in enumerate(blocks, 1):
        block = prepared(queries[start : start + QUERIES], distance, f"queries, from row {start} on")
        there, measures = _candidates(faiss, index, block, found)
        for query, x in enumerate(block):
            in_order = np.argsort(there[query])
            in_order = in_order[there[query, in_order] >= 0]
            candidates = there[query, in_order]
            if (candidates >= gallery.shape[0]).any():
                raise ValueError(_OTHER_FEATURES)
            y = prepared(gallery[candidates], distance, "the gallery")
            _check_same(measures[query, in_order], x, y, distance)
            far = distances_to(x, y, distance)
            nearest = np.argsort(far, kind="stable")[:found]
            indices[start + query], distances[start + query] = candidates[nearest], far[nearest]
        if progress is not None:
            progress(done, len(blocks))
    return indices, distances


def _built(faiss: Any, gallery: Any, distance: str, progress: Progress | None) -> Any:
    """An index in memory; the gallery is read twice, a chunk at a time."""
    size, width = gallery.shape
    cells = round(size**0.5)
    index = faiss.index_factory(width, f"IVF{cells},Flat", _metric(faiss, distance))
    index.nprobe = CELLS_SEARCHED
    index.cp.min_points_per_centroid = 1  # otherwise FAISS warns about small galleries
    rng, fraction = np.random.default_rng(0), _LEARN_FROM * cells / size
    chunks = _chunks(gallery, distance, progress)
    index.train(np.concatenate([chunk[rng.random(len(chunk)) < fraction] for chunk in chunks]))
    for chunk in _chunks(gallery, distance, progress):
        index.add(chunk)
    return index


def _chunks(gallery: Any, distance: str, progress: Progress | None) -> Iterator[NDArray[np.float32]]:
    starts = range(0, gallery.shape[0], rows := chunk_rows(gallery))
    for done, start in enumerate(starts, 1):
        yield prepared(gallery[start : start + rows], distance, f"the gallery, from row {start} on").astype(np.float32)
        if progress is not None:
            progress(done, len(starts))


def _candidates(
    faiss: Any, index: Any, block: NDArray[np.float64], found: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Gallery indices with some to spare, (B, k), -1 where there are no more, and FAISS's measure of each."""
    k = min(found + SPARE, index.ntotal)
    measures, there = index.search(block.astype(np.float32), k)
    if (few := (there >= 0).sum(1) < found).any():  # the searched cells have too few
        everywhere = faiss.SearchParametersIVF(nprobe=index.nlist)
        measures[few], there[few] = index.search(block[few].astype(np.float32), k, params=everywhere)
    return there, measures


def _check_same(measures: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64], distance: str) -> None:
    """Refuse an index whose vectors differ from the features by more than rounding."""
    expected = y @ x if distance == "cosine" else np.sum((y - x) ** 2, axis=1)
    scale = (np.linalg.norm(x) + np.linalg.norm(y, axis=1)) ** 2
    # D products and sums in float32, and a few roundings of each factor.
    slack = (len(x) + 8) * np.finfo(np.float32).eps * scale
    if not (np.abs(measures - expected) <= slack).all():
        raise ValueError(_OTHER_FEATURES)


def _metric(faiss: Any, distance: str) -> int:
    return int(faiss.METRIC_INNER_PRODUCT if distance == "cosine" else faiss.METRIC_L2)


def _faiss() -> Any:
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('An index needs FAISS: pip install "snr-reid[faiss]"') from error
    return faiss
