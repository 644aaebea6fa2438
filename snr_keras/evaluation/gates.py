"""The health of channel gates: whether their hidden units can tell images apart, and how far a differs between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from snr_keras.layers import SNR, ChannelGate
from snr_keras.models.graph import calls, free_name, operations
from snr_ref import channel_attention


@dataclass(frozen=True)
class GateHealth:
    """What a gate, a = sigmoid(relu(z @ w1) @ w2), does on some images.

    A hidden unit that is off for every image has no gradient, and adds nothing to a. One that is on for every image
    is linear: with such units alone the attention is a logistic regression of the pooled map. Only units that are on
    for some images and off for others make it more.

    Attributes:
        images: How many images it was measured on.
        channels: C.
        hidden: Hidden units, C/r.
        always_off: Of these, the units that are 0 for every image.
        always_on: The units that are above 0 for every image.
        mean: Of a, over images and channels.
        over_images: Standard deviation of a channel's a from image to image, mean over the channels. 0: a is constant.
        over_channels: Standard deviation from channel to channel of the mean of a over the images.
    """

    images: int
    channels: int
    hidden: int
    always_off: int
    always_on: int
    mean: float
    over_images: float
    over_channels: float

    @property
    def image_dependent(self) -> int:
        """Hidden units that are on for some of the images and off for others."""
        return self.hidden - self.always_off - self.always_on

    @property
    def dead(self) -> bool:
        """Whether every unit is off for every image, so that a is a constant and neither w1 nor w2 has a gradient."""
        return self.always_off == self.hidden

    def __str__(self) -> str:
        return (
            f"of {self.hidden} hidden units {self.always_off} always off, {self.always_on} always on, "
            f"{self.image_dependent} by the image; a {self.mean:.2f}, standard deviation {self.over_images:.3f} over "
            f"{self.images} images, {self.over_channels:.3f} over {self.channels} channels"
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON's types."""
        return asdict(self)


def gate_health(model: keras.Model, batches: Iterable[Any]) -> dict[str, GateHealth]:
    """The health of every `SNR` and `ChannelGate` of a model.

    Args:
        model: A functional model, such as a `reid_model` or what `insert_snr` returns.
        batches: Images as the model takes them, batch by batch; `[images]` for one batch.

    Returns:
        By the layer's name, in the model's order; a number is added to the name where a layer is called again. Empty
        for a model without such layers.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If there are no images, or a gate is in a model within the model, where it is out of reach.
    """
    if not hasattr(model, "operations"):
        raise TypeError(f"`model` must be a functional Keras model. Received: {model!r}")
    gates: dict[str, Any] = {}
    for call in calls(model):
        if isinstance(call.operation, SNR | ChannelGate):
            gates[free_name(call.operation.name, gates)] = call
    within = [path for path, operation in operations(model) if "/" in path and isinstance(operation, SNR | ChannelGate)]
    if within:
        raise ValueError(
            "Gates of a model within the model are out of reach: pass the inner model, with its own inputs. "
            f"Received: {', '.join(within)}"
        )
    if not gates:
        return {}
    network = keras.Model(model.input, [call.input_tensors[0] for call in gates.values()])
    layers = [call.operation for call in gates.values()]
    pooled = [list(_pooled(layers, keras.tree.flatten(network(batch, training=False)))) for batch in batches]
    if not sum(len(z) for z, *_ in pooled):
        raise ValueError("Expected at least one image. Received: none")
    return {
        name: _health(layer, np.concatenate(z))
        for name, layer, z in zip(gates, layers, zip(*pooled, strict=True), strict=True)
    }


def _pooled(layers: Iterable[Any], maps: Iterable[Any]) -> Iterator[NDArray[np.float64]]:
    """What each layer's attention looks at, (N, C): mean(F) - beta for SNR, mean(F) for a gate on F itself."""
    for layer, F in zip(layers, maps, strict=True):
        mean = ops.mean(ops.cast(F, "float32"), axis=layer.pixel_axes)
        beta = _array(layer.beta) if isinstance(layer, SNR) else 0.0
        yield _array(mean) - beta


def _health(layer: Any, z: NDArray[np.float64]) -> GateHealth:
    biased = isinstance(layer, SNR) and layer.use_bias
    w1, w2 = _array(layer.w1), _array(layer.w2)
    b1, b2 = (_array(layer.b1), _array(layer.b2)) if biased else (None, None)
    on = z @ w1 + (0 if b1 is None else b1) > 0
    a = channel_attention(z, w1, w2, b1, b2)
    return GateHealth(
        images=len(z),
        channels=z.shape[1],
        hidden=w1.shape[1],
        always_off=int(np.sum(~on.any(axis=0))),
        always_on=int(np.sum(on.all(axis=0))),
        mean=float(a.mean()),
        over_images=float(a.std(axis=0).mean()),
        over_channels=float(a.mean(axis=0).std()),
    )


def _array(tensor: Any) -> NDArray[np.float64]:
    return ops.convert_to_numpy(ops.cast(tensor, "float32")).astype(np.float64)
