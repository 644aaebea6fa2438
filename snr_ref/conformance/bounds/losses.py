"""Bounds of the losses and of the whole objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance.bounds.distances import DISTANCES, euclidean
from snr_ref.conformance.bounds.module import snr_bounds
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.dual_causality import pairs
from snr_ref.reid_losses import smoothed_targets

#: Of a smoothed target (1 - s) onehot + s / K, where a port may round s first.
_TARGET_ROUNDINGS = 4


def dual_causality(
    f_tilde: Rounded, f_plus: Rounded, f_minus: Rounded, labels: np.ndarray, distance: str, triplets: Any = None
) -> tuple[Rounded, Rounded]:
    """L+ and L-, each a mean of Softplus over pairs of distances, plus another."""
    between, _ = DISTANCES[distance]
    d_tilde, d_plus, d_minus = (between(f, f) for f in (f_tilde, f_plus, f_minus))
    positives, negatives = pairs(labels)

    def over_positives(x: Rounded) -> Rounded:
        return _over_anchors(x, positives) if triplets is None else mean(x[triplets[:, 0], triplets[:, 1]])

    def over_negatives(x: Rounded) -> Rounded:
        return _over_anchors(x, negatives) if triplets is None else mean(x[triplets[:, 0], triplets[:, 2]])

    plus = over_positives((d_plus - d_tilde).softplus()) + over_negatives((d_tilde - d_plus).softplus())
    minus = over_positives((d_tilde - d_minus).softplus()) + over_negatives((d_minus - d_tilde).softplus())
    return plus, minus


def cross_entropy(logits: Rounded, labels: np.ndarray, label_smoothing: float) -> Rounded:
    """A mean of -sum of q log softmax."""
    q = targets(labels, logits.value.shape[1], label_smoothing, logits.u)
    return mean(-(q * log_softmax(logits)).sum(1))


def log_softmax(logits: Rounded) -> Rounded:
    """(l - m) - log(sum of exp(l - m)), m being the largest: what all logits have in common drops out unrounded."""
    shifted = logits - exact(logits.value.max(1, keepdims=True), logits.u)
    return shifted - shifted.exp().sum(1).log()[:, None]


def targets(labels: np.ndarray, classes: int, label_smoothing: float, u: float) -> Rounded:
    """(1 - s) onehot + s / K."""
    q = smoothed_targets(labels, classes, label_smoothing)
    return Rounded(q, np.where(q == 1, 0, _TARGET_ROUNDINGS * u * q), u)


def batch_hard(features: Rounded, labels: np.ndarray, margin: Any) -> Rounded:
    """A mean of the hinge, or Softplus, of the largest distance to a positive less the smallest to a negative.

    Which examples are the hardest may change by rounding; how far they are does not.
    """
    d = euclidean(features, features)
    anchors = [(d[a, p], d[a, n]) for a, (p, n) in enumerate(zip(*pairs(labels), strict=True)) if p.any() and n.any()]
    difference = stack([positive.max(0) + (-negative).max(0) for positive, negative in anchors], features.u)
    return mean(difference.softplus() if margin == "soft" else (difference + scalar(margin, features.u)).relu())


def total(reid_loss: Rounded, losses: Sequence[Rounded], weights: Sequence[float]) -> Rounded:
    """L_ReID + sum of lambda_b L_SNR^b."""
    for loss, weight in zip(losses, weights, strict=True):
        reid_loss = reid_loss + scalar(weight, reid_loss.u) * loss
    return reid_loss


def scalar(value: float, u: float) -> Rounded:
    """A number that is handed over in float64, which a port may round first."""
    return Rounded(np.asarray(value, np.float64), np.asarray(u * abs(value)), u)


def _over_anchors(x: Rounded, allowed: np.ndarray) -> Rounded:
    """The mean over each row's allowed numbers, then over the rows that have any."""
    return mean(stack([mean(row) for row in (x[a, chosen] for a, chosen in enumerate(allowed) if chosen.any())], x.u))


def mean(x: Rounded) -> Rounded:
    """The mean of a vector; 0 without an error if it is empty."""
    return x.sum(0) / exact(max(1, len(x.value)), x.u)


def stack(numbers: list[Rounded], u: float) -> Rounded:
    """Numbers, or arrays of one shape, along a new first axis."""
    return Rounded(np.array([x.value for x in numbers]), np.array([x.error for x in numbers]), u)


def dual_causality_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `dual_causality_loss`."""
    f_tilde, f_plus, f_minus = (exact(arguments[name], precision.u) for name in ("f_tilde", "f_plus", "f_minus"))
    distance, triplets = arguments.get("distance", "cosine"), arguments.get("triplets")
    plus, minus = dual_causality(f_tilde, f_plus, f_minus, arguments["labels"], distance, triplets)
    return {"plus": plus.error, "minus": minus.error}


def cross_entropy_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `cross_entropy`."""
    logits = exact(arguments["logits"], precision.u)
    return {"loss": cross_entropy(logits, arguments["labels"], arguments.get("label_smoothing", 0.1)).error}


def batch_hard_triplet_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `batch_hard_triplet_loss`."""
    features = exact(arguments["features"], precision.u)
    return {"loss": batch_hard(features, arguments["labels"], arguments.get("margin", 0.3)).error}


def total_objective_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `total_objective`."""
    u = precision.u
    losses = [scalar(loss, u) for loss in arguments["dual_causality_losses"]]
    return {"total": total(scalar(arguments["reid_loss"], u), losses, arguments["weights"]).error}


def objective_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of the objective out of an implementation's own parts, whose f~ is beta itself: no error comes from it."""
    F, params, labels, u = arguments["F"], arguments["params"], arguments["labels"], precision.u
    out, bounds = snr_ref.snr(F, params), snr_bounds({"F": F, "params": params}, precision)
    f_plus, f_minus = Rounded(out.f_plus, bounds["f_plus"], u), Rounded(out.f_minus, bounds["f_minus"], u)
    plus, minus = dual_causality(exact(out.f_tilde, u), f_plus, f_minus, labels, "cosine")
    reid = cross_entropy(exact(arguments["logits"], u), labels, 0.1) + batch_hard(f_plus, labels, 0.3)
    return {"total": total(reid, [plus + minus], [arguments["weight"]]).error}
