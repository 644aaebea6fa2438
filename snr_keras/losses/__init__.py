"""Losses of re-identification, the dual constraint in both forms, and MAR's losses for an unlabeled domain."""

from snr_keras import _keras as _keras
from snr_keras.losses.batch_hard_triplet import BatchHardTripletLoss
from snr_keras.losses.cross_entropy import CrossEntropyLoss
from snr_keras.losses.distances import cosine_distance, euclidean_distance, unit
from snr_keras.losses.dual_causality import DualCausalityLoss
from snr_keras.losses.dual_restitution import DualRestitutionLoss
from snr_keras.losses.mar.losses import discriminative_loss, joint_embedding_loss
from snr_keras.losses.mar.mining import MinedPairs, initial_threshold, mine_pairs, next_threshold
from snr_keras.losses.mar.multilabels import (
    initial_memory,
    log_multilabels,
    multilabel_agreement,
    next_memory,
    soft_multilabels,
)
from snr_keras.losses.mar.step import adaptation_step
from snr_keras.losses.mar.view_consistency import consistency_loss, initial_statistics, next_statistics
from snr_ref import AdaptationLosses, AdaptationState, AdaptationWeights, MultilabelMemory, ViewStatistics

__all__ = [
    "AdaptationLosses",
    "AdaptationState",
    "AdaptationWeights",
    "BatchHardTripletLoss",
    "CrossEntropyLoss",
    "DualCausalityLoss",
    "DualRestitutionLoss",
    "MinedPairs",
    "MultilabelMemory",
    "ViewStatistics",
    "adaptation_step",
    "consistency_loss",
    "cosine_distance",
    "discriminative_loss",
    "euclidean_distance",
    "initial_memory",
    "initial_statistics",
    "initial_threshold",
    "joint_embedding_loss",
    "log_multilabels",
    "mine_pairs",
    "multilabel_agreement",
    "next_memory",
    "next_statistics",
    "next_threshold",
    "soft_multilabels",
    "unit",
]
