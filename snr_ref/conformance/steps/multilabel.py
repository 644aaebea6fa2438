"""MAR's losses, and the state carried between batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance.steps.elementary import Array
from snr_ref.conformance.steps.restitution import Restitution
from snr_ref.gradients import over_length
from snr_ref.mar.mining import mined_count


class View(NamedTuple):
    """The number of images in a view, and the mean and standard deviation of their log multilabels."""

    images: Array
    mean: Array
    std: Array


class Literal(Restitution):
    """MAR in addition to all other functions with gradients: pair by pair, view by view, image by image."""

    def unit(self, x: Array) -> Array:
        """The directions, (N, C)."""
        return self._direction(x)

    def unit_vjp(self, x: Array, grad_u: Array) -> Array:
        """The gradient of x."""
        return over_length(self._across(grad_u, self._unit(x)), x)

    def log_multilabels(self, features: Array, agents: Array, *, scale: float = 30.0) -> Array:
        """The logarithms, (N, K)."""
        return self._log_softmax(self._scaled(features @ agents.T, scale))

    def log_multilabels_vjp(
        self, features: Array, agents: Array, grad_log_multilabels: Array, *, scale: float = 30.0
    ) -> Array:
        """The gradient of the features."""
        G, y = grad_log_multilabels, np.exp(self.log_multilabels(features, agents, scale=scale))
        return self._scaled(G - y * G.sum(axis=1, keepdims=True), scale) @ agents

    def multilabel_agreement(self, x: Array, y: Array) -> Array:
        """The agreements, (N, M)."""
        return self._agreement(np.abs(x[:, np.newaxis] - y).sum(axis=-1))

    def initial_threshold(self, multilabels: Array, *, mining_ratio: float = 0.005) -> Array:
        """The agreement at one place in the order."""
        i, j = np.triu_indices(len(multilabels), 1)
        agreements = self.multilabel_agreement(multilabels, multilabels)[i, j]
        return self._at_place(np.sort(agreements)[::-1], self._mined_count(len(i), mining_ratio))

    def next_threshold(
        self, threshold: float, multilabels: Array, *, mining_ratio: float = 0.005, rate: float = 0.1
    ) -> Array:
        """The threshold, moved towards that of the batch."""
        return self._moved(threshold, self.initial_threshold(multilabels, mining_ratio=mining_ratio), rate)

    def next_memory(self, memory: Any, indices: Array, multilabels: Array, *, rate: float = 0.1) -> tuple[Array, Array]:
        """The multilabels, and who was visited."""
        rows, visited = memory.multilabels.copy(), memory.visited.copy()
        for index, y in zip(indices, multilabels, strict=True):
            rows[index] = self._moved(rows[index], y, rate) if self._has_a_row(visited[index]) else y
            visited[index] = True
        return rows, visited

    def discriminative_loss(
        self, features: Array, multilabels: Array, threshold: float, *, mining_ratio: float = 0.005
    ) -> Array:
        """L_MDL."""
        positives, negatives = self._mined(features, multilabels, threshold, mining_ratio)
        return self._softplus(self._log_ratio(features, positives, negatives))

    def discriminative_gradient(
        self, features: Array, multilabels: Array, threshold: float, *, mining_ratio: float = 0.005
    ) -> Array:
        """The gradient of the features."""
        positives, negatives = self._mined(features, multilabels, threshold, mining_ratio)
        pull = self._pulled(features, positives) - self._pulled(features, negatives)
        return 2 * self._sigmoid(self._log_ratio(features, positives, negatives)) * pull

    def next_statistics(
        self, statistics: Any, log_multilabels: Array, views: Array, *, rate: float
    ) -> tuple[Array, Array]:
        """The mean and the standard deviation."""
        of_views = self._views(log_multilabels, views)
        if not of_views:
            return statistics.mean, statistics.std
        sizes = np.array([view.images.sum() for view in of_views])
        mean = self._over_views(np.stack([view.mean for view in of_views]), sizes)
        std = self._over_views(np.stack([view.std for view in of_views]), sizes)
        return self._moved(statistics.mean, mean, rate), self._moved(statistics.std, std, rate)

    def consistency_loss(self, log_multilabels: Array, views: Array, statistics: Any) -> Array:
        """L_CML."""
        total = np.zeros((), log_multilabels.dtype)
        of_views = self._views(log_multilabels, views)
        for view in of_views:
            total += ((view.mean - statistics.mean) ** 2).sum() + ((view.std - statistics.std) ** 2).sum()
        return total / self._terms_of_views(len(of_views))

    def consistency_gradient(self, log_multilabels: Array, views: Array, statistics: Any) -> Array:
        """The gradient of log y."""
        gradient = np.zeros_like(log_multilabels)
        of_views = self._views(log_multilabels, views)
        for view in of_views:
            rows, V = log_multilabels[view.images], len(of_views)
            slope = self._slope_of_deviation(rows - view.mean, view.std) / (V * (len(rows) - 1))
            gradient[view.images] = (view.mean - statistics.mean) / (V * len(rows))
            gradient[view.images] += (view.std - statistics.std) * slope
        return gradient

    def joint_embedding_loss(
        self,
        source_features: Array,
        source_labels: Array,
        target_features: Array,
        agents: Array,
        *,
        margin: float = 1.0,
    ) -> Array:
        """L_RJ."""
        own = self._squared(source_features - agents[source_labels])
        pushes = [
            self._of_hinges(self._relu(margin - self._squared(f - agents[hard])))
            for f, hard in self._pushed(source_features, source_labels, target_features, agents, margin)
        ]
        return self._over_terms(own, np.array(pushes, own.dtype))

    def joint_embedding_gradients(
        self,
        source_features: Array,
        source_labels: Array,
        target_features: Array,
        agents: Array,
        *,
        margin: float = 1.0,
    ) -> tuple[Array, Array]:
        """The gradients of the features of both domains."""
        images = list(self._pushed(source_features, source_labels, target_features, agents, margin))
        terms = max(1, len(source_features) + sum(hard.any() for _, hard in images))
        push = [-2 * (f - agents[hard]).sum(axis=0) / max(1, hard.sum()) for f, hard in images]
        gradient = np.array(push, agents.dtype).reshape(-1, agents.shape[1])
        gradient[: len(source_labels)] += 2 * (source_features - agents[source_labels])
        return gradient[: len(source_labels)] / terms, gradient[len(source_labels) :] / terms

    def _direction(self, x: Array) -> Array:
        return self._unit(x)

    def _across(self, G: Array, u: Array) -> Array:
        return G - (G * u).sum(axis=1, keepdims=True) * u

    def _scaled(self, x: Array, scale: float) -> Array:
        return scale * x

    def _agreement(self, difference: Array) -> Array:
        return 1 - difference / 2

    def _mined_count(self, pairs: int, ratio: float) -> int:
        return mined_count(pairs, ratio)

    def _at_place(self, from_the_top: Array, place: int) -> Array:
        return from_the_top[place - 1]

    def _moved(self, old: Any, new: Array, rate: float) -> Array:
        return (1 - rate) * old + rate * new

    def _has_a_row(self, visited: bool) -> bool:
        return visited

    def _mined(self, features: Array, multilabels: Array, threshold: float, ratio: float) -> tuple[Array, Array]:
        pairs = self._listed(np.stack(np.triu_indices(len(features), 1), axis=1))
        d = self.euclidean_distance(features, features)[pairs[:, 0], pairs[:, 1]]
        pairs = pairs[np.argsort(d, kind="stable")[: self._mined_count(len(pairs), ratio)]]
        agreements = self.multilabel_agreement(multilabels, multilabels)[pairs[:, 0], pairs[:, 1]]
        positive = self._is_positive(agreements, threshold)
        return pairs[positive], pairs[~positive]

    def _listed(self, pairs: Array) -> Array:
        return pairs

    def _is_positive(self, agreements: Array, threshold: float) -> Array:
        return agreements > threshold

    def _log_ratio(self, features: Array, positives: Array, negatives: Array) -> Array:
        P = self._mean_proximity(self._proximities(features, positives), self._without_positives())
        N = self._mean_proximity(self._proximities(features, negatives), self._without_negatives())
        return np.log(N) - np.log(P)

    def _proximities(self, features: Array, pairs: Array) -> Array:
        return np.exp(-self._apart(features[pairs[:, 0]] - features[pairs[:, 1]]))

    def _apart(self, difference: Array) -> Array:
        return (difference**2).sum(axis=-1)

    def _mean_proximity(self, proximities: Array, otherwise: float) -> Array:
        return self._over_pairs(proximities) if len(proximities) else proximities.dtype.type(otherwise)

    def _over_pairs(self, proximities: Array) -> Array:
        return proximities.mean()

    def _without_positives(self) -> float:
        return 1.0

    def _without_negatives(self) -> float:
        return 0.5

    def _pulled(self, features: Array, pairs: Array) -> Array:
        pull = np.zeros_like(features)
        for (i, j), weight in zip(pairs, self._weights_of_pairs(self._proximities(features, pairs)), strict=True):
            pull[i] += weight * (features[i] - features[j])
            pull[j] -= weight * (features[i] - features[j])
        return pull

    def _weights_of_pairs(self, proximities: Array) -> Array:
        return proximities / proximities.sum()

    def _views(self, log_multilabels: Array, views: Array) -> list[View]:
        masks = [views == view for view in np.unique(views)]
        rows = [(images, log_multilabels[images]) for images in masks if self._is_counted(images.sum())]
        return [View(images, self._view_mean(x), self._view_deviation(x)) for images, x in rows]

    def _is_counted(self, images: int) -> bool:
        return images > 1

    def _view_mean(self, rows: Array) -> Array:
        return rows[0] + (rows - rows[0]).mean(axis=0)

    def _view_deviation(self, rows: Array) -> Array:
        squares = ((rows - self._view_mean(rows)) ** 2).sum(axis=0)
        return np.sqrt(squares / max(1, self._freedom(len(rows)))).astype(rows.dtype)

    def _freedom(self, images: int) -> int:
        return images - 1

    def _over_views(self, of_views: Array, sizes: Array) -> Array:
        return of_views.mean(axis=0)

    def _terms_of_views(self, views: int) -> int:
        return max(1, 2 * views)

    def _slope_of_deviation(self, centred: Array, std: Array) -> Array:
        return np.where(std == 0, 0, centred / np.where(std == 0, 1, std))

    def _pushed(
        self, source: Array, labels: Array, target: Array, agents: Array, margin: float
    ) -> Sequence[tuple[Array, Array]]:
        """Each image, and whether each agent is hard for it."""
        hard = [self._is_near(features @ agents.T, margin) for features in (source, target)]
        self._leave_out(hard[0], labels)
        return list(zip(np.concatenate([source, target]), np.concatenate(hard), strict=True))

    def _is_near(self, cosines: Array, margin: float) -> Array:
        return cosines > 1 - margin / 2

    def _leave_out(self, hard: Array, own: Array) -> None:
        hard[np.arange(len(own)), own] = False

    def _squared(self, difference: Array) -> Array:
        return (difference**2).sum(axis=-1)

    def _of_hinges(self, hinges: Array) -> Array:
        return np.asarray(hinges.mean() if len(hinges) else np.nan)

    def _over_terms(self, own: Array, pushes: Array) -> Array:
        """The mean; an image without hard agents has NaN among the pushes, and no term."""
        terms = np.concatenate([own, pushes[~np.isnan(pushes)]])
        return terms.sum() / max(1, len(terms))
