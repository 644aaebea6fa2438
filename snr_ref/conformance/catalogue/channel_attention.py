"""Eq. 3 on its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.inputs import params, saturating
from snr_ref.conformance.draw import Draw

cases = Catalogue("channel_attention", "the gates of the channels, eq. 3, on their own")


@cases.case("channel_attention", "1.4")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Five images, 8 channels, 2 hidden units."""
    return attention(draw, 5, 8, 2)


@cases.case("channel_attention", "1.4")
def square_weights(draw: Draw) -> dict[str, Any]:
    """As many images and hidden units as channels: no transpose and no swap crashes."""
    return attention(draw, 4, 4, 4)


@cases.case("channel_attention", "1.4")
def many_channels(draw: Draw) -> dict[str, Any]:
    """64 channels at a reduction of 16."""
    return attention(draw, 3, 64, 4)


@cases.case("channel_attention", "1.4")
def one_hidden_unit(draw: Draw) -> dict[str, Any]:
    """All channels share one hidden unit."""
    return attention(draw, 3, 6, 1)


@cases.case("channel_attention", "1.4")
def both_biases(draw: Draw) -> dict[str, Any]:
    """An attention with both biases."""
    return attention(draw, 3, 6, 3, b1=True, b2=True)


@cases.case("channel_attention", "1.4")
def first_bias_only(draw: Draw) -> dict[str, Any]:
    """The bias beside w1 alone."""
    return attention(draw, 3, 6, 3, b1=True)


@cases.case("channel_attention", "1.4")
def second_bias_only(draw: Draw) -> dict[str, Any]:
    """The bias beside w2 alone."""
    return attention(draw, 3, 6, 3, b2=True)


@cases.case("channel_attention", "6.4")
def saturated(draw: Draw) -> dict[str, Any]:
    """Logits to both sides of 20, of 69, and of 1000: small gates are kept, nothing overflows."""
    weights = saturating(draw, 8, 20.5, -20.5, 69, -69, 17, -17, 1000, -1000)
    return {"z": np.ones((1, 8)) + draw.normal(2, 8) / 64, "w1": weights.w1, "w2": weights.w2}


@cases.case("channel_attention", "1.4", "6.4")
def dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """No hidden unit is positive: every gate is 1/2."""
    arguments = attention(draw, 3, 5, 2)
    return arguments | {"z": np.abs(arguments["z"]), "w1": -np.abs(arguments["w1"])}


@cases.case("channel_attention", "1.4")
def zero_residual(draw: Draw) -> dict[str, Any]:
    """Where nothing was removed, b1 and b2 alone decide."""
    return attention(draw, 2, 4, 2, b1=True, b2=True) | {"z": np.zeros((2, 4))}


@cases.case("channel_attention", "6.3", kind="pattern")
def nan_in_one_image(draw: Draw) -> dict[str, Any]:
    """All gates of that image are lost, none of the others."""
    arguments = attention(draw, 3, 4, 2)
    arguments["z"][1, 2] = np.nan
    return arguments


@cases.case("channel_attention", "6.6", kind="refusal")
def channels_of_z(draw: Draw) -> dict[str, Any]:
    """The residual has a channel less than the weights."""
    return attention(draw, 3, 4, 2) | {"z": draw.normal(3, 3)}


@cases.case("channel_attention", "6.6", kind="refusal")
def unpooled(draw: Draw) -> dict[str, Any]:
    """A residual that was not pooled has no gates."""
    return attention(draw, 3, 4, 2) | {"z": draw.normal(3, 2, 2, 4)}


def attention(draw: Draw, images: int, channels: int, hidden: int, **biases: bool) -> dict[str, Any]:
    """A pooled residual and the weights of its attention, in general position."""
    arguments = {"z": draw.normal(images, channels)}
    weights = params(draw, channels, hidden, **biases)._asdict()
    return arguments | {name: weights[name] for name in ("w1", "w2", "b1", "b2") if weights[name] is not None}
