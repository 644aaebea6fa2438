"""Unsupervised adaptation: a model of a labeled source learns from a target of which only the cameras are known."""

from snr_keras.reid.adaptation.loop import adapt
from snr_keras.reid.settings.adaptation import AdaptationConfig

__all__ = ["AdaptationConfig", "adapt"]
