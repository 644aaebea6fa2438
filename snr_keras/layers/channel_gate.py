"""A channel gate on the features themselves: SNR without its normalization."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from snr_keras.layers._arguments import Initializer, positive_integer
from snr_keras.layers._feature_map import FeatureMapLayer


@keras.saving.register_keras_serializable(package="snr_keras")
class ChannelGate(FeatureMapLayer):
    """Channel attention: each channel of each image is multiplied by a number between 0 and 1.

        y = a * x      a = sigmoid(relu(mean(x) @ w1) @ w2)

    This is squeeze-and-excitation with the attention of `SNR`: its weights have the same shapes and initializers. It
    has no instance normalization, and so no residual to restitute.

    Args:
        reduction: Reduction ratio r. The attention's hidden width is `max(1, C // r)`. Defaults to `16`.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration.
        w1_initializer: Initializer for `w1`. Defaults to `"he_normal"`.
        w2_initializer: Initializer for `w2`. Defaults to `"glorot_uniform"`.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.

    Output shape:
        Same as the input.

    Weights:
        `w1` (C, C/r), `w2` (C/r, C).

    Raises:
        ValueError: If an argument is out of range; on the first call, if the input is not floating-point, has no
            spatial axis, or has an undefined number of channels.

    Reference:

    - [Hu et al., 2018](https://arxiv.org/abs/1709.01507)
    """

    def __init__(
        self,
        reduction: int = 16,
        data_format: str | None = None,
        w1_initializer: Initializer = "he_normal",
        w2_initializer: Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        reduction = positive_integer("reduction", reduction)
        super().__init__(data_format, **kwargs)
        self.reduction = reduction
        self.w1_initializer = initializers.get(w1_initializer)
        self.w2_initializer = initializers.get(w2_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights of the attention."""
        super().build(input_shape)
        hidden = max(1, self.channels // self.reduction)
        self.w1 = self.add_weight((self.channels, hidden), self.w1_initializer, name="w1", autocast=False)
        self.w2 = self.add_weight((hidden, self.channels), self.w2_initializer, name="w2", autocast=False)

    def call(self, inputs: Any) -> Any:
        """The inputs, with each channel multiplied by its gate."""
        x = self._widened(inputs)
        w1, w2 = ops.cast(self.w1, x.dtype), ops.cast(self.w2, x.dtype)
        a = ops.sigmoid(ops.matmul(ops.relu(ops.matmul(ops.mean(x, axis=self.pixel_axes), w1)), w2))
        return ops.cast(ops.expand_dims(a, self.pixel_axes) * x, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the layer."""
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "w1_initializer": initializers.serialize(self.w1_initializer),
            "w2_initializer": initializers.serialize(self.w2_initializer),
        }
