"""The metrics of retrieval."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.steps.elementary import Array


class Retrieval:
    """A loop over the queries."""

    dtypes = ("float64", "float32")

    def evaluate_retrieval(
        self,
        distances: Array,
        query_ids: Array,
        gallery_ids: Array,
        query_cameras: Array | None = None,
        gallery_cameras: Array | None = None,
        *,
        max_rank: int = 50,
        protocol: str = "market1501",
    ) -> tuple[Array, Array, Array, int]:
        """CMC, mAP, mINP and the number of valid queries."""
        cmc, precisions, penalties = [], [], []
        for query, row in enumerate(distances):
            match = self._matches(query_ids[query], gallery_ids)
            same_camera = self._without_cameras(match)
            if protocol != "no_camera" and query_cameras is not None and gallery_cameras is not None:
                same_camera = gallery_cameras == query_cameras[query]
            order = self._ranking(row, match)
            junk = self._junk(gallery_ids, match, same_camera)[order]
            ranked = match[order][~junk]
            if not self._is_valid(ranked):
                continue
            if protocol == "single_gallery_shot":
                cmc.append(self._expected_curve(ranked, gallery_ids[order][~junk], max_rank))
            else:
                cmc.append(self._curve(ranked, max_rank))
            precisions.append(self._average_precision(ranked, match[order], junk))
            penalties.append(self._inverse_penalty(ranked))
        return np.mean(cmc, axis=0), np.mean(precisions), np.mean(penalties), len(cmc)

    def _matches(self, identity: int, gallery_ids: Array) -> Array:
        return gallery_ids == identity

    def _without_cameras(self, match: Array) -> Array:
        return np.zeros(match.shape, bool)

    def _junk(self, gallery_ids: Array, match: Array, same_camera: Array) -> Array:
        return (gallery_ids == -1) | (match & same_camera)

    def _ranking(self, distances: Array, match: Array) -> Array:
        return np.argsort(distances, kind="stable")

    def _is_valid(self, ranked: Array) -> bool:
        return bool(ranked.any())

    def _curve(self, ranked: Array, max_rank: int) -> Array:
        found = np.maximum.accumulate(ranked)
        return found[np.minimum(np.arange(max_rank), len(found) - 1)].astype(np.float64)

    def _expected_curve(self, ranked: Array, ids: Array, max_rank: int) -> Array:
        """A sum over the matches of the probability that fewer identities than the rank come before it."""
        curves = []
        for match in np.flatnonzero(ranked).tolist():
            before = np.zeros(len(ids) + 1)
            before[self._always_before(ids[:match])] = 1
            for identity in self._drawn(ids[~ranked]):
                p = self._share_before(ids == identity, match)
                before[1:], before[0] = (1 - p) * before[1:] + p * before[:-1], (1 - p) * before[0]
            up_to = np.cumsum(before)
            curves.append(up_to[np.minimum(np.arange(max_rank), len(ids))])
        return np.mean(curves, axis=0)

    def _always_before(self, ids: Array) -> int:
        return int(np.count_nonzero(ids == 0))

    def _drawn(self, ids: Array) -> Array:
        return np.unique(ids[ids != 0])

    def _share_before(self, images: Array, match: int) -> float:
        return images[:match].sum() / images.sum()

    def _average_precision(self, ranked: Array, with_junk: Array, junk: Array) -> Array:
        return self._precisions(ranked).mean()

    def _precisions(self, ranked: Array) -> Array:
        ranks = np.flatnonzero(ranked) + 1
        return np.arange(1, len(ranks) + 1) / ranks

    def _inverse_penalty(self, ranked: Array) -> Array:
        ranks = np.flatnonzero(ranked) + 1
        return len(ranks) / ranks[-1]
