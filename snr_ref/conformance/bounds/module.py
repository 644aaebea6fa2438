"""Bounds of the module, eqs. 1 to 5, computed literally or in closed form.

What the errors of mu, sigma and a do to a map, they do in the same way in both forms, and to first order it is the
derivative of the map: F~+ = a F + (1 - a) F~ hears of mu and sigma by 1 - a only. Beside that shared part each form has
roundings of its own. So a bound is tight where the naive sum of the errors of F~ and R+ would not be.

In half precision the statistics, the attention and the embeddings are computed in float32, from F: what is pooled is
pooled before it is rounded. A map may be stored in the half dtype at every step on its way to another map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance.bounds.attention import Attention, Share, attend
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.bounds.statistics import Statistics, statistics
from snr_ref.conformance.running_error import Rounded


class Normalized(NamedTuple):
    """Eqs. 1 and 2 with their errors, (N, M, C).

    Attributes:
        F_tilde: F~.
        R: F - F~.
        scaled: gamma (F - mu) / sigma.
        shared: How far mu and sigma put F~ and R off.
        shared_mean: By how much at most that shifts the mean over the pixels, (N, C). An error of sigma hardly does.
        rounded: The roundings of F~ until beta is added.
    """

    F_tilde: np.ndarray
    R: np.ndarray
    scaled: np.ndarray
    shared: np.ndarray
    shared_mean: np.ndarray
    rounded: np.ndarray


class Forward(NamedTuple):
    """The module up to its attention, for the backward pass to go on with.

    Attributes:
        statistics: Of F.
        attention: Its z is off by the widest of both forms.
        R: The literal residual, (N, M, C), in the precision that is computed in.
        errors: The bound of each output of `snr`, maps (N, M, C).
    """

    statistics: Statistics
    attention: Attention
    R: Rounded
    errors: dict[str, np.ndarray]


class Storage(NamedTuple):
    """How a map is rounded when it is computed.

    Attributes:
        u: Relative to itself.
        underflow: Besides, where it is tiny.
    """

    u: float
    underflow: float

    def rounding(self, x: np.ndarray) -> np.ndarray:
        """By how much at most."""
        return self.u * np.abs(x) + self.underflow


def storage(precision: Precision) -> Storage:
    """That of a map which is returned: where it is half, it was float32 before."""
    wider = 0.0 if precision.stored_u == precision.u else precision.u
    return Storage(precision.stored_u + wider, precision.underflow)


def instance_norm_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Eq. 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        n = normalize(statistics(arguments, precision.u), arguments["gamma"], arguments["beta"])
        error = n.shared + n.rounded + storage(precision).rounding(n.F_tilde)
    return {"F_tilde": error.reshape(arguments["F"].shape)}


def snr_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Eqs. 1 to 5 and the embeddings."""
    shape = arguments["F"].shape
    errors = forward(arguments, precision).errors
    return {name: error.reshape(shape) if error.ndim == 3 else error for name, error in errors.items()}


