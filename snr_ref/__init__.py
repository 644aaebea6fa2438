"""The specification of Style Normalization and Restitution: NumPy, float64, one function for each equation."""

from snr_ref._version import __version__ as __version__
from snr_ref.closed_form import snr_closed_form
from snr_ref.distances import cosine_distance, euclidean_distance, unit
from snr_ref.dual_causality import DualCausality, dual_causality_loss, sample_triplets
from snr_ref.dual_restitution import (
    DualRestitution,
    dual_restitution_gradients,
    dual_restitution_loss,
    pixelwise_dual_restitution_gradients,
    pixelwise_dual_restitution_loss,
)
from snr_ref.gradients import (
    batch_hard_triplet_gradient,
    channel_attention_vjp,
    cosine_distance_vjp,
    cross_entropy_gradient,
    dual_causality_gradients,
    euclidean_distance_vjp,
    instance_norm_vjp,
    snr_vjp,
    unit_vjp,
)
from snr_ref.instance_norm import instance_norm, mean_pool
from snr_ref.mar.gradients import (
    consistency_gradient,
    discriminative_gradient,
    joint_embedding_gradients,
    log_multilabels_vjp,
)
from snr_ref.mar.losses import (
    ViewStatistics,
    consistency_loss,
    discriminative_loss,
    initial_statistics,
    joint_embedding_loss,
    next_statistics,
)
from snr_ref.mar.mining import MinedPairs, initial_threshold, mine_pairs, next_threshold
from snr_ref.mar.multilabels import (
    MultilabelMemory,
    initial_memory,
    log_multilabels,
    multilabel_agreement,
    next_memory,
    soft_multilabels,
)
from snr_ref.mar.step import (
    AdaptationLosses,
    AdaptationState,
    AdaptationWeights,
    adaptation_gradients,
    adaptation_step,
)
from snr_ref.re_ranking import re_ranking
from snr_ref.reid_losses import RESNET50_WEIGHTS, batch_hard_triplet_loss, cross_entropy, total_objective
from snr_ref.restitution import SNROutputs, SNRParams, channel_attention, initial_params, snr
from snr_ref.retrieval import RetrievalResult, evaluate_retrieval
from snr_ref.verification import VerificationResult, evaluate_verification

__all__ = [
    "RESNET50_WEIGHTS",
    "AdaptationLosses",
    "AdaptationState",
    "AdaptationWeights",
    "DualCausality",
    "DualRestitution",
    "MinedPairs",
    "MultilabelMemory",
    "RetrievalResult",
    "SNROutputs",
    "SNRParams",
    "VerificationResult",
    "ViewStatistics",
    "adaptation_gradients",
    "adaptation_step",
    "batch_hard_triplet_gradient",
    "batch_hard_triplet_loss",
    "channel_attention",
    "channel_attention_vjp",
    "consistency_gradient",
    "consistency_loss",
    "cosine_distance",
    "cosine_distance_vjp",
    "cross_entropy",
    "cross_entropy_gradient",
    "discriminative_gradient",
    "discriminative_loss",
    "dual_causality_gradients",
    "dual_causality_loss",
    "dual_restitution_gradients",
    "dual_restitution_loss",
    "euclidean_distance",
    "euclidean_distance_vjp",
    "evaluate_retrieval",
    "evaluate_verification",
    "initial_memory",
    "initial_params",
    "initial_statistics",
    "initial_threshold",
    "instance_norm",
    "instance_norm_vjp",
    "joint_embedding_gradients",
    "joint_embedding_loss",
    "log_multilabels",
    "log_multilabels_vjp",
    "mean_pool",
    "mine_pairs",
    "multilabel_agreement",
    "next_memory",
    "next_statistics",
    "next_threshold",
    "pixelwise_dual_restitution_gradients",
    "pixelwise_dual_restitution_loss",
    "re_ranking",
    "sample_triplets",
    "snr",
    "snr_closed_form",
    "snr_vjp",
    "soft_multilabels",
    "total_objective",
    "unit",
    "unit_vjp",
]
