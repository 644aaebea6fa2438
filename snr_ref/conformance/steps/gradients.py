"""The backward passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snr_ref.conformance.steps.elementary import Array
from snr_ref.conformance.steps.losses import Losses, Margin
from snr_ref.gradients import euclidean_vjp, over_length, pixels
from snr_ref.instance_norm import over_pixels
from snr_ref.restitution import SNRParams


class Gradients(Losses):
    """The gradients, in closed form."""

    def instance_norm_vjp(
        self, F: Array, gamma: Array, beta: Array, grad_F_tilde: Array, *, epsilon: float = 1e-5
    ) -> tuple[Array, Array, Array]:
        """The gradients of F, gamma and beta."""
        wide, G = self._wide(F), self._wide(grad_F_tilde)
        mu, sigma = self._moments(wide, epsilon)
        S1, S2 = self._sums(G, wide - mu)
        mean_and_sigma = self._through_mean(gamma / sigma * S1, F) + self._through_sigma(gamma * S2, sigma, F) * (
            wide - mu
        )
        return (
            (gamma / sigma * G + mean_and_sigma).astype(F.dtype),
            self._grad_gamma(self._rows(S2 / sigma, F).sum(axis=0)),
            self._rows(S1, F).sum(axis=0),
        )

    def channel_attention_vjp(
        self, z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None, *, grad_a: Array
    ) -> tuple[Any, ...]:
        """The gradients of z, w1, w2, b1 and b2."""
        hidden = self._affine(z, w1, b1)
        a = self._gate(self._affine(self._activate(hidden), w2, b2))
        grad_logits = grad_a * a * (1 - a)
        grad_hidden = np.where(self._relu_slope(hidden), grad_logits @ w2.T, 0)
        return (
            grad_hidden @ w1.T,
            z.T @ grad_hidden,
            self._activate(hidden).T @ grad_logits,
            None if b1 is None else grad_hidden.sum(axis=0),
            None if b2 is None else grad_logits.sum(axis=0),
        )

    def snr_vjp(
        self,
        F: Array,
        params: SNRParams,
        grad_F_plus: Array | None,
        grad_f_plus: Array | None = None,
        grad_f_minus: Array | None = None,
        grad_f_tilde: Array | None = None,
        *,
        epsilon: float = 1e-5,
    ) -> tuple[Any, ...]:
        """The gradients of F and the parameters."""
        wide, G = self._wide(F), self._wide(np.zeros_like(F) if grad_F_plus is None else grad_F_plus)
        gamma, beta, w1, w2, b1, b2 = params
        mu, sigma = self._moments(wide, epsilon)
        S1, S2 = (self._rows(total, F) for total in self._sums(G, wide - mu))
        z, g = self._rows(mu, F) - beta, gamma / self._rows(sigma, F)
        p = S1 if grad_f_plus is None else S1 + grad_f_plus
        q = np.zeros_like(z) if grad_f_minus is None else grad_f_minus
        a = self.channel_attention(z, w1, w2, b1, b2)
        grad_a = S2 * (1 - g) + (p - q) * z
        through_gate, *grad_weights = self.channel_attention_vjp(z, w1, w2, b1, b2, grad_a=grad_a)
        grad_z = self._grad_z(a * p + (1 - a) * q, through_gate)
        s, rest = over_pixels(a + (1 - a) * g, F), over_pixels((1 - a) * gamma * S2, F)
        grad_F = (
            s * G
            + self._through_sigma(rest, sigma, F) * (wide - mu)
            + self._through_mean(s * over_pixels(S1, F), F)
            + over_pixels(grad_z, F) / pixels(F)
        )
        grad_gamma = self._grad_gamma(((1 - a) * S2 / self._rows(sigma, F)).sum(axis=0))
        grad_beta = (p + q - grad_z).sum(axis=0) + self._grad_f_tilde(grad_f_tilde, z).sum(axis=0)
        return (grad_F.astype(F.dtype), grad_gamma, grad_beta, *grad_weights)

    def cosine_distance_vjp(self, x: Array, y: Array, grad_d: Array) -> tuple[Array, Array]:
        """The gradients of x and y."""
        w = np.where(self._same(x, y), 0, grad_d)
        u, v = self._unit(x), self._unit(y)
        along = w * (u @ v.T)
        grad_x = along.sum(axis=1, keepdims=True) * u - w @ v
        grad_y = along.sum(axis=0)[:, np.newaxis] * v - w.T @ u
        return over_length(grad_x / 2, x), over_length(grad_y / 2, y)

    def euclidean_distance_vjp(self, x: Array, y: Array, grad_d: Array) -> tuple[Array, Array]:
        """The gradients of x and y."""
        return euclidean_vjp(x, y, grad_d)

    def dual_causality_gradients(
        self,
        f_tilde: Array,
        f_plus: Array,
        f_minus: Array,
        labels: Array,
        *,
        distance: Callable[[Array, Array], Array] | None = None,
        triplets: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        """The gradients of f~, f~+ and f~-."""
        is_cosine = distance in (None, self.cosine_distance)
        measure = self.cosine_distance if is_cosine else self.euclidean_distance
        back = self.cosine_distance_vjp if is_cosine else self.euclidean_distance_vjp
        P, Q = (p.astype(f_tilde.dtype) for p in self._draws(labels, triplets))
        d_tilde, d_plus, d_minus = (measure(f, f) for f in (f_tilde, f_plus, f_minus))
        plus = P * self._sigmoid(d_plus - d_tilde) - Q * self._sigmoid(d_tilde - d_plus)
        minus = P * self._sigmoid(d_tilde - d_minus) - Q * self._sigmoid(d_minus - d_tilde)
        slopes = (self._slope_tilde(plus, minus), plus, -minus)
        grad_tilde, grad_plus, grad_minus = (
            np.add(*back(f, f, slope)) for f, slope in zip((f_tilde, f_plus, f_minus), slopes, strict=True)
        )
        return grad_tilde, grad_plus, grad_minus

    def cross_entropy_gradient(self, logits: Array, labels: Array, *, label_smoothing: float = 0.1) -> Array:
        """The gradient of the logits."""
        q = self._targets(labels, logits.shape[1], label_smoothing).astype(logits.dtype)
        return (np.exp(self._log_softmax(logits)) - q) / self._rows_to_divide_by(logits)

    def batch_hard_triplet_gradient(self, features: Array, labels: Array, *, margin: Margin = 0.3) -> Array:
        """The gradient of the features."""
        d = self.euclidean_distance(features, features)
        positives, negatives = self._pairs(labels)
        anchors = np.flatnonzero(positives.any(axis=1) & negatives.any(axis=1))
        grad_d = np.zeros_like(d)
        for anchor in anchors:
            farthest = self._share(np.where(positives[anchor], d[anchor], -np.inf))
            nearest = self._share(np.where(negatives[anchor], -d[anchor], -np.inf))
            difference = d[anchor][farthest > 0][0] - d[anchor][nearest > 0][0]
            slope = self._sigmoid(difference) if margin == "soft" else self._relu_slope(difference + margin)
            grad_d[anchor] += (farthest - nearest) * slope / len(anchors)
        return np.add(*self.euclidean_distance_vjp(features, features, grad_d))

    def _sums(self, G: Array, centred: Array) -> tuple[Array, Array]:
        axes = tuple(range(1, G.ndim - 1))
        return G.sum(axes, keepdims=True), (G * centred).sum(axes, keepdims=True)

    def _through_mean(self, weighted_S1: Array, F: Array) -> Array:
        return -weighted_S1 / pixels(F)

    def _through_sigma(self, weighted_S2: Array, sigma: Array, F: Array) -> Array:
        return -weighted_S2 / (pixels(F) * sigma**3)

    def _grad_gamma(self, grad_gamma: Array) -> Array:
        return grad_gamma

    def _grad_z(self, direct: Array, through_gate: Array) -> Array:
        return direct + through_gate

    def _grad_f_tilde(self, grad_f_tilde: Array | None, z: Array) -> Array:
        return np.zeros_like(z) if grad_f_tilde is None else grad_f_tilde

    def _slope_tilde(self, plus: Array, minus: Array) -> Array:
        return minus - plus

    def _rows_to_divide_by(self, logits: Array) -> int:
        return len(logits)

    def _share(self, hardness: Array) -> Array:
        first = np.zeros_like(hardness)
        first[np.argmax(hardness)] = 1
        return first
