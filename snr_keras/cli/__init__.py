"""The command `snr`."""

import importlib.util
import os
import sys

NEEDS = ("typer", "rich", "matplotlib")


def main() -> None:
    """Run the command line; say what to install where a package that it needs is missing."""
    missing = [package for package in NEEDS if importlib.util.find_spec(package) is None]
    if missing:
        sys.exit(f'snr needs {", ".join(missing)}. Install with: pip install "snr-reid[cli]"')
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greetings would drown ours
    from snr_keras.cli.app import app

    app()
