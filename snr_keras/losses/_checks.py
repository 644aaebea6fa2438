"""Checks of what MAR's losses are given: what was expected, then what was received."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


def shaped(name: str, value: Any, shape: tuple[int, ...], because: str) -> Any:
    """The tensor, of exactly this shape; `because` names the argument the shape follows from.

    Raises:
        ValueError: If it has another.
    """
    if tuple(value.shape) != shape:
        raise ValueError(f"`{name}` must have shape {shape} to match {because}. Received: shape {tuple(value.shape)}")
    return value


def integers(name: str, value: Any, length: int, because: str) -> Any:
    """A vector of `length` integers.

    Raises:
        ValueError: If they are not integers, or not so many.
    """
    value = ops.convert_to_tensor(value)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if tuple(value.shape) == (0,) and "int" not in dtype:
        value = ops.cast(value, "int32")  # an empty list has no integers to speak of; it comes as floating
    elif "int" not in dtype:
        raise ValueError(f"`{name}` must hold integers. Received: dtype {dtype} with shape {tuple(value.shape)}")
    return shaped(name, value, (length,), because)


def known(value: Any) -> np.ndarray | None:
    """The numbers, or None where there are none yet, because a function is being traced."""
    try:
        return np.asarray(ops.convert_to_numpy(value))
    except (NotImplementedError, TypeError):  # of a symbolic tensor, and of a tracer
        return None
