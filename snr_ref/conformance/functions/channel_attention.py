"""The gates of the channels, eq. 3, on their own, and their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.inputs import params, saturating
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.conformance.spoiled import first_row, integers, one_more, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array

channel_attention = Function("channel_attention", ("a",), clause="1.4", after="instance_norm")
channel_attention_vjp = Function(
    "channel_attention_vjp",
    ("grad_z", "grad_w1", "grad_w2", "grad_b1", "grad_b2"),
    clause="5.2",
    after="instance_norm_vjp",
)


@dataclass(frozen=True, eq=False)
class Share(Rounded):
    """The fraction of the residual in R+ or R-: a, or 1 - a.

    Attributes:
        moved: Part of the error that comes from the logits, with opposite signs in a and 1 - a.
    """

    moved: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """The part of its error that is its own rounding."""
        return self.error - self.moved


class Attention(NamedTuple):
    """Eq. 3 for one batch.

    Attributes:
        z: Pooled residual, (N, C).
        w1: Weights of the first layer, (C, C/r).
        w2: Weights of the second layer, (C/r, C).
        has_b1: Whether there is a first bias.
        has_b2: Whether there is a second bias.
        k: Input of the ReLU, (N, C/r).
        a: Gate, (N, C).
        rest: 1 - a, computed as that or as the sigmoid of the negative logits.
    """

    z: Rounded
    w1: Rounded
    w2: Rounded
    has_b1: bool
    has_b2: bool
    k: Rounded
    a: Share
    rest: Share


@channel_attention.bound
def channel_attention_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The bound of the attention for a given z."""
    with np.errstate(invalid="ignore"):
        return {"a": attend(exact(arguments["z"], precision.u), arguments).a.error}


@channel_attention_vjp.bound
def channel_attention_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The bounds of the gradients through the sigmoid, W2, ReLU and W1."""
    with np.errstate(invalid="ignore"):
        forward = attend(exact(arguments["z"], precision.u), arguments)
        gradients = attend_back(forward, exact(arguments["grad_a"], precision.u))
    return {name: gradient.error for name, gradient in gradients.items()}


def attend(z: Rounded, arguments: Mapping[str, Any]) -> Attention:
    """Eq. 3.

    Args:
        z: Pooled residual, (N, C).
        arguments: Mapping with `w1` and `w2`, and with `b1` and `b2` if there are biases.

    Returns:
        The attention, and the quantities that its backward pass needs.
    """
    w1, w2, b1, b2 = (_optional(arguments.get(name), z.u) for name in ("w1", "w2", "b1", "b2"))
    assert w1 is not None
    assert w2 is not None
    k = z @ w1 if b1 is None else z @ w1 + b1
    logits = k.relu() @ w2 if b2 is None else k.relu() @ w2 + b2
    a, rest = _sigmoid(logits), _sigmoid(-logits)
    subtracted = rest.moved + a.own + z.u * (rest.value + a.error)
    rest = replace(rest, error=np.maximum(rest.error, subtracted))
    return Attention(z, w1, w2, b1 is not None, b2 is not None, k, a, rest)


def attend_back(forward: Attention, grad_a: Rounded) -> dict[str, Rounded]:
    """The gradients of eq. 3, given the gradient of a."""
    grad_logits = grad_a * forward.a * forward.rest
    grad_k = (grad_logits @ forward.w2.T).where_positive(forward.k)
    gradients = {
        "grad_z": grad_k @ forward.w1.T,
        "grad_w1": forward.z.T @ grad_k,
        "grad_w2": forward.k.relu().T @ grad_logits,
    }
    if forward.has_b1:
        gradients["grad_b1"] = grad_k.sum(0)
    if forward.has_b2:
        gradients["grad_b2"] = grad_logits.sum(0)
    return gradients


def _sigmoid(logits: Rounded) -> Share:
    moved = replace(logits, u=0.0).sigmoid().error
    rounded = logits.sigmoid()
    return Share(rounded.value, rounded.error, rounded.u, moved)


def _optional(value: np.ndarray | None, u: float) -> Rounded | None:
    return None if value is None else exact(value, u)


@channel_attention.case(groups.channel_attention, "1.4")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Five images, 8 channels, 2 hidden units."""
    return attention(draw, 5, 8, 2)


@channel_attention.case(groups.channel_attention, "1.4")
def square_weights(draw: Draw) -> dict[str, Any]:
    """As many images and hidden units as channels: no transpose and no swap crashes."""
    return attention(draw, 4, 4, 4)


@channel_attention.case(groups.channel_attention, "1.4")
def many_channels(draw: Draw) -> dict[str, Any]:
    """64 channels at a reduction of 16."""
    return attention(draw, 3, 64, 4)


