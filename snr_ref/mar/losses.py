"""MAR's losses: an unlabeled image is described by its likeness to each identity of a labeled source domain.

Features and agents are rows of unit length (`snr_ref.distances.unit`). What runs along from batch to batch (the
threshold, the statistics of the views, the memory) is an argument here, and its next value a result.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from snr_ref._checks import integer_labels, matrix, non_negative, shaped, share
from snr_ref.distances import check_pair, euclidean_distance
from snr_ref.elementary import log_softmax, norm, relu, softplus

#: What the cosines are multiplied by before a softmax.
SCALE = 30.0

#: Which share of all pairs is mined.
MINING_RATIO = 0.005

#: What stands for the mean of exp(-|f_i - f_j|^2) over positives, and over negatives, where there are none.
NO_POSITIVE, NO_NEGATIVE = 1.0, 0.5


class MinedPairs(NamedTuple):
    """The nearest pairs of a batch, nearest first, each with the smaller index in front.

    Attributes:
        positives: (P, 2), whose multilabels agree.
        negatives: (Q, 2), which look alike and are, by their multilabels, two persons.
    """

    positives: np.ndarray
    negatives: np.ndarray


class ViewStatistics(NamedTuple):
    """Mean and standard deviation of log multilabels.

    Attributes:
        mean: (K,) where they run along from batch to batch, (V, K) where there is a row for each view.
        std: Of the same shape.
    """

    mean: np.ndarray
    std: np.ndarray


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
        scale: What the cosines are multiplied by.

    Returns:
        (N, K), at most 0.

    Raises:
        ValueError: If either is not a floating matrix, they differ in D, or the scale is not a finite number of at
            least 0.

    Source:
        Yu et al., CVPR 2019, sec. 3.1; the scale is that of their code.
    """
    features, agents = check_features_and_agents(features, agents)
    return log_softmax(non_negative("scale", scale) * (features @ agents.T))


def soft_multilabels(features: np.ndarray, agents: np.ndarray, *, scale: float = SCALE) -> np.ndarray:
    """Soft multilabels y = softmax(scale * f A^T): how much an image looks like each identity of the source domain.

    Args:
        features: f, (N, D), of unit length.
        agents: A, (K, D), of unit length.
        scale: What the cosines are multiplied by.

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
    x, y = check_pair(x, y)
    agreement = np.empty((len(x), len(y)), np.result_type(x.real, y.real))
    for n, row in enumerate(x.real):
        agreement[n] = 1 - np.abs(row - y.real).sum(axis=1) / 2
    return agreement


def initial_threshold(multilabels: np.ndarray, *, mining_ratio: float = MINING_RATIO) -> float:
    """Of all T pairs of two rows, the agreement that comes at place max(1, floor(mining_ratio * T)) from the top.

    Args:
        multilabels: (N, K), of the whole target domain, before the first step.
        mining_ratio: Which share of all pairs is mined.

    Returns:
        The threshold.

    Raises:
        ValueError: If multilabels is not a floating matrix with two rows, or the ratio not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    multilabels = matrix("multilabels", multilabels, "(N, K)")
    i, j = image_pairs(len(multilabels)).T
    agreements = np.sort(multilabel_agreement(multilabels, multilabels)[i, j])
    return agreements[-mined_count(len(agreements), mining_ratio)]


