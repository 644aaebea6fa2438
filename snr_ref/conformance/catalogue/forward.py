"""The module itself, eqs. 1 to 5, with every step of the chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.inputs import faint, feature_map, params, saturating
from snr_ref.conformance.draw import Draw, significant
from snr_ref.conformance.functions import FUNCTIONS

cases = Catalogue("forward", "the module, eqs. 1 to 5, step by step", required=True)

STATISTICS = ("1.1", "1.2")
RESTITUTION = ("1.3", "1.4", "1.5", "1.6")
EQUATIONS = (*STATISTICS, *RESTITUTION)

#: Where an image is lost, f~ may be beta all the same, or lost too if it is pooled.
BUT_F_TILDE = tuple(output for output in FUNCTIONS["snr"].outputs if output != "f_tilde")


@cases.case("snr", *EQUATIONS)
def ordinary(draw: Draw) -> dict[str, Any]:
    """Everything in general position: 4 images of 6x5 pixels, 8 channels, each with a mean and deviation of its own."""
    return {"F": feature_map(draw, 4, 6, 5, 8), "params": params(draw, 8, 2)}


@cases.case("snr", *EQUATIONS)
def equal_axes(draw: Draw) -> dict[str, Any]:
    """Images, rows, columns, channels and hidden units are all 4: whoever takes one axis for another does not crash."""
    return {"F": feature_map(draw, 4, 4, 4, 4), "params": params(draw, 4, 4)}


@cases.case("snr", "1.7", *STATISTICS)
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence: the pixels lie along a single axis."""
    return {"F": feature_map(draw, 3, 7, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "1.7", *STATISTICS)
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the statistics are taken over three axes."""
    return {"F": feature_map(draw, 2, 3, 2, 3, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "1.7", "1.1")
def one_image(draw: Draw) -> dict[str, Any]:
    """A batch of one, whose axis must not vanish."""
    return {"F": feature_map(draw, 1, 4, 3, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "1.7", outputs=("mu", "sigma", "a", "F_plus", "f_plus", "f_minus"))
def large_batch(draw: Draw) -> dict[str, Any]:
    """64 images, none of which may see another one."""
    return {"F": feature_map(draw, 64, 2, 2, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "1.1", outputs=("mu", "sigma", "F_plus", "f_plus", "f_minus"))
def many_pixels(draw: Draw) -> dict[str, Any]:
    """48x32 pixels, over which a careless sum loses digits."""
    return {"F": feature_map(draw, 1, 48, 32, 2), "params": params(draw, 2, 1)}


@cases.case("snr", "1.4", outputs=("mu", "a", "F_plus", "f_plus", "f_minus"))
def many_channels(draw: Draw) -> dict[str, Any]:
    """64 channels at the paper's reduction of 16."""
    return {"F": feature_map(draw, 3, 3, 2, 64), "params": params(draw, 64, 4)}


@cases.case("snr", "1.1", "1.7")
def tall_map(draw: Draw) -> dict[str, Any]:
    """A map of 8x2 pixels, as tall as pedestrians are."""
    return {"F": feature_map(draw, 2, 8, 2, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "1.1")
def two_pixels(draw: Draw) -> dict[str, Any]:
    """The unbiased variance of two pixels is twice the biased one."""
    return {"F": feature_map(draw, 2, 2, 1, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "1.1", "1.7")
def duplicate_images(draw: Draw) -> dict[str, Any]:
    """The same image three times among others: what it gets doesn't depend on its company or its place."""
    F = feature_map(draw, 2, 3, 3, 4)
    return {"F": F[[0, 1, 0, 0]], "params": params(draw, 4, 2)}


@cases.case("snr", "6.2", *EQUATIONS)
def one_pixel(draw: Draw) -> dict[str, Any]:
    """On a 1x1 map F is its own mean, so that F~ = beta exactly."""
    return {"F": feature_map(draw, 3, 1, 1, 4), "params": params(draw, 4, 2)}


@cases.case("snr", "6.1", "6.2")
def one_pixel_of_large_mean(draw: Draw) -> dict[str, Any]:
    """A 1x1 map of numbers near 10^4: F - mu is 0, while s F - s mu is a difference of numbers near 10^6."""
    return {"F": significant(1e4 + 256 * draw.normal(3, 1, 1, 4)), "params": faint(draw, 4)}


@cases.case("snr", "6.2", *STATISTICS)
def constant_channel(draw: Draw) -> dict[str, Any]:
    """One channel has no deviation, where epsilon alone keeps sigma from 0; the others are ordinary."""
    F = feature_map(draw, 2, 4, 4, 4)
    F[..., 1] = draw.normal(2, 1, 1)
    return {"F": F, "params": params(draw, 4, 2)}


@cases.case("snr", "6.1", "6.2")
def constant_channel_of_large_mean(draw: Draw) -> dict[str, Any]:
    """A channel that is 10^4 everywhere: 1 / sigma is 316 there, which enlarges the rounding of a folded offset."""
    F = feature_map(draw, 2, 4, 2, 4)
    F[..., 1], F[..., 2] = 9984, -9984
    return {"F": F, "params": faint(draw, 4)}


@cases.case("snr", "6.2")
def constant_map(draw: Draw) -> dict[str, Any]:
    """Every channel of every image is constant, each at a number of its own."""
    return {"F": np.tile(draw.normal(3, 1, 1, 4), (1, 2, 4, 1)), "params": params(draw, 4, 2)}


@cases.case("snr", "6.2")
def zero_map(draw: Draw) -> dict[str, Any]:
    """All zeros, as behind a dead layer: F~ = beta and z = -beta."""
    return {"F": np.zeros((2, 3, 3, 4)), "params": params(draw, 4, 2)}


@cases.case("snr", "6.1", *STATISTICS)
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1: in float32 nothing is left of E[x^2] - mu^2."""
    return {"F": _far_off(draw, 2, 4, 2, 4), "params": faint(draw, 4)}


@cases.case("snr", "6.1", *STATISTICS)
def large_mean_of_two_pixels(draw: Draw) -> dict[str, Any]:
    """Two pixels near 10^4 and a gate that is almost shut: the mean is exact, and s F - s mu is not."""
    return {"F": _far_off(draw, 3, 2, 1, 4), "params": faint(draw, 4)}


@cases.case("snr", "6.1", "1.1")
def large_mean_of_one_channel(draw: Draw) -> dict[str, Any]:
    """Means of 1, -100, 1000 and 10^4 side by side: what is lost in one channel must not be lost in another."""
    means = np.array([1.0, -100.0, 1000.0, 10000.0])
    return {"F": _steps(draw, 2, 3, 3, 4) + means, "params": faint(draw, 4)}


@cases.case("snr", "6.1", "1.2")
def tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations of 10^-3, less than the root of epsilon: it must stand inside the root, beside the variance."""
    return {"F": draw.normal(2, 4, 3, 4) * 2.0**-10, "params": params(draw, 4, 2)}


@cases.case("snr", "1.1", "1.4")
def one_bright_pixel(draw: Draw) -> dict[str, Any]:
    """One pixel of 1000: a mean is not a maximum, nor a median."""
    F = feature_map(draw, 2, 4, 3, 4)
    F[0, 1, 2, 0], F[1, 3, 0, 3] = 1000, -1000
    return {"F": F, "params": faint(draw, 4)}


@cases.case("snr", "1.2")
def negative_and_zero_gamma(draw: Draw) -> dict[str, Any]:
    """Scales of both signs and of 0, where F~ = beta."""
    weights = params(draw, 4, 2)
    return {"F": feature_map(draw, 2, 3, 4, 4), "params": weights._replace(gamma=np.array([-1.5, 0.0, 0.75, -0.125]))}


@cases.case("snr", *EQUATIONS)
def start_of_training(draw: Draw) -> dict[str, Any]:
    """The usual initial values, gamma = 1 and beta = 0: z is mu itself."""
    return {
        "F": feature_map(draw, 3, 4, 3, 4),
        "params": params(draw, 4, 2)._replace(gamma=np.ones(4), beta=np.zeros(4)),
    }


@cases.case("snr", "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.01 beside variances of 0.01: the argument must arrive, and inside the root."""
    return {"F": feature_map(draw, 2, 3, 4, 4) * 0.125, "params": params(draw, 4, 2), "epsilon": 0.01}


@cases.case("snr", "1.2")
def default_epsilon(draw: Draw) -> dict[str, Any]:
    """Deviations of 0.004, beside which the epsilon of 10^-3 that other layers have would be seen at once."""
    return {"F": draw.normal(2, 4, 3, 4) * 2.0**-8, "params": params(draw, 4, 2)}


@cases.case("snr", "1.4", "1.5", "6.4")
def saturated_gates(draw: Draw) -> dict[str, Any]:
    """Gates of 10^-9 and 10^-30, which must not become 0, and of 1 - 10^-9, where F~+ is F."""
    F = feature_map(draw, 2, 4, 3, 4) + 4
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return {"F": F, "params": saturating(draw, 4, 20.5, -20.5, 69, -69)}


@cases.case("snr", "6.4")
def gates_beyond_the_exponential(draw: Draw) -> dict[str, Any]:
    """Logits of 1000 and -1000, whose exponentials overflow: a is 1 and 0 all the same."""
    F = feature_map(draw, 2, 3, 2, 4) + 4
    return {"F": significant(F), "params": saturating(draw, 4, 1000, -1000, 300, -300)}


@cases.case("snr", "1.4")
def dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """Every hidden unit is negative, so that a is 1/2 in every channel."""
    weights = params(draw, 4, 3)
    F = np.abs(feature_map(draw, 2, 3, 3, 4)) + 1
    return {"F": significant(F), "params": weights._replace(beta=np.zeros(4), w1=-np.abs(weights.w1))}


@cases.case("snr", "1.4")
def both_biases(draw: Draw) -> dict[str, Any]:
    """An attention with both biases, which the paper has not and public checkpoints have."""
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": params(draw, 4, 2, b1=True, b2=True)}


@cases.case("snr", "1.4")
def first_bias_only(draw: Draw) -> dict[str, Any]:
    """A bias beside w1 and none beside w2."""
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": params(draw, 4, 2, b1=True)}


@cases.case("snr", "1.4")
def second_bias_only(draw: Draw) -> dict[str, Any]:
    """A bias beside w2 and none beside w1."""
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": params(draw, 4, 2, b2=True)}


@cases.case("snr", "1.4")
def one_hidden_unit(draw: Draw) -> dict[str, Any]:
    """Fewer channels than the reduction leave one hidden unit."""
    weights = params(draw, 6, 1)
    F = significant(feature_map(draw, 3, 3, 4, 6) + 1)
    return {"F": F, "params": weights._replace(w1=np.abs(weights.w1))}


@cases.case("snr", "1.4")
def no_reduction(draw: Draw) -> dict[str, Any]:
    """As many hidden units as channels: w1 and w2 are square, and a transpose or a swap does not crash."""
    return {"F": feature_map(draw, 3, 3, 4, 5), "params": params(draw, 5, 5)}


@cases.case("snr", "1.4", "1.3")
def strong_residual(draw: Draw) -> dict[str, Any]:
    """The means of F decide the gate, and those of F~ are far from them: a gate on F, or on F~, shows."""
    weights = params(draw, 4, 2)
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": weights._replace(beta=significant(weights.beta + 3))}


@cases.case("snr", *EQUATIONS)
def full_float32(draw: Draw) -> dict[str, Any]:
    """All 24 bits that a float32 has: whoever goes through half precision or TF32 on the way is seen."""
    return {"F": feature_map(draw, 2, 3, 4, 4, bits=24), "params": params(draw, 4, 2, bits=24)}


@cases.case("snr", *EQUATIONS)
def full_float64(draw: Draw) -> dict[str, Any]:
    """All 53 bits that a float64 has: whoever goes through float32 on the way is seen."""
    return {"F": feature_map(draw, 2, 3, 4, 4, bits=53), "params": params(draw, 4, 2, bits=53)}


@cases.case("snr", "6.3", kind="pattern", outputs=BUT_F_TILDE)
def nan_in_the_second_image(draw: Draw) -> dict[str, Any]:
    """A NaN must come out as NaN in its own image, and leave the other images' numbers as they are."""
    F = feature_map(draw, 3, 4, 2, 4)
    F[1, 2, 1, 3] = np.nan
    return {"F": F, "params": params(draw, 4, 2)}


@cases.case("snr", "6.3", kind="pattern", outputs=tuple(output for output in BUT_F_TILDE if output != "a"))
def infinity_in_the_first_image(draw: Draw) -> dict[str, Any]:
    """An infinite pixel is no number to normalize by: its image is lost, whatever its gates are; the others are not."""
    F = feature_map(draw, 3, 4, 2, 4)
    F[0, 0, 0, :] = np.inf
    return {"F": F, "params": params(draw, 4, 2)}


@cases.case("snr", "6.6", kind="refusal")
def no_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A matrix has no pixels to take statistics over."""
    return {"F": draw.normal(2, 4), "params": params(draw, 4, 1)}


@cases.case("snr", "6.6", kind="refusal")
def integers(draw: Draw) -> dict[str, Any]:
    """A feature map of integers, such as an image that nobody scaled."""
    return {"F": draw.integers(0, 256, 2, 3, 3, 4), "params": params(draw, 4, 1)}


@cases.case("snr", "6.6", kind="refusal")
def channels_of_gamma(draw: Draw) -> dict[str, Any]:
    """The scale has one channel more than the feature map."""
    weights = params(draw, 4, 1)
    return {"F": draw.normal(2, 3, 3, 4), "params": weights._replace(gamma=draw.normal(5))}


@cases.case("snr", "6.6", kind="refusal")
def channels_of_beta(draw: Draw) -> dict[str, Any]:
    """An offset of one channel would broadcast over all of them."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 1)._replace(beta=draw.normal(1))}


@cases.case("snr", "6.6", kind="refusal")
def channels_first(draw: Draw) -> dict[str, Any]:
    """A map with its channels in front, whose last axis does not fit the parameters."""
    return {"F": draw.normal(2, 4, 3, 3), "params": params(draw, 4, 1)}


@cases.case("snr", "6.6", kind="refusal")
def transposed_w1(draw: Draw) -> dict[str, Any]:
    """Weights in the layout of PyTorch, (C/r, C)."""
    weights = params(draw, 4, 2)
    return {"F": draw.normal(2, 3, 3, 4), "params": weights._replace(w1=weights.w1.T)}


@cases.case("snr", "6.6", kind="refusal")
def hidden_units_of_w2(draw: Draw) -> dict[str, Any]:
    """The second weights have a hidden unit more than the first."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 2)._replace(w2=draw.normal(3, 4))}


@cases.case("snr", "6.6", kind="refusal")
def hidden_units_of_b1(draw: Draw) -> dict[str, Any]:
    """A first bias as long as the second one ought to be."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 2)._replace(b1=draw.normal(4))}


def _steps(draw: Draw, *shape: int) -> np.ndarray:
    """Deviations of about 1 in steps of 1/256, which float32 can add to 10^4 without an error."""
    return np.round(256 * draw.normal(*shape)) / 256


def _far_off(draw: Draw, *shape: int) -> np.ndarray:
    means = np.where(draw.integers(0, 2, shape[0], 1, 1, shape[-1]) == 1, 1.0e4, -1.0e4)
    return _steps(draw, *shape) + means
