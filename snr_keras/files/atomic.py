"""Writing: whoever looks finds the old file or the new one, whole, whatever happens to the process or the disk."""

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
"""What the names of files and folders begin with while they are written, or if the process died then."""

_NO_ROOM = {number: os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
_SAID_BY_LIBRARIES = re.compile(r"No space left on device|Disk quota exceeded|File too large|errno ?= ?(\d+)")


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """For what writes a file or folder: a full disk, which each library has an error of its own for, is one error.

    Args:
        path: What the error names: what was asked for, wherever it is written at first.

    Raises:
        OSError: If there is no room. Whatever else the block raises, it raises.
    """
    try:
        yield
    except Exception as error:
        if reason := no_room(error):
            raise OSError(f"{path} could not be written: {reason}") from error
        raise


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file that appears under its name when the block ends well, and not at all otherwise.

    Args:
        path: Of the file; its folder is made if it is not there.

    Yields:
        The path to write to: in the same folder, of the same extension, of a name that no other process has.

    Raises:
        OSError: If there is no room; the message names the file. Whatever else the block raises, it raises.
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
    """A folder that appears under its name, with all that is in it, when the block ends well, and not at all otherwise.

    Args:
        path: Of the folder, which must be absent or empty when the block ends.

    Yields:
        The path of an empty folder to fill, beside it.

    Raises:
        OSError: If there is no room, or something is at the path; the message names it.
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
    """Append a line to a file of text, in UTF-8, all of it or nothing.

    Raises:
        OSError: If there is no room; the message names the file.
    """
    left = f"{line}\n".encode()
    with room_for(path), open(path, "ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            while left:  # a disk that gets full takes a part and says nothing
                left = left[file.write(left) :]
        except OSError:
            file.truncate(before)
            raise


def _beside(path: Path) -> Path:
    return path.with_name(f"{UNFINISHED}{uuid.uuid4().hex[:12]}{path.suffix}")


def no_room(error: BaseException) -> str | None:
    """That a disk has no room, if this is what an error says; HDF5, FAISS and others say it in words alone."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return _NO_ROOM[error.errno]
    said = _SAID_BY_LIBRARIES.search(str(error))
    if said is None:
        return None
    return said[0] if said[1] is None else _NO_ROOM.get(int(said[1]))
