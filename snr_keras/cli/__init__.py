"""The command `snr`."""

import io
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from snr_keras.cli.versions import versions

# The packages of the extra `cli`.
NEEDS = ("typer", "rich", "matplotlib", "filelock", "pydantic", "scipy", "keras", "tensorflow", "threadpoolctl")


def main() -> None:
    """Run the command line, or without the extra `cli` the part of it that needs only NumPy."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # characters that a stream cannot show must not stop it
    if missing := [package for package in NEEDS if find_spec(package) is None]:
        sys.exit(_without(missing, sys.argv[1:]))
    from snr_keras.cli.app import app

    app(prog_name="snr")


def _without(missing: Sequence[str], arguments: Sequence[str]) -> int | str:
    """The exit status if packages are missing, or the message in place of a command that needs them."""
    install = 'pip install "snr-reid[cli]"'
    match arguments:
        case ["parity", *rest]:
            from snr_ref.conformance.cli import main as parity

            return parity(rest or ["--help"], prog="snr parity")
        case ["--version"]:
            print(versions())
            return 0
        case [command, *_] if not command.startswith("-"):
            return f"snr {command} needs {', '.join(missing)}: {install}"
        case _:
            return f"snr parity checks an implementation of SNR. The other commands of snr need: {install}"
