"""What the dual causality loss gets to see: the three embeddings of every image."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.inputs import feature_map, params, saturating
from snr_ref.conformance.draw import Draw, significant

cases = Catalogue("embeddings", "f~, f~+ and f~-, the means of the maps over the pixels", required=True)

EMBEDDINGS = ("f_tilde", "f_plus", "f_minus")


@cases.case("snr", "2.1", "4.2", outputs=EMBEDDINGS)
def ordinary(draw: Draw) -> dict[str, Any]:
    """Four images in general position. Of f~ both are right: beta, and F~ pooled, which is beta but for rounding."""
    return {"F": feature_map(draw, 4, 5, 3, 8), "params": params(draw, 8, 2)}


@cases.case("snr", "2.1", "2.8", outputs=EMBEDDINGS)
def collapse(draw: Draw) -> dict[str, Any]:
    """At the start of training beta = 0, and f~ is 0 for every image: what a pool of F~ leaves there is rounding."""
    weights = params(draw, 6, 2)._replace(gamma=np.ones(6), beta=np.zeros(6))
    return {"F": feature_map(draw, 4, 4, 3, 6), "params": weights}


@cases.case("snr", "2.1", "1.7", outputs=EMBEDDINGS)
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """The mean of a sequence."""
    return {"F": feature_map(draw, 3, 9, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "2.1", "1.7", outputs=EMBEDDINGS)
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """The mean of a volume."""
    return {"F": feature_map(draw, 2, 2, 3, 2, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "2.1", "6.2", outputs=EMBEDDINGS)
def one_pixel(draw: Draw) -> dict[str, Any]:
    """The mean of a 1x1 map is its pixel."""
    return {"F": feature_map(draw, 3, 1, 1, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "2.1", "6.2", outputs=EMBEDDINGS)
def constant_map(draw: Draw) -> dict[str, Any]:
    """F~ is beta at every pixel, and F~+ is f~+ at every pixel."""
    return {"F": np.tile(draw.normal(2, 1, 1, 4), (1, 4, 4, 1)), "params": params(draw, 4, 2)}


@cases.case("snr", "2.1", "6.1", outputs=EMBEDDINGS)
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 1000 and deviations of 1: f~ does not see the mean, f~+ and f~- share it."""
    F = np.round(256 * draw.normal(2, 4, 2, 4)) / 256 + 1000
    weights = params(draw, 4, 2)
    return {"F": F, "params": weights._replace(w1=weights.w1 * 2.0**-10)}


@cases.case("snr", "2.1", "6.4", outputs=EMBEDDINGS)
def saturated_gates(draw: Draw) -> dict[str, Any]:
    """Where a is 1, f~+ is the mean of F and f~- is beta; where it is 0, the other way round."""
    F = significant(feature_map(draw, 2, 4, 3, 4) + 4)
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return {"F": F, "params": saturating(draw, 4, 40, -40, 12, -12)._replace(beta=draw.normal(4) / 64)}


@cases.case("snr", "2.1", "1.4", outputs=EMBEDDINGS)
def both_biases(draw: Draw) -> dict[str, Any]:
    """An attention with both biases."""
    return {"F": feature_map(draw, 3, 4, 3, 4), "params": params(draw, 4, 2, b1=True, b2=True)}


@cases.case("snr", "2.1", "1.2", outputs=EMBEDDINGS)
def gamma_is_not_seen(draw: Draw) -> dict[str, Any]:
    """Scales of 64, of 0 and negative ones leave the embeddings as they are, but for the rounding of what is pooled."""
    weights = params(draw, 4, 2)._replace(gamma=np.array([64.0, 0.0, -1.0, 0.5]))
    return {"F": feature_map(draw, 3, 4, 2, 4), "params": weights}


@cases.case("snr", "2.1", "6.3", kind="pattern", outputs=("f_plus", "f_minus"))
def nan_in_the_last_image(draw: Draw) -> dict[str, Any]:
    """The embeddings of the other images are untouched; f~ may be beta there, or lost if it is pooled."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[2, 0, 0, :] = np.nan
    return {"F": F, "params": params(draw, 4, 2)}
