"""Unsupervised adaptation of a source model to a target of which only the cameras are known."""

from snr_keras.reid.adaptation.loop import adapt
from snr_keras.reid.settings.adaptation import AdaptationConfig

__all__ = ["AdaptationConfig", "adapt"]
