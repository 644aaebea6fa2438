"""ZIP archives as Keras, NumPy and PyTorch write them: uncompressed members, each with a checksum."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from snr_keras.files.regular import open_regular


@contextmanager
def stored_archive(source: str | os.PathLike[str] | BinaryIO) -> Iterator[zipfile.ZipFile]:
    """A complete archive whose members together are no larger than the file, so that none is a bomb.

    Args:
        source: Path of the archive, or the open file.

    Raises:
        OSError: As for `open_regular`.
        ValueError: If a member is compressed, damaged, or larger than possible.
        Others: On damaged files zipfile may raise other errors, such as EOFError.
    """
    with open_regular(source) if isinstance(source, str | os.PathLike) else source as file:
        size = file.seek(0, os.SEEK_END)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if compressed := [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]:
                raise ValueError(f"{compressed[0]} is compressed; expected members that are stored uncompressed")
            if (declared := sum(member.file_size for member in members)) > size:
                raise ValueError(f"its members have {declared} bytes; expected at most the file's {size}")
            if damaged := archive.testzip():  # in blocks
                raise ValueError(f"{damaged} does not have the checksum that was written")
            yield archive
