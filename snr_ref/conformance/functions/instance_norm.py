"""Style normalization, eq. 1, on its own, and its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw, significant
from snr_ref.conformance.function import Function
from snr_ref.conformance.inputs import feature_map
from snr_ref.conformance.precision import Precision, storage
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.conformance.spoiled import one_more, plain, refuse_maps
from snr_ref.conformance.statistics import Statistics, statistics
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array

instance_norm = Function("instance_norm", ("F_tilde",), clause="1.2", after="", maps=frozenset({"F", "F_tilde"}))
instance_norm_vjp = Function(
    "instance_norm_vjp",
    ("grad_F", "grad_gamma", "grad_beta"),
    clause="5.2",
    after="objective",
    maps=frozenset({"F", "grad_F_tilde", "grad_F"}),
)


class Normalized(NamedTuple):
    """Eqs. 1 and 2 with their errors, (N, M, C).

    Attributes:
        F_tilde: F~.
        R: F - F~.
        scaled: gamma (F - mu) / sigma.
        shared: Error of F~ and R caused by mu and sigma.
        shared_mean: Bound on the shift that this causes in the mean over the pixels, (N, C). Sigma contributes hardly
            any.
        rounded: Roundings of F~ before beta is added.
    """

    F_tilde: np.ndarray
    R: np.ndarray
    scaled: np.ndarray
    shared: np.ndarray
    shared_mean: np.ndarray
    rounded: np.ndarray


@instance_norm.bound
def instance_norm_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Eq. 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        n = normalize(statistics(arguments, precision.u), arguments["gamma"], arguments["beta"])
        error = n.shared + n.rounded + storage(precision).rounding(n.F_tilde)
    return {"F_tilde": error.reshape(arguments["F"].shape)}


def normalize(s: Statistics, gamma: np.ndarray, beta: np.ndarray) -> Normalized:
    """F~ and R, with the shared part of their errors and the roundings of centring, scale and product."""
    g = (gamma * s.inverse_sigma.value)[:, None]
    centred, off = s.F - s.mu.value[:, None], s.mu.error[:, None]
    scale_off = (np.abs(gamma) * s.inverse_sigma.error)[:, None]
    scaled = g * centred
    F_tilde = scaled + beta
    shared_mean = (np.abs(g) + scale_off) * off
    return Normalized(
        F_tilde=F_tilde,
        R=s.F - F_tilde,
        scaled=scaled,
        shared=shared_mean + scale_off * np.abs(centred),
        shared_mean=shared_mean[:, 0],
        rounded=4 * s.mu.u * np.abs(scaled),
    )


@instance_norm_vjp.bound
def instance_norm_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The bounds of the gradients in eq. 1."""
    F, u = arguments["F"], precision.u
    with np.errstate(invalid="ignore", divide="ignore"):
        s = statistics(arguments, u)
        G = exact(np.asarray(arguments["grad_F_tilde"], np.float64).reshape(s.F.shape), u)
        none = exact(np.zeros(s.mu.value.shape), u)
        grad_F, grad_gamma = through_norm(s, exact(arguments["gamma"], u), G, none)
        return {
            "grad_F": (grad_F.error + storage(precision).rounding(grad_F.value)).reshape(F.shape),
            "grad_gamma": grad_gamma.error,
            "grad_beta": total_over_pixels(G).error,
        }


def through_norm(s: Statistics, gamma: Rounded, G: Rounded, alike: Rounded) -> tuple[Rounded, Rounded]:
    """The gradients of F and gamma in eq. 1.

    dF = g (G - mean G - t + mean t) with t = (F - mu) / sigma^2 mean(G (F - mu)), whose mean is 0 up to rounding. The
    scale g comes last here, so its error counts once; an earlier multiplication costs three more roundings.

    Args:
        s: Statistics of F.
        gamma: Scale, (C,).
        G: Gradient of F~, (N, M, C), without `alike`.
        alike: Part of the gradient that is equal for all pixels, (N, C); it adds only rounding.
    """
    u, M = G.u, exact(s.pixels, G.u)
    g = gamma * s.inverse_sigma
    even = (s.pixels + 6) * u * (np.abs(alike.value) + alike.error)
    S2 = sum_with_centred(s, G)
    S2_alike = (np.abs(alike.value) + alike.error) * _centred_sum(s)
    S2 = Rounded(S2.value, S2.error + S2_alike, u)
    slope = S2 * s.inverse_sigma * s.inverse_sigma / M
    t = slope[:, None] * s.centred
    mean_t = (np.abs(slope.value) + slope.error) * _centred_sum(s) / s.pixels
    inner = G - (G.sum(1) / M)[:, None] - t
    several = 3 * u * (np.abs(G.value) + np.abs(t.value))
    inner = Rounded(inner.value, inner.error + several + (even + mean_t)[:, None], u)
    images = (np.abs(G.value * s.centred.value).sum(1) + S2_alike) * s.inverse_sigma.value
    grad_gamma = (S2 * s.inverse_sigma).sum(0)
    in_any_order = s.mu.value.shape[0] * s.pixels * u * images.sum(0)
    return g[:, None] * inner, Rounded(grad_gamma.value, grad_gamma.error + in_any_order, u)


