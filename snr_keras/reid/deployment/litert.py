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
    """Write a model; the metadata are a file beside it, `metadata_file`: the format has no place for a text."""
    with plain_operations(model):
        model.export(path, format="litert", verbose=False, **_OPTIONS[precision])
    metadata_file(path).write_text(metadata, encoding="utf-8")


def metadata_file(path: Path) -> Path:
    """Where the metadata of an export are."""
    return path.with_name(f"{path.name}.json")


def open_run(path: Path) -> Run:
    """The model as LiteRT runs it by default: by XNNPACK where that has the operation."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_content=path.read_bytes()).get_signature_runner()
    (given,) = run.get_input_details()
    return lambda array: run(**{given: array})
