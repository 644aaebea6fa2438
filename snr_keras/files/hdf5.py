"""HDF5 files from elsewhere: plain groups of plain arrays that are in the file, or a clear error.

HDF5 has many features that a file of numbers does not need: a dataset may be stored in any other file of the disk, a
link may point there or back to its own group, a few bytes may declare terabytes, and compressed data may be bombs. So
a file is checked completely before anything in it is read.

When writing, HDF5 aborts the process if the disk is full. It is therefore never told.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import h5py
from h5py import h5d, h5g, h5l, h5o, h5s, h5t, h5z

from snr_keras.files.atomic import new_file, no_room
from snr_keras.files.regular import open_regular
from snr_ref.conformance.vectors.untrusted import names_in

_DEEPEST = 32
_MOST_OBJECTS = 200_000
_MOST_DIMENSIONS = 8
_MOST_COMPRESSED = 2**21  # bytes of a compressed dataset; zlib expands by at most a factor of a thousand
_COMPRESSION = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE}


@contextmanager
def expecting(what: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Within this context, any error caused by the content of a file becomes one clear error.

    Args:
        what: Description of the expected file: "a file of features".
        path: Path of the file.

    Raises:
        ValueError: The message names the file, what was expected and what was found.
        OSError: If there is no room to unpack it; errors that name a file, such as FileNotFoundError, pass through.
    """
    try:
        yield
    except Exception as error:  # h5py may raise anything on a damaged file: KeyError, RuntimeError, ...
        if reason := no_room(error):  # Keras unpacks a file before it reads it
            raise OSError(
                f"There is no room in {tempfile.gettempdir()} to unpack {os.fspath(path)!r}: {reason}"
            ) from error
        if isinstance(error, OSError) and error.filename is not None:
            raise
        why = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        raise ValueError(f"Expected {what}. Received: {os.fspath(path)!r} ({why or type(error).__name__})") from error


def open_hdf5(path: str | os.PathLike[str], *, matlab: bool = False) -> h5py.File:
    """An HDF5 file, open for reading, whose content is plain and no larger than the file.

    Args:
        path: Path of the file.
        matlab: Whether to allow what MATLAB writes: references to objects in the file, and small compressed arrays.

    Returns:
        The file. If it was opened within `expecting`, read it within `expecting` too: HDF5 finds damage only when it
        reads.

    Raises:
        OSError: If there is no such file, it is not a regular file, or not an HDF5 file.
        ValueError: If it has anything in it that is not plain; the message names the object.
    """
    with open_regular(path) as opened:
        size = os.fstat(opened.fileno()).st_size
    file = h5py.File(path, "r")
    try:
        _Walk(size, matlab).group(file["/"].id, "/", 0)
    except BaseException:
        file.close()
        raise
    return file


def check_hdf5(content: BinaryIO) -> None:
    """Refuse what `open_hdf5` refuses, in an open file that another library will read.

    Raises:
        Others: As for h5py, or `open_hdf5`.
    """
    with h5py.File(content, "r") as file:
        _Walk(content.seek(0, os.SEEK_END), matlab=False).group(file["/"].id, "/", 0)


def text_of(attributes: Any, name: str) -> str:
    """A text attribute; bytes that are not UTF-8 are decoded as by `os.fsdecode`."""
    value = attributes[name]
    if not isinstance(value, bytes | str):
        raise ValueError(f"the attribute {name!r} must be a text. Received: {value!r}")
    return os.fsdecode(value)


@contextmanager
def new_hdf5(path: Path, *, libver: tuple[str, str] | None = None) -> Iterator[tuple[h5py.File, Callable[[], None]]]:
    """An HDF5 file that appears under its name when the block succeeds, and not at all otherwise.

    Args:
        path: Final path.
        libver: As for `h5py.File`.

    Yields:
        The file, and a function that raises the `OSError` of a failed write, if there was one.

    Raises:
        OSError: As for `new_file`.
    """
    with new_file(path) as unfinished, open(unfinished, "w+b", buffering=0) as opened:
        disk = _Disk(opened)
        with h5py.File(disk, "w", libver=libver) as file:
            yield file, disk.check
        disk.check()


