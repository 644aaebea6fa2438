"""Style restitution: eqs. 2 to 5 of the paper, and the whole module."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snr_ref._checks import feature_map, floating, matrix, non_negative, shaped
from snr_ref.elementary import affine, relu, sigmoid
from snr_ref.instance_norm import normalize, over_pixels, pool


class SNRParams(NamedTuple):
    """The trainable parameters of an SNR module, or their gradients, as `snr_vjp` returns them.

    Attributes:
        gamma: Scale of the instance norm, (C,).
        beta: Offset of the instance norm, (C,).
        w1: Weights of the first layer of the channel attention, (C, C/r), used as z @ w1.
        w2: Weights of the second layer of the channel attention, (C/r, C).
        b1: Bias of the first layer, (C/r,), or None. The paper has none; some public checkpoints do.
        b2: Bias of the second layer, (C,), or None.
    """

    gamma: np.ndarray
    beta: np.ndarray
    w1: np.ndarray
    w2: np.ndarray
    b1: np.ndarray | None = None
    b2: np.ndarray | None = None


class SNROutputs(NamedTuple):
    """Every quantity that the paper names, for one batch.

    Attributes:
        F_tilde: F~, the normalized map, (N, *S, C).
        R: The residual F - F~, (N, *S, C).
        a: The channel attention, (N, C), in (0, 1).
        R_plus: R+, the identity-relevant residual, (N, *S, C).
        R_minus: R-, the identity-irrelevant residual, (N, *S, C).
        F_plus: F~+, the restituted map, input of the next block, (N, *S, C).
        F_minus: F~-, the contaminated map, used in the loss only, (N, *S, C).
        f_tilde: f~ = beta for every image, (N, C).
        f_plus: f~+ = Pool_avg(F~+), (N, C).
        f_minus: f~- = Pool_avg(F~-), (N, C).
    """

    F_tilde: np.ndarray
    R: np.ndarray
    a: np.ndarray
    R_plus: np.ndarray
    R_minus: np.ndarray
    F_plus: np.ndarray
    F_minus: np.ndarray
    f_tilde: np.ndarray
    f_plus: np.ndarray
    f_minus: np.ndarray


@np.errstate(invalid="ignore")  # an image that holds Inf becomes NaN; the others are not affected
def snr(F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5) -> SNROutputs:
    """The SNR module: eqs. 1 to 5, literally.

    f~ is beta *by definition*. Pool_avg(F~) equals beta only up to rounding (identity (i)). At the usual initial value
    beta = 0, a pooled f~ would consist of that rounding alone, and its cosines would be random numbers.

    Args:
        F: Feature map, (N, *S, C), with one or more spatial axes S.
        params: Parameters of the module, with the same C as F.
        epsilon: Number added to the variance of the instance norm, at least 0.

    Returns:
        Every quantity that the paper names, in float64 (longdouble and complex128 keep their precision).

    Raises:
        ValueError: If F is not floating or has no spatial axis, a parameter's shape does not fit F, or
            epsilon is negative.

    Source:
        Jin et al., "Style Normalization and Restitution for Generalizable Person Re-identification", CVPR
        2020, sec. 3.
    """
    F, params = check_module(F, params)
    return equations_1_to_5(F, params, non_negative("epsilon", epsilon))


@np.errstate(invalid="ignore")
def channel_attention(
    z: np.ndarray,
    w1: np.ndarray,
    w2: np.ndarray,
    b1: np.ndarray | None = None,
    b2: np.ndarray | None = None,
) -> np.ndarray:
    """Channel attention: a = Sigmoid(W2 ReLU(W1 z)), with z = Pool_avg(R) (eq. 3).

    Args:
        z: Pooled residual, (N, C).
        w1: Weights of the first layer, (C, C/r), used as z @ w1.
        w2: Weights of the second layer, (C/r, C).
        b1: Bias of the first layer, (C/r,), or None.
        b2: Bias of the second layer, (C,), or None.

    Returns:
        a, (N, C), in (0, 1).

    Raises:
        ValueError: If an argument is not floating or its shape does not fit the others.
    """
    z = matrix("z", z, "(N, C)")
    return gate(z, *check_attention(z.shape[1], w1, w2, b1, b2, f"z of shape {z.shape}"))


def equations_1_to_5(F: np.ndarray, params: SNRParams, epsilon: float) -> SNROutputs:
    """The whole module, from F to F~+, F~- and their embeddings."""
    F_tilde = normalize(F, params.gamma, params.beta, epsilon)  # eq. 1
    R = residual(F, F_tilde)  # eq. 2
    a = gate(pool(R), params.w1, params.w2, params.b1, params.b2)  # eq. 3
    R_plus, R_minus = separate(R, a)  # eq. 4
    F_plus, F_minus = restitute(F_tilde, R_plus), restitute(F_tilde, R_minus)  # eq. 5
    f_tilde = for_each_image(params.beta, F_tilde)
    return SNROutputs(F_tilde, R, a, R_plus, R_minus, F_plus, F_minus, f_tilde, pool(F_plus), pool(F_minus))


def residual(F: np.ndarray, F_tilde: np.ndarray) -> np.ndarray:
    """R = F - F~: what the normalization removed (eq. 2)."""
    return F - F_tilde


def gate(z: np.ndarray, w1: np.ndarray, w2: np.ndarray, b1: np.ndarray | None, b2: np.ndarray | None) -> np.ndarray:
    """The channel attention a = Sigmoid(W2 ReLU(W1 z)), with z = Pool_avg(R) (eq. 3)."""
    return sigmoid(affine(relu(affine(z, w1, b1)), w2, b2))


def separate(R: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R+(:, :, k) = a_k R(:, :, k) and R-(:, :, k) = (1 - a_k) R(:, :, k) (eq. 4)."""
    a = over_pixels(a, R)
    return a * R, (1 - a) * R


