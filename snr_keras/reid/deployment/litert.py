"""LiteRT, formerly TensorFlow Lite, for phones and small computers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from snr_keras.models.network import plain_operations
from snr_keras.reid.deployment.graph import Run

_OPTIONS: dict[str, dict[str, Any]] = {
    "float32": {},
    "float16": {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": {"supported_types": [tf.float16]}},
    "int8": {"optimizations": [tf.lite.Optimize.DEFAULT]},
}


def write(model: keras.Model, path: Path, precision: str, metadata: str) -> None:
    """Write a model; the metadata go to a file beside it, `metadata_file`, since the format has no place for text."""
    with plain_operations(model):
        model.export(path, format="litert", verbose=False, **_OPTIONS[precision])
    metadata_file(path).write_text(metadata, encoding="utf-8")


def metadata_file(path: Path) -> Path:
    """The path of an export's metadata."""
    return path.with_name(f"{path.name}.json")


def open_run(path: Path) -> Run:
    """The model run by LiteRT in its default way: by XNNPACK for the operations that it supports."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_content=path.read_bytes()).get_signature_runner()
    (given,) = run.get_input_details()
    return lambda array: run(**{given: array})
