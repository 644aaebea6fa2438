"""Values and gradients from whichever backend runs, as NumPy arrays."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from snr_keras.conformance import arrays
from snr_keras.conformance.arrays import MODES, to_tensor, value_and_gradients

__all__ = ["DTYPES", "MODES", "as_stored", "to_numpy", "to_tensor", "value_and_gradients"]

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)  # else it would take float64 for float32

#: What parity is tested in; on PyTorch Keras' own operations take float64 for float32.
DTYPES = ["float32", "float64", "bfloat16", "float16"]
if keras.backend.backend() == "torch":
    DTYPES.remove("float64")


def to_numpy(tensor: Any) -> np.ndarray:
    """The tensor as float64."""
    return arrays.to_numpy(tensor).astype(np.float64)


def as_stored(array: np.ndarray, dtype: str) -> np.ndarray:
    """What is left of the array in that dtype, in float64."""
    return to_numpy(to_tensor(array, dtype))
