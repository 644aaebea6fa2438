"""Reads an HDF5 file that may be damaged or hostile: plain groups of plain numbers and text, or a clear error.

Nothing is taken that could reach beyond the file or be larger than it: no links but hard ones, one to each object; no
external or virtual storage, no filters (which is where decompression bombs are), no types but numbers and text. Then
all that the file declares together is no larger than the file, and can be read into memory at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from snr_ref.conformance.vectors.schema import ATTRIBUTES

#: The largest file that is read.
MOST_BYTES = 2**30

_DEEPEST = 8
_LONGEST_TEXT = 2**16
_NAME = re.compile(r"[A-Za-z0-9_]{1,100}")
_LAYOUTS = (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)


@dataclass(frozen=True)
class Node:
    """A group of a file, with all that is in it.

    Attributes:
        where: The file and the path of the group in it, as errors name it.
        attributes: Those of `ATTRIBUTES` that it has.
        members: Groups, arrays of numbers, and texts.
    """

    where: str
    attributes: Mapping[str, int | str]
    members: Mapping[str, Node | np.ndarray | str]

    def group(self, name: str) -> Node:
        """The group of that name in it."""
        member = self.members.get(name)
        if not isinstance(member, Node):
            raise ValueError(f"{self.where} must have a group {name!r}. It has: {', '.join(self.members) or 'nothing'}")
        return member

    def groups(self) -> dict[str, Node]:
        """All that is in it, which must be groups."""
        return {name: self.group(name) for name in self.members}

    def arrays(self, kinds: str) -> dict[str, np.ndarray]:
        """All that is in it, which must be arrays of these kinds of NumPy dtypes."""
        arrays = {}
        for name, member in self.members.items():
            if not isinstance(member, np.ndarray) or member.dtype.kind not in kinds:
                raise ValueError(f"{self.where}/{name} must be a dataset of numbers. Received: {_described(member)}")
            arrays[name] = member
        return arrays

    def text(self, name: str) -> str:
        """An attribute that is a text."""
        value = self.attributes.get(name)
        if not isinstance(value, str):
            raise ValueError(f"{self.where} must have an attribute {name!r} that is a text. Received: {value!r}")
        return value

    def integer(self, name: str) -> int:
        """An attribute that is an integer."""
        value = self.attributes.get(name)
        if not isinstance(value, int):
            raise ValueError(f"{self.where} must have an attribute {name!r} that is an integer. Received: {value!r}")
        return value


def file_bytes(path: Path) -> bytes:
    """All of a file.

    Raises:
        ValueError: If it isn't there, is no file, or is larger than any that this format needs.
    """
    if not path.is_file():
        raise ValueError(f"{path} is no file" if path.exists() else f"There is no file {path}")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path} must have at most {MOST_BYTES} bytes. Received: {size}")
    return path.read_bytes()


def parse(path: Path, content: bytes) -> Node:
    """The groups of an HDF5 file, read whole.

    Args:
        path: Where the bytes came from, for errors.
        content: All of the file; HDF5 sees these bytes and nothing else.

    Returns:
        The root group.

    Raises:
        ValueError: If this is no HDF5 file, or has anything in it that the format doesn't allow; it names the object.
    """
    try:
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            return _Walk(path, len(content)).group(file, "", 0)
    except _Refused as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # whatever h5py makes of bytes that are no HDF5
        raise ValueError(f"{path} can't be read as HDF5: {type(error).__name__}: {error}") from error


class _Refused(Exception):
    """What the file has and may not have."""


class _Walk:
    """One way through a file, which never comes by the same object twice and adds up what it reads."""

    def __init__(self, path: Path, size: int):
        self._path = path
        self._left = size
        self._size = size
        self._seen: set[int] = set()

    def group(self, group: h5py.Group, where: str, depth: int) -> Node:
        self._once(group, where or "/")
        if depth > _DEEPEST:
            self._refuse(where, f"at most {_DEEPEST} groups inside each other")
        attributes = {name: self._attribute(group, name, where) for name in ATTRIBUTES if name in group.attrs}
        members = {name: self._member(group, name, where, depth) for name in group}
        return Node(f"{self._path}: {where or '/'}", attributes, members)

    def _member(self, group: h5py.Group, name: str, where: str, depth: int) -> Node | np.ndarray | str:
        if not _NAME.fullmatch(name):
            self._refuse(where or "/", f"names of letters, digits and _ ({_NAME.pattern})", f"{name[:100]!r}")
        inside = f"{where}/{name}"
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            self._refuse(inside, "the object itself, not a link to it", type(link).__name__)
        member = group[name]
        if isinstance(member, h5py.Group):
            return self.group(member, inside, depth + 1)
        if not isinstance(member, h5py.Dataset):
            self._refuse(inside, "a group or a dataset", type(member).__name__)
        return self._dataset(member, inside)

    def _dataset(self, dataset: h5py.Dataset, where: str) -> np.ndarray | str:
        self._once(dataset, where)
        text = self._type(dataset.id, where)
        properties = dataset.id.get_create_plist()
        if properties.get_external_count() or properties.get_layout() not in _LAYOUTS or properties.get_nfilters():
            self._refuse(
                where,
                "contiguous storage in this file without compression (h5repack -f NONE -l CONTI makes it so)",
                "external, virtual, chunked or compressed storage",
            )
        if dataset.shape is None:
            self._refuse(where, "numbers or a text", "an empty dataspace")
        declared = dataset.dtype.itemsize
        for length in dataset.shape:
            declared *= int(length)
        self._left -= declared
        if self._left < 0 or dataset.id.get_storage_size() != declared:
            self._refuse(
                where,
                f"numbers that are stored in the file, of {self._size} bytes altogether",
                f"shape {dataset.shape}, which needs {declared} bytes where {dataset.id.get_storage_size()} are stored",
            )
        if text:
            if dataset.shape or declared > _LONGEST_TEXT:
                self._refuse(where, f"one text of at most {_LONGEST_TEXT} bytes", f"shape {dataset.shape}")
            return bytes(dataset[()]).decode()
        return np.asarray(dataset[()]).astype(dataset.dtype.newbyteorder("="), copy=False)

    def _attribute(self, group: h5py.Group, name: str, where: str) -> int | str:
        at = f"{where or '/'}, attribute {name!r}"
        attribute = group.attrs.get_id(name)
        text = self._type(attribute, at)
        if attribute.shape != () or attribute.get_storage_size() > _LONGEST_TEXT:
            self._refuse(at, f"one value of at most {_LONGEST_TEXT} bytes", f"shape {attribute.shape}")
        value = group.attrs[name]
        if text:
            return bytes(value).decode()
        if not isinstance(value, np.integer):
            self._refuse(at, "an integer or a text", f"{attribute.dtype}")
        return int(value)

    def _type(self, thing: h5py.h5d.DatasetID | h5py.h5a.AttrID, where: str) -> bool:
        """Whether it is text; anything but text of a fixed length and numbers is refused."""
        kind = thing.get_type()
        if isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str():
            return True
        number = isinstance(kind, h5py.h5t.TypeIntegerID | h5py.h5t.TypeFloatID)
        if not number or thing.dtype.kind not in "fiu" or thing.dtype.itemsize > 8 or thing.dtype.metadata:
            self._refuse(where, "integers, floats of at most 64 bits, or UTF-8 text of a fixed length", f"{thing.dtype}")
        return False

    def _once(self, thing: h5py.Group | h5py.Dataset, where: str) -> None:
        address = h5py.h5o.get_info(thing.id).addr
        if address in self._seen:
            self._refuse(where, "each object once", "another link to one that was there before")
        self._seen.add(address)

    def _refuse(self, where: str, expected: str, received: str = "more") -> None:
        raise _Refused(f"{self._path}: {where} must have {expected}. Received: {received}")


def _described(member: Node | np.ndarray | str) -> str:
    if isinstance(member, Node):
        return "a group"
    return f"a text, {member[:50]!r}" if isinstance(member, str) else f"{member.dtype} of shape {member.shape}"
