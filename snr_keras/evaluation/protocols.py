"""Which gallery images take part in a query's ranking, and which of them match it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

JUNK, DISTRACTOR = -1, 0
PROTOCOLS = ("market1501", "no_camera", "single_gallery_shot")


@dataclass(frozen=True)
class RetrievalLabels:
    """Who is on each query and gallery image, and which camera took it (None where the protocol knows no cameras)."""

    query_ids: NDArray
    gallery_ids: NDArray
    query_cameras: NDArray | None
    gallery_cameras: NDArray | None

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
    ) -> "RetrievalLabels":
        """The labels as arrays, the cameras None where the protocol knows none; ValueError where they do not fit."""
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol must be one of {PROTOCOLS}. Received: protocol={protocol!r}")
        query_ids, gallery_ids = _integers("query_ids", query_ids), _integers("gallery_ids", gallery_ids)
        if np.isin(query_ids, (JUNK, DISTRACTOR)).any():
            raise ValueError(
                f"A query's identity can be neither {JUNK} (junk) nor {DISTRACTOR} (a distractor). "
                f"Received: query_ids with {JUNK} or {DISTRACTOR} at "
                f"{np.flatnonzero(np.isin(query_ids, (JUNK, DISTRACTOR)))[:5].tolist()}"
            )
        if protocol == "no_camera":
            return cls(query_ids, gallery_ids, None, None)
        if query_cameras is None or gallery_cameras is None:
            raise ValueError(
                f'The protocol "{protocol}" needs the cameras of queries and gallery; without camera labels use '
                'protocol="no_camera". Received: cameras=None'
            )
        query_cameras = _integers("query_cameras", query_cameras)
        gallery_cameras = _integers("gallery_cameras", gallery_cameras)
        if query_cameras.shape != query_ids.shape or gallery_cameras.shape != gallery_ids.shape:
            raise ValueError(
                "There must be one camera an identity. "
                f"Received: query_ids {query_ids.shape}, query_cameras {query_cameras.shape}, "
                f"gallery_ids {gallery_ids.shape}, gallery_cameras {gallery_cameras.shape}"
            )
        return cls(query_ids, gallery_ids, query_cameras, gallery_cameras)

    def matches_and_junk(self, query: int) -> tuple[NDArray, NDArray]:
        """Gallery indices: of the query's matches, ascending, and of all that its ranking leaves out."""
        same_identity = self._images_of(self.query_ids[query])
        junk = self._images_of(JUNK)
        if self.query_cameras is None or self.gallery_cameras is None:
            return same_identity, junk
        same_camera = self.gallery_cameras[same_identity] == self.query_cameras[query]
        return same_identity[~same_camera], np.concatenate([same_identity[same_camera], junk])

    @cached_property
    def _by_identity(self) -> tuple[NDArray, NDArray]:
        """The gallery's indices, sorted by identity, and the identities in that order."""
        order = np.argsort(self.gallery_ids, kind="stable")
        return order, self.gallery_ids[order]

    def _images_of(self, identity: int) -> NDArray:
        """Gallery indices, ascending."""
        order, identities = self._by_identity
        return order[np.searchsorted(identities, identity, "left") : np.searchsorted(identities, identity, "right")]

    def why_no_query_is_valid(self) -> str:
        """Which of the two causes it is that leaves no query a match, and what to do."""
        if not np.isin(self.query_ids, self.gallery_ids).any():
            return (
                f"No query has a match: not one of the {len(np.unique(self.query_ids))} query identities occurs in the "
                "gallery. Query and gallery must show the same people: check the folders, and that both are "
                "numbered alike."
            )
        return (
            "No query has a valid match: every gallery image of a query's identity was taken by the query's own "
            "camera, which the protocol leaves out. If the camera labels mean nothing here, use "
            '`protocol="no_camera"`.'
        )


def _integers(name: str, values: ArrayLike) -> NDArray:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a vector of integers. Received: shape {array.shape}, dtype {array.dtype}")
    return array
