"""Reads an HDF5 file that may be damaged or hostile: plain groups of plain numbers and text, or a clear error.

Nothing is accepted that could reach beyond the file or be larger than it: only hard links, one to each object; no
external or virtual storage; no filters (which could be decompression bombs); no types except numbers and text. All that
the file declares is together no larger than the file, so it can be read into memory at once. Text of variable length is
refused because HDF5 hangs on some of it in damaged files.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from h5py import h5, h5a, h5d, h5f, h5g, h5l, h5o, h5p, h5s, h5t

from snr_ref.conformance.vectors.schema import ATTRIBUTES

#: Largest file that is read, in bytes.
MOST_BYTES = 2**30

_DEEPEST = 8
_LONGEST_TEXT = 2**16
_NAME = re.compile(r"[A-Za-z0-9_]{1,100}")
_LAYOUTS = (h5d.CONTIGUOUS, h5d.COMPACT)
_CLASSES = {
    h5t.STRING: "text of variable length",
    h5t.COMPOUND: "a compound",
    h5t.ENUM: "an enumeration",
    h5t.VLEN: "sequences of variable length",
    h5t.REFERENCE: "a reference",
    h5t.OPAQUE: "opaque bytes",
    h5t.ARRAY: "arrays as elements",
    h5t.BITFIELD: "a bit field",
    h5t.FLOAT: "a wider float",
    h5t.INTEGER: "a wider integer",
}


@dataclass(frozen=True)
class Node:
    """A group of a file, with its content.

    Attributes:
        where: File and path of the group in it, for errors.
        attributes: Those of its attributes that are in `ATTRIBUTES`.
        members: Groups, arrays of numbers, and texts.
    """

    where: str
    attributes: Mapping[str, int | str]
    members: Mapping[str, Node | np.ndarray | str]

    def group(self, name: str) -> Node:
        """The subgroup of that name."""
        member = self.members.get(name)
        if not isinstance(member, Node):
            raise ValueError(f"{self.where} must have a group {name!r}. It has: {', '.join(self.members) or 'nothing'}")
        return member

    def groups(self) -> dict[str, Node]:
        """All members, which must be groups."""
        return {name: self.group(name) for name in self.members}

    def arrays(self, kinds: str) -> dict[str, np.ndarray]:
        """All members, which must be arrays of these kinds of NumPy dtypes."""
        arrays = {}
        for name, member in self.members.items():
            if not isinstance(member, np.ndarray) or member.dtype.kind not in kinds:
                raise ValueError(f"{self.where}/{name} must be a dataset of numbers. Received: {_described(member)}")
            arrays[name] = member
        return arrays

    def text(self, name: str) -> str:
        """A text attribute."""
        value = self.attributes.get(name)
        if not isinstance(value, str):
            raise ValueError(f"{self.where} must have a text attribute {name!r}. Received: {value!r}")
        return value

    def integer(self, name: str) -> int:
        """An integer attribute."""
        value = self.attributes.get(name)
        if not isinstance(value, int):
            raise ValueError(f"{self.where} must have an integer attribute {name!r}. Received: {value!r}")
        return value


def file_bytes(path: Path) -> bytes:
    """The complete content of a file.

    Raises:
        ValueError: If it is missing, is no regular file, or is larger than this format ever needs.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file" if path.exists() else f"There is no file {path}")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path} must have at most {MOST_BYTES} bytes. Received: {size}")
    return path.read_bytes()


def parse(path: Path, content: bytes) -> Node:
    """The groups of an HDF5 file, read completely.

    Args:
        path: File from which the bytes came, for errors.
        content: Complete content of the file; HDF5 sees only these bytes.

    Returns:
        The root group.

    Raises:
        ValueError: If this is no HDF5 file, or has anything in it that the format doesn't allow; the message names the
            object.
    """
    try:
        file = _open(content)
        try:
            return _Walk(path, len(content)).group(h5g.open(file, b"/"), "/", 0)
        finally:
            file.close()
    except _RefusedError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # h5py may raise anything on bytes that are not HDF5
        raise ValueError(f"{path} can't be read as HDF5: {type(error).__name__}: {error}") from error


def names_in(group: h5g.GroupID) -> list[bytes]:
    """The names of a group's members, in order of creation if the file has it, else sorted.

    HDF5 iterates in its native order. For any other order it first builds a table of the members, and if it finds
    damage while doing so (in HDF5 1.14), it frees memory that it never allocated.
    """
    names: list[bytes] = []
    group.links.iterate(names.append, order=h5.ITER_NATIVE)

    def made(name: bytes) -> tuple[int, bytes]:
        link = group.links.get_info(name)
        return (link.corder if link.corder_valid else 0), name

    return sorted(names, key=made)


def _open(content: bytes) -> h5f.FileID:
    """A file in memory; closing it closes every object that was opened in it.

    HDF5 distinguishes open files in memory by their names, so each needs its own name.
    """
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(content)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    return h5f.open(uuid.uuid4().hex.encode(), h5f.ACC_RDONLY, access)


class _RefusedError(Exception):
    """The file has something that it may not have."""