@channel_attention.case(groups.channel_attention, "1.4")
def one_hidden_unit(draw: Draw) -> dict[str, Any]:
    """All channels share one hidden unit."""
    return attention(draw, 3, 6, 1)


@channel_attention.case(groups.channel_attention, "1.4")
def both_biases(draw: Draw) -> dict[str, Any]:
    """An attention with both biases."""
    return attention(draw, 3, 6, 3, b1=True, b2=True)


@channel_attention.case(groups.channel_attention, "1.4")
def first_bias_only(draw: Draw) -> dict[str, Any]:
    """The bias beside w1 alone."""
    return attention(draw, 3, 6, 3, b1=True)


@channel_attention.case(groups.channel_attention, "1.4")
def second_bias_only(draw: Draw) -> dict[str, Any]:
    """The bias beside w2 alone."""
    return attention(draw, 3, 6, 3, b2=True)


@channel_attention.case(groups.channel_attention, "6.4")
def saturated(draw: Draw) -> dict[str, Any]:
    """Logits to both sides of 20, of 69, and of 1000: small gates are kept, nothing overflows."""
    weights = saturating(draw, 8, 20.5, -20.5, 69, -69, 17, -17, 1000, -1000)
    return {"z": np.ones((1, 8)) + draw.normal(2, 8) / 64, "w1": weights.w1, "w2": weights.w2}


@channel_attention.case(groups.channel_attention, "1.4", "6.4")
def dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """No hidden unit is positive: every gate is 1/2."""
    arguments = attention(draw, 3, 5, 2)
    return arguments | {"z": np.abs(arguments["z"]), "w1": -np.abs(arguments["w1"])}


@channel_attention.case(groups.channel_attention, "1.4")
def zero_residual(draw: Draw) -> dict[str, Any]:
    """Where nothing was removed, b1 and b2 alone decide."""
    return attention(draw, 2, 4, 2, b1=True, b2=True) | {"z": np.zeros((2, 4))}


@channel_attention.case(groups.channel_attention, "6.3", kind="pattern")
def nan_in_one_image(draw: Draw) -> dict[str, Any]:
    """All gates of that image are lost, none of the others."""
    arguments = attention(draw, 3, 4, 2)
    arguments["z"][1, 2] = np.nan
    return arguments


@channel_attention.case(groups.channel_attention, "6.6", kind="refusal")
def channels_of_z(draw: Draw) -> dict[str, Any]:
    """The residual has a channel less than the weights."""
    return attention(draw, 3, 4, 2) | {"z": draw.normal(3, 3)}


@channel_attention.case(groups.channel_attention, "6.6", kind="refusal")
def unpooled(draw: Draw) -> dict[str, Any]:
    """A residual that was not pooled has no gates."""
    return attention(draw, 3, 4, 2) | {"z": draw.normal(3, 2, 2, 4)}


def attention(draw: Draw, images: int, channels: int, hidden: int, **biases: bool) -> dict[str, Any]:
    """A pooled residual and the weights of its attention, in general position."""
    arguments = {"z": draw.normal(images, channels)}
    weights = params(draw, channels, hidden, **biases)._asdict()
    return arguments | {name: weights[name] for name in ("w1", "w2", "b1", "b2") if weights[name] is not None}


@channel_attention_vjp.case(groups.gradients, "5.2")
def gradients_attention_ordinary(draw: Draw) -> dict[str, Any]:
    """Eq. 3 backwards, in general position."""
    return _attention(draw, 5, 8, 2)


@channel_attention_vjp.case(groups.gradients, "5.2")
def gradients_attention_of_square_weights(draw: Draw) -> dict[str, Any]:
    """As many images and hidden units as channels: no transpose and no swap crashes."""
    return _attention(draw, 4, 4, 4)


@channel_attention_vjp.case(groups.gradients, "5.2")
def gradients_attention_of_both_biases(draw: Draw) -> dict[str, Any]:
    """Both biases get gradients, sums over the images."""
    return _attention(draw, 3, 6, 3, b1=True, b2=True)


@channel_attention_vjp.case(groups.gradients, "5.2", "5.5")
def gradients_attention_of_hidden_units_at_zero(draw: Draw) -> dict[str, Any]:
    """A residual of 0 puts every hidden unit at 0, where the derivative of the ReLU is 0: nothing comes back."""
    return _attention(draw, 3, 4, 2) | {"z": np.zeros((3, 4))}


@channel_attention_vjp.case(groups.gradients, "5.2", "5.5")
def gradients_attention_of_dead_hidden_units(draw: Draw) -> dict[str, Any]:
    """No hidden unit is positive: nothing comes back but to b2."""
    arguments = _attention(draw, 3, 4, 2, b2=True)
    return arguments | {"z": np.abs(arguments["z"]), "w1": -np.abs(arguments["w1"])}


