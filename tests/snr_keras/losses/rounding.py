"""By how much rounding may move the metric losses and their gradients, and where it may turn a decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.reid_losses import hardest_triplets


def dual_causality_bounds(
    embeddings: list[np.ndarray], distance: str, u: float, stored_u: float
) -> tuple[float, list[np.ndarray]]:
    """Bounds of the loss and of its three gradients.

    A distance of C channels takes no more than `k = 2 C + 16` roundings, relative to itself (Euclidean) or to 1
    (cosine). The loss is four means of softplus, each as far off as its two distances; a softplus and a mean of N * N
    terms round besides. In the gradient every pair has a weight P sigmoid(d - d'), which sum to at most 2 over the four
    terms, and a direction of length at most 1 / |x| (cosine) or 1 (Euclidean), each off by k roundings; a row sums 2 N
    of them.
    """
    images, channels = embeddings[0].shape
    k = 2 * channels + 16
    largest = 1.0 if distance == "cosine" else 2 * max(np.sqrt((f**2).sum(1)).max() for f in embeddings)
    distance_error = k * u * largest
    term = distance_error * 2 + (images**2 + 16) * u * (1 + 2 * largest)
    bounds = []
    for f in embeddings:
        length = np.sqrt((f**2).sum(axis=1, keepdims=True))
        direction = 1 / np.where(length > 0, length, 1) if distance == "cosine" else np.ones_like(length)
        error = 4 * direction * (2 * k * u + distance_error + 2 * images * u)
        bounds.append(np.broadcast_to(error + 4 * direction * stored_u, f.shape))
    return 4 * term, bounds


def triplet_bounds(features: np.ndarray, u: float, stored_u: float) -> tuple[float, np.ndarray]:
    """Bounds of the loss and of its gradient, where every decision is clear.

    A distance takes no more than `k = C + 16` roundings. Each anchor moves itself and two others by at most 1 / N along
    unit vectors, so that a row of the gradient sums at most 2 + 2 N / N of length 1.
    """
    images, channels = features.shape
    k = channels + 16
    largest = 2 * np.sqrt((features**2).sum(1)).max()
    value = (k + images) * u * (1 + 2 * largest)
    gradient = 4 * ((k + images) * u + k * u * 2 * largest + stored_u)
    return value, np.full(features.shape, gradient)


def is_decided(features: np.ndarray, labels: np.ndarray, margin: Any, u: float) -> bool:
    """Whether rounding can't change which examples are hardest, nor on which side of the hinge an anchor is.

    Equal distances are decided: to whole numbers rounding does nothing, and to equal rows it does the same.
    """
    d = np.sqrt(((features[:, None] - features[None]) ** 2).sum(-1))
    error = (features.shape[1] + 16) * u * (1 + d.max())
    gaps = np.abs(d[:, :, None] - d[:, None, :])
    whole = (features == np.round(features)).all()
    near = (gaps > 0) & (gaps <= 2 * error)
    if near.any() and not whole:
        return False
    if margin == "soft":
        return True
    a, p, n = hardest_triplets(d, labels).T
    hinge = np.abs(d[a, p] - d[a, n] + margin)
    return not ((hinge > 0) & (hinge <= 2 * error)).any() and not (margin == 0 and (hinge == 0).any() and not whole)
