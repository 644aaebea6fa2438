"""The backward pass of the module and its losses, in closed form.

A `..._vjp` returns the gradients of a function's arguments, given the gradient of its result (a vector-Jacobian
product). A `..._gradient` differentiates a loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from snr_ref._checks import feature_map, matrix, non_negative, shaped
from snr_ref.closed_form import pooled_residual, scale
from snr_ref.distances import (
    check_pair,
    cosine,
    cosine_distance,
    directions,
    equal_rows,
    euclidean,
    euclidean_distance,
)
from snr_ref.dual_causality import Distance, check_embeddings, check_triplets, draws
from snr_ref.elementary import affine, log_softmax, norm, relu, sigmoid
from snr_ref.instance_norm import centred, over_pixels, spatial_axes, standard_deviation
from snr_ref.reid_losses import (
    check_features,
    check_logits,
    check_margin,
    check_smoothing,
    hardest_triplets,
    smoothed_targets,
)
from snr_ref.restitution import SNRParams, check_attention, check_module, gate


@np.errstate(invalid="ignore")  # an image that holds Inf has gradient NaN; the others are not affected
def snr_vjp(
    F: np.ndarray,
    params: SNRParams,
    grad_F_plus: np.ndarray | None,
    grad_f_plus: np.ndarray | None = None,
    grad_f_minus: np.ndarray | None = None,
    grad_f_tilde: np.ndarray | None = None,
    *,
    epsilon: float = 1e-5,
) -> tuple[np.ndarray, SNRParams]:
    """The gradients of F and the parameters, given those of F~+ and the embeddings.

    With M pixels, G = grad F~+, g = gamma / sigma, z = mu - beta and s = a + (1 - a) g:

        S1 = sum G,  S2 = sum G (F - mu)            per image and channel
        p  = S1 + grad f~+,   q = grad f~-
        da = S2 (1 - g) + (p - q) z
        dz = a p + (1 - a) q + (da back through the gate: sigmoid, W2, ReLU, W1)
        dF = s G + A (F - mu) + (dz - s S1) / M,    A = -(1 - a) S2 gamma / (M sigma^3)
        dgamma = sum over images of (1 - a) S2 / sigma
        dbeta  = sum over images of p + q - dz + grad f~

    No embedding depends on gamma or sigma. Without grad F~+ the gradient of gamma is therefore exactly 0, and that of
    F is constant over pixels.

    Args:
        F: Feature map, (N, *S, C).
        params: Parameters of the module.
        grad_F_plus: Gradient G of F~+, (N, *S, C); None means zero.
        grad_f_plus: Gradient of f~+, (N, C); None means zero.
        grad_f_minus: Gradient of f~-, (N, C); None means zero.
        grad_f_tilde: Gradient of f~, (N, C); None means zero.
        epsilon: Number added to the variance of the instance norm, at least 0.

    Returns:
        The gradient of F, (N, *S, C), and the gradients of the parameters; None for an absent bias.

    Raises:
        ValueError: If F is not floating or has no spatial axis, a parameter or a gradient does not fit F, or epsilon
            is negative.
    """
    F, params = check_module(F, params)
    pooled, because = (len(F), F.shape[-1]), f"F of shape {F.shape}"
    return module_vjp(
        F,
        params,
        non_negative("epsilon", epsilon),
        _or_zero("grad_F_plus", grad_F_plus, F.shape, because),
        _or_zero("grad_f_plus", grad_f_plus, pooled, because),
        _or_zero("grad_f_minus", grad_f_minus, pooled, because),
        _or_zero("grad_f_tilde", grad_f_tilde, pooled, because),
    )


def module_vjp(
    F: np.ndarray,
    params: SNRParams,
    epsilon: float,
    G: np.ndarray,
    grad_f_plus: np.ndarray,
    grad_f_minus: np.ndarray,
    grad_f_tilde: np.ndarray,
) -> tuple[np.ndarray, SNRParams]:
    """The gradients of F and the parameters, line by line as in the formulas of `snr_vjp`."""
    gamma, beta, w1, w2, b1, b2 = params
    M, sigma, z = pixels(F), standard_deviation(F, epsilon), pooled_residual(F, beta)
    a, g = gate(z, w1, w2, b1, b2), gamma / sigma
    s = scale(a, g)

    S1, S2 = sums(G, F)
    p, q = S1 + grad_f_plus, grad_f_minus
    da = S2 * (1 - g) + (p - q) * z
    dz_through_gate, dw1, dw2, db1, db2 = gate_vjp(z, w1, w2, b1, b2, da)
    dz = a * p + (1 - a) * q + dz_through_gate
    A = -(1 - a) * S2 * gamma / (M * sigma**3)
    dF = over_pixels(s, F) * G + over_pixels(A, F) * centred(F) + over_pixels((dz - s * S1) / M, F)
    dgamma = ((1 - a) * S2 / sigma).sum(axis=0)
    dbeta = (p + q - dz + grad_f_tilde).sum(axis=0)
    return dF, SNRParams(dgamma, dbeta, dw1, dw2, db1, db2)


@np.errstate(invalid="ignore")
def instance_norm_vjp(
    F: np.ndarray, gamma: np.ndarray, beta: np.ndarray, grad_F_tilde: np.ndarray, *, epsilon: float = 1e-5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of F, gamma and beta in eq. 1.

    With M pixels, G = grad F~, S1 = sum G and S2 = sum G (F - mu) per image and channel:

        dF = gamma / sigma (G - S1 / M - (F - mu) S2 / (M sigma^2))
        dgamma = sum over images of S2 / sigma,    dbeta = sum over images of S1

    Args:
        F: Feature map, (N, *S, C).
        gamma: Scale, (C,).
        beta: Offset, (C,).
        grad_F_tilde: Gradient G of F~, (N, *S, C).
        epsilon: Number added to the variance, at least 0.

    Returns:
        The gradients of F, (N, *S, C), gamma, (C,), and beta, (C,).

    Raises:
        ValueError: If F is not a floating feature map or another shape does not fit it.
    """
    F = feature_map("F", F)
    because = f"F of shape {F.shape}"
    gamma = shaped("gamma", gamma, F.shape[-1:], because)
    shaped("beta", beta, F.shape[-1:], because)
    G = shaped("grad_F_tilde", grad_F_tilde, F.shape, because)
    return normalization_vjp(F, gamma, non_negative("epsilon", epsilon), G)


