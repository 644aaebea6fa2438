"""PyTorch's names and shapes of a model's weights: torchvision's, and those of the public SNR codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
from numpy.typing import NDArray

from snr_keras.layers import IBN, SNR

Arrays = Sequence[NDArray]


@dataclass(frozen=True)
class Place:
    """A weight of the model and its counterpart in PyTorch.

    Attributes:
        names: Names of PyTorch's tensors: two for the halves of an IBN layer, none if PyTorch has no counterpart.
        shapes: Shapes of the tensors, each with its alternatives.
        to_keras: Function from the tensors to the weight.
        to_pytorch: Function from the weight to the tensors.
        adapted: Description of `to_keras` in a word; empty if it changes nothing.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    to_keras: Callable[[Arrays], NDArray]
    to_pytorch: Callable[[NDArray], Arrays]
    adapted: str = ""


@dataclass(frozen=True)
class Layer:
    """A layer with weights.

    Attributes:
        part: Part of the network, as users call it: "stem", "stage 1", "SNR 1", "BNNeck", "classifier", ...
        places: Place of each weight, by its path.
        zeros: PyTorch's names of biases that must be zero, with their lengths.
        unnamed: Paths of weights for which no PyTorch code has a name.
        unused: PyTorch's names that this layer, a different one, does not use.
    """

    part: str
    places: Mapping[str, Place]
    zeros: Mapping[str, int] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def is_trunk(self) -> bool:
        """Whether the network needs it; modules and the head may be new."""
        return self.part.startswith(("stem", "stage"))

    @property
    def names(self) -> list[str]:
        """All of PyTorch's names, except those of `zeros`."""
        return [name for place in self.places.values() for name in place.names]


NECK, CLASSIFIER = "BNNeck", "classifier"


def layers_in_pytorch(model: keras.Model, given: Container[str] | None = None) -> list[Layer]:
    """The layers of a `reid_model` that have weights, in its order.

    Args:
        model: The model.
        given: Names in a file to import; a plain network's batch norms fit IBN layers too. None for an export.
    """
    inside = model.name.endswith(("_ibn_b", "_dualnorm"))  # instance norms within blocks, not after stages
    return [_layer(layer, given, inside) for layer in model.layers if layer.weights and layer.name != "scaling"]


def _layer(layer: keras.Layer, given: Container[str] | None, inside: bool) -> Layer:
    if layer.name == "embedding":
        return Layer(NECK, _batch_norm(layer, "bottleneck"), {"bottleneck.bias": int(layer.gamma.shape[0])})
    if layer.name == "logits":
        return Layer(CLASSIFIER, {layer.kernel.path: _dense(layer.kernel, "classifier.weight")})
    match = re.fullmatch(r"stage(\d)_(snr|in)", layer.name)
    if match and not inside:
        stage, kind = int(match[1]), match[2]
        places = {layer.gamma.path: _vector(layer.gamma, f"IN{stage}.weight")}
        places |= {layer.beta.path: _vector(layer.beta, f"IN{stage}.bias")}
        return Layer(f"{kind.upper()} {stage}", places | (_attention(layer, stage) if kind == "snr" else {}))
    place = _trunk_name(layer.name)
    if place is None:
        return Layer(layer.name, {}, unnamed=tuple(weight.path for weight in layer.weights))
    part, name = place
    if isinstance(layer, keras.layers.Conv2D):
        places = {layer.kernel.path: _convolution(layer.kernel, f"{name}.weight")}
        if layer.use_bias:
            places[layer.bias.path] = _vector(layer.bias, f"{name}.bias")
        return Layer(part, places)
    if isinstance(layer, IBN) and (given is None or f"{name}.IN.weight" in given):
        return Layer(part, _ibn(layer, name))
    if isinstance(layer, keras.layers.GroupNormalization):
        places = {layer.gamma.path: _vector(layer.gamma, f"{name}.weight")}
        places |= {layer.beta.path: _vector(layer.beta, f"{name}.bias")}
        return Layer(part, places, unused=(f"{name}.running_mean", f"{name}.running_var"))
    places = _batch_norm(layer, name)
    return Layer(part, places, unnamed=tuple(weight.path for weight in layer.weights if weight.path not in places))