class _Disk:
    """A file that accepts everything that is written to it; what does not fit on the disk is kept in memory."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._at = 0
        self._end = 0
        self._kept: list[tuple[int, bytes]] = []
        self._failed: OSError | None = None

    def check(self) -> None:
        """Raise the error of a failed write."""
        if self._failed:
            raise self._failed

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def write(self, content: bytes) -> int:
        start, content = self._at, bytes(content)
        self._at += len(content)
        self._end = max(self._end, self._at)
        try:
            self.check()
            self._file.seek(start)
            written = 0
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError as error:
            self._failed = error
            self._kept.append((start, content))
        return len(content)

    def readinto(self, into: Any) -> int:
        start, content = self._at, bytearray(min(len(into), max(0, self._end - self._at)))
        self._file.seek(start)
        there = self._file.read(len(content))
        content[: len(there)] = there
        for at, kept in self._kept:
            first, last = max(at, start), min(at + len(kept), start + len(content))
            if first < last:
                content[first - start : last - start] = kept[first - at : last - at]
        into[: len(content)] = content
        self._at += len(content)
        return len(content)

    def read(self, size: int) -> bytes:
        content = bytearray(size)
        return bytes(content[: self.readinto(content)])

    def truncate(self, size: int) -> int:
        self._end = size
        try:
            self._file.truncate(size)
        except OSError as error:
            self._failed = error
        return size

    def flush(self) -> None:
        """Nothing is buffered."""


class _Walk:
    """One traversal of a file, which visits each object once and sums the sizes that it declares."""

    def __init__(self, size: int, matlab: bool) -> None:
        self._left = size
        self._matlab = matlab
        self._seen: set[int] = set()

    def group(self, group: h5g.GroupID, where: str, depth: int) -> None:
        self._once(group, where)
        if depth > _DEEPEST:
            _refuse(where, f"at most {_DEEPEST} groups inside each other", "more")
        for name in names_in(group):
            inside = f"{where.rstrip('/')}/{os.fsdecode(name)}"
            if group.links.get_info(name).type != h5l.TYPE_HARD:
                _refuse(inside, "the object itself, not a link to it", "a soft or external link")
            member = h5o.open(group, name)
            if isinstance(member, h5g.GroupID):
                self.group(member, inside, depth + 1)
            elif isinstance(member, h5d.DatasetID):
                self._dataset(member, inside)
            else:
                _refuse(inside, "a group or a dataset", "a type")

    def _dataset(self, dataset: h5d.DatasetID, where: str) -> None:
        self._once(dataset, where)
        itemsize = self._itemsize(dataset.get_type(), where)
        space = dataset.get_space()
        if space.get_simple_extent_type() == h5s.NULL:
            return
        shape = space.get_simple_extent_dims()
        properties = dataset.get_create_plist()
        layout = properties.get_layout()
        if properties.get_external_count() or layout not in (h5d.CONTIGUOUS, h5d.COMPACT, h5d.CHUNKED):
            _refuse(where, "numbers that are stored in the file", "external or virtual storage")
        filters = {properties.get_filter(number)[0] for number in range(properties.get_nfilters())}
        declared, there = itemsize * math.prod(shape), dataset.get_storage_size()
        chunk = itemsize * math.prod(properties.get_chunk()) if layout == h5d.CHUNKED else 0
        if compressed := filters - {h5z.FILTER_FLETCHER32}:
            if not self._matlab or compressed - _COMPRESSION:
                _refuse(where, "numbers as they are (h5repack -f NONE makes it so)", "a compressed dataset")
            if max(declared, there, chunk) > _MOST_COMPRESSED:
                _refuse(where, f"at most {_MOST_COMPRESSED} bytes in a compressed dataset", f"shape {shape}")
        elif declared > there:
            _refuse(where, f"the {declared} bytes of its shape {shape}", f"{there} bytes")
        self._left -= there
        if self._left < 0 or len(shape) > _MOST_DIMENSIONS:
            _refuse(where, "numbers that the file is large enough for", f"shape {shape}")

    def _itemsize(self, kind: h5t.TypeID, where: str) -> int:
        """The bytes of a number, a text of fixed length or, in MATLAB's files, a reference."""
        is_text = isinstance(kind, h5t.TypeStringID) and not kind.is_variable_str()
        is_number = isinstance(kind, h5t.TypeIntegerID | h5t.TypeFloatID) and kind.get_size() <= 8
        is_reference = self._matlab and kind.equal(h5t.STD_REF_OBJ)
        if not (is_text or is_number or is_reference):
            received = "text of variable length" if isinstance(kind, h5t.TypeStringID) else type(kind).__name__
            _refuse(where, "integers, floats of at most 64 bits, or text of a fixed length", received)
        return int(kind.get_size())

    def _once(self, thing: h5g.GroupID | h5d.DatasetID, where: str) -> None:
        address = h5o.get_info(thing).addr
        if address in self._seen:
            _refuse(where, "each object once", "another link to the same object")
        self._seen.add(address)
        if len(self._seen) > _MOST_OBJECTS:
            _refuse(where, f"at most {_MOST_OBJECTS} objects in the file", "more")


def _refuse(where: str, expected: str, received: str) -> NoReturn:
    raise ValueError(f"{where} must have {expected}. Received: {received}")
