"""What the layers beside SNR have in common: maps of any layout in, maps of the same shape out."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class FeatureMapLayer(keras.layers.Layer):
    """A layer from maps `(N, *S, C)`, or `(N, C, *S)`, to maps of that shape, computed in at least float32.

    Masks are handed on and not looked at, as by `keras.layers.GroupNormalization`: statistics are those of all pixels.
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
        """Fixes the number of axes and of channels."""
        last = self.data_format == "channels_last"
        rank, layout = len(input_shape), "(N, *S, C)" if last else "(N, C, *S)"
        axis = rank - 1 if last else 1
        channels = input_shape[axis] if rank > 2 else None
        if channels is None:
            raise ValueError(
                f"{type(self).__name__} expects {layout}, with at least one spatial axis and the number of channels C "
                f"defined. Received: input_shape={input_shape}"
            )
        self.channels = channels
        self.pixel_axes = tuple(i for i in range(1, rank) if i != axis)
        self.input_spec = keras.layers.InputSpec(ndim=rank, axes={axis: channels})
        super().build(input_shape)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that make a layer like this one."""
        return {**super().get_config(), "data_format": self.data_format}

    def _widened(self, inputs: Any) -> Any:
        """The inputs in the dtype of the statistics: float64 if they or the weights are, else float32."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        if "float" not in dtype:
            raise ValueError(
                f"{type(self).__name__} takes floating-point feature maps: cast integers first. "
                f"Received: dtype={dtype!r}, shape={tuple(inputs.shape)}"
            )
        return ops.cast(inputs, "float64" if "float64" in (dtype, self.variable_dtype) else "float32")

    def _per_channel(self, vector: Any, dtype: Any) -> Any:
        """A vector `(C,)` in the shape that broadcasts over maps."""
        return ops.expand_dims(ops.cast(vector, dtype), (0, *self.pixel_axes))
