"""The module itself, eqs. 1 to 5, with every step of the chain."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw
from snr_ref.restitution import SNRParams

cases = Catalogue("forward", "the module, eqs. 1 to 5, step by step", required=True)

EQUATIONS = ("1.1", "1.2", "1.3", "1.4", "1.5", "1.6")


def params(draw: Draw, channels: int, hidden: int, *, biases: bool = False) -> SNRParams:
    """Parameters in general position."""
    return SNRParams(
        gamma=draw.uniform(0.5, 2, channels),
        beta=draw.normal(channels),
        w1=draw.normal(channels, hidden),
        w2=draw.normal(hidden, channels),
        b1=draw.normal(hidden) if biases else None,
        b2=draw.normal(channels) if biases else None,
    )


@cases.case("snr", *EQUATIONS)
def ordinary(draw: Draw) -> dict[str, Any]:
    """Everything in general position: 4 images of 6x5 pixels, 8 channels, every image with a mean of its own."""
    return {"F": draw.normal(4, 6, 5, 8) + draw.normal(4, 1, 1, 8, bits=4), "params": params(draw, 8, 2)}


@cases.case("snr", "6.2", *EQUATIONS)
def one_pixel(draw: Draw) -> dict[str, Any]:
    """On a 1x1 map F is its own mean, so that F~ = beta exactly."""
    return {"F": draw.normal(3, 1, 1, 4), "params": params(draw, 4, 1)}


@cases.case("snr", "6.3", kind="pattern")
def nan_in_the_second_image(draw: Draw) -> dict[str, Any]:
    """A NaN must come out as NaN in its own image, and leave the other images' numbers as they are."""
    F = draw.normal(3, 4, 2, 4)
    F[1, 2, 1, 3] = np.nan
    return {"F": F, "params": params(draw, 4, 1)}
