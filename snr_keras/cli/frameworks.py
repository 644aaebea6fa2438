"""Keras and its backend, loaded when a command has to compute, without TensorFlow's own log lines."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snr_keras.cli.console import say_error

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_GPUS = Path("/proc/driver/nvidia/gpus")


def load_keras() -> None:
    """Import Keras and its backend; print only what a user has to know of them.

    If the user has set TF_CPP_MIN_LOG_LEVEL, that is the log.
    """
    if LOG_LEVEL not in os.environ:
        os.environ[LOG_LEVEL] = "3"
        with _silent_stderr():
            import keras  # noqa: F401
    _warn_of_an_idle_gpu()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Within this context, standard error is discarded, C++'s too: some lines come before any log level is read."""
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def _warn_of_an_idle_gpu() -> None:
    import keras

    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if hidden or not _GPUS.is_dir() or not any(_GPUS.iterdir()) or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        say_error(
            "TensorFlow does not use the NVIDIA GPU of this machine. To use it: pip install "
            '"tensorflow[and-cuda]"; to ignore it without this message: CUDA_VISIBLE_DEVICES=-1.',
            label="warning:",
        )
