"""Checks of the numbers that losses are given: what was expected, then what was received.

JAX cuts integers to 32 bits unless `jax_enable_x64` is set, silently: labels that are equal modulo 2^32 would be one.
What is no tensor yet is therefore looked at, and numbered or refused, before it becomes one.
"""

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


def numbered(labels: Any) -> Any:
    """Labels, equal where they are: of integers that are no tensor yet, their places among all that there are."""
    numbers = outside_of_tensors(labels)
    if numbers is None or numbers.dtype.kind not in "iu":
        return labels
    return np.unique(numbers, return_inverse=True)[1].reshape(numbers.shape).astype("int32")


def integers(name: str, value: Any, length: int, because: str) -> Any:
    """A vector of `length` integers.

    Raises:
        ValueError: If they are not integers, or not so many.
    """
    value = tensor_of_labels(name, value)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if tuple(value.shape) == (0,) and "int" not in dtype:
        value = ops.cast(value, "int32")  # an empty list has no integers to speak of; it comes as floating
    elif "int" not in dtype:
        raise ValueError(f"`{name}` must hold integers. Received: dtype {dtype} with shape {tuple(value.shape)}")
    return shaped(name, value, (length,), because)


def tensor_of_labels(name: str, value: Any) -> Any:
    """The tensor; ValueError if there is none because these are no numbers, or larger than 64 bits."""
    numbers = outside_of_tensors(value)
    if numbers is not None and numbers.dtype.kind not in "iufb":
        raise ValueError(f"`{name}` must be integers of 64 bits. Received: dtype {numbers.dtype}, {value!r}")
    return ops.convert_to_tensor(value if numbers is None else numbers)


def outside_of_tensors(value: Any) -> np.ndarray | None:
    """The numbers of a list, of an array or of another framework's tensor; None of a tensor of the backend."""
    if ops.is_tensor(value) or isinstance(value, keras.KerasTensor):
        return None
    return known(value)


def outside(numbers: np.ndarray, end: int) -> bool:
    """Whether any is not in [0, end)."""
    return bool(((numbers < 0) | (numbers >= end)).any())


def known(value: Any) -> np.ndarray | None:
    """The numbers, or None where there are none yet, because a function is being traced."""
    try:
        return np.asarray(ops.convert_to_numpy(value))
    except (NotImplementedError, TypeError):  # of a symbolic tensor, and of a tracer
        return None
