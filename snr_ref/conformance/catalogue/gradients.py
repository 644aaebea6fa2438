"""The backward passes of the module, of eq. 1 and of eq. 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.channel_attention import attention
from snr_ref.conformance.catalogue.inputs import feature_map, params, saturating
from snr_ref.conformance.draw import Draw, significant
from snr_ref.restitution import SNRParams

cases = Catalogue("gradients", "what reaches F and the parameters, through the module, eq. 1 and eq. 3")

FROM_MAP = ("grad_F_plus",)
FROM_EMBEDDINGS = ("grad_f_plus", "grad_f_minus", "grad_f_tilde")
FROM_ALL = (*FROM_MAP, *FROM_EMBEDDINGS)


@cases.case("snr_vjp", "5.1")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Gradients from F~+ and all three embeddings, three images in general position."""
    return _reached(draw, feature_map(draw, 3, 5, 4, 8), params(draw, 8, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def equal_axes(draw: Draw) -> dict[str, Any]:
    """Images, rows, columns, channels and hidden units are all 4: whoever takes one axis for another does not crash."""
    return _reached(draw, feature_map(draw, 4, 4, 4, 4), params(draw, 4, 4), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def from_the_map_alone(draw: Draw) -> dict[str, Any]:
    """No loss on the embeddings, as when the module trains without L_SNR."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), FROM_MAP)


@cases.case("snr_vjp", "5.1", "5.5")
def from_the_embeddings_alone(draw: Draw) -> dict[str, Any]:
    """L_SNR alone: gamma gets 0, and F a gradient that is the same at every pixel, but for the rounding of a chain."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), FROM_EMBEDDINGS)


@cases.case("snr_vjp", "5.5", "6.2")
def from_the_embeddings_of_one_pixel(draw: Draw) -> dict[str, Any]:
    """On 1x1 maps F - mu is exactly 0, and with it the gradient of gamma, whichever way it is computed."""
    return _reached(draw, feature_map(draw, 3, 1, 1, 4), params(draw, 4, 2), FROM_EMBEDDINGS)


@cases.case("snr_vjp", "5.5", "6.2")
def from_the_embeddings_of_constants(draw: Draw) -> dict[str, Any]:
    """In constant channels too F - mu is exactly 0, and with it the gradient of gamma."""
    F = np.tile(draw.normal(2, 1, 1, 4), (1, 2, 4, 1))
    return _reached(draw, F, params(draw, 4, 2), FROM_EMBEDDINGS)


@cases.case("snr_vjp", "5.1", "2.1")
def from_f_plus_alone(draw: Draw) -> dict[str, Any]:
    """As in a network that pools right behind its last module."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), ("grad_f_plus",))


@cases.case("snr_vjp", "5.1", "2.1")
def from_f_minus_alone(draw: Draw) -> dict[str, Any]:
    """The contaminated features alone, by 1 - a."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), ("grad_f_minus",))


@cases.case("snr_vjp", "5.1", "2.1")
def from_f_tilde_alone(draw: Draw) -> dict[str, Any]:
    """As f~ is beta, its gradient is beta's, and reaches nothing else."""
    return _reached(draw, feature_map(draw, 3, 3, 4, 4), params(draw, 4, 2), ("grad_f_tilde",))


@cases.case("snr_vjp", "5.1")
def the_same_at_every_pixel(draw: Draw) -> dict[str, Any]:
    """A gradient of F~+ that is the same at every pixel, as from a pool: the instance norm lets nothing of it pass."""
    arguments = _reached(draw, feature_map(draw, 2, 4, 4, 4), params(draw, 4, 2), ())
    return arguments | {"grad_F_plus": np.tile(draw.normal(2, 1, 1, 4), (1, 4, 4, 1))}


@cases.case("snr_vjp", "5.1", "1.7")
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence: the sums run over a single axis."""
    return _reached(draw, feature_map(draw, 2, 6, 4), params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1", "1.7")
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the sums run over three axes."""
    return _reached(draw, feature_map(draw, 2, 2, 3, 2, 4), params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1", "1.7")
def one_image(draw: Draw) -> dict[str, Any]:
    """A batch of one."""
    return _reached(draw, feature_map(draw, 1, 3, 3, 4), params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def large_batch(draw: Draw) -> dict[str, Any]:
    """The gradients of the parameters are sums over 64 images."""
    return _reached(draw, feature_map(draw, 64, 2, 2, 4), params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def many_channels(draw: Draw) -> dict[str, Any]:
    """64 channels at a reduction of 16."""
    return _reached(draw, feature_map(draw, 3, 2, 2, 64), params(draw, 64, 4), FROM_ALL)


@cases.case("snr_vjp", "5.1", "1.1")
def two_pixels(draw: Draw) -> dict[str, Any]:
    """The unbiased variance of two pixels is twice the biased one, and so is its derivative."""
    return _reached(draw, feature_map(draw, 2, 2, 1, 4), params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1", "6.2")
def one_pixel(draw: Draw) -> dict[str, Any]:
    """On 1x1 maps the instance norm passes nothing, and all that reaches F goes through the residual."""
    return _reached(draw, feature_map(draw, 3, 1, 1, 4), params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1", "6.2")
def constant_channel(draw: Draw) -> dict[str, Any]:
    """A constant channel has finite gradients, 316 times as large as others."""
    F = feature_map(draw, 2, 4, 2, 4)
    F[..., 2] = draw.normal(2, 1, 1)
    return _reached(draw, F, params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1", "6.2")
def zero_map(draw: Draw) -> dict[str, Any]:
    """All zeros, as behind a dead layer."""
    return _reached(draw, np.zeros((2, 2, 3, 4)), params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1", "6.1")
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1: the sum of G F instead of G (F - mu) loses four digits of float32."""
    F = np.round(256 * draw.normal(2, 2, 1, 4)) / 256 + 1e4
    weights = params(draw, 4, 2)
    weights = weights._replace(w1=weights.w1 * 2.0**-13)
    return _reached(draw, F, weights, FROM_MAP)


@cases.case("snr_vjp", "5.1", "6.1")
def tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations less than the root of epsilon, which the derivative of sigma must not forget."""
    return _reached(draw, draw.normal(2, 3, 3, 4) * 2.0**-10, params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "5.1", "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.25, beside the variances."""
    return _reached(draw, feature_map(draw, 2, 3, 3, 4), params(draw, 4, 2), FROM_ALL) | {"epsilon": 0.25}


@cases.case("snr_vjp", "5.1")
def negative_and_zero_gamma(draw: Draw) -> dict[str, Any]:
    """Scales of both signs and of 0: gamma gets a gradient where it is 0, too."""
    weights = params(draw, 4, 2)._replace(gamma=np.array([-1.5, 0.0, 0.75, -0.125]))
    return _reached(draw, feature_map(draw, 2, 3, 4, 4), weights, FROM_ALL)


@cases.case("snr_vjp", "5.1")
def start_of_training(draw: Draw) -> dict[str, Any]:
    """The usual initial values, gamma = 1 and beta = 0."""
    weights = params(draw, 4, 2)._replace(gamma=np.ones(4), beta=np.zeros(4))
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), weights, FROM_ALL)


@cases.case("snr_vjp", "5.1", "6.4")
def saturated_gates(draw: Draw) -> dict[str, Any]:
    """Where a gate is saturated nothing passes it, to either side, and nothing overflows."""
    F = significant(feature_map(draw, 2, 3, 3, 4) + 4)
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return _reached(draw, F, saturating(draw, 4, 20.5, -20.5, 60, -60), FROM_ALL)


@cases.case("snr_vjp", "5.1", "5.5")
def dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """Every hidden unit is negative: w1 and w2 get nothing, z only what goes past the gate."""
    weights = params(draw, 4, 3)
    weights = weights._replace(beta=np.zeros(4), w1=-np.abs(weights.w1))
    F = significant(np.abs(feature_map(draw, 2, 3, 3, 4)) + 1)
    return _reached(draw, F, weights, FROM_ALL)


@cases.case("snr_vjp", "5.1", "5.5")
def hidden_units_at_zero(draw: Draw) -> dict[str, Any]:
    """With w1 = 0 every hidden unit is exactly 0, where the derivative of the ReLU is 0: w1 gets nothing."""
    weights = params(draw, 4, 2)
    return _reached(draw, feature_map(draw, 2, 3, 3, 4), weights._replace(w1=np.zeros((4, 2))), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def both_biases(draw: Draw) -> dict[str, Any]:
    """Both biases have gradients."""
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), params(draw, 4, 2, b1=True, b2=True), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def first_bias_only(draw: Draw) -> dict[str, Any]:
    """The gradient of b2 is absent, as b2 is."""
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), params(draw, 4, 2, b1=True), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def second_bias_only(draw: Draw) -> dict[str, Any]:
    """The gradient of b1 is absent, as b1 is."""
    return _reached(draw, feature_map(draw, 3, 3, 3, 4), params(draw, 4, 2, b2=True), FROM_ALL)


@cases.case("snr_vjp", "5.1")
def full_float64(draw: Draw) -> dict[str, Any]:
    """All 53 bits that a float64 has: whoever goes through float32 on the way is seen."""
    F, weights = feature_map(draw, 2, 3, 3, 4, bits=53), params(draw, 4, 2, bits=53)
    return _reached(draw, F, weights, FROM_ALL)


@cases.case("snr_vjp", "6.3", kind="pattern", outputs=("grad_F",))
def nan_in_the_second_image(draw: Draw) -> dict[str, Any]:
    """The gradient of F is untouched in the other images; those of the parameters, sums over all of them, are lost."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[1, 2, 1, :] = np.nan
    return _reached(draw, F, params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "6.3", kind="pattern", outputs=("grad_F",))
def infinity_in_the_first_image(draw: Draw) -> dict[str, Any]:
    """An infinity is as bad as a NaN, in its own image."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[0, 1, 1, :] = -np.inf
    return _reached(draw, F, params(draw, 4, 2), FROM_ALL)


@cases.case("snr_vjp", "6.6", kind="refusal")
def gradient_of_another_map(draw: Draw) -> dict[str, Any]:
    """What reaches F~+ has a pixel less than F~+."""
    arguments = _reached(draw, feature_map(draw, 2, 3, 3, 4), params(draw, 4, 2), FROM_ALL)
    return arguments | {"grad_F_plus": draw.normal(2, 3, 2, 4)}


@cases.case("instance_norm_vjp", "5.2")
def norm_ordinary(draw: Draw) -> dict[str, Any]:
    """Eq. 1 backwards, in general position."""
    return _norm(draw, feature_map(draw, 3, 5, 4, 6))


@cases.case("instance_norm_vjp", "5.2", "6.2")
def norm_of_one_pixel(draw: Draw) -> dict[str, Any]:
    """On a 1x1 map F~ is beta, whatever F is: F and gamma get 0."""
    return _norm(draw, feature_map(draw, 3, 1, 1, 4))


@cases.case("instance_norm_vjp", "5.2", "6.2")
def norm_of_a_constant_channel(draw: Draw) -> dict[str, Any]:
    """A constant channel has finite gradients."""
    F = feature_map(draw, 2, 4, 2, 3)
    F[..., 0] = 1
    return _norm(draw, F)


@cases.case("instance_norm_vjp", "5.2", "6.1")
def norm_of_a_large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1."""
    return _norm(draw, np.round(256 * draw.normal(2, 4, 2, 4)) / 256 + 1e4)


@cases.case("instance_norm_vjp", "5.2", "6.1")
def norm_of_a_tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations less than the root of epsilon."""
    return _norm(draw, draw.normal(2, 3, 3, 4) * 2.0**-10)


@cases.case("instance_norm_vjp", "5.2")
def norm_of_the_same_at_every_pixel(draw: Draw) -> dict[str, Any]:
    """A gradient that is the same at every pixel does not pass: the mean is normalized away."""
    arguments = _norm(draw, feature_map(draw, 2, 4, 4, 4))
    return arguments | {"grad_F_tilde": np.tile(draw.normal(2, 1, 1, 4), (1, 4, 4, 1))}


@cases.case("channel_attention_vjp", "5.2")
def attention_ordinary(draw: Draw) -> dict[str, Any]:
    """Eq. 3 backwards, in general position."""
    return _attention(draw, 5, 8, 2)


@cases.case("channel_attention_vjp", "5.2")
def attention_of_square_weights(draw: Draw) -> dict[str, Any]:
    """As many images and hidden units as channels: no transpose and no swap crashes."""
    return _attention(draw, 4, 4, 4)


@cases.case("channel_attention_vjp", "5.2")
def attention_of_both_biases(draw: Draw) -> dict[str, Any]:
    """Both biases get gradients, sums over the images."""
    return _attention(draw, 3, 6, 3, b1=True, b2=True)


@cases.case("channel_attention_vjp", "5.2", "5.5")
def attention_of_hidden_units_at_zero(draw: Draw) -> dict[str, Any]:
    """A residual of 0 puts every hidden unit at 0, where the derivative of the ReLU is 0: nothing comes back."""
    return _attention(draw, 3, 4, 2) | {"z": np.zeros((3, 4))}


@cases.case("channel_attention_vjp", "5.2", "5.5")
def attention_of_dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """No hidden unit is positive: nothing comes back but to b2."""
    arguments = _attention(draw, 3, 4, 2, b2=True)
    return arguments | {"z": np.abs(arguments["z"]), "w1": -np.abs(arguments["w1"])}


@cases.case("channel_attention_vjp", "5.2", "6.4")
def attention_saturated(draw: Draw) -> dict[str, Any]:
    """Logits to both sides of 12, 20, 40 and 60: the slopes are small, and kept."""
    weights = saturating(draw, 8, 20.5, -20.5, 40, -40, 12, -12, 60, -60)
    z = np.ones((1, 8)) + draw.normal(2, 8) / 64
    return {"z": z, "w1": weights.w1, "w2": weights.w2, "grad_a": draw.normal(2, 8)}


def _reached(draw: Draw, F: np.ndarray, weights: SNRParams, names: tuple[str, ...]) -> dict[str, Any]:
    """The module with a gradient for each of the names; the others are None, which is 0."""
    rows = (F.shape[0], F.shape[-1])
    reaching = {name: draw.normal(*(F.shape if name == "grad_F_plus" else rows)) for name in FROM_ALL}
    return {"F": F, "params": weights} | {name: reaching[name] if name in names else None for name in FROM_ALL}


def _norm(draw: Draw, F: np.ndarray) -> dict[str, Any]:
    gamma, beta = draw.normal(F.shape[-1]), draw.normal(F.shape[-1])
    return {"F": F, "gamma": gamma, "beta": beta, "grad_F_tilde": draw.normal(*F.shape)}


def _attention(draw: Draw, images: int, channels: int, hidden: int, **biases: bool) -> dict[str, Any]:
    return attention(draw, images, channels, hidden, **biases) | {"grad_a": draw.normal(images, channels)}
