"""Losses of re-identification, and the dual constraint in both of its forms."""

from snr_keras.losses.batch_hard_triplet import BatchHardTripletLoss
from snr_keras.losses.cross_entropy import CrossEntropyLoss
from snr_keras.losses.distances import cosine_distance, euclidean_distance
from snr_keras.losses.dual_causality import DualCausalityLoss
from snr_keras.losses.dual_restitution import DualRestitutionLoss

__all__ = [
    "BatchHardTripletLoss",
    "CrossEntropyLoss",
    "DualCausalityLoss",
    "DualRestitutionLoss",
    "cosine_distance",
    "euclidean_distance",
]
