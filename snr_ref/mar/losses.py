"""MAR's losses, and the statistics of camera views that the consistency loss needs.

The state carried between steps (threshold, statistics, memory) is an argument here, and its next value is a result.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from snr_ref._checks import fraction, integer_labels, matrix, non_negative, shaped
from snr_ref.elementary import norm, relu, softplus
from snr_ref.mar.mining import MINING_RATIO, MinedPairs, check_features_and_multilabels, mined
from snr_ref.mar.multilabels import check_features_and_agents

#: Values in place of the mean of exp(-|f_i - f_j|^2) over the positives, and over the negatives, if there are none.
NO_POSITIVE, NO_NEGATIVE = 1.0, 0.5


class ViewStatistics(NamedTuple):
    """Mean and standard deviation of log multilabels.

    Attributes:
        mean: Means, (K,) for the statistics carried between steps, (V, K) with a row for each view.
        std: Standard deviations, of the same shape.
    """

    mean: np.ndarray
    std: np.ndarray


@np.errstate(invalid="ignore")
def discriminative_loss(
    features: np.ndarray, multilabels: np.ndarray, threshold: float, *, mining_ratio: float = MINING_RATIO
) -> float:
    """L_MDL = -log(P / (P + N)) = Softplus(log N - log P).

    P is the mean of exp(-|f_i - f_j|^2) over the positives that `mine_pairs` finds, or 1 if it finds none. N is the
    mean over the hard negatives, or 0.5 if there are none.

    Args:
        features: Features f, (N, D), of unit length, N at least 2.
        multilabels: Multilabels from the memory, (N, K); they have no gradient.
        threshold: Agreement above which a pair is positive, at least 0.
        mining_ratio: Fraction of all pairs to mine, in (0, 1].

    Returns:
        L_MDL.

    Raises:
        ValueError: As for `mine_pairs`.

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 4.
    """
    features, multilabels = check_features_and_multilabels(features, multilabels)
    pairs = mined(features, multilabels, non_negative("threshold", threshold), mining_ratio)
    return softplus(log_odds(features, pairs)).item()


def log_odds(features: np.ndarray, mined: MinedPairs) -> np.ndarray:
    """The difference log N - log P of the mean proximities of negatives and positives."""
    log_P = log_mean_proximity(features, mined.positives, otherwise=NO_POSITIVE)
    log_N = log_mean_proximity(features, mined.negatives, otherwise=NO_NEGATIVE)
    return log_N - log_P


def log_mean_proximity(features: np.ndarray, pairs: np.ndarray, *, otherwise: float) -> np.ndarray:
    """Log of the mean of exp(-|f_i - f_j|^2) over the pairs, without underflow; log of `otherwise` without pairs."""
    if len(pairs) == 0:
        return np.log(features.dtype.type(otherwise))
    exponents = -squared_distances(features, pairs)
    largest = exponents.real.max()
    return largest + np.log(np.exp(exponents - largest).mean())


def squared_distances(features: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """|f_i - f_j|^2 for each pair, (T,)."""
    i, j = pairs.T
    return ((features[i] - features[j]) ** 2).sum(axis=1)


def view_statistics(log_multilabels: np.ndarray, views: np.ndarray) -> ViewStatistics:
    """Mean and standard deviation (over n - 1) of log y in each of V views with two images, (V, K), views sorted."""
    names, counts = np.unique(views, return_counts=True)
    in_views = [log_multilabels[views == view] for view in names[counts > 1]]
    mean = [rows[0] + (rows - rows[0]).mean(axis=0) for rows in in_views]  # the mean of equal numbers is that number
    std = [norm((rows - m).T) / math.sqrt(len(rows) - 1) for rows, m in zip(in_views, mean, strict=True)]
    shape = len(in_views), log_multilabels.shape[1]
    return ViewStatistics(*(np.array(s, log_multilabels.dtype).reshape(shape) for s in (mean, std)))


def initial_statistics(log_multilabels: np.ndarray, views: np.ndarray) -> ViewStatistics:
    """Mean and standard deviation (over n - 1) of log y in a view, averaged over the views with at least two images.

    Args:
        log_multilabels: log y of the whole target domain, before the first step, (N, K).
        views: Camera of each image, (N,), any integers.

    Returns:
        Mean and standard deviation, both (K,).

    Raises:
        ValueError: If log_multilabels is not a floating matrix, the views are not N integers, or no view has two
            images.

    Source:
        Yu et al., CVPR 2019, sec. 3.3.
    """
    log_multilabels, views = check_views(log_multilabels, views)
    mean, std = view_statistics(log_multilabels, views)
    if len(mean) == 0:
        raise ValueError(f"`views` must have a view with at least two images. Received: {views!r}")
    return ViewStatistics(mean.mean(axis=0), std.mean(axis=0))


def next_statistics(
    statistics: ViewStatistics, log_multilabels: np.ndarray, views: np.ndarray, *, rate: float
) -> ViewStatistics:
    """(1 - rate) * statistics + rate * (statistics of the batch); unchanged if no view of the batch has two images.

    Args:
        statistics: Statistics before the batch, both (K,).
        log_multilabels: log y of the batch, (N, K).
        views: Camera of each image, (N,), any integers.
        rate: Weight of the batch, in (0, 1]; in the paper's code the number of its images, source and target, over
            10000.

    Returns:
        Statistics with which to compute the loss of this batch, both (K,).

    Raises:
        ValueError: If log_multilabels is not a floating matrix, the views are not N integers, the statistics do not
            have shape (K,), or the rate is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    log_multilabels, views = check_views(log_multilabels, views)
    statistics = check_statistics(statistics, log_multilabels)
    fraction("rate", rate)
    of_views = view_statistics(log_multilabels, views)
    if len(of_views.mean) == 0:
        return statistics
    batch = (of_view.mean(axis=0) for of_view in of_views)
    return ViewStatistics(*((1 - rate) * past + rate * now for past, now in zip(statistics, batch, strict=True)))


