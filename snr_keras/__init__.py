"""SNR for Keras 3: the layer, its losses, and what trains and evaluates models for person re-identification.

Importing this package registers its layers, losses, models and schedules with Keras, so that a saved model loads. Where
Keras is not installed there is the version, and of the command `snr` what needs no Keras.
"""

from importlib.util import find_spec

from snr_ref import __version__

__all__ = ["__version__"]

if find_spec("keras") is not None:
    from snr_keras import layers, losses, models, schedules

    __all__ += ["layers", "losses", "models", "schedules"]
