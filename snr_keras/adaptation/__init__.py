"""Unsupervised adaptation: a model of a labeled source learns from a target of which only the cameras are known."""

from snr_keras.adaptation.config import AdaptationConfig
from snr_keras.adaptation.loop import adapt

__all__ = ["AdaptationConfig", "adapt"]
