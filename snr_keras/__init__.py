"""SNR for Keras 3: the layer, its losses, and what trains and evaluates models for person re-identification.

Importing this package registers its layers, losses, models and schedules with Keras, so that a saved model loads. Where
Keras is not installed there is the version, and of the command `snr` what needs no Keras.
"""

import sys
from importlib.util import find_spec
from pathlib import Path


def _is_the_command() -> bool:
    """Whether this process is the command `snr`, which answers before Keras is there and imports it when it has to."""
    if sys.argv[:1] == ["-m"]:
        return "snr_keras.cli" in sys.orig_argv
    return bool(sys.argv) and Path(sys.argv[0]).name in ("snr", "snr.exe")


__all__: list[str] = []

if not _is_the_command():
    from snr_ref import __version__

    __all__ += ["__version__"]
    if find_spec("keras") is not None:
        from snr_keras import layers, losses, models, schedules

        __all__ += ["layers", "losses", "models", "schedules"]
