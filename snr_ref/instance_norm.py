"""Style normalization: eq. 1 of the paper, and its statistics."""

from __future__ import annotations

import numpy as np

from snr_ref._checks import feature_map, non_negative, shaped


@np.errstate(invalid="ignore")  # Inf - Inf: an image that holds Inf becomes NaN, without a warning
def instance_norm(F: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, epsilon: float = 1e-5) -> np.ndarray:
    """F~ = gamma (F - mu) / sigma + beta, with the statistics of each image and channel (eq. 1).

    Args:
        F: Feature map, (N, *S, C), with one or more spatial axes S.
        gamma: Scale, (C,).
        beta: Offset, (C,).
        epsilon: Number added to the variance, at least 0. With 0, a constant channel is 0 / 0, hence NaN.

    Returns:
        F~, (N, *S, C), in float64 (longdouble and complex128 keep their precision).

    Raises:
        ValueError: If F is not floating or has no spatial axis, gamma or beta do not have shape (C,), or
            epsilon is negative.

    Source:
        Jin et al., "Style Normalization and Restitution for Generalizable Person Re-identification", CVPR
        2020, eq. 1.
    """
    F = feature_map("F", F)
    gamma = shaped("gamma", gamma, F.shape[-1:], f"F of shape {F.shape}")
    beta = shaped("beta", beta, F.shape[-1:], f"F of shape {F.shape}")
    return normalize(F, gamma, beta, non_negative("epsilon", epsilon))


@np.errstate(invalid="ignore")
def mean_pool(x: np.ndarray) -> np.ndarray:
    """Pool_avg(x): the mean over the spatial axes. Pool_avg(F) is mu.

    Args:
        x: Feature map, (N, *S, C).

    Returns:
        Means, (N, C).

    Raises:
        ValueError: If x is not floating or has no spatial axis.
    """
    return pool(feature_map("x", x))


def normalize(F: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> np.ndarray:
    """F~ = gamma (F - mu) / sigma + beta (eq. 1)."""
    return gamma * centred(F) / over_pixels(standard_deviation(F, epsilon), F) + beta


def pool(x: np.ndarray) -> np.ndarray:
    """Pool_avg(x): the mean over the pixels, (N, C). Pool_avg(F) is mu."""
    return x.mean(axis=spatial_axes(x))


def standard_deviation(F: np.ndarray, epsilon: float) -> np.ndarray:
    """The standard deviation sigma = sqrt(mean over the pixels of (F - mu)^2 + epsilon), (N, C)."""
    return np.sqrt(pool(centred(F) ** 2) + epsilon)


def centred(F: np.ndarray) -> np.ndarray:
    """F - mu."""
    return F - over_pixels(pool(F), F)


def over_pixels(v: np.ndarray, F: np.ndarray) -> np.ndarray:
    """One vector per image, (N, C), reshaped to (N, 1, ..., 1, C) so that it broadcasts over the pixels of F."""
    return np.expand_dims(v, spatial_axes(F))


def spatial_axes(F: np.ndarray) -> tuple[int, ...]:
    """S: the axes between the batch axis and the channel axis."""
    return tuple(range(1, F.ndim - 1))
