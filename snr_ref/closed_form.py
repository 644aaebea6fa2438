"""What follows from eqs. 1 to 5: SNR is one affine map per image and channel.

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

from snr_ref._checks import feature_map, shaped
from snr_ref.instance_norm import mean_pool, over_pixels, standard_deviation
from snr_ref.restitution import SNRParams, channel_attention, check_module


@np.errstate(invalid="ignore")  # an image that holds Inf comes out as NaN; the others are untouched
def snr_closed_form(
    F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `snr` gives, from the statistics of F and one affine map: identities (i), (ii), (iii) and (v).

    The map is centred, s (F - mu) + f~+. Folding mu into an offset is the same algebra, and multiplies the
    rounding of mu by s on 1x1 maps and constant channels, where F - mu is 0 and s may be in the hundreds.

    Args:
        F: Feature map, (N, *S, C), with one or more spatial axes S.
        params: The module's parameters; their C must be that of F.
        epsilon: Added to the variance of the instance norm.

    Returns:
        F~+ of the shape of F, then f~, f~+ and f~-, each (N, C).

    Raises:
        ValueError: If F is not floating or has no spatial axis, a parameter's shape does not fit F, or
            epsilon is negative.
    """
    F, params = check_module(F, params)
    z = pooled_residual(F, params.beta)
    a = channel_attention(z, params.w1, params.w2, params.b1, params.b2)
    F_plus = restituted(F, a, params.gamma, params.beta, epsilon=epsilon)
    f_tilde = np.zeros(a.shape, F_plus.dtype) + params.beta
    return F_plus, f_tilde, restituted_mean(z, a, params.beta), restituted_mean(z, 1 - a, params.beta)


@np.errstate(invalid="ignore")
def pooled_residual(F: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The pooled residual, z = Pool_avg(R) = mu - beta (identity (ii)).

    Args:
        F: Feature map, (N, *S, C).
        beta: (C,).

    Returns:
        z, (N, C).

    Raises:
        ValueError: If F is not a floating feature map or beta does not have shape (C,).
    """
    mu = mean_pool(F)
    return mu - shaped("beta", beta, mu.shape[1:], f"F of shape {np.shape(F)}")


@np.errstate(invalid="ignore")
def restituted(
    F: np.ndarray, a: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, epsilon: float = 1e-5
) -> np.ndarray:
    """F~+ = s (F - mu) + f~+, with s = a + (1 - a) g (identity (iii)).

    F~- is the same with 1 - a for a (identity (iv)); a = 1 gives F and a = 0 gives F~ (identity (vii)).

    Args:
        F: Feature map, (N, *S, C).
        a: Channel attention, (N, C).
        gamma: (C,).
        beta: (C,).
        epsilon: Added to the variance of the instance norm.

    Returns:
        F~+, of the shape of F.

    Raises:
        ValueError: If F is not a floating feature map or another shape does not fit it.
    """
    F = feature_map("F", F)
    mu, z = mean_pool(F), pooled_residual(F, beta)
    a = shaped("a", a, mu.shape, f"F of shape {F.shape}")
    s = scale(a, gamma / standard_deviation(F, epsilon=epsilon))
    return over_pixels(s, F) * (F - over_pixels(mu, F)) + over_pixels(restituted_mean(z, a, beta), F)


def scale(a: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The scale s = a + (1 - a) g, between 1 and g.

    Args:
        a: Channel attention, (N, C).
        g: gamma / sigma, (N, C).

    Returns:
        s, (N, C).
    """
    return a + (1 - a) * g


@np.errstate(invalid="ignore")
def restituted_mean(z: np.ndarray, a: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """f~+ = beta + a z; with 1 - a for a it is f~-, and the two sum to beta + mu (identity (v)).

    Args:
        z: mu - beta, (N, C).
        a: Channel attention, (N, C).
        beta: (C,).

    Returns:
        f~+, (N, C).
    """
    return beta + a * z
