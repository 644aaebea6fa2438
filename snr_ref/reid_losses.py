"""L_ReID, the standard losses of re-identification, and the total objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from snr_ref._checks import integer_labels, matrix, non_negative
from snr_ref.distances import euclidean
from snr_ref.dual_causality import pairs
from snr_ref.elementary import log_softmax, relu, softplus

#: The paper's weights lambda_b of the modules after the four stages of ResNet-50.
RESNET50_WEIGHTS = (0.1, 0.1, 0.5, 0.5)


def total_objective(reid_loss: float, dual_causality_losses: Sequence[float], weights: Sequence[float]) -> float:
    """L = L_ReID + sum over the b inserted modules of lambda_b L_SNR^b.

    Args:
        reid_loss: L_ReID.
        dual_causality_losses: L_SNR^b of each module: the `.total` of its `dual_causality_loss`.
        weights: Weight lambda_b of each module; the paper's for ResNet-50 are `RESNET50_WEIGHTS`.

    Returns:
        The total L.

    Raises:
        ValueError: If there is not one weight per module.

    Source:
        Jin et al., CVPR 2020, sec. 3.2.
    """
    if len(dual_causality_losses) != len(weights):
        raise ValueError(
            "`weights` must hold one lambda per module. "
            f"Received: {len(weights)} weights for {len(dual_causality_losses)} losses"
        )
    return reid_loss + sum(weight * loss for weight, loss in zip(weights, dual_causality_losses, strict=True))


@np.errstate(invalid="ignore")  # infinite logits have no probabilities; the loss is NaN
def cross_entropy(logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.1) -> float:
    """CE = mean over the rows of -sum over k of q_k log softmax(l)_k, with q = (1 - s) onehot + s / K.

    Args:
        logits: Logits, (N, K), N at least 1.
        labels: Class of each row, (N,), integers in [0, K).
        label_smoothing: Label smoothing s, in [0, 1].

    Returns:
        CE, in nats.

    Raises:
        ValueError: If logits is not a floating matrix with at least one row, a label is not in [0, K), or s is not in
            [0, 1].

    Source:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, sec. 7.
    """
    logits, labels = check_logits(logits, labels)
    q = smoothed_targets(labels, logits.shape[1], check_smoothing(label_smoothing))
    return mean_cross_entropy(logits, q)


def mean_cross_entropy(logits: np.ndarray, q: np.ndarray) -> float:
    """CE = mean over the rows of -sum over k of q_k log softmax(l)_k."""
    return -(q * log_softmax(logits)).sum(axis=1).mean()


def smoothed_targets(labels: np.ndarray, classes: int, label_smoothing: float) -> np.ndarray:
    """The targets q = (1 - s) onehot(labels) + s / K, (N, K)."""
    return (1 - label_smoothing) * np.eye(classes)[labels] + label_smoothing / classes


@np.errstate(invalid="ignore")
def batch_hard_triplet_loss(
    features: np.ndarray, labels: np.ndarray, *, margin: float | Literal["soft"] = 0.3
) -> float:
    """The mean over the anchors of max(0, m + d_ap - d_an), or of Softplus(d_ap - d_an) for the soft margin.

    p is the anchor's farthest positive and n its nearest negative, by Euclidean distance; of equally hard examples,
    the one with the lowest index. Anchors without a positive or a negative do not contribute; if no anchor has both,
    the loss is 0.

    Args:
        features: Features, (N, D), pooled, before BNNeck.
        labels: Identities, (N,), any integers.
        margin: Margin m, at least 0, or "soft".

    Returns:
        The loss.

    Raises:
        ValueError: If features is not a floating matrix, the labels are not N integers, or the margin is neither a
            number of at least 0 nor "soft".

    Source:
        Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification", arXiv 1703.07737, eq. 5.
    """
    features, labels = check_features(features, labels)
    margin = check_margin(margin)
    d = euclidean(features, features)
    a, p, n = hardest_triplets(d, labels).T
    return hard_triplet_terms(d[a, p] - d[a, n], margin).sum() / max(1, len(a))


def hard_triplet_terms(difference: np.ndarray, margin: float | Literal["soft"]) -> np.ndarray:
    """max(0, m + d_ap - d_an), or Softplus(d_ap - d_an) for the soft margin, for each triplet."""
    return softplus(difference) if margin == "soft" else relu(difference + margin)


def hardest_triplets(d: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each anchor with its farthest positive and nearest negative, if it has both, (T, 3); the first of equals."""
    positives, negatives = pairs(labels)
    triplets = [
        (a, _first_largest(d[a].real, positives[a]), _first_largest(-d[a].real, negatives[a]))
        for a in range(len(labels))
        if positives[a].any() and negatives[a].any()
    ]
    return np.array(triplets, np.int64).reshape(-1, 3)


def check_logits(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floating logits (N, K) and N integers in [0, K); ValueError if they are not."""
    logits = matrix("logits", logits, "(N, K)")
    if len(logits) == 0:
        raise ValueError(f"`logits` must have at least one row. Received: shape {logits.shape}")
    labels = integer_labels("labels", labels, len(logits), f"logits of shape {logits.shape}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"`labels` must be in [0, {logits.shape[1]}) to match logits of shape {logits.shape}. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )
    return logits, labels


def check_smoothing(label_smoothing: float) -> float:
    """A number in [0, 1]; ValueError if it is not."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"`label_smoothing` must be in [0, 1]. Received: {label_smoothing!r}")
    return label_smoothing


def check_features(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floating features (N, D) and N integers; ValueError if they are not."""
    features = matrix("features", features, "(N, D)")
    return features, integer_labels("labels", labels, len(features), f"features of shape {features.shape}")


def check_margin(margin: float | Literal["soft"]) -> float | Literal["soft"]:
    """A number of at least 0, or "soft"; ValueError if it is neither."""
    return "soft" if margin == "soft" else non_negative("margin", margin)


def _first_largest(values: np.ndarray, allowed: np.ndarray) -> int:
    """The index of the largest allowed value; the lowest index of equal ones."""
    candidates = np.flatnonzero(allowed)
    return int(candidates[np.argmax(values[candidates])])
