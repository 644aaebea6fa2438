"""The custom training loop, its step and its objective."""

from snr_keras.reid.training.gates import read_gates
from snr_keras.reid.training.loop import train
from snr_keras.reid.training.objective import reid_objective

__all__ = ["read_gates", "reid_objective", "train"]
