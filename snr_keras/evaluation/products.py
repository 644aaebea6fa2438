"""Products of embeddings, where evaluation spends most of its time: by NumPy, or on the backend's GPU."""

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from snr_keras.devices import on_cpu


def multiply(x: NDArray, y: NDArray, out: NDArray) -> None:
    """Write the inner products of all rows of x, (B, D), with all of y, (C, D), into a (B, C) array of their dtype.

    If the backend has a GPU, they are computed there, in float64 whatever the dtype: a GPU may round the factors of
    float32 products to half precision. On JAX this needs `jax_enable_x64`.
    """
    if not _wide_gpu():
        np.matmul(x, y.T, out=out)
        return
    columns = ops.cast(ops.convert_to_tensor(y), "float64")
    out[:] = ops.convert_to_numpy(ops.matmul(ops.cast(ops.convert_to_tensor(x), "float64"), ops.transpose(columns)))


def _wide_gpu() -> bool:
    """Whether the backend's default device is a GPU on which float64 stays float64."""
    return not on_cpu() and keras.backend.standardize_dtype(ops.zeros((), "float64").dtype) == "float64"
