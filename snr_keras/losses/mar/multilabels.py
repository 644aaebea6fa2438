"""Soft multilabels in Keras: `snr_ref.mar.multilabels`, with its names, its arguments and its errors.

Errors that depend on the numbers themselves (labels, indices, thresholds) are raised only where there are numbers, so
not in a compiled function. Features and agents are rows of unit length (`snr_keras.losses.unit`). The sizes of batches
must be known in advance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from snr_keras.losses._batches import floating
from snr_keras.losses._checks import integers, known, outside, shaped
from snr_keras.losses._products import product
from snr_ref._checks import fraction, non_negative
from snr_ref.mar import multilabels as reference
from snr_ref.mar.multilabels import SCALE, MultilabelMemory

#: Maximal number of differences of multilabels in memory at a time, 16 MiB of them in float32.
DIFFERENCES = 2**22


def log_multilabels(features: Any, agents: Any, *, scale: float = SCALE) -> Any:
    """Logarithms of soft multilabels: log y = log softmax(scale * f A^T), row by row.

    Args:
        features: Features f, (N, D), of unit length.
        agents: Agents A, (K, D), of unit length: one row for each identity of the source domain; they have no gradient.
        scale: Factor of the cosines, at least 0.

    Returns:
        Logarithms log y, (N, K), at most 0, in float32 (float64 for float64 features).

    Raises:
        ValueError: If features or agents is not a floating matrix, they differ in D, or the scale is not a finite
            number of at least 0.

    Source:
        Yu et al., CVPR 2019, sec. 3.1. The scale is from their code.
    """
    features, agents = features_and_agents(features, agents)
    scores = non_negative("scale", scale) * product(features, ops.transpose(ops.stop_gradient(agents)))
    return ops.log_softmax(scores, axis=-1)


def soft_multilabels(features: Any, agents: Any, *, scale: float = SCALE) -> Any:
    """Soft multilabels y = softmax(scale * f A^T): how much an image looks like each identity of the source domain.

    Args:
        features: Features f, (N, D), of unit length.
        agents: Agents A, (K, D), of unit length; they have no gradient.
        scale: Factor of the cosines, at least 0.

    Returns:
        Multilabels y, (N, K); rows sum to 1.

    Raises:
        ValueError: As for `log_multilabels`.

    Source:
        Yu et al., CVPR 2019, sec. 3.1.
    """
    return ops.exp(log_multilabels(features, agents, scale=scale))


def multilabel_agreement(x: Any, y: Any) -> Any:
    """A(x, y) = 1 - |x - y|_1 / 2, the sum over the classes of min(x, y) where x and y both sum to 1.

    Args:
        x: First multilabels, (N, K); rows sum to 1.
        y: Second multilabels, (M, K); rows sum to 1.

    Returns:
        Agreements, (N, M), in [0, 1]. Only a part of the (N, M, K) differences is in memory at a time.

    Raises:
        ValueError: If x or y is not a floating matrix, or they differ in K.

    Source:
        Yu et al., CVPR 2019, sec. 3.2.
    """
    x, y = floating("x", x, "(N, K)"), floating("y", y, "(M, K)")
    shaped("y", y, (y.shape[0], x.shape[1]), f"x of shape {tuple(x.shape)}")
    return of_differences(agreement, x, ops.cast(y, x.dtype))


def initial_memory(images: int, classes: int) -> MultilabelMemory:
    """A memory in which no image has been visited, in float32.

    Args:
        images: Number M of images of the target domain.
        classes: Number K of identities of the source domain.

    Returns:
        The memory.

    Raises:
        ValueError: If either is not an integer of at least 1.
    """
    multilabels, visited = reference.initial_memory(images, classes)
    return MultilabelMemory(ops.convert_to_tensor(multilabels, "float32"), ops.convert_to_tensor(visited))


def next_memory(memory: MultilabelMemory, indices: Any, multilabels: Any, *, rate: float = 0.1) -> MultilabelMemory:
    """The first visit of an image stores its multilabel; later ones replace it by (1 - rate) * old + rate * new.

    Args:
        memory: Memory before the batch.
        indices: Indices of the batch's images, (N,), distinct integers in [0, M).
        multilabels: Multilabels of the batch, (N, K).
        rate: Weight of the new multilabels, in (0, 1].

    Returns:
        The memory with these images visited, in the precision of the batch. Mine this batch's pairs with its rows.

    Raises:
        ValueError: If a shape does not fit, an index is not in [0, M) or occurs twice, or the rate is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    multilabels = floating("multilabels", multilabels, "(N, K)")
    past = ops.cast(floating("memory.multilabels", memory.multilabels, "(M, K)"), multilabels.dtype)
    visited = ops.convert_to_tensor(memory.visited)
    images, shape = past.shape[0], tuple(multilabels.shape)
    if past.shape[1] != shape[1] or ops.dtype(visited) != "bool" or tuple(visited.shape) != (images,):
        raise ValueError(
            f"`memory` must hold (M, K) multilabels and (M,) booleans, with the K of multilabels of shape {shape}. "
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


def features_and_agents(features: Any, agents: Any) -> tuple[Any, Any]:
    """Floating features, (N, D), and agents, (K, D), in the precision of the features; ValueError if they are not."""
    features, agents = floating("features", features, "(N, D)"), floating("agents", agents, "(K, D)")
    if agents.shape[0] == 0:
        raise ValueError(f"`agents` must have at least one row. Received: shape {tuple(agents.shape)}")
    because = f"features of shape {tuple(features.shape)}"
    return features, ops.cast(shaped("agents", agents, (agents.shape[0], features.shape[1]), because), features.dtype)


def of_differences(function: Callable[[Any], Any], x: Any, y: Any) -> Any:
    """The function of x_n - y_m along the last axis, for all rows n and m, in blocks of rows."""
    rows = max(1, DIFFERENCES // max(1, y.shape[0] * y.shape[1]))
    blocks = (x[start : start + rows] for start in range(0, max(1, x.shape[0]), rows))
    return ops.concatenate([function(ops.expand_dims(block, 1) - ops.expand_dims(y, 0)) for block in blocks], axis=0)


def agreement(differences: Any) -> Any:
    """A of two multilabels, given their difference along the last axis."""
    return 1 - ops.sum(ops.abs(differences), axis=-1) / 2
