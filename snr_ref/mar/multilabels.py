"""Soft multilabels: they describe an unlabeled image by its likeness to each identity of a labeled source domain.

Features and agents are rows of unit length (`snr_ref.unit`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snr_ref._checks import fraction, integer_labels, matrix, non_negative, shaped
from snr_ref.distances import check_pair, row_by_row
from snr_ref.elementary import log_softmax

#: Factor of the cosines before a softmax.
SCALE = 30.0


class MultilabelMemory(NamedTuple):
    """A running multilabel for every image of the target domain.

    Attributes:
        multilabels: Multilabels, (M, K); a row has no meaning before its image is visited.
        visited: Whether the image has been visited, (M,), bool.
    """

    multilabels: np.ndarray
    visited: np.ndarray


@np.errstate(invalid="ignore")
def log_multilabels(features: np.ndarray, agents: np.ndarray, *, scale: float = SCALE) -> np.ndarray:
    """Logarithms of soft multilabels: log y = log softmax(scale * f A^T), row by row.

    Args:
        features: Features f, (N, D), of unit length.
        agents: Agents A, (K, D), of unit length: one row for each identity of the source domain.
        scale: Factor of the cosines, at least 0.

    Returns:
        Logarithms log y, (N, K), at most 0.

    Raises:
        ValueError: If features or agents is not a floating matrix, they differ in D, or the scale is not a finite
            number of at least 0.

    Source:
        Yu et al., CVPR 2019, sec. 3.1. The scale is from their code.
    """
    features, agents = check_features_and_agents(features, agents)
    return log_y(features, agents, non_negative("scale", scale))


def log_y(features: np.ndarray, agents: np.ndarray, scale: float) -> np.ndarray:
    """Logarithms of soft multilabels: log softmax(scale * f A^T), (N, K)."""
    return log_softmax(scale * (features @ agents.T))


def soft_multilabels(features: np.ndarray, agents: np.ndarray, *, scale: float = SCALE) -> np.ndarray:
    """Soft multilabels y = softmax(scale * f A^T): how much an image looks like each identity of the source domain.

    Args:
        features: Features f, (N, D), of unit length.
        agents: Agents A, (K, D), of unit length.
        scale: Factor of the cosines, at least 0.

    Returns:
        Multilabels y, (N, K); rows sum to 1.

    Raises:
        ValueError: As for `log_multilabels`.

    Source:
        Yu et al., CVPR 2019, sec. 3.1.
    """
    return np.exp(log_multilabels(features, agents, scale=scale))


@np.errstate(invalid="ignore")
def multilabel_agreement(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A(x, y) = 1 - |x - y|_1 / 2, the sum over the classes of min(x, y) where x and y both sum to 1.

    Args:
        x: First multilabels, (N, K); rows sum to 1.
        y: Second multilabels, (M, K); rows sum to 1.

    Returns:
        Agreements, (N, M), in [0, 1].

    Raises:
        ValueError: If x or y is not a floating matrix, or they differ in K.

    Source:
        Yu et al., CVPR 2019, sec. 3.2.
    """
    return agreement(*check_pair(x, y))


def agreement(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A(x, y) = 1 - |x - y|_1 / 2 of the real parts, (N, M)."""
    return row_by_row(lambda row: 1 - np.abs(row - y.real).sum(axis=1) / 2, x.real, y)


def initial_memory(images: int, classes: int) -> MultilabelMemory:
    """A memory in which no image has been visited.

    Args:
        images: Number M of images of the target domain.
        classes: Number K of identities of the source domain.

    Returns:
        The memory.

    Raises:
        ValueError: If either is not an integer of at least 1.
    """
    for name, value in (("images", images), ("classes", classes)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise ValueError(f"`{name}` must be an integer of at least 1. Received: {value!r}")
    return MultilabelMemory(np.zeros((images, classes)), np.zeros(images, bool))


def next_memory(
    memory: MultilabelMemory, indices: np.ndarray, multilabels: np.ndarray, *, rate: float = 0.1
) -> MultilabelMemory:
    """The first visit of an image stores its multilabel; later ones replace it by (1 - rate) * old + rate * new.

    Args:
        memory: Memory before the batch.
        indices: Indices of the batch's images, (N,), distinct integers in [0, M).
        multilabels: Multilabels of the batch, (N, K).
        rate: Weight of the new multilabels, in (0, 1].

    Returns:
        The memory with these images visited. Mine this batch's pairs with its rows.

    Raises:
        ValueError: If a shape does not fit, an index is not in [0, M) or occurs twice, or the rate is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    past, visited, indices, multilabels = check_visits(memory, indices, multilabels)
    mixed = (1 - fraction("rate", rate)) * past[indices] + rate * multilabels
    rows, seen = past.astype(np.result_type(past, multilabels)), visited.copy()
    rows[indices] = np.where(visited[indices, np.newaxis], mixed, multilabels)
    seen[indices] = True
    return MultilabelMemory(rows, seen)


def check_visits(
    memory: MultilabelMemory, indices: np.ndarray, multilabels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The memory, distinct indices into it and as many multilabels; ValueError if they do not fit."""
    multilabels = matrix("multilabels", multilabels, "(N, K)")
    past = matrix("memory.multilabels", memory.multilabels, "(M, K)")
    visited = np.asarray(memory.visited)
    if past.shape[1] != multilabels.shape[1] or visited.dtype != bool or visited.shape != past.shape[:1]:
        raise ValueError(
            "`memory` must hold (M, K) multilabels and (M,) booleans, with the K of multilabels of shape "
            f"{multilabels.shape}. Received: shapes {past.shape} and {visited.shape}, dtype {visited.dtype}"
        )
    indices = integer_labels("indices", indices, len(multilabels), f"multilabels of shape {multilabels.shape}")
    if len(set(indices.tolist())) < len(indices) or ((indices < 0) | (indices >= len(past))).any():
        raise ValueError(f"`indices` must be distinct, in [0, {len(past)}). Received: {indices!r}")
    return past, visited, indices, multilabels


def check_features_and_agents(features: np.ndarray, agents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both floating matrices, (N, D) and (K, D); ValueError if they are not."""
    features, agents = matrix("features", features, "(N, D)"), matrix("agents", agents, "(K, D)")
    if len(agents) == 0:
        raise ValueError(f"`agents` must have at least one row. Received: shape {agents.shape}")
    because = f"features of shape {features.shape}"
    return features, shaped("agents", agents, (len(agents), features.shape[1]), because)
