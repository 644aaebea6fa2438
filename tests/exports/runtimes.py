"""Keras models exported to a file, and the file run by a runtime that knows neither Keras nor this project."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

#: From the arrays of a model's only input to its outputs by name.
Run = Callable[[np.ndarray], Mapping[str, np.ndarray]]


def onnx_runtime(model: keras.Model) -> Run:
    """The model as ONNX, in ONNX Runtime.

    Functions that are compiled within the model have no counterpart in ONNX: `run_functions_eagerly` writes their
    operations instead.
    """
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        tf.config.run_functions_eagerly(True)
        try:
            model.export(path, format="onnx", verbose=False, input_signature=model.inputs)
        finally:
            tf.config.run_functions_eagerly(False)
        session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (given,), outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    return lambda array: dict(zip(outputs, session.run(outputs, {given.name: array}), strict=True))


def litert(model: keras.Model) -> Run:
    """The model as LiteRT runs it by default: by XNNPACK where that has the operation."""
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        model.export(path, format="litert", verbose=False)
        interpreter = Interpreter(model_content=path.read_bytes())
    run = interpreter.get_signature_runner()
    (given,) = run.get_input_details()
    return lambda array: run(**{given: array})
