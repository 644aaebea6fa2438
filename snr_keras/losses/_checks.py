"""Checks of the losses' arguments; every error says what was expected, then what was received.

JAX silently cuts integers to 32 bits unless `jax_enable_x64` is set: labels that are equal modulo 2^32 would become
one. Labels that are not tensors yet are therefore checked, and renumbered or refused, before they become tensors.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


def shaped(name: str, value: Any, shape: tuple[int, ...], because: str) -> Any:
    """The tensor, of exactly this shape; `because` names the argument that requires the shape.

    Raises:
        ValueError: If it has another shape.
    """
    if tuple(value.shape) != shape:
        raise ValueError(f"`{name}` must have shape {shape} to match {because}. Received: shape {tuple(value.shape)}")
    return value


def numbered(labels: Any) -> Any:
    """Labels with the same equalities: for integers outside tensors, their ranks among the distinct ones."""
    numbers = outside_of_tensors(labels)
    if numbers is None or numbers.dtype.kind not in "iu":
        return labels
    return np.unique(numbers, return_inverse=True)[1].reshape(numbers.shape).astype("int32")


def integers(name: str, value: Any, length: int, because: str) -> Any:
    """A vector of `length` integers.

    Raises:
        ValueError: If they are not integers, or not `length`.
    """
    value = tensor_of_labels(name, value)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if tuple(value.shape) == (0,) and "int" not in dtype:
        value = ops.cast(value, "int32")  # an empty list comes as floating
    elif "int" not in dtype:
        raise ValueError(f"`{name}` must hold integers. Received: dtype {dtype} with shape {tuple(value.shape)}")
    return shaped(name, value, (length,), because)


def tensor_of_labels(name: str, value: Any) -> Any:
    """The tensor; ValueError if the values are not numbers, or are integers of more than 64 bits."""
    numbers = outside_of_tensors(value)
    if numbers is not None and numbers.dtype.kind not in "iufb":
        raise ValueError(f"`{name}` must be integers of 64 bits. Received: dtype {numbers.dtype}, {value!r}")
    return ops.convert_to_tensor(value if numbers is None else numbers)


def outside_of_tensors(value: Any) -> np.ndarray | None:
    """The numbers of a list, an array or another framework's tensor; None for a tensor of the backend."""
    if ops.is_tensor(value) or isinstance(value, keras.KerasTensor):
        return None
    return known(value)


def outside(numbers: np.ndarray, end: int) -> bool:
    """Whether any number is not in [0, end)."""
    return bool(((numbers < 0) | (numbers >= end)).any())


def known(value: Any) -> np.ndarray | None:
    """The numbers, or None while a function is being traced."""
    try:
        return np.asarray(ops.convert_to_numpy(value))
    except (NotImplementedError, TypeError):  # a symbolic tensor or a tracer
        return None
