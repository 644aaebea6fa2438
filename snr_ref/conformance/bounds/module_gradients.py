"""Bounds of the module's gradients: reverse mode through the literal eqs. 1 to 5, or the closed form.

In half precision the gradients are computed in float32 throughout, and that of F alone is rounded, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.attention import attend_back
from snr_ref.conformance.bounds.module import Forward, forward, storage
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.bounds.statistics import Statistics, statistics
from snr_ref.conformance.running_error import Rounded, exact


def snr_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The widest of both ways."""
    F = arguments["F"]
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = forward(arguments, precision)
        gamma = exact(arguments["params"].gamma, precision.u)
        shapes = {"grad_F_plus": ahead.R.value.shape} | dict.fromkeys(_POOLED, ahead.attention.z.value.shape)
        reaching = {name: _given(arguments.get(name), shape, precision.u) for name, shape in shapes.items()}
        ways = [way(ahead, gamma, *reaching.values()) for way in (_literal, _closed)]
        bounds = {name: np.maximum(ways[0][name].error, ways[1][name].error) for name in ways[0]}
        grad_F = ways[0]["grad_F"].value
        bounds["grad_F"] = (bounds["grad_F"] + storage(precision).rounding(grad_F)).reshape(F.shape)
    return bounds


def instance_norm_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Eq. 1 backwards."""
    F, u = arguments["F"], precision.u
    with np.errstate(invalid="ignore", divide="ignore"):
        s = statistics(arguments, u)
        G = exact(np.asarray(arguments["grad_F_tilde"], np.float64).reshape(s.F.shape), u)
        none = exact(np.zeros(s.mu.value.shape), u)
        grad_F, grad_gamma = _through_norm(s, exact(arguments["gamma"], u), G, none)
        return {
            "grad_F": (grad_F.error + storage(precision).rounding(grad_F.value)).reshape(F.shape),
            "grad_gamma": grad_gamma.error,
            "grad_beta": _total(G).error,
        }


_POOLED = ("grad_f_plus", "grad_f_minus", "grad_f_tilde")


def _literal(
    ahead: Forward, gamma: Rounded, G: Rounded, grad_f_plus: Rounded, grad_f_minus: Rounded, grad_f_tilde: Rounded
) -> dict[str, Rounded]:
    """Reverse mode: F~+ = F~ + a R and F~- = F~ + (1 - a) R, each with its pool, back to R, a and F~.

    What z and a pooled F~ receive is the same for every pixel, and the norm's backward pass takes that away.
    """
    s, attention, R = ahead.statistics, ahead.attention, ahead.R
    a, rest, M = attention.a, attention.rest, exact(s.pixels, G.u)
    grad_R_plus, grad_R_minus = G + (grad_f_plus / M)[:, None], (grad_f_minus / M)[:, None]
    grad_a = (grad_R_plus * R).sum(1) - (grad_R_minus * R).sum(1)
    weights = attend_back(attention, grad_a)
    grad_R = a[:, None] * grad_R_plus + rest[:, None] * grad_R_minus
    from_pool = weights.pop("grad_z") / M
    reaching = grad_R_plus + grad_R_minus - grad_R  # F~, but for what is the same for every pixel
    alike = grad_f_tilde / M - from_pool
    grad_F, grad_gamma = _through_norm(s, gamma, reaching, alike)
    return {
        "grad_F": grad_R + from_pool[:, None] + grad_F,
        "grad_gamma": grad_gamma,
        "grad_beta": _total(reaching + alike[:, None]),
    } | weights


def _closed(
    ahead: Forward, gamma: Rounded, G: Rounded, grad_f_plus: Rounded, grad_f_minus: Rounded, grad_f_tilde: Rounded
) -> dict[str, Rounded]:
    """The formulas of `snr_ref.snr_vjp`."""
    s, attention = ahead.statistics, ahead.attention
    a, rest, z, M = attention.a, attention.rest, attention.z, exact(s.pixels, G.u)
    g = gamma * s.inverse_sigma
    scale = a + rest * g
    S1, S2 = G.sum(1), _sum_with_centred(s, G)
    p, q = S1 + grad_f_plus, grad_f_minus
    weights = attend_back(attention, S2 * (exact(1, G.u) - g) + (p - q) * z)
    grad_z = a * p + rest * q + weights.pop("grad_z")
    A = rest * S2 * g * s.inverse_sigma * s.inverse_sigma / M
    grad_F = scale[:, None] * G - A[:, None] * s.centred + ((grad_z - scale * S1) / M)[:, None]
    return {
        "grad_F": grad_F,
        "grad_gamma": (rest * S2 * s.inverse_sigma).sum(0),
        "grad_beta": (p + q - grad_z + grad_f_tilde).sum(0),
    } | weights


def _through_norm(s: Statistics, gamma: Rounded, G: Rounded, alike: Rounded) -> tuple[Rounded, Rounded]:
    """The gradients of F and gamma in eq. 1.

    dF = g (G - mean G - t + mean t) with t = (F - mu) / sigma^2 mean(G (F - mu)), whose mean is 0 but for rounding. The
    scale g comes last here, and its error counts once; that it may be multiplied in earlier is three more roundings.

    Args:
        s: Of F.
        gamma: (C,).
        G: What reaches F~, (N, M, C), but for
        alike: What else reaches each pixel of it, (N, C), which adds nothing but rounding.
    """
    u, M = G.u, exact(s.pixels, G.u)
    g = gamma * s.inverse_sigma
    even = (s.pixels + 6) * u * (np.abs(alike.value) + alike.error)
    S2 = _sum_with_centred(s, G)
    S2_alike = (np.abs(alike.value) + alike.error) * _centred_sum(s)
    S2 = Rounded(S2.value, S2.error + S2_alike, u)
    slope = S2 * s.inverse_sigma * s.inverse_sigma / M
    t = slope[:, None] * s.centred
    mean_t = (np.abs(slope.value) + slope.error) * _centred_sum(s) / s.pixels
    inner = G - (G.sum(1) / M)[:, None] - t
    several = 3 * u * (np.abs(G.value) + np.abs(t.value))
    inner = Rounded(inner.value, inner.error + several + (even + mean_t)[:, None], u)
    images = (np.abs(G.value * s.centred.value).sum(1) + S2_alike) * s.inverse_sigma.value
    grad_gamma = (S2 * s.inverse_sigma).sum(0)
    in_any_order = s.mu.value.shape[0] * s.pixels * u * images.sum(0)
    return g[:, None] * inner, Rounded(grad_gamma.value, grad_gamma.error + in_any_order, u)


def _sum_with_centred(s: Statistics, G: Rounded) -> Rounded:
    """The sum over the pixels of G (F - mu): an error of mu is the same for every pixel, and meets the sum of G."""
    u, off = G.u, s.mu.error
    centred = s.F - s.mu.value[:, None]
    terms = np.abs(G.value * centred)
    rounded = (G.error * np.abs(centred)).sum(1) + (s.pixels + 2) * u * terms.sum(1)
    return Rounded((G.value * centred).sum(1), rounded + (np.abs(G.value.sum(1)) + G.error.sum(1)) * off, u)


def _centred_sum(s: Statistics) -> np.ndarray:
    """How far the sum over the pixels of F - mu may be from 0."""
    return s.pixels * s.mu.error + (s.pixels + 2) * s.mu.u * np.abs(s.centred.value).sum(1)


def _total(x: Rounded) -> Rounded:
    """The sum over images and pixels, in any order."""
    return Rounded(x.value.reshape(-1, x.value.shape[-1]), x.error.reshape(-1, x.value.shape[-1]), x.u).sum(0)


def _given(gradient: np.ndarray | None, shape: tuple[int, ...], u: float) -> Rounded:
    return exact(np.zeros(shape) if gradient is None else np.asarray(gradient).reshape(shape), u)
