"""Style normalization: eq. 1 of the paper, and the statistics it takes."""

from __future__ import annotations

import numpy as np

from snr_ref._checks import feature_map, non_negative, shaped


@np.errstate(invalid="ignore")  # Inf - Inf: an image that holds Inf comes out as NaN, silently
def instance_norm(F: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, epsilon: float = 1e-5) -> np.ndarray:
    """F~ = gamma (F - mu) / sigma + beta, with the statistics of each image and channel (eq. 1).

    Args:
        F: Feature map, (N, *S, C), with one or more spatial axes S.
        gamma: Scale, (C,).
        beta: Offset, (C,).
        epsilon: Added to the variance. At 0 a constant channel is 0 / 0, hence NaN.

    Returns:
        F~, of the shape of F, in float64 (longdouble and complex128 pass through).

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
    """Pool_avg(x): the mean over the spatial axes. Of F it is mu.

    Args:
        x: Feature map, (N, *S, C).

    Returns:
        (N, C).

    Raises:
        ValueError: If x is not floating or has no spatial axis.
    """
    return pool(feature_map("x", x))


def normalize(F: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> np.ndarray:
    """F~ = gamma (F - mu) / sigma + beta (eq. 1)."""
    return gamma * centred(F) / over_pixels(standard_deviation(F, epsilon), F) + beta


def pool(x: np.ndarray) -> np.ndarray:
    """Pool_avg(x): the mean over the pixels, (N, C). Of F it is mu."""
    return x.mean(axis=spatial_axes(x))


def standard_deviation(F: np.ndarray, epsilon: float) -> np.ndarray:
    """The deviation sigma = sqrt(mean over the pixels of (F - mu)^2 + epsilon), (N, C)."""
    return np.sqrt(pool(centred(F) ** 2) + epsilon)


def centred(F: np.ndarray) -> np.ndarray:
    """F - mu."""
    return F - over_pixels(pool(F), F)


def over_pixels(v: np.ndarray, F: np.ndarray) -> np.ndarray:
    """A vector of each image, (N, C), as (N, 1, ..., 1, C): it broadcasts over the pixels of F."""
    return np.expand_dims(v, spatial_axes(F))


def spatial_axes(F: np.ndarray) -> tuple[int, ...]:
    """S: the axes between that of the images and that of the channels."""
    return tuple(range(1, F.ndim - 1))