def normalization_vjp(
    F: np.ndarray, gamma: np.ndarray, epsilon: float, G: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of F, gamma and beta in eq. 1."""
    M, sigma = pixels(F), standard_deviation(F, epsilon)
    S1, S2 = sums(G, F)
    dF = over_pixels(gamma / sigma, F) * (G - over_pixels(S1 / M, F) - centred(F) * over_pixels(S2 / (M * sigma**2), F))
    return dF, (S2 / sigma).sum(axis=0), S1.sum(axis=0)


def sums(G: np.ndarray, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S1 = sum G and S2 = sum G (F - mu), per image and channel."""
    return G.sum(axis=spatial_axes(F)), (G * centred(F)).sum(axis=spatial_axes(F))


def pixels(F: np.ndarray) -> int:
    """M, the number of pixels of an image."""
    return math.prod(F.shape[1:-1])


@np.errstate(invalid="ignore")
def channel_attention_vjp(
    z: np.ndarray,
    w1: np.ndarray,
    w2: np.ndarray,
    b1: np.ndarray | None = None,
    b2: np.ndarray | None = None,
    *,
    grad_a: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The gradients of z and the weights in eq. 3, through the sigmoid, W2, ReLU and W1.

        dt = grad a * a (1 - a),    dW2 = h^T dt,    db2 = sum over images of dt
        dk = [k > 0] (dt W2^T),     dW1 = z^T dk,    db1 = sum over images of dk,    dz = dk W1^T

    with k = W1 z, h = ReLU(k) and a = Sigmoid(W2 h); relu'(0) = 0.

    Args:
        z: Pooled residual, (N, C).
        w1: Weights of the first layer, (C, C/r).
        w2: Weights of the second layer, (C/r, C).
        b1: Bias of the first layer, (C/r,), or None.
        b2: Bias of the second layer, (C,), or None.
        grad_a: Gradient of a, (N, C).

    Returns:
        The gradients of z, w1, w2, b1 and b2, each with the shape of its argument; None for an absent bias.

    Raises:
        ValueError: If an argument is not floating or its shape does not fit the others.
    """
    z = matrix("z", z, "(N, C)")
    because = f"z of shape {z.shape}"
    weights = check_attention(z.shape[1], w1, w2, b1, b2, because)
    return gate_vjp(z, *weights, shaped("grad_a", grad_a, z.shape, because))


def gate_vjp(
    z: np.ndarray,
    w1: np.ndarray,
    w2: np.ndarray,
    b1: np.ndarray | None,
    b2: np.ndarray | None,
    grad_a: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The gradients of z and the weights in eq. 3."""
    k = affine(z, w1, b1)
    a = sigmoid(affine(relu(k), w2, b2))
    dt = grad_a * a * (1 - a)
    dk = np.where(k.real <= 0, 0, dt @ w2.T)
    return (
        dk @ w1.T,
        z.T @ dk,
        relu(k).T @ dt,
        None if b1 is None else dk.sum(axis=0),
        None if b2 is None else dt.sum(axis=0),
    )


@np.errstate(invalid="ignore")
def cosine_distance_vjp(x: np.ndarray, y: np.ndarray, grad_d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and y in the cosine distance.

    With u = x / |x| and v = y / |y|, the gradient of d(x, y) with respect to x is -(v - (u.v) u) / (2 |x|). It is 0 at
    x = y, and at x = 0 by convention.

    Args:
        x: First vectors, (N, C).
        y: Second vectors, (M, C).
        grad_d: Gradient of the distances, (N, M).

    Returns:
        The gradients of x, (N, C), and y, (M, C).

    Raises:
        ValueError: If a shape does not fit.
    """
    x, y = check_pair(x, y)
    return cosine_vjp(x, y, check_grad_d(grad_d, x, y))


@np.errstate(invalid="ignore")
def euclidean_distance_vjp(x: np.ndarray, y: np.ndarray, grad_d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and y in the Euclidean distance.

    The gradient of d(x, y) with respect to x is (x - y) / |x - y|, and 0 at x = y.

    Args:
        x: First vectors, (N, C).
        y: Second vectors, (M, C).
        grad_d: Gradient of the distances, (N, M).

    Returns:
        The gradients of x, (N, C), and y, (M, C).

    Raises:
        ValueError: If a shape does not fit.
    """
    x, y = check_pair(x, y)
    return euclidean_vjp(x, y, check_grad_d(grad_d, x, y))


@np.errstate(invalid="ignore")
def unit_vjp(x: np.ndarray, grad_u: np.ndarray) -> np.ndarray:
    """The gradient of x in u = x / |x|: (G - (G.u) u) / |x|, and 0 at x = 0 by convention.

    Args:
        x: Vectors, (N, C).
        grad_u: Gradient G of the directions, (N, C).

    Returns:
        The gradient of x, (N, C).

    Raises:
        ValueError: If a shape does not fit.
    """
    x = matrix("x", x, "(N, C)")
    return directions_vjp(x, shaped("grad_u", grad_u, x.shape, f"x of shape {x.shape}"))


def cosine_vjp(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and y, given the gradient w of their cosine distances."""
    w = np.where(equal_rows(x, y), 0, w)
    u, v = directions(x), directions(y)
    w_cos = w * (u @ v.T)
    dx = w @ v - w_cos.sum(axis=1, keepdims=True) * u
    dy = w.T @ u - w_cos.T.sum(axis=1, keepdims=True) * v
    return over_length(-dx / 2, x), over_length(-dy / 2, y)


def euclidean_vjp(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and y, given the gradient w of their Euclidean distances."""
    dtype = np.result_type(x, y, w)
    dx, dy = np.zeros(x.shape, dtype), np.zeros(y.shape, dtype)
    for n, row in enumerate(x):
        direction = directions(row - y)
        dx[n] = w[n] @ direction
        dy -= w[n][:, np.newaxis] * direction
    return dx, dy


def directions_vjp(x: np.ndarray, G: np.ndarray) -> np.ndarray:
    """(G - (G.u) u) / |x| for each row, with u the direction of x."""
    u = directions(x)
    return over_length(G - (G * u).sum(axis=1, keepdims=True) * u, x)


def over_length(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Each row v divided by |x|; 0 at x = 0."""
    length = norm(x)[:, np.newaxis]
    return np.where(length == 0, 0, v) / np.where(length == 0, 1, length)


DistanceVJP = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

#: The equation and the backward pass of each distance in this package.
DISTANCES: dict[Distance, tuple[Distance, DistanceVJP]] = {
    cosine_distance: (cosine, cosine_vjp),
    euclidean_distance: (euclidean, euclidean_vjp),
}


@np.errstate(invalid="ignore")
def dual_causality_gradients(
    f_tilde: np.ndarray,
    f_plus: np.ndarray,
    f_minus: np.ndarray,
    labels: np.ndarray,
    *,
    distance: Distance = cosine_distance,
    triplets: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of L_SNR = L+ + L- with respect to f~, f~+ and f~-.

    With the probabilities P of the positive pairs and Q of the negative pairs:

        dL+/dd+ = P Sigmoid(d+ - d~) - Q Sigmoid(d~ - d+) = -dL+/dd~
        dL-/dd~ = P Sigmoid(d~ - d-) - Q Sigmoid(d- - d~) = -dL-/dd-

    Note the collapse: where f~ is beta for every image, its gradient is 0.

    Args:
        f_tilde: f~, (N, C).
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        labels: Identities, (N,), any integers.
        distance: `cosine_distance` or `euclidean_distance`.
        triplets: Indices of anchor, positive and negative, (T, 3), as for `dual_causality_loss`; None for the
            expectation.

    Returns:
        The gradients of f~, f~+ and f~-, each (N, C).

    Raises:
        ValueError: As for `dual_causality_loss`, or if the distance is neither of the two.
    """
    f_tilde, f_plus, f_minus, labels = check_embeddings(f_tilde, f_plus, f_minus, labels)
    if distance not in DISTANCES:
        raise ValueError(f"`distance` must be cosine_distance or euclidean_distance. Received: {distance!r}")
    P, Q = draws(labels, check_triplets(triplets, labels))
    d, vjp = DISTANCES[distance]
    plus, minus = causality_slopes(d(f_tilde, f_tilde), d(f_plus, f_plus), d(f_minus, f_minus), P, Q)
    return (
        within_batch(vjp, f_tilde, minus - plus),
        within_batch(vjp, f_plus, plus),
        within_batch(vjp, f_minus, -minus),
    )


def causality_slopes(
    d_tilde: np.ndarray, d_plus: np.ndarray, d_minus: np.ndarray, P: np.ndarray, Q: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """dL+/dd+ = -dL+/dd~ and dL-/dd~ = -dL-/dd-."""
    plus = P * sigmoid(d_plus - d_tilde) - Q * sigmoid(d_tilde - d_plus)
    minus = P * sigmoid(d_tilde - d_minus) - Q * sigmoid(d_minus - d_tilde)
    return plus, minus


@np.errstate(invalid="ignore")
def cross_entropy_gradient(logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.1) -> np.ndarray:
    """The gradient of `cross_entropy` with respect to the logits: (softmax(l) - q) / N.

    Args:
        logits: Logits, (N, K), N at least 1.
        labels: Class of each row, (N,), integers in [0, K).
        label_smoothing: Label smoothing s, in [0, 1].

    Returns:
        The gradient of the logits, (N, K).

    Raises:
        ValueError: As for `cross_entropy`.
    """
    logits, labels = check_logits(logits, labels)
    q = smoothed_targets(labels, logits.shape[1], check_smoothing(label_smoothing))
    return logits_gradient(logits, q)


def logits_gradient(logits: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(softmax(l) - q) / N."""
    return (np.exp(log_softmax(logits)) - q) / len(logits)


@np.errstate(invalid="ignore")
def batch_hard_triplet_gradient(
    features: np.ndarray, labels: np.ndarray, *, margin: float | Literal["soft"] = 0.3
) -> np.ndarray:
    """The gradient of `batch_hard_triplet_loss` with respect to the features.

    Of equally hard examples, only the one with the lowest index has a gradient.

    Args:
        features: Features, (N, D).
        labels: Identities, (N,), any integers.
        margin: Margin m, at least 0, or "soft".

    Returns:
        The gradient of the features, (N, D).

    Raises:
        ValueError: As for `batch_hard_triplet_loss`.
    """
    features, labels = check_features(features, labels)
    margin = check_margin(margin)
    d = euclidean(features, features)
    a, p, n = hardest_triplets(d, labels).T
    slope = hard_triplet_slopes(d[a, p] - d[a, n], margin) / max(1, len(a))
    grad_d = np.zeros(d.shape, d.dtype)
    np.add.at(grad_d, (a, p), slope)
    np.add.at(grad_d, (a, n), -slope)
    return within_batch(euclidean_vjp, features, grad_d)


def hard_triplet_slopes(difference: np.ndarray, margin: float | Literal["soft"]) -> np.ndarray:
    """The derivative of each triplet's term with respect to d_ap - d_an."""
    return sigmoid(difference) if margin == "soft" else np.where(difference.real + margin <= 0, 0, 1)


def within_batch(vjp: DistanceVJP, f: np.ndarray, grad_d: np.ndarray) -> np.ndarray:
    """The gradient of f, given that of the distances of its rows to one another: f is both x and y."""
    as_x, as_y = vjp(f, f, grad_d)
    return as_x + as_y


def check_grad_d(grad_d: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A floating matrix, (N, M), to match x and y; ValueError if it is not."""
    return shaped("grad_d", grad_d, (len(x), len(y)), f"x of shape {x.shape} and y of shape {y.shape}")


def _or_zero(name: str, grad: np.ndarray | None, shape: tuple[int, ...], because: str) -> np.ndarray:
    """The floating gradient, or zeros of that shape for None; ValueError if it does not fit."""
    return np.zeros(shape) if grad is None else shaped(name, grad, shape, because)
