"""The formats of deployment: what each is written by, in which precisions, and how its runtime opens it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import keras

from snr_keras.deployment import litert, onnx_runtime, openvino_runtime, saved_model
from snr_keras.deployment.graph import Run


@dataclass(frozen=True)
class Format:
    """A format of files, and its runtime.

    Attributes:
        title: Its name as its makers write it.
        ending: Of the file's name; empty where it is a folder.
        precisions: Of `PRECISIONS`, those it has.
        packages: What must be installed to write and to open it.
        write: Writes a model of one input to a path, in a precision, with a text of metadata.
        open: Loads such a file into the runtime.
        beside: From the path of the file to those of the other files that are written with it.
    """

    title: str
    ending: str
    precisions: tuple[str, ...]
    packages: tuple[str, ...]
    write: Callable[[keras.Model, Path, str, str], None]
    open: Callable[[Path], Run]
    beside: Callable[[Path], tuple[Path, ...]] = lambda path: ()


PRECISIONS = {
    "float32": "as trained",
    "float16": "weights of 16 bits, computed with in what the runtime has, on CPUs float32",
    "int8": "dynamic range: weights of 8 bits, feature maps quantized on the way",
}

FORMATS = {
    "saved_model": Format("SavedModel", "", ("float32",), (), saved_model.write, saved_model.open_run),
    "onnx": Format(
        "ONNX",
        ".onnx",
        ("float32", "float16", "int8"),
        ("onnx", "tf2onnx", "onnxruntime"),
        onnx_runtime.write,
        onnx_runtime.open_run,
    ),
    "openvino": Format(
        "OpenVINO",
        ".xml",
        ("float32", "float16"),
        ("openvino", "onnx", "tf2onnx"),
        openvino_runtime.write,
        openvino_runtime.open_run,
        lambda path: (path.with_suffix(".bin"),),
    ),
    "litert": Format(
        "LiteRT",
        ".tflite",
        ("float32", "float16", "int8"),
        ("ai_edge_litert",),
        litert.write,
        litert.open_run,
        lambda path: (litert.metadata_file(path),),
    ),
}


def find_format(name: str, precision: str) -> Format:
    """The format of a name, if it has that precision.

    Raises:
        ValueError: If it has not, or there is no such format; the message lists what there is.
    """
    if name not in FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(FORMATS)}. Received: format={name!r}")
    if precision not in FORMATS[name].precisions:
        having = "; ".join(f"{other} has {', '.join(its.precisions)}" for other, its in FORMATS.items())
        raise ValueError(f"The precision must be one that the format has: {having}. Received: {name}, {precision!r}")
    return FORMATS[name]


def check_installed(format: Format) -> None:
    """ModuleNotFoundError, with what to do, if a package that the format needs is not installed."""
    missing = [package for package in format.packages if find_spec(package) is None]
    if missing:
        raise ModuleNotFoundError(
            f"Exports to {format.title} need what is not installed ({', '.join(missing)}): "
            'pip install "snr-reid[export]"'
        )
