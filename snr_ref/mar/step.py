"""One step of MAR: its four losses, and the state carried between steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snr_ref.gradients import cross_entropy_gradient
from snr_ref.mar.gradients import (
    consistency_gradient,
    discriminative_gradient,
    joint_embedding_gradients,
    log_multilabels_vjp,
)
from snr_ref.mar.losses import (
    ViewStatistics,
    check_source_and_target,
    consistency_loss,
    discriminative_loss,
    joint_embedding_loss,
    next_statistics,
)
from snr_ref.mar.mining import MINING_RATIO, next_threshold
from snr_ref.mar.multilabels import SCALE, MultilabelMemory, log_multilabels, next_memory
from snr_ref.reid_losses import cross_entropy


class AdaptationWeights(NamedTuple):
    """Weights of the losses in the total of a step; the defaults are MAR's. A loss with weight 0 is left out.

    Attributes:
        discriminative: Weight of L_MDL.
        consistency: lambda_1, the weight of L_CML.
        source: lambda_2, the weight of the source's losses.
        joint_embedding: beta, the weight of L_RJ among these.
    """

    discriminative: float = 1.0
    consistency: float = 2e-4
    source: float = 50.0
    joint_embedding: float = 0.2


MAR_WEIGHTS = AdaptationWeights()


class AdaptationState(NamedTuple):
    """The state carried between steps.

    Attributes:
        threshold: Agreement above which a pair is positive, from `initial_threshold`.
        statistics: Statistics of log multilabels, from `initial_statistics`.
        memory: Multilabels of every image of the target domain, from `initial_memory`.
    """

    threshold: float
    statistics: ViewStatistics
    memory: MultilabelMemory


class AdaptationLosses(NamedTuple):
    """The losses of one step.

    Attributes:
        discriminative: L_MDL, 0 in the first epoch.
        consistency: L_CML.
        cross_entropy: CE of the source on the scaled cosines, without label smoothing.
        joint_embedding: L_RJ.
    """

    discriminative: float
    consistency: float
    cross_entropy: float
    joint_embedding: float

    @property
    def total(self) -> float:
        """The total with MAR's weights, L_MDL + 2e-4 L_CML + 50 (CE + 0.2 L_RJ)."""
        return self.weighted(MAR_WEIGHTS)

    def weighted(self, weights: AdaptationWeights) -> float:
        """The total with these weights."""
        source = _sum((1.0, self.cross_entropy), (weights.joint_embedding, self.joint_embedding))
        return _sum(
            (weights.discriminative, self.discriminative),
            (weights.consistency, self.consistency),
            (weights.source, source),
        )


def _sum(*weighted: tuple[float, float]) -> float:
    """The sum of weight * loss; a loss with weight 0 is left out, even if it is infinite."""
    return sum((weight * loss for weight, loss in weighted if weight), start=0.0)


def adaptation_step(
    state: AdaptationState,
    source_features: np.ndarray,
    source_labels: np.ndarray,
    target_features: np.ndarray,
    target_views: np.ndarray,
    target_indices: np.ndarray,
    agents: np.ndarray,
    *,
    epoch: int,
    mining_ratio: float = MINING_RATIO,
    margin: float = 1.0,
    scale: float = SCALE,
) -> tuple[AdaptationLosses, AdaptationState]:
    """The losses of one step, and the state after it.

    First the statistics are updated with the batch, and L_CML is computed with them. From the second epoch on (`epoch`
    at least 1) the memory is then updated, pairs are mined with its rows and the old threshold, and last the threshold
    is updated with the rows. In the first epoch L_MDL is 0, and the memory and the threshold do not change.

    Args:
        state: State before the step.
        source_features: Features of the source images, (N, D), of unit length, N at least 1.
        source_labels: Identities, (N,), integers in [0, K).
        target_features: Features of the target images, (M, D), of unit length.
        target_views: Camera of each target image, (M,), any integers.
        target_indices: Indices of the target images, (M,), distinct.
        agents: Agents A, (K, D), of unit length: the rows of the classifier.
        epoch: Number of the epoch, from 0.
        mining_ratio: Fraction of the target pairs to mine, in (0, 1].
        margin: Margin of L_RJ, at least 0.
        scale: Factor of the cosines before a softmax.

    Returns:
        The losses and the next state.

    Raises:
        ValueError: As for the functions of the four losses; also if the epoch is not an integer of at least 0.

    Source:
        Yu et al., CVPR 2019, sec. 3.5. The order and the schedule follow their code.
    """
    source_features, source_labels, target_features, agents = check_source_and_target(
        source_features, source_labels, target_features, agents
    )
    fixed = agents.real  # no gradient, so no complex step either
    log_y = log_multilabels(target_features, fixed, scale=scale)
    seen = take_in(state, log_y.real, target_views, target_indices, source_images=len(source_features), epoch=epoch)
    discriminative = log_y.dtype.type(0)
    if epoch > 0:
        rows = seen.memory.multilabels[target_indices]
        discriminative = discriminative_loss(target_features, rows, seen.threshold, mining_ratio=mining_ratio)
        seen = seen._replace(threshold=next_threshold(seen.threshold, rows, mining_ratio=mining_ratio))
    losses = AdaptationLosses(
        discriminative=discriminative,
        consistency=consistency_loss(log_y, target_views, seen.statistics),
        cross_entropy=cross_entropy(scale * (source_features @ agents.T), source_labels, label_smoothing=0.0),
        joint_embedding=joint_embedding_loss(source_features, source_labels, target_features, fixed, margin=margin),
    )
    return losses, seen


