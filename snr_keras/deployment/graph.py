"""What an export is made of: plain operations, no function that only a compiler of TensorFlow's can run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

#: From the array of a model's only input to its outputs by name.
Run = Callable[[Any], Mapping[str, Any]]

#: Under which name a file keeps its metadata, as JSON.
METADATA = "snr_reid"


@contextmanager
def plain_operations() -> Iterator[None]:
    """Within, a model is traced as its operations.

    The layers compile what they compute by XLA. Such functions have no counterpart in ONNX, and in the other formats
    would be calls that carry a backward pass along.
    """
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
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
