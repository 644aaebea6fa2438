"""By how much rounding may move each number that the SNR layer computes: its formulas in running-error arithmetic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snr_ref import SNRParams
from snr_ref.conformance.running_error import Rounded, exact


class SNRBounds(NamedTuple):
    """Bounds of the absolute error of each output and gradient, with maps flattened to (N, M, C)."""

    F_plus: np.ndarray
    f_plus: np.ndarray
    f_minus: np.ndarray
    F: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    w1: np.ndarray
    w2: np.ndarray
    b1: np.ndarray
    b2: np.ndarray


def snr_bounds(
    F: np.ndarray,
    params: SNRParams,
    cotangents: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    *,
    epsilon: float,
    u: float,
    stored_u: float,
    underflow: float,
) -> SNRBounds:
    """The closed form and its backward pass, with every rounding accounted for.

    Args:
        F: (N, M, C).
        params: Parameters, with both biases.
        cotangents: What reaches F~+ (N, M, C), f~, f~+ and f~- (N, C).
        epsilon: As in the layer.
        u: Unit roundoff of what the layer computes in.
        stored_u: Unit roundoff of the dtype of F and F~+.
        underflow: What numbers too small for that precision may lose.
    """
    gamma, beta, w1, w2, b1, b2 = (exact(p, u) for p in params)
    G, grad_f_tilde, grad_f_plus, grad_f_minus = (exact(g, u) for g in cotangents)
    mu, variance = _moments(F, u)
    centred = exact(F, u) - mu[:, None]
    M = exact(F.shape[1], u)
    one = exact(1, u)

    inverse_sigma = (variance + exact(epsilon, u)).rsqrt(least=epsilon * (1 - u))
    z, g = mu - beta, gamma * inverse_sigma
    hidden = z @ w1 + b1
    logits = hidden.relu() @ w2 + b2
    a, rest = logits.sigmoid(), (-logits).sigmoid()
    f_plus, f_minus = beta + a * z, beta + rest * z
    s = a + rest * g
    F_plus = s[:, None] * centred + f_plus[:, None]

    S1, S2 = G.sum(1), (G * centred).sum(1)
    p, q = S1 + grad_f_plus, grad_f_minus
    grad_logits = (S2 * (one - g) + (p - q) * z) * a * rest
    grad_hidden = (grad_logits @ w2.T).where_positive(hidden)
    grad_z = a * p + rest * q + grad_hidden @ w1.T
    A = -rest * S2 * g * (inverse_sigma * inverse_sigma) / M
    grad_F = s[:, None] * G + A[:, None] * centred + ((grad_z - s * S1) / M)[:, None]
    return SNRBounds(
        F_plus=F_plus.stored(stored_u, underflow).error,
        f_plus=f_plus.error,
        f_minus=f_minus.error,
        F=grad_F.stored(stored_u, underflow).error,
        gamma=(rest * S2 * inverse_sigma).sum(0).error,
        beta=((p + q - grad_z).sum(0) + grad_f_tilde.sum(0)).error,
        w1=(z.T @ grad_hidden).error,
        w2=(hidden.relu().T @ grad_logits).error,
        b1=grad_hidden.sum(0).error,
        b2=grad_logits.sum(0).error,
    )


def _moments(F: np.ndarray, u: float) -> tuple[Rounded, Rounded]:
    """Mean and variance over the pixels, computed in two passes.

    The mean of the first pass is off by `off`. The second pass measures that from the differences to it, which are no
    larger than the deviations and `off`; what is left of `off` is their rounding.
    """
    M = F.shape[1]
    mean, variance = F.mean(1), F.var(1)
    off = (M + 1) * u * np.abs(F).mean(1)
    deviation = np.abs(F - mean[:, None]).mean(1) + off
    left = (M + 2) * u * deviation
    mu = Rounded(mean, left + u * (np.abs(mean) + left), u)
    square = variance + off**2
    return mu, Rounded(variance, (M + 4) * u * square + 2 * off * left + left**2 + 2 * u * off**2, u)
