"""SNR and its losses in plain JAX, equation by equation: pure compiled functions, which the kit calls directly.

The gradients are JAX's own. For float64, set JAX_ENABLE_X64=1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_softmax, relu, sigmoid, softplus

from snr_ref.restitution import SNROutputs, SNRParams

dtypes = (*(("float64",) if jax.config.jax_enable_x64 else ()), "float32", "float16", "bfloat16")


@partial(jax.jit, static_argnames="epsilon")
def snr(F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> SNROutputs:
    """Eqs. 1 to 5 for maps (N, *S, C). Maps in half precision are averaged in float32 and rounded at the end."""
    x = wide(F)  # once: the gradients of two copies would be rounded to half precision before their sum
    pixels = tuple(range(1, x.ndim - 1))
    F_tilde = instance_norm(x, params.gamma, params.beta, epsilon=epsilon)  # eq. 1
    R = x - F_tilde  # eq. 2
    a = channel_attention(R.mean(pixels), *params[2:])  # eq. 3
    gate = jnp.expand_dims(a, pixels)
    R_plus, R_minus = gate * R, (1 - gate) * R  # eq. 4
    F_plus, F_minus = F_tilde + R_plus, F_tilde + R_minus  # eq. 5
    f_tilde = jnp.broadcast_to(params.beta, a.shape)  # the mean of F_tilde, without its rounding
    f_plus, f_minus = F_plus.mean(pixels), F_minus.mean(pixels)
    F_tilde, R, R_plus, R_minus, F_plus, F_minus = (
        stored.astype(F.dtype) for stored in (F_tilde, R, R_plus, R_minus, F_plus, F_minus)
    )
    return SNROutputs(F_tilde, R, a, R_plus, R_minus, F_plus, F_minus, f_tilde, f_plus, f_minus)


@partial(jax.jit, static_argnames="epsilon")
def instance_norm(F: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> Array:
    """Eq. 1: F~ = gamma (F - mu) / sigma + beta."""
    F = wide(F)
    pixels = tuple(range(1, F.ndim - 1))
    centred = F - F.mean(pixels, keepdims=True)
    sigma = jnp.sqrt((centred**2).mean(pixels, keepdims=True) + epsilon)
    return gamma * (centred / sigma) + beta


@jax.jit
def channel_attention(z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None) -> Array:
    """Eq. 3: a = Sigmoid(W2 ReLU(W1 z)), with z the pooled residual, (N, C)."""
    hidden = z @ w1 if b1 is None else z @ w1 + b1
    logits = relu(hidden) @ w2 if b2 is None else relu(hidden) @ w2 + b2
    return sigmoid(logits)


@jax.jit
def cosine_distance(x: Array, y: Array) -> Array:
    """The paper's distance: d = 0.5 - x.y / (2 |x| |y|), (N, M); 0 for equal rows, zero vectors included."""
    d = 0.5 - unit(x) @ unit(y).T / 2
    d += jax.lax.stop_gradient(d.clip(0, 1) - d)  # clips to [0, 1], with the gradient unchanged
    return jnp.where((x[:, None] == y[None]).all(-1), 0, d)


@jax.jit
def euclidean_distance(x: Array, y: Array) -> Array:
    """The alternative distance: d = |x - y|, (N, M)."""
    return norm(x[:, None] - y[None])


def norm(v: Array) -> Array:
    """|v| over the last axis, scaled by the largest number so that no square overflows; the gradient at 0 is 0."""
    largest = jax.lax.stop_gradient(abs(v).max(-1))
    zero = largest == 0
    scale = jnp.where(zero, 1, largest)
    square = ((v / scale[..., None]) ** 2).sum(-1)
    return scale * jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, square)))


def unit(v: Array) -> Array:
    """The direction v / |v|; 0 for 0."""
    largest = jax.lax.stop_gradient(abs(v).max(-1, keepdims=True))
    zero = largest == 0
    scaled = jnp.where(zero, 0, v) / jnp.where(zero, 1, largest)
    return scaled / jnp.where(zero, 1, norm(scaled)[:, None])


def numbered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with identities as 0, 1, ...: without float64, JAX would cut NumPy's 64-bit integers to 32 bits."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        *embeddings, labels = arguments
        identities = np.unique(labels, return_inverse=True)[1] if isinstance(labels, np.ndarray) else labels
        return function(*embeddings, identities, **options)

    return call


@numbered
@partial(jax.jit, static_argnames="distance")
def dual_causality_loss(
    f_tilde: Array,
    f_plus: Array,
    f_minus: Array,
    labels: Array,
    *,
    distance: Callable[[Array, Array], Array] = cosine_distance,
    triplets: Array | None = None,
) -> tuple[Array, Array]:
    """L+ and L-: a mean over an anchor's positives (negatives), then over the anchors; or over the triplets."""
    d_tilde, d_plus, d_minus = (distance(f, f) for f in (f_tilde, f_plus, f_minus))
    positives, negatives = draws(labels) if triplets is None else draws_of(triplets, len(labels))

    def mean(differences: Array, probability: Array) -> Array:
        drawn = probability > 0
        terms = probability.astype(differences.dtype) * softplus(jnp.where(drawn, differences, 0))
        return jnp.where(drawn, terms, 0).sum()

    plus = mean(d_plus - d_tilde, positives) + mean(d_tilde - d_plus, negatives)
    minus = mean(d_tilde - d_minus, positives) + mean(d_minus - d_tilde, negatives)
    return plus, minus


def draws(labels: Array) -> tuple[Array, Array]:
    """The probability of each (a, p) and each (a, n): an anchor that has one, then one of its pairs; (N, N)."""

    def uniform(allowed: Array) -> Array:
        per_anchor = allowed.sum(1, keepdims=True)
        return allowed / (per_anchor.clip(1) * (per_anchor > 0).sum().clip(1)).astype(float)

    positives, negatives = pairs(labels)
    return uniform(positives), uniform(negatives)


