"""Pictures wherever a user has them: named one by one, in folders with all that is below, or in lists of paths."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from snr_keras.files.regular import read_bytes
from snr_keras.files.text import file_names
from snr_keras.reid.data.report import Excluded, count, first_few
from snr_keras.reid.data.scan import EXTENSIONS

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class Pictures:
    """The files that were found, before any is read.

    Attributes:
        given: What was named: pictures, folders and lists.
        names: Of the files, as a path from the working folder or an absolute one, whichever was given.
        left_out: What was found and is not tried, and why.
        repeated: How many were named again, and count once.
    """

    given: tuple[str, ...]
    names: tuple[str, ...]
    left_out: tuple[Excluded, ...]
    repeated: int


def find_pictures(what: Paths) -> Pictures:
    """Lists pictures, folders and lists of paths.

    In a folder, and below it, files are taken that end as images do or have no ending at all; symbolic links are
    followed, each folder is entered once. A file that ends in `.txt` is a list of pictures and folders, `-` the list on
    standard input: a path a line, or each path ended by a zero byte, as `find -print0` does. A folder without a name of
    its own, such as `.` or `/`, is not entered for a list. Whatever else is named is taken.

    Args:
        what: A path, or several.

    Returns:
        The files in the order in which they were named, those of a folder by name.

    Raises:
        FileNotFoundError: If something that was named does not exist; what a list names is found out when it is read.
        ValueError: If nothing is named, or a list is no text, as `snr_keras.files.text.file_names`.
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
    real_folder = lru_cache(os.path.realpath)  # not of the file: two links to one picture are two pictures
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
    """The paths in a list; the path itself if it is none."""
    if path == "-":
        return [_of_list(name) for name in file_names(sys.stdin.buffer.read(), "standard input")]
    if path.lower().endswith(".txt") and not os.path.isdir(path):
        return [_of_list(name) for name in file_names(read_bytes(path), repr(path))]
    return [path]


def _of_list(path: str) -> str | Excluded:
    """The path, unless it means a folder without naming it: `.`, `..` or a root, which a mistake comes to easily."""
    parts = os.path.splitdrive(os.path.normpath(path))[1].split(os.sep)
    if set(parts) <= {"", os.curdir, os.pardir}:
        return Excluded(path, "a folder without a name, which is not entered for a list")
    return path


def _below(folder: str, entered: set[tuple[int, int]]) -> Iterator[str | Excluded]:
    """What is in a folder and below it, by name; `entered` has the folders that were, as (device, inode)."""
    try:
        at = os.stat(folder)
        entries = sorted(os.listdir(folder))
    except OSError as error:
        yield Excluded(folder, error.strerror or str(error))
        return
    if (at.st_dev, at.st_ino) in entered:
        yield Excluded(folder, "a folder that was entered already")
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
    """A line a reason: how many files were left out for it, and the first few of them."""
    by_reason: dict[str, list[str]] = {}
    for excluded in left_out:
        by_reason.setdefault(excluded.reason, []).append(repr(excluded.name))
    return [f"{count(len(names), 'file')} left out, {why}: {first_few(names)}" for why, names in by_reason.items()]
