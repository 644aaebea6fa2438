"""TensorFlow's SavedModel: a folder, for TensorFlow Serving and other programs that read it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from snr_keras.models.network import plain_operations
from snr_keras.reid.deployment.graph import METADATA, Run, quietly


def check_path(path: Path) -> None:
    """Raise ValueError if TensorFlow takes a folder's name for a pattern that does not match it."""
    if re.search(r"\[[^/]+\]|\\", path.as_posix()):
        raise ValueError(
            "TensorFlow cannot open a SavedModel in a folder with [...] or a backslash in its name. "
            f"Received: {str(path)!r}"
        )


def write(model: keras.Model, path: Path, precision: str, metadata: str) -> None:
    """Write a model; the metadata go to a file in `assets.extra`, the place for files that TensorFlow does not read.

    Weights are constants of the graph: Keras would write variables twice.
    """
    images = tf.TensorSpec(model.input_shape, model.inputs[0].dtype, name=model.inputs[0].name)
    function = partial(tf.function, input_signature=[images], autograph=False)
    with plain_operations(model):
        traced = function(lambda x: model(x, training=False)).get_concrete_function()
    frozen = convert_variables_to_constants_v2(traced)
    module = tf.Module()
    module.serve = function(lambda x: tf.nest.pack_sequence_as(traced.structured_outputs, frozen(x)))
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve}, options=options)
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / f"{METADATA}.json").write_text(metadata, encoding="utf-8")


def open_run(path: Path) -> Run:
    """The model run by TensorFlow, through its signature."""
    with quietly():
        serve = tf.saved_model.load(path).signatures["serving_default"]
    (given,) = serve.structured_input_signature[1]
    return lambda array: {name: output.numpy() for name, output in serve(**{given: tf.constant(array)}).items()}
