"""What the benchmarks need of each backend and Keras does not offer: gradients, compilation, in-place addition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def differentiated(layer: Any, function: Callable[[Any], list[Any]], *, jit_compile: bool) -> Callable[..., Any]:
    """One training step, compiled as the backend does it.

    Args:
        layer: The built layer whose weights get gradients.
        function: From F to outputs, calling the layer.
        jit_compile: Compile the step as a whole.

    Returns:
        `(F, cotangents) -> (outputs, gradients of F and the trainable weights)`.

    Raises:
        ValueError: On PyTorch with `jit_compile=True`.
    """
    return _DIFFERENTIATED[keras.backend.backend()](layer, function, jit_compile)


def accumulator(F: Any) -> Callable[[], Any]:
    """A function that adds F to a buffer of its own, in place."""
    return _ACCUMULATOR[keras.backend.backend()](F)


def synchronize(result: Any) -> None:
    """Waits until the device has computed the result."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.test.experimental.sync_devices()
    elif backend == "jax":
        import jax

        jax.block_until_ready(result)
    else:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()


def _tensorflow_step(layer: Any, function: Callable, jit_compile: bool) -> Callable[..., Any]:
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def step(F: Any, cotangents: list[Any]) -> Any:
        weights = [weight.value for weight in layer.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(F)
            outputs = function(F)
        return outputs, tape.gradient(outputs, [F, *weights], cotangents)

    return step


def _jax_step(layer: Any, function: Callable, jit_compile: bool) -> Callable[..., Any]:
    import jax

    @jax.jit
    def step(weights: list[Any], F: Any, cotangents: list[Any]) -> Any:
        def outputs_of(F: Any, weights: list[Any]) -> Any:
            with keras.StatelessScope(zip(layer.trainable_variables, weights, strict=True)):
                return function(F)

        outputs, vjp = jax.vjp(outputs_of, F, weights)
        return outputs, vjp(cotangents)

    return lambda F, cotangents: step([weight.value for weight in layer.trainable_variables], F, cotangents)


def _torch_step(layer: Any, function: Callable, jit_compile: bool) -> Callable[..., Any]:
    import torch

    if jit_compile:
        raise ValueError("`jit_compile` must be False on the PyTorch backend. Received: jit_compile=True")

    def step(F: Any, cotangents: list[Any]) -> Any:
        F = F.detach().requires_grad_()
        outputs = function(F)
        inputs = [F, *(weight.value for weight in layer.trainable_weights)]
        return outputs, torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True)

    return step


def _tensorflow_accumulator(F: Any) -> Callable[[], Any]:
    import tensorflow as tf

    buffer = tf.Variable(tf.zeros_like(F))

    @tf.function
    def accumulate() -> None:
        buffer.assign_add(F, read_value=False)

    return accumulate


def _jax_accumulator(F: Any) -> Callable[[], Any]:
    import jax

    buffer = [keras.ops.zeros_like(F)]
    add = jax.jit(lambda buffer, F: buffer + F, donate_argnums=0)

    def accumulate() -> Any:
        buffer[0] = add(buffer[0], F)
        return buffer[0]

    return accumulate


def _torch_accumulator(F: Any) -> Callable[[], Any]:
    buffer = keras.ops.zeros_like(F)
    return lambda: buffer.add_(F)


_DIFFERENTIATED = {"tensorflow": _tensorflow_step, "jax": _jax_step, "torch": _torch_step}
_ACCUMULATOR = {"tensorflow": _tensorflow_accumulator, "jax": _jax_accumulator, "torch": _torch_accumulator}
