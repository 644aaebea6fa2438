"""OpenVINO's own format, for processors by Intel and by ARM."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras

from snr_keras.reid.deployment import onnx_runtime
from snr_keras.reid.deployment.graph import METADATA, Run


def write(model: keras.Model, path: Path, precision: str, metadata: str) -> None:
    """Write a model via ONNX: from a SavedModel the conversion takes ten times as long, with the same results.

    The weights are in another file with the same name and the extension `.bin`. The metadata are in the `rt_info` of
    the model, as `snr_reid`.
    """
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder, "model.onnx")
        onnx_runtime.write(model, graph, "float32", metadata)
        converted = openvino.convert_model(graph)
    converted.set_rt_info(metadata, [METADATA])
    openvino.save_model(converted, path, compress_to_fp16=precision == "float16")


def open_run(path: Path) -> Run:
    """The model run by OpenVINO on the CPU, in float32: by default it would use bfloat16 where available."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda array: {output.any_name: values for output, values in compiled(array).items()}
