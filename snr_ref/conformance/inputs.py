"""What the cases of the module are made of: feature maps and parameters in general position."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.draw import Draw, significant
from snr_ref.restitution import SNRParams


def feature_map(draw: Draw, *shape: int, bits: int = 8) -> np.ndarray:
    """Every image and channel has a mean and a deviation of its own.

    Args:
        draw: Of the case.
        shape: (N, *S, C).
        bits: Significant bits of each number.

    Returns:
        float64.
    """
    per_channel = (shape[0], *(1 for _ in shape[1:-1]), shape[-1])
    deviation, mean = draw.uniform(0.5, 2, *per_channel), draw.normal(*per_channel)
    return significant(draw.normal(*shape, bits=bits) * deviation + mean, bits)


def params(draw: Draw, channels: int, hidden: int, *, b1: bool = False, b2: bool = False, bits: int = 8) -> SNRParams:
    """Parameters whose logits are about as large as z, so that gates are open, shut and in between.

    Several hidden units add up to 0, or to 1 with a bias, so that one of them is positive, whatever z is.

    Args:
        draw: Of the case.
        channels: C.
        hidden: C/r.
        b1: Whether there is a first bias.
        b2: Whether there is a second.
        bits: Significant bits of the weights.

    Returns:
        float64.
    """
    w1, first_bias = draw.normal(channels, hidden, bits=bits), draw.normal(hidden)
    first_bias[-1] = significant(1 - first_bias[:-1].sum())
    if hidden > 1:
        w1[:, -1] = significant(-w1[:, :-1].sum(axis=1), bits)
    return SNRParams(
        gamma=draw.uniform(0.5, 2, channels),
        beta=draw.normal(channels),
        w1=w1 * _power_of_two_near_root(channels),
        w2=draw.normal(hidden, channels, bits=bits) * _power_of_two_near_root(hidden),
        b1=first_bias if b1 else None,
        b2=draw.normal(channels) if b2 else None,
    )


def saturating(draw: Draw, channels: int, *logits: float) -> SNRParams:
    """Parameters whose logits are those numbers, about, if the mean of z over the channels is about 1.

    Args:
        draw: Of the case.
        channels: C, a power of two.
        logits: One for each channel.

    Returns:
        Parameters without biases, with one hidden unit.
    """
    return SNRParams(
        gamma=draw.uniform(0.5, 2, channels),
        beta=np.zeros(channels),
        w1=np.full((channels, 1), 1 / channels),
        w2=np.array([logits], np.float64),
    )


def faint(draw: Draw, channels: int) -> SNRParams:
    """Parameters whose gates are almost shut and hardly depend on z, so that F~+ is as small as F~ beside a large F."""
    weights = params(draw, channels, 2, b2=True)
    assert weights.b2 is not None
    return weights._replace(w1=weights.w1 * 2.0**-13, b2=significant(weights.b2 - 12))


def _power_of_two_near_root(width: int) -> float:
    return 2.0 ** -((width.bit_length() - 1) // 2)
