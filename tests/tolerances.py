"""How far two computations of the same number may be apart, derived once.

Every bound is `roundings * eps * condition`: how many roundings the computation takes, the unit roundoff of its dtype, and
by how much eqs. 1 to 5 amplify a relative error of their input. None was fitted to a result.
"""

from __future__ import annotations

import numpy as np

from snr_ref import SNRParams
from snr_ref.instance_norm import standard_deviation

EPS64 = float(np.finfo(np.float64).eps)


def forward_bound(F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5, eps: float = EPS64) -> float:
    """Absolute error of any map or embedding of SNR.

    A mean of M numbers is off by at most M eps max|F|, and so is F - mu. Eq. 1 divides that by sigma and multiplies it
    by gamma; an error in sigma counts (F - mu) / sigma <= sqrt(M) times as much. Eq. 3 takes it through two matrices
    and a sigmoid, whose slope is at most 1/4, and eq. 4 multiplies it by the residual.
    """
    c = _conditions(F, params, epsilon)
    return 4 * c.roundings * eps * c.gain * (1 + c.gate * c.residual) * c.amplitude


def gradient_bound(
    F: np.ndarray, params: SNRParams, gradient: float, *, epsilon: float = 1e-5, eps: float = EPS64
) -> float:
    """Absolute error of any gradient of SNR, where no incoming gradient exceeds `gradient`.

    The backward pass sums the incoming gradient over M pixels and N images and multiplies it by factors that are each no
    larger than the forward's condition: gain, residual, gate, and the amplitude that W1 and W2 see. Each factor carries the
    relative error of F - mu, which is eps amplitude / sigma.
    """
    c = _conditions(F, params, epsilon)
    size = gradient * F.size * c.gain * (1 + c.gate) * (1 + c.residual) * (1 + c.amplitude)
    return 4 * c.roundings * eps * (1 + c.amplitude / c.sigma) * size


def cosine_bound(channels: int, *, eps: float = EPS64) -> float:
    """Absolute error of a cosine distance: a product of two rows, each divided by its length, of `channels` terms."""
    return 4 * (channels + 4) * eps


def euclidean_bound(x: np.ndarray, *, eps: float = EPS64) -> float:
    """Absolute error of a Euclidean distance between rows of x: each difference is off by eps max|x|."""
    return 4 * (x.shape[-1] + 4) * eps * float(np.abs(x).max(initial=0))


def sum_bound(terms: int, magnitude: float, *, eps: float = EPS64) -> float:
    """Absolute error of a sum of `terms` numbers that are no larger than `magnitude`, each a few roundings old."""
    return 4 * (terms + 4) * eps * magnitude


class _Conditions:
    def __init__(self, F: np.ndarray, params: SNRParams, epsilon: float):
        pixels = F[:1, ..., :1].size
        hidden = params.w1.shape[1]
        self.roundings = pixels + F.shape[-1] + hidden + 8
        self.sigma = float(standard_deviation(F, epsilon=epsilon).min())
        self.amplitude = float(np.abs(F).max() + np.abs(params.beta).max())
        self.gain = np.sqrt(pixels) * (1 + float(np.abs(params.gamma).max()) / self.sigma)
        biases = sum(float(np.abs(b).max()) for b in (params.b1, params.b2) if b is not None)
        self.gate = (_norm(params.w1) * (1 + _norm(params.w2)) + biases) / 4
        self.residual = float(np.abs(params.gamma).max()) * np.sqrt(pixels) + 2 * self.amplitude


def _conditions(F: np.ndarray, params: SNRParams, epsilon: float) -> _Conditions:
    return _Conditions(F.astype(np.float64), params, epsilon)


def _norm(w: np.ndarray) -> float:
    """How much z @ w can exceed z: the largest sum of magnitudes of a column."""
    return float(np.abs(w).sum(axis=0).max())
