"""The backward pass of the module and its losses, in closed form.

A `..._vjp` takes the gradient that reaches a result back to the arguments; a `..._gradient` differentiates a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from snr_ref._checks import feature_map, matrix, shaped
from snr_ref.closed_form import pooled_residual, scale
from snr_ref.distances import check_pair, cosine_distance, equal_rows, euclidean_distance, unit
from snr_ref.dual_causality import Distance, check_embeddings, draws
from snr_ref.elementary import log_softmax, norm, relu, sigmoid
from snr_ref.instance_norm import mean_pool, over_pixels, spatial_axes, standard_deviation
from snr_ref.reid_losses import check_features, check_logits, check_margin, hardest_triplets, smoothed_targets
from snr_ref.restitution import SNRParams, channel_attention, check_attention, check_module


@np.errstate(invalid="ignore")  # an image that holds Inf gets NaN; the gradient of F is untouched in the others
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
    """The gradients that reach F and the parameters, from those that reach F~+ and the embeddings.

    With M pixels, G = grad F~+, g = gamma / sigma, z = mu - beta and s = a + (1 - a) g:

        S1 = sum G,  S2 = sum G (F - mu)            per image and channel
        p  = S1 + grad f~+,   q = grad f~-
        da = S2 (1 - g) + (p - q) z
        dz = a p + (1 - a) q + (da back through the gate: sigmoid, W2, ReLU, W1)
        dF = s G + A (F - mu) + (dz - s S1) / M,    A = -(1 - a) S2 gamma / (M sigma^3)
        dgamma = sum over images of (1 - a) S2 / sigma
        dbeta  = sum over images of p + q - dz + grad f~

    No embedding depends on gamma or sigma: without grad F~+, gamma gets exactly 0 and F a gradient that is constant
    over pixels.

    Args:
        F: Feature map, (N, *S, C).
        params: The module's parameters.
        grad_F_plus: G, of the shape of F; None is zero.
        grad_f_plus: What reaches f~+, (N, C); None is zero.
        grad_f_minus: What reaches f~-, (N, C); None is zero.
        grad_f_tilde: What reaches f~, (N, C); None is zero.
        epsilon: Added to the variance of the instance norm.

    Returns:
        The gradient of F, of its shape, and those of the parameters; that of an absent bias is None.

    Raises:
        ValueError: If F is not floating or has no spatial axis, a parameter or a gradient does not fit F, or epsilon
            is negative.
    """
    F, params = check_module(F, params)
    gamma, beta, w1, w2, b1, b2 = params
    mu, sigma, z = mean_pool(F), standard_deviation(F, epsilon=epsilon), pooled_residual(F, beta)
    a, g = channel_attention(z, w1, w2, b1, b2), gamma / sigma
    s = scale(a, g)
    centred = F - over_pixels(mu, F)
    M = F[:1, ..., :1].size

    because = f"F of shape {F.shape}"
    G = _or_zero("grad_F_plus", grad_F_plus, F.shape, because)
    S1 = G.sum(axis=spatial_axes(F))
    S2 = (G * centred).sum(axis=spatial_axes(F))
    p = S1 + _or_zero("grad_f_plus", grad_f_plus, z.shape, because)
    q = _or_zero("grad_f_minus", grad_f_minus, z.shape, because)

    da = S2 * (1 - g) + (p - q) * z
    dz_through_gate, dw1, dw2, db1, db2 = channel_attention_vjp(z, w1, w2, b1, b2, grad_a=da)
    dz = a * p + (1 - a) * q + dz_through_gate
    A = -(1 - a) * S2 * gamma / (M * sigma**3)
    dF = over_pixels(s, F) * G + over_pixels(A, F) * centred + over_pixels((dz - s * S1) / M, F)
    dgamma = ((1 - a) * S2 / sigma).sum(axis=0)
    dbeta = (p + q - dz + _or_zero("grad_f_tilde", grad_f_tilde, z.shape, because)).sum(axis=0)
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
        gamma: (C,).
        beta: (C,).
        grad_F_tilde: G, of the shape of F.
        epsilon: Added to the variance.

    Returns:
        The gradients of F, gamma and beta.

    Raises:
        ValueError: If F is not a floating feature map or another shape does not fit it.
    """
    F = feature_map("F", F)
    because = f"F of shape {F.shape}"
    gamma = shaped("gamma", gamma, F.shape[-1:], because)
    shaped("beta", beta, F.shape[-1:], because)
    G = shaped("grad_F_tilde", grad_F_tilde, F.shape, because)
    sigma = standard_deviation(F, epsilon=epsilon)
    centred = F - over_pixels(mean_pool(F), F)
    M = F[:1, ..., :1].size
    S1 = G.sum(axis=spatial_axes(F))
    S2 = (G * centred).sum(axis=spatial_axes(F))
    dF = over_pixels(gamma / sigma, F) * (G - over_pixels(S1 / M, F) - centred * over_pixels(S2 / (M * sigma**2), F))
    return dF, (S2 / sigma).sum(axis=0), S1.sum(axis=0)


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
    """The gradients of z and the weights in eq. 3: back through sigmoid, W2, ReLU and W1.

        dt = grad a * a (1 - a),    dW2 = h^T dt,    db2 = sum over images of dt
        dk = [k > 0] (dt W2^T),     dW1 = z^T dk,    db1 = sum over images of dk,    dz = dk W1^T

    with k = W1 z, h = ReLU(k) and a = Sigmoid(W2 h); relu'(0) = 0.

    Args:
        z: The pooled residual, (N, C).
        w1: (C, C/r).
        w2: (C/r, C).
        b1: (C/r,) or None.
        b2: (C,) or None.
        grad_a: What reaches a, (N, C).

    Returns:
        The gradients of z, w1, w2, b1 and b2; that of an absent bias is None.

    Raises:
        ValueError: If an argument is not floating or its shape does not fit the others.
    """
    z = matrix("z", z, "(N, C)")
    because = f"z of shape {z.shape}"
    w1, w2, b1, b2 = check_attention(z.shape[1], w1, w2, b1, b2, because)
    k = z @ w1 if b1 is None else z @ w1 + b1
    a = channel_attention(z, w1, w2, b1, b2)
    dt = shaped("grad_a", grad_a, z.shape, because) * a * (1 - a)
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

    With u = x / |x| and v = y / |y|, the gradient of d(x, y) in x is -(v - (u.v) u) / (2 |x|). It is 0 at x = y, and at
    x = 0 by convention.

    Args:
        x: (N, C).
        y: (M, C).
        grad_d: What reaches the distances, (N, M).

    Returns:
        The gradients of x and y.

    Raises:
        ValueError: If a shape does not fit.
    """
    x, y = check_pair(x, y)
    w = shaped("grad_d", grad_d, (len(x), len(y)), f"x of shape {x.shape} and y of shape {y.shape}")
    w = np.where(equal_rows(x, y), 0, w)
    u, v = unit(x), unit(y)
    w_cos = w * (u @ v.T)
    dx = w @ v - w_cos.sum(axis=1, keepdims=True) * u
    dy = w.T @ u - w_cos.T.sum(axis=1, keepdims=True) * v
    return _over_length(-dx / 2, x), _over_length(-dy / 2, y)


@np.errstate(invalid="ignore")
def euclidean_distance_vjp(x: np.ndarray, y: np.ndarray, grad_d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and y in the Euclidean distance: that of d(x, y) in x is (x - y) / |x - y|, and 0 at x = y.

    Args:
        x: (N, C).
        y: (M, C).
        grad_d: What reaches the distances, (N, M).

    Returns:
        The gradients of x and y.

    Raises:
        ValueError: If a shape does not fit.
    """
    x, y = check_pair(x, y)
    w = shaped("grad_d", grad_d, (len(x), len(y)), f"x of shape {x.shape} and y of shape {y.shape}")
    dtype = np.result_type(x, y, w)
    dx, dy = np.zeros(x.shape, dtype), np.zeros(y.shape, dtype)
    for n, row in enumerate(x):
        direction = unit(row - y)
        dx[n] = w[n] @ direction
        dy -= w[n][:, np.newaxis] * direction
    return dx, dy


