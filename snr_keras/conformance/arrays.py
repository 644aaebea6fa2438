"""Functions of tensors, called with NumPy arrays and differentiated by the current backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

#: The modes: eagerly, as a graph, or compiled as a whole (by XLA; on JAX with `jax.jit`).
MODES = {"tensorflow": ("eager", "graph", "xla"), "jax": ("eager", "xla"), "torch": ("eager",)}[keras.backend.backend()]

Function = Callable[..., Sequence[Any]]


def to_tensor(array: np.ndarray, dtype: str) -> Any:
    """The array as a tensor of that dtype, via float32 for half precision."""
    wide = "float64" if dtype == "float64" else "float32"
    return ops.cast(ops.convert_to_tensor(np.asarray(array, wide), wide), dtype)


def to_numpy(tensor: Any) -> np.ndarray:
    """The tensor as an array in its dtype; in float32, which NumPy has, for half precision."""
    is_float64 = keras.backend.standardize_dtype(tensor.dtype) == "float64"
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float64" if is_float64 else "float32")))


def values(function: Function, mode: str = "eager") -> Callable[..., list[np.ndarray]]:
    """The function in a mode. Keep the result: once compiled, it serves every call with the same shapes.

    Args:
        function: Function from tensors to a sequence of tensors.
        mode: One of `MODES`, or on PyTorch "compiled", by `torch.compile`.

    Returns:
        `(*tensors) -> outputs`.
    """
    compute = _VALUES[keras.backend.backend()](function, mode)
    return lambda *tensors: [to_numpy(y) for y in compute(*tensors)]


def differentiated(
    function: Function, weights: Sequence[keras.Variable] = (), mode: str = "eager"
) -> Callable[..., tuple[list[Any], list[Any]]]:
    """The function with its gradients, in a mode. Keep the result: compiled once, it serves calls of the same shapes.

    Args:
        function: Function from differentiable tensors, and any others, to a sequence of tensors.
        weights: Variables that the function uses.
        mode: One of `MODES`, or on PyTorch "compiled", by `torch.compile`.

    Returns:
        `(tensors, cotangents, *others) -> (outputs, gradients of the tensors and the weights)`; an absent gradient is
        None.
    """
    step = _DIFFERENTIATED[keras.backend.backend()](function, weights, mode)
    return lambda tensors, cotangents, *others: step(
        list(tensors), [weight.value for weight in weights], list(cotangents), *others
    )


def value_and_gradients(
    function: Function, weights: Sequence[keras.Variable] = (), mode: str = "eager"
) -> Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]:
    """The same as `differentiated`, with NumPy arrays; an absent gradient is 0."""
    step = differentiated(function, weights, mode)

    def run(tensors: Sequence[Any], cotangents: Sequence[Any], *others: Any) -> Any:
        outputs, gradients = step(tensors, cotangents, *others)
        inputs = [*tensors, *(weight.value for weight in weights)]
        return [to_numpy(y) for y in outputs], [
            np.zeros(tuple(x.shape)) if gradient is None else to_numpy(gradient)
            for gradient, x in zip(gradients, inputs, strict=True)
        ]

    return run


def _tensorflow_values(function: Function, mode: str) -> Function:
    import tensorflow as tf

    return function if mode == "eager" else tf.function(function, jit_compile=mode == "xla", autograph=False)


def _jax_values(function: Function, mode: str) -> Function:
    import jax

    return function if mode == "eager" else jax.jit(function)


def _torch_values(function: Function, mode: str) -> Function:
    import torch

    return torch.no_grad()(_torch_compiled(function) if mode == "compiled" else function)


def _torch_compiled(function: Function) -> Function:
    import torch

    return torch.compile(function, dynamic=False)


def _tensorflow(function: Function, weights: Sequence[keras.Variable], mode: str) -> Callable[..., Any]:
    import tensorflow as tf

    def step(tensors: Any, values: Any, cotangents: Any, *others: Any) -> Any:
        inputs = [*tensors, *(weight.value for weight in weights)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = list(function(*tensors, *others))
        for output, cotangent in zip(outputs, cotangents, strict=True):
            output.shape.assert_is_compatible_with(cotangent.shape)  # the tape would broadcast
        return outputs, tape.gradient(outputs, inputs, cotangents)

    return step if mode == "eager" else tf.function(step, jit_compile=mode == "xla", autograph=False)


def _jax(function: Function, weights: Sequence[keras.Variable], mode: str) -> Callable[..., Any]:
    import jax

    def step(tensors: Any, values: Any, cotangents: Any, *others: Any) -> Any:
        def outputs_of(tensors: Any, values: Any) -> Any:
            with keras.StatelessScope(list(zip(weights, values, strict=True))):
                return list(function(*tensors, *others))

        outputs, vjp = jax.vjp(outputs_of, tensors, values)
        gradients = vjp(cotangents)
        return outputs, [*gradients[0], *gradients[1]]

    return step if mode == "eager" else jax.jit(step)


def _torch(function: Function, weights: Sequence[keras.Variable], mode: str) -> Callable[..., Any]:
    import torch

    if mode == "compiled":
        function = _torch_compiled(function)

    def step(tensors: Any, values: Any, cotangents: Any, *others: Any) -> Any:
        tensors = [x.detach().requires_grad_() for x in tensors]
        outputs, inputs = list(function(*tensors, *others)), [*tensors, *values]
        reached = [pair for pair in zip(outputs, cotangents, strict=True) if pair[0].requires_grad]
        if not reached:
            return outputs, [None] * len(inputs)
        of_outputs, of_cotangents = zip(*reached, strict=True)
        return outputs, torch.autograd.grad(of_outputs, inputs, of_cotangents, allow_unused=True)

    return step


_VALUES = {"tensorflow": _tensorflow_values, "jax": _jax_values, "torch": _torch_values}
_DIFFERENTIATED = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
