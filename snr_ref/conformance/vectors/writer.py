"""Writes the golden vectors: every case of the catalogue to HDF5, and a few of them to JSON and a C header."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py

from snr_ref.conformance.arguments import flat
from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.clauses import SPECIFICATION_VERSION
from snr_ref.conformance.vectors import schema
from snr_ref.conformance.vectors.header import c_header
from snr_ref.conformance.vectors.seal import SEAL_BYTES, sealed, sealed_digest
from snr_ref.conformance.vectors.subset import subset
from snr_ref.conformance.vectors.subset_json import as_json
from snr_ref.conformance.whole_file import write_whole


def export(path: Path | str, *, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Write the golden vectors, and a small subset as JSON and as a C header beside them.

    On one machine with one version of NumPy, the same catalogue always gives the same bytes.

    Args:
        path: HDF5 file. The files of the subset have the same name with the suffixes `.json` and `.h`.
        progress: Function called with the number of written cases and the total.

    Returns:
        The three files.

    Raises:
        ValueError: If the folder does not exist, or the suffix is that of a file of the subset.
    """
    path = Path(path)
    if path.suffix in (".json", ".h") or not path.parent.is_dir() or path.is_dir():
        raise ValueError(
            f"The golden vectors must be written to FILE.h5, not .json or .h, in an existing folder. Received: {path}"
        )
    cases = catalogue()
    digest = write_sealed(path, cases, progress)
    few = subset(cases)
    as_text = {path.with_suffix(".json"): as_json(few, digest), path.with_suffix(".h"): c_header(few, digest)}
    for beside, text in as_text.items():
        write_whole(beside, text.encode())
    return [path, *as_text]


def write_sealed(path: Path, cases: Sequence[Case], progress: Callable[[int, int], None] | None = None) -> str:
    """Write cases to an HDF5 file and seal it.

    Returns:
        The digest of the seal.
    """
    content = BytesIO()
    with new_file(content, userblock=SEAL_BYTES) as file:
        write_cases(file, cases, progress)
    whole = sealed(content.getvalue())
    write_whole(path, whole)
    return sealed_digest(path, whole)


def write_cases(file: h5py.File, cases: Sequence[Case], progress: Callable[[int, int], None] | None = None) -> None:
    """Fill an empty file with cases."""
    put_attributes(
        file,
        {
            "format": schema.VECTORS,
            "format_version": schema.FORMAT_VERSION,
            "specification_version": SPECIFICATION_VERSION,
        },
    )
    root = new_group(file, "cases")
    for done, case in enumerate(cases, start=1):
        group = case.group
        if group.name not in root:
            put_attributes(new_group(root, group.name), {"about": group.about, "required": int(group.required)})
        _write_case(new_group(root[group.name], case.name.removeprefix(f"{group.name}/")), case)
        if progress is not None:
            progress(done, len(cases))


def _write_case(into: h5py.Group, case: Case) -> None:
    lists = {"clauses": " ".join(case.clauses), "dtypes": " ".join(case.dtypes)}
    put_attributes(into, {"function": case.function, "kind": case.kind, "reason": case.reason, **lists})
    put_all(new_group(into, "inputs"), flat(case.arguments))
    expected, tolerance = new_group(into, "expected"), new_group(into, "tolerance")
    for number, answer in enumerate(case.expected):
        put_all(new_group(expected, str(number)), {name: output.value for name, output in answer.items()})
        here = new_group(tolerance, str(number))
        for dtype in case.dtypes:
            put_all(new_group(here, dtype), {name: output.tolerance[dtype] for name, output in answer.items()})


def new_file(into: BytesIO, *, userblock: int = 0) -> h5py.File:
    """An empty HDF5 file without times in it, in a layout that HDF5 reads from version 1.8 (2008) on.

    It is written in memory, since HDF5 aborts the process when a disk is full.
    """
    create = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    create.set_userblock(userblock)
    create.set_obj_track_times(False)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V18)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, into)
    return h5py.File(h5py.h5f.create(b"in memory", h5py.h5f.ACC_TRUNC, create, access))


def new_group(parent: h5py.Group, name: str) -> h5py.Group:
    """A group that keeps its members in order of creation, without times."""
    create = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    create.set_link_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
    create.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=create))


def put_all(group: h5py.Group, values: Mapping[str, Any]) -> None:
    """Write values as datasets; a name like `params/gamma` is in a group `params`."""
    for name, value in values.items():
        *path, last = name.split("/")
        into = group
        for part in path:
            into = into[part] if part in into else new_group(into, part)
        try:
            into.create_dataset(last, data=schema.stored(value), track_times=False)
        except TypeError as error:
            raise TypeError(f"{into.name}/{last} can't be written: {error}") from error


def put_attributes(group: h5py.Group, values: Mapping[str, int | str]) -> None:
    """Write values as attributes."""
    for name, value in values.items():
        group.attrs.create(name, schema.stored(value))