def sum_with_centred(s: Statistics, G: Rounded) -> Rounded:
    """The sum over the pixels of G (F - mu): an error of mu is the same for every pixel and multiplies the sum of G."""
    u, off = G.u, s.mu.error
    centred = s.F - s.mu.value[:, None]
    terms = np.abs(G.value * centred)
    rounded = (G.error * np.abs(centred)).sum(1) + (s.pixels + 2) * u * terms.sum(1)
    return Rounded((G.value * centred).sum(1), rounded + (np.abs(G.value.sum(1)) + G.error.sum(1)) * off, u)


def _centred_sum(s: Statistics) -> np.ndarray:
    """How far the sum over the pixels of F - mu may be from 0."""
    return s.pixels * s.mu.error + (s.pixels + 2) * s.mu.u * np.abs(s.centred.value).sum(1)


def total_over_pixels(x: Rounded) -> Rounded:
    """The sum over images and pixels, in any order."""
    return Rounded(x.value.reshape(-1, x.value.shape[-1]), x.error.reshape(-1, x.value.shape[-1]), x.u).sum(0)


@instance_norm.case(groups.instance_norm, "1.1", "1.2")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Three images in general position, each with a style of its own to be removed."""
    return _with_scale(draw, feature_map(draw, 3, 5, 4, 6))


@instance_norm.case(groups.instance_norm, "1.1", "1.7")
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence: the statistics are taken over a single axis."""
    return _with_scale(draw, feature_map(draw, 2, 6, 4))


@instance_norm.case(groups.instance_norm, "1.1", "1.7")
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the statistics are taken over three axes."""
    return _with_scale(draw, feature_map(draw, 2, 2, 3, 2, 4))


@instance_norm.case(groups.instance_norm, "6.2")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """The only pixel is its own mean: F~ = beta."""
    return _with_scale(draw, feature_map(draw, 2, 1, 1, 4))


@instance_norm.case(groups.instance_norm, "6.2", "6.1")
def constant_channel(draw: Draw) -> dict[str, Any]:
    """A constant 10^4 is normalized to beta, and not to 316 times its rounding."""
    F = feature_map(draw, 2, 4, 4, 3)
    F[..., 2] = 9984
    return _with_scale(draw, F)


@instance_norm.case(groups.instance_norm, "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1."""
    return _with_scale(draw, np.round(256 * draw.normal(2, 4, 2, 4)) / 256 + 1e4)


