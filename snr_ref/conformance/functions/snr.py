"""The module, eqs. 1 to 5, with every step of the chain and the embeddings.

Errors of mu, sigma and a affect a map in the same way in the literal equations and in the closed form: to first order,
by the derivative of the map. F~+ = a F + (1 - a) F~ depends on mu and sigma only through (1 - a) F~. Besides that
shared part each form has its own roundings. So the bound is tight, which the plain sum of the errors of F~ and R+ would
not be.

In half precision the statistics, the attention and the embeddings are computed in float32, from F: maps are pooled
before they are rounded. A map may be stored in the half dtype at every step on its way to another map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw, significant
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.channel_attention import Attention, Share, attend
from snr_ref.conformance.functions.instance_norm import Normalized, normalize
from snr_ref.conformance.inputs import faint, feature_map, params, saturating
from snr_ref.conformance.precision import Precision, Storage, storage
from snr_ref.conformance.running_error import Rounded
from snr_ref.conformance.spoiled import plain_module, refuse_maps, refuse_params
from snr_ref.conformance.statistics import Statistics, statistics
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.gradients import pixels
from snr_ref.instance_norm import over_pixels, pool, standard_deviation
from snr_ref.restitution import SNRParams

snr = Function(
    "snr",
    (
        "mu",
        "sigma",
        "F_tilde",
        "R",
        "a",
        "R_plus",
        "R_minus",
        "F_plus",
        "F_minus",
        "f_tilde",
        "f_plus",
        "f_minus",
    ),
    clause="1.6",
    after="channel_attention",
    maps=frozenset({"F", "F_tilde", "R", "R_plus", "R_minus", "F_plus", "F_minus"}),
    records={"params": SNRParams},
    is_tuple=False,
)


@snr.besides
def moments(arguments: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Mu and sigma, which `snr_ref.snr` does not return."""
    F, epsilon = arguments["F"], arguments.get("epsilon", 1e-5)
    with np.errstate(invalid="ignore"):
        return {"mu": pool(F), "sigma": standard_deviation(F, epsilon)}


class Forward(NamedTuple):
    """The module up to its attention, for the backward pass.

    Attributes:
        statistics: Statistics of F.
        attention: Attention; its z has the wider error of both forms.
        R: Literal residual, (N, M, C), in the precision of the computation.
        errors: Bound of each output of `snr`, maps (N, M, C).
    """

    statistics: Statistics
    attention: Attention
    R: Rounded
    errors: dict[str, np.ndarray]