@channel_attention_vjp.case(groups.gradients, "5.2", "6.4")
def gradients_attention_saturated(draw: Draw) -> dict[str, Any]:
    """Logits to both sides of 12, 20, 40 and 60: the slopes are small, and kept."""
    weights = saturating(draw, 8, 20.5, -20.5, 40, -40, 12, -12, 60, -60)
    z = np.ones((1, 8)) + draw.normal(2, 8) / 64
    return {"z": z, "w1": weights.w1, "w2": weights.w2, "grad_a": draw.normal(2, 8)}


def _attention(draw: Draw, images: int, channels: int, hidden: int, **biases: bool) -> dict[str, Any]:
    return attention(draw, images, channels, hidden, **biases) | {"grad_a": draw.normal(images, channels)}


@channel_attention.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain(draw, "z", "w1", "w2", "b1", "b2")


@channel_attention_vjp.good
def _good_vjp(draw: Draw) -> dict[str, Any]:
    return plain(draw, "z", "w1", "w2", "b1", "b2", "grad_a")


for function in (channel_attention, channel_attention_vjp):
    function.refuse("integers", "A pooled residual of integers.", z=integers)
    function.refuse("a_vector", "The residual of one image needs an axis for the images.", z=first_row)
    function.refuse("channels_of_z", "The residual has one channel more than W1 takes.", z=one_more)
    function.refuse("hidden_width", "W1 and W2 differ in the hidden width.", w2=lambda w: w[:-1])
    function.refuse("length_of_b1", "The first bias is not as wide as the hidden layer.", b1=one_more)
    function.refuse(
        "one_hidden_bias", "One bias for the whole hidden layer, which would broadcast.", b1=lambda b: b[:1]
    )
    function.refuse(
        "one_column_of_w2",
        "W2 gives one gate for all channels, which would broadcast.",
        w2=lambda w: w[:, :1],
    )


channel_attention_vjp.refuse("gradient_of_a", "The gradient of a has one channel too many.", grad_a=one_more)


@channel_attention.mistake("1.4", "a", who="two dense layers without an activation between them")
class GateWithoutRelu(Literal):
    """There is no ReLU between W1 and W2."""

    def _activate(self, hidden: Array) -> Array:
        return hidden


@channel_attention.mistake("1.4", "a", who="a block that ends every layer in a ReLU")
class GateOfRelu(Literal):
    """A ReLU stands before the sigmoid too, so that no gate is below one half."""

    def _gate(self, logits: Array) -> Array:
        return self._sigmoid(self._relu(logits))


@channel_attention.mistake("1.4", "a", who="whoever takes one squashing function for another")
class GateOfTanh(Literal):
    """The gate is a tanh instead of a sigmoid."""

    def _gate(self, logits: Array) -> Array:
        return np.tanh(logits)


@channel_attention.mistake("1.4", "a", who="attention for mobile networks, which avoids the exponential")
class GateOfHardSigmoid(Literal):
    """The gate is a hard sigmoid, clip(x / 6 + 1/2, 0, 1)."""

    def _gate(self, logits: Array) -> Array:
        return np.clip(logits / 6 + 0.5, 0, 1)


@channel_attention.mistake("1.4", "a", who="whoever reshapes torch.nn.Linear's (out, in) to fit")
class WeightsReshaped(Literal):
    """Weights of the other layout are reshaped instead of transposed."""

    def _affine(self, x: Array, w: Array, b: Array | None) -> Array:
        return super()._affine(x, w.T.reshape(w.shape), b)


@channel_attention.mistake("1.4", "a", who="the paper's equation, with a checkpoint loaded into it")
class BiasesIgnored(Literal):
    """The biases of the gate are not added."""

    def _affine(self, x: Array, w: Array, b: Array | None) -> Array:
        return x @ w


@channel_attention.mistake("6.4", "a", who="whoever has a tanh and no sigmoid")
class SmallGatesLost(Literal):
    """The sigmoid is 1/2 + tanh(x / 2) / 2, whose small values drown in the 1/2."""

    def _sigmoid(self, x: Array) -> Array:
        return 0.5 + 0.5 * np.tanh(0.5 * x)


@channel_attention.mistake("6.4", "a", who="whoever writes exp(x) / (1 + exp(x))")
class SigmoidThatOverflows(Literal):
    """The sigmoid is exp(x) / (1 + exp(x)), which is inf / inf for large x."""

    def _sigmoid(self, x: Array) -> Array:
        return np.exp(x) / (1 + np.exp(x))


@channel_attention_vjp.mistake("5.5", "grad_z", who="a backward pass by hand that writes k >= 0")
class ReluWithSlopeAtZero(Literal):
    """The derivative of ReLU at 0 is 1."""

    def _relu_slope(self, x: Array) -> Array:
        return x >= 0
