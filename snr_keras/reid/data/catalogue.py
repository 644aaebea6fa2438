"""Data sets by name: how to list them, and the numbers that their owners publish."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from snr_keras.reid.data.cuhk import list_cuhk02, list_cuhk_sysu
from snr_keras.reid.data.cuhk03 import cuhk03_lister
from snr_keras.reid.data.dataset import SPLITS, Progress, ReIDDataset
from snr_keras.reid.data.market1501 import check_splits, list_market1501, list_market1501_500k
from snr_keras.reid.data.msmt17 import msmt17_lister
from snr_keras.reid.data.reading import Counts, Lister, assemble
from snr_keras.reid.data.small_targets import list_grid, list_ilids, list_prid2011, list_viper
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.data.user_list import list_csv
from snr_keras.reid.settings.datasets import (
    DOMAINS,
    check_there,
    folder_of,
    is_published,
    parts_of,
)
from snr_keras.reid.settings.datasets import (
    known_datasets as known_datasets,
)


@dataclass(frozen=True)
class Known:
    """A data set that can be opened by its name.

    Attributes:
        lister: Function that lists the folder in which its archive unpacks.
        version: Version to report with every score.
        published: Published numbers of images and identities of each split.
        splits: Names of its splits.
        trials: Number of ways in which it is split.
        protocol: Evaluation protocol, if it is published with its own.
    """

    lister: Lister
    version: str = ""
    published: Mapping[str, Counts] = field(default_factory=dict)
    splits: tuple[str, ...] = SPLITS
    trials: int = 1
    protocol: str = ""


def _counts(train: tuple, query: tuple, gallery: tuple) -> dict[str, Counts]:
    """Counts of (images, identities); images of a gallery with its junk and distractors."""
    return {split: Counts(*counts) for split, counts in zip(SPLITS, (train, query, gallery), strict=True)}


_MSMT17 = _counts((32621, 1041), (11659, 3060), (82161, 3060))
_CLASSIC = _counts((None, 1367), (None, 100), (None, 100))

KNOWN = {
    "market1501": Known(list_market1501, published=_counts((12936, 751), (3368, 750), (19732, 750))),
    "market1501+500k": Known(
        list_market1501_500k,
        version="with 500k distractors",
        published={"train": Counts(12936, 751), "query": Counts(3368, 750)},
    ),
    "dukemtmc-reid": Known(list_market1501, published=_counts((16522, 702), (2228, 702), (17661, 1110))),
    "cuhk03-detected": Known(
        cuhk03_lister("detected", classic=False),
        version="detected, new protocol (767/700)",
        published=_counts((7365, 767), (1400, 700), (5332, 700)),
    ),
    "cuhk03-labeled": Known(
        cuhk03_lister("labeled", classic=False),
        version="labeled, new protocol (767/700)",
        published=_counts((7368, 767), (1400, 700), (5328, 700)),
    ),
    "cuhk03-detected-classic": Known(
        cuhk03_lister("detected", classic=True),
        version="detected, classic (1367/100, 20 splits)",
        published=_CLASSIC,
        trials=20,
        protocol="single_gallery_shot",
    ),
    "cuhk03-labeled-classic": Known(
        cuhk03_lister("labeled", classic=True),
        version="labeled, classic (1367/100, 20 splits)",
        published=_CLASSIC,
        trials=20,
        protocol="single_gallery_shot",
    ),
    "msmt17-v1": Known(msmt17_lister("train", "test"), version="MSMT17_V1", published=_MSMT17),
    "msmt17-v2": Known(
        msmt17_lister("mask_train_v2", "mask_test_v2"),
        version="MSMT17_V2",
        published=_MSMT17,
    ),
    "cuhk02": Known(list_cuhk02, published=_counts((6308, 1577), (478, 239), (478, 239))),
    "cuhk-sysu": Known(
        list_cuhk_sysu,
        published={"train": Counts(34574, 11934)},
        splits=("train",),
    ),
    "viper": Known(list_viper, published=_counts((632, 316), (316, 316), (316, 316)), trials=10),
    "prid2011": Known(
        list_prid2011,
        version="single shot",
        published=_counts((200, 100), (100, 100), (649, 649)),
        trials=10,
    ),
    "grid": Known(
        list_grid,
        published=_counts((250, 125), (125, 125), (900, 125)),
        trials=10,
    ),
    "ilids": Known(
        list_ilids,
        published=_counts((None, 59), (60, 60), (60, 60)),
        trials=10,
    ),
}


def open_dataset(
    dataset: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str],
    splits: Sequence[str] | None = None,
    unlabeled: bool = False,
    progress: Progress | None = None,
) -> ReIDDataset:
    """Read a data set by its path or its name.

    Args:
        dataset: One of

            - an existing folder in Market-1501 layout (with `./` before a name that is also a published data set);
            - an existing CSV file, a list of your own;
            - a name of `known_datasets()`: sought under `root` where its archive unpacks, or, for a synthetic domain,
              drawn into `root/synthetic/NAME` on first use;
            - `NAME=FOLDER`: the data set of that name, in that folder;
            - either of the last two with the number of a split appended, `viper:3`, if it has several.

            Nothing is downloaded.
        root: Folder of named data sets.
        splits: Splits to read, out of "train", "query" and "gallery"; by default all that the data set has.
        unlabeled: Whether to read the training images without identities: then images of identity -1, and those of a
            list without an identity, are included, and any number of people is accepted.
        progress: Function called with the numbers done and in total while images are checked, and before that while a
            synthetic domain is drawn or images are extracted from the owners' files.

    Raises:
        FileNotFoundError: If it is neither an existing folder nor a known name, or the named data set is missing.
        ValueError: If it is split in several ways and none is named, if it does not have a requested split, or if it
            cannot be used.
    """
    trials = open_trials(dataset, root=root, splits=splits, unlabeled=unlabeled, progress=progress)
    if len(trials) > 1:
        raise ValueError(
            f"{os.fspath(dataset)} is split in {len(trials)} ways: name one of them, {trials[0].name}:1 to "
            f"{trials[0].name}:{len(trials)}. (A target needs no number: its scores are means over all.)"
        )
    return trials[0]


def open_trials(
    dataset: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str],
    splits: Sequence[str] | None = None,
    unlabeled: bool = False,
    progress: Progress | None = None,
) -> tuple[ReIDDataset, ...]:
    """Read a data set in every way in which it is split; the arguments are those of `open_dataset`.

    Returns:
        One data set for each published way: ten for "viper", one for "viper:3" and for most others.
    """
    if splits is not None:
        check_splits(splits)
    check_there(dataset, root=root, splits=splits)
    text = os.fspath(dataset)
    if os.path.isdir(text) and not is_published(text):
        path = Path(os.path.abspath(text))
        return assemble(
            path.name, path, list_market1501(path, splits or SPLITS), unlabeled=unlabeled, progress=progress
        )
    if os.path.isfile(text):
        path = Path(os.path.abspath(text))
        return assemble(
            path.stem, path, [list_csv(path, splits, unlabeled=unlabeled)], unlabeled=unlabeled, progress=progress
        )
    name, number, place = parts_of(text)
    if name in DOMAINS:
        path = synthesize(Path(root) / "synthetic" / name, domain=name, progress=progress)
        path = Path(os.path.abspath(path))
        return assemble(name, path, list_market1501(path, splits or SPLITS), unlabeled=unlabeled, progress=progress)
    return _known(name, place, Path(root), splits, number, unlabeled, progress)


def _known(
    name: str,
    place: Path | None,
    root: Path,
    splits: Sequence[str] | None,
    number: int | None,
    unlabeled: bool,
    progress: Progress | None,
) -> tuple[ReIDDataset, ...]:
    known = KNOWN[name]
    if absent := [split for split in splits or () if split not in known.splits]:
        raise ValueError(f"{name} has no {' and no '.join(absent)}: its splits are {', '.join(known.splits)}")
    folder = Path(os.path.abspath(folder_of(name, place, root)))
    trials = known.lister(folder, splits or known.splits, progress)
    if number is not None:
        if not 1 <= number <= len(trials) or known.trials == 1:
            ways = f"splits 1 to {len(trials)}" if known.trials > 1 else "one split, which needs no number"
            raise ValueError(f"{name} has {ways}. Received: {name}:{number}")
        trials = [trials[number - 1]]
    datasets = assemble(
        name if number is None else f"{name}:{number}",
        folder,
        trials,
        version=known.version,
        published=known.published,
        unlabeled=unlabeled,
        progress=progress,
    )
    return tuple(replace(dataset, protocol=known.protocol) for dataset in datasets)
