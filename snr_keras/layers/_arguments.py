"""What the layers' arguments may be, and checks of those that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras

from snr_keras.scalars import is_integer, is_number

Initializer: TypeAlias = keras.initializers.Initializer | Callable[..., Any] | str | dict[str, Any]
"""Of weights: an object, a function of a shape and a dtype, the name of one in Keras, or its configuration."""

Regularizer: TypeAlias = keras.regularizers.Regularizer | Callable[[Any], Any] | str | dict[str, Any] | None
"""A penalty on weights: an object, a function of the weights, the name of one in Keras, its configuration, or none."""

Constraint: TypeAlias = keras.constraints.Constraint | Callable[[Any], Any] | str | dict[str, Any] | None
"""What weights are projected on after an update: likewise."""


def positive_integer(name: str, value: Any) -> int:
    """An integer of at least 1, as Python's own; ValueError if it is none."""
    if not is_integer(value) or value < 1:
        raise ValueError(f"Argument `{name}` must be a positive integer. Received: {name}={value!r}")
    return int(value)


def positive_number(name: str, value: Any) -> float:
    """A number above 0, as Python's own; ValueError if it is none."""
    if not is_number(value) or value <= 0:
        raise ValueError(f"Argument `{name}` must be a positive number. Received: {name}={value!r}")
    return float(value)
