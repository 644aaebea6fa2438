"""The cost of a model: parameters, multiply-adds and memory of each stage, counted from its layers."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import keras
from keras import layers

from snr_keras.layers import (
    IBN,
    SNR,
    AdaptiveInstanceBatchNormalization,
    BatchInstanceNormalization,
    ChannelGate,
    EFDMix,
    MixStyle,
)


@dataclass(frozen=True)
class Cost:
    """The cost of a layer, a stage or a model; all fields except the parameters are per image.

    Attributes:
        parameters: Number of parameters, trainable or not, as Keras counts them.
        multiply_adds: Multiply-adds of convolutions and dense layers, including the two of a channel attention.
        elementwise: Multiplications of a map's values by one number per channel, in normalizations and gates.
        activations: Bytes of the outputs of all layers, including the images.
    """

    parameters: int = 0
    multiply_adds: int = 0
    elementwise: int = 0
    activations: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """The sum of both costs."""
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Cost)))


def stage_costs(model: keras.Model) -> dict[str, Cost]:
    """The cost of each part of a `reid_model`: "stem", "stage 1" to "stage 4", each with its modules, and "head".

    Args:
        model: Model with a known image size.

    Raises:
        ValueError: If the image size is undefined.
    """
    if None in model.input_shape[1:]:
        raise ValueError(f"Costs depend on the image size. Received: a model of images {model.input_shape[1:]}")
    costs: dict[str, Cost] = {}
    for layer in model.layers:
        stage = stage_of(layer.name)
        costs[stage] = costs.get(stage, Cost()) + layer_cost(layer)
    return costs


def uncounted(model: keras.Model) -> list[str]:
    """The kinds of layers in a model whose operations, if they have any, are not counted."""
    return sorted({type(layer).__name__ for layer in model.layers if _count_of(layer) is None})


def stage_of(layer: str) -> str:
    """The stage of a layer, by its name in the backbones."""
    if match := re.match(r"stage([1-4])_", layer):
        return f"stage {match[1]}"
    if match := re.match(r"conv([2-5])_", layer):  # Keras' ResNet-50
        return f"stage {int(match[1]) - 1}"
    return "head" if layer in ("features", "embedding", "logits") else "stem"


def layer_cost(layer: keras.Layer) -> Cost:
    """The cost of one layer per image; for an unknown kind, parameters and memory only."""
    outputs = keras.tree.flatten(layer.output)
    sizes = [math.prod(y.shape[1:]) for y in outputs]
    count = _count_of(layer)
    multiply_adds, elementwise = count(layer, sizes[0]) if count else (0, 0)
    activations = sum(n * _BYTES[keras.backend.standardize_dtype(y.dtype)] for n, y in zip(sizes, outputs, strict=True))
    return Cost(layer.count_params(), multiply_adds, elementwise, activations)


_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}


def _count_of(layer: keras.Layer) -> Callable[[Any, int], tuple[int, int]] | None:
    return next((count for kind, count in _COUNTS.items() if isinstance(layer, kind)), None)


def _convolution(layer: Any, size: int) -> tuple[int, int]:
    height, width, channels_in_group, _ = layer.kernel.shape
    return size * height * width * channels_in_group, 0


def _dense(layer: Any, size: int) -> tuple[int, int]:
    return size * layer.kernel.shape[0], 0


def _attention_and(passes: int) -> Callable[[Any, int], tuple[int, int]]:
    return lambda layer, size: (math.prod(layer.w1.shape) + math.prod(layer.w2.shape), passes * size)


def _times(passes: int) -> Callable[[Any, int], tuple[int, int]]:
    return lambda layer, size: (0, passes * size)


_COUNTS: dict[type[keras.Layer], Callable[[Any, int], tuple[int, int]]] = {
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    SNR: _attention_and(3),
    ChannelGate: _attention_and(1),
    layers.GroupNormalization: _times(3),
    BatchInstanceNormalization: _times(3),
    AdaptiveInstanceBatchNormalization: _times(3),
    IBN: _times(2),  # half of the channels three times, the others once
    layers.BatchNormalization: _times(1),
    layers.Normalization: _times(1),
    layers.Rescaling: _times(1),
    MixStyle: _times(0),
    EFDMix: _times(0),
    layers.InputLayer: _times(0),
    layers.ReLU: _times(0),
    layers.Activation: _times(0),
    layers.Add: _times(0),
    layers.ZeroPadding2D: _times(0),
    layers.MaxPooling2D: _times(0),
    layers.GlobalAveragePooling2D: _times(0),
}
