"""Distances between the rows of two matrices: `snr_ref.distances` in Keras, in at least float32."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snr_keras.losses._batches import floating
from snr_keras.losses._products import product


def cosine_distance(x: Any, y: Any) -> Any:
    """d(x, y) = 0.5 - x.y / (2 |x| |y|), in [0, 1].

    Equal rows, zero vectors included, have distance exactly 0. If only one of the rows is zero, the cosine is 0 and
    d = 0.5. The gradient at a zero vector is zero.

    Args:
        x: First vectors, (N, C), floating.
        y: Second vectors, (M, C), floating.

    Returns:
        Distances, (N, M), in float32 (float64 for float64 rows).

    Raises:
        ValueError: If x or y is not a floating matrix, or they differ in C.

    Source:
        The distance of the paper's dual causality loss.
    """
    return cosine(*_pair(x, y))


def euclidean_distance(x: Any, y: Any) -> Any:
    """d(x, y) = |x - y|, with gradient zero where x = y.

    It is computed from the differences, since near neighbours drown in the rounding of |x|^2 + |y|^2 - 2 x.y. This
    needs memory for N * M * C numbers.

    Args:
        x: First vectors, (N, C), floating.
        y: Second vectors, (M, C), floating.

    Returns:
        Distances, (N, M), in float32 (float64 for float64 rows).

    Raises:
        ValueError: If x or y is not a floating matrix, or they differ in C.
    """
    return euclidean(*_pair(x, y))


def cosine(x: Any, y: Any) -> Any:
    """`cosine_distance` of (..., N, C) and (..., M, C) in at least float32: (..., N, M)."""
    of_x = _direction(x)
    of_y = of_x if y is x else _direction(y)
    d = ops.clip(0.5 - product(of_x, ops.swapaxes(of_y, -1, -2)) / 2, 0, 1)
    equal = ops.all(ops.expand_dims(x, -2) == ops.expand_dims(y, -3), axis=-1)
    return ops.where(equal, 0, d)


def euclidean(x: Any, y: Any) -> Any:
    """`euclidean_distance` of (..., N, C) and (..., M, C) in at least float32: (..., N, M)."""
    return norm(ops.expand_dims(x, -2) - ops.expand_dims(y, -3))


def unit(x: Any) -> Any:
    """The direction x / |x| of every row, without overflow or underflow; the zero vector stays zero, with gradient 0.

    Args:
        x: Vectors, (N, C), floating.

    Returns:
        Directions, (N, C), in float32 (float64 for float64 rows).

    Raises:
        ValueError: If x is not a floating matrix.
    """
    return _direction(floating("x", x))


def norm(v: Any) -> Any:
    """|v| over the last axis, without overflow or underflow; 0 with gradient zero for the zero vector.

    Args:
        v: Vectors, (..., C), floating.

    Returns:
        Lengths, (...).
    """
    scaled, scale = _scaled(v)
    return ops.squeeze(scale, -1) * _length(scaled)


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    x, y = floating("x", x), floating("y", y)
    if None not in (x.shape[1], y.shape[1]) and x.shape[1] != y.shape[1]:
        raise ValueError(
            f"The rows of `x` and `y` must have the same length. Received: shapes {tuple(x.shape)} and {tuple(y.shape)}"
        )
    return x, y


def _direction(x: Any) -> Any:
    scaled, _ = _scaled(x)
    length = _length(scaled)
    return scaled / ops.expand_dims(ops.where(length > 0, length, 1), -1)


def _scaled(v: Any) -> tuple[Any, Any]:
    """Returns v over its largest magnitude, and that magnitude, which needs no gradient since length is linear.

    For a zero vector neither has a gradient.
    """
    # An empty maximum needs an `initial`, which on PyTorch (Keras 3.15) is on the CPU, wherever v is.
    initial = None if keras.backend.backend() == "torch" and 0 not in v.shape else 0
    largest = ops.stop_gradient(ops.max(ops.abs(v), axis=-1, keepdims=True, initial=initial))
    zero = largest == 0
    scale = ops.where(zero, 1, largest)
    return ops.where(zero, 0, v) / scale, scale


def _length(scaled: Any) -> Any:
    square = ops.sum(ops.square(scaled), axis=-1)
    positive = square > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, square, 1)), square)
