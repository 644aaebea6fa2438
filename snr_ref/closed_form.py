"""The closed form of eqs. 1 to 5: SNR is one affine map per image and channel.

With g = gamma / sigma and z = mu - beta:

    (i)    Pool_avg(F~)  = beta                      for every image
    (ii)   Pool_avg(R)   = mu - beta = z             so a needs only the channel means
    (iii)  F~+ = s (F - mu) + f~+      s  = a + (1 - a) g
    (iv)   F~- = s' (F - mu) + f~-     s' = (1 - a) + a g
    (v)    f~+ = beta + a z,    f~- = beta + (1 - a) z,    f~+ + f~- = beta + mu
    (vi)   F~+ + F~- = F + F~
    (vii)  a -> 1 gives F~+ = F (the module vanishes); a -> 0 gives F~+ = F~ (plain instance norm)
    (viii) every element of F~+ and F~- lies between F and F~
"""

from __future__ import annotations

import numpy as np

from snr_ref._checks import non_negative
from snr_ref.instance_norm import centred, over_pixels, pool, standard_deviation
from snr_ref.restitution import SNRParams, check_module, for_each_image, gate


@np.errstate(invalid="ignore")  # an image that holds Inf becomes NaN; the others are not affected
def snr_closed_form(
    F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The outputs of `snr`, computed from the statistics of F and one affine map: identities (i), (ii), (iii) and (v).

    The map is centred, s (F - mu) + f~+. Folding mu into an offset is the same algebra but multiplies the rounding
    error of mu by s. On 1x1 maps and constant channels F - mu is 0, and s may be in the hundreds.

    Args:
        F: Feature map, (N, *S, C), with one or more spatial axes S.
        params: Parameters of the module, with the same C as F.
        epsilon: Number added to the variance of the instance norm, at least 0.

    Returns:
        F~+, (N, *S, C), then f~, f~+ and f~-, each (N, C).

    Raises:
        ValueError: If F is not floating or has no spatial axis, a parameter's shape does not fit F, or
            epsilon is negative.
    """
    F, params = check_module(F, params)
    return affine_map(F, params, non_negative("epsilon", epsilon))


def affine_map(
    F: np.ndarray, params: SNRParams, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """F~+, f~, f~+ and f~-, from mu and sigma alone."""
    gamma, beta, w1, w2, b1, b2 = params
    z = pooled_residual(F, beta)
    a = gate(z, w1, w2, b1, b2)
    F_plus = restituted(F, a, gamma, beta, epsilon)
    return F_plus, for_each_image(beta, F_plus), restituted_mean(z, a, beta), restituted_mean(z, 1 - a, beta)


def pooled_residual(F: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The pooled residual z = Pool_avg(R) = mu - beta (identity (ii))."""
    return pool(F) - beta


def restituted(F: np.ndarray, a: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> np.ndarray:
    """F~+ = s (F - mu) + f~+ (identity (iii)); with 1 - a in place of a, F~- (identity (iv))."""
    s = scale(a, gamma / standard_deviation(F, epsilon))
    f_plus = restituted_mean(pooled_residual(F, beta), a, beta)
    return over_pixels(s, F) * centred(F) + over_pixels(f_plus, F)


def scale(a: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The scale s = a + (1 - a) g, between 1 and g = gamma / sigma."""
    return a + (1 - a) * g


def restituted_mean(z: np.ndarray, a: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """f~+ = beta + a z; with 1 - a in place of a, f~-; the two sum to beta + mu (identity (v))."""
    return beta + a * z
