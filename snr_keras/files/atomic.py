"""Atomic writes: readers find the old file or the new one, complete, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished-"
"""Prefix of the names of files and folders that are still being written, or whose process died."""

_NO_ROOM = {number: os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
_SAID_BY_LIBRARIES = re.compile(r"No space left on device|Disk quota exceeded|File too large|errno ?= ?(\d+)")


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Within this context, the different errors by which libraries report a full disk become one error.

    Args:
        path: File to name in the error: the requested path, wherever the data is written first.

    Raises:
        OSError: If the disk is full. Other errors of the block pass through.
    """
    try:
        yield
    except Exception as error:
        if reason := no_room(error):
            raise OSError(f"{path} could not be written: {reason}") from error
        raise


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file that appears under its name when the block succeeds, and not at all otherwise.

    Args:
        path: Final path; its folder is created if necessary.

    Yields:
        The path to write to: in the same folder, with the same extension and a name that no other process has.

    Raises:
        OSError: If the disk is full; the message names the file. Other errors of the block pass through.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(path)
    with room_for(path):
        try:
            yield unfinished
            with open(unfinished, "rb") as file:
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears under its name, with all its content, when the block succeeds, and not at all otherwise.

    Args:
        path: Final path, which must be absent or an empty folder when the block ends.

    Yields:
        The path of an empty folder to fill, next to it.

    Raises:
        OSError: If the disk is full, or something is at the path; the message names it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(path)
    with room_for(path):
        try:
            unfinished.mkdir()
            yield unfinished
            if path.is_dir():
                path.rmdir()
            unfinished.rename(path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of bytes."""
    with new_file(path) as unfinished:
        unfinished.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a file of text, in UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write a file of JSON."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def append_line(path: Path, line: str) -> None:
    """Append a line to a text file in UTF-8, completely or not at all.

    Raises:
        OSError: If the disk is full; the message names the file.
    """
    left = f"{line}\n".encode()
    with room_for(path), open(path, "ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            while left:  # a disk that becomes full takes a part without an error
                left = left[file.write(left) :]
        except OSError:
            file.truncate(before)
            raise


def _beside(path: Path) -> Path:
    return path.with_name(f"{UNFINISHED}{uuid.uuid4().hex[:12]}{path.suffix}")


def no_room(error: BaseException) -> str | None:
    """The message if an error says that a disk is full, else None; HDF5, FAISS and others say so in words only."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return _NO_ROOM[error.errno]
    said = _SAID_BY_LIBRARIES.search(str(error))
    if said is None:
        return None
    return said[0] if said[1] is None else _NO_ROOM.get(int(said[1]))
