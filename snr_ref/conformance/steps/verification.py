"""Verification, and re-ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snr_ref.conformance.steps.elementary import Array


class Verification:
    """A sort of all pairs."""

    dtypes = ("float64", "float32")

    def evaluate_verification(
        self,
        distances: Array,
        query_ids: Array,
        gallery_ids: Array,
        query_cameras: Array | None = None,
        gallery_cameras: Array | None = None,
        *,
        false_positive_rates: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1),
        protocol: str = "market1501",
    ) -> tuple:
        """Rates, thresholds, the equal error and histograms."""
        match = query_ids[:, None] == gallery_ids
        junk = np.tile(gallery_ids == -1, (len(query_ids), 1))
        if protocol != "no_camera" and query_cameras is not None and gallery_cameras is not None:
            junk |= self._own_camera(match, query_cameras[:, None] == gallery_cameras)
        same, different = np.sort(distances[match & ~junk]), np.sort(distances[~match & ~junk])
        thresholds = [self._threshold(different, rate) for rate in false_positive_rates]
        candidates = np.unique(np.concatenate([same, different, [np.inf]]))
        taken, missed = self._below(different, candidates), 1 - self._below(same, candidates)
        equal = np.flatnonzero(taken - missed >= -1e-9)[0]
        everything = np.concatenate([same, different])
        edges = np.linspace(everything.min(), everything.max(), 129)
        return (
            np.asarray(false_positive_rates),
            self._below(same, np.array(thresholds)),
            np.array(thresholds),
            candidates[equal],
            self._equal_error_rate(taken[equal], missed[equal]),
            edges,
            self._histogram(same, edges),
            self._histogram(different, edges),
        )

    def _own_camera(self, match: Array, same_camera: Array) -> Array:
        return match & same_camera

    def _threshold(self, different: Array, rate: float) -> float:
        allowed = np.flatnonzero(np.arange(1, len(different) + 1) / len(different) <= rate)
        return float(np.append(different, np.inf)[len(allowed)])

    def _below(self, distances: Array, thresholds: Array) -> Array:
        return np.searchsorted(distances, thresholds) / len(distances)

    def _equal_error_rate(self, taken: float, missed: float) -> float:
        return (taken + missed) / 2

    def _histogram(self, distances: Array, edges: Array) -> Array:
        if edges[0] == edges[-1]:
            return np.bincount(np.zeros(len(distances), int), minlength=128)
        bins = np.floor((distances - edges[0]) * (128 / (edges[-1] - edges[0]))).astype(int)
        return np.bincount(np.minimum(bins, 127), minlength=128)


class ReRanking:
    """Whole matrices."""

    dtypes = ("float64", "float32")

    def re_ranking(
        self, query_features: Array, gallery_features: Array, *, k1: int = 20, k2: int = 6, lambda_value: float = 0.3
    ) -> Array:
        """The re-ranked distances."""
        features = np.concatenate([query_features, gallery_features])
        queries, images = len(query_features), range(len(features))
        far = self._distances(np.stack([((features - x) ** 2).sum(1) for x in features]))
        largest = self._largest(far)
        d = far / np.where(largest > 0, largest, 1)
        ranking = self._neighbours(far)
        sets = [self._reciprocal(ranking, p, k1) for p in images]
        small = [self._reciprocal(ranking, p, self._half(k1)) for p in images]
        encodings = np.zeros(far.shape, far.dtype)
        for p in images:
            extended = set(sets[p])
            for q in sets[p]:
                if self._is_much(len(set(small[q]) & set(sets[p])), len(small[q])):
                    extended |= set(small[q])
            neighbours = sorted(extended)
            weights = np.exp(-d[p, neighbours])
            encodings[p, neighbours] = weights / weights.sum()
        if k2 > 1:
            encodings = np.stack([encodings[self._averaged(ranking[p], k2)].mean(0) for p in images])
        common = np.stack([np.minimum(v, encodings[queries:]).sum(1) for v in encodings[:queries]])
        return self._mixed(1 - common / (2 - common), d[:queries, queries:], lambda_value)

    def _neighbours(self, far: Array) -> Array:
        return np.argsort(far, axis=1, kind="stable")

    def _distances(self, squared: Array) -> Array:
        return squared

    def _largest(self, far: Array) -> Array:
        return far.max(1, keepdims=True)

    def _reciprocal(self, ranking: Array, p: int, k: int) -> list[int]:
        return [g for g in ranking[p, : k + 1].tolist() if p in ranking[g, : k + 1]]

    def _half(self, k: int) -> int:
        return round(k / 2)

    def _is_much(self, common: int, size: int) -> bool:
        return 3 * common > 2 * size

    def _averaged(self, ranking: Array, k2: int) -> Array:
        return ranking[:k2]

    def _mixed(self, jaccard: Array, d: Array, lambda_value: float) -> Array:
        return (1 - lambda_value) * jaccard + lambda_value * d
