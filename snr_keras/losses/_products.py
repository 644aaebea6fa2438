"""Matrix products with the full precision of their dtype on every device."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def product(x: Any, y: Any) -> Any:
    """The matrix product x y, in the full precision of float32.

    By default GPUs round float32 factors to the ten bits of TF32, which is coarser than the differences of cosines in
    the losses. JAX has a switch for a single product, TensorFlow one for the whole process, so there float64 is used.
    PyTorch does not round unless the user says so.

    Args:
        x: Left factor, (..., C), floating.
        y: Right factor, (C, M) or (..., C, M), of the same dtype.

    Returns:
        Product, (..., M), of the same dtype.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            return ops.matmul(x, y)
    if backend == "tensorflow" and keras.backend.standardize_dtype(x.dtype) == "float32":
        return ops.cast(ops.matmul(ops.cast(x, "float64"), ops.cast(y, "float64")), "float32")
    return ops.matmul(x, y)
