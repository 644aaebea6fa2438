"""Pictures wherever a user has them: named one by one, in folders with all that is below, or in lists of paths."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from snr_keras.data.report import Excluded, count, first_few
from snr_keras.data.scan import EXTENSIONS

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class Pictures:
    """The files that were found, before any is read.

    Attributes:
        names: Of the files, as a path from the working folder or an absolute one, whichever was given.
        left_out: What was found and is not tried, and why.
        repeated: How many were named again, and count once.
    """

    names: tuple[str, ...]
    left_out: tuple[Excluded, ...]
    repeated: int


def find_pictures(what: Paths) -> Pictures:
    """Lists pictures, folders and lists of paths.

    In a folder, and below it, files are taken that end as images do or have no ending at all; symbolic links are
    followed, each folder is entered once. A file that ends in `.txt` is a list of pictures and folders, `-` the list on
    standard input: a path a line, or with zero bytes between paths if it has one. Whatever else is named is taken.

    Args:
        what: A path, or several.

    Returns:
        The files in the order in which they were named, those of a folder by name.

    Raises:
        FileNotFoundError: If something that was named does not exist; what a list names is found out when it is read.
        ValueError: If nothing is named.
    """
    given = [os.fspath(one) for one in ([what] if isinstance(what, str | os.PathLike) else what)]
    if missing := [path for path in given if path != "-" and not os.path.lexists(path)]:
        raise FileNotFoundError(
            f"Expected pictures, folders or lists of them. There is nothing at {first_few([*map(repr, missing)])}"
        )
    named = [path for one in given for path in _listed(one)]
    if not named:
        raise ValueError(f"Expected pictures, folders or lists of them. Received: {given}, which name nothing")
    names: dict[tuple[str, str], str] = {}
    left_out: dict[str, Excluded] = {}
    repeated = 0
    real_folder = lru_cache(os.path.realpath)  # not of the file: two links to one picture are two pictures
    for path in named:
        for found in _below(path, set()) if os.path.isdir(path) else (path,):
            if isinstance(found, Excluded):
                left_out[found.name] = found
                continue
            folder, name = os.path.split(found)
            repeated += (real_folder(folder), name) in names
            names.setdefault((real_folder(folder), name), found)
    return Pictures(tuple(names.values()), tuple(left_out.values()), repeated)


def _listed(path: str) -> list[str]:
    """The paths in a list; the path itself if it is none."""
    if path == "-":
        contents = sys.stdin.buffer.read()
    elif path.lower().endswith(".txt") and os.path.isfile(path):
        with open(path, "rb") as file:
            contents = file.read()
    else:
        return [path]
    if b"\0" in contents:
        paths = contents.split(b"\0")
    else:
        paths = [line.removesuffix(b"\r") for line in contents.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    return [os.fsdecode(path) for path in paths if path.strip()]


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
