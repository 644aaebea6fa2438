"""Right implementations of the module in any precision: literal or closed, with every kind of sum and of moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snr_ref import SNRParams

Array = np.ndarray
Moments = Callable[["Chain", Array], tuple[Array, Array]]


def two_passes(chain: Chain, F: Array) -> tuple[Array, Array]:
    mu = chain.mean(F)
    return mu, chain.mean((F - mu[:, None]) ** 2)


def corrected(chain: Chain, F: Array) -> tuple[Array, Array]:
    mu = chain.mean(F)
    error = chain.mean(F - mu[:, None])
    return mu + error, np.maximum(chain.mean((F - mu[:, None]) ** 2) - error**2, 0)


def running(chain: Chain, F: Array) -> tuple[Array, Array]:
    mu, square = F[:, 0].copy(), np.zeros_like(F[:, 0])
    for count in range(1, F.shape[1]):
        difference = F[:, count] - mu
        mu += difference / F.dtype.type(count + 1)
        square += difference * (F[:, count] - mu)
    return mu, square / F.dtype.type(F.shape[1])


def all_at_once(x: Array, axis: int) -> Array:
    return x.sum(axis, dtype=x.dtype)


def one_by_one(x: Array, axis: int) -> Array:
    return np.cumsum(x, axis, dtype=x.dtype).take(-1, axis)


class Chain:
    """Maps in the dtype of F, everything else in float32 if that is half. `call` is what a subclass adds."""

    dtypes = ("float64", "float32", "float16", "bfloat16")

    def __init__(self, moments: Moments = two_passes, total: Callable[[Array, int], Array] = all_at_once):
        self.moments, self.total = moments, total

    def mean(self, x: Array) -> Array:
        return self.total(x, 1) / x.dtype.type(x.shape[1])

    def statistics(self, F: Array, epsilon: float) -> tuple[Array, Array, Array]:
        wide = F.reshape(F.shape[0], -1, F.shape[-1]).astype(np.result_type(F.dtype, np.float32))
        mu, variance = self.moments(self, wide)
        return wide, mu, np.sqrt(variance + wide.dtype.type(epsilon))

    def instance_norm(self, F: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> Array:
        wide, mu, sigma = self.statistics(F, epsilon)
        return self.normalize(wide, mu, sigma, gamma, beta).reshape(F.shape).astype(F.dtype)

    def normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        return gamma * (F - mu[:, None]) / sigma[:, None] + beta

    def channel_attention(
        self, z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None
    ) -> Array:
        return self.gate(z, w1, w2, b1, b2)[1]

    def gate(self, z: Array, w1: Array, w2: Array, b1: Array | None, b2: Array | None) -> tuple[Array, Array, Array]:
        k = z @ w1 if b1 is None else z @ w1 + b1
        logits = np.maximum(k, 0) @ w2 if b2 is None else np.maximum(k, 0) @ w2 + b2
        a = self.sigmoid(logits)
        return k, a, self.shut(logits, a)

    def sigmoid(self, x: Array) -> Array:
        e = np.exp(-np.abs(x))
        return np.where(x < 0, e, 1).astype(x.dtype) / (1 + e)

    def shut(self, logits: Array, a: Array) -> Array:
        return 1 - a

    def attention_back(
        self, z: Array, params: SNRParams, k: Array, a: Array, rest: Array, grad_a: Array
    ) -> tuple[Any, ...]:
        grad_logits = grad_a * a * rest
        grad_k = np.where(k > 0, grad_logits @ params.w2.T, 0).astype(z.dtype)
        return (
            grad_k @ params.w1.T,
            z.T @ grad_k,
            np.maximum(k, 0).T @ grad_logits,
            None if params.b1 is None else self.total(grad_k, 0),
            None if params.b2 is None else self.total(grad_logits, 0),
        )

    def channel_attention_vjp(
        self, z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None, *, grad_a: Array
    ) -> tuple[Any, ...]:
        k, a, rest = self.gate(z, w1, w2, b1, b2)
        return self.attention_back(z, SNRParams(z, z, w1, w2, b1, b2), k, a, rest, grad_a)

    def reaching(self, F: Array, G: Array | None, *rows: Array | None) -> list[Array]:
        wide = F.dtype if F.dtype == np.float64 else np.dtype(np.float32)
        flat = (F.shape[0], F[:1, ..., :1].size, F.shape[-1])
        first = np.zeros(flat, wide) if G is None else G.reshape(flat).astype(wide)
        return [first, *(np.zeros((flat[0], flat[2]), wide) if row is None else row for row in rows)]


class Literal(Chain):
    """Eqs. 1 to 5 with every map stored, f~ pooled, and reverse mode through each of them."""

    def snr(self, F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, Array]:
        wide, mu, sigma = self.statistics(F, epsilon)
        store = lambda x: x.astype(F.dtype).astype(wide.dtype)  # noqa: E731
        exact_F_tilde = self.normalize(wide, mu, sigma, params.gamma, params.beta)
        exact_R = wide - exact_F_tilde
        _, a, rest = self.gate(self.mean(exact_R), *params[2:])
        F_tilde = store(exact_F_tilde)
        R = store(wide - F_tilde)
        R_plus, R_minus = store(a[:, None] * R), store(rest[:, None] * R)
        maps = {"F_tilde": F_tilde, "R": R, "R_plus": R_plus, "R_minus": R_minus}
        maps |= {"F_plus": F_tilde + R_plus, "F_minus": F_tilde + R_minus}
        return {name: x.reshape(F.shape).astype(F.dtype) for name, x in maps.items()} | {
            "mu": mu,
            "sigma": sigma,
            "a": a,
            "f_tilde": self.mean(exact_F_tilde),
            "f_plus": self.mean(exact_F_tilde + a[:, None] * exact_R),
            "f_minus": self.mean(exact_F_tilde + rest[:, None] * exact_R),
        }

    def instance_norm_vjp(
        self, F: Array, gamma: Array, beta: Array, grad_F_tilde: Array, *, epsilon: float = 1e-5
    ) -> tuple[Array, ...]:
        wide, mu, sigma = self.statistics(F, epsilon)
        (G,) = self.reaching(F, grad_F_tilde)
        grad_F, grad_gamma = self.norm_back(wide, mu, sigma, gamma, G)
        return grad_F.reshape(F.shape).astype(F.dtype), grad_gamma, self.over_all(G)

    def norm_back(self, F: Array, mu: Array, sigma: Array, gamma: Array, G: Array) -> tuple[Array, Array]:
        centred, M = F - mu[:, None], F.dtype.type(F.shape[1])
        grad_scaled = G / sigma[:, None]
        grad_sigma = -self.total(G * (gamma * centred) / sigma[:, None] ** 2, 1)
        grad_variance = grad_sigma / (2 * sigma)
        grad_centred = gamma * grad_scaled + 2 * centred * (grad_variance / M)[:, None]
        grad_mu = -self.total(grad_centred, 1)
        return grad_centred + (grad_mu / M)[:, None], self.over_all(grad_scaled * centred)

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
        wide, mu, sigma = self.statistics(F, epsilon)
        M = wide.dtype.type(wide.shape[1])
        G, plus, minus, tilde = self.reaching(F, grad_F_plus, grad_f_plus, grad_f_minus, grad_f_tilde)
        R = wide - self.normalize(wide, mu, sigma, params.gamma, params.beta)
        z = self.mean(R)
        k, a, rest = self.gate(z, *params[2:])
        grad_plus = G + (plus / M)[:, None]
        grad_minus = np.broadcast_to((minus / M)[:, None], R.shape)
        grad_a = self.total(grad_plus * R, 1) - self.total(grad_minus * R, 1)
        grad_z, *weights = self.attention_back(z, params, k, a, rest, grad_a)
        grad_R = a[:, None] * grad_plus + rest[:, None] * grad_minus + (grad_z / M)[:, None]
        grad_F_tilde = grad_plus + grad_minus + (tilde / M)[:, None] - grad_R
        grad_F, grad_gamma = self.norm_back(wide, mu, sigma, params.gamma, grad_F_tilde)
        return (grad_R + grad_F).reshape(F.shape).astype(F.dtype), grad_gamma, self.over_all(grad_F_tilde), *weights

    def over_all(self, x: Array) -> Array:
        return self.total(x.reshape(-1, x.shape[-1]), 0)


class ClosedForm(Chain):
    """One affine map per image and channel, with 1 - a as the sigmoid of the negative logits."""

    def snr_closed_form(self, F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> tuple[Array, ...]:
        out = self.snr(F, params, epsilon=epsilon)
        return tuple(out[name] for name in ("F_plus", "f_tilde", "f_plus", "f_minus"))

    def snr(self, F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, Array]:
        wide, mu, sigma = self.statistics(F, epsilon)
        z = mu - params.beta
        _, a, rest = self.gate(z, *params[2:])
        g = params.gamma / sigma
        f_plus, f_minus = params.beta + a * z, params.beta + rest * z
        F_plus, F_minus = (
            self.restituted(wide, mu, a + rest * g, f_plus),
            self.restituted(wide, mu, rest + a * g, f_minus),
        )
        return {
            "mu": mu,
            "sigma": sigma,
            "a": a,
            "F_plus": F_plus.reshape(F.shape).astype(F.dtype),
            "F_minus": F_minus.reshape(F.shape).astype(F.dtype),
            "f_tilde": np.zeros_like(z) + params.beta,
            "f_plus": f_plus,
            "f_minus": f_minus,
        }

    def restituted(self, F: Array, mu: Array, s: Array, f: Array) -> Array:
        return s[:, None] * (F - mu[:, None]) + f[:, None]

    def shut(self, logits: Array, a: Array) -> Array:
        return self.sigmoid(-logits)

    def instance_norm_vjp(
        self, F: Array, gamma: Array, beta: Array, grad_F_tilde: Array, *, epsilon: float = 1e-5
    ) -> tuple[Array, ...]:
        wide, mu, sigma = self.statistics(F, epsilon)
        (G,) = self.reaching(F, grad_F_tilde)
        centred, M = wide - mu[:, None], wide.dtype.type(wide.shape[1])
        S1, S2 = self.total(G, 1), self.total(G * centred, 1)
        grad_F = (gamma / sigma)[:, None] * (G - (S1 / M)[:, None] - centred * (S2 / (M * sigma**2))[:, None])
        return grad_F.reshape(F.shape).astype(F.dtype), self.total(S2 / sigma, 0), self.total(S1, 0)

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
        wide, mu, sigma = self.statistics(F, epsilon)
        M = wide.dtype.type(wide.shape[1])
        G, plus, minus, tilde = self.reaching(F, grad_F_plus, grad_f_plus, grad_f_minus, grad_f_tilde)
        centred, z, g = wide - mu[:, None], mu - params.beta, params.gamma / sigma
        k, a, rest = self.gate(z, *params[2:])
        s = a + rest * g
        S1, S2 = self.total(G, 1), self.total(G * centred, 1)
        p = S1 + plus
        through_gate, *weights = self.attention_back(z, params, k, a, rest, S2 * (1 - g) + (p - minus) * z)
        grad_z = a * p + rest * minus + through_gate
        A = -rest * S2 * g / (sigma * sigma) / M
        grad_F = s[:, None] * G + A[:, None] * centred + ((grad_z - s * S1) / M)[:, None]
        return (
            grad_F.reshape(F.shape).astype(F.dtype),
            self.total(rest * S2 / sigma, 0),
            self.total(p + minus - grad_z + tilde, 0),
            *weights,
        )


#: Name -> implementation, of every way that the bounds allow.
WAYS: dict[str, Chain] = {
    f"{form.__name__}, {moments.__name__}, {total.__name__}": form(moments, total)
    for form in (Literal, ClosedForm)
    for moments in (two_passes, corrected, running)
    for total in (all_at_once, one_by_one)
}