@np.errstate(invalid="ignore")
def consistency_loss(log_multilabels: np.ndarray, views: np.ndarray, statistics: ViewStatistics) -> float:
    """L_CML = sum over the V views of |mean_v - mean|^2 + |std_v - std|^2, over 2 V.

    Views with one image are left out; if no view has two, the loss is 0.

    Args:
        log_multilabels: log y, (N, K).
        views: Camera of each image, (N,), any integers.
        statistics: Statistics from `next_statistics` for this batch, both (K,); they have no gradient.

    Returns:
        L_CML.

    Raises:
        ValueError: If log_multilabels is not a floating matrix, the views are not N integers, or the statistics do not
            have shape (K,).

    Source:
        Yu et al., CVPR 2019, sec. 3.3, eq. 6. The mean follows their code; the paper has a sum.
    """
    log_multilabels, views = check_views(log_multilabels, views)
    statistics = check_statistics(statistics, log_multilabels)
    of_views = view_statistics(log_multilabels, views)
    terms = [((of_view - running) ** 2).sum(axis=1) for of_view, running in zip(of_views, statistics, strict=True)]
    return sum(term.sum() for term in terms) / max(1, 2 * len(of_views.mean))


@np.errstate(invalid="ignore")
def joint_embedding_loss(
    source_features: np.ndarray,
    source_labels: np.ndarray,
    target_features: np.ndarray,
    agents: np.ndarray,
    *,
    margin: float = 1.0,
) -> float:
    """L_RJ, the mean of the terms of all images.

    Each source image has the term |f - a_own|^2. Each source or target image that has hard agents also has the mean of
    max(0, margin - |f - a|^2) over them. An agent is hard for an image if it is not the image's own and
    f . a > 1 - margin / 2. For vectors of unit length this means |f - a|^2 < margin, so each hinge is above 0.
    Without any term the loss is 0.

    Args:
        source_features: Features f, (N, D), of unit length.
        source_labels: Index of each image's own agent, (N,) integers in [0, K).
        target_features: Features f, (M, D), of unit length.
        agents: Agents A, (K, D), of unit length; they have no gradient.
        margin: Margin, at least 0.

    Returns:
        L_RJ.

    Raises:
        ValueError: If a shape does not fit, a label is not in [0, K), or the margin is not a finite number of at least
            0.

    Source:
        Yu et al., CVPR 2019, sec. 3.4, eq. 8. The hinge of source images follows their code.
    """
    source_features, source_labels, target_features, agents = check_source_and_target(
        source_features, source_labels, target_features, agents
    )
    margin = non_negative("margin", margin)
    terms = list(((source_features - agents[source_labels]) ** 2).sum(axis=1))
    for features, own in ((source_features, source_labels), (target_features, None)):
        for f, hard in zip(features, hard_agents(features, agents, own, margin=margin), strict=True):
            if hard.any():
                terms.append(relu(margin - ((f - agents[hard]) ** 2).sum(axis=1)).mean())
    return sum(terms, source_features.dtype.type(0)) / max(1, len(terms))


def hard_agents(features: np.ndarray, agents: np.ndarray, own: np.ndarray | None, *, margin: float) -> np.ndarray:
    """Whether the agent is hard for the image, (N, K): f . a > 1 - margin / 2, and not the image's own."""
    hard = (features @ agents.T).real > 1 - margin / 2
    if own is not None:
        hard[np.arange(len(features)), own] = False
    return hard


def check_views(log_multilabels: np.ndarray, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A floating matrix (N, K) and N integers; ValueError if they are not."""
    log_multilabels = matrix("log_multilabels", log_multilabels, "(N, K)")
    because = f"log_multilabels of shape {log_multilabels.shape}"
    return log_multilabels, integer_labels("views", views, len(log_multilabels), because)


def check_statistics(statistics: ViewStatistics, log_multilabels: np.ndarray) -> ViewStatistics:
    """Mean and standard deviation, both (K,) to match log multilabels of (N, K); ValueError if they are not."""
    shape, because = log_multilabels.shape[1:], f"log_multilabels of shape {log_multilabels.shape}"
    mean, std = statistics
    return ViewStatistics(
        shaped("statistics.mean", mean, shape, because), shaped("statistics.std", std, shape, because)
    )


def check_source_and_target(
    source_features: np.ndarray, source_labels: np.ndarray, target_features: np.ndarray, agents: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four arguments as floating arrays and integers; ValueError if a shape or a label does not fit."""
    source_features, agents = check_features_and_agents(source_features, agents)
    because = f"source_features of shape {source_features.shape}"
    target_features = matrix("target_features", target_features, "(M, D)")
    target_features = shaped("target_features", target_features, (len(target_features), agents.shape[1]), because)
    source_labels = integer_labels("source_labels", source_labels, len(source_features), because)
    if ((source_labels < 0) | (source_labels >= len(agents))).any():
        raise ValueError(
            f"`source_labels` must be in [0, {len(agents)}) to match agents of shape {agents.shape}. "
            f"Received: {source_labels!r}"
        )
    return source_features, source_labels, target_features, agents
