"""The distances and the losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from snr_ref.conformance.steps.elementary import Array
from snr_ref.conformance.steps.module import Module
from snr_ref.distances import directions, equal_rows, euclidean
from snr_ref.dual_causality import draws, expectation, pairs, uniform
from snr_ref.reid_losses import smoothed_targets

Margin = Any  # a number or "soft"


class Losses(Module):
    """The losses."""

    def cosine_distance(self, x: Array, y: Array) -> Array:
        """The distances, (N, M)."""
        return np.where(self._same(x, y), 0, self._from_cosine(self._unit(x) @ self._unit(y).T))

    def euclidean_distance(self, x: Array, y: Array) -> Array:
        """The distances, (N, M)."""
        return euclidean(x, y)

    def dual_causality_loss(
        self,
        f_tilde: Array,
        f_plus: Array,
        f_minus: Array,
        labels: Array,
        *,
        distance: Callable[[Array, Array], Array] | None = None,
        triplets: Array | None = None,
    ) -> tuple[Array, Array]:
        """L+ and L-."""
        distance = distance or self.cosine_distance
        P, Q = (p.astype(f_tilde.dtype) for p in self._draws(labels, triplets))
        d_tilde, d_plus, d_minus = (distance(f, f) for f in (f_tilde, f_plus, f_minus))
        return self._loss_plus(d_tilde, d_plus, P, Q), self._loss_minus(d_tilde, d_minus, P, Q)

    def cross_entropy(self, logits: Array, labels: Array, *, label_smoothing: float = 0.1) -> Array:
        """The cross-entropy, with label smoothing."""
        q = self._targets(labels, logits.shape[1], label_smoothing).astype(logits.dtype)
        return self._over_rows(-(q * self._log_softmax(logits)).sum(axis=1))

    def batch_hard_triplet_loss(self, features: Array, labels: Array, *, margin: Margin = 0.3) -> Array:
        """The loss with a hinge or a soft margin."""
        d = self.euclidean_distance(features, features)
        d_ap, d_an = self._hardest(d, *self._pairs(labels))
        terms = self._with_margin(d_ap - d_an, margin)
        return terms.sum() / max(1, len(terms))

    def total_objective(self, reid_loss: Array, losses: Sequence[Array], weights: Sequence[float]) -> Array:
        """The total L."""
        return reid_loss + sum(weight * loss for weight, loss in zip(weights, losses, strict=True))

    def _unit(self, x: Array) -> Array:
        return directions(x)

    def _from_cosine(self, cosine: Array) -> Array:
        return np.clip(0.5 - cosine / 2, 0, 1)

    def _same(self, x: Array, y: Array) -> Array:
        return equal_rows(x, y)

    def _pairs(self, labels: Array) -> tuple[Array, Array]:
        return pairs(labels)

    def _draws(self, labels: Array, triplets: Array | None) -> tuple[Array, Array]:
        if triplets is None:
            positives, negatives = self._pairs(labels)
            return self._weights(positives), self._weights(negatives)
        return draws(labels, triplets)

    def _weights(self, allowed: Array) -> Array:
        return uniform(allowed)

    def _loss_plus(self, d_tilde: Array, d_plus: Array, P: Array, Q: Array) -> Array:
        positive, negative = self._softplus(d_plus - d_tilde), self._softplus(d_tilde - d_plus)
        return self._expectation(positive, P) + self._expectation(negative, Q)

    def _loss_minus(self, d_tilde: Array, d_minus: Array, P: Array, Q: Array) -> Array:
        positive, negative = self._softplus(d_tilde - d_minus), self._softplus(d_minus - d_tilde)
        return self._expectation(positive, P) + self._expectation(negative, Q)

    def _expectation(self, values: Array, probabilities: Array) -> Any:
        return expectation(values, probabilities)

    def _targets(self, labels: Array, classes: int, smoothing: float) -> Array:
        return smoothed_targets(labels, classes, smoothing)

    def _over_rows(self, losses: Array) -> Array:
        return losses.mean()

    def _hardest(self, d: Array, positives: Array, negatives: Array) -> tuple[Array, Array]:
        both = positives.any(axis=1) & negatives.any(axis=1)
        farthest, nearest = np.where(positives, d, -np.inf).max(axis=1), np.where(negatives, d, np.inf).min(axis=1)
        return farthest[both], nearest[both]

    def _with_margin(self, difference: Array, margin: Margin) -> Array:
        return self._softplus(difference) if margin == "soft" else self._relu(difference + margin)