def draws_of(triplets: Array, images: int) -> tuple[Array, Array]:
    """The probabilities of the pairs of those triplets, all equal: rows of anchor, positive, negative."""
    a, p, n = triplets.T
    nothing, each = jnp.zeros((images, images)), 1 / max(1, len(triplets))
    return nothing.at[a, p].add(each), nothing.at[a, n].add(each)


def pairs(labels: Array) -> tuple[Array, Array]:
    """Positive pairs (two images of one identity) and negative pairs (two identities), (N, N), bool."""
    same = labels[:, None] == labels[None]
    return same & ~jnp.eye(len(labels), dtype=bool), ~same


@numbered
@partial(jax.jit, static_argnames="margin")
def batch_hard_triplet_loss(features: Array, labels: Array, *, margin: Any = 0.3) -> Array:
    """Mean over the anchors of max(0, m + d_ap - d_an), p the farthest positive and n the nearest negative."""
    positives, negatives = pairs(labels)
    d = jax.lax.stop_gradient(euclidean_distance(features, features))
    p = jnp.where(positives, d, -jnp.inf).argmax(1)  # the first of equal ones has the gradient
    n = jnp.where(negatives, d, jnp.inf).argmin(1)
    difference = norm(features - features[p]) - norm(features - features[n])
    terms = softplus(difference) if margin == "soft" else relu(difference + margin)
    anchors = positives.any(1) & negatives.any(1)
    return jnp.where(anchors, terms, 0).sum() / anchors.sum().clip(1)


@partial(jax.jit, static_argnames="label_smoothing")
def cross_entropy(logits: Array, labels: Array, *, label_smoothing: float = 0.1) -> Array:
    """Mean over the rows of -sum of q log softmax(l), with q = (1 - s) onehot + s / K."""
    classes = logits.shape[1]
    q = (1 - label_smoothing) * jax.nn.one_hot(labels, classes, dtype=logits.dtype) + label_smoothing / classes
    return -(q * log_softmax(logits)).sum(1).mean()


def total_objective(reid_loss: Array, dual_causality_losses: Sequence[Array], weights: Sequence[float]) -> Array:
    """L = L_ReID + sum of lambda_b L_SNR^b."""
    return reid_loss + sum(w * loss for w, loss in zip(weights, dual_causality_losses, strict=True))


def wide(x: Array) -> Array:
    """The array in at least float32: half precision is too coarse for averages."""
    return jnp.asarray(x, jnp.promote_types(x.dtype, jnp.float32))


# Gradients: the reference's names, JAX's own derivatives.


@partial(jax.jit, static_argnames="epsilon")
def snr_vjp(
    F: Array,
    params: SNRParams,
    grad_F_plus: Array | None,
    grad_f_plus: Array | None = None,
    grad_f_minus: Array | None = None,
    grad_f_tilde: Array | None = None,
    *,
    epsilon: float = 1e-5,
) -> tuple[Array, SNRParams]:
    """The gradients of F and the parameters."""
    out, pull_back = jax.vjp(partial(snr, epsilon=epsilon), F, params)
    given = {"F_plus": grad_F_plus, "f_plus": grad_f_plus, "f_minus": grad_f_minus, "f_tilde": grad_f_tilde}
    cotangents = {name: g for name, g in given.items() if g is not None}
    return pull_back(jax.tree.map(jnp.zeros_like, out)._replace(**cotangents))


@partial(jax.jit, static_argnames="epsilon")
def instance_norm_vjp(F: Array, gamma: Array, beta: Array, grad_F_tilde: Array, *, epsilon: float = 1e-5) -> Any:
    """The gradients of F, gamma and beta."""
    return jax.vjp(partial(instance_norm, epsilon=epsilon), F, gamma, beta)[1](wide(grad_F_tilde))


@jax.jit
def channel_attention_vjp(
    z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None, *, grad_a: Array
) -> Any:
    """The gradients of z and the weights."""
    return jax.vjp(channel_attention, z, w1, w2, b1, b2)[1](grad_a)


@jax.jit
def cosine_distance_vjp(x: Array, y: Array, grad_d: Array) -> Any:
    """The gradients of x and y."""
    return jax.vjp(cosine_distance, x, y)[1](grad_d)


@jax.jit
def euclidean_distance_vjp(x: Array, y: Array, grad_d: Array) -> Any:
    """The gradients of x and y."""
    return jax.vjp(euclidean_distance, x, y)[1](grad_d)


@numbered
@partial(jax.jit, static_argnames="distance")
def dual_causality_gradients(
    f_tilde: Array, f_plus: Array, f_minus: Array, labels: Array, **options: Any
) -> tuple[Array, ...]:
    """The gradients of the embeddings in L+ + L-."""

    def total(f_tilde: Array, f_plus: Array, f_minus: Array) -> Array:
        return sum(dual_causality_loss(f_tilde, f_plus, f_minus, labels, **options))

    return jax.grad(total, argnums=(0, 1, 2))(f_tilde, f_plus, f_minus)


@partial(jax.jit, static_argnames="label_smoothing")
def cross_entropy_gradient(logits: Array, labels: Array, *, label_smoothing: float = 0.1) -> Array:
    """The gradient of the logits."""
    return jax.grad(cross_entropy)(logits, labels, label_smoothing=label_smoothing)


@numbered
@partial(jax.jit, static_argnames="margin")
def batch_hard_triplet_gradient(features: Array, labels: Array, *, margin: Any = 0.3) -> Array:
    """The gradient of the features."""
    return jax.grad(batch_hard_triplet_loss)(features, labels, margin=margin)
