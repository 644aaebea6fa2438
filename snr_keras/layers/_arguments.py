"""Types of the layers' arguments, and checks of those that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras

from snr_keras.scalars import is_integer, is_number

Initializer: TypeAlias = keras.initializers.Initializer | Callable[..., Any] | str | dict[str, Any]
"""An initializer: an object, a function of a shape and a dtype, a name in Keras, or a configuration."""

Regularizer: TypeAlias = keras.regularizers.Regularizer | Callable[[Any], Any] | str | dict[str, Any] | None
"""A regularizer: an object, a function of the weights, a name in Keras, a configuration, or None."""

Constraint: TypeAlias = keras.constraints.Constraint | Callable[[Any], Any] | str | dict[str, Any] | None
"""A constraint: an object, a function of the weights, a name in Keras, a configuration, or None."""


def positive_integer(name: str, value: Any) -> int:
    """The value as a Python integer of at least 1; ValueError if it is not one."""
    if not is_integer(value) or value < 1:
        raise ValueError(f"Argument `{name}` must be a positive integer. Received: {name}={value!r}")
    return int(value)


def positive_number(name: str, value: Any) -> float:
    """The value as a Python number above 0; ValueError if it is not one."""
    if not is_number(value) or value <= 0:
        raise ValueError(f"Argument `{name}` must be a positive number. Received: {name}={value!r}")
    return float(value)