class _Walk:
    """One traversal of a file, which visits each object once and sums the sizes that it reads."""

    def __init__(self, path: Path, size: int):
        self._path = path
        self._left = size
        self._size = size
        self._seen: set[int] = set()

    def group(self, group: h5g.GroupID, where: str, depth: int) -> Node:
        self._once(group, where)
        if depth > _DEEPEST:
            self._refuse(where, f"at most {_DEEPEST} groups inside each other", "more")
        attributes: dict[str, int | str] = {}
        for index in range(h5a.get_num_attrs(group)):
            attribute = h5a.open(group, index=index)
            if attribute.name.decode(errors="replace") in ATTRIBUTES:
                attributes[attribute.name.decode()] = self._attribute(attribute, where)
        members = {self._name(name, where): self._member(group, name, where, depth) for name in names_in(group)}
        return Node(f"{self._path}: {where}", attributes, members)

    def _name(self, raw: bytes, where: str) -> str:
        name = raw.decode(errors="replace")
        if not _NAME.fullmatch(name):
            self._refuse(where, "names of at most 100 letters, digits and _ of ASCII", f"{name[:100]!r}")
        return name

    def _member(self, group: h5g.GroupID, name: bytes, where: str, depth: int) -> Node | np.ndarray | str:
        inside = f"{where.rstrip('/')}/{name.decode()}"
        if group.links.get_info(name).type != h5l.TYPE_HARD:
            self._refuse(inside, "the object itself, not a link to it", "a soft or external link")
        member = h5o.open(group, name)
        if isinstance(member, h5g.GroupID):
            return self.group(member, inside, depth + 1)
        if not isinstance(member, h5d.DatasetID):
            self._refuse(inside, "a group or a dataset", type(member).__name__)
        return self._dataset(member, inside)

    def _dataset(self, dataset: h5d.DatasetID, where: str) -> np.ndarray | str:
        self._once(dataset, where)
        dtype = self._type(dataset, where)
        properties = dataset.get_create_plist()
        if properties.get_external_count() or properties.get_layout() not in _LAYOUTS or properties.get_nfilters():
            self._refuse(
                where,
                "contiguous storage in this file without compression (h5repack -f NONE -l CONTI makes it so)",
                "external, virtual, chunked or compressed storage",
            )
        shape = self._shape(dataset, where)
        declared, there = dtype.itemsize * math.prod(shape), dataset.get_storage_size()
        self._left -= declared
        if self._left < 0 or there != declared:
            self._refuse(
                where,
                f"numbers that are stored in the file, of {self._size} bytes altogether",
                f"shape {shape}, which needs {declared} bytes, with {there} bytes stored",
            )
        value = np.zeros(shape, dtype)
        dataset.read(h5s.ALL, h5s.ALL, value)
        if dtype.kind == "S":
            if shape or declared > _LONGEST_TEXT:
                self._refuse(where, f"one text of at most {_LONGEST_TEXT} bytes", f"shape {shape} of {dtype}")
            return bytes(value[()]).decode()
        return value.astype(dtype.newbyteorder("="), copy=False)

    def _attribute(self, attribute: h5a.AttrID, where: str) -> int | str:
        """One integer or text; some programs write either as an array of one element, and integers as floats."""
        at = f"{where}, attribute {attribute.name.decode()!r},"
        dtype, shape = self._type(attribute, at), self._shape(attribute, at)
        expected = f"one integer or one text of at most {_LONGEST_TEXT} bytes"
        if math.prod(shape) != 1 or dtype.itemsize > _LONGEST_TEXT:
            self._refuse(at, expected, f"shape {shape} of {dtype}")
        read = np.zeros(shape, dtype)
        attribute.read(read)
        value = read.item()
        if isinstance(value, bytes):
            return value.decode()
        if value != value // 1:
            self._refuse(at, expected, f"{value}")
        return int(value)

    def _type(self, thing: h5d.DatasetID | h5a.AttrID, where: str) -> np.dtype:
        """The dtype of numbers or of a text; every other type is refused before NumPy sees it."""
        kind = thing.get_type()
        is_text = isinstance(kind, h5t.TypeStringID) and not kind.is_variable_str()
        is_number = isinstance(kind, h5t.TypeIntegerID | h5t.TypeFloatID) and kind.get_size() <= 8
        if not is_text and not is_number:
            self._refuse(
                where,
                "integers, floats of at most 64 bits, or text of a fixed length",
                _CLASSES.get(kind.get_class(), "another type"),
            )
        dtype: np.dtype = thing.dtype
        return dtype

    def _shape(self, thing: h5d.DatasetID | h5a.AttrID, where: str) -> tuple[int, ...]:
        space = thing.get_space()
        if space.get_simple_extent_type() not in (h5s.SCALAR, h5s.SIMPLE):
            self._refuse(where, "numbers or a text", "an empty dataspace")
        return tuple(int(length) for length in space.get_simple_extent_dims())

    def _once(self, thing: h5g.GroupID | h5d.DatasetID, where: str) -> None:
        address = h5o.get_info(thing).addr
        if address in self._seen:
            self._refuse(where, "each object once", "another link to the same object")
        self._seen.add(address)

    def _refuse(self, where: str, expected: str, received: str) -> NoReturn:
        raise _RefusedError(f"{self._path}: {where} must have {expected}. Received: {received}")


def _described(member: Node | np.ndarray | str) -> str:
    if isinstance(member, Node):
        return "a group"
    return f"a text, {member[:50]!r}" if isinstance(member, str) else f"{member.dtype} of shape {member.shape}"
