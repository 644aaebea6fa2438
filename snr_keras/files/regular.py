"""Opening of regular files only: a named pipe would block for ever, a device has no end."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotARegularFileError(OSError):
    """A path that is not a regular file; `strerror` says what it is, in a few words."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(errno.EINVAL, f"not a regular file but {kind}", path)

    def __str__(self) -> str:
        """The error in this package's form."""
        return f"Expected a regular file. Received: {self.filename!r}, {self.strerror}"


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """A file, open for reading.

    Args:
        path: Path of the file; symbolic links are followed.

    Raises:
        NotARegularFileError: If it is a folder, a pipe, a socket or a device. This is an `OSError`.
        OSError: If it cannot be opened.
    """
    # Without O_NONBLOCK, opening a pipe blocks until a process writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        kind = next((kind for holds, kind in _KINDS if holds(mode)), "something else")
        raise NotARegularFileError(os.fspath(path), kind)
    return os.fdopen(handle, "rb")


def read_bytes(path: str | os.PathLike[str], *, most: int | None = None) -> bytes:
    """The complete content of a file.

    Args:
        path: Path of the file.
        most: Maximal number of bytes of such a file; None for any.

    Raises:
        OSError: As for `open_regular`.
        ValueError: If the file is larger than `most`.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise ValueError(f"Expected a file of at most {most} bytes. Received: {os.fspath(path)!r}, of {size} bytes")
        return file.read()


def check_file(path: str | os.PathLike[str], expected: str) -> None:
    """Refuse a missing file before any other work.

    Args:
        path: Path of the file.
        expected: Description of the file, for the message.

    Raises:
        FileNotFoundError: If there is no file, or a folder.
    """
    if not os.path.exists(path) or os.path.isdir(path):
        found = "a folder" if os.path.isdir(path) else "which does not exist"
        raise FileNotFoundError(f"Expected {expected}. Received: {os.fspath(path)!r}, {found}")
