"""A functional model with SNR layers for inference, which can be exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from snr_keras.layers._backend import plainly


@keras.saving.register_keras_serializable(package="snr_keras")
class SNRNetwork(keras.Model):
    """A functional model with SNR layers, whose `export` writes files that runtimes accept.

    The `network` of an `SNRModel` is one. For your own model with SNR layers, use
    `SNRNetwork(model.input, model.output)`.
    """

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """Export as `keras.Model.export` does, with SNR as plain operations, which every runtime has.

        Args:
            filepath: Path of the file, or of the folder of a SavedModel.
            format: Format, as in `keras.Model.export`: `"tf_saved_model"`, `"onnx"`, `"openvino"`, `"litert"`, ...
                Keras decides which of them a backend supports, and which packages it needs.
            **kwargs: Options of `keras.Model.export`.
        """
        self(self.input)  # the ONNX export of Keras needs a model that was called
        with plain_operations(self):
            super().export(filepath, format=format, **kwargs)


@contextmanager
def plain_operations(model: keras.Model) -> Iterator[None]:
    """Within this context, a model is traced as its plain operations.

    The layers compile their computation by XLA, and Keras does so for grouped convolutions. Such functions have no
    counterpart in ONNX, and in other formats would become calls that include a backward pass. Keras also keeps the mean
    and variance of `Normalization` as tensors that are not weights, each of which would become an input of the ONNX
    graph; within this context they are arrays.
    """
    scalings = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Normalization)]
    tensors = [(layer.mean, layer.variance) for layer in scalings]
    try:
        for layer, moments in zip(scalings, tensors, strict=True):
            layer.mean, layer.variance = map(keras.ops.convert_to_numpy, moments)
        with plainly(), _no_functions_of_tensorflow():
            yield
    finally:
        for layer, moments in zip(scalings, tensors, strict=True):
            layer.mean, layer.variance = moments


@contextmanager
def _no_functions_of_tensorflow() -> Iterator[None]:
    """Within this context, TensorFlow traces the content of a `tf.function`, if it is the backend."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
