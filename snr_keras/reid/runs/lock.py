"""Locks: only one process at a time writes to a file or folder.

The lock is the operating system's, which releases it when the process ends, however it ends.
"""

from __future__ import annotations

import errno
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from snr_keras.files.atomic import write_json
from snr_keras.files.forms import read_json

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)


class LockedError(OSError):
    """Another process is writing there."""


@dataclass(frozen=True)
class _Holder:
    process: int
    host: str


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes that ask for the same lock; it is created if necessary.

    Args:
        folder: Folder to lock.

    Raises:
        LockedError: If another process, or another thread of this one, holds the lock; the message names both.
        NotADirectoryError: If it is a file.
        OSError: If it cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"Expected a folder. Received a file: {str(folder)!r}")
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(folder, folder / ".lock"):
            yield
    finally:
        if made:
            with suppress(OSError):  # something is in it
                folder.rmdir()


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Lock a file, which need not exist, against other processes that ask for the same lock.

    Args:
        path: Path of the file, in an existing folder.

    Raises:
        LockedError: As for `locked_folder`.
        OSError: If it cannot be written.
    """
    with _locked(path, path.with_name(f".{path.name}.lock")):
        yield


@contextmanager
def _locked(what: Path, path: Path) -> Iterator[None]:
    lock, note = FileLock(path), path.with_name(f"{path.name}.holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(f"{what} is being written to by {_holder(note)}. Wait for it, or write elsewhere.") from None
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise
        warnings.warn(f"{what} is on a disk without locks ({error}): nothing keeps others from writing.", stacklevel=4)
        yield
        return
    try:
        write_json(note, {"process": os.getpid(), "host": platform.node()})
        yield
    finally:
        for file in (note, path):  # while the lock is held: processes that opened them before check again
            with suppress(OSError):
                file.unlink()
        lock.release()


def _holder(note: Path) -> str:
    try:
        holder = read_json(note, _Holder)
    except (OSError, ValueError):  # it has only just started
        return "another process"
    return f"process {holder.process} on {holder.host}"
