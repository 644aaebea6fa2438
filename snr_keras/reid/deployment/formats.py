"""The formats of deployment: what each is written by, in which precisions, and how its runtime opens it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import keras

from snr_keras.reid.deployment import litert, onnx_runtime, openvino_runtime, saved_model
from snr_keras.reid.deployment.graph import Run


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
        unfit: Of `UNFIT`, those that `write` knows.
        check_path: ValueError if the runtime could not open what is written there.
    """

    title: str
    ending: str
    precisions: tuple[str, ...]
    packages: tuple[str, ...]
    write: Callable[[keras.Model, Path, str, str], None]
    open: Callable[[Path], Run]
    beside: Callable[[Path], tuple[Path, ...]] = lambda path: ()
    unfit: tuple[str, ...] = ()
    check_path: Callable[[Path], None] = lambda path: None


PRECISIONS = {
    "float32": "as trained",
    "float16": "weights of 16 bits, computed with in what the runtime has, on CPUs float32",
    "int8": "dynamic range: weights of 8 bits, feature maps quantized on the way",
}

#: What is written only to be measured, and why.
UNFIT = {
    "full_int8": "one range for a feature map of all pictures, found by calibration, is too coarse; what that costs is "
    "measured by `snr bench export --precision full_int8`",
}

FORMATS = {
    "saved_model": Format(
        "SavedModel",
        "",
        ("float32",),
        (),
        saved_model.write,
        saved_model.open_run,
        check_path=saved_model.check_path,
    ),
    "onnx": Format(
        "ONNX",
        ".onnx",
        ("float32", "float16", "int8"),
        ("onnx", "tf2onnx", "onnxruntime"),
        onnx_runtime.write,
        onnx_runtime.open_run,
        unfit=("full_int8",),
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


def find_format(name: str, precision: str, *, unfit: bool = False) -> Format:
    """The format of a name, if it has that precision, or if one of `UNFIT` is wanted too and it has that.

    Raises:
        ValueError: If it has not, or there is no such format; the message lists what there is.
    """
    if name not in FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(FORMATS)}. Received: format={name!r}")
    format = FORMATS[name]
    if precision in format.unfit:
        if not unfit:
            raise ValueError(f"{precision} is not fit for use: {UNFIT[precision]}. Received: {name}, {precision!r}")
    elif precision not in format.precisions:
        having = "; ".join(f"{other} has {', '.join(its.precisions)}" for other, its in FORMATS.items())
        raise ValueError(f"The precision must be one that the format has: {having}. Received: {name}, {precision!r}")
    return format


def check_installed(format: Format) -> None:
    """ModuleNotFoundError, with what to do, if a package that the format needs is not installed."""
    missing = [package for package in format.packages if find_spec(package) is None]
    if missing:
        raise ModuleNotFoundError(
            f"Exports to {format.title} need what is not installed ({', '.join(missing)}): "
            f'pip install "snr-reid[{format.title.lower()}]"'
        )
