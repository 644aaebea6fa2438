"""The schema of the files: their names, their versions, and how a value is stored."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

#: Root attribute `format` of the two kinds of file.
VECTORS = "snr golden vectors"
OUTPUTS = "snr outputs"

#: It grows by one whenever programs that read the files must change.
FORMAT_VERSION = 1

#: The attributes that have a meaning; others are allowed and never read.
ATTRIBUTES = frozenset(
    {"format", "format_version", "specification_version", "about", "required"}
    | {"function", "kind", "reason", "clauses", "dtypes"}
    | {"implementation", "vectors_sha256"}
)

KINDS = ("numbers", "pattern", "refusal")


def stored(value: Any) -> np.ndarray:
    """A value as stored in the file: float64, int64, uint8 for booleans, or text of a fixed length.

    Text is typed as ASCII if possible: some programs, such as Octave, cannot read UTF-8.

    Args:
        value: A number, a boolean, a text, or an array or a sequence of numbers.

    Returns:
        The array to write, with rank 0 for scalars.

    Raises:
        TypeError: If the format cannot store such a value.
    """
    if isinstance(value, str):
        text = value.encode()
        return np.array(text, h5py.string_dtype("ascii" if value.isascii() else "utf-8", max(1, len(text))))
    array = np.asarray(value)
    if array.dtype == np.float64 or array.dtype == np.int64:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    raise TypeError(f"The format stores float64, int64, booleans and text. Received: {array.dtype} in {value!r}")


def restored(value: np.ndarray | str) -> Any:
    """The value that was stored; rank 0 gives a Python number."""
    if isinstance(value, str):
        return value
    array = value.astype(np.bool_) if value.dtype == np.uint8 else value
    return array if array.ndim else array.item()
