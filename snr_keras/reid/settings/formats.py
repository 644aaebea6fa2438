"""The formats of deployment: extensions, precisions, and required packages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        title: Name of the format as its makers write it.
        ending: Extension of the file's name; empty if it is a folder.
        precisions: Precisions of the format, out of `PRECISIONS`.
        packages: Packages needed to write and open it.
        unfit: Precisions out of `UNFIT` that can be written.
    """

    title: str
    ending: str
    precisions: tuple[str, ...]
    packages: tuple[str, ...]
    unfit: tuple[str, ...] = ()


PRECISIONS = {
    "float32": "as trained",
    "float16": "weights of 16 bits; the runtime chooses the dtype of the computation, float32 on CPUs",
    "int8": "dynamic range: weights of 8 bits, feature maps quantized on the way",
}

#: Precisions that can be written only for measurement, and the reason.
UNFIT = {
    "full_int8": "one range for a feature map of all pictures, found by calibration, is too coarse; what that costs is "
    "measured by `snr bench export --precision full_int8`",
}

FORMATS = {
    "saved_model": Format("SavedModel", "", ("float32",), ()),
    "onnx": Format("ONNX", ".onnx", ("float32", "float16", "int8"), ("onnx", "tf2onnx", "onnxruntime"), ("full_int8",)),
    "openvino": Format("OpenVINO", ".xml", ("float32", "float16"), ("openvino", "onnx", "tf2onnx")),
    "litert": Format("LiteRT", ".tflite", ("float32", "float16", "int8"), ("ai_edge_litert",)),
}


def find_format(name: str, precision: str, *, unfit: bool = False) -> Format:
    """The format with a name, if it has that precision; `unfit` allows the precisions in `UNFIT` too.

    Raises:
        ValueError: If it does not, or there is no such format; the message lists those that exist.
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
    """Raise ModuleNotFoundError, with what to do, if a package that the format needs is not installed."""
    missing = [package for package in format.packages if find_spec(package) is None]
    if missing:
        raise ModuleNotFoundError(
            f"Exports to {format.title} need packages that are not installed ({', '.join(missing)}): "
            f'pip install "snr-reid[{format.title.lower()}]"'
        )
