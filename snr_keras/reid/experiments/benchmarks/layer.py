"""One training step of the SNR layer, compared with the literal equations and a plain instance norm."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from snr_keras.conformance.arrays import differentiated
from snr_keras.devices import on_cpu
from snr_keras.layers import SNR
from snr_keras.reid.experiments.benchmarks._backend import accumulator, forget_compiled, synchronize
from snr_keras.reid.experiments.benchmarks._memory import peak_growth

#: The feature maps of ResNet-50's first, third and fourth stage, for 32 images of 256x128 pixels.
SHAPES = ((32, 64, 32, 256), (32, 16, 8, 1024), (32, 16, 8, 2048))

#: The mode of a step that is not compiled as a whole, and of one that is.
_USUAL_MODE = {"tensorflow": "graph", "jax": "xla", "torch": "eager"}
_COMPILED_MODE = {"tensorflow": "xla", "jax": "xla", "torch": "compiled"}

_ONE_WAY_PASSES = 8


@dataclass(frozen=True)
class LayerTiming:
    """Forward and backward pass of one feature map: medians of interleaved runs, in seconds.

    Attributes:
        shape: Shape of the feature map F, (N, *S, C).
        dtype: The layers' dtype or dtype policy.
        jit_compile: Whether the step was compiled as a whole; on JAX it always is.
        snr: The SNR layer, with its three embeddings.
        literal: Eqs. 1 to 5 computed literally, with the same operations and automatic gradients.
        group_norm: `keras.layers.GroupNormalization(groups=-1)`: a plain instance norm, which computes less.
        floor: Eight one-way passes over F (forward two reads and a write, backward four reads and a write) at the
            bandwidth of adding F to an existing buffer.
        snr_memory: Peak memory of an SNR step beyond its inputs, in feature maps of the size of F: its results, F~+ and
            the gradient of F, make 2. None where it is not measured (only on Linux, only on a CPU).
        literal_memory: The same for the literal equations.
        group_norm_memory: The same for the instance norm.
    """

    shape: tuple[int, ...]
    dtype: str
    jit_compile: bool
    snr: float
    literal: float
    group_norm: float
    floor: float
    snr_memory: float | None
    literal_memory: float | None
    group_norm_memory: float | None

    @property
    def of_literal(self) -> float:
        """SNR's time as a fraction of the literal equations' time."""
        return self.snr / self.literal

    @property
    def of_group_norm(self) -> float:
        """SNR's time as a fraction of the instance norm's time."""
        return self.snr / self.group_norm

    @property
    def of_floor(self) -> float:
        """SNR's time as a multiple of the floor."""
        return self.snr / self.floor


def benchmark_layer(
    shapes: Iterable[tuple[int, ...]] = SHAPES,
    *,
    dtype: str = "float32",
    jit_compile: bool = False,
    repeats: int = 9,
    memory: bool = True,
    progress: Callable[[LayerTiming], None] | None = None,
) -> list[LayerTiming]:
    """Time a training step of the layer on the current backend and its default device.

    A step is what the layer adds to training: outputs from F, and from their gradients those of F and of the weights.
    Runs of the implementations alternate, so other work on the machine affects all alike.

    Args:
        shapes: Shapes of the feature maps, channels-last.
        dtype: Dtype or dtype policy of the layers.
        jit_compile: Whether to compile the step as a whole, on PyTorch with `torch.compile`. JAX always does.
        repeats: Runs of each implementation, after one that does not count.
        memory: Whether to measure the memory too, of each implementation in a process of its own, which takes seconds.
        progress: Function called with each row as it is finished.

    Returns:
        One row per shape.

    Raises:
        ValueError: If `repeats` is not positive.
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be at least 1. Received: repeats={repeats}")
    mode = (_COMPILED_MODE if jit_compile else _USUAL_MODE)[keras.backend.backend()]
    rows = []
    for shape in shapes:
        rows.append(_row(tuple(shape), dtype, mode, repeats, memory))
        if progress is not None:
            progress(rows[-1])
    return rows


def print_peak_memory(name: str, shape: str, dtype: str, mode: str) -> None:
    """Prints by how many maps this process grows during a step, at most; null where that can't be measured."""
    sizes = tuple(json.loads(shape))
    layer, function = _contestants(sizes, dtype)[name]
    step = _step(layer, function, sizes, mode)
    synchronize(step())  # what is compiled or set up once is no part of it
    growth = peak_growth(lambda: synchronize(step()))
    print(json.dumps(growth and growth / _bytes(sizes, layer.compute_dtype)))