def snr_closed_form_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Those of `snr`, for what `snr_closed_form` returns may be computed literally as well."""
    bounds = snr_bounds(arguments, precision)
    return {name: bounds[name] for name in ("F_plus", "f_tilde", "f_plus", "f_minus")}


def forward(arguments: Mapping[str, Any], precision: Precision) -> Forward:
    """The module, with a bound of the error of everything that it computes.

    Args:
        arguments: Has `F`, `params` and perhaps `epsilon`.
        precision: What it is computed and stored in.

    Returns:
        What was computed.
    """
    u, params = precision.u, arguments["params"]
    with np.errstate(invalid="ignore", divide="ignore"):
        s = statistics(arguments, u)
        n = normalize(s, params.gamma, params.beta)
        computed = Storage(u, 0.0)
        z = pooled_residual(s, n, computed)
        attention = attend(z, params._asdict())
        a, rest = attention.a, attention.rest
        stored = storage(precision)
        errors = {
            "mu": s.mu.error,
            "sigma": s.sigma.error,
            "F_tilde": n.shared + n.rounded + stored.rounding(n.F_tilde),
            "R": _residual(n, stored),
            "a": a.error,
            "R_plus": _part(n, a, stored),
            "R_minus": _part(n, rest, stored),
            "F_plus": _restituted(s, n, z, a, rest, params.beta, stored),
            "F_minus": _restituted(s, n, z, rest, a, params.beta, stored),
            "f_tilde": n.shared_mean + _pooled(n.F_tilde, n.rounded + computed.rounding(n.F_tilde), u),
            "f_plus": _embedding(s, n, z, a, rest, params.beta, computed),
            "f_minus": _embedding(s, n, z, rest, a, params.beta, computed),
        }
    return Forward(s, attention, Rounded(n.R, _residual(n, computed), u), errors)


def normalize(s: Statistics, gamma: np.ndarray, beta: np.ndarray) -> Normalized:
    """F~ and R, with the shared part of their errors and the roundings of centring, scale and product."""
    g = (gamma * s.inverse_sigma.value)[:, None]
    centred, off = s.F - s.mu.value[:, None], s.mu.error[:, None]
    scale_off = (np.abs(gamma) * s.inverse_sigma.error)[:, None]
    scaled = g * centred
    F_tilde = scaled + beta
    shared_mean = (np.abs(g) + scale_off) * off
    return Normalized(
        F_tilde=F_tilde,
        R=s.F - F_tilde,
        scaled=scaled,
        shared=shared_mean + scale_off * np.abs(centred),
        shared_mean=shared_mean[:, 0],
        rounded=4 * s.mu.u * np.abs(scaled),
    )


def pooled_residual(s: Statistics, n: Normalized, computed: Storage) -> Rounded:
    """z, as the mean of R or as mu - beta."""
    z = n.R.mean(1)
    literal = n.shared_mean + _pooled(n.R, _residual(n, computed) - n.shared, computed.u)
    closed = s.mu.error + computed.rounding(np.abs(z) + s.mu.error)
    return Rounded(z, np.maximum(literal, closed), computed.u)


def _residual(n: Normalized, stored: Storage) -> np.ndarray:
    return n.shared + n.rounded + stored.rounding(n.F_tilde) + stored.rounding(n.R)


def _part(n: Normalized, share: Share, stored: Storage) -> np.ndarray:
    """R+ for a, R- for 1 - a."""
    value, off, residual = share.value[:, None], share.error[:, None], _residual(n, stored)
    return (value + off) * residual + off * np.abs(n.R) + stored.rounding(value * n.R)


def _restituted(
    s: Statistics, n: Normalized, z: Rounded, a: Share, rest: Share, beta: np.ndarray, stored: Storage
) -> np.ndarray:
    """F~+; F~- with a and 1 - a swapped."""
    u, F_plus = a.u, n.F_tilde + a.value[:, None] * n.R
    shared = (rest.value + rest.error)[:, None] * n.shared + a.moved[:, None] * np.abs(n.R)
    literal = a.own[:, None] * np.abs(n.R) + _literal_roundings(n, a, rest, stored)

    centred, scaled, mean = np.abs(s.F - s.mu.value[:, None]), np.abs(n.scaled), np.abs(z.value)[:, None]
    own, own_rest, most, most_rest = (x[:, None] for x in (a.own, rest.own, a.value + a.error, rest.value + rest.error))
    product = most * centred + most_rest * scaled
    closed = own * (centred + mean) + own_rest * scaled + u * (4 * product + 3 * most * mean + np.abs(beta))
    return shared + np.maximum(literal, closed) + stored.rounding(F_plus)


def _embedding(
    s: Statistics, n: Normalized, z: Rounded, a: Share, rest: Share, beta: np.ndarray, computed: Storage
) -> np.ndarray:
    """f~+, as the mean of F~+ or as beta + a z; f~- with a and 1 - a swapped."""
    F_plus = n.F_tilde + a.value[:, None] * n.R
    roundings = _literal_roundings(n, a, rest, computed) + computed.rounding(F_plus)
    literal = (rest.value + rest.error) * n.shared_mean + _pooled(F_plus, roundings, computed.u)
    part = (a.value + a.error) * (s.mu.error + 3 * computed.rounding(z.value))
    closed = part + computed.rounding(beta + a.value * z.value)
    return a.error * np.abs(z.value) + np.maximum(literal, closed)


def _literal_roundings(n: Normalized, a: Share, rest: Share, stored: Storage) -> np.ndarray:
    """Those of F~ + a (F - F~) but for the last: what is wrong with F~ is so in 1 - a of the result."""
    of_F_tilde = n.rounded + stored.rounding(n.F_tilde)
    most = (a.value + a.error)[:, None]
    return (rest.value + rest.error)[:, None] * of_F_tilde + most * stored.rounding(n.R) + stored.rounding(most * n.R)


def _pooled(x: np.ndarray, roundings: np.ndarray, u: float) -> np.ndarray:
    """What roundings do to the mean over the pixels, with those of the sum, in any order, and of the division."""
    pixels = x.shape[1]
    return roundings.mean(1) + pixels * u * (np.abs(x) + roundings).mean(1)