@snr.bound
def snr_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Eqs. 1 to 5 and the embeddings."""
    shape = arguments["F"].shape
    errors = forward(arguments, precision).errors
    return {name: error.reshape(shape) if error.ndim == 3 else error for name, error in errors.items()}


def forward(arguments: Mapping[str, Any], precision: Precision) -> Forward:
    """The module, with a bound on the error of every quantity.

    Args:
        arguments: Mapping with `F`, `params` and optionally `epsilon`.
        precision: Precision of computation and storage.

    Returns:
        The quantities of the forward pass.
    """
    u, params = precision.u, arguments["params"]
    with np.errstate(invalid="ignore", divide="ignore"):
        s = statistics(arguments, u)
        n = normalize(s, params.gamma, params.beta)
        computed = Storage(u, 0.0)
        z = pooled_residual(s, n, computed)
        attention = attend(z, params._asdict())
        a, rest = attention.a, attention.rest
        stored = storage(precision)
        errors = {
            "mu": s.mu.error,
            "sigma": s.sigma.error,
            "F_tilde": n.shared + n.rounded + stored.rounding(n.F_tilde),
            "R": _residual(n, stored),
            "a": a.error,
            "R_plus": _part(n, a, stored),
            "R_minus": _part(n, rest, stored),
            "F_plus": _restituted(s, n, z, a, rest, params.beta, stored),
            "F_minus": _restituted(s, n, z, rest, a, params.beta, stored),
            "f_tilde": n.shared_mean + _pooled(n.F_tilde, n.rounded + computed.rounding(n.F_tilde), u),
            "f_plus": _embedding(s, n, z, a, rest, params.beta, computed),
            "f_minus": _embedding(s, n, z, rest, a, params.beta, computed),
        }
    return Forward(s, attention, Rounded(n.R, _residual(n, computed), u), errors)


def pooled_residual(s: Statistics, n: Normalized, computed: Storage) -> Rounded:
    """z, as the mean of R or as mu - beta."""
    z = n.R.mean(1)
    literal = n.shared_mean + _pooled(n.R, _residual(n, computed) - n.shared, computed.u)
    closed = s.mu.error + computed.rounding(np.abs(z) + s.mu.error)
    return Rounded(z, np.maximum(literal, closed), computed.u)


def _residual(n: Normalized, stored: Storage) -> np.ndarray:
    return n.shared + n.rounded + stored.rounding(n.F_tilde) + stored.rounding(n.R)


def _part(n: Normalized, share: Share, stored: Storage) -> np.ndarray:
    """R+ for a, R- for 1 - a."""
    value, off, residual = share.value[:, None], share.error[:, None], _residual(n, stored)
    return (value + off) * residual + off * np.abs(n.R) + stored.rounding(value * n.R)


def _restituted(
    s: Statistics, n: Normalized, z: Rounded, a: Share, rest: Share, beta: np.ndarray, stored: Storage
) -> np.ndarray:
    """F~+; F~- with a and 1 - a swapped."""
    u, F_plus = a.u, n.F_tilde + a.value[:, None] * n.R
    shared = (rest.value + rest.error)[:, None] * n.shared + a.moved[:, None] * np.abs(n.R)
    literal = a.own[:, None] * np.abs(n.R) + _literal_roundings(n, a, rest, stored)

    centred, scaled, mean = np.abs(s.F - s.mu.value[:, None]), np.abs(n.scaled), np.abs(z.value)[:, None]
    own, own_rest, most, most_rest = (x[:, None] for x in (a.own, rest.own, a.value + a.error, rest.value + rest.error))
    product = most * centred + most_rest * scaled
    closed = own * (centred + mean) + own_rest * scaled + u * (4 * product + 3 * most * mean + np.abs(beta))
    return shared + np.maximum(literal, closed) + stored.rounding(F_plus)


def _embedding(
    s: Statistics, n: Normalized, z: Rounded, a: Share, rest: Share, beta: np.ndarray, computed: Storage
) -> np.ndarray:
    """f~+, as the mean of F~+ or as beta + a z; f~- with a and 1 - a swapped."""
    F_plus = n.F_tilde + a.value[:, None] * n.R
    roundings = _literal_roundings(n, a, rest, computed) + computed.rounding(F_plus)
    literal = (rest.value + rest.error) * n.shared_mean + _pooled(F_plus, roundings, computed.u)
    part = (a.value + a.error) * (s.mu.error + 3 * computed.rounding(z.value))
    closed = part + computed.rounding(beta + a.value * z.value)
    return a.error * np.abs(z.value) + np.maximum(literal, closed)


def _literal_roundings(n: Normalized, a: Share, rest: Share, stored: Storage) -> np.ndarray:
    """The roundings of F~ + a (F - F~) except the last: an error of F~ contributes 1 - a of itself to the result."""
    of_F_tilde = n.rounded + stored.rounding(n.F_tilde)
    most = (a.value + a.error)[:, None]
    return (rest.value + rest.error)[:, None] * of_F_tilde + most * stored.rounding(n.R) + stored.rounding(most * n.R)


def _pooled(x: np.ndarray, roundings: np.ndarray, u: float) -> np.ndarray:
    """The effect of roundings on the mean over the pixels, with those of the sum, in any order, and of the division."""
    pixels = x.shape[1]
    return roundings.mean(1) + pixels * u * (np.abs(x) + roundings).mean(1)


STATISTICS = ("1.1", "1.2")

RESTITUTION = ("1.3", "1.4", "1.5", "1.6")

EQUATIONS = (*STATISTICS, *RESTITUTION)

#: For an image that holds NaN, f~ may still be beta, or NaN if it is pooled.
BUT_F_TILDE = tuple(output for output in snr.outputs if output != "f_tilde")


@snr.case(groups.forward, *EQUATIONS)
def ordinary(draw: Draw) -> dict[str, Any]:
    """Everything in general position: 4 images of 6x5 pixels, 8 channels, each with a mean and deviation of its own."""
    return {"F": feature_map(draw, 4, 6, 5, 8), "params": params(draw, 8, 2)}


@snr.case(groups.forward, *EQUATIONS)
def equal_axes(draw: Draw) -> dict[str, Any]:
    """Images, rows, columns, channels and hidden units are all 4: whoever takes one axis for another does not crash."""
    return {"F": feature_map(draw, 4, 4, 4, 4), "params": params(draw, 4, 4)}


@snr.case(groups.forward, "1.7", *STATISTICS)
def one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A sequence: the pixels lie along a single axis."""
    return {"F": feature_map(draw, 3, 7, 4), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.7", *STATISTICS)
def three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """A volume: the statistics are taken over three axes."""
    return {"F": feature_map(draw, 2, 3, 2, 3, 4), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.7", "1.1")
def one_image(draw: Draw) -> dict[str, Any]:
    """A batch of one, whose axis must not vanish."""
    return {"F": feature_map(draw, 1, 4, 3, 4), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.7", outputs=("mu", "sigma", "a", "F_plus", "f_plus", "f_minus"))
def large_batch(draw: Draw) -> dict[str, Any]:
    """64 images, none of which may see another one."""
    return {"F": feature_map(draw, 64, 2, 2, 4), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.1", outputs=("mu", "sigma", "F_plus", "f_plus", "f_minus"))
def many_pixels(draw: Draw) -> dict[str, Any]:
    """48x32 pixels, over which a careless sum loses digits."""
    return {"F": feature_map(draw, 1, 48, 32, 2), "params": params(draw, 2, 1)}


@snr.case(groups.forward, "1.4", outputs=("mu", "a", "F_plus", "f_plus", "f_minus"))
def many_channels(draw: Draw) -> dict[str, Any]:
    """64 channels at the paper's reduction of 16."""
    return {"F": feature_map(draw, 3, 3, 2, 64), "params": params(draw, 64, 4)}


@snr.case(groups.forward, "1.1", "1.7")
def tall_map(draw: Draw) -> dict[str, Any]:
    """A map of 8x2 pixels, as tall as pedestrians are."""
    return {"F": feature_map(draw, 2, 8, 2, 4), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.1")
def two_pixels(draw: Draw) -> dict[str, Any]:
    """The unbiased variance of two pixels is twice the biased one."""
    return {"F": feature_map(draw, 2, 2, 1, 4), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.1", "1.7")
def duplicate_images(draw: Draw) -> dict[str, Any]:
    """The same image three times among others: what it gets doesn't depend on its company or its place."""
    F = feature_map(draw, 2, 3, 3, 4)
    return {"F": F[[0, 1, 0, 0]], "params": params(draw, 4, 2)}


@snr.case(groups.forward, "6.2", *EQUATIONS)
def one_pixel(draw: Draw) -> dict[str, Any]:
    """On a 1x1 map F is its own mean, so that F~ = beta exactly."""
    return {"F": feature_map(draw, 3, 1, 1, 4), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "6.1", "6.2")
def one_pixel_of_large_mean(draw: Draw) -> dict[str, Any]:
    """A 1x1 map of numbers near 10^4: F - mu is 0, while s F - s mu is a difference of numbers near 10^6."""
    return {"F": significant(1e4 + 256 * draw.normal(3, 1, 1, 4)), "params": faint(draw, 4)}


@snr.case(groups.forward, "6.2", *STATISTICS)
def constant_channel(draw: Draw) -> dict[str, Any]:
    """One channel has no deviation, where epsilon alone keeps sigma from 0; the others are ordinary."""
    F = feature_map(draw, 2, 4, 4, 4)
    F[..., 1] = draw.normal(2, 1, 1)
    return {"F": F, "params": params(draw, 4, 2)}


@snr.case(groups.forward, "6.1", "6.2")
def constant_channel_of_large_mean(draw: Draw) -> dict[str, Any]:
    """A channel that is 10^4 everywhere: 1 / sigma is 316 there, which enlarges the rounding of a folded offset."""
    F = feature_map(draw, 2, 4, 2, 4)
    F[..., 1], F[..., 2] = 9984, -9984
    return {"F": F, "params": faint(draw, 4)}


@snr.case(groups.forward, "6.2")
def constant_map(draw: Draw) -> dict[str, Any]:
    """Every channel of every image is constant, each at a number of its own."""
    return {"F": np.tile(draw.normal(3, 1, 1, 4), (1, 2, 4, 1)), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "6.2")
def zero_map(draw: Draw) -> dict[str, Any]:
    """All zeros, as behind a dead layer: F~ = beta and z = -beta."""
    return {"F": np.zeros((2, 3, 3, 4)), "params": params(draw, 4, 2)}


@snr.case(groups.forward, "6.1", *STATISTICS)
def large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 10^4 with deviations of 1: in float32 nothing is left of E[x^2] - mu^2."""
    return {"F": _far_off(draw, 2, 4, 2, 4), "params": faint(draw, 4)}


@snr.case(groups.forward, "6.1", *STATISTICS)
def large_mean_of_two_pixels(draw: Draw) -> dict[str, Any]:
    """Two pixels near 10^4 and a gate that is almost shut: the mean is exact, and s F - s mu is not."""
    return {"F": _far_off(draw, 3, 2, 1, 4), "params": faint(draw, 4)}


@snr.case(groups.forward, "6.1", "1.1")
def large_mean_of_one_channel(draw: Draw) -> dict[str, Any]:
    """Means of 1, -100, 1000 and 10^4 side by side: what is lost in one channel must not be lost in another."""
    means = np.array([1.0, -100.0, 1000.0, 10000.0])
    return {"F": _steps(draw, 2, 3, 3, 4) + means, "params": faint(draw, 4)}


@snr.case(groups.forward, "6.1", "1.2")
def tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations of 10^-3, less than the root of epsilon: it must stand inside the root, beside the variance."""
    return {"F": draw.normal(2, 4, 3, 4) * 2.0**-10, "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.1", "1.4")
def one_bright_pixel(draw: Draw) -> dict[str, Any]:
    """One pixel of 1000: a mean is not a maximum, nor a median."""
    F = feature_map(draw, 2, 4, 3, 4)
    F[0, 1, 2, 0], F[1, 3, 0, 3] = 1000, -1000
    return {"F": F, "params": faint(draw, 4)}


@snr.case(groups.forward, "1.2")
def negative_and_zero_gamma(draw: Draw) -> dict[str, Any]:
    """Scales of both signs and of 0, where F~ = beta."""
    weights = params(draw, 4, 2)
    return {"F": feature_map(draw, 2, 3, 4, 4), "params": weights._replace(gamma=np.array([-1.5, 0.0, 0.75, -0.125]))}


@snr.case(groups.forward, *EQUATIONS)
def start_of_training(draw: Draw) -> dict[str, Any]:
    """The usual initial values, gamma = 1 and beta = 0: z is mu itself."""
    return {
        "F": feature_map(draw, 3, 4, 3, 4),
        "params": params(draw, 4, 2)._replace(gamma=np.ones(4), beta=np.zeros(4)),
    }


@snr.case(groups.forward, "1.2")
def other_epsilon(draw: Draw) -> dict[str, Any]:
    """An epsilon of 0.01 beside variances of 0.01: the argument must arrive, and inside the root."""
    return {"F": feature_map(draw, 2, 3, 4, 4) * 0.125, "params": params(draw, 4, 2), "epsilon": 0.01}


@snr.case(groups.forward, "1.2")
def default_epsilon(draw: Draw) -> dict[str, Any]:
    """Deviations of 0.004, beside which the epsilon of 10^-3 that other layers have would be seen at once."""
    return {"F": draw.normal(2, 4, 3, 4) * 2.0**-8, "params": params(draw, 4, 2)}


@snr.case(groups.forward, "1.4", "1.5", "6.4")
def saturated_gates(draw: Draw) -> dict[str, Any]:
    """Gates of 10^-9 and 10^-30, which must not become 0, and of 1 - 10^-9, where F~+ is F."""
    F = feature_map(draw, 2, 4, 3, 4) + 4
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return {"F": F, "params": saturating(draw, 4, 20.5, -20.5, 69, -69)}


@snr.case(groups.forward, "6.4")
def gates_beyond_the_exponential(draw: Draw) -> dict[str, Any]:
    """Logits of 1000 and -1000, whose exponentials overflow: a is 1 and 0 all the same."""
    F = feature_map(draw, 2, 3, 2, 4) + 4
    return {"F": significant(F), "params": saturating(draw, 4, 1000, -1000, 300, -300)}


@snr.case(groups.forward, "1.4")
def dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """Every hidden unit is negative, so that a is 1/2 in every channel."""
    weights = params(draw, 4, 3)
    F = np.abs(feature_map(draw, 2, 3, 3, 4)) + 1
    return {"F": significant(F), "params": weights._replace(beta=np.zeros(4), w1=-np.abs(weights.w1))}


@snr.case(groups.forward, "1.4")
def both_biases(draw: Draw) -> dict[str, Any]:
    """An attention with both biases, which the paper has not and public checkpoints have."""
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": params(draw, 4, 2, b1=True, b2=True)}


@snr.case(groups.forward, "1.4")
def first_bias_only(draw: Draw) -> dict[str, Any]:
    """A bias beside w1 and none beside w2."""
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": params(draw, 4, 2, b1=True)}


@snr.case(groups.forward, "1.4")
def second_bias_only(draw: Draw) -> dict[str, Any]:
    """A bias beside w2 and none beside w1."""
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": params(draw, 4, 2, b2=True)}


@snr.case(groups.forward, "1.4")
def one_hidden_unit(draw: Draw) -> dict[str, Any]:
    """Fewer channels than the reduction leave one hidden unit."""
    weights = params(draw, 6, 1)
    F = significant(feature_map(draw, 3, 3, 4, 6) + 1)
    return {"F": F, "params": weights._replace(w1=np.abs(weights.w1))}


@snr.case(groups.forward, "1.4")
def no_reduction(draw: Draw) -> dict[str, Any]:
    """As many hidden units as channels: w1 and w2 are square, and a transpose or a swap does not crash."""
    return {"F": feature_map(draw, 3, 3, 4, 5), "params": params(draw, 5, 5)}


@snr.case(groups.forward, "1.4", "1.3")
def strong_residual(draw: Draw) -> dict[str, Any]:
    """The means of F decide the gate, and those of F~ are far from them: a gate on F, or on F~, shows."""
    weights = params(draw, 4, 2)
    return {"F": feature_map(draw, 3, 3, 4, 4), "params": weights._replace(beta=significant(weights.beta + 3))}


@snr.case(groups.forward, *EQUATIONS)
def full_float32(draw: Draw) -> dict[str, Any]:
    """All 24 bits that a float32 has: whoever goes through half precision or TF32 on the way is seen."""
    return {"F": feature_map(draw, 2, 3, 4, 4, bits=24), "params": params(draw, 4, 2, bits=24)}


@snr.case(groups.forward, *EQUATIONS)
def full_float64(draw: Draw) -> dict[str, Any]:
    """All 53 bits that a float64 has: whoever goes through float32 on the way is seen."""
    return {"F": feature_map(draw, 2, 3, 4, 4, bits=53), "params": params(draw, 4, 2, bits=53)}


@snr.case(groups.forward, "6.3", kind="pattern", outputs=BUT_F_TILDE)
def nan_in_the_second_image(draw: Draw) -> dict[str, Any]:
    """A NaN must come out as NaN in its own image, and leave the other images' numbers as they are."""
    F = feature_map(draw, 3, 4, 2, 4)
    F[1, 2, 1, 3] = np.nan
    return {"F": F, "params": params(draw, 4, 2)}


@snr.case(groups.forward, "6.3", kind="pattern", outputs=tuple(output for output in BUT_F_TILDE if output != "a"))
def infinity_in_the_first_image(draw: Draw) -> dict[str, Any]:
    """An infinite pixel is no number to normalize by: its image is lost, whatever its gates are; the others are not."""
    F = feature_map(draw, 3, 4, 2, 4)
    F[0, 0, 0, :] = np.inf
    return {"F": F, "params": params(draw, 4, 2)}


@snr.case(groups.forward, "6.6", kind="refusal")
def no_spatial_axis(draw: Draw) -> dict[str, Any]:
    """A matrix has no pixels to take statistics over."""
    return {"F": draw.normal(2, 4), "params": params(draw, 4, 1)}


@snr.case(groups.forward, "6.6", kind="refusal")
def integers(draw: Draw) -> dict[str, Any]:
    """A feature map of integers, such as an image that nobody scaled."""
    return {"F": draw.integers(0, 256, 2, 3, 3, 4), "params": params(draw, 4, 1)}


@snr.case(groups.forward, "6.6", kind="refusal")
def channels_of_gamma(draw: Draw) -> dict[str, Any]:
    """The scale has one channel more than the feature map."""
    weights = params(draw, 4, 1)
    return {"F": draw.normal(2, 3, 3, 4), "params": weights._replace(gamma=draw.normal(5))}


@snr.case(groups.forward, "6.6", kind="refusal")
def channels_of_beta(draw: Draw) -> dict[str, Any]:
    """An offset of one channel would broadcast over all of them."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 1)._replace(beta=draw.normal(1))}


@snr.case(groups.forward, "6.6", kind="refusal")
def channels_first(draw: Draw) -> dict[str, Any]:
    """A map with its channels in front, whose last axis does not fit the parameters."""
    return {"F": draw.normal(2, 4, 3, 3), "params": params(draw, 4, 1)}


@snr.case(groups.forward, "6.6", kind="refusal")
def transposed_w1(draw: Draw) -> dict[str, Any]:
    """Weights in the layout of PyTorch, (C/r, C)."""
    weights = params(draw, 4, 2)
    return {"F": draw.normal(2, 3, 3, 4), "params": weights._replace(w1=weights.w1.T)}


@snr.case(groups.forward, "6.6", kind="refusal")
def hidden_units_of_w2(draw: Draw) -> dict[str, Any]:
    """The second weights have a hidden unit more than the first."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 2)._replace(w2=draw.normal(3, 4))}


@snr.case(groups.forward, "6.6", kind="refusal")
def hidden_units_of_b1(draw: Draw) -> dict[str, Any]:
    """A first bias as long as the second one ought to be."""
    return {"F": draw.normal(2, 3, 3, 4), "params": params(draw, 4, 2)._replace(b1=draw.normal(4))}


def _steps(draw: Draw, *shape: int) -> np.ndarray:
    """Deviations of about 1 in steps of 1/256, which float32 can add to 10^4 exactly."""
    return np.round(256 * draw.normal(*shape)) / 256


def _far_off(draw: Draw, *shape: int) -> np.ndarray:
    means = np.where(draw.integers(0, 2, shape[0], 1, 1, shape[-1]) == 1, 1.0e4, -1.0e4)
    return _steps(draw, *shape) + means


EMBEDDINGS = ("f_tilde", "f_plus", "f_minus")


@snr.case(groups.embeddings, "2.1", "4.2", outputs=EMBEDDINGS)
def embeddings_ordinary(draw: Draw) -> dict[str, Any]:
    """Four images in general position. Of f~ both are right: beta, and F~ pooled, which is beta but for rounding."""
    return {"F": feature_map(draw, 4, 5, 3, 8), "params": params(draw, 8, 2)}


@snr.case(groups.embeddings, "2.1", "2.8", outputs=EMBEDDINGS)
def embeddings_collapse(draw: Draw) -> dict[str, Any]:
    """At the start of training beta = 0, and f~ is 0 for every image: what a pool of F~ leaves there is rounding."""
    weights = params(draw, 6, 2)._replace(gamma=np.ones(6), beta=np.zeros(6))
    return {"F": feature_map(draw, 4, 4, 3, 6), "params": weights}


@snr.case(groups.embeddings, "2.1", "1.7", outputs=EMBEDDINGS)
def embeddings_one_spatial_axis(draw: Draw) -> dict[str, Any]:
    """The mean of a sequence."""
    return {"F": feature_map(draw, 3, 9, 4), "params": params(draw, 4, 2)}


@snr.case(groups.embeddings, "2.1", "1.7", outputs=EMBEDDINGS)
def embeddings_three_spatial_axes(draw: Draw) -> dict[str, Any]:
    """The mean of a volume."""
    return {"F": feature_map(draw, 2, 2, 3, 2, 4), "params": params(draw, 4, 2)}


@snr.case(groups.embeddings, "2.1", "6.2", outputs=EMBEDDINGS)
def embeddings_one_pixel(draw: Draw) -> dict[str, Any]:
    """The mean of a 1x1 map is its pixel."""
    return {"F": feature_map(draw, 3, 1, 1, 4), "params": params(draw, 4, 2)}


@snr.case(groups.embeddings, "2.1", "6.2", outputs=EMBEDDINGS)
def embeddings_constant_map(draw: Draw) -> dict[str, Any]:
    """F~ is beta at every pixel, and F~+ is f~+ at every pixel."""
    return {"F": np.tile(draw.normal(2, 1, 1, 4), (1, 4, 4, 1)), "params": params(draw, 4, 2)}


@snr.case(groups.embeddings, "2.1", "6.1", outputs=EMBEDDINGS)
def embeddings_large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 1000 and deviations of 1: f~ does not see the mean, f~+ and f~- share it."""
    F = np.round(256 * draw.normal(2, 4, 2, 4)) / 256 + 1000
    weights = params(draw, 4, 2)
    return {"F": F, "params": weights._replace(w1=weights.w1 * 2.0**-10)}


@snr.case(groups.embeddings, "2.1", "6.4", outputs=EMBEDDINGS)
def embeddings_saturated_gates(draw: Draw) -> dict[str, Any]:
    """Where a is 1, f~+ is the mean of F and f~- is beta; where it is 0, the other way round."""
    F = significant(feature_map(draw, 2, 4, 3, 4) + 4)
    F = significant(F / F.mean((1, 2, 3), keepdims=True))
    return {"F": F, "params": saturating(draw, 4, 40, -40, 12, -12)._replace(beta=draw.normal(4) / 64)}


@snr.case(groups.embeddings, "2.1", "1.4", outputs=EMBEDDINGS)
def embeddings_both_biases(draw: Draw) -> dict[str, Any]:
    """An attention with both biases."""
    return {"F": feature_map(draw, 3, 4, 3, 4), "params": params(draw, 4, 2, b1=True, b2=True)}


@snr.case(groups.embeddings, "2.1", "1.2", outputs=EMBEDDINGS)
def embeddings_gamma_is_not_seen(draw: Draw) -> dict[str, Any]:
    """Scales of 64, of 0 and negative ones leave the embeddings as they are, but for the rounding of what is pooled."""
    weights = params(draw, 4, 2)._replace(gamma=np.array([64.0, 0.0, -1.0, 0.5]))
    return {"F": feature_map(draw, 3, 4, 2, 4), "params": weights}


@snr.case(groups.embeddings, "2.1", "6.3", kind="pattern", outputs=("f_plus", "f_minus"))
def embeddings_nan_in_the_last_image(draw: Draw) -> dict[str, Any]:
    """The embeddings of the other images are untouched; f~ may be beta there, or lost if it is pooled."""
    F = feature_map(draw, 3, 3, 2, 4)
    F[2, 0, 0, :] = np.nan
    return {"F": F, "params": params(draw, 4, 2)}


@snr.case(groups.half_precision, "6.5", "1.1", outputs=("mu", "sigma", "a", "F_plus", "f_plus", "f_minus"))
def half_precision_many_pixels(draw: Draw) -> dict[str, Any]:
    """512 pixels of mean 8: a sum that runs in float16 or bfloat16 loses the digits of what it adds."""
    return {"F": significant(feature_map(draw, 1, 32, 16, 2) + 8), "params": params(draw, 2, 2)}


@snr.case(groups.half_precision, "6.5", outputs=("mu", "sigma", "a", "F_plus", "f_plus", "f_minus"))
def half_precision_sum_beyond_float16(draw: Draw) -> dict[str, Any]:
    """512 pixels of mean 200 sum up to 10^5, more than the 65504 that float16 can hold."""
    weights = params(draw, 2, 2)
    F = significant(np.abs(8 * feature_map(draw, 1, 32, 16, 2)) + 200)
    return {"F": F, "params": weights._replace(w1=weights.w1 / 128)}


@snr.case(groups.half_precision, "6.5", "1.1")
def half_precision_squares_beyond_float16(draw: Draw) -> dict[str, Any]:
    """Deviations of 1000, whose squares are more than float16 can hold."""
    weights = params(draw, 4, 2)
    return {"F": 1024 * draw.normal(2, 3, 3, 4), "params": weights._replace(w1=weights.w1 / 1024)}


@snr.case(groups.half_precision, "6.5", "6.1")
def half_precision_large_mean(draw: Draw) -> dict[str, Any]:
    """Means of 128 and deviations of 2: in half precision nothing is left of E[x^2] - mu^2."""
    weights = params(draw, 4, 2, b2=True)
    F = np.round(2 * draw.normal(2, 4, 2, 4)) + 128
    return {"F": F, "params": weights._replace(w1=weights.w1 / 128)}


@snr.case(groups.half_precision, "6.5", "6.2")
def half_precision_tiny_deviation(draw: Draw) -> dict[str, Any]:
    """Deviations of 1/512, whose squares and epsilon itself are subnormal in float16."""
    return {"F": draw.normal(2, 3, 3, 4) * 2.0**-8, "params": params(draw, 4, 2)}


@snr.case(groups.half_precision, "6.5", "1.4")
def half_precision_weights_of_float32(draw: Draw) -> dict[str, Any]:
    """Weights of 24 bits: the attention is computed from them, not from what half precision leaves of them."""
    return {"F": feature_map(draw, 2, 3, 3, 8), "params": params(draw, 8, 4, bits=24)}


@snr.case(groups.half_precision, "6.5", "2.1", outputs=("f_tilde", "f_plus", "f_minus"))
def half_precision_embeddings(draw: Draw) -> dict[str, Any]:
    """The embeddings are pooled before the map is rounded, and are float32."""
    return {"F": feature_map(draw, 3, 4, 4, 4), "params": params(draw, 4, 2)}


@snr.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain_module(draw)


refuse_maps(snr)
refuse_params(snr)


@snr.mistake("1.1", "mu", who="whoever takes a batch normalization for an instance normalization")
class StatisticsOverTheBatch(Literal):
    """Mean and variance are taken over the images of the batch too."""

    def _statistics_axes(self, F: Array) -> tuple[int, ...]:
        return tuple(range(F.ndim - 1))


@snr.mistake("1.1", "mu", who="whoever takes a layer normalization for an instance normalization")
class StatisticsOverTheChannels(Literal):
    """Mean and variance are taken over the channels too."""

    def _statistics_axes(self, F: Array) -> tuple[int, ...]:
        return tuple(range(1, F.ndim))


@snr.mistake("1.7", "mu", who="a port from PyTorch, whose maps are (N, C, H, W)")
class StatisticsOfChannelsFirst(Literal):
    """Channels are expected on the first axis after the images, and the statistics taken over those behind it."""

    def _statistics_axes(self, F: Array) -> tuple[int, ...]:
        return tuple(range(2, F.ndim))


@snr.mistake("6.3", "mu", who="whoever wants training to survive bad images, and hides them")
class NanReplacedByZero(Literal):
    """NaN and infinities of the feature map are replaced by numbers."""

    def _wide(self, F: Array) -> Array:
        return np.nan_to_num(super()._wide(F))


@snr.mistake("6.5", "mu", who="mixed precision that autocasts the statistics too")
class HalfPrecisionStatistics(Literal):
    """With a feature map in half precision, its sums are accumulated in half precision."""

    dtypes: tuple[str, ...] = ("float16",)

    def _wide(self, F: Array) -> Array:
        return F


@snr.mistake("6.5", "a", who="mixed precision that autocasts matrix products")
class HalfPrecisionAttention(Literal):
    """With a feature map in half precision, the attention is computed in half precision."""

    dtypes: tuple[str, ...] = ("float16",)

    def _affine(self, x: Array, w: Array, b: Array | None) -> Array:
        half = None if b is None else b.astype(np.float16)
        return super()._affine(x.astype(np.float16), w.astype(np.float16), half).astype(np.float32)


@snr.mistake("6.5", "f_plus", who="whoever pools the map that the module returns")
class EmbeddingsOfRoundedMaps(Literal):
    """With a feature map in half precision, f~+ and f~- are means of what F~+ and F~- were rounded to."""

    dtypes: tuple[str, ...] = ("float16",)

    def _restitute(self, F: Array, F_tilde: Array, R_plus: Array, R_minus: Array) -> tuple[Array, Array]:
        F_plus, F_minus = super()._restitute(F, F_tilde, R_plus, R_minus)
        return F_plus.astype(np.float16).astype(F.dtype), F_minus.astype(np.float16).astype(F.dtype)


@snr.mistake("1.1", "sigma", who="torch.var, which divides by M - 1 unless told otherwise")
class UnbiasedVariance(Literal):
    """The variance is divided by the number of pixels less one."""

    def _variance(self, F: Array, mu: Array) -> Array:
        return super()._variance(F, mu) * pixels(F) / (pixels(F) - 1)


@snr.mistake("1.2", "sigma", who="whoever writes (x - mean) / (std + eps)")
class EpsilonOutsideTheRoot(Literal):
    """Epsilon is added to the deviation instead of the variance."""

    def _deviation(self, variance: Array, epsilon: float) -> Array:
        return np.sqrt(variance) + epsilon


@snr.mistake("1.2", "sigma", who="keras.layers.GroupNormalization, whose default it is")
class EpsilonOfAThousandth(Literal):
    """Epsilon is 1e-3 unless it is given."""

    def _deviation(self, variance: Array, epsilon: float) -> Array:
        return np.sqrt(variance + (1e-3 if epsilon == 1e-5 else epsilon))


@snr.mistake("1.2", "sigma", who="a layer that builds its normalization without handing epsilon on")
class EpsilonIgnored(Literal):
    """Epsilon is 1e-5 even if another is given."""

    def _deviation(self, variance: Array, epsilon: float) -> Array:
        return np.sqrt(variance + 1e-5)


@snr.mistake("6.1", "sigma", who="fused kernels that read the map only once")
class OnePassVariance(Literal):
    """The variance is E[F^2] - E[F]^2, which cancels where the mean is large beside the deviation."""

    def _variance(self, F: Array, mu: Array) -> Array:
        return np.maximum(self._mean(F**2) - mu**2, 0)


@snr.mistake("1.2", "F_tilde", who="whoever writes gamma * (x + beta)")
class OffsetScaled(Literal):
    """Beta is added before the multiplication by gamma."""

    def _normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        return gamma * ((F - mu) / sigma + beta)


@snr.mistake("1.2", "F_tilde", who="torch.nn.InstanceNorm2d, which has no gamma and beta unless affine=True")
class WithoutScaleAndOffset(Literal):
    """Gamma and beta are not applied."""

    def _normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        return (F - mu) / sigma


@snr.mistake("6.1", "F_tilde", who="PyTorch on a CPU, and whoever writes a normalization as s F + t")
class FoldedInstanceNorm(Literal):
    """F~ is s F + (beta - s mu) with s = gamma / sigma: it cancels where the mean is large beside the deviation."""

    def _normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        s = gamma / sigma
        return s * F + (beta - s * mu)


@snr.mistake("1.3", "R", who="whoever remembers the residual as what the normalization added")
class ResidualOfTheWrongSign(Literal):
    """R is F~ - F."""

    def _residual(self, F: Array, F_tilde: Array) -> Array:
        return F_tilde - F


@snr.mistake("1.3", "R", who="whoever takes the closed form of the pooled residual for the residual")
class PooledBeforeTheResidual(Literal):
    """F and F~ are pooled before their difference is taken, so that R is constant over the pixels."""

    def _residual(self, F: Array, F_tilde: Array) -> Array:
        return np.zeros_like(F) + over_pixels(self._pool(F) - self._pool(F_tilde), F)


@snr.mistake("1.4", "a", who="a squeeze-and-excitation block, put before the normalization")
class GateOnTheInput(Literal):
    """The gate sees F instead of R."""

    def _gated(self, F: Array, F_tilde: Array, R: Array) -> Array:
        return F


@snr.mistake("1.4", "a", who="a squeeze-and-excitation block, put behind the normalization")
class GateOnTheNormalizedMap(Literal):
    """The gate sees F~ instead of R, whose mean is beta for every image."""

    def _gated(self, F: Array, F_tilde: Array, R: Array) -> Array:
        return F_tilde


@snr.mistake("1.4", "a", who="attention modules that pool by the maximum, as the half of CBAM does")
class GateOnTheMaximum(Literal):
    """The residual is pooled by its maximum instead of its mean."""

    def _pool(self, x: Array) -> Array:
        return x.max(tuple(range(1, x.ndim - 1)))


@snr.mistake("1.5", "R_plus", who="whoever takes the gate for how much is removed")
class PartsSwapped(Literal):
    """R+ and R- are swapped."""

    def _separate(self, R: Array, a: Array) -> tuple[Array, Array]:
        return (1 - a) * R, a * R


@snr.mistake("1.5", "R_minus", who="whoever copies the line of R+")
class WithoutOneMinus(Literal):
    """R- is a R: the 1 - a is missing."""

    def _separate(self, R: Array, a: Array) -> tuple[Array, Array]:
        return a * R, a * R


@snr.mistake("1.6", "F_plus", who="a skip connection around the module, as around any other block")
class RestitutedToTheInput(Literal):
    """F~+ is F + R+."""

    def _restitute(self, F: Array, F_tilde: Array, R_plus: Array, R_minus: Array) -> tuple[Array, Array]:
        return F + R_plus, F_tilde + R_minus


@snr.mistake("1.6", "F_minus", who="code that overwrites the map in place")
class ContaminatedAfterRestitution(Literal):
    """F~- is F~+ + R- instead of F~ + R-."""

    def _restitute(self, F: Array, F_tilde: Array, R_plus: Array, R_minus: Array) -> tuple[Array, Array]:
        return F_tilde + R_plus, F_tilde + R_plus + R_minus


@snr.mistake("2.1", "f_plus", who="a network whose own pooling is by the maximum")
class EmbeddingsOfTheMaximum(Literal):
    """f~+ and f~- are pooled by the maximum."""

    def _embed(self, x: Array) -> Array:
        return x.max(tuple(range(1, x.ndim - 1)))
