"""The elementary steps that all parts share: the book's own functions, as methods that a mistake may replace."""

from __future__ import annotations

import numpy as np

from snr_ref.elementary import affine, log_softmax, relu, sigmoid, softplus

Array = np.ndarray


class Elementary:
    """W x + b, ReLU, sigmoid, softplus and log-softmax, in the dtype of their argument."""

    dtypes: tuple[str, ...] = ("float64", "float32", "float16")

    def _affine(self, x: Array, w: Array, b: Array | None) -> Array:
        return affine(x, w, b)

    def _relu(self, x: Array) -> Array:
        return relu(x)

    def _relu_slope(self, x: Array) -> Array:
        return x > 0

    def _sigmoid(self, x: Array) -> Array:
        return sigmoid(x)

    def _softplus(self, x: Array) -> Array:
        return softplus(x)

    def _log_softmax(self, logits: Array) -> Array:
        return log_softmax(logits)
