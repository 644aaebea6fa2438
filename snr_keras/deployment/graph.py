"""What an export is made of: plain operations, no function that only a compiler of TensorFlow's can run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

#: From the array of a model's only input to its outputs by name.
Run = Callable[[Any], Mapping[str, Any]]

#: Under which name a file keeps its metadata, as JSON.
METADATA = "snr_reid"


@contextmanager
def plain_operations(model: keras.Model) -> Iterator[None]:
    """Within, a model is traced as its operations.

    The layers compile what they compute by XLA. Such functions have no counterpart in ONNX, and in the other formats
    would be calls that carry a backward pass along. And Keras keeps what `Normalization` takes off and divides by as
    tensors that are no weights, each of which would be one more input of a graph in ONNX: meanwhile they are arrays.
    """
    scalings = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Normalization)]
    tensors = [(layer.mean, layer.variance) for layer in scalings]
    tf.config.run_functions_eagerly(True)
    try:
        for layer, (mean, variance) in zip(scalings, tensors, strict=True):
            layer.mean, layer.variance = np.asarray(mean), np.asarray(variance)
        yield
    finally:
        for layer, (mean, variance) in zip(scalings, tensors, strict=True):
            layer.mean, layer.variance = mean, variance
        tf.config.run_functions_eagerly(False)


@contextmanager
def quietly() -> Iterator[None]:
    """Within, converters do not warn of what is none of a user's business: gradients left out, the next NumPy."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
