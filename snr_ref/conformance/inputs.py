"""Inputs for the cases of the module: feature maps and parameters in general position."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.draw import Draw, significant
from snr_ref.restitution import SNRParams


def feature_map(draw: Draw, *shape: int, bits: int = 8) -> np.ndarray:
    """A feature map in which every image and channel has its own mean and standard deviation.

    Args:
        draw: Random numbers of the case.
        shape: Shape of the map, (N, *S, C).
        bits: Significant bits of each number.

    Returns:
        The map, in float64.
    """
    per_channel = (shape[0], *(1 for _ in shape[1:-1]), shape[-1])
    deviation, mean = draw.uniform(0.5, 2, *per_channel), draw.normal(*per_channel)
    return significant(draw.normal(*shape, bits=bits) * deviation + mean, bits)


def params(draw: Draw, channels: int, hidden: int, *, b1: bool = False, b2: bool = False, bits: int = 8) -> SNRParams:
    """Parameters whose logits are about as large as z, so that some gates are open, some closed and some in between.

    Several hidden units sum to 0, or to 1 with a bias, so that one of them is positive for any z.

    Args:
        draw: Random numbers of the case.
        channels: Number of channels C.
        hidden: Hidden width C/r.
        b1: Whether there is a first bias.
        b2: Whether there is a second bias.
        bits: Significant bits of the weights.

    Returns:
        The parameters, in float64.
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
    """Parameters with approximately those logits if the mean of z over the channels is about 1.

    Args:
        draw: Random numbers of the case.
        channels: Number of channels C, a power of two.
        logits: Logit of each channel.

    Returns:
        The parameters, without biases, with one hidden unit.
    """
    return SNRParams(
        gamma=draw.uniform(0.5, 2, channels),
        beta=np.zeros(channels),
        w1=np.full((channels, 1), 1 / channels),
        w2=np.array([logits], np.float64),
    )


def faint(draw: Draw, channels: int) -> SNRParams:
    """Parameters with nearly closed gates that hardly depend on z, so that F~+ is as small as F~ and F is large."""
    weights = params(draw, channels, 2, b2=True)
    assert weights.b2 is not None
    return weights._replace(w1=weights.w1 * 2.0**-13, b2=significant(weights.b2 - 12))


def _power_of_two_near_root(width: int) -> float:
    return 2.0 ** -((width.bit_length() - 1) // 2)