def restitute(F_tilde: np.ndarray, part: np.ndarray) -> np.ndarray:
    """F~+ = F~ + R+; likewise F~- = F~ + R- (eq. 5)."""
    return F_tilde + part


def for_each_image(beta: np.ndarray, F: np.ndarray) -> np.ndarray:
    """f~ = beta for every image of F, (N, C)."""
    return np.zeros((len(F), len(beta)), F.dtype) + beta


def initial_params(
    channels: int, *, reduction: int = 16, use_bias: bool = False, seed: int | np.random.Generator
) -> SNRParams:
    """The initial parameters: gamma = 1, beta = 0, W1 he_normal, W2 glorot_uniform, biases 0.

    Args:
        channels: Number of channels C.
        reduction: Reduction ratio r; the hidden width is max(1, C // r).
        use_bias: Whether to include the biases b1 and b2; the paper has neither.
        seed: Seed or generator of the weights.

    Returns:
        The parameters, in float64.

    Raises:
        ValueError: If channels or reduction is less than 1.
    """
    if channels < 1 or reduction < 1:
        raise ValueError(
            f"`channels` and `reduction` must be at least 1. Received: channels={channels!r}, reduction={reduction!r}"
        )
    rng = np.random.default_rng(seed)
    hidden = max(1, channels // reduction)
    limit = np.sqrt(6 / (hidden + channels))
    return SNRParams(
        gamma=np.ones(channels),
        beta=np.zeros(channels),
        w1=np.sqrt(2 / channels) * _truncated_normal(rng, (channels, hidden)),
        w2=rng.uniform(-limit, limit, (hidden, channels)),
        b1=np.zeros(hidden) if use_bias else None,
        b2=np.zeros(channels) if use_bias else None,
    )


def check_module(F: np.ndarray, params: SNRParams) -> tuple[np.ndarray, SNRParams]:
    """F and the parameters as floating arrays; ValueError if a shape does not fit."""
    F = feature_map("F", F)
    because = f"F of shape {F.shape}"
    gamma = shaped("params.gamma", params.gamma, F.shape[-1:], because)
    beta = shaped("params.beta", params.beta, F.shape[-1:], because)
    weights = check_attention(F.shape[-1], params.w1, params.w2, params.b1, params.b2, because, "params.")
    return F, SNRParams(gamma, beta, *weights)


def check_attention(
    channels: int,
    w1: np.ndarray,
    w2: np.ndarray,
    b1: np.ndarray | None,
    b2: np.ndarray | None,
    because: str,
    prefix: str = "",
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The floating weights of eq. 3; ValueError, with `prefix` before their names, if a shape does not fit."""
    w1 = floating(f"{prefix}w1", w1)
    if w1.ndim != 2 or w1.shape[0] != channels or w1.shape[1] == 0:
        raise ValueError(
            f"`{prefix}w1` must have shape ({channels}, C/r) to match {because}. Received: shape {w1.shape}"
        )
    hidden = w1.shape[1]
    with_w1 = f"{because} and {prefix}w1 of shape {w1.shape}"
    w2 = shaped(f"{prefix}w2", w2, (hidden, channels), with_w1)
    if b1 is not None:
        b1 = shaped(f"{prefix}b1", b1, (hidden,), with_w1)
    if b2 is not None:
        b2 = shaped(f"{prefix}b2", b2, (channels,), because)
    return w1, w2, b1, b2


def _truncated_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers truncated at two standard deviations, then rescaled to a standard deviation of 1, as in Keras."""
    x = rng.standard_normal(shape)
    while (outside := np.abs(x) > 2).any():
        x[outside] = rng.standard_normal(np.count_nonzero(outside))
    return x / 0.87962566103423978
