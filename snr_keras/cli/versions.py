"""`snr --version`: the versions for a bug report, found without importing the packages."""

import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path


def versions() -> str:
    """One line each for Python, this package, NumPy, Keras and its backend."""
    return "\n".join([f"python {platform.python_version()} on {platform.platform()}", *_packages()])


def _packages() -> Iterator[str]:
    from importlib.metadata import PackageNotFoundError, version  # a fifth of the time in which `snr --help` answers

    for package in ("snr-reid", "numpy", "keras", _backend()):
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} is not installed"


def _backend() -> str:
    """The backend that Keras would use, by its own rules: the environment, keras.json, or TensorFlow."""
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend
    try:
        settings = json.loads((Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "keras.json").read_text())
        return str(settings["backend"])
    except (OSError, ValueError, LookupError, TypeError):
        return "tensorflow"
