"""The base of the layers: maps of any layout in, maps of the same shape out."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class FeatureMapLayer(keras.layers.Layer):
    """A layer from maps `(N, *S, C)`, or `(N, C, *S)`, to maps of the same shape, computed in at least float32.

    Masks are passed on. Only `SNR` uses them; the statistics of the other layers are over all pixels, as in
    `keras.layers.GroupNormalization`.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        if data_format is None:
            data_format = keras.config.image_data_format()
        if data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                "Argument `data_format` must be 'channels_last', 'channels_first' or None. "
                f"Received: data_format={data_format!r}"
            )
        super().__init__(**kwargs)
        self.supports_masking = True
        self.autocast = False
        self.data_format = data_format

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Sets the number of axes and of channels."""
        rank = len(input_shape)
        channels = input_shape[self._channel_axis] if rank > 2 else None
        if channels is None:
            raise ValueError(
                f"{type(self).__name__} expects {self._layout}, with at least one spatial axis and the number of "
                f"channels C defined. Received: input_shape={input_shape}"
            )
        self.channels = channels
        self.pixel_axes = self._pixel_axes(rank)
        self.input_spec = keras.layers.InputSpec(ndim=rank, axes={self._channel_axis: channels})
        super().build(input_shape)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the layer."""
        return {**super().get_config(), "data_format": self.data_format}

    @property
    def _layout(self) -> str:
        return "(N, *S, C)" if self.data_format == "channels_last" else "(N, C, *S)"

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _pixel_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(1, rank - 1) if self.data_format == "channels_last" else range(2, rank))

    def _statistics_dtype(self, inputs: Any) -> str:
        """float64 if the inputs or the weights are float64, else float32."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        if "float" not in dtype:
            raise ValueError(
                f"{type(self).__name__} takes floating-point feature maps: cast integers first. "
                f"Received: dtype={dtype!r}, shape={tuple(inputs.shape)}"
            )
        # `keras.backend.result_type` would give float32 for float64 on backends other than TensorFlow.
        return "float64" if "float64" in (dtype, self.variable_dtype) else "float32"

    def _widened(self, inputs: Any) -> Any:
        """The inputs in the dtype of the statistics."""
        return ops.cast(inputs, self._statistics_dtype(inputs))

    def _per_channel(self, vector: Any, dtype: Any) -> Any:
        """A vector `(C,)`, reshaped so that it broadcasts over maps."""
        return ops.expand_dims(ops.cast(vector, dtype), (0, *self.pixel_axes))
