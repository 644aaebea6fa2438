"""The small data sets on which generalizable re-identification is tested: VIPeR, PRID2011, GRID and i-LIDS.

Each is split at random in ten ways into people to train on and people to test on; scores are means over the ten.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from snr_keras.files.text import first_few
from snr_keras.reid.data.dataset import DISTRACTOR, Progress
from snr_keras.reid.data.matlab import load_matlab, whole_numbers
from snr_keras.reid.data.reading import Trial
from snr_keras.reid.data.scan import ImageName, Listing, list_folder, merge
from snr_keras.reid.data.trials import TRIALS, shuffled, ten_trials

PRID_SEEN_BY_BOTH = 200
PRID_TRAINING = 100
GRID_PARTITIONS = "features_and_partitions.mat"


def list_viper(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """VIPeR: `cam_a/000_45.bmp`, one image of each of 632 people by each camera; half are for training.

    Queries are by camera a, the gallery by camera b. Identities are the numbers in the names plus one, since 0 is
    reserved.
    """
    folders = _folders(
        root, {"cam_a": 1, "cam_b": 2}, r"(?P<identity>[0-9]{1,9})_[0-9]+\.", example="000_45.bmp", first=1
    )
    people = sorted({label.identity for label in folders.images.values()})

    def trial(number: int) -> dict[str, list[str]]:
        trained = set(shuffled(people, "viper", number)[: len(people) // 2])
        return _by_camera(folders, trained, set(people) - trained)

    return ten_trials(folders, root, splits, trial)


def list_prid2011(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """PRID2011, single shot: `single_shot/cam_a/person_0001.png`, 385 people by camera a and 749 by camera b.

    The first 200 are the same people in both: 100 are for training and 100 are queries of camera a; the gallery is
    everyone of camera b who is not for training. The other 185 of camera a are not used: their
    numbers belong to other people in camera b.
    """
    folders = _folders(
        root / "single_shot", {"cam_a": 1, "cam_b": 2}, r"person_(?P<identity>[0-9]{1,9})\.", example="person_0001.png"
    )
    pairs = {label.identity for label in folders.images.values() if label.identity <= PRID_SEEN_BY_BOTH}
    gallery = {label.identity for label in folders.images.values() if label.camera == 2}

    def trial(number: int) -> dict[str, list[str]]:
        trained = set(shuffled(pairs, "prid2011", number)[: min(PRID_TRAINING, len(pairs) // 2)])
        return _by_camera(folders, trained, pairs - trained, gallery - trained)

    return ten_trials(folders, root / "single_shot", splits, trial)


def list_grid(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """GRID: `probe/0001_1_25004_107_32_106_221.jpeg`, 250 people; `gallery` has them too, and 775 images of others.

    The others are distractors, of identity 0. `features_and_partitions.mat` has the training people of each of the ten.
    """
    name, example = r"(?P<identity>[0-9]{1,9})_(?P<camera>[0-9]{1,9})_", "0001_1_25004_107_32_106_221.jpeg"
    folders = _folders(root, {"probe": None, "gallery": None}, name, example=example)
    trained_in = _grid_partitions(root / GRID_PARTITIONS)

    def trial(number: int) -> dict[str, list[str]]:
        trained = trained_in[number - 1]
        splits: dict[str, list[str]] = {"train": [], "query": [], "gallery": []}
        for image, label in folders.images.items():
            tested = "query" if image.startswith("probe") else "gallery"
            splits["train" if label.identity in trained else tested].append(image)
        return splits

    return ten_trials(folders, root, splits, trial)


def list_ilids(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """i-LIDS: `Persons/0001001.jpg`, person 1, image 1; 476 images of 119 people, without camera labels.

    59 people are for training; for each of the other 60 one image is a query, and another one is the gallery.
    """
    folders = _folders(root, {"Persons": None}, r"(?P<identity>[0-9]{4})[0-9]{3}\.", example="0001001.jpg")
    images_of: dict[int, list[str]] = {}
    for name, label in folders.images.items():
        images_of.setdefault(label.identity, []).append(name)
    tested = {identity: names for identity, names in images_of.items() if len(names) > 1}

    def trial(number: int) -> dict[str, list[str]]:
        order = shuffled(images_of, "ilids", number)
        trained = order[: len(order) // 2]
        splits: dict[str, list[str]] = {"train": [name for i in trained for name in images_of[i]]}
        pairs = [shuffled_names(tested[i], number, i) for i in order[len(order) // 2 :] if i in tested]
        splits["query"] = [pair[0] for pair in pairs]
        splits["gallery"] = [pair[1] for pair in pairs]
        return splits

    def shuffled_names(names: list[str], number: int, identity: int) -> list[str]:
        return [names[k] for k in shuffled(range(len(names)), "ilids", number, identity)]

    return ten_trials(folders, root, splits, trial)


def _folders(root: Path, camera_of: dict[str, int | None], pattern: str, *, example: str, first: int = 0) -> Listing:
    """The images of several folders: labels from the names, and cameras from the folders too."""
    if missing := [name for name in camera_of if not (root / name).is_dir()]:
        there = sorted(repr(entry.name) for entry in root.iterdir()) if root.is_dir() else []
        raise FileNotFoundError(
            f"Expected the sub-folders {', '.join(camera_of)}. Received: {str(root)!r}, without {', '.join(missing)}; "
            f"it holds {first_few(there) or 'nothing'}"
        )
    listings = [
        list_folder(str(root / folder), partial(_parse, re.compile(pattern), camera, first, example), example=example)
        for folder, camera in camera_of.items()
    ]
    return merge(root, listings, called=" and ".join(camera_of))


def _parse(pattern: re.Pattern[str], camera: int | None, first: int, example: str, name: str) -> ImageName:
    match = pattern.match(name)
    if match is None:
        raise ValueError(f"not named like {example}")
    labels = match.groupdict()
    if camera is None and "camera" in labels:
        camera = int(labels["camera"])
    return ImageName(first + int(labels["identity"]), camera)


def _by_camera(
    folders: Listing, trained: set[int], queries: set[int], gallery: set[int] | None = None
) -> dict[str, list[str]]:
    """Training images of both cameras, queries of the first and a gallery of the second."""
    return {
        "train": [name for name, label in folders.images.items() if label.identity in trained],
        "query": [name for name, label in folders.images.items() if label.identity in queries and label.camera == 1],
        "gallery": [
            name
            for name, label in folders.images.items()
            if label.identity in (queries if gallery is None else gallery) and label.camera == 2
        ],
    }


def _grid_partitions(path: Path) -> list[set[int]]:
    """The training people of each trial: `trainIdxAll` has ten cells with a struct, whose third field lists them."""
    partitions: Any = load_matlab(path)
    try:
        cells = partitions["trainIdxAll"].ravel()
        trained = [set(whole_numbers(cell[0][0][2])) for cell in cells]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"Expected `trainIdxAll` in {str(path)!r}, ten cells with a struct each. Received: {sorted(partitions)}"
        ) from error
    if len(trained) != TRIALS or not all(identities and DISTRACTOR not in identities for identities in trained):
        raise ValueError(
            f"Expected ten lists of training identities in {str(path)!r}. Received: "
            f"{[len(identities) for identities in trained]}"
        )
    return trained
