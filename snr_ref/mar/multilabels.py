"""Soft multilabels: an unlabeled image is described by its likeness to each identity of a labeled source domain.

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
        multilabels: (M, K); a row means nothing before its image was visited.
        visited: (M,), bool.
    """

    multilabels: np.ndarray
    visited: np.ndarray


@np.errstate(invalid="ignore")
def log_multilabels(features: np.ndarray, agents: np.ndarray, *, scale: float = SCALE) -> np.ndarray:
    """Logarithms of soft multilabels: log y = log softmax(scale * f A^T), row by row.

    Args:
        features: f, (N, D), of unit length.
        agents: A, (K, D), of unit length: one for each identity of the source domain.
        scale: Factor of the cosines, at least 0.

    Returns:
        (N, K), at most 0.

    Raises:
        ValueError: If either is not a floating matrix, they differ in D, or the scale is not a finite number of at
            least 0.

    Source:
        Yu et al., CVPR 2019, sec. 3.1; the scale is that of their code.
    """
    features, agents = check_features_and_agents(features, agents)
    return log_y(features, agents, non_negative("scale", scale))


def log_y(features: np.ndarray, agents: np.ndarray, scale: float) -> np.ndarray:
    """Logarithms of soft multilabels: log softmax(scale * f A^T), (N, K)."""
    return log_softmax(scale * (features @ agents.T))


def soft_multilabels(features: np.ndarray, agents: np.ndarray, *, scale: float = SCALE) -> np.ndarray:
    """Soft multilabels y = softmax(scale * f A^T): how much an image looks like each identity of the source domain.

    Args:
        features: f, (N, D), of unit length.
        agents: A, (K, D), of unit length.
        scale: Factor of the cosines, at least 0.

    Returns:
        (N, K), rows summing to 1.

    Raises:
        ValueError: As `log_multilabels`.

    Source:
        Yu et al., CVPR 2019, sec. 3.1.
    """
    return np.exp(log_multilabels(features, agents, scale=scale))


@np.errstate(invalid="ignore")
def multilabel_agreement(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A(x, y) = 1 - |x - y|_1 / 2, which is the sum over the classes of min(x, y) where both sum to 1.

    Args:
        x: (N, K), rows summing to 1.
        y: (M, K), rows summing to 1.

    Returns:
        (N, M), in [0, 1].

    Raises:
        ValueError: If either is not a floating matrix or they differ in K.

    Source:
        Yu et al., CVPR 2019, sec. 3.2.
    """
    return agreement(*check_pair(x, y))


def agreement(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A(x, y) = 1 - |x - y|_1 / 2, of the real parts, (N, M)."""
    return row_by_row(lambda row: 1 - np.abs(row - y.real).sum(axis=1) / 2, x.real, y)


def initial_memory(images: int, classes: int) -> MultilabelMemory:
    """A memory of no visit.

    Args:
        images: M, how many images the target domain has.
        classes: K, how many identities the source domain has.

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
        memory: Before the batch.
        indices: Indices of the batch's images, (N,), distinct integers in [0, M).
        multilabels: Multilabels of the batch, (N, K).
        rate: Weight of the new multilabels, in (0, 1].

    Returns:
        The memory with these images visited, whose rows are what this batch's pairs are to be mined with.

    Raises:
        ValueError: If a shape does not fit, an index is not in [0, M) or there twice, or the rate not in (0, 1].

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
    """A memory, distinct indices of it and as many multilabels; ValueError if they do not fit."""
    multilabels = matrix("multilabels", multilabels, "(N, K)")
    past = matrix("memory.multilabels", memory.multilabels, "(M, K)")
    visited = np.asarray(memory.visited)
    if past.shape[1] != multilabels.shape[1] or visited.dtype != bool or visited.shape != past.shape[:1]:
        raise ValueError(
            "`memory` must hold (M, K) multilabels and (M,) booleans, with K as in multilabels of shape "
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
