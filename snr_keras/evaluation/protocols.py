"""Protocols: which gallery images a query's ranking leaves out, and which of the others match."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

JUNK, DISTRACTOR = -1, 0
PROTOCOLS = ("market1501", "no_camera", "single_gallery_shot")


@dataclass(frozen=True)
class RetrievalLabels:
    """The identity, file and camera of each query and gallery image.

    Cameras are None if the protocol ignores them.
    """

    query_ids: NDArray
    gallery_ids: NDArray
    query_cameras: NDArray | None
    gallery_cameras: NDArray | None
    query_files: NDArray
    gallery_files: NDArray

    @property
    def shape(self) -> tuple[int, int]:
        """The number of queries and of gallery images."""
        return len(self.query_ids), len(self.gallery_ids)

    @classmethod
    def checked(
        cls,
        query_ids: ArrayLike,
        gallery_ids: ArrayLike,
        query_cameras: ArrayLike | None,
        gallery_cameras: ArrayLike | None,
        protocol: str,
        query_files: ArrayLike | None = None,
        gallery_files: ArrayLike | None = None,
    ) -> "RetrievalLabels":
        """The labels as arrays, the cameras None if the protocol ignores them; ValueError if they do not fit."""
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol must be one of {PROTOCOLS}. Received: protocol={protocol!r}")
        query_ids, gallery_ids = _integers("query_ids", query_ids), _integers("gallery_ids", gallery_ids)
        if not len(query_ids) or not len(gallery_ids):
            raise ValueError(
                "There must be a query and a gallery image. "
                f"Received: {len(query_ids)} queries and {len(gallery_ids)} gallery images"
            )
        if np.isin(query_ids, (JUNK, DISTRACTOR)).any():
            raise ValueError(
                f"A query's identity must not be {JUNK} (junk) or {DISTRACTOR} (a distractor). "
                f"Received: query_ids with {JUNK} or {DISTRACTOR} at "
                f"{np.flatnonzero(np.isin(query_ids, (JUNK, DISTRACTOR)))[:5].tolist()}"
            )
        if query_files is None and gallery_files is None:
            query_files, gallery_files = np.split(np.arange(len(query_ids) + len(gallery_ids)), [len(query_ids)])
        if query_files is None or gallery_files is None:
            raise ValueError(
                "query_files and gallery_files must be given together or not at all. "
                f"Received: {query_files!r} and {gallery_files!r}"
            )
        files = _of_both("file", query_files, gallery_files, query_ids, gallery_ids)
        if protocol == "no_camera":
            return cls(query_ids, gallery_ids, None, None, *files)
        if query_cameras is None or gallery_cameras is None:
            raise ValueError(
                f'The protocol "{protocol}" needs the cameras of queries and gallery; without camera labels use '
                'protocol="no_camera". Received: cameras=None'
            )
        cameras = _of_both("camera", query_cameras, gallery_cameras, query_ids, gallery_ids)
        return cls(query_ids, gallery_ids, *cameras, *files)

    def matches_and_junk(self, query: int) -> tuple[NDArray, NDArray]:
        """Gallery indices: the query's matches, sorted, and all images that its ranking leaves out."""
        matches, junk = self.matches_and_own_junk(query)
        return matches, np.concatenate([junk, self._by_identity.of(JUNK)])

    def matches_and_own_junk(self, query: int) -> tuple[NDArray, NDArray]:
        """Gallery indices: the query's matches, sorted, and what its ranking leaves out besides the junk of all."""
        matches = self._by_identity.of(self.query_ids[query])
        junk = matches[:0]
        if self.query_cameras is not None and self.gallery_cameras is not None:
            same_camera = self.gallery_cameras[matches] == self.query_cameras[query]
            matches, junk = matches[~same_camera], matches[same_camera]
        if len(itself := self.itself(query)):
            matches = np.setdiff1d(matches, itself)
            junk = np.union1d(junk, itself[self.gallery_ids[itself] != JUNK])
        return matches, junk

    def itself(self, query: int) -> NDArray:
        """The gallery indices of the query's own file."""
        return self._by_file.of(self.query_files[query])

    @cached_property
    def _by_identity(self) -> "_Places":
        return _Places(self.gallery_ids)

    @cached_property
    def _by_file(self) -> "_Places":
        return _Places(self.gallery_files)

    def why_no_query_is_valid(self) -> str:
        """The message of the error that no query has a match: the cause, and what to do."""
        if not np.isin(self.query_ids, self.gallery_ids).any():
            return (
                f"No query has a match: none of the {len(np.unique(self.query_ids))} query identities occurs in the "
                "gallery. Query and gallery must show the same people: check the folders, and that both use the same "
                "numbers."
            )
        if self.query_cameras is None:
            return (
                "No query has a valid match: every gallery image of a query's identity is the query's own file, which "
                "is left out. A test needs another image of each person."
            )
        return (
            "No query has a valid match: every gallery image of a query's identity was taken by the query's own "
            "camera, which the protocol leaves out. If the camera labels have no meaning here, use "
            '`protocol="no_camera"`.'
        )


class _Places:
    """The indices of each number in a vector."""

    def __init__(self, numbers: NDArray) -> None:
        self._order = np.argsort(numbers, kind="stable")
        self._numbers = numbers[self._order]

    def of(self, number: int) -> NDArray:
        """The indices of a number, sorted."""
        start, stop = self._numbers.searchsorted(number, "left"), self._numbers.searchsorted(number, "right")
        return self._order[start:stop]


def _of_both(
    what: str, of_queries: ArrayLike, of_gallery: ArrayLike, query_ids: NDArray, gallery_ids: NDArray
) -> tuple[NDArray, NDArray]:
    """A label of queries and gallery as arrays; ValueError if there is not one per identity."""
    queries, gallery = _integers(f"query_{what}s", of_queries), _integers(f"gallery_{what}s", of_gallery)
    if queries.shape != query_ids.shape or gallery.shape != gallery_ids.shape:
        raise ValueError(
            f"There must be one {what} per identity. "
            f"Received: query_ids {query_ids.shape}, query_{what}s {queries.shape}, "
            f"gallery_ids {gallery_ids.shape}, gallery_{what}s {gallery.shape}"
        )
    return queries, gallery


def _integers(name: str, values: ArrayLike) -> NDArray:
    array = np.asarray(values)
    if array.shape == (0,):
        array = array.astype(np.int64)  # NumPy makes an empty list float64
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a vector of integers. Received: shape {array.shape}, dtype {array.dtype}")
    return array