@np.errstate(invalid="ignore")
def unit_vjp(x: np.ndarray, grad_u: np.ndarray) -> np.ndarray:
    """The gradient of x in u = x / |x|: (G - (G.u) u) / |x|, and 0 at x = 0 by convention.

    Args:
        x: (N, C).
        grad_u: G, what reaches the directions, (N, C).

    Returns:
        (N, C).

    Raises:
        ValueError: If a shape does not fit.
    """
    x = matrix("x", x, "(N, C)")
    G = shaped("grad_u", grad_u, x.shape, f"x of shape {x.shape}")
    u = unit(x)
    return _over_length(G - (G * u).sum(axis=1, keepdims=True) * u, x)


DistanceVJP = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

#: The distances of this package, with their backward passes.
DISTANCE_VJPS: dict[Distance, DistanceVJP] = {
    cosine_distance: cosine_distance_vjp,
    euclidean_distance: euclidean_distance_vjp,
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
    """The gradient of L_SNR = L+ + L- in f~, f~+ and f~-.

    With the probabilities P of the positive and Q of the negative pairs:

        dL+/dd+ = P Sigmoid(d+ - d~) - Q Sigmoid(d~ - d+) = -dL+/dd~
        dL-/dd~ = P Sigmoid(d~ - d-) - Q Sigmoid(d- - d~) = -dL-/dd-

    Mind the collapse: where f~ is beta for every image its gradient is 0.

    Args:
        f_tilde: f~, (N, C).
        f_plus: f~+, (N, C).
        f_minus: f~-, (N, C).
        labels: Identities, (N,), any integers.
        distance: `cosine_distance` or `euclidean_distance`.
        triplets: As in `dual_causality_loss`.

    Returns:
        The gradients of f~, f~+ and f~-, each (N, C).

    Raises:
        ValueError: As `dual_causality_loss`, or if the distance is neither of the two.
    """
    f_tilde, f_plus, f_minus, labels = check_embeddings(f_tilde, f_plus, f_minus, labels)
    if distance not in DISTANCE_VJPS:
        raise ValueError(f"`distance` must be cosine_distance or euclidean_distance. Received: {distance!r}")
    P, Q = draws(labels, triplets)
    d_tilde, d_plus, d_minus = (distance(f, f) for f in (f_tilde, f_plus, f_minus))
    plus = P * sigmoid(d_plus - d_tilde) - Q * sigmoid(d_tilde - d_plus)
    minus = P * sigmoid(d_tilde - d_minus) - Q * sigmoid(d_minus - d_tilde)
    return (
        _within_batch(distance, f_tilde, minus - plus),
        _within_batch(distance, f_plus, plus),
        _within_batch(distance, f_minus, -minus),
    )


@np.errstate(invalid="ignore")
def cross_entropy_gradient(logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.1) -> np.ndarray:
    """The gradient of `cross_entropy` in the logits: (softmax(l) - q) / N.

    Args:
        logits: (N, K), N at least 1.
        labels: (N,) integers in [0, K).
        label_smoothing: s, in [0, 1].

    Returns:
        (N, K).

    Raises:
        ValueError: As `cross_entropy`.
    """
    logits, labels = check_logits(logits, labels)
    q = smoothed_targets(labels, logits.shape[1], label_smoothing)
    return (np.exp(log_softmax(logits)) - q) / len(logits)


@np.errstate(invalid="ignore")
def batch_hard_triplet_gradient(
    features: np.ndarray, labels: np.ndarray, *, margin: float | Literal["soft"] = 0.3
) -> np.ndarray:
    """The gradient of `batch_hard_triplet_loss` in the features; the lowest index among equally hard examples has it.

    Args:
        features: (N, D).
        labels: Identities, (N,), any integers.
        margin: m, at least 0, or "soft".

    Returns:
        (N, D).

    Raises:
        ValueError: As `batch_hard_triplet_loss`.
    """
    features, labels = check_features(features, labels)
    margin = check_margin(margin)
    d = euclidean_distance(features, features)
    a, p, n = hardest_triplets(d, labels).T
    difference = d[a, p] - d[a, n]
    slope = sigmoid(difference) if margin == "soft" else np.where(difference.real + margin <= 0, 0, 1)
    grad_d = np.zeros(d.shape, d.dtype)
    np.add.at(grad_d, (a, p), slope / max(1, len(a)))
    np.add.at(grad_d, (a, n), -slope / max(1, len(a)))
    return _within_batch(euclidean_distance, features, grad_d)


def _within_batch(distance: Distance, f: np.ndarray, grad_d: np.ndarray) -> np.ndarray:
    as_x, as_y = DISTANCE_VJPS[distance](f, f, grad_d)
    return as_x + as_y


def _over_length(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    length = norm(x)[:, np.newaxis]
    return np.where(length == 0, 0, v) / np.where(length == 0, 1, length)


def _or_zero(name: str, grad: np.ndarray | None, shape: tuple[int, ...], because: str) -> np.ndarray:
    return np.zeros(shape) if grad is None else shaped(name, grad, shape, because)