def _trunk_name(layer: str) -> tuple[str, str] | None:
    """The part of the network with a convolution or its norm, and its name in PyTorch."""
    if match := re.fullmatch(r"(?:stem|conv1)_(conv|bn)", layer):
        return "stem", f"{match[1]}1"
    # stage1_block2_3_conv; in the small network stage1_2_conv; in Keras' ResNet-50 conv2_block2_3_conv
    match = re.fullmatch(r"(stage|conv)(\d)(?:_block(\d+))?_(\d)_(conv|bn)", layer)
    if match is None:
        return None
    kind, number, block, position, norm_or_not = match.groups()
    stage = int(number) - (kind == "conv")
    inner = f"{norm_or_not}{position}" if position != "0" else f"downsample.{int(norm_or_not == 'bn')}"
    return f"stage {stage}", f"layer{stage}.{int(block or 1) - 1}.{inner}"


def _vector(weight: keras.Variable, name: str) -> Place:
    return Place((name,), ((tuple(weight.shape),),), lambda x: x[0], lambda w: [w])


def _convolution(weight: keras.Variable, name: str) -> Place:
    height, width, before, after = weight.shape
    return Place(
        (name,),
        (((after, before, height, width),),),
        lambda x: x[0].transpose(2, 3, 1, 0),
        lambda w: [w.transpose(3, 2, 0, 1)],
        "transposed",
    )


def _dense(weight: keras.Variable, name: str) -> Place:
    return Place((name,), ((tuple(weight.shape)[::-1],),), lambda x: x[0].T, lambda w: [w.T], "transposed")


def _batch_norm(layer: keras.Layer, name: str) -> dict[str, Place]:
    """The weights of Keras' own batch norm, or of a baseline's layer that has these weights and perhaps more."""
    weights = {"weight": layer.gamma, "bias": layer.beta}
    weights |= {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
    return {w.path: _vector(w, f"{name}.{theirs}") for theirs, w in weights.items() if w is not None}


def _attention(layer: SNR, stage: int) -> dict[str, Place]:
    """PyTorch's attention is two 1x1 convolutions, in some codes linear layers, applied from the left."""
    places = {}
    for number, weight, bias in ((1, layer.w1, layer.b1), (2, layer.w2, layer.b2)):
        name = f"style_reid_laye{stage}.fc{number}"
        before, after = weight.shape
        places[weight.path] = Place(
            (f"{name}.weight",),
            (((after, before, 1, 1), (after, before)),),
            lambda x: x[0].reshape(x[0].shape[:2]).T,
            lambda w: [w.T[:, :, None, None]],
            "transposed",
        )
        if bias is not None:
            places[bias.path] = _vector(bias, f"{name}.bias")
    return places


def _ibn(layer: IBN, name: str) -> dict[str, Place]:
    """The first half is an instance norm in PyTorch, without the moving statistics that IBN has and does not use."""
    half = int(layer.gamma.shape[0]) // 2
    other = int(layer.gamma.shape[0]) - half

    def both(theirs: str) -> Place:
        return Place(
            (f"{name}.IN.{theirs}", f"{name}.BN.{theirs}"),
            (((half,),), ((other,),)),
            np.concatenate,
            lambda w: [w[:half], w[half:]],
            "halves joined",
        )

    def second(theirs: str, unused: float) -> Place:
        return Place(
            (f"{name}.BN.{theirs}",),
            (((other,),),),
            lambda x: np.concatenate([np.full(half, unused, x[0].dtype), x[0]]),
            lambda w: [w[half:]],
            "the other half filled up",
        )

    return {
        layer.gamma.path: both("weight"),
        layer.beta.path: both("bias"),
        layer.moving_mean.path: second("running_mean", 0.0),
        layer.moving_variance.path: second("running_var", 1.0),
    }
