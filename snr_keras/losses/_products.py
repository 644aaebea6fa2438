"""Products of matrices that keep the digits of their dtype on every device."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def product(x: Any, y: Any) -> Any:
    """The matrix product x y, in all digits of float32.

    GPUs round the factors of float32 to TF32's ten bits unless they are told not to, and two cosines of which the
    losses take the difference agree in more than that. JAX has a switch for a product, TensorFlow one for the whole
    process, hence float64 there. PyTorch does not round unless its user says so.

    Args:
        x: (..., C), floating.
        y: (C, M), of the same dtype.

    Returns:
        (..., M), of that dtype.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            return ops.matmul(x, y)
    if backend == "tensorflow" and keras.backend.standardize_dtype(x.dtype) == "float32":
        return ops.cast(ops.matmul(ops.cast(x, "float64"), ops.cast(y, "float64")), "float32")
    return ops.matmul(x, y)
