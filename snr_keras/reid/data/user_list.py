"""A user's own list of images, identities and cameras, as Python values or as a CSV file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from snr_keras.files.text import LARGEST, read_text, whole_number
from snr_keras.reid.data.dataset import JUNK, SPLITS, Progress, ReIDDataset
from snr_keras.reid.data.reading import Trial, assemble
from snr_keras.reid.data.scan import EXTENSIONS, ImageName, Listing, with_cameras_or_without

Row = tuple[str | os.PathLike[str], int, int | None]
"""(path, identity, camera or None)."""

Rows = Sequence[tuple[str, Row]]
"""The images of a split, each with its place in the list, for errors."""

COLUMNS = ("path", "identity", "camera", "split")


def read_list(
    *,
    train: Iterable[Row] = (),
    query: Iterable[Row] = (),
    gallery: Iterable[Row] = (),
    name: str,
    root: str | os.PathLike[str] = ".",
    progress: Progress | None = None,
) -> ReIDDataset:
    """Make a data set from lists of (path, identity, camera); every image is decoded once, so that none can fail later.

    The rules are those of a folder: `snr_keras.reid.data.market1501.read_market1501`. A number stands for one person in
    all lists; identity -1 is junk and, in the gallery, 0 a distractor. Without cameras, give None for every image.

    Args:
        train: Images to train on.
        query: Images of people to find.
        gallery: Images to find them in.
        name: Name of the data set.
        root: Folder to which relative paths refer.
        progress: Function called with the number of checked images and the total.

    Returns:
        The data set, its images in the given order, with absolute paths.

    Raises:
        ValueError: If an image occurs twice in a list, an identity or a camera is not an integer from -1 or 0, no list
            has an image, or the data is unusable.
    """
    folder = Path(os.path.abspath(root))
    rows = {
        split: [(f"{split}, image {number}", row) for number, row in enumerate(images, 1)]
        for split, images in (("train", train), ("query", query), ("gallery", gallery))
    }
    (dataset,) = assemble(name, folder, [_trial(folder, rows, name)], progress=progress)
    return dataset


def list_csv(path: Path, splits: Sequence[str] | None, *, unlabeled: bool = False) -> Trial:
    """List the images of a CSV file with the columns path, identity and optionally camera and split.

    Paths are relative to the folder of the file. Without the column `split` every image is for training.

    Args:
        path: Path of the file.
        splits: Names of the requested splits; None means those in the file.
        unlabeled: Whether a training image may lack an identity, which becomes -1; also allowed if no training image is
            requested.

    Raises:
        ValueError: If the file is not text or not CSV, a column is missing or unknown, a line has a wrong value, which
            the message names, or a requested split has no line.
    """
    rows: dict[str, list[tuple[str, Row]]] = {split: [] for split in SPLITS}
    unlabeled = unlabeled or (splits is not None and "train" not in splits)
    lines = _lines(path)
    _, columns = next(lines, ("", []))
    if not ({"path", "identity"} <= set(columns) <= set(COLUMNS) and len(columns) == len(set(columns))):
        raise ValueError(
            "Expected a first line with path, identity and optionally camera and split. "
            f"Received: {columns} in {str(path)!r}"
        )
    for place, values in lines:
        try:
            split, row = _row(columns, values, unlabeled)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        rows[split].append((place, row))
    wanted = SPLITS if splits is None else splits
    if absent := [split for split in splits or () if not rows[split]]:
        raise ValueError(
            f"Expected lines whose split is {' and '.join(absent)}. Received: {str(path)!r}, with "
            + ", ".join(f"{len(rows[split])} for {split}" for split in SPLITS)
        )
    return _trial(path.parent, {split: rows[split] for split in wanted}, str(path))


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The values of every line that is not blank, with its place; a record may span several lines of the file."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    while True:
        place = f"{str(path)!r}, line {reader.line_num + 1}"
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"{place}: expected CSV, with quotation marks in pairs. Received: {error}") from None
        if values is None:
            return
        if values:
            yield place, values


def _row(columns: Sequence[str], values: Sequence[str], unlabeled: bool) -> tuple[str, Row]:
    if len(values) != len(columns):
        raise ValueError(f"expected as many values as columns, {len(columns)}. Received: {len(values)}")
    line = dict(zip(columns, values, strict=True))
    split = line.get("split", "train")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}. Received: {split!r}")
    nobody = unlabeled and split == "train" and not line["identity"].strip()
    identity = JUNK if nobody else _number("identity", line["identity"], JUNK)
    camera = line.get("camera", "")
    return split, (line["path"], identity, _number("camera", camera, 0) if camera.strip() else None)


def _number(column: str, text: str, least: int) -> int:
    try:
        return whole_number(text, least=least)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from None


def _trial(folder: Path, rows: Mapping[str, Rows], called: str) -> Trial:
    if not any(rows.values()):
        raise ValueError(f"Expected at least one image. Received: none in {called!r}")
    return {
        split: with_cameras_or_without(_listing(folder, split, images, called), cameras_needed=split != "train")
        for split, images in rows.items()
        if images
    }


def _listing(folder: Path, split: str, rows: Rows, called: str) -> Listing:
    images: dict[str, ImageName] = {}
    for place, (path, identity, camera) in rows:
        name = os.fspath(path)
        if not _is_integer(identity, JUNK) or not (camera is None or _is_integer(camera, 0)):
            raise ValueError(
                f"{place}: an identity must be an integer from -1, a camera an integer from 0 or None. Received: "
                f"{name!r} with identity {identity!r}, camera {camera!r}"
            )
        if name in images:
            raise ValueError(f"{place}: an image may occur once in a list. Received: {name!r} again")
        images[name] = ImageName(int(identity), None if camera is None else int(camera))
    return Listing(str(folder), split, f"images ({' '.join(EXTENSIONS)}) for {split} in {called!r}", images)


def _is_integer(value: object, lowest: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and lowest <= int(value) <= LARGEST  # type: ignore[call-overload]
