"""What writes each format of deployment, and how its runtime opens it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from snr_keras.reid.deployment import litert, onnx_runtime, openvino_runtime, saved_model
from snr_keras.reid.deployment.graph import Run


@dataclass(frozen=True)
class Runtime:
    """What writes and opens the files of a format.

    Attributes:
        write: Writes a model of one input to a path, in a precision, with a text of metadata.
        open: Loads such a file.
        beside: From the path of the file to those of the other files that are written with it.
        check_path: ValueError if the runtime could not open what is written there.
    """

    write: Callable[[keras.Model, Path, str, str], None]
    open: Callable[[Path], Run]
    beside: Callable[[Path], tuple[Path, ...]] = lambda path: ()
    check_path: Callable[[Path], None] = lambda path: None


RUNTIMES = {
    "saved_model": Runtime(saved_model.write, saved_model.open_run, check_path=saved_model.check_path),
    "onnx": Runtime(onnx_runtime.write, onnx_runtime.open_run),
    "openvino": Runtime(openvino_runtime.write, openvino_runtime.open_run, lambda path: (path.with_suffix(".bin"),)),
    "litert": Runtime(litert.write, litert.open_run, lambda path: (litert.metadata_file(path),)),
}