def adaptation_gradients(
    state: AdaptationState,
    source_features: np.ndarray,
    source_labels: np.ndarray,
    target_features: np.ndarray,
    target_views: np.ndarray,
    target_indices: np.ndarray,
    agents: np.ndarray,
    *,
    epoch: int,
    mining_ratio: float = MINING_RATIO,
    margin: float = 1.0,
    scale: float = SCALE,
    weights: AdaptationWeights = MAR_WEIGHTS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of the total of `adaptation_step` with respect to the features of both domains and the agents.

    The gradient of the agents comes from the cross-entropy alone.

    Args:
        state: State before the step.
        source_features: Features of the source images, (N, D), of unit length, N at least 1.
        source_labels: Identities, (N,), integers in [0, K).
        target_features: Features of the target images, (M, D), of unit length.
        target_views: Camera of each target image, (M,), any integers.
        target_indices: Indices of the target images, (M,), distinct.
        agents: Agents A, (K, D), of unit length.
        epoch: Number of the epoch, from 0.
        mining_ratio: Fraction of the target pairs to mine, in (0, 1].
        margin: Margin of L_RJ, at least 0.
        scale: Factor of the cosines before a softmax.
        weights: Weights of the losses in the total.

    Returns:
        The gradients of the source features, (N, D), the target features, (M, D), and the agents, (K, D). For vectors
        of any length, apply `snr_ref.gradients.unit_vjp`.

    Raises:
        ValueError: As for `adaptation_step`.
    """
    source_features, source_labels, target_features, agents = check_source_and_target(
        source_features, source_labels, target_features, agents
    )
    log_y = log_multilabels(target_features, agents, scale=scale)
    seen = take_in(state, log_y, target_views, target_indices, source_images=len(source_features), epoch=epoch)
    of_consistency = consistency_gradient(log_y, target_views, seen.statistics)
    of_scores = scale * cross_entropy_gradient(scale * (source_features @ agents.T), source_labels, label_smoothing=0.0)
    of_source, of_target = joint_embedding_gradients(
        source_features, source_labels, target_features, agents, margin=margin
    )
    target = weights.consistency * log_multilabels_vjp(target_features, agents, of_consistency, scale=scale)
    target += weights.source * weights.joint_embedding * of_target
    if epoch > 0:
        rows = seen.memory.multilabels[target_indices]
        target += weights.discriminative * discriminative_gradient(
            target_features, rows, seen.threshold, mining_ratio=mining_ratio
        )
    source = weights.source * (of_scores @ agents + weights.joint_embedding * of_source)
    return source, target, weights.source * of_scores.T @ source_features


def take_in(
    state: AdaptationState,
    log_multilabels: np.ndarray,
    views: np.ndarray,
    indices: np.ndarray,
    *,
    source_images: int,
    epoch: int,
) -> AdaptationState:
    """The state with updated statistics and, from the second epoch on, an updated memory; the threshold unchanged."""
    check_epoch(epoch)
    rate = (source_images + len(log_multilabels)) / 10_000
    state = state._replace(statistics=next_statistics(state.statistics, log_multilabels, views, rate=rate))
    if epoch > 0:
        state = state._replace(memory=next_memory(state.memory, indices, np.exp(log_multilabels)))
    return state


def check_epoch(epoch: int) -> None:
    """Raises ValueError if the epoch is not an integer of at least 0."""
    if not isinstance(epoch, (int, np.integer)) or isinstance(epoch, bool) or epoch < 0:
        raise ValueError(f"`epoch` must be an integer of at least 0. Received: {epoch!r}")
