"""SNR for Keras 3: the layer, its losses, and what trains and evaluates models for person re-identification.

Importing this package registers its layers, losses, models and schedules with Keras, so that a saved model loads.
"""

from snr_keras import layers, losses, models, schedules
from snr_ref import __version__

__all__ = ["__version__", "layers", "losses", "models", "schedules"]
