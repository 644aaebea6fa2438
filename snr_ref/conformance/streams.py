"""Standard streams that show every text, whatever their encoding."""

from __future__ import annotations

import io
import sys


def escape_the_unencodable() -> None:
    """Make standard output and standard error escape what their encoding lacks, where they would raise an error.

    For programs, before they print. A name of a file may have characters that a terminal's code page does not have, or
    bytes that are no characters at all.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
