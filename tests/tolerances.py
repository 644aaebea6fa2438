"""How far two computations of the same number may be apart, derived once.

Every bound is `roundings * eps * condition`: how many roundings the computation takes, the unit roundoff of its dtype,
and by how much eqs. 1 to 5 amplify a relative error of their input. None was fitted to a result.
"""

from __future__ import annotations

import numpy as np

from snr_ref import SNRParams
from snr_ref.instance_norm import standard_deviation

EPS64 = float(np.finfo(np.float64).eps)


def forward_bound(F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5, eps: float = EPS64) -> float:
    """Absolute error of any map or embedding of SNR.

    A mean of M numbers is off by at most M eps max|F|, and so is F - mu. Eq. 1 divides that by sigma and multiplies it
    by gamma; an error in sigma counts (F - mu) / sigma <= sqrt(M) times as much. Eq. 4 multiplies the error of the
    attention by the residual.
    """
    c = _Conditions(F, params, epsilon)
    attention = attention_bound(F, params, epsilon=epsilon, eps=eps)
    return 4 * c.roundings * eps * c.gain * c.amplitude + attention * c.residual


def attention_bound(F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5, eps: float = EPS64) -> float:
    """Absolute error of the channel attention.

    The logits round relative to their own size and carry the error of z through W1 and W2; the slope of the sigmoid is
    at most 1/4.
    """
    c = _Conditions(F, params, epsilon)
    return 4 * c.roundings * eps * (1 + (c.logits + c.weights * c.gain * c.amplitude) / 4)


def gradient_bound(
    F: np.ndarray, params: SNRParams, gradient: float, *, epsilon: float = 1e-5, eps: float = EPS64
) -> float:
    """Absolute error of any gradient of SNR, where no incoming gradient exceeds `gradient`.

    The backward pass sums the incoming gradient over M pixels and N images and multiplies it by factors that are each
    no larger than the forward's: gain, residual, weights, and the logits. Each factor carries the relative error of
    F - mu, which is eps amplitude / sigma.
    """
    c = _Conditions(F, params, epsilon)
    size = gradient * F.size * c.gain * (1 + c.weights) * (1 + c.residual) * (1 + c.logits + c.amplitude)
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
    """What eqs. 1 to 5 multiply an error by."""

    def __init__(self, F: np.ndarray, params: SNRParams, epsilon: float):
        F = F.astype(np.float64)
        gamma, beta, w1, w2, b1, b2 = (0.0 if p is None else np.abs(p.astype(np.float64)) for p in params)
        pixels = F[:1, ..., :1].size
        self.roundings = pixels + sum(w1.shape) + 8
        self.sigma = float(standard_deviation(F, epsilon=epsilon).min())
        self.amplitude = float(np.abs(F).max() + beta.max())  # of F, F~ - gamma (F - mu) / sigma, and z
        self.gain = float(np.sqrt(pixels) * (1 + gamma.max() / self.sigma))
        self.residual = float(gamma.max() * np.sqrt(pixels) + 2 * self.amplitude)
        self.weights = float(w1.sum(axis=0).max() * w2.sum(axis=0).max())
        hidden = w1.sum(axis=0).max() * self.amplitude + np.max(b1)
        self.logits = float(hidden * w2.sum(axis=0).max() + np.max(b2))


def restitution_bounds(rows: int, classes: int, logit_error: float, *, eps: float = EPS64) -> tuple[float, float]:
    """Absolute errors of L+ or L-, and of the gradient in a logit, from logits that are off by `logit_error`.

    With K classes, the slopes p_k (log p_k + h) of an entropy sum to at most 2 ln K in magnitude, and change by at most
    4 (1 + ln K) times as much as the logits. Of K terms p log p, none of which magnifies its rounding by more than
    |log p|, an entropy takes 4 (K + 8) roundings of a number below 1 + ln K. A mean over the rows sums as many of them,
    softplus has a slope of at most 1, and the sigmoid that weighs the slopes one of at most 1/4; a row has the share
    1 / rows of its gradient, in which the weights of L+ and L- may meet.
    """
    size = 1 + float(np.log(classes))
    rounding = 4 * (classes + 8) * eps * size
    value = 2 * (2 * size * logit_error + rounding) + (rows + 8) * eps * size
    gradient = (4 * size * logit_error + rounding + size * (value + 8 * eps)) / rows
    return value, 2 * gradient


def logit_bound(f: np.ndarray, w: np.ndarray, b: np.ndarray | None, *, eps: float = EPS64) -> float:
    """Absolute error of f W + b, a sum of C products and a bias."""
    largest = (np.abs(f) @ np.abs(w)).max(initial=0) + (0 if b is None else np.abs(b).max())
    return (w.shape[0] + 2) * eps * float(largest)
