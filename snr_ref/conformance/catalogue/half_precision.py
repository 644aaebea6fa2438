"""Maps in half precision, statistics and attention in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.inputs import feature_map, params
from snr_ref.conformance.draw import Draw, significant

cases = Catalogue("half_precision", "what float16 and bfloat16 lose where only the maps may be in them")


@cases.case("snr", "6.5", "1.1", outputs=("mu", "sigma", "a", "F_plus", "f_plus", "f_minus"))
def many_pixels(draw: Draw) -> dict[str, Any]:
    """512 pixels of mean 8: a sum that runs in float16 or bfloat16 loses the digits of what it adds."""
    return {"F": significant(feature_map(draw, 1, 32, 16, 2) + 8), "params": params(draw, 2, 2)}


@cases.case("snr", "6.5", outputs=("mu", "sigma", "a", "F_plus", "f_plus", "f_minus"))
def sum_beyond_float16(draw: Draw) -> dict[str, Any]:
    """512 pixels of mean 200 sum up to 10^5, more than the 65504 that float16 can hold."""
    weights = params(draw, 2, 2)
    F = significant(np.abs(8 * feature_map(draw, 1, 32, 16, 2)) + 200)
    return {"F": F, "params": weights._replace(w1=weights.w1 / 128)}


@cases.case("snr", "6.5", "1.1")
def squares_beyond_float16(draw: Draw) -> dict[str, Any]:
    """Deviations of 1000, whose squares are more than float16 can hold."""
    weights = params(draw, 4, 2)
    return {"F": 1024 * draw.normal(2, 3, 3, 4), "params": weights._replace(w1=weights.w1 / 1024)}


@cases.case("snr", "6.5", "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 128 and deviations of 2: in half precision nothing is left of E[x^2] - mu^2."""
    weights = params(draw, 4, 2, b2=True)
    F = np.round(2 * draw.normal(2, 4, 2, 4)) + 128
    return {"F": F, "params": weights._replace(w1=weights.w1 / 128)}


@cases.case("snr", "6.5", "6.2")
def tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations of 1/512, whose squares and epsilon itself are subnormal in float16."""
    return {"F": draw.normal(2, 3, 3, 4) * 2.0**-8, "params": params(draw, 4, 2)}


@cases.case("snr", "6.5", "1.4")
def weights_of_float32(draw: Draw) -> dict[str, Any]:
    """Weights of 24 bits: the attention is computed from them, not from what half precision leaves of them."""
    return {"F": feature_map(draw, 2, 3, 3, 8), "params": params(draw, 8, 4, bits=24)}


@cases.case("snr", "6.5", "2.1", outputs=("f_tilde", "f_plus", "f_minus"))
def embeddings(draw: Draw) -> dict[str, Any]:
    """The embeddings are pooled before the map is rounded, and are float32."""
    return {"F": feature_map(draw, 3, 4, 4, 4), "params": params(draw, 4, 2)}


@cases.case("snr_closed_form", "6.5", "4.1")
def closed_form(draw: Draw) -> dict[str, Any]:
    """64 pixels of mean 8, in closed form."""
    return {"F": significant(feature_map(draw, 2, 8, 8, 4) + 8), "params": params(draw, 4, 2)}


@cases.case("instance_norm", "6.5", "1.2")
def instance_norm(draw: Draw) -> dict[str, Any]:
    """64 pixels of mean 8, normalized."""
    F = significant(feature_map(draw, 2, 8, 8, 4) + 8)
    return {"F": F, "gamma": draw.normal(4), "beta": draw.normal(4)}


@cases.case("snr_vjp", "6.5", "5.1")
def gradients(draw: Draw) -> dict[str, Any]:
    """64 pixels, over which the gradients of the parameters are summed in float32."""
    F, weights = significant(feature_map(draw, 2, 8, 8, 4) + 8), params(draw, 4, 2)
    rows = {f"grad_{name}": draw.normal(2, 4) for name in ("f_plus", "f_minus", "f_tilde")}
    return {"F": F, "params": weights, "grad_F_plus": draw.normal(2, 8, 8, 4)} | rows
