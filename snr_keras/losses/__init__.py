"""Losses of re-identification."""

from snr_keras.losses.batch_hard_triplet import BatchHardTripletLoss
from snr_keras.losses.cross_entropy import CrossEntropyLoss
from snr_keras.losses.distances import cosine_distance, euclidean_distance
from snr_keras.losses.dual_causality import DualCausalityLoss

__all__ = ["BatchHardTripletLoss", "CrossEntropyLoss", "DualCausalityLoss", "cosine_distance", "euclidean_distance"]
