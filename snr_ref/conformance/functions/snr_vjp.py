"""The gradients of the module: reverse mode through the literal eqs. 1 to 5, or the closed form.

In half precision the gradients are computed in float32 throughout, and only that of F is rounded, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw, significant
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.channel_attention import attend_back
from snr_ref.conformance.functions.instance_norm import sum_with_centred, through_norm, total_over_pixels
from snr_ref.conformance.functions.snr import Forward, forward
from snr_ref.conformance.inputs import feature_map, params, saturating
from snr_ref.conformance.precision import Precision, storage
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.conformance.spoiled import one_more, plain_module, refuse_maps, refuse_params
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.restitution import SNRParams

snr_vjp = Function(
    "snr_vjp",
    ("grad_F", *(f"grad_{name}" for name in SNRParams._fields)),
    clause="5.1",
    after="channel_attention_vjp",
    maps=frozenset({"F", "grad_F_plus", "grad_F"}),
    records={"params": SNRParams},
    spread=SNRParams,
)

FROM_MAP = ("grad_F_plus",)

FROM_EMBEDDINGS = ("grad_f_plus", "grad_f_minus", "grad_f_tilde")

FROM_ALL = (*FROM_MAP, *FROM_EMBEDDINGS)


@snr_vjp.bound
def snr_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The wider bounds of both ways."""
    F = arguments["F"]
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = forward(arguments, precision)
        gamma = exact(arguments["params"].gamma, precision.u)
        shapes = {"grad_F_plus": ahead.R.value.shape} | dict.fromkeys(_POOLED, ahead.attention.z.value.shape)
        reaching = {name: _given(arguments.get(name), shape, precision.u) for name, shape in shapes.items()}
        ways = [way(ahead, gamma, *reaching.values()) for way in (_literal, _closed)]
        bounds = {name: np.maximum(ways[0][name].error, ways[1][name].error) for name in ways[0]}
        grad_F = ways[0]["grad_F"].value
        bounds["grad_F"] = (bounds["grad_F"] + storage(precision).rounding(grad_F)).reshape(F.shape)
    return bounds


_POOLED = ("grad_f_plus", "grad_f_minus", "grad_f_tilde")


def _literal(
    ahead: Forward, gamma: Rounded, G: Rounded, grad_f_plus: Rounded, grad_f_minus: Rounded, grad_f_tilde: Rounded
) -> dict[str, Rounded]:
    """Reverse mode: F~+ = F~ + a R and F~- = F~ + (1 - a) R, each with its pooled mean, back to R, a and F~.

    The gradients of z and of a pooled F~ are the same for every pixel, and the norm's backward pass removes them.
    """
    s, attention, R = ahead.statistics, ahead.attention, ahead.R
    a, rest, M = attention.a, attention.rest, exact(s.pixels, G.u)
    grad_R_plus, grad_R_minus = G + (grad_f_plus / M)[:, None], (grad_f_minus / M)[:, None]
    grad_a = (grad_R_plus * R).sum(1) - (grad_R_minus * R).sum(1)
    weights = attend_back(attention, grad_a)
    grad_R = a[:, None] * grad_R_plus + rest[:, None] * grad_R_minus
    from_pool = weights.pop("grad_z") / M
    reaching = grad_R_plus + grad_R_minus - grad_R  # F~, without what is the same for every pixel
    alike = grad_f_tilde / M - from_pool
    grad_F, grad_gamma = through_norm(s, gamma, reaching, alike)
    return {
        "grad_F": grad_R + from_pool[:, None] + grad_F,
        "grad_gamma": grad_gamma,
        "grad_beta": total_over_pixels(reaching + alike[:, None]),
    } | weights


