"""The elementary steps that the parts share."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


class Elementary:
    """ReLU, sigmoid, softplus, log-softmax and length, in the dtype of their argument."""

    dtypes: tuple[str, ...] = ("float64", "float32", "float16")

    def _relu(self, x: Array) -> Array:
        return np.where(x <= 0, 0, x)

    def _relu_slope(self, x: Array) -> Array:
        return x > 0

    def _sigmoid(self, x: Array) -> Array:
        e = np.exp(-np.abs(x))
        return np.where(x < 0, e, 1) / (1 + e)

    def _softplus(self, x: Array) -> Array:
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def _log_softmax(self, logits: Array) -> Array:
        shifted = logits - logits.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def _norm(self, v: Array) -> Array:
        scale = np.abs(v).max(axis=-1, keepdims=True)
        scale = np.where(scale == 0, 1, scale)
        return scale[..., 0] * np.sqrt(((v / scale) ** 2).sum(axis=-1))
