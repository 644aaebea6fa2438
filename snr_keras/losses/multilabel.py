"""MAR's losses: an unlabeled image is described by its likeness to each identity of a labeled source domain.

`snr_ref.mar` in Keras, with its names, its arguments and its errors; those that depend on the numbers themselves
(labels, indices, thresholds) are raised where there are numbers, which is not inside a compiled function. Features and
agents are rows of unit length (`snr_keras.losses.unit`). Sizes of batches are known before anything runs. JAX's own
tensors, and whatever it compiles, have integers of 32 bits unless `jax_enable_x64` is set: views that are equal modulo
2^32 are one in these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from snr_keras.losses._batches import floating
from snr_keras.losses._checks import integers, known, outside, shaped
from snr_keras.losses._products import product
from snr_keras.losses.distances import norm
from snr_ref._checks import fraction, non_negative
from snr_ref.mar import multilabels as reference
from snr_ref.mar.losses import NO_NEGATIVE, NO_POSITIVE
from snr_ref.mar.mining import MINING_RATIO, mined_count
from snr_ref.mar.multilabels import SCALE, MultilabelMemory

#: Up to how many differences of two rows' numbers there are at a time, 16 MiB of them in float32.
DIFFERENCES = 2**22

#: Out of how many agreements the highest are taken at a time.
AGREEMENTS = 2**23


class MinedPairs(NamedTuple):
    """The nearest pairs of a batch, nearest first, each with the smaller index in front.

    How many pairs are mined is known before anything runs, and how many of them are positive is not: where
    `snr_ref.MinedPairs` has two arrays, this has one and a mask.

    Attributes:
        pairs: (T, 2) indices.
        positive: (T,), bool: whether their multilabels agree. The others look alike and are, by theirs, two persons.
    """

    pairs: Any
    positive: Any


def log_multilabels(features: Any, agents: Any, *, scale: float = SCALE) -> Any:
    """Logarithms of soft multilabels: log y = log softmax(scale * f A^T), row by row.

    Args:
        features: f, (N, D), of unit length.
        agents: A, (K, D), of unit length: one for each identity of the source domain; no gradient goes there.
        scale: What the cosines are multiplied by.

    Returns:
        (N, K), at most 0, in float32 (float64 of float64 features).

    Raises:
        ValueError: If either is not a floating matrix, they differ in D, or the scale is not a finite number of at
            least 0.

    Source:
        Yu et al., CVPR 2019, sec. 3.1; the scale is that of their code.
    """
    features, agents = features_and_agents(features, agents)
    scores = non_negative("scale", scale) * product(features, ops.transpose(ops.stop_gradient(agents)))
    return ops.log_softmax(scores, axis=-1)


def soft_multilabels(features: Any, agents: Any, *, scale: float = SCALE) -> Any:
    """Soft multilabels y = softmax(scale * f A^T): how much an image looks like each identity of the source domain.

    Args:
        features: f, (N, D), of unit length.
        agents: A, (K, D), of unit length; no gradient goes there.
        scale: What the cosines are multiplied by.

    Returns:
        (N, K), rows summing to 1.

    Raises:
        ValueError: As `log_multilabels`.

    Source:
        Yu et al., CVPR 2019, sec. 3.1.
    """
    return ops.exp(log_multilabels(features, agents, scale=scale))


def multilabel_agreement(x: Any, y: Any) -> Any:
    """A(x, y) = 1 - |x - y|_1 / 2, which is the sum over the classes of min(x, y) where both sum to 1.

    Args:
        x: (N, K), rows summing to 1.
        y: (M, K), rows summing to 1.

    Returns:
        (N, M), in [0, 1]. What is between, (N, M, K) differences, is only there a part at a time.

    Raises:
        ValueError: If either is not a floating matrix or they differ in K.

    Source:
        Yu et al., CVPR 2019, sec. 3.2.
    """
    x, y = floating("x", x, "(N, K)"), floating("y", y, "(M, K)")
    shaped("y", y, (y.shape[0], x.shape[1]), f"x of shape {tuple(x.shape)}")
    return _of_differences(_agreement, x, ops.cast(y, x.dtype))


def initial_threshold(multilabels: Any, *, mining_ratio: float = MINING_RATIO) -> Any:
    """Of all T pairs of two rows, the agreement that comes at place max(1, floor(mining_ratio * T)) from the top.

    A domain of M images has M (M - 1) / 2 agreements, which are never there all at once. They take a loop of as many
    turns as there are images, so that of a large domain this is no function to compile.

    Args:
        multilabels: (N, K), of the whole target domain, before the first step.
        mining_ratio: Which share of all pairs is mined.

    Returns:
        The threshold, a scalar.

    Raises:
        ValueError: If multilabels is not a floating matrix with two rows, or the ratio not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    multilabels = floating("multilabels", multilabels, "(N, K)")
    images = multilabels.shape[0]
    count = mined_count(pair_count(images), mining_ratio)
    rows = max(1, AGREEMENTS // images)
    highest = ops.zeros((0,), multilabels.dtype)
    for start in range(0, images - 1, rows):
        agreement = multilabel_agreement(multilabels[start : start + rows], multilabels[start:])
        of_pairs = ops.where(np.triu(np.ones(agreement.shape, bool), 1), agreement, -np.inf)
        highest = ops.sort(ops.concatenate([highest, ops.reshape(of_pairs, (-1,))]))[-count:]
    return highest[-count]


def next_threshold(threshold: Any, multilabels: Any, *, mining_ratio: float = MINING_RATIO, rate: float = 0.1) -> Any:
    """(1 - rate) * threshold + rate * (the batch's own, as `initial_threshold` has it).

    Args:
        threshold: That the batch's pairs were mined with.
        multilabels: Of the batch, out of the memory, (N, K).
        mining_ratio: Which share of all pairs is mined.
        rate: How much of the batch goes in.

    Returns:
        The threshold for the next batch, a scalar.

    Raises:
        ValueError: As `initial_threshold`, or if the threshold is not a finite number of at least 0, or the rate not
            in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    batch = initial_threshold(multilabels, mining_ratio=mining_ratio)
    return (1 - fraction("rate", rate)) * _threshold(threshold, batch.dtype) + rate * batch


def mine_pairs(features: Any, multilabels: Any, threshold: Any, *, mining_ratio: float = MINING_RATIO) -> MinedPairs:
    """The max(1, floor(mining_ratio * T)) nearest of the T pairs: positive where A > threshold, else hard negatives.

    Of pairs at one distance the one with the lower indices, (0, 1) before (0, 2) before (1, 2), is nearer; an agreement
    that equals the threshold is not above it.

    Args:
        features: f, (N, D), of unit length, N at least 2.
        multilabels: (N, K), out of the memory.
        threshold: What an agreement has to exceed.
        mining_ratio: Which share of all pairs is mined.

    Returns:
        The pairs, and which of them are positive.

    Raises:
        ValueError: If features and multilabels are not floating matrices of one length, at least 2, the threshold is
            not a finite number of at least 0, or the ratio not in (0, 1].

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 3.
    """
    features = floating("features", features, "(N, D)")
    multilabels = floating("multilabels", multilabels, "(N, K)")
    images = features.shape[0]
    shaped("multilabels", multilabels, (images, multilabels.shape[1]), f"features of shape {tuple(features.shape)}")
    count = mined_count(pair_count(images), mining_ratio)
    i, j = np.triu_indices(images, 1)
    d = _of_differences(norm, ops.stop_gradient(features), ops.stop_gradient(features))
    nearest = ops.argsort(ops.take(ops.reshape(d, (-1,)), i * images + j))[:count]  # which is stable
    mined = ops.take(np.stack([i, j], axis=1).astype("int32"), nearest, axis=0)
    differences = ops.take(multilabels, mined[:, 0], axis=0) - ops.take(multilabels, mined[:, 1], axis=0)
    return MinedPairs(mined, _agreement(differences) > _threshold(threshold, multilabels.dtype))


def discriminative_loss(features: Any, multilabels: Any, threshold: Any, *, mining_ratio: float = MINING_RATIO) -> Any:
    """L_MDL = -log(P / (P + N)) = Softplus(log N - log P).

    P is the mean of exp(-|f_i - f_j|^2) over the positives that `mine_pairs` finds, or 1 where it finds none; N that
    over the hard negatives, or 0.5.

    Args:
        features: f, (N, D), of unit length, N at least 2.
        multilabels: (N, K), out of the memory; no gradient goes there.
        threshold: What an agreement has to exceed.
        mining_ratio: Which share of all pairs is mined.

    Returns:
        L_MDL, a scalar.

    Raises:
        ValueError: As `mine_pairs`.

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 4.
    """
    features = floating("features", features, "(N, D)")
    pairs, positive = mine_pairs(features, multilabels, threshold, mining_ratio=mining_ratio)
    # TensorFlow leaves the gradient of `take` in parts, and would sum these in the precision of half features.
    features = ops.reshape(features, features.shape)
    differences = ops.take(features, pairs[:, 0], axis=0) - ops.take(features, pairs[:, 1], axis=0)
    exponents = -ops.sum(ops.square(differences), axis=1)
    log_P = _log_mean_exp(exponents, positive, otherwise=NO_POSITIVE)
    log_N = _log_mean_exp(exponents, ops.logical_not(positive), otherwise=NO_NEGATIVE)
    return ops.softplus(log_N - log_P)


def joint_embedding_loss(
    source_features: Any, source_labels: Any, target_features: Any, agents: Any, *, margin: float = 1.0
) -> Any:
    """L_RJ, the mean over all terms that there are.

    A source image has |f - a_own|^2. Each source or target image that has hard agents has the mean of
    max(0, margin - |f - a|^2) over these. An agent is hard for an image if it is not the image's own and
    f . a > 1 - margin / 2; between vectors of unit length that is |f - a|^2 < margin, so that each hinge is above 0.
    Without any term the loss is 0.

    Args:
        source_features: f, (N, D), of unit length.
        source_labels: Which agent is an image's own, (N,) integers in [0, K).
        target_features: f, (M, D), of unit length.
        agents: A, (K, D), of unit length; no gradient goes there.
        margin: At least 0.

    Returns:
        L_RJ, a scalar.

    Raises:
        ValueError: If a shape does not fit, a label is not in [0, K), or the margin is not a finite number of at least
            0.

    Source:
        Yu et al., CVPR 2019, sec. 3.4, eq. 8; the hinge of source images is that of their code.
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


def initial_memory(images: int, classes: int) -> MultilabelMemory:
    """A memory of no visit, in float32.

    Args:
        images: M, how many images the target domain has.
        classes: K, how many identities the source domain has.

    Returns:
        The memory.

    Raises:
        ValueError: If either is not an integer of at least 1.
    """
    multilabels, visited = reference.initial_memory(images, classes)
    return MultilabelMemory(ops.convert_to_tensor(multilabels, "float32"), ops.convert_to_tensor(visited))


def next_memory(memory: MultilabelMemory, indices: Any, multilabels: Any, *, rate: float = 0.1) -> MultilabelMemory:
    """The first visit of an image writes its multilabel down, a later one makes (1 - rate) * old + rate * new of it.

    Args:
        memory: Before the batch.
        indices: Which images are in the batch, (N,), distinct integers in [0, M).
        multilabels: Of the batch, (N, K).
        rate: How much of the new goes in.

    Returns:
        The memory with these images visited, whose rows are what this batch's pairs are to be mined with, in the
        precision of the batch.

    Raises:
        ValueError: If a shape does not fit, an index is not in [0, M) or there twice, or the rate not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    multilabels = floating("multilabels", multilabels, "(N, K)")
    past = ops.cast(floating("memory.multilabels", memory.multilabels, "(M, K)"), multilabels.dtype)
    visited = ops.convert_to_tensor(memory.visited)
    images, shape = past.shape[0], tuple(multilabels.shape)
    if past.shape[1] != shape[1] or ops.dtype(visited) != "bool" or tuple(visited.shape) != (images,):
        raise ValueError(
            f"`memory` must hold (M, K) multilabels and (M,) booleans, with K as in multilabels of shape {shape}. "
            f"Received: shapes {tuple(past.shape)} and {tuple(visited.shape)}, dtype {ops.dtype(visited)}"
        )
    numbers = known(indices)
    indices = integers("indices", indices, shape[0], f"multilabels of shape {shape}")
    if numbers is not None and (len(set(numbers.tolist())) < len(numbers) or outside(numbers, images)):
        raise ValueError(f"`indices` must be distinct, in [0, {images}). Received: {numbers!r}")
    mixed = (1 - fraction("rate", rate)) * ops.take(past, indices, axis=0) + rate * multilabels
    rows = ops.where(ops.expand_dims(ops.take(visited, indices), 1), mixed, multilabels)
    at = ops.expand_dims(indices, 1)
    return MultilabelMemory(
        ops.scatter_update(past, at, rows), ops.scatter_update(visited, at, ops.ones(shape[:1], "bool"))
    )


def pair_count(images: int) -> int:
    """N (N - 1) / 2.

    Raises:
        ValueError: If there is no pair.
    """
    if images < 2:
        raise ValueError(f"There must be at least two images, to make a pair. Received: {images}")
    return images * (images - 1) // 2


def features_and_agents(features: Any, agents: Any) -> tuple[Any, Any]:
    """Both floating matrices, (N, D) and (K, D), in the precision of the features; ValueError if they are not."""
    features, agents = floating("features", features, "(N, D)"), floating("agents", agents, "(K, D)")
    if agents.shape[0] == 0:
        raise ValueError(f"`agents` must have at least one row. Received: shape {tuple(agents.shape)}")
    because = f"features of shape {tuple(features.shape)}"
    return features, ops.cast(shaped("agents", agents, (agents.shape[0], features.shape[1]), because), features.dtype)


def source_and_target(
    source_features: Any, source_labels: Any, target_features: Any, agents: Any
) -> tuple[Any, Any, Any, Any]:
    """The four, floating and integers, once their shapes and the labels' range fit; ValueError if they do not."""
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


def _threshold(threshold: Any, dtype: Any) -> Any:
    threshold = ops.convert_to_tensor(threshold, dtype)
    numbers = known(threshold)
    if numbers is not None:
        non_negative("threshold", numbers.item())
    return threshold


def _of_differences(function: Callable[[Any], Any], x: Any, y: Any) -> Any:
    """The function of x_n - y_m over the last axis, for all rows n and m, in blocks of rows."""
    rows = max(1, DIFFERENCES // max(1, y.shape[0] * y.shape[1]))
    blocks = (x[start : start + rows] for start in range(0, max(1, x.shape[0]), rows))
    return ops.concatenate([function(ops.expand_dims(block, 1) - ops.expand_dims(y, 0)) for block in blocks], axis=0)


def _agreement(differences: Any) -> Any:
    return 1 - ops.sum(ops.abs(differences), axis=-1) / 2


def _log_mean_exp(exponents: Any, among: Any, *, otherwise: float) -> Any:
    """Logarithm of the mean of exp over some of the exponents, without underflow; `otherwise` the mean of none."""
    count = ops.sum(ops.cast(among, exponents.dtype))
    some = count > 0
    largest = ops.stop_gradient(ops.where(some, ops.max(ops.where(among, exponents, -np.inf)), 0))
    total = ops.sum(ops.where(among, ops.exp(ops.where(among, exponents - largest, 0)), 0))
    mean = ops.where(some, total, otherwise) / ops.maximum(count, 1)
    return largest + ops.log(mean)


def _push(features: Any, agents: Any, own: Any, margin: float) -> tuple[Any, Any]:
    """The sum over the images of their mean hinge, and how many images have one.

    Squared distances come from cosines: between vectors of unit length they are off by some roundings of 1, as is each
    hinge. Differences would take numbers for N * K * D.
    """
    cosines = product(features, ops.transpose(agents))
    hard = ops.logical_and(cosines > 1 - non_negative("margin", margin) / 2, ops.logical_not(own))
    lengths = ops.sum(ops.square(features), axis=1, keepdims=True) + ops.sum(ops.square(agents), axis=1)
    hinges = ops.where(hard, ops.relu(margin - (lengths - 2 * cosines)), 0)
    count = ops.sum(ops.cast(hard, features.dtype), axis=1)
    means = ops.sum(hinges, axis=1) / ops.maximum(count, 1)
    return ops.sum(means), ops.sum(ops.cast(count > 0, features.dtype))
