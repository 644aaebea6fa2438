"""SNR as one affine map per image and channel, with its backward pass, in few passes over the feature map.

`snr_ref.snr_closed_form` and `snr_ref.snr_vjp` are the readable form of the same mathematics; this one is fast. Feature
maps are (N, M, C) throughout, or (N, C, M) if `pixels` is 2, with M the number of pixels. The statistics are (N, C).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from keras import ops

from snr_keras.layers._backend import Tensors, compiles, with_backward

# XLA's CPU loops vectorize a sum of slices of pixels, but not a reduction of computed terms. So this many slices are
# added first and the rest is reduced, which is ten times faster, and more accurate.
_STRETCHES = 8


@cache
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
    return with_backward(
        partial(_forward, epsilon=epsilon, pixels=pixels, dtype=dtype), partial(_backward, pixels=pixels)
    )


def _forward(
    F: Any, gamma: Any, beta: Any, w1: Any, w2: Any, b1: Any, b2: Any, *, epsilon: float, pixels: int, dtype: str
) -> tuple[Tensors, Tensors]:
    spread = partial(ops.expand_dims, axis=pixels)
    mu, variance = _moments(F, gamma.dtype, pixels)
    inverse_sigma = ops.rsqrt(variance + epsilon)
    z = mu - beta
    hidden = ops.matmul(z, w1) + b1
    logits = ops.matmul(ops.relu(hidden), w2) + b2
    a, rest = ops.sigmoid(logits), ops.sigmoid(-logits)
    f_plus, f_minus = beta + a * z, beta + rest * z
    s = a + rest * gamma * inverse_sigma
    # Centred: folding mu into the offset would multiply its rounding by s, in the hundreds on constant channels.
    F_plus = spread(s) * (ops.cast(F, gamma.dtype) - spread(mu)) + spread(f_plus)
    return (ops.cast(F_plus, dtype), f_plus, f_minus), (mu, inverse_sigma, hidden, logits)


def _backward(tensors: Tensors, residuals: Tensors, cotangents: Tensors, *, pixels: int) -> Tensors:
    F, gamma, beta, w1, w2, _, _ = tensors
    mu, inverse_sigma, hidden, logits = residuals
    G, grad_f_plus, grad_f_minus = cotangents
    spread = partial(ops.expand_dims, axis=pixels)
    wide = partial(ops.cast, dtype=gamma.dtype)
    z, g = mu - beta, gamma * inverse_sigma
    a, rest = ops.sigmoid(logits), ops.sigmoid(-logits)
    s = a + rest * g

    S1 = _sum_pixels(wide, G, pixels=pixels)
    S2 = _sum_pixels(lambda G, F: wide(G) * (wide(F) - spread(mu)), G, F, pixels=pixels)
    p, q = S1 + grad_f_plus, grad_f_minus

    grad_logits = (S2 * (1 - g) + (p - q) * z) * a * rest
    grad_hidden = ops.where(hidden > 0, ops.matmul(grad_logits, ops.transpose(w2)), 0)
    grad_z = a * p + rest * q + ops.matmul(grad_hidden, ops.transpose(w1))

    count = _count_pixels(F, gamma.dtype, pixels)
    A = -rest * S2 * g * ops.square(inverse_sigma) / count
    grad_F = spread(s) * wide(G) + spread(A) * (wide(F) - spread(mu)) + spread((grad_z - s * S1) / count)
    return (
        ops.cast(grad_F, F.dtype),
        ops.sum(rest * S2 * inverse_sigma, axis=0),
        ops.sum(p + q - grad_z, axis=0),
        ops.matmul(ops.transpose(z), grad_hidden),
        ops.matmul(ops.transpose(ops.relu(hidden)), grad_logits),
        ops.sum(grad_hidden, axis=0),
        ops.sum(grad_logits, axis=0),
    )


def _moments(F: Any, dtype: Any, pixels: int) -> tuple[Any, Any]:
    """Mean and biased variance over the pixels, each (N, C).

    The second pass corrects the mean of the first. Otherwise, in a constant channel, the rounding of a large mean would
    count as a deviation and be normalized to a visible one.
    """
    count = _count_pixels(F, dtype, pixels)
    mu = _sum_pixels(partial(ops.cast, dtype=dtype), F, pixels=pixels) / count
    centred = lambda F: ops.cast(F, dtype) - ops.expand_dims(mu, pixels)  # noqa: E731
    error = _sum_pixels(centred, F, pixels=pixels) / count
    square = _sum_pixels(lambda F: ops.square(centred(F)), F, pixels=pixels) / count
    return mu + error, ops.maximum(square - ops.square(error), 0)


def _sum_pixels(term: Callable[..., Any], *maps: Any, pixels: int) -> Any:
    """The sum of `term(*maps)` over the pixels; the terms are never stored."""
    count = ops.shape(maps[0])[pixels]
    known = isinstance(count, int)
    stretches = _STRETCHES if compiles() and not (known and count < _STRETCHES) else 1
    length = count // stretches

    def stretch(start: Any, stop: Any) -> Any:
        return term(*(x[:, start:stop] if pixels == 1 else x[:, :, start:stop] for x in maps))

    total = ops.sum(sum(stretch(i * length, (i + 1) * length) for i in range(stretches)), axis=pixels)
    if known and stretches * length == count:
        return total
    if not known:  # slices without a pixel, whose sum LiteRT's XNNPACK leaves undefined
        total = ops.where(length > 0, total, 0)
    return total + ops.sum(stretch(stretches * length, count), axis=pixels)


def _count_pixels(F: Any, dtype: Any, pixels: int) -> Any:
    return ops.cast(ops.shape(F)[pixels], dtype)
