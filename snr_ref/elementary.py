"""The elementary functions of the paper, analytic and without overflow.

Analytic means that comparisons use real parts only and nothing conjugates. A small imaginary step (a complex step)
therefore differentiates a function of a real vector to machine precision.
"""

from __future__ import annotations

import numpy as np


def affine(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """W x + b for each row x, computed as x @ w + b; W x if b is None."""
    return x @ w if b is None else x @ w + b


def relu(x: np.ndarray) -> np.ndarray:
    """ReLU(x) = max(x, 0), with relu'(0) = 0. NaN stays NaN."""
    return np.where(x.real <= 0, 0, x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Sigmoid(x) = 1 / (1 + exp(-x)), computed without positive exponents."""
    e = np.exp(-_magnitude(x))
    return np.where(x.real < 0, e, 1) / (1 + e)


def softplus(x: np.ndarray) -> np.ndarray:
    """Softplus(x) = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    positive_part = np.where(x.real < 0, 0, x)  # not ReLU, whose derivative at 0 is off by 1/2
    return positive_part + np.log1p(np.exp(-_magnitude(x)))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise log softmax(l)_k = (l_k - m) - log(sum over j of exp(l_j - m)), with m the largest logit."""
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def norm(v: np.ndarray) -> np.ndarray:
    """|v| = sqrt(sum over the last axis of v^2), without overflow or underflow; the derivative at 0 is 0."""
    largest = np.abs(v.real).max(axis=-1, keepdims=True)
    scale = np.where(largest == 0, 1, largest)
    length = scale * np.sqrt(((v / scale) ** 2).sum(axis=-1, keepdims=True))
    return np.where(largest == 0, 0, length)[..., 0]


def _magnitude(x: np.ndarray) -> np.ndarray:
    """|x|, analytically."""
    return np.where(x.real < 0, -x, x)