def _row(shape: tuple[int, ...], dtype: str, mode: str, repeats: int, memory: bool) -> LayerTiming:
    forget_compiled()
    layers = _contestants(shape, dtype)
    contestants = {name: _step(*layers[name], shape, mode) for name in layers}
    # Each accumulation reads two maps and writes one.
    contestants["floor"] = accumulator(_random(shape, layers["snr"][0].compute_dtype))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for run in range(repeats + 1):
        for name, contestant in contestants.items():
            start = time.perf_counter()
            synchronize(contestant())
            if run > 0:
                times[name].append(time.perf_counter() - start)
    medians = {name: float(np.median(values)) for name, values in times.items()}
    peaks = {name: _peak_memory(name, shape, dtype, mode) if memory else None for name in layers}
    return LayerTiming(
        shape=shape,
        dtype=dtype,
        jit_compile=mode == _COMPILED_MODE[keras.backend.backend()],
        snr=medians["snr"],
        literal=medians["literal"],
        group_norm=medians["group_norm"],
        floor=medians["floor"] * _ONE_WAY_PASSES / 3,
        snr_memory=peaks["snr"],
        literal_memory=peaks["literal"],
        group_norm_memory=peaks["group_norm"],
    )


def _contestants(shape: tuple[int, ...], dtype: str) -> dict[str, tuple[Any, Callable[[Any, Any], list[Any]]]]:
    """Each layer, built, with what is computed of it."""
    snr = SNR(dtype=dtype, data_format="channels_last")
    group_norm = keras.layers.GroupNormalization(groups=-1, axis=-1, dtype=dtype)
    snr.build(shape)
    group_norm.build(shape)
    return {"snr": (snr, _closed_form), "literal": (snr, _literal), "group_norm": (group_norm, _outputs_of)}


def _peak_memory(name: str, shape: tuple[int, ...], dtype: str, mode: str) -> float | None:
    """In a process of its own: memory that another has freed would be used again unseen."""
    if not on_cpu():
        return None
    code = f"import sys; from {__name__} import print_peak_memory; print_peak_memory(*sys.argv[1:])"
    command = [sys.executable, "-c", code, name, json.dumps(shape), dtype, mode]
    # TensorFlow's allocator for oneDNN keeps freed memory, so that a step would seem to need none.
    environment = os.environ | {"KERAS_BACKEND": keras.backend.backend(), "TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The process that measures the memory of a step failed: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def _step(
    layer: Any, function: Callable[[Any, Any], list[Any]], shape: tuple[int, ...], mode: str
) -> Callable[[], Any]:
    F = _random(shape, layer.compute_dtype)
    cotangents = [_random(tuple(y.shape), y.dtype) for y in function(layer, F)]
    return partial(differentiated(partial(function, layer), layer.trainable_weights, mode), [F], cotangents)


def _outputs_of(layer: Any, F: Any) -> list[Any]:
    return [layer(F)]


def _closed_form(layer: SNR, F: Any) -> list[Any]:
    F_plus, embeddings = layer(F, return_embeddings=True)
    return [F_plus, *embeddings]


def _literal(layer: SNR, F: Any) -> list[Any]:
    outputs = layer.decompose(F)
    f_tilde = ops.mean(outputs.F_tilde, axis=tuple(range(1, len(F.shape) - 1)))
    return [ops.cast(outputs.F_plus, layer.compute_dtype), f_tilde, outputs.f_plus, outputs.f_minus]


def _random(shape: tuple[int, ...], dtype: Any) -> Any:
    values = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return ops.cast(ops.convert_to_tensor(values), dtype)


def _bytes(shape: tuple[int, ...], dtype: str) -> int:
    return math.prod(shape) * {"float64": 8, "float32": 4}.get(dtype, 2)
