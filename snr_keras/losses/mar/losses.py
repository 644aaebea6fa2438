"""MAR's losses of single images and of pairs: `snr_ref.mar.losses` in Keras, except for the loss of the views."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from snr_keras.losses._batches import floating
from snr_keras.losses._checks import integers, known, outside, shaped
from snr_keras.losses._products import product
from snr_keras.losses.mar.mining import mine_pairs
from snr_keras.losses.mar.multilabels import features_and_agents
from snr_ref._checks import non_negative
from snr_ref.mar.losses import NO_NEGATIVE, NO_POSITIVE
from snr_ref.mar.mining import MINING_RATIO


def discriminative_loss(features: Any, multilabels: Any, threshold: Any, *, mining_ratio: float = MINING_RATIO) -> Any:
    """L_MDL = -log(P / (P + N)) = Softplus(log N - log P).

    P is the mean of exp(-|f_i - f_j|^2) over the positives that `mine_pairs` finds, or 1 if it finds none. N is the
    mean over the hard negatives, or 0.5 if there are none.

    Args:
        features: Features f, (N, D), of unit length, N at least 2.
        multilabels: Multilabels from the memory, (N, K); they have no gradient.
        threshold: Agreement above which a pair is positive, at least 0.
        mining_ratio: Fraction of all pairs to mine, in (0, 1].

    Returns:
        L_MDL, a scalar.

    Raises:
        ValueError: As for `mine_pairs`.

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 4.
    """
    features = floating("features", features, "(N, D)")
    pairs, positive = mine_pairs(features, multilabels, threshold, mining_ratio=mining_ratio)
    # TensorFlow leaves the gradient of `take` in parts, and would sum them in half precision for half features.
    features = ops.reshape(features, features.shape)
    differences = ops.take(features, pairs[:, 0], axis=0) - ops.take(features, pairs[:, 1], axis=0)
    exponents = -ops.sum(ops.square(differences), axis=1)
    log_P = _log_mean_exp(exponents, positive, otherwise=NO_POSITIVE)
    log_N = _log_mean_exp(exponents, ops.logical_not(positive), otherwise=NO_NEGATIVE)
    return ops.softplus(log_N - log_P)


def joint_embedding_loss(
    source_features: Any, source_labels: Any, target_features: Any, agents: Any, *, margin: float = 1.0
) -> Any:
    """L_RJ, the mean of the terms of all images.

    Each source image has the term |f - a_own|^2. Each source or target image that has hard agents also has the mean of
    max(0, margin - |f - a|^2) over them. An agent is hard for an image if it is not the image's own and
    f . a > 1 - margin / 2. For vectors of unit length this means |f - a|^2 < margin, so each hinge is above 0.
    Without any term the loss is 0.

    Args:
        source_features: Features f, (N, D), of unit length.
        source_labels: Index of each image's own agent, (N,) integers in [0, K).
        target_features: Features of the target images, (M, D), of unit length.
        agents: Agents A, (K, D), of unit length; they have no gradient.
        margin: Margin, at least 0.

    Returns:
        L_RJ, a scalar.

    Raises:
        ValueError: If a shape does not fit, a label is not in [0, K), or the margin is not a finite number of at least
            0.

    Source:
        Yu et al., CVPR 2019, sec. 3.4, eq. 8. The hinge of source images follows their code.
    """
    source_features, source_labels, target_features, agents = source_and_target(
        source_features, source_labels, target_features, agents
    )
    agents = ops.stop_gradient(agents)
    to_own = ops.sum(ops.square(source_features - ops.take(agents, source_labels, axis=0)), axis=1)
    own = ops.expand_dims(source_labels, 1) == ops.arange(agents.shape[0], dtype=source_labels.dtype)
    none_own = ops.zeros((target_features.shape[0], agents.shape[0]), "bool")
    of_source, source_terms = _push(source_features, agents, own, margin)
    of_target, target_terms = _push(target_features, agents, none_own, margin)
    terms = source_features.shape[0] + source_terms + target_terms
    return (ops.sum(to_own) + of_source + of_target) / ops.maximum(terms, 1)


def source_and_target(
    source_features: Any, source_labels: Any, target_features: Any, agents: Any
) -> tuple[Any, Any, Any, Any]:
    """The four arguments as floating arrays and integers; ValueError if a shape or a label does not fit."""
    source_features, agents = features_and_agents(source_features, agents)
    because = f"source_features of shape {tuple(source_features.shape)}"
    target_features = floating("target_features", target_features, "(M, D)")
    shaped("target_features", target_features, (target_features.shape[0], agents.shape[1]), because)
    numbers = known(source_labels)
    source_labels = integers("source_labels", source_labels, source_features.shape[0], because)
    if numbers is not None and outside(numbers, agents.shape[0]):
        raise ValueError(
            f"`source_labels` must be in [0, {agents.shape[0]}) to match agents of shape {tuple(agents.shape)}. "
            f"Received: {numbers!r}"
        )
    return source_features, source_labels, ops.cast(target_features, source_features.dtype), agents


def _log_mean_exp(exponents: Any, among: Any, *, otherwise: float) -> Any:
    """Log of the mean of exp over some of the exponents, without underflow; log of `otherwise` if there are none."""
    count = ops.sum(ops.cast(among, exponents.dtype))
    some = count > 0
    largest = ops.stop_gradient(ops.where(some, ops.max(ops.where(among, exponents, -np.inf)), 0))
    total = ops.sum(ops.where(among, ops.exp(ops.where(among, exponents - largest, 0)), 0))
    mean = ops.where(some, total, otherwise) / ops.maximum(count, 1)
    return largest + ops.log(mean)


def _push(features: Any, agents: Any, own: Any, margin: float) -> tuple[Any, Any]:
    """The sum over the images of their mean hinge, and the number of images that have one.

    Squared distances come from cosines. Between vectors of unit length they, and the hinges, are off by some roundings
    of 1. Differences would take N * K * D numbers.
    """
    cosines = product(features, ops.transpose(agents))
    hard = ops.logical_and(cosines > 1 - non_negative("margin", margin) / 2, ops.logical_not(own))
    lengths = ops.sum(ops.square(features), axis=1, keepdims=True) + ops.sum(ops.square(agents), axis=1)
    hinges = ops.where(hard, ops.relu(margin - (lengths - 2 * cosines)), 0)
    count = ops.sum(ops.cast(hard, features.dtype), axis=1)
    means = ops.sum(hinges, axis=1) / ops.maximum(count, 1)
    return ops.sum(means), ops.sum(ops.cast(count > 0, features.dtype))
