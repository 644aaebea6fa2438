"""A functional model with SNR layers for use, which can be exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from snr_keras.layers._backend import plainly


@keras.saving.register_keras_serializable(package="snr_keras")
class SNRNetwork(keras.Model):
    """A functional model with SNR layers, like any other but that `export` writes files which runtimes take.

    The `network` of an `SNRModel` is one. In your own, with SNR layers called by yourself, it is
    `SNRNetwork(model.input, model.output)`.
    """

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """As `keras.Model.export`, with SNR as plain operations, of which every runtime has its own.

        Args:
            filepath: Path of the file, or of the folder of a SavedModel.
            format: As in `keras.Model.export`: `"tf_saved_model"`, `"onnx"`, `"openvino"`, `"litert"`, ...; which of
                them a backend has, and what has to be installed for it, is Keras' affair.
            **kwargs: As in `keras.Model.export`.
        """
        self(self.input)  # Keras exports to ONNX what was called
        with plain_operations(self):
            super().export(filepath, format=format, **kwargs)


@contextmanager
def plain_operations(model: keras.Model) -> Iterator[None]:
    """Within, a model is traced as its operations.

    The layers compile what they compute by XLA, and Keras does so with convolutions of groups. Such functions have no
    counterpart in ONNX, and in the other formats would be calls that carry a backward pass along. And Keras keeps what
    `Normalization` takes off and divides by as tensors that are no weights, each of which would be one more input of a
    graph in ONNX: meanwhile they are arrays.
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
    """Within, TensorFlow traces what is in a `tf.function`, where that is the backend."""
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
