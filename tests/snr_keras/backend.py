"""Values and gradients from whichever backend runs, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)  # else it would take float64 for float32

#: How a function can be run: eagerly, as a graph (JAX: jitted), compiled as a whole.
MODES = {"tensorflow": ("eager", "graph", "xla"), "jax": ("eager", "xla"), "torch": ("eager",)}[keras.backend.backend()]

#: What parity is tested in; on PyTorch Keras' own operations take float64 for float32.
DTYPES = ["float32", "float64", "bfloat16", "float16"]
if keras.backend.backend() == "torch":
    DTYPES.remove("float64")

#: Unit roundoff of each dtype, one unit in the last place: a compiler may round x / n as x * (1 / n).
ROUNDOFF = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}

#: What a number may lose that is too small for a dtype's precision: float16 spaces such numbers evenly, others may
#: flush them to zero.
UNDERFLOW = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-24, "bfloat16": 2.0**-126}


def to_tensor(array: np.ndarray, dtype: str) -> Any:
    """The array as a tensor of that dtype."""
    return ops.cast(ops.convert_to_tensor(array, "float64"), dtype)


def to_numpy(tensor: Any) -> np.ndarray:
    """The tensor as float64."""
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float64" if _is_float64(tensor) else "float32")), float)


def as_stored(array: np.ndarray, dtype: str) -> np.ndarray:
    """What is left of the array in that dtype, in float64."""
    return to_numpy(to_tensor(array, dtype))


def value_and_gradients(
    function: Callable[..., Sequence[Any]], weights: Sequence[keras.Variable] = (), mode: str = "eager"
) -> Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]:
    """The function with its gradients. Keep what this returns: compiled, it serves every call of the same shapes.

    Args:
        function: From differentiable tensors, and any others, to a sequence of tensors.
        weights: Variables that the function uses.
        mode: One of `MODES`.

    Returns:
        `(tensors, cotangents, *others) -> (outputs, gradients in the tensors and the weights)`; a gradient that isn't
        there is 0.
    """
    step = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()](function, weights, mode)

    def run(tensors: Sequence[Any], cotangents: Sequence[Any], *others: Any) -> Any:
        outputs, gradients = step(list(tensors), [weight.value for weight in weights], list(cotangents), *others)
        inputs = [*tensors, *(weight.value for weight in weights)]
        return [to_numpy(y) for y in outputs], [
            np.zeros(tuple(x.shape)) if gradient is None else to_numpy(gradient)
            for gradient, x in zip(gradients, inputs, strict=True)
        ]

    return run


def _tensorflow(function: Any, weights: Any, mode: str) -> Any:
    import tensorflow as tf

    def step(tensors: Any, _: Any, cotangents: Any, *others: Any) -> Any:
        inputs = [*tensors, *(weight.value for weight in weights)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = list(function(*tensors, *others))
        return outputs, tape.gradient(outputs, inputs, cotangents)

    return step if mode == "eager" else tf.function(step, jit_compile=mode == "xla")


def _jax(function: Any, weights: Any, mode: str) -> Any:
    import jax

    def step(tensors: Any, values: Any, cotangents: Any, *others: Any) -> Any:
        def outputs_of(tensors: Any, values: Any) -> Any:
            with keras.StatelessScope(list(zip(weights, values, strict=True))):
                return list(function(*tensors, *others))

        outputs, vjp = jax.vjp(outputs_of, tensors, values)
        gradients = vjp(cotangents)
        return outputs, [*gradients[0], *gradients[1]]

    return step if mode == "eager" else jax.jit(step)


def _torch(function: Any, weights: Any, mode: str) -> Any:
    import torch

    def step(tensors: Any, values: Any, cotangents: Any, *others: Any) -> Any:
        tensors = [x.detach().requires_grad_() for x in tensors]
        outputs = list(function(*tensors, *others))
        return outputs, torch.autograd.grad(outputs, [*tensors, *values], cotangents, allow_unused=True)

    return step


def _is_float64(tensor: Any) -> bool:
    return keras.backend.standardize_dtype(tensor.dtype) == "float64"