def _closed(
    ahead: Forward, gamma: Rounded, G: Rounded, grad_f_plus: Rounded, grad_f_minus: Rounded, grad_f_tilde: Rounded
) -> dict[str, Rounded]:
    """The formulas of `snr_ref.snr_vjp`."""
    s, attention = ahead.statistics, ahead.attention
    a, rest, z, M = attention.a, attention.rest, attention.z, exact(s.pixels, G.u)
    g = gamma * s.inverse_sigma
    scale = a + rest * g
    S1, S2 = G.sum(1), sum_with_centred(s, G)
    p, q = S1 + grad_f_plus, grad_f_minus
    weights = attend_back(attention, S2 * (exact(1, G.u) - g) + (p - q) * z)
    grad_z = a * p + rest * q + weights.pop("grad_z")
    A = rest * S2 * g * s.inverse_sigma * s.inverse_sigma / M
    grad_F = scale[:, None] * G - A[:, None] * s.centred + ((grad_z - scale * S1) / M)[:, None]
    return {
        "grad_F": grad_F,
        "grad_gamma": (rest * S2 * s.inverse_sigma).sum(0),
        "grad_beta": (p + q - grad_z + grad_f_tilde).sum(0),
    } | weights


def _given(gradient: np.ndarray | None, shape: tuple[int, ...], u: float) -> Rounded:
    return exact(np.zeros(shape) if gradient is None else np.asarray(gradient).reshape(shape), u)


@snr_vjp.case(groups.gradients, "5.1")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Gradients from F~+ and all three embeddings, three images in general position."""
    return _reached(draw, feature_map(draw, 3, 5, 4, 8), params(draw, 8, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def equal_axes(draw: Draw) -> dict[str, Any]:
    """Images, rows, columns, channels and hidden units are all 4: whoever takes one axis for another does not crash."""
    return _reached(draw, feature_map(draw, 4, 4, 4, 4), params(draw, 4, 4), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def from_the_map_alone(draw: Draw) -> dict[str, Any]:
    """No loss on the embeddings, as when the module trains without L_SNR."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), FROM_MAP)


@snr_vjp.case(groups.gradients, "5.1", "5.5")
def from_the_embeddings_alone(draw: Draw) -> dict[str, Any]:
    """L_SNR alone: gamma gets 0, and F a gradient that is the same at every pixel, but for the rounding of a chain."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), FROM_EMBEDDINGS)


@snr_vjp.case(groups.gradients, "5.5", "6.2")
def from_the_embeddings_of_one_pixel(draw: Draw) -> dict[str, Any]:
    """On 1x1 maps F - mu is exactly 0, and with it the gradient of gamma, whichever way it is computed."""
    return _reached(draw, feature_map(draw, 3, 1, 1, 4), params(draw, 4, 2), FROM_EMBEDDINGS)


@snr_vjp.case(groups.gradients, "5.5", "6.2")
def from_the_embeddings_of_constants(draw: Draw) -> dict[str, Any]:
    """In constant channels too F - mu is exactly 0, and with it the gradient of gamma."""
    F = np.tile(draw.normal(2, 1, 1, 4), (1, 2, 4, 1))
    return _reached(draw, F, params(draw, 4, 2), FROM_EMBEDDINGS)


@snr_vjp.case(groups.gradients, "5.1", "2.1")
def from_f_plus_alone(draw: Draw) -> dict[str, Any]:
    """As in a network that pools right behind its last module."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), ("grad_f_plus",))


@snr_vjp.case(groups.gradients, "5.1", "2.1")
def from_f_minus_alone(draw: Draw) -> dict[str, Any]:
    """The contaminated features alone, by 1 - a."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), ("grad_f_minus",))


@snr_vjp.case(groups.gradients, "5.1", "2.1")
def from_f_tilde_alone(draw: Draw) -> dict[str, Any]:
    """As f~ is beta, its gradient is beta's, and reaches nothing else."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), ("grad_f_tilde",))


@snr_vjp.case(groups.gradients, "5.1")
def the_same_at_every_pixel(draw: Draw) -> dict[str, Any]:
    """A gradient of F~+ that is the same at every pixel, as from a pool: the instance norm lets nothing of it pass."""
    arguments = _reached(draw, feature_map(draw, 2, 4, 4, 4), params(draw, 4, 2), ())
    return arguments | {"grad_F_plus": np.tile(draw.normal(2, 1, 1, 4), (1, 4, 4, 1))}


@snr_vjp.case(groups.gradients, "5.1", "1.7")
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence: the sums run over a single axis."""
    return _reached(draw, feature_map(draw, 2, 6, 4), params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "1.7")
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the sums run over three axes."""
    return _reached(draw, feature_map(draw, 2, 2, 3, 2, 4), params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "1.7")
