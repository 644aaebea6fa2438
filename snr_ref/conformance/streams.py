"""Standard streams that accept every text, whatever their encoding."""

from __future__ import annotations

import io
import sys


def escape_the_unencodable() -> None:
    """Make standard output and standard error escape characters that their encoding lacks, instead of raising an error.

    Call it before a program prints. The name of a file may have characters that the terminal's code page lacks, or
    bytes that are not characters.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
