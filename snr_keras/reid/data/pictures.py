"""Pictures of the user: named one by one, in folders at any depth, or in lists of paths."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from snr_keras.files.regular import read_bytes
from snr_keras.files.text import file_names, first_few
from snr_keras.reid.data.report import Excluded, count
from snr_keras.reid.data.scan import EXTENSIONS

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class Pictures:
    """The files found, before any is read.

    Attributes:
        given: The pictures, folders and lists that were named.
        names: Paths of the files, relative to the working folder or absolute, as they were given.
        left_out: Files that were found and left out, each with the reason.
        repeated: Number of files that were named more than once; they count once.
    """

    given: tuple[str, ...]
    names: tuple[str, ...]
    left_out: tuple[Excluded, ...]
    repeated: int


def find_pictures(what: Paths) -> Pictures:
    """List pictures, folders and lists of paths.

    From a folder, at any depth, files are taken whose name has the extension of an image or none. Symbolic links are
    followed, and each folder is entered once. A file that ends in `.txt` is a list of pictures and folders, `-` the
    list on standard input: one path per line, or each path ended by a zero byte, as from `find -print0`. A list may not
    name a folder without a name of its own, such as `.` or `/`. Any other file is taken as a picture.

    Args:
        what: One path or several.

    Returns:
        The files in the order in which they were named, those of a folder by name.

    Raises:
        FileNotFoundError: If a named path does not exist; entries of a list are checked only when they are read.
        ValueError: If nothing is named, or a list is not text, as for `snr_keras.files.text.file_names`.
    """
    given = [os.fspath(one) for one in ([what] if isinstance(what, str | os.PathLike) else what)]
    if missing := [path for path in given if path != "-" and not os.path.lexists(path)]:
        raise FileNotFoundError(
            f"Expected pictures, folders or lists of them. There is nothing at {first_few([*map(repr, missing)])}"
        )
    named = [thing for one in given for thing in _listed(one)]
    if not named:
        raise ValueError(f"Expected pictures, folders or lists of them. Received: {given}, which name nothing")
    names: dict[tuple[str, str], str] = {}
    left_out: dict[str, Excluded] = {}
    repeated = 0
    real_folder = lru_cache(os.path.realpath)  # not for files: two links to one picture are two pictures
    for thing in named:
        for found in _below(thing, set()) if isinstance(thing, str) and os.path.isdir(thing) else (thing,):
            if isinstance(found, Excluded):
                left_out[found.name] = found
                continue
            folder, name = os.path.split(found)
            repeated += (real_folder(folder), name) in names
            names.setdefault((real_folder(folder), name), found)
    return Pictures(tuple(given), tuple(names.values()), tuple(left_out.values()), repeated)


def _listed(path: str) -> list[str | Excluded]:
    """The paths in a list; the path itself if it is not a list."""
    if path == "-":
        return [_of_list(name) for name in file_names(sys.stdin.buffer.read(), "standard input")]
    if path.lower().endswith(".txt") and not os.path.isdir(path):
        return [_of_list(name) for name in file_names(read_bytes(path), repr(path))]
    return [path]


def _of_list(path: str) -> str | Excluded:
    """The path, unless it is a folder without a name, `.`, `..` or a root, which is easily named by mistake."""
    parts = os.path.splitdrive(os.path.normpath(path))[1].split(os.sep)
    if set(parts) <= {"", os.curdir, os.pardir}:
        return Excluded(path, "a folder without a name, which is not entered for a list")
    return path


def _below(folder: str, entered: set[tuple[int, int]]) -> Iterator[str | Excluded]:
    """The content of a folder at any depth, by name; `entered` has the folders visited so far, as (device, inode)."""
    try:
        at = os.stat(folder)
        entries = sorted(os.listdir(folder))
    except OSError as error:
        yield Excluded(folder, error.strerror or str(error))
        return
    if (at.st_dev, at.st_ino) in entered:
        yield Excluded(folder, "a folder that was already entered")
        return
    entered.add((at.st_dev, at.st_ino))
    for entry in entries:
        path = os.path.join(folder, entry)
        if entry.startswith("."):
            yield Excluded(path, "hidden")
        elif os.path.isdir(path):
            yield from _below(path, entered)
        elif os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            yield Excluded(path, "not a regular file")
        elif (ending := os.path.splitext(entry)[1]) and ending.lower() not in EXTENSIONS:
            yield Excluded(path, f"not one of {' '.join(EXTENSIONS)}")
        else:
            yield path


def reasons(left_out: Sequence[Excluded]) -> list[str]:
    """One line per reason: how many files were left out for it, and the first few of them."""
    by_reason: dict[str, list[str]] = {}
    for excluded in left_out:
        by_reason.setdefault(excluded.reason, []).append(repr(excluded.name))
    return [f"{count(len(names), 'file')} left out, {why}: {first_few(names)}" for why, names in by_reason.items()]
