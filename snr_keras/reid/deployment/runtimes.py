"""The functions that write and open each format of deployment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from snr_keras.reid.deployment import litert, onnx_runtime, openvino_runtime, saved_model
from snr_keras.reid.deployment.graph import Run


@dataclass(frozen=True)
class Runtime:
    """The functions that write and open the files of a format.

    Attributes:
        write: Function that writes a model with one input to a path, in a precision, with a text of metadata.
        open: Function that loads such a file.
        companions: Function from the path of the file to the paths of the other files written with it.
        check_path: Function that raises ValueError if the runtime could not open a file at that path.
    """

    write: Callable[[keras.Model, Path, str, str], None]
    open: Callable[[Path], Run]
    companions: Callable[[Path], tuple[Path, ...]] = lambda path: ()
    check_path: Callable[[Path], None] = lambda path: None


RUNTIMES = {
    "saved_model": Runtime(saved_model.write, saved_model.open_run, check_path=saved_model.check_path),
    "onnx": Runtime(onnx_runtime.write, onnx_runtime.open_run),
    "openvino": Runtime(openvino_runtime.write, openvino_runtime.open_run, lambda path: (path.with_suffix(".bin"),)),
    "litert": Runtime(litert.write, litert.open_run, lambda path: (litert.metadata_file(path),)),
}
