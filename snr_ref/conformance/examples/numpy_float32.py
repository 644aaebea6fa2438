"""SNR and its losses in NumPy, equation by equation, in the precision of the arguments; the reference widens them.

It shows what the literal equations lose in float32. NumPy has no automatic gradients, so there are none here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from snr_ref.restitution import SNROutputs, SNRParams

dtypes = ("float64", "float32")

Array = np.ndarray


@np.errstate(invalid="ignore")  # an image that holds Inf becomes NaN; the others are not affected
def snr(F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> SNROutputs:
    """Eqs. 1 to 5 for maps (N, *S, C)."""
    pixels = tuple(range(1, F.ndim - 1))
    F_tilde = instance_norm(F, params.gamma, params.beta, epsilon=epsilon)  # eq. 1
    R = F - F_tilde  # eq. 2
    a = channel_attention(R.mean(pixels), *params[2:])  # eq. 3
    gate = np.expand_dims(a, pixels)
    R_plus, R_minus = gate * R, (1 - gate) * R  # eq. 4
    F_plus, F_minus = F_tilde + R_plus, F_tilde + R_minus  # eq. 5
    f_tilde = np.broadcast_to(params.beta, a.shape)  # the mean of F_tilde, without its rounding
    return SNROutputs(
        F_tilde, R, a, R_plus, R_minus, F_plus, F_minus, f_tilde, F_plus.mean(pixels), F_minus.mean(pixels)
    )


@np.errstate(invalid="ignore")
def instance_norm(F: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> Array:
    """Eq. 1: F~ = gamma (F - mu) / sigma + beta."""
    pixels = tuple(range(1, F.ndim - 1))
    centred = F - F.mean(pixels, keepdims=True)
    sigma = np.sqrt((centred**2).mean(pixels, keepdims=True) + epsilon)
    return gamma * (centred / sigma) + beta


@np.errstate(invalid="ignore")
def channel_attention(z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None) -> Array:
    """Eq. 3: a = Sigmoid(W2 ReLU(W1 z)), with z the pooled residual, (N, C)."""
    hidden = np.maximum(z @ w1 if b1 is None else z @ w1 + b1, 0)
    logits = hidden @ w2 if b2 is None else hidden @ w2 + b2
    e = np.exp(-abs(logits))  # no exponent is positive, so none overflows
    return np.where(logits < 0, e, 1) / (1 + e)


def cosine_distance(x: Array, y: Array) -> Array:
    """The paper's distance: d = 0.5 - x.y / (2 |x| |y|), (N, M); 0 for equal rows, zero vectors included."""
    d = np.clip(0.5 - unit(x) @ unit(y).T / 2, 0, 1)
    return np.where((x[:, None] == y[None]).all(-1), 0, d)


def euclidean_distance(x: Array, y: Array) -> Array:
    """The alternative distance: d = |x - y|, (N, M)."""
    return norm(x[:, None] - y[None])


def norm(v: Array) -> Array:
    """|v| over the last axis, scaled by the largest number so that no square overflows."""
    largest = abs(v).max(-1)
    scale = np.where(largest == 0, 1, largest)
    return scale * np.sqrt(((v / scale[..., None]) ** 2).sum(-1))


def unit(v: Array) -> Array:
    """The direction v / |v|; 0 for 0."""
    largest = abs(v).max(-1, keepdims=True)
    scaled = v / np.where(largest == 0, 1, largest)
    return scaled / np.where(largest == 0, 1, norm(scaled)[:, None])


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without positive exponents."""
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


def dual_causality_loss(
    f_tilde: Array,
    f_plus: Array,
    f_minus: Array,
    labels: Array,
    *,
    distance: Callable[[Array, Array], Array] = cosine_distance,
    triplets: Array | None = None,
) -> tuple[Array, Array]:
    """L+ and L-: a mean over an anchor's positives (negatives), then over the anchors; or over the triplets."""
    d_tilde, d_plus, d_minus = (distance(f, f) for f in (f_tilde, f_plus, f_minus))
    if triplets is not None:
        a, p, n = triplets.T
        closer, farther = softplus(d_plus - d_tilde)[a, p], softplus(d_tilde - d_plus)[a, n]
        apart, together = softplus(d_tilde - d_minus)[a, p], softplus(d_minus - d_tilde)[a, n]
        return (closer + farther).sum() / max(1, len(a)), (apart + together).sum() / max(1, len(a))
    positives, negatives = pairs(labels)
    plus = mean_of_means(d_plus - d_tilde, positives) + mean_of_means(d_tilde - d_plus, negatives)
    minus = mean_of_means(d_tilde - d_minus, positives) + mean_of_means(d_minus - d_tilde, negatives)
    return plus, minus


def mean_of_means(differences: Array, pairs: Array) -> Array:
    """The mean of Softplus over an anchor's pairs, then over the anchors that have any; 0 if none has."""
    means = [softplus(row[own]).mean() for row, own in zip(differences, pairs, strict=True) if own.any()]
    return np.mean(means) if means else differences.dtype.type(0)


def pairs(labels: Array) -> tuple[Array, Array]:
    """Positive pairs (two images of one identity) and negative pairs (two identities), (N, N), bool."""
    same = labels[:, None] == labels[None]
    return same & ~np.eye(len(labels), dtype=bool), ~same


def batch_hard_triplet_loss(features: Array, labels: Array, *, margin: Any = 0.3) -> Array:
    """Mean over the anchors of max(0, m + d_ap - d_an), p the farthest positive and n the nearest negative."""
    positives, negatives = pairs(labels)
    d = euclidean_distance(features, features)
    anchors = np.flatnonzero(positives.any(1) & negatives.any(1))
    if not len(anchors):
        return features.dtype.type(0)
    farthest = np.where(positives, d, -np.inf).max(1)[anchors]
    nearest = np.where(negatives, d, np.inf).min(1)[anchors]
    difference = farthest - nearest
    return (softplus(difference) if margin == "soft" else np.maximum(difference + margin, 0)).mean()


def cross_entropy(logits: Array, labels: Array, *, label_smoothing: float = 0.1) -> Array:
    """Mean over the rows of -sum of q log softmax(l), with q = (1 - s) onehot + s / K."""
    classes = logits.shape[1]
    q = (1 - label_smoothing) * np.eye(classes, dtype=logits.dtype)[labels] + label_smoothing / classes
    shifted = logits - logits.max(1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -(q * log_softmax).sum(1).mean()


def total_objective(reid_loss: Array, dual_causality_losses: Sequence[Array], weights: Sequence[float]) -> Array:
    """L = L_ReID + sum of lambda_b L_SNR^b."""
    return reid_loss + sum(w * loss for w, loss in zip(weights, dual_causality_losses, strict=True))
