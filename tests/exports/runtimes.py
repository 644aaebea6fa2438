"""Keras models exported to a file, and the file run by a runtime that knows neither Keras nor this project."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras

from snr_keras.reid.deployment import FORMATS
from snr_keras.reid.deployment.graph import Run
from snr_keras.reid.deployment.runtimes import RUNTIMES


def onnx_runtime(model: keras.Model, precision: str = "float32") -> Run:
    """The model as ONNX, in ONNX Runtime."""
    return _exported(model, "onnx", precision)


def litert(model: keras.Model, precision: str = "float32") -> Run:
    """The model as LiteRT runs it by default."""
    return _exported(model, "litert", precision)


def openvino(model: keras.Model, precision: str = "float32") -> Run:
    """The model in OpenVINO."""
    return _exported(model, "openvino", precision)


def saved_model(model: keras.Model) -> Run:
    """The model as a SavedModel."""
    return _exported(model, "saved_model", "float32")


def _exported(model: keras.Model, name: str, precision: str) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model{FORMATS[name].ending}")
        RUNTIMES[name].write(model, path, precision, "{}")
        return RUNTIMES[name].open(path)