@instance_norm.case(groups.instance_norm, "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.5, as large as the variances."""
    return _with_scale(draw, feature_map(draw, 2, 3, 4, 4)) | {"epsilon": 0.5}


@instance_norm.case(groups.instance_norm, "1.2")
def hardly_any_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 10^-12, which adds nothing to the variances in float32: each becomes gamma squared."""
    return _with_scale(draw, feature_map(draw, 2, 3, 4, 4)) | {"epsilon": 1e-12}


@instance_norm.case(groups.instance_norm, "6.3", kind="pattern")
def nan_in_one_channel(draw: Draw) -> dict[str, Any]:
    """Neither another image nor another channel sees it."""
    F = feature_map(draw, 2, 3, 3, 4)
    F[1, 1, 1, 2] = np.nan
    return _with_scale(draw, F)


@instance_norm.case(groups.instance_norm, "6.6", kind="refusal")
def negative_epsilon(draw: Draw) -> dict[str, Any]:
    """A negative epsilon could put a negative number under the root."""
    return _with_scale(draw, draw.normal(2, 3, 3, 4)) | {"epsilon": -1e-5}


@instance_norm.case(groups.instance_norm, "6.6", kind="refusal")
def channels_of_gamma(draw: Draw) -> dict[str, Any]:
    """The scale is that of another layer."""
    return _with_scale(draw, draw.normal(2, 3, 3, 4)) | {"gamma": draw.normal(3)}


def _with_scale(draw: Draw, F: np.ndarray) -> dict[str, Any]:
    return {"F": F, "gamma": draw.normal(F.shape[-1]), "beta": draw.normal(F.shape[-1])}


@instance_norm.case(groups.half_precision, "6.5", "1.2")
def half_precision_instance_norm(draw: Draw) -> dict[str, Any]:
    """64 pixels of mean 8, normalized."""
    F = significant(feature_map(draw, 2, 8, 8, 4) + 8)
    return {"F": F, "gamma": draw.normal(4), "beta": draw.normal(4)}


@instance_norm_vjp.case(groups.gradients, "5.2")
def gradients_norm_ordinary(draw: Draw) -> dict[str, Any]:
    """Eq. 1 backwards, in general position."""
    return _norm(draw, feature_map(draw, 3, 5, 4, 6))


@instance_norm_vjp.case(groups.gradients, "5.2", "6.2")
def gradients_norm_of_one_pixel(draw: Draw) -> dict[str, Any]:
    """On a 1x1 map F~ is beta, whatever F is: F and gamma get 0."""
    return _norm(draw, feature_map(draw, 3, 1, 1, 4))


@instance_norm_vjp.case(groups.gradients, "5.2", "6.2")
def gradients_norm_of_a_constant_channel(draw: Draw) -> dict[str, Any]:
    """A constant channel has finite gradients."""
    F = feature_map(draw, 2, 4, 2, 3)
    F[..., 0] = 1
    return _norm(draw, F)


@instance_norm_vjp.case(groups.gradients, "5.2", "6.1")
def gradients_norm_of_a_large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1."""
    return _norm(draw, np.round(256 * draw.normal(2, 4, 2, 4)) / 256 + 1e4)


@instance_norm_vjp.case(groups.gradients, "5.2", "6.1")
def gradients_norm_of_a_tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations less than the root of epsilon."""
    return _norm(draw, draw.normal(2, 3, 3, 4) * 2.0**-10)


@instance_norm_vjp.case(groups.gradients, "5.2")
def gradients_norm_of_the_same_at_every_pixel(draw: Draw) -> dict[str, Any]:
    """A gradient that is the same at every pixel does not pass: the mean is normalized away."""
    arguments = _norm(draw, feature_map(draw, 2, 4, 4, 4))
    return arguments | {"grad_F_tilde": np.tile(draw.normal(2, 1, 1, 4), (1, 4, 4, 1))}


def _norm(draw: Draw, F: np.ndarray) -> dict[str, Any]:
    gamma, beta = draw.normal(F.shape[-1]), draw.normal(F.shape[-1])
    return {"F": F, "gamma": gamma, "beta": beta, "grad_F_tilde": draw.normal(*F.shape)}


@instance_norm.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain(draw, "F", "gamma", "beta") | {"epsilon": 1e-5}


@instance_norm_vjp.good
def _good_vjp(draw: Draw) -> dict[str, Any]:
    drawn = plain(draw, "F", "gamma", "beta", "grad_F_tilde")
    return drawn | {"epsilon": 1e-5}


refuse_maps(instance_norm)
refuse_maps(instance_norm_vjp)


for function in (instance_norm, instance_norm_vjp):
    function.refuse("channels_of_gamma", "The scale has one channel more than the map.", gamma=one_more)
    function.refuse("channels_of_beta", "The offset has one channel more than the map.", beta=one_more)
    function.refuse("one_gamma", "One scale for all channels, which would broadcast.", gamma=lambda g: g[:1])
    function.refuse("one_beta", "One offset for all channels, which would broadcast.", beta=lambda b: b[:1])


instance_norm_vjp.refuse("gradient_of_F_tilde", "The gradient of F~ lacks an image.", grad_F_tilde=lambda g: g[1:])


@instance_norm_vjp.mistake("5.2", "grad_F", who="statistics computed under no_grad, as running ones are")
class StatisticsDetached(Literal):
    """Mean and deviation are constants to the gradient of F."""

    def _through_mean(self, weighted_S1: Array, F: Array) -> Array:
        return np.zeros_like(weighted_S1)

    def _through_sigma(self, weighted_S2: Array, sigma: Array, F: Array) -> Array:
        return np.zeros_like(weighted_S2)


@instance_norm_vjp.mistake("5.2", "grad_F", who="a backward pass by hand that takes centring for all there is")
class DeviationDetached(Literal):
    """The deviation is a constant to the gradient of F."""

    def _through_sigma(self, weighted_S2: Array, sigma: Array, F: Array) -> Array:
        return np.zeros_like(weighted_S2)
