"""Style Normalization and Restitution, specified: NumPy only, float64, each equation its own function."""

from snr_ref.closed_form import snr_closed_form
from snr_ref.distances import cosine_distance, euclidean_distance
from snr_ref.dual_causality import DualCausality, dual_causality_loss, sample_triplets
from snr_ref.instance_norm import instance_norm, mean_pool
from snr_ref.reid_losses import RESNET50_WEIGHTS, batch_hard_triplet_loss, cross_entropy, total_objective
from snr_ref.restitution import SNROutputs, SNRParams, channel_attention, initial_params, snr

__all__ = [
    "RESNET50_WEIGHTS",
    "DualCausality",
    "SNROutputs",
    "SNRParams",
    "batch_hard_triplet_loss",
    "channel_attention",
    "cosine_distance",
    "cross_entropy",
    "dual_causality_loss",
    "euclidean_distance",
    "initial_params",
    "instance_norm",
    "mean_pool",
    "sample_triplets",
    "snr",
    "snr_closed_form",
    "total_objective",
]
