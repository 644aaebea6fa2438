"""JSON files that contain their own checksum, so that later changes by a disk or a person are noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snr_keras.files.atomic import write_json
from snr_keras.files.forms import Form, parse_json, read_json

SEAL = "seal"
"""The key of the checksum, the SHA-256 of the values, independent of their layout."""


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file with its seal as the last entry."""
    write_json(path, {**content, SEAL: _digest(content)})


def read_sealed(path: Path, form: type[Form]) -> Form:
    """The content of a JSON file, without its seal.

    A file without a seal, from an earlier version or after a person removed it, is read unchecked.

    Args:
        path: Path of the file.
        form: Type of the content.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not what was sealed, or as for `read_json`.
    """
    content = read_json(path, dict[str, Any])
    expected = content.pop(SEAL, None)
    if expected is not None and expected != (found := _digest(content)):
        raise ValueError(
            f"{str(path)!r} was changed after it was written: its seal does not match its content. If a disk did it, "
            f"restore the file from a copy; if you changed it, delete the entry {SEAL!r}. Expected: {SEAL}={found!r}. "
            f"Received: {SEAL}={expected!r}"
        )
    return parse_json(json.dumps(content), form, repr(str(path)))


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
