"""One step of MAR, its four losses and the state carried between steps: `snr_ref.mar.step` in Keras."""

from __future__ import annotations

from typing import Any

from keras import ops

from snr_keras.losses._products import product
from snr_keras.losses.cross_entropy import CrossEntropyLoss
from snr_keras.losses.mar.losses import discriminative_loss, joint_embedding_loss, source_and_target
from snr_keras.losses.mar.mining import next_threshold
from snr_keras.losses.mar.multilabels import log_multilabels, next_memory
from snr_keras.losses.mar.view_consistency import consistency_loss, next_statistics
from snr_ref.mar.mining import MINING_RATIO
from snr_ref.mar.multilabels import SCALE
from snr_ref.mar.step import AdaptationLosses, AdaptationState, check_epoch


def adaptation_step(
    state: AdaptationState,
    source_features: Any,
    source_labels: Any,
    target_features: Any,
    target_views: Any,
    target_indices: Any,
    agents: Any,
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

    Differentiate the losses' total with respect to the features and the agents. The gradient of the agents comes from
    the cross-entropy alone, and the state has no gradient.

    Args:
        state: State before the step.
        source_features: Features of the source images, (N, D), of unit length, N at least 1.
        source_labels: Identities, (N,), integers in [0, K).
        target_features: Features of the target images, (M, D), of unit length.
        target_views: Camera of each target image, (M,), any integers.
        target_indices: Indices of the target images, (M,), distinct.
        agents: Agents A, (K, D), of unit length: the rows of the classifier.
        epoch: Number of the epoch, from 0; a Python integer, since the first epoch compiles to another function.
        mining_ratio: Fraction of the target pairs to mine, in (0, 1].
        margin: Margin of L_RJ, at least 0.
        scale: Factor of the cosines before a softmax.

    Returns:
        The losses, scalars, and the next state, in float32 (float64 for float64 features).

    Raises:
        ValueError: As for the functions of the four losses; also if the epoch is not an integer of at least 0.

    Source:
        Yu et al., CVPR 2019, sec. 3.5. The order and the schedule follow their code.
    """
    check_epoch(epoch)
    source_features, source_labels, target_features, agents = source_and_target(
        source_features, source_labels, target_features, agents
    )
    threshold, statistics, memory = state
    log_y = log_multilabels(target_features, agents, scale=scale)
    seen, rate = ops.stop_gradient(log_y), (source_features.shape[0] + target_features.shape[0]) / 10_000
    statistics = next_statistics(statistics, seen, target_views, rate=rate)
    discriminative = ops.zeros((), log_y.dtype)
    if epoch > 0:
        memory = next_memory(memory, target_indices, ops.exp(seen))
        rows = ops.take(memory.multilabels, target_indices, axis=0)
        discriminative = discriminative_loss(target_features, rows, threshold, mining_ratio=mining_ratio)
        threshold = next_threshold(threshold, rows, mining_ratio=mining_ratio)
    scores = scale * product(source_features, ops.transpose(agents))
    losses = AdaptationLosses(
        discriminative=discriminative,
        consistency=consistency_loss(log_y, target_views, statistics),
        cross_entropy=CrossEntropyLoss(label_smoothing=0.0, dtype=scores.dtype)(source_labels, scores),
        joint_embedding=joint_embedding_loss(source_features, source_labels, target_features, agents, margin=margin),
    )
    return losses, AdaptationState(threshold, statistics, memory)
