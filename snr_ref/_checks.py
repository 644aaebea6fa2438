"""Checks of the caller's arguments; every error says what was expected, then what was received."""

from __future__ import annotations

from typing import Any

import numpy as np


def floating(name: str, value: Any) -> np.ndarray:
    """The array, in the precision in which the reference computes.

    Args:
        name: Name of the argument, for the error.
        value: Anything that NumPy reads as floating-point numbers. float16, float32 and bfloat16 are widened to
            float64, complex64 to complex128; float64, longdouble, complex128 and clongdouble pass through
            unchanged.

    Returns:
        The array. It may be the caller's own; the reference never writes to it.

    Raises:
        ValueError: If `value` holds integers, booleans or anything else that is not a floating-point number.
    """
    array = np.asarray(value)
    if array.dtype.kind == "V" and "float" in array.dtype.name:  # bfloat16, which other packages register
        return array.astype(np.float64)
    if array.dtype.kind not in "fc":
        raise ValueError(
            f"`{name}` must hold floating-point numbers. Received: dtype {array.dtype} with shape {array.shape}"
        )
    return array.astype(np.result_type(array.dtype, np.float64), copy=False)


def feature_map(name: str, value: Any) -> np.ndarray:
    """A floating array of shape (N, *S, C), with at least one spatial axis, one pixel and one channel."""
    array = floating(name, value)
    if array.ndim < 3:
        raise ValueError(
            f"`{name}` must be channels-last, of shape (N, *S, C) with at least one spatial axis. "
            f"Received: shape {array.shape}"
        )
    if 0 in array.shape[1:]:
        raise ValueError(f"`{name}` must have at least one pixel and one channel. Received: shape {array.shape}")
    return array


def matrix(name: str, value: Any, meaning: str) -> np.ndarray:
    """A floating array of rank 2 with at least one column; `meaning` names its axes, such as "(N, C)"."""
    array = floating(name, value)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"`{name}` must have shape {meaning}. Received: shape {array.shape}")
    return array


def shaped(name: str, value: Any, shape: tuple[int, ...], because: str) -> np.ndarray:
    """A floating array of exactly this shape; `because` names the argument that requires the shape."""
    array = floating(name, value)
    if array.shape != shape:
        raise ValueError(f"`{name}` must have shape {shape} to match {because}. Received: shape {array.shape}")
    return array


def integer_labels(name: str, value: Any, length: int, because: str) -> np.ndarray:
    """A vector of `length` integers, of any sign and size."""
    array = np.asarray(value)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.int64)  # NumPy makes an empty list float64
    if array.dtype.kind not in "iu":
        raise ValueError(f"`{name}` must hold integers. Received: dtype {array.dtype} with shape {array.shape}")
    if array.shape != (length,):
        raise ValueError(f"`{name}` must have shape {(length,)} to match {because}. Received: shape {array.shape}")
    return array


def non_negative(name: str, value: Any) -> float:
    """A finite number of at least 0."""
    if isinstance(value, bool) or not np.isscalar(value) or not np.isreal(value) or isinstance(value, str):
        raise ValueError(f"`{name}` must be a number of at least 0. Received: {value!r}")
    if not 0 <= value < np.inf:  # type: ignore[operator]
        raise ValueError(f"`{name}` must be a finite number of at least 0. Received: {value!r}")
    return value  # type: ignore[return-value]


def fraction(name: str, value: Any) -> float:
    """A number above 0 and at most 1."""
    if not non_negative(name, value) or value > 1:
        raise ValueError(f"`{name}` must be above 0 and at most 1. Received: {value!r}")
    return value
