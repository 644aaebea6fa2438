"""Bounds of the gradients of the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.distances import DISTANCES, euclidean, euclidean_vjp
from snr_ref.conformance.bounds.losses import log_softmax, targets
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.dual_causality import draws
from snr_ref.reid_losses import hardest_triplets


def dual_causality_gradients_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The weight of every pair, a probability times a Sigmoid, through the gradient of its distance."""
    u = precision.u
    f_tilde, f_plus, f_minus = (exact(arguments[name], u) for name in ("f_tilde", "f_plus", "f_minus"))
    distance, vjp = DISTANCES[arguments.get("distance", "cosine")]
    d_tilde, d_plus, d_minus = (distance(f, f) for f in (f_tilde, f_plus, f_minus))
    P, Q = (Rounded(p, 2 * u * p, u) for p in draws(arguments["labels"], arguments.get("triplets")))
    plus = P * (d_plus - d_tilde).sigmoid() - Q * (d_tilde - d_plus).sigmoid()
    minus = P * (d_tilde - d_minus).sigmoid() - Q * (d_minus - d_tilde).sigmoid()
    weights = {"f_tilde": (f_tilde, minus - plus), "f_plus": (f_plus, plus), "f_minus": (f_minus, -minus)}
    return {f"grad_{name}": _within_batch(*vjp(f, f, w)) + precision.underflow for name, (f, w) in weights.items()}


def cross_entropy_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """(softmax - q) / N."""
    logits = exact(arguments["logits"], precision.u)
    q = targets(arguments["labels"], logits.value.shape[1], arguments.get("label_smoothing", 0.1), precision.u)
    gradient = (log_softmax(logits).exp() - q) / exact(len(logits.value), precision.u)
    return {"grad_logits": gradient.error + precision.underflow}


def batch_hard_triplet_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Each anchor's slope through the distances to its hardest examples.

    It holds where rounding decides neither which these are nor the side of the hinge, as `is_decided` says.
    """
    u, margin, labels = precision.u, arguments.get("margin", 0.3), arguments["labels"]
    features = exact(arguments["features"], u)
    d = euclidean(features, features)
    a, p, n = hardest_triplets(d.value, labels).T
    difference = d[a, p] - d[a, n]
    slope = difference.sigmoid() if margin == "soft" else exact(difference.value + margin > 0, u)
    share = slope / exact(max(1, len(a)), u)
    value, error = np.zeros_like(d.value), np.zeros_like(d.value)
    value[a, p], value[a, n] = share.value, -share.value
    error[a, p] = error[a, n] = share.error
    return {"grad_features": _within_batch(*euclidean_vjp(features, features, Rounded(value, error, u)))}


def is_decided(arguments: Mapping[str, Any], precision: Precision) -> bool:
    """Whether the gradient of the batch-hard triplet loss is the same however its distances round.

    A tie is decided if every way to compute it rounds the same: where the differences between the tied rows hold the
    same magnitudes, of which the scaled and plain sums of squares are exact in any order. So it is with small whole
    numbers, whose lengths are whole and a power of two times the largest's.
    """
    margin, features = arguments.get("margin", 0.3), exact(arguments["features"], precision.u)
    d = euclidean(features, features)
    triplets = hardest_triplets(d.value, arguments["labels"])
    positives = arguments["labels"][:, None] == arguments["labels"]
    for a, p, n in triplets:
        for hardest, rivals in ((p, positives[a]), (n, ~positives[a])):
            near = np.abs(d.value[a] - d.value[a, hardest]) <= d.error[a] + d.error[a, hardest]
            if any(not _same_length(features.value, a, hardest, rival) for rival in np.flatnonzero(rivals & near)):
                return False
        hinge = d[a, p] - d[a, n] + exact(0 if margin == "soft" else margin, precision.u)
        if margin not in ("soft", 0) and abs(hinge.value) <= hinge.error + precision.u * margin:
            return False
        if margin == 0 and abs(hinge.value) <= hinge.error and not _same_length(features.value, a, p, n):
            return False
    return True


def _same_length(features: np.ndarray, a: int, first: int, second: int) -> bool:
    one, other = (np.abs(features[a] - features[i]) for i in (first, second))
    return bool(np.array_equal(one, other)) or (_is_exact(one) and _is_exact(other) and one @ one == other @ other)


def _is_exact(v: np.ndarray) -> bool:
    """Whether the length is exact, of v as of v over its largest magnitude."""
    largest = v.max()
    if largest == 0:
        return True
    scaled = v / largest
    length = np.sqrt(scaled @ scaled)
    few_bits = all((x * 2.0**10 == np.round(x * 2.0**10)).all() for x in (scaled, length, v))
    return bool(few_bits and length**2 == scaled @ scaled)


def _within_batch(as_x: Rounded, as_y: Rounded) -> np.ndarray:
    return (as_x + as_y).error
