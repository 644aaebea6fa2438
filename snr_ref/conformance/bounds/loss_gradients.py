"""Bounds of the gradients of the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.distances import DISTANCES, euclidean, euclidean_vjp
from snr_ref.conformance.bounds.losses import log_softmax, scalar, targets
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
    return {f"grad_{name}": _within_batch(*vjp(f, f, w)) for name, (f, w) in weights.items()}


def cross_entropy_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """(softmax - q) / N."""
    logits = exact(arguments["logits"], precision.u)
    q = targets(arguments["labels"], logits.value.shape[1], arguments.get("label_smoothing", 0.1), precision.u)
    gradient = (log_softmax(logits).exp() - q) / exact(len(logits.value), precision.u)
    return {"grad_logits": gradient.error}


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
    """Whether the gradient of the batch-hard triplet loss has the same hardest examples however its distances round.

    Two distances that rounding could swap are decided all the same if every way to compute them rounds both alike, and
    an anchor on the edge of the hinge if both of its distances are exact.

    Args:
        arguments: Of `batch_hard_triplet_gradient`.
        precision: What the distances are computed in.

    Returns:
        Whether it is so for every anchor.
    """
    margin, u = arguments.get("margin", 0.3), precision.u
    features = exact(arguments["features"], u)
    d = euclidean(features, features)
    positives = arguments["labels"][:, None] == arguments["labels"]
    for a, p, n in hardest_triplets(d.value, arguments["labels"]).tolist():
        for hardest, rivals in ((p, positives[a]), (n, ~positives[a])):
            near = np.abs(d.value[a] - d.value[a, hardest]) <= d.error[a] + d.error[a, hardest]
            differences = np.abs(features.value[a] - features.value[rivals & near])
            if not all(_rounds_alike(differences[0], other) for other in differences[1:]):
                return False
        if margin == "soft":
            continue
        hinge = d[a, p] - d[a, n] + scalar(margin, u)
        differences = np.abs(features.value[a] - features.value[[p, n]])
        is_settled = (
            _rounds_alike(*differences)
            if margin == 0
            else all(map(_has_exact_length, [*differences, np.array([margin])]))
        )
        if abs(hinge.value) <= hinge.error and not is_settled:
            return False
    return True


def _rounds_alike(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two vectors have the same magnitudes, or lengths that are equal and exact in any way to compute them."""
    return bool(np.array_equal(x, y) or (_has_exact_length(x) and _has_exact_length(y) and x @ x == y @ y))


def _has_exact_length(v: np.ndarray) -> bool:
    """Whether v, v over its largest magnitude, and the lengths of both are multiples of 1/1024 and small."""
    scaled = v / (v.max() or 1)
    numbers = np.concatenate([v, scaled, [np.sqrt(v @ v), np.sqrt(scaled @ scaled)]])
    return bool((numbers * 1024 == np.round(numbers * 1024)).all() and v @ v < 1024)


def _within_batch(as_x: Rounded, as_y: Rounded) -> np.ndarray:
    return (as_x + as_y).error
