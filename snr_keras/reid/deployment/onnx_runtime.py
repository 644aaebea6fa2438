"""ONNX, for ONNX Runtime and other programs that read it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from snr_keras.models.network import plain_operations
from snr_keras.reid.deployment.graph import METADATA, Run
from snr_keras.reid.deployment.pictures import drawn_pictures

#: Number of drawn pictures on which the ranges of feature maps are determined for full int8.
CALIBRATION = 128

#: Tensors with fewer numbers than this are not made smaller, since nothing would be gained.
SMALL = 16


def write(model: keras.Model, path: Path, precision: str, metadata: str) -> None:
    """Write a model; the metadata are in the file, as `snr_reid`."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "model.onnx")
        with plain_operations(model):
            model.export(plain, format="onnx", verbose=False, input_signature=model.inputs)
        if precision == "int8":
            _quantize(plain)
        if precision == "full_int8":
            _quantize_maps_too(plain, drawn_pictures(model.input_shape[1:3], CALIBRATION, camera=2))
        graph = onnx.load(plain)
    if precision == "float16":
        _halve_weights(graph.graph)
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(graph, {METADATA: metadata})
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def open_run(path: Path) -> Run:
    """The model run by ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (given,), outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    return lambda array: dict(zip(outputs, session.run(outputs, {given.name: array}), strict=True))


def _halve_weights(graph: Any) -> None:
    """Keep weights in float16, and cast them where they are used, so that the computation stays in float32.

    SNR's statistics are sums over pixels, in which half precision would lose digits.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        halved = values.astype(np.float16)
        if not np.isfinite(halved).all():
            raise ValueError(
                f"float16 holds numbers up to 65504. Received: a weight of {np.abs(values).max():.3g} ({weight.name})"
            )
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(halved, f"{name}/float16"))
        casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _quantize(path: Path) -> None:
    """Quantize the weights of convolutions and products to 8 bits, and their inputs dynamically."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(path, path, weight_type=QuantType.QUInt8)


def _quantize_maps_too(path: Path, pictures: NDArray[np.float32]) -> None:
    """Quantize every possible operation: weights with a scale per channel, maps with one range for all pictures."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Pictures(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = ({"images": picture[None]} for picture in pictures)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self.rest, None)

    quantize_static(path, path, Pictures(), per_channel=True)
