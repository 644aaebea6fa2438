"""What benchmarks need of each backend and Keras does not offer: waiting for a device, its name, in-place addition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def accumulator(F: Any) -> Callable[[], Any]:
    """A function that adds F to its own buffer, in place."""
    return _ACCUMULATOR[keras.backend.backend()](F)


def synchronize(result: Any) -> None:
    """Wait until the device has computed the result."""
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


def forget_compiled() -> None:
    """Lets go of what `torch.compile` has made: it refuses to compile the same code for many layers."""
    if keras.backend.backend() == "torch":
        import torch

        torch.compiler.reset()


def device_name() -> str:
    """The name of the default device of JAX or PyTorch."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


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


_ACCUMULATOR = {"tensorflow": _tensorflow_accumulator, "jax": _jax_accumulator, "torch": _torch_accumulator}