def one_image(draw: Draw) -> dict[str, Any]:
    """A batch of one."""
    return _reached(draw, feature_map(draw, 1, 3, 3, 4), params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def large_batch(draw: Draw) -> dict[str, Any]:
    """The gradients of the parameters are sums over 64 images."""
    return _reached(draw, feature_map(draw, 64, 2, 2, 4), params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def many_channels(draw: Draw) -> dict[str, Any]:
    """64 channels at a reduction of 16."""
    return _reached(draw, feature_map(draw, 3, 2, 2, 64), params(draw, 64, 4), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "1.1")
def two_pixels(draw: Draw) -> dict[str, Any]:
    """The unbiased variance of two pixels is twice the biased one, and so is its derivative."""
    return _reached(draw, feature_map(draw, 2, 2, 1, 4), params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "6.2")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """On 1x1 maps the instance norm passes nothing, and all that reaches F goes through the residual."""
    return _reached(draw, feature_map(draw, 3, 1, 1, 4), params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "6.2")
def constant_channel(draw: Draw) -> dict[str, Any]:
    """A constant channel has finite gradients, 316 times as large as others."""
    F = feature_map(draw, 2, 4, 2, 4)
    F[..., 2] = draw.normal(2, 1, 1)
    return _reached(draw, F, params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "6.2")
def zero_map(draw: Draw) -> dict[str, Any]:
    """All zeros, as behind a dead layer."""
    return _reached(draw, np.zeros((2, 2, 3, 4)), params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1: the sum of G F instead of G (F - mu) loses four digits of float32."""
    F = np.round(256 * draw.normal(2, 2, 1, 4)) / 256 + 1e4
    weights = params(draw, 4, 2)
    weights = weights._replace(w1=weights.w1 * 2.0**-13)
    return _reached(draw, F, weights, FROM_MAP)


@snr_vjp.case(groups.gradients, "5.1", "6.1")
def tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations less than the root of epsilon, which the derivative of sigma must not forget."""
    return _reached(draw, draw.normal(2, 3, 3, 4) * 2.0**-10, params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.25, beside the variances."""
    return _reached(draw, feature_map(draw, 2, 3, 3, 4), params(draw, 4, 2), FROM_ALL) | {"epsilon": 0.25}


@snr_vjp.case(groups.gradients, "5.1")
def negative_and_zero_gamma(draw: Draw) -> dict[str, Any]:
    """Scales of both signs and of 0: gamma gets a gradient where it is 0, too."""
    weights = params(draw, 4, 2)._replace(gamma=np.array([-1.5, 0.0, 0.75, -0.125]))
    return _reached(draw, feature_map(draw, 2, 3, 4, 4), weights, FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def start_of_training(draw: Draw) -> dict[str, Any]:
    """The usual initial values, gamma = 1 and beta = 0."""
    weights = params(draw, 4, 2)._replace(gamma=np.ones(4), beta=np.zeros(4))
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), weights, FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "6.4")
def saturated_gates(draw: Draw) -> dict[str, Any]:
    """Where a gate is saturated nothing passes it, to either side, and nothing overflows."""
    F = significant(feature_map(draw, 2, 3, 3, 4) + 4)
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return _reached(draw, F, saturating(draw, 4, 20.5, -20.5, 60, -60), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "5.5")
def dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """Every hidden unit is negative: w1 and w2 get nothing, z only what goes past the gate."""
    weights = params(draw, 4, 3)
    weights = weights._replace(beta=np.zeros(4), w1=-np.abs(weights.w1))
    F = significant(np.abs(feature_map(draw, 2, 3, 3, 4)) + 1)
    return _reached(draw, F, weights, FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1", "5.5")
def hidden_units_at_zero(draw: Draw) -> dict[str, Any]:
    """With w1 = 0 every hidden unit is exactly 0, where the derivative of the ReLU is 0: w1 gets nothing."""
    weights = params(draw, 4, 2)
    return _reached(draw, feature_map(draw, 2, 3, 3, 4), weights._replace(w1=np.zeros((4, 2))), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def both_biases(draw: Draw) -> dict[str, Any]:
    """Both biases have gradients."""
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), params(draw, 4, 2, b1=True, b2=True), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def first_bias_only(draw: Draw) -> dict[str, Any]:
    """The gradient of b2 is absent, as b2 is."""
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), params(draw, 4, 2, b1=True), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def second_bias_only(draw: Draw) -> dict[str, Any]:
    """The gradient of b1 is absent, as b1 is."""
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), params(draw, 4, 2, b2=True), FROM_ALL)


@snr_vjp.case(groups.gradients, "5.1")
def full_float64(draw: Draw) -> dict[str, Any]:
    """All 53 bits that a float64 has: whoever goes through float32 on the way is seen."""
    F, weights = feature_map(draw, 2, 3, 3, 4, bits=53), params(draw, 4, 2, bits=53)
    return _reached(draw, F, weights, FROM_ALL)


@snr_vjp.case(groups.gradients, "6.3", kind="pattern", outputs=("grad_F",))
def nan_in_the_second_image(draw: Draw) -> dict[str, Any]:
    """The gradient of F is untouched in the other images; those of the parameters, sums over all of them, are lost."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[1, 2, 1, :] = np.nan
    return _reached(draw, F, params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "6.3", kind="pattern", outputs=("grad_F",))
def infinity_in_the_first_image(draw: Draw) -> dict[str, Any]:
    """An infinity is as bad as a NaN, in its own image."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[0, 1, 1, :] = -np.inf
    return _reached(draw, F, params(draw, 4, 2), FROM_ALL)


@snr_vjp.case(groups.gradients, "6.6", kind="refusal")
def gradient_of_another_map(draw: Draw) -> dict[str, Any]:
    """What reaches F~+ has a pixel less than F~+."""
    arguments = _reached(draw, feature_map(draw, 2, 3, 3, 4), params(draw, 4, 2), FROM_ALL)
    return arguments | {"grad_F_plus": draw.normal(2, 3, 2, 4)}


def _reached(draw: Draw, F: np.ndarray, weights: SNRParams, names: tuple[str, ...]) -> dict[str, Any]:
    """The module with a gradient for each named output; the others are None, which is 0."""
    rows = (F.shape[0], F.shape[-1])
    reaching = {name: draw.normal(*(F.shape if name == "grad_F_plus" else rows)) for name in FROM_ALL}
    return {"F": F, "params": weights} | {name: reaching[name] if name in names else None for name in FROM_ALL}


@snr_vjp.case(groups.half_precision, "6.5", "5.1")
def half_precision_gradients(draw: Draw) -> dict[str, Any]:
    """64 pixels, over which the gradients of the parameters are summed in float32."""
    F, weights = significant(feature_map(draw, 2, 8, 8, 4) + 8), params(draw, 4, 2)
    rows = {f"grad_{name}": draw.normal(2, 4) for name in ("f_plus", "f_minus", "f_tilde")}
    return {"F": F, "params": weights, "grad_F_plus": draw.normal(2, 8, 8, 4)} | rows


@snr_vjp.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain_module(draw, "grad_F_plus", "grad_f_plus")


refuse_maps(snr_vjp)
refuse_params(snr_vjp)
snr_vjp.refuse("gradient_of_F_plus", "The gradient of F~+ lacks an image.", grad_F_plus=lambda g: g[1:])
snr_vjp.refuse("gradient_of_f_plus", "The gradient of f~+ has one channel too many.", grad_f_plus=one_more)


@snr_vjp.mistake("5.1", "grad_F", who="an attention that is computed under stop_gradient")
class GateDetached(Literal):
    """The gate is a constant to the gradients of F and beta."""

    def _grad_z(self, direct: Array, through_gate: Array) -> Array:
        return direct


@snr_vjp.mistake("5.1", "grad_gamma", who="a scale that is frozen together with the normalization layers")
class ScaleNotTrained(Literal):
    """The gradient of gamma is 0."""

    def _grad_gamma(self, grad_gamma: Array) -> Array:
        return np.zeros_like(grad_gamma)


@snr_vjp.mistake("5.1", "grad_beta", who="a loss that detaches f~, and a layer that returns beta itself detached")
class OffsetDetachedInTheEmbedding(Literal):
    """What reaches f~ does not reach beta."""

    def _grad_f_tilde(self, grad_f_tilde: Array | None, z: Array) -> Array:
        return np.zeros_like(z)
