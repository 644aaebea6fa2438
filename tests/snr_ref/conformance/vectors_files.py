"""Small files of golden vectors, and ways to spoil them that keep the seal whole."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py

from snr_ref.conformance.case import Case
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.vectors.seal import sealed
from snr_ref.conformance.vectors.writer import write_sealed


@cache
def few_cases() -> tuple[Case, ...]:
    """An ordinary case, a refusal, one with several answers, a scalar."""
    cases = {case.name: case for case in catalogue()}
    several = next(case for case in catalogue() if case.choices)
    names = ("forward/one_pixel", "forward/channels_of_gamma", "cross_entropy/ordinary", several.name)
    return tuple(cases[name] for name in names)


def small_file(path: Path) -> Path:
    """Golden vectors of a few cases."""
    write_sealed(path, few_cases())
    return path


def spoil(path: Path, change: Callable[[h5py.File], object]) -> Path:
    """Change a file with HDF5 and seal it again, as someone would who means harm."""
    with h5py.File(path, "r+") as file:
        change(file)
    path.write_bytes(sealed(path.read_bytes()))
    return path


def damaged_names(path: Path) -> Path:
    """An HDF5 file whose group has so many members that their names are in a table apart, with a bit of it flipped."""
    with h5py.File(path, "w", libver=("v108", "v108")) as file:
        for number in range(12):
            file[f"x{number}"] = number
    content = bytearray(path.read_bytes())
    content[content.index(b"FHDB") + 40] ^= 1
    path.write_bytes(content)
    return path
