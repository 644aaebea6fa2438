"""Values and gradients from whichever backend runs, as NumPy arrays."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from snr_keras.conformance import arrays
from snr_keras.conformance.arrays import MODES, to_tensor, value_and_gradients

__all__ = [
    "DTYPES",
    "DTYPES_AND_MODES",
    "MODES",
    "as_stored",
    "to_numpy",
    "to_tensor",
    "value_and_gradients",
]

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)  # else it would take float64 for float32

#: What parity is tested in; on PyTorch Keras' own operations take float64 for float32.
DTYPES = ["float32", "float64", "bfloat16", "float16"]
if keras.backend.backend() == "torch":
    DTYPES.remove("float64")

#: Each dtype with the modes that parity is asked in. To compile takes a second and 20 MB for each function and dtype,
#: so that what the other dtypes come to in compiled functions is left to the slow tests.
DTYPES_AND_MODES = [
    *(pytest.param(dtype, MODES if dtype == "float32" else MODES[:1], id=dtype) for dtype in DTYPES),
    *(
        pytest.param(dtype, MODES[1:], id=f"{dtype}-compiled", marks=pytest.mark.slow)
        for dtype in DTYPES
        if dtype != "float32" and MODES[1:]
    ),
]


def to_numpy(tensor: Any) -> np.ndarray:
    """The tensor as float64."""
    return arrays.to_numpy(tensor).astype(np.float64)


def as_stored(array: np.ndarray, dtype: str) -> np.ndarray:
    """The array rounded to that dtype, in float64."""
    return to_numpy(to_tensor(array, dtype))
