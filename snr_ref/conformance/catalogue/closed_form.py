"""The closed form: F~+ and the embeddings from the statistics of F alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.inputs import faint, feature_map, params, saturating
from snr_ref.conformance.draw import Draw, significant

cases = Catalogue("closed_form", "F~+ and the embeddings as one affine map per image and channel")


@cases.case("snr_closed_form", "4.1", "4.2")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Three images in general position: it is the literal chain but for rounding."""
    return {"F": feature_map(draw, 3, 5, 4, 8), "params": params(draw, 8, 2)}


@cases.case("snr_closed_form", "4.1", "1.7")
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence, with both biases."""
    return {"F": feature_map(draw, 2, 7, 4), "params": params(draw, 4, 2, b1=True, b2=True)}


@cases.case("snr_closed_form", "4.1", "1.7")
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the pixels lie along three axes."""
    return {"F": feature_map(draw, 2, 2, 2, 3, 4), "params": params(draw, 4, 2)}


@cases.case("snr_closed_form", "4.1", "6.1", "6.2")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """1x1 maps of numbers near 10^4, where only the centred form is right: s (F - mu), not s F - s mu."""
    return {"F": significant(1e4 + 256 * draw.normal(3, 1, 1, 4)), "params": faint(draw, 4)}


@cases.case("snr_closed_form", "4.1", "6.1", "6.2")
def constant_channel(draw: Draw) -> dict[str, Any]:
    """A channel that is constant at 1000, where 1 / sigma is 316."""
    F = feature_map(draw, 2, 4, 2, 4)
    F[..., 3] = 1000
    return {"F": F, "params": faint(draw, 4)}


@cases.case("snr_closed_form", "4.1", "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1."""
    return {"F": np.round(256 * draw.normal(2, 4, 2, 4)) / 256 - 1e4, "params": faint(draw, 4)}


@cases.case("snr_closed_form", "4.1", "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.25, beside the variances."""
    return {"F": feature_map(draw, 2, 3, 3, 4), "params": params(draw, 4, 2), "epsilon": 0.25}


@cases.case("snr_closed_form", "4.1", "4.2", "6.4")
def saturated_gates(draw: Draw) -> dict[str, Any]:
    """Where a is 1 the module vanishes, and where it is 0 it is the instance norm."""
    F = significant(feature_map(draw, 2, 3, 3, 4) + 4)
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return {"F": F, "params": saturating(draw, 4, 40, -40, 300, -300)}


@cases.case("snr_closed_form", "6.3", kind="pattern", outputs=("F_plus", "f_plus", "f_minus"))
def nan_in_one_image(draw: Draw) -> dict[str, Any]:
    """The other images are untouched."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[0, 1, 1, 1] = np.nan
    return {"F": F, "params": params(draw, 4, 2)}


@cases.case("snr_closed_form", "6.6", kind="refusal")
def channels_of_w1(draw: Draw) -> dict[str, Any]:
    """The first weights have a channel more than the feature map."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 2)._replace(w1=draw.normal(5, 2))}
