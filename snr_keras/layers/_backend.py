"""The only module of the layers that depends on the backend: custom backward passes, and means over devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import keras

Tensors = tuple[Any, ...]
Forward = Callable[..., tuple[Tensors, Tensors]]
Backward = Callable[[Tensors, Tensors, Tensors], Tensors]


def compiles() -> bool:
    """Whether the passes over a map are compiled, so that many operations become one loop."""
    return keras.backend.backend() != "torch"


def runs_one_by_one() -> bool:
    """Whether each operation runs when it is called: on PyTorch, unless `torch.compile` or an export traces it."""
    if compiles() or _plainly:
        return False
    import torch

    return not torch.compiler.is_compiling()


def mean_over_replicas(x: Any) -> Any:
    """The mean of a tensor over the replicas of a TensorFlow strategy, differentiated through all of them."""
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, x)


def with_backward(forward: Forward, backward: Backward) -> Callable[..., Tensors]:
    """The function `forward` with `backward` as its derivative; JAX compiles each of them.

    Only the tensors and the residuals are kept for the backward pass. A second derivative is either right (JAX) or an
    error (TensorFlow, PyTorch), never silently wrong.

    Args:
        forward: `(*tensors) -> (outputs, residuals)`, pure.
        backward: `(tensors, residuals, cotangents) -> gradients`, pure; one cotangent per output, one gradient per
            tensor.

    Returns:
        `(*tensors) -> outputs`.

    Raises:
        ValueError: If the backend is not TensorFlow, JAX or PyTorch.
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise ValueError(f"The backend must be one of {', '.join(_BACKENDS)}. Received: {backend!r}")
    function = _BACKENDS[backend](forward, backward)
    return lambda *tensors: forward(*tensors)[0] if _plainly else function(*tensors)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a program of XLA on TensorFlow; itself on the other backends.

    It is traced for all shapes at once, and XLA compiles it for each. That takes some 30 ms for each loop, so only what
    reads or writes a feature map is worth it.

    Args:
        function: `(*tensors, **settings) -> tensors`, pure.

    Returns:
        `(*tensors, **settings) -> tensors`.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    programs: dict[tuple[tuple[str, Any], ...], Any] = {}

    @wraps(function)
    def call(*tensors: Any, **settings: Any) -> Any:
        if _plainly:
            return function(*tensors, **settings)
        key = tuple(settings.items())
        if key not in programs:

            @tf.function(jit_compile=True, autograph=False)
            def program(*tensors: Any) -> Any:
                return function(*tensors, **settings)

            programs[key] = program
        any_shape = [tf.TensorSpec([None] * tensor.shape.rank, tensor.dtype) for tensor in tensors]
        return programs[key].get_concrete_function(*any_shape)(*tensors)

    return call


@contextmanager
def plainly() -> Iterator[None]:
    """Within this context, functions of `with_backward` are traced as the plain operations of `forward`.

    Export formats have no counterpart of a function that XLA compiles or that has a custom backward pass.
    """
    global _plainly
    before, _plainly = _plainly, True
    try:
        yield
    finally:
        _plainly = before


def _tensorflow(forward: Forward, backward: Backward) -> Callable[..., Tensors]:
    import tensorflow as tf

    # A tape that watches the inputs of a tf.function makes it return all intermediates and keeps them: feature maps.
    def unwatched(tensors: Tensors) -> Tensors:
        return tuple(tf.stop_gradient(tensor) for tensor in tensors)

    @tf.custom_gradient
    def function(*tensors: Any) -> Any:
        outputs, residuals = forward(*unwatched(tensors))

        def gradient(*cotangents: Any) -> Tensors:
            @tf.custom_gradient
            def once(*watched: Any) -> Any:
                def refuse(*_: Any) -> None:
                    raise NotImplementedError(_ONCE)

                inputs, upstream = unwatched(watched[: len(tensors)]), unwatched(watched[len(tensors) :])
                return backward(inputs, residuals, upstream), refuse

            return once(*tensors, *cotangents)

        return outputs, gradient

    return function


def _jax(forward: Forward, backward: Backward) -> Callable[..., Tensors]:
    import jax

    def forward_and_kept(*tensors: Any) -> Any:
        outputs, residuals = forward(*tensors)
        return outputs, (tensors, residuals)

    function = jax.custom_vjp(lambda *tensors: forward(*tensors)[0])
    function.defvjp(forward_and_kept, lambda kept, cotangents: backward(kept[0], kept[1], cotangents))
    return jax.jit(function)


def _torch(forward: Forward, backward: Backward) -> Callable[..., Tensors]:
    import torch

    compute, differentiate = forward, backward  # the class uses these names itself

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Tensors:
            outputs, residuals = compute(*tensors)
            ctx.parts = len(tensors), len(tensors) + len(residuals)
            ctx.save_for_backward(*tensors, *residuals)
            return outputs

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Tensors:
            return Once.apply(ctx.parts, *ctx.saved_tensors, *cotangents)

    # PyTorch's own `once_differentiable` takes gradients for constants where no cotangent has a gradient.
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, parts: tuple[int, int], *tensors: Any) -> Tensors:
            inputs, both = parts
            return differentiate(tensors[:inputs], tensors[inputs:both], tensors[both:])

        @staticmethod
        def backward(ctx: Any, *_: Any) -> Tensors:
            raise NotImplementedError(_ONCE)

    return Function.apply


_plainly = False

_ONCE = "SNR's backward pass has no second derivatives."

_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
