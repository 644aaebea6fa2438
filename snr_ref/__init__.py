"""Style Normalization and Restitution, specified: NumPy only, float64, each equation its own function."""

from snr_ref.closed_form import snr_closed_form
from snr_ref.distances import cosine_distance, euclidean_distance
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
)
from snr_ref.instance_norm import instance_norm, mean_pool
from snr_ref.re_ranking import re_ranking
from snr_ref.reid_losses import RESNET50_WEIGHTS, batch_hard_triplet_loss, cross_entropy, total_objective
from snr_ref.restitution import SNROutputs, SNRParams, channel_attention, initial_params, snr
from snr_ref.retrieval import RetrievalResult, evaluate_retrieval
from snr_ref.verification import VerificationResult, evaluate_verification

__all__ = [
    "RESNET50_WEIGHTS",
    "DualCausality",
    "DualRestitution",
    "RetrievalResult",
    "SNROutputs",
    "SNRParams",
    "VerificationResult",
    "batch_hard_triplet_gradient",
    "batch_hard_triplet_loss",
    "channel_attention",
    "channel_attention_vjp",
    "cosine_distance",
    "cosine_distance_vjp",
    "cross_entropy",
    "cross_entropy_gradient",
    "dual_causality_gradients",
    "dual_causality_loss",
    "dual_restitution_gradients",
    "dual_restitution_loss",
    "euclidean_distance",
    "euclidean_distance_vjp",
    "evaluate_retrieval",
    "evaluate_verification",
    "initial_params",
    "instance_norm",
    "instance_norm_vjp",
    "mean_pool",
    "pixelwise_dual_restitution_gradients",
    "pixelwise_dual_restitution_loss",
    "re_ranking",
    "sample_triplets",
    "snr",
    "snr_closed_form",
    "snr_vjp",
    "total_objective",
]
