"""Eqs. 1 to 5, literally and in closed form."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.steps.elementary import Array, Elementary
from snr_ref.instance_norm import over_pixels
from snr_ref.restitution import SNRParams, for_each_image


class Module(Elementary):
    """The module. Statistics keep the axes over which they were taken, so they broadcast: (N, 1, ..., 1, C)."""

    def instance_norm(self, F: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> Array:
        """The normalized map F~."""
        wide = self._wide(F)
        return self._normalize(wide, *self._moments(wide, epsilon), gamma, beta).astype(F.dtype)

    def channel_attention(
        self, z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None
    ) -> Array:
        """The gate a."""
        return self._gate(self._affine(self._activate(self._affine(z, w1, b1)), w2, b2))

    def snr(self, F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, Array]:
        """Every quantity of the chain."""
        wide = self._wide(F)
        gamma, beta, w1, w2, b1, b2 = params
        mu, sigma = self._moments(wide, epsilon)
        F_tilde = self._normalize(wide, mu, sigma, gamma, beta)
        R = self._residual(wide, F_tilde)
        a = self.channel_attention(self._pool(self._gated(wide, F_tilde, R)), w1, w2, b1, b2)
        R_plus, R_minus = self._separate(R, over_pixels(a, F))
        F_plus, F_minus = self._restitute(wide, F_tilde, R_plus, R_minus)
        maps = {"F_tilde": F_tilde, "R": R, "R_plus": R_plus, "R_minus": R_minus, "F_plus": F_plus, "F_minus": F_minus}
        return {
            "mu": self._rows(mu, F),
            "sigma": self._rows(sigma, F),
            "a": a,
            "f_tilde": for_each_image(beta, F_tilde),
            "f_plus": self._embed(F_plus),
            "f_minus": self._embed(F_minus),
        } | {name: x.astype(F.dtype) for name, x in maps.items()}

    def snr_closed_form(
        self, F: Array, params: SNRParams, *, epsilon: float = 1e-5
    ) -> tuple[Array, Array, Array, Array]:
        """F~+, f~, f~+ and f~-, from the statistics of F alone."""
        wide = self._wide(F)
        gamma, beta, w1, w2, b1, b2 = params
        mu, sigma = (self._rows(moment, F) for moment in self._moments(wide, epsilon))
        z = mu - beta
        a = self.channel_attention(z, w1, w2, b1, b2)
        f_plus, f_minus = beta + a * z, beta + (1 - a) * z
        s = self._scale(a, gamma / sigma)
        F_plus = self._apply(wide, over_pixels(mu, F), over_pixels(s, F), over_pixels(f_plus, F))
        return F_plus.astype(F.dtype), for_each_image(beta, wide), f_plus, f_minus

    def _wide(self, F: Array) -> Array:
        return F.astype(np.result_type(F.dtype, np.float32))

    def _statistics_axes(self, F: Array) -> tuple[int, ...]:
        return tuple(range(1, F.ndim - 1))

    def _mean(self, F: Array) -> Array:
        return F.mean(self._statistics_axes(F), dtype=F.dtype, keepdims=True)

    def _variance(self, F: Array, mu: Array) -> Array:
        return self._mean((F - mu) ** 2)

    def _deviation(self, variance: Array, epsilon: float) -> Array:
        return np.sqrt(variance + epsilon)

    def _moments(self, F: Array, epsilon: float) -> tuple[Array, Array]:
        mu = self._mean(F)
        return mu, self._deviation(self._variance(F, mu), epsilon)

    def _normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        return gamma * (F - mu) / sigma + beta

    def _residual(self, F: Array, F_tilde: Array) -> Array:
        return F - F_tilde

    def _gated(self, F: Array, F_tilde: Array, R: Array) -> Array:
        return R

    def _pool(self, x: Array) -> Array:
        return x.mean(tuple(range(1, x.ndim - 1)), dtype=x.dtype)

    def _activate(self, hidden: Array) -> Array:
        return self._relu(hidden)

    def _gate(self, logits: Array) -> Array:
        return self._sigmoid(logits)

    def _separate(self, R: Array, a: Array) -> tuple[Array, Array]:
        return a * R, (1 - a) * R

    def _restitute(self, F: Array, F_tilde: Array, R_plus: Array, R_minus: Array) -> tuple[Array, Array]:
        return F_tilde + R_plus, F_tilde + R_minus

    def _embed(self, x: Array) -> Array:
        return x.mean(tuple(range(1, x.ndim - 1)), dtype=x.dtype)

    def _scale(self, a: Array, g: Array) -> Array:
        return a + (1 - a) * g

    def _apply(self, F: Array, mu: Array, s: Array, f_plus: Array) -> Array:
        return s * (F - mu) + f_plus

    def _rows(self, v: Array, F: Array) -> Array:
        like = (len(F), *(1 for _ in F.shape[1:-1]), F.shape[-1])
        return np.broadcast_to(v, np.broadcast_shapes(v.shape, like)).reshape(len(F), -1)
