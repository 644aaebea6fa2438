"""JSON that holds a checksum of itself: what a disk or a hand changed later is not taken for what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snr_keras.files.atomic import write_json
from snr_keras.files.forms import Form, parse_json, read_json

SEAL = "seal"
"""The key of the checksum: SHA-256 of the values and not of how they are laid out."""


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of JSON with its seal, which is its last entry."""
    write_json(path, {**content, SEAL: _digest(content)})


def read_sealed(path: Path, form: type[Form]) -> Form:
    """What is in a file of JSON, without its seal.

    A file without a seal, of an earlier version or of somebody who took it off, is read as it is.

    Args:
        path: Of the file.
        form: What it must be.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not what was sealed, or as `read_json`.
    """
    content = read_json(path, dict[str, Any])
    expected = content.pop(SEAL, None)
    if expected is not None and expected != (found := _digest(content)):
        raise ValueError(
            f"{str(path)!r} was changed after it was written: its seal is of other content. If a disk did it, take the "
            f"file from a copy; if you did, and mean it, delete the entry {SEAL!r}. Expected: {SEAL}={found!r}. "
            f"Received: {SEAL}={expected!r}"
        )
    return parse_json(json.dumps(content), form, repr(str(path)))


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
