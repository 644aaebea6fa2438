"""Bounds of the statistics of each image and channel, for every algorithm that is accurate with a large mean.

These are: two passes, with or without a correction of the first mean for its own rounding, and updates of a running
mean (Welford), with sums in any order. E[x^2] - mu^2 is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance.running_error import Rounded, exact

#: A standard deviation as the reciprocal of a reciprocal root is off by this many roundings more than a root.
_RECIPROCAL = 8


class Statistics(NamedTuple):
    """The statistics in eq. 1 of a feature map with M pixels.

    Attributes:
        F: Feature map, (N, M, C).
        mu: Mean, (N, C).
        centred: F - mu, (N, M, C), with the error of the mean and one rounding.
        sigma: Standard deviation, (N, C).
        inverse_sigma: 1 / sigma, (N, C).
    """

    F: np.ndarray
    mu: Rounded
    centred: Rounded
    sigma: Rounded
    inverse_sigma: Rounded

    @property
    def pixels(self) -> int:
        """M, the number of pixels."""
        return self.F.shape[1]


def statistics(arguments: Mapping[str, Any], u: float) -> Statistics:
    """The statistics of the case's F, with its epsilon.

    Args:
        arguments: Arguments of a function that has `F` and `epsilon`.
        u: Unit roundoff of the computation.

    Returns:
        The statistics with their bounds.
    """
    F, epsilon = np.asarray(arguments["F"], np.float64), arguments.get("epsilon", 1e-5)
    flat = F.reshape(F.shape[0], -1, F.shape[-1])
    mu, variance = moments(flat, u)
    stabilized = variance + Rounded(np.array(epsilon), np.array(u * epsilon), u)
    sigma = stabilized.sqrt()
    return Statistics(
        F=flat,
        mu=mu,
        centred=exact(flat, u) - mu[:, None],
        sigma=Rounded(sigma.value, sigma.error + _RECIPROCAL * u * (sigma.value + sigma.error), u),
        inverse_sigma=stabilized.rsqrt(least=epsilon * (1 - u)),
    )


def moments(F: np.ndarray, u: float) -> tuple[Rounded, Rounded]:
    """Mean and biased variance over the pixels.

    A mean is off by `off`, M roundings of the mean magnitude. This holds for a sum in any order and for a running mean,
    which reduces a rounding at step k to k / M of itself by the end. A correction computes the mean difference from
    that mean, with as many roundings of its own. The mean square of the differences from such a mean is off by `off`
    squared; from a mean that is still running, by twice `off` times the mean difference.

    Args:
        F: Feature map, (N, M, C).
        u: Unit roundoff.

    Returns:
        Mean and variance, both (N, C).
    """
    pixels = F.shape[1]
    mean, variance = F.mean(1), F.var(1)
    spread = np.abs(F - mean[:, None]).mean(1)
    uncorrected = (pixels + 1) * u * np.abs(F).mean(1)
    corrected = (pixels + 2) * u * (spread + uncorrected) + u * np.abs(mean)
    off = np.where(_is_exact(F, u), 0, np.maximum(uncorrected, corrected))
    square_off = off**2 + 2 * off * spread
    return Rounded(mean, off, u), Rounded(variance, square_off + (pixels + 4) * u * (variance + square_off), u)


def _is_exact(F: np.ndarray, u: float) -> np.ndarray:
    """Whether every algorithm computes the mean without any rounding, (N, C).

    This is so for one pixel, two, and 2^k equal ones, if the numbers have so few bits that no partial sum rounds.
    """
    pixels = F.shape[1]
    alike = (F[:, :1] == F).all(1) if pixels > 2 else np.full(F[:, 0].shape, True)
    few_bits = np.abs(F).sum(1) <= _last_bit(F).min(1) * 2 / u
    return alike & few_bits & (pixels & (pixels - 1) == 0)


def _last_bit(x: np.ndarray) -> np.ndarray:
    """The value of the lowest set bit of each number; infinite for 0."""
    finite = np.where(np.isfinite(x), x, 0.0)
    mantissa, exponent = np.frexp(finite)
    bits = np.ldexp(np.abs(mantissa), 53).astype(np.int64)
    return np.where(bits == 0, np.inf, np.ldexp((bits & -bits).astype(np.float64), exponent - 53))
