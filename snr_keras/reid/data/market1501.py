"""The layout of Market-1501: three folders of images whose names carry the labels.

A data set is a folder with three sub-folders of images, `bounding_box_train`, `query` and `bounding_box_test` (the
gallery). File names carry the labels: `0002_c1s1_000451_03.jpg` is identity 2 seen by camera 1. Market-1501 and
DukeMTMC-reID are distributed like this, and your own crops can be named like this.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from snr_keras.reid.data.dataset import DISTRACTOR, SPLITS, Progress, ReIDDataset
from snr_keras.reid.data.reading import Trial, assemble
from snr_keras.reid.data.scan import ImageName, list_folder, merge, parse_name, with_cameras_or_without
from snr_keras.reid.settings.datasets import FOLDERS, check_layout

DISTRACTOR_FOLDER = "images"
EXAMPLE = "0002_c1s1_000451_03.jpg"


def read_market1501(
    path: str | os.PathLike[str],
    *,
    splits: Sequence[str] = SPLITS,
    progress: Progress | None = None,
) -> ReIDDataset:
    """Read a folder in Market-1501 layout; every image is decoded once, so that none can fail later.

    Unusable files are left out and listed in the report: files that are not images, names without an identity, images
    that cannot be decoded. In training, identity -1 is left out and identity 0 is an ordinary identity; in the gallery
    both stay, as junk and distractors. If query or gallery have no camera labels, neither keeps them: evaluate such a
    set under the protocol "no_camera".

    Args:
        path: Folder of `bounding_box_train`, `query` and `bounding_box_test`.
        splits: Splits to read, out of "train", "query" and "gallery"; only their folders must exist.
        progress: Function called with the number of checked images and the total.

    Returns:
        The data set, with absolute paths, named as the folder.

    Raises:
        FileNotFoundError: If the folder or that of a split does not exist.
        NotADirectoryError: If the path is a file.
        ValueError: If the data is unusable: no usable image in a split, fewer than two identities to train on, or a
            query of identity -1 or 0.
    """
    check_splits(splits)
    root = Path(os.path.abspath(path))
    (dataset,) = assemble(root.name, root, list_market1501(root, splits), progress=progress)
    return dataset


def check_splits(splits: Sequence[str]) -> None:
    """Raise ValueError unless these are names of splits, at least one."""
    if not splits or not set(splits) <= set(SPLITS):
        raise ValueError(f"`splits` must be among {SPLITS}. Received: splits={tuple(splits)}")


def list_market1501(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """List the folders of the splits."""
    wanted = [split for split in SPLITS if split in splits]
    check_layout(root, wanted)
    return [
        {
            split: with_cameras_or_without(
                list_folder(str(root / FOLDERS[split]), example=EXAMPLE), cameras_needed=split != "train"
            )
            for split in wanted
        }
    ]


def list_market1501_500k(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """List Market-1501 with the 500 000 distractors, which are in the folder `images` beside the others.

    Each of them is a distractor whatever its name, and needs no camera, since it matches no query.

    Raises:
        FileNotFoundError: Also if that folder is missing and the gallery is requested.
    """
    (trial,) = list_market1501(root, splits, progress)
    if "gallery" not in trial:
        return [trial]
    folder = root / DISTRACTOR_FOLDER
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The 500 000 distractors of Market-1501 (distractors_500k.zip) must be a folder {DISTRACTOR_FOLDER!r} "
            f"beside {FOLDERS['gallery']!r}. Received: {str(root)!r}, without it"
        )
    extra = list_folder(str(folder), _distractor, example=EXAMPLE)
    called = f"{FOLDERS['gallery']} and {DISTRACTOR_FOLDER}"
    return [{**trial, "gallery": merge(root, [trial["gallery"], extra], called=called)}]


def _distractor(name: str) -> ImageName:
    try:
        camera = parse_name(name).camera
    except ValueError:
        camera = None
    return ImageName(DISTRACTOR, camera or 0)
