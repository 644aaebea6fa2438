"""Bounds of the distances and of their gradients.

The cosine is the product of two directions, each a row over its length: that is wider than the product of the rows over
the product of their lengths. A Euclidean distance is the length of a difference: the expansion |x|^2 + |y|^2 - 2 x.y is
off by u (|x|^2 + |y|^2) / d, which is granted to nobody, since near neighbours drown in it. Lengths may be those of
rows over their largest magnitude, so that no square overflows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact

#: From two matrices to the distances between their rows.
RoundedDistance = Callable[[Rounded, Rounded], Rounded]
#: From two matrices and the gradient of their distances to the gradients of both.
RoundedVJP = Callable[[Rounded, Rounded, Rounded], tuple[Rounded, Rounded]]


def cosine(x: Rounded, y: Rounded) -> Rounded:
    """0.5 - x.y / (2 |x| |y|); rows that are equal and known exactly are at 0 without an error."""
    half = exact(0.5, x.u)
    d = half - half * (direction(x) @ direction(y).T)
    equal = (x.value[:, None] == y.value).all(-1)
    unchanged = equal & (x.error == 0).all(1)[:, None] & (y.error == 0).all(1)
    return Rounded(np.where(equal, 0, d.value), np.where(unchanged, 0, d.error), x.u)


def euclidean(x: Rounded, y: Rounded) -> Rounded:
    """|x - y|, of differences."""
    return length(x[:, None] - y)


def cosine_vjp(x: Rounded, y: Rounded, w: Rounded) -> tuple[Rounded, Rounded]:
    """With directions u and v: -(sum of w v - sum of (w (u.v)) u) / (2 |x|), and the same with x and y swapped.

    Automatic differentiation takes the same terms in another order.
    """
    u, v = direction(x), direction(y)
    w_cos = w * (u @ v.T)
    return _over_twice_the_length(w @ v, w_cos.sum(1), u, x), _over_twice_the_length(w.T @ u, w_cos.sum(0), v, y)


def euclidean_vjp(x: Rounded, y: Rounded, w: Rounded) -> tuple[Rounded, Rounded]:
    """Sums of w (x - y) / |x - y|, of differences."""
    terms = w[:, :, None] * direction(x[:, None] - y)
    return terms.sum(1), -terms.sum(0)


DISTANCES: dict[str, tuple[RoundedDistance, RoundedVJP]] = {
    "cosine": (cosine, cosine_vjp),
    "euclidean": (euclidean, euclidean_vjp),
}


def length(v: Rounded) -> Rounded:
    """|v| over the last axis."""
    largest, scaled = _scaled(v)
    return (scaled * scaled).sum(-1).sqrt() * largest[..., 0]


def direction(v: Rounded) -> Rounded:
    """The rows v / |v| over the last axis; the zero vector stays zero."""
    _, scaled = _scaled(v)
    return scaled / _one_for_zero(scaled, (scaled * scaled).sum(-1).sqrt()[..., None])


def _scaled(v: Rounded) -> tuple[Rounded, Rounded]:
    """The largest magnitude of the last axis, 1 for a zero vector, and v over it."""
    largest = np.abs(v.value).max(-1, keepdims=True)
    scale = exact(np.where(largest > 0, largest, 1), v.u)
    return scale, v / scale


def _over_twice_the_length(along: Rounded, cosines: Rounded, unit: Rounded, x: Rounded) -> Rounded:
    lengths = _one_for_zero(x, length(x)[:, None])
    gradient = -(along - cosines[:, None] * unit) / (exact(2.0, x.u) * lengths)
    is_zero = ((x.value == 0) & (x.error == 0)).all(1, keepdims=True)
    return Rounded(np.where(is_zero, 0, gradient.value), np.where(is_zero, 0, gradient.error), x.u)


def _one_for_zero(v: Rounded, lengths: Rounded) -> Rounded:
    is_zero = ((v.value == 0) & (v.error == 0)).all(-1, keepdims=True)
    return Rounded(np.where(is_zero, 1, lengths.value), np.where(is_zero, 0, lengths.error), v.u)


def unit_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `unit`."""
    return {"directions": direction(exact(arguments["x"], precision.u)).error}


def unit_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """(G - (G.u) u) / |x|, and 0 at a zero vector."""
    x, G = exact(arguments["x"], precision.u), exact(arguments["grad_u"], precision.u)
    u = direction(x)
    gradient = (G - (G * u).sum(1)[:, None] * u) / _one_for_zero(x, length(x)[:, None])
    return {"grad_x": np.where((x.value == 0).all(1, keepdims=True), 0, gradient.error)}


def cosine_distance_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `cosine_distance`."""
    return {"distances": cosine(*_rows(arguments, precision.u)).error}


def euclidean_distance_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `euclidean_distance`."""
    return {"distances": euclidean(*_rows(arguments, precision.u)).error}


def cosine_distance_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `cosine_distance_vjp`."""
    return _vjp_bounds(cosine_vjp, arguments, precision)


def euclidean_distance_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `euclidean_distance_vjp`."""
    return _vjp_bounds(euclidean_vjp, arguments, precision)


def _vjp_bounds(vjp: RoundedVJP, arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    grad_x, grad_y = vjp(*_rows(arguments, precision.u), exact(arguments["grad_d"], precision.u))
    return {"grad_x": grad_x.error, "grad_y": grad_y.error}


def _rows(arguments: Mapping[str, Any], u: float) -> tuple[Rounded, Rounded]:
    return exact(arguments["x"], u), exact(arguments["y"], u)
