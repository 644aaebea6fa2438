"""SNR for Keras 3: the layer, its losses, and training and evaluation of models for person re-identification.

Importing this package registers its layers, losses, models and schedules with Keras, so that saved models load. Without
Keras it has only the version, and the parts of the command `snr` that do not need Keras.
"""

import sys
from importlib.util import find_spec
from pathlib import Path


def _is_the_command() -> bool:
    """Whether this process is the command `snr`, which imports Keras only when it needs it."""
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
