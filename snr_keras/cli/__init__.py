"""The command `snr`."""

import importlib.util
import sys

from snr_ref.conformance.streams import escape_the_unencodable

NEEDS = ("typer", "rich", "matplotlib")


def main() -> None:
    """Run the command line; say what to install where a package that it needs is missing."""
    escape_the_unencodable()
    missing = [package for package in NEEDS if importlib.util.find_spec(package) is None]
    if missing:
        sys.exit(f'snr needs {", ".join(missing)}. Install with: pip install "snr-reid[cli]"')
    from snr_keras.cli.app import app

    app()
