"""Eq. 1 on its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.inputs import feature_map
from snr_ref.conformance.draw import Draw

cases = Catalogue("instance_norm", "style normalization, eq. 1, on its own")


@cases.case("instance_norm", "1.1", "1.2")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Three images in general position, each with a style of its own to be removed."""
    return _with_scale(draw, feature_map(draw, 3, 5, 4, 6))


@cases.case("instance_norm", "1.1", "1.7")
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence: the statistics are taken over a single axis."""
    return _with_scale(draw, feature_map(draw, 2, 6, 4))


@cases.case("instance_norm", "1.1", "1.7")
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the statistics are taken over three axes."""
    return _with_scale(draw, feature_map(draw, 2, 2, 3, 2, 4))


@cases.case("instance_norm", "6.2")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """The only pixel is its own mean: F~ = beta."""
    return _with_scale(draw, feature_map(draw, 2, 1, 1, 4))


@cases.case("instance_norm", "6.2", "6.1")
def constant_channel(draw: Draw) -> dict[str, Any]:
    """A constant 10^4 is normalized to beta, and not to 316 times its rounding."""
    F = feature_map(draw, 2, 4, 4, 3)
    F[..., 2] = 9984
    return _with_scale(draw, F)


@cases.case("instance_norm", "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1."""
    return _with_scale(draw, np.round(256 * draw.normal(2, 4, 2, 4)) / 256 + 1e4)


@cases.case("instance_norm", "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.5, as large as the variances."""
    return _with_scale(draw, feature_map(draw, 2, 3, 4, 4)) | {"epsilon": 0.5}


@cases.case("instance_norm", "1.2")
def hardly_any_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 10^-12, which adds nothing to the variances in float32: each becomes gamma squared."""
    return _with_scale(draw, feature_map(draw, 2, 3, 4, 4)) | {"epsilon": 1e-12}


@cases.case("instance_norm", "6.3", kind="pattern")
def nan_in_one_channel(draw: Draw) -> dict[str, Any]:
    """Neither another image nor another channel sees it."""
    F = feature_map(draw, 2, 3, 3, 4)
    F[1, 1, 1, 2] = np.nan
    return _with_scale(draw, F)


@cases.case("instance_norm", "6.6", kind="refusal")
def negative_epsilon(draw: Draw) -> dict[str, Any]:
    """A negative epsilon could put a negative number under the root."""
    return _with_scale(draw, draw.normal(2, 3, 3, 4)) | {"epsilon": -1e-5}


@cases.case("instance_norm", "6.6", kind="refusal")
def channels_of_gamma(draw: Draw) -> dict[str, Any]:
    """The scale is that of another layer."""
    return _with_scale(draw, draw.normal(2, 3, 3, 4)) | {"gamma": draw.normal(3)}


def _with_scale(draw: Draw, F: np.ndarray) -> dict[str, Any]:
    return {"F": F, "gamma": draw.normal(F.shape[-1]), "beta": draw.normal(F.shape[-1])}
