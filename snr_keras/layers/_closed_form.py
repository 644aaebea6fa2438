"""SNR as one affine map per image and channel, with its backward pass, in few passes over the feature map.

`snr_ref.snr_closed_form` and `snr_ref.snr_vjp` are the readable form of the same mathematics; this one is fast. Feature
maps are (N, M, C) throughout, or (N, C, M) if `pixels` is 2, with M the number of pixels. The statistics are (N, C).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from keras import ops

from snr_keras.layers import _passes
from snr_keras.layers._backend import Tensors, runs_one_by_one, with_backward

_MADE: dict[tuple[float, int, str], Callable[..., Tensors]] = {}  # `torch.compile` looks through `functools.cache`


def restitution(*, epsilon: float, pixels: int, dtype: str) -> Callable[..., Tensors]:
    """Eqs. 1 to 5 as one differentiable function, `(F, gamma, beta, w1, w2, b1, b2) -> (F~+, f~+, f~-)`.

    Everything is computed in the dtype of the parameters, which is also that of f~+ and f~-.

    Args:
        epsilon: Number added to the variance.
        pixels: Axis of the pixels in F, 1 or 2.
        dtype: Dtype of F~+.

    Returns:
        The function; the same object for the same arguments, so that layers share its compilation.
    """
    made = _MADE.get((epsilon, pixels, dtype))
    if made is None:
        forward = partial(_forward, epsilon=epsilon, pixels=pixels, dtype=dtype)
        made = _MADE[epsilon, pixels, dtype] = with_backward(forward, partial(_backward, pixels=pixels))
    return made


def _forward(
    F: Any, gamma: Any, beta: Any, w1: Any, w2: Any, b1: Any, b2: Any, *, epsilon: float, pixels: int, dtype: str
) -> tuple[Tensors, Tensors]:
    mu, variance = _passes_that_fit().moments(F, dtype=gamma.dtype, pixels=pixels)
    inverse_sigma = ops.rsqrt(variance + epsilon)
    z = mu - beta
    hidden = ops.matmul(z, w1) + b1
    logits = ops.matmul(ops.relu(hidden), w2) + b2
    a, rest = ops.sigmoid(logits), ops.sigmoid(-logits)
    f_plus, f_minus = beta + a * z, beta + rest * z
    # Centred: folding mu into the offset would multiply its rounding by s, in the hundreds on constant channels.
    F_plus = _passes_that_fit().affine(F, mu, a + rest * gamma * inverse_sigma, f_plus, dtype=dtype, pixels=pixels)
    return (F_plus, f_plus, f_minus), (mu, inverse_sigma, hidden, logits)


def _backward(tensors: Tensors, residuals: Tensors, cotangents: Tensors, *, pixels: int) -> Tensors:
    F, gamma, beta, w1, w2, _, _ = tensors
    mu, inverse_sigma, hidden, logits = residuals
    G, grad_f_plus, grad_f_minus = cotangents
    z, g = mu - beta, gamma * inverse_sigma
    a, rest = ops.sigmoid(logits), ops.sigmoid(-logits)
    s = a + rest * g

    S1, S2 = _passes_that_fit().sums(G, F, mu, pixels=pixels)
    p, q = S1 + grad_f_plus, grad_f_minus

    grad_logits = (S2 * (1 - g) + (p - q) * z) * a * rest
    grad_hidden = ops.where(hidden > 0, ops.matmul(grad_logits, ops.transpose(w2)), 0)
    grad_z = a * p + rest * q + ops.matmul(grad_hidden, ops.transpose(w1))

    count = ops.cast(ops.shape(F)[pixels], gamma.dtype)
    A = -rest * S2 * g * ops.square(inverse_sigma) / count
    return (
        _passes_that_fit().gradient(G, F, mu, s, A, (grad_z - s * S1) / count, pixels=pixels),
        ops.sum(rest * S2 * inverse_sigma, axis=0),
        ops.sum(p + q - grad_z, axis=0),
        ops.matmul(ops.transpose(z), grad_hidden),
        ops.matmul(ops.transpose(ops.relu(hidden)), grad_logits),
        ops.sum(grad_hidden, axis=0),
        ops.sum(grad_logits, axis=0),
    )


def _passes_that_fit() -> ModuleType:
    """The passes over the feature map: in place where the backend runs one operation after the other."""
    if runs_one_by_one():
        from snr_keras.layers import _passes_in_place  # which imports PyTorch

        return _passes_in_place
    return _passes
