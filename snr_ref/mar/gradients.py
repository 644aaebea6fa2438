"""The backward pass of MAR's losses, in closed form."""

from __future__ import annotations

import numpy as np

from snr_ref._checks import non_negative, shaped
from snr_ref.elementary import sigmoid
from snr_ref.mar.losses import (
    ViewStatistics,
    check_source_and_target,
    check_statistics,
    check_views,
    hard_agents,
    log_odds,
    squared_distances,
    view_statistics,
)
from snr_ref.mar.mining import MINING_RATIO, check_features_and_multilabels, mined
from snr_ref.mar.multilabels import SCALE, check_features_and_agents, log_y


@np.errstate(invalid="ignore")
def log_multilabels_vjp(
    features: np.ndarray, agents: np.ndarray, grad_log_multilabels: np.ndarray, *, scale: float = SCALE
) -> np.ndarray:
    """The gradient of the features in `log_multilabels`; by definition the agents have none.

        df = scale * (G - y * sum over the classes of G) A

    Args:
        features: Features f, (N, D), of unit length.
        agents: Agents A, (K, D), of unit length.
        grad_log_multilabels: Gradient G of log y, (N, K).
        scale: Factor of the cosines, at least 0.

    Returns:
        The gradient of the features, (N, D).

    Raises:
        ValueError: As for `log_multilabels`, or if the gradient's shape does not fit.
    """
    features, agents = check_features_and_agents(features, agents)
    because = f"features of shape {features.shape} and agents of shape {agents.shape}"
    G = shaped("grad_log_multilabels", grad_log_multilabels, (len(features), len(agents)), because)
    return likeness_vjp(features, agents, G, non_negative("scale", scale))


def likeness_vjp(features: np.ndarray, agents: np.ndarray, G: np.ndarray, scale: float) -> np.ndarray:
    """The gradient of f, scale * (G - y * sum over the classes of G) A, given the gradient G of log y."""
    y = np.exp(log_y(features, agents, scale))
    return scale * (G - y * G.sum(axis=1, keepdims=True)) @ agents


@np.errstate(invalid="ignore")
def discriminative_gradient(
    features: np.ndarray, multilabels: np.ndarray, threshold: float, *, mining_ratio: float = MINING_RATIO
) -> np.ndarray:
    """The gradient of `discriminative_loss` with respect to the features.

    With q = N / (P + N), and the weights w = exp(-|f_i - f_j|^2) normalized to sum to 1 over the positives, and
    separately over the negatives:

        df_i = sum over the positives of 2 q w (f_i - f_j) - sum over the negatives of 2 q w (f_i - f_j)

    An empty sum is 0: without any positive, the hard negatives are still pushed apart.

    Args:
        features: Features f, (N, D), of unit length, N at least 2.
        multilabels: Multilabels from the memory, (N, K).
        threshold: Agreement above which a pair is positive, at least 0.
        mining_ratio: Fraction of all pairs to mine, in (0, 1].

    Returns:
        The gradient of the features, (N, D).

    Raises:
        ValueError: As for `discriminative_loss`.
    """
    features, multilabels = check_features_and_multilabels(features, multilabels)
    pairs = mined(features, multilabels, non_negative("threshold", threshold), mining_ratio)
    q = sigmoid(log_odds(features, pairs))
    return 2 * q * (pull(features, pairs.positives) - pull(features, pairs.negatives))


def pull(features: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The sum of w (f_i - f_j) over the pairs of each image."""
    total = np.zeros(features.shape, features.dtype)
    if len(pairs):
        i, j = pairs.T
        exponents = -squared_distances(features, pairs)
        w = np.exp(exponents - exponents.real.max())
        step = (w / w.sum())[:, np.newaxis] * (features[i] - features[j])
        np.add.at(total, i, step)
        np.add.at(total, j, -step)
    return total


@np.errstate(invalid="ignore")
def consistency_gradient(log_multilabels: np.ndarray, views: np.ndarray, statistics: ViewStatistics) -> np.ndarray:
    """The gradient of `consistency_loss` with respect to log y.

    For a row x of a view with n images and the mean m_v it is

        (m_v - mean) / (V n) + (std_v - std) * (x - m_v) / (V (n - 1) std_v)

    The second term is 0 where std_v is 0. In a view of one image the gradient is 0.

    Args:
        log_multilabels: log y, (N, K).
        views: Camera of each image, (N,), any integers.
        statistics: Mean and standard deviation, both (K,).

    Returns:
        The gradient of log y, (N, K).

    Raises:
        ValueError: As for `consistency_loss`.
    """
    log_multilabels, views = check_views(log_multilabels, views)
    statistics = check_statistics(statistics, log_multilabels)
    of_views = view_statistics(log_multilabels, views)
    names, counts = np.unique(views, return_counts=True)
    gradient = np.zeros(log_multilabels.shape, np.result_type(log_multilabels, *statistics))
    for view, mean, std in zip(names[counts > 1], *of_views, strict=True):
        rows = log_multilabels[views == view]
        by_std = (std - statistics.std) / np.where(std == 0, 1, std) / (len(rows) - 1)
        by_std = np.where(std == 0, 0, by_std * (rows - mean))
        gradient[views == view] = ((mean - statistics.mean) / len(rows) + by_std) / len(of_views.mean)
    return gradient


@np.errstate(invalid="ignore")
def joint_embedding_gradients(
    source_features: np.ndarray,
    source_labels: np.ndarray,
    target_features: np.ndarray,
    agents: np.ndarray,
    *,
    margin: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of `joint_embedding_loss` with respect to the features of both domains.

    With T terms, a source image contributes 2 (f - a_own) / T. Each hinge above 0 among the h hinges of an image
    contributes -2 (f - a) / (h T).

    Args:
        source_features: Features f, (N, D), of unit length.
        source_labels: Index of each image's own agent, (N,) integers in [0, K).
        target_features: Features f, (M, D), of unit length.
        agents: Agents A, (K, D), of unit length.
        margin: Margin, at least 0.

    Returns:
        The gradients of the source features, (N, D), and of the target features, (M, D).

    Raises:
        ValueError: As for `joint_embedding_loss`.
    """
    source_features, source_labels, target_features, agents = check_source_and_target(
        source_features, source_labels, target_features, agents
    )
    margin = non_negative("margin", margin)
    of_source, source_terms = push(source_features, agents, source_labels, margin)
    of_target, target_terms = push(target_features, agents, None, margin)
    T = max(1, len(source_features) + source_terms + target_terms)
    return (2 * (source_features - agents[source_labels]) + of_source) / T, of_target / T


def push(features: np.ndarray, agents: np.ndarray, own: np.ndarray | None, margin: float) -> tuple[np.ndarray, int]:
    """The gradient of each image's mean hinge, and the number of images that have a hinge."""
    gradient, terms = np.zeros(features.shape, np.result_type(features, agents)), 0
    for n, hard in enumerate(hard_agents(features, agents, own, margin=margin)):
        if hard.any():
            differences = features[n] - agents[hard]
            active = margin - (differences**2).sum(axis=1).real > 0
            gradient[n] = -2 * differences[active].sum(axis=0) / len(differences)
            terms += 1
    return gradient, terms
