"""The Keras configuration for this package's own models and runs, whatever the user's `keras.json` says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


@contextmanager
def own_configuration(dtype: Any = "float32") -> Iterator[None]:
    """Within this context, Keras has its default configuration: channels last, float32, an epsilon of 1e-7.

    Layers created within it keep their data format and dtype. Inputs, losses, metrics, random numbers and learning rate
    schedules do not: they read the configuration whenever they run.

    Args:
        dtype: Dtype policy within the context. If its variables are float64, the default float type is too.
    """
    policy = keras.dtype_policies.get(dtype)
    before = keras.config.image_data_format(), keras.config.floatx(), keras.config.epsilon()
    policy_before = keras.config.dtype_policy()
    try:
        _configure("channels_last", widest(policy), 1e-7)
        keras.config.set_dtype_policy(policy)
        yield
    finally:
        _configure(*before)
        keras.config.set_dtype_policy(policy_before)


def _configure(data_format: str, floatx: str, epsilon: float) -> None:
    keras.config.set_image_data_format(data_format)
    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)


def widest(policy: keras.DTypePolicy) -> str:
    """The dtype of computations that must not lose digits: float64 if the policy's variables are, else float32."""
    return "float64" if policy.variable_dtype == "float64" else "float32"


def check_tensorflow(what: str) -> None:
    """Refuse to start what only TensorFlow can do.

    Args:
        what: What needs TensorFlow, as the beginning of a sentence.

    Raises:
        ValueError: If Keras runs on another backend.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise ValueError(
            f"{what} on TensorFlow: set the environment variable KERAS_BACKEND=tensorflow, which wins over the "
            f"`backend` of keras.json. Received: the backend {backend!r}"
        )
