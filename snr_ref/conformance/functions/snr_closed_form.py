"""F~+ and the embeddings in closed form, from the statistics of F alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw, significant
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.snr import snr_bounds
from snr_ref.conformance.inputs import faint, feature_map, params, saturating
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.spoiled import plain_module, refuse_maps, refuse_params
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.restitution import SNRParams

snr_closed_form = Function(
    "snr_closed_form",
    ("F_plus", "f_tilde", "f_plus", "f_minus"),
    clause="4.1",
    after="snr",
    maps=frozenset({"F", "F_plus"}),
    records={"params": SNRParams},
)


@snr_closed_form.bound
def snr_closed_form_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The bounds of `snr`, since the outputs of `snr_closed_form` may be computed literally too."""
    bounds = snr_bounds(arguments, precision)
    return {name: bounds[name] for name in ("F_plus", "f_tilde", "f_plus", "f_minus")}


@snr_closed_form.case(groups.closed_form, "4.1", "4.2")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Three images in general position: it is the literal chain but for rounding."""
    return {"F": feature_map(draw, 3, 5, 4, 8), "params": params(draw, 8, 2)}


@snr_closed_form.case(groups.closed_form, "4.1", "1.7")
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence, with both biases."""
    return {"F": feature_map(draw, 2, 7, 4), "params": params(draw, 4, 2, b1=True, b2=True)}


@snr_closed_form.case(groups.closed_form, "4.1", "1.7")
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the pixels lie along three axes."""
    return {"F": feature_map(draw, 2, 2, 2, 3, 4), "params": params(draw, 4, 2)}


@snr_closed_form.case(groups.closed_form, "4.1", "6.1", "6.2")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """1x1 maps of numbers near 10^4, where only the centred form is right: s (F - mu), not s F - s mu."""
    return {"F": significant(1e4 + 256 * draw.normal(3, 1, 1, 4)), "params": faint(draw, 4)}


@snr_closed_form.case(groups.closed_form, "4.1", "6.1", "6.2")
def constant_channel(draw: Draw) -> dict[str, Any]:
    """A channel that is constant at 1000, where 1 / sigma is 316."""
    F = feature_map(draw, 2, 4, 2, 4)
    F[..., 3] = 1000
    return {"F": F, "params": faint(draw, 4)}


@snr_closed_form.case(groups.closed_form, "4.1", "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1."""
    return {"F": np.round(256 * draw.normal(2, 4, 2, 4)) / 256 - 1e4, "params": faint(draw, 4)}


@snr_closed_form.case(groups.closed_form, "4.1", "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.25, beside the variances."""
    return {"F": feature_map(draw, 2, 3, 3, 4), "params": params(draw, 4, 2), "epsilon": 0.25}


@snr_closed_form.case(groups.closed_form, "4.1", "4.2", "6.4")
def saturated_gates(draw: Draw) -> dict[str, Any]:
    """Where a is 1 the module vanishes, and where it is 0 it is the instance norm."""
    F = significant(feature_map(draw, 2, 3, 3, 4) + 4)
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return {"F": F, "params": saturating(draw, 4, 40, -40, 300, -300)}


@snr_closed_form.case(groups.closed_form, "6.3", kind="pattern", outputs=("F_plus", "f_plus", "f_minus"))
def nan_in_one_image(draw: Draw) -> dict[str, Any]:
    """The other images are untouched."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[0, 1, 1, 1] = np.nan
    return {"F": F, "params": params(draw, 4, 2)}


@snr_closed_form.case(groups.closed_form, "6.6", kind="refusal")
def channels_of_w1(draw: Draw) -> dict[str, Any]:
    """The first weights have a channel more than the feature map."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 2)._replace(w1=draw.normal(5, 2))}


@snr_closed_form.case(groups.half_precision, "6.5", "4.1")
def half_precision_closed_form(draw: Draw) -> dict[str, Any]:
    """64 pixels of mean 8, in closed form."""
    return {"F": significant(feature_map(draw, 2, 8, 8, 4) + 8), "params": params(draw, 4, 2)}


@snr_closed_form.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain_module(draw)


refuse_maps(snr_closed_form)
refuse_params(snr_closed_form)


@snr_closed_form.mistake("4.1", "F_plus", who="whoever derives the scale in a hurry")
class ScaleWithoutOneMinus(Literal):
    """The scale is a + g instead of a + (1 - a) g."""

    def _scale(self, a: Array, g: Array) -> Array:
        return a + g


@snr_closed_form.mistake("6.1", "F_plus", who="an affine map written as s F + t, as batch normalization is folded")
class MeanFoldedIntoTheOffset(Literal):
    """The closed form is s F + (f~+ - s mu), which cancels where the mean is large beside the deviation."""

    def _apply(self, F: Array, mu: Array, s: Array, f_plus: Array) -> Array:
        return s * F + (f_plus - s * mu)