def next_threshold(
    threshold: float, multilabels: np.ndarray, *, mining_ratio: float = MINING_RATIO, rate: float = 0.1
) -> float:
    """(1 - rate) * threshold + rate * (the batch's own, as `initial_threshold` has it).

    Args:
        threshold: That the batch's pairs were mined with.
        multilabels: Of the batch, out of the memory, (N, K).
        mining_ratio: Which share of all pairs is mined.
        rate: How much of the batch goes in.

    Returns:
        The threshold for the next batch.

    Raises:
        ValueError: As `initial_threshold`, or if the threshold is not a finite number of at least 0, or the rate not
            in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    batch = initial_threshold(multilabels, mining_ratio=mining_ratio)
    return (1 - share("rate", rate)) * non_negative("threshold", threshold) + rate * batch


def mine_pairs(
    features: np.ndarray, multilabels: np.ndarray, threshold: float, *, mining_ratio: float = MINING_RATIO
) -> MinedPairs:
    """The max(1, floor(mining_ratio * T)) nearest of the T pairs: positive where A > threshold, else hard negatives.

    Of pairs at one distance the one with the lower indices, (0, 1) before (0, 2) before (1, 2), is nearer; an agreement
    that equals the threshold is not above it.

    Args:
        features: f, (N, D), of unit length, N at least 2.
        multilabels: (N, K), out of the memory.
        threshold: What an agreement has to exceed.
        mining_ratio: Which share of all pairs is mined.

    Returns:
        Indices of both kinds.

    Raises:
        ValueError: If features and multilabels are not floating matrices of one length, at least 2, the threshold is
            not a finite number of at least 0, or the ratio not in (0, 1].

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 3.
    """
    features = matrix("features", features, "(N, D)")
    multilabels = check_multilabels(multilabels, features)
    pairs = image_pairs(len(features))
    i, j = pairs.T
    d = euclidean_distance(features, features)[i, j].real
    mined = pairs[np.argsort(d, kind="stable")[: mined_count(len(pairs), mining_ratio)]]
    i, j = mined.T
    positive = multilabel_agreement(multilabels, multilabels)[i, j] > non_negative("threshold", threshold)
    return MinedPairs(mined[positive], mined[~positive])


@np.errstate(invalid="ignore")
def discriminative_loss(
    features: np.ndarray, multilabels: np.ndarray, threshold: float, *, mining_ratio: float = MINING_RATIO
) -> float:
    """L_MDL = -log(P / (P + N)) = Softplus(log N - log P).

    P is the mean of exp(-|f_i - f_j|^2) over the positives that `mine_pairs` finds, or 1 where it finds none; N that
    over the hard negatives, or 0.5.

    Args:
        features: f, (N, D), of unit length, N at least 2.
        multilabels: (N, K), out of the memory; no gradient goes there.
        threshold: What an agreement has to exceed.
        mining_ratio: Which share of all pairs is mined.

    Returns:
        L_MDL.

    Raises:
        ValueError: As `mine_pairs`.

    Source:
        Yu et al., CVPR 2019, sec. 3.2, eq. 4.
    """
    features = matrix("features", features, "(N, D)")
    positives, negatives = mine_pairs(features, multilabels, threshold, mining_ratio=mining_ratio)
    log_P = log_mean_proximity(features, positives, otherwise=NO_POSITIVE)
    log_N = log_mean_proximity(features, negatives, otherwise=NO_NEGATIVE)
    return softplus(log_N - log_P).item()


def log_mean_proximity(features: np.ndarray, pairs: np.ndarray, *, otherwise: float) -> np.ndarray:
    """Logarithm of the mean of exp(-|f_i - f_j|^2) over the pairs, without underflow.

    Args:
        features: (N, D).
        pairs: (T, 2) indices.
        otherwise: What stands for the mean where there is no pair.

    Returns:
        A scalar.
    """
    if len(pairs) == 0:
        return np.log(features.dtype.type(otherwise))
    exponents = -squared_distances(features, pairs)
    largest = exponents.real.max()
    return largest + np.log(np.exp(exponents - largest).mean())


def squared_distances(features: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """|f_i - f_j|^2 of each pair.

    Args:
        features: (N, D).
        pairs: (T, 2) indices.

    Returns:
        (T,).
    """
    i, j = pairs.T
    return ((features[i] - features[j]) ** 2).sum(axis=1)


def view_statistics(log_multilabels: np.ndarray, views: np.ndarray) -> ViewStatistics:
    """Mean and standard deviation (over n - 1) of log y in each camera view that has at least two images.

    Args:
        log_multilabels: log y, (N, K).
        views: The camera of each image, (N,), any integers.

    Returns:
        Both (V, K), views rising; V is 0 where no view has two images.

    Raises:
        ValueError: If log_multilabels is not a floating matrix or the views are not N integers.

    Source:
        Yu et al., CVPR 2019, sec. 3.3.
    """
    log_multilabels, views = check_views(log_multilabels, views)
    names, counts = np.unique(views, return_counts=True)
    in_views = [log_multilabels[views == view] for view in names[counts > 1]]
    mean = [rows[0] + (rows - rows[0]).mean(axis=0) for rows in in_views]  # the mean of equal numbers is that number
    std = [norm((rows - m).T) / math.sqrt(len(rows) - 1) for rows, m in zip(in_views, mean, strict=True)]
    shape = len(in_views), log_multilabels.shape[1]
    return ViewStatistics(*(np.array(s, log_multilabels.dtype).reshape(shape) for s in (mean, std)))


def initial_statistics(log_multilabels: np.ndarray, views: np.ndarray) -> ViewStatistics:
    """The mean over the views of what `view_statistics` has for each.

    Args:
        log_multilabels: log y of the whole target domain, before the first step, (N, K).
        views: The camera of each image, (N,), any integers.

    Returns:
        Both (K,).

    Raises:
        ValueError: As `view_statistics`, or if no view has two images.

    Source:
        Yu et al., CVPR 2019, sec. 3.3.
    """
    mean, std = view_statistics(log_multilabels, views)
    if len(mean) == 0:
        raise ValueError(f"`views` must have a view with at least two images. Received: {np.asarray(views)!r}")
    return ViewStatistics(mean.mean(axis=0), std.mean(axis=0))


def next_statistics(
    statistics: ViewStatistics, log_multilabels: np.ndarray, views: np.ndarray, *, rate: float
) -> ViewStatistics:
    """(1 - rate) * statistics + rate * (the batch's own); unchanged where no view of the batch has two images.

    Args:
        statistics: Before the batch, both (K,).
        log_multilabels: log y of the batch, (N, K).
        views: The camera of each image, (N,), any integers.
        rate: How much of the batch goes in; in the code of the paper its size over 10000, source and target together.

    Returns:
        Both (K,), to take the loss of this same batch with.

    Raises:
        ValueError: As `view_statistics`, or if the statistics do not have K numbers each, or the rate is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    log_multilabels, views = check_views(log_multilabels, views)
    statistics = check_statistics(statistics, log_multilabels)
    share("rate", rate)
    of_views = view_statistics(log_multilabels, views)
    if len(of_views.mean) == 0:
        return statistics
    batch = (of_view.mean(axis=0) for of_view in of_views)
    return ViewStatistics(*((1 - rate) * past + rate * now for past, now in zip(statistics, batch, strict=True)))


@np.errstate(invalid="ignore")
def consistency_loss(log_multilabels: np.ndarray, views: np.ndarray, statistics: ViewStatistics) -> float:
    """L_CML = mean over the V views, and over mean and deviation, of |mean_v - mean|^2 and |std_v - std|^2.

    Views with one image are left out; where none has two, the loss is 0.

    Args:
        log_multilabels: log y, (N, K).
        views: The camera of each image, (N,), any integers.
        statistics: What `next_statistics` makes of this batch; no gradient goes there.

    Returns:
        L_CML.

    Raises:
        ValueError: As `view_statistics`, or if the statistics do not have K numbers each.

    Source:
        Yu et al., CVPR 2019, sec. 3.3, eq. 6; the mean, where the paper has a sum, is that of their code.
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
        L_RJ.

    Raises:
        ValueError: If a shape does not fit, a label is not in [0, K), or the margin is not a finite number of at least
            0.

    Source:
        Yu et al., CVPR 2019, sec. 3.4, eq. 8; the hinge of source images is that of their code.
    """
    source_features, source_labels, target_features, agents = check_source_and_target(
        source_features, source_labels, target_features, agents
    )
    terms = list(((source_features - agents[source_labels]) ** 2).sum(axis=1))
    for features, own in ((source_features, source_labels), (target_features, None)):
        for f, hard in zip(features, hard_agents(features, agents, own, margin=margin), strict=True):
            if hard.any():
                terms.append(relu(margin - ((f - agents[hard]) ** 2).sum(axis=1)).mean())
    return sum(terms, source_features.dtype.type(0)) / max(1, len(terms))


def hard_agents(features: np.ndarray, agents: np.ndarray, own: np.ndarray | None, *, margin: float) -> np.ndarray:
    """Which agents an image is to be pushed away from: f . a > 1 - margin / 2, but for its own.

    Args:
        features: (N, D).
        agents: (K, D).
        own: (N,) integers in [0, K), or None where no agent is an image's own.
        margin: At least 0.

    Returns:
        (N, K), bool.
    """
    hard = (features @ agents.T).real > 1 - non_negative("margin", margin) / 2
    if own is not None:
        hard[np.arange(len(features)), own] = False
    return hard


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
    """The first visit of an image writes its multilabel down, a later one makes (1 - rate) * old + rate * new of it.

    Args:
        memory: Before the batch.
        indices: Which images are in the batch, (N,), distinct integers in [0, M).
        multilabels: Of the batch, (N, K).
        rate: How much of the new goes in.

    Returns:
        The memory with these images visited, whose rows are what this batch's pairs are to be mined with.

    Raises:
        ValueError: If a shape does not fit, an index is not in [0, M) or there twice, or the rate not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
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
    share("rate", rate)
    mixed = (1 - rate) * past[indices] + rate * multilabels
    rows, seen = past.astype(np.result_type(past, multilabels)), visited.copy()
    rows[indices] = np.where(visited[indices, np.newaxis], mixed, multilabels)
    seen[indices] = True
    return MultilabelMemory(rows, seen)


def image_pairs(images: int) -> np.ndarray:
    """All pairs of two images, (0, 1), (0, 2), ..., (1, 2), ...

    Args:
        images: N.

    Returns:
        (N (N - 1) / 2, 2) indices, the smaller in front.

    Raises:
        ValueError: If there is no pair.
    """
    if images < 2:
        raise ValueError(f"There must be at least two images, to make a pair. Received: {images}")
    return np.stack(np.triu_indices(images, 1), axis=1)


def mined_count(pairs: int, mining_ratio: float) -> int:
    """max(1, floor(mining_ratio * pairs)), the product in double precision.

    Args:
        pairs: T.
        mining_ratio: In (0, 1].

    Returns:
        How many pairs are mined.

    Raises:
        ValueError: If the ratio is not in (0, 1].
    """
    return max(1, math.floor(share("mining_ratio", mining_ratio) * pairs))


def check_features_and_agents(features: np.ndarray, agents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both floating matrices, (N, D) and (K, D); ValueError if they are not."""
    features, agents = matrix("features", features, "(N, D)"), matrix("agents", agents, "(K, D)")
    if len(agents) == 0:
        raise ValueError(f"`agents` must have at least one row. Received: shape {agents.shape}")
    because = f"features of shape {features.shape}"
    return features, shaped("agents", agents, (len(agents), features.shape[1]), because)


def check_multilabels(multilabels: np.ndarray, features: np.ndarray) -> np.ndarray:
    """A floating matrix (N, K), one row for each feature; ValueError if it is not."""
    multilabels = matrix("multilabels", multilabels, "(N, K)")
    shape = len(features), multilabels.shape[1]
    return shaped("multilabels", multilabels, shape, f"features of shape {features.shape}")


def check_views(log_multilabels: np.ndarray, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A floating matrix (N, K) and N integers; ValueError if they are not."""
    log_multilabels = matrix("log_multilabels", log_multilabels, "(N, K)")
    because = f"log_multilabels of shape {log_multilabels.shape}"
    return log_multilabels, integer_labels("views", views, len(log_multilabels), because)


def check_statistics(statistics: ViewStatistics, log_multilabels: np.ndarray) -> ViewStatistics:
    """Mean and deviation, both (K,) as in the (N, K) log multilabels; ValueError if they are not."""
    shape, because = log_multilabels.shape[1:], f"log_multilabels of shape {log_multilabels.shape}"
    mean, std = statistics
    return ViewStatistics(
        shaped("statistics.mean", mean, shape, because), shaped("statistics.std", std, shape, because)
    )


def check_source_and_target(
    source_features: np.ndarray, source_labels: np.ndarray, target_features: np.ndarray, agents: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four, floating and integers, once their shapes and the labels' range fit; ValueError if they do not."""
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
