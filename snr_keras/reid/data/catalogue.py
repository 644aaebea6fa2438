"""Data sets by name: where their archives unpack to, how they are listed, and what their owners publish of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from snr_keras.reid.data.cuhk import list_cuhk02, list_cuhk_sysu
from snr_keras.reid.data.cuhk03 import cuhk03_lister
from snr_keras.reid.data.dataset import SPLITS, Progress, ReIDDataset
from snr_keras.reid.data.market1501 import FOLDERS, check_splits, list_market1501, list_market1501_500k
from snr_keras.reid.data.msmt17 import msmt17_lister
from snr_keras.reid.data.reading import Counts, Lister, assemble
from snr_keras.reid.data.small_targets import list_grid, list_ilids, list_prid2011, list_viper
from snr_keras.reid.data.synthetic import DOMAINS, synthesize
from snr_keras.reid.data.user_list import list_csv


@dataclass(frozen=True)
class Known:
    """A data set that can be opened by name.

    Attributes:
        places: the folders below the root where it is sought, in this order.
        lister: lists such a folder.
        version: what stands with every figure.
        published: how many images and identities each split has, as published.
        splits: those it has.
        trials: in how many ways it is divided.
        protocol: of evaluation, if it is published with one of its own.
    """

    places: tuple[str, ...]
    lister: Lister
    version: str = ""
    published: Mapping[str, Counts] = field(default_factory=dict)
    splits: tuple[str, ...] = SPLITS
    trials: int = 1
    protocol: str = ""


def _counts(train: tuple, query: tuple, gallery: tuple) -> dict[str, Counts]:
    """Counts of (images, identities); images of a gallery with its junk and distractors."""
    return {split: Counts(*counts) for split, counts in zip(SPLITS, (train, query, gallery), strict=True)}


_MARKET = ("market1501/Market-1501-v15.09.15", "Market-1501-v15.09.15", "market1501")
_DUKE = ("dukemtmc-reid/DukeMTMC-reID", "DukeMTMC-reID", "dukemtmc-reid")
_MSMT17 = _counts((32621, 1041), (11659, 3060), (82161, 3060))
_CLASSIC = _counts((None, 1367), (None, 100), (None, 100))
_CUHK03 = ("cuhk03",)

KNOWN = {
    "market1501": Known(_MARKET, list_market1501, published=_counts((12936, 751), (3368, 750), (19732, 750))),
    "market1501+500k": Known(
        _MARKET,
        list_market1501_500k,
        version="with 500k distractors",
        published={"train": Counts(12936, 751), "query": Counts(3368, 750)},
    ),
    "dukemtmc-reid": Known(_DUKE, list_market1501, published=_counts((16522, 702), (2228, 702), (17661, 1110))),
    "cuhk03-detected": Known(
        _CUHK03,
        cuhk03_lister("detected", classic=False),
        version="detected, new protocol (767/700)",
        published=_counts((7365, 767), (1400, 700), (5332, 700)),
    ),
    "cuhk03-labeled": Known(
        _CUHK03,
        cuhk03_lister("labeled", classic=False),
        version="labeled, new protocol (767/700)",
        published=_counts((7368, 767), (1400, 700), (5328, 700)),
    ),
    "cuhk03-detected-classic": Known(
        _CUHK03,
        cuhk03_lister("detected", classic=True),
        version="detected, classic (1367/100, 20 splits)",
        published=_CLASSIC,
        trials=20,
        protocol="single_gallery_shot",
    ),
    "cuhk03-labeled-classic": Known(
        _CUHK03,
        cuhk03_lister("labeled", classic=True),
        version="labeled, classic (1367/100, 20 splits)",
        published=_CLASSIC,
        trials=20,
        protocol="single_gallery_shot",
    ),
    "msmt17-v1": Known(
        ("msmt17/MSMT17_V1", "MSMT17_V1"), msmt17_lister("train", "test"), version="MSMT17_V1", published=_MSMT17
    ),
    "msmt17-v2": Known(
        ("msmt17/MSMT17_V2", "MSMT17_V2"),
        msmt17_lister("mask_train_v2", "mask_test_v2"),
        version="MSMT17_V2",
        published=_MSMT17,
    ),
    "cuhk02": Known(("cuhk02/Dataset", "cuhk02"), list_cuhk02, published=_counts((6308, 1577), (478, 239), (478, 239))),
    "cuhk-sysu": Known(
        ("cuhksysu/dataset", "cuhksysu", "CUHK-SYSU"),
        list_cuhk_sysu,
        published={"train": Counts(34574, 11934)},
        splits=("train",),
    ),
    "viper": Known(
        ("viper/VIPeR", "VIPeR"), list_viper, published=_counts((632, 316), (316, 316), (316, 316)), trials=10
    ),
    "prid2011": Known(
        ("prid2011/prid_2011", "prid_2011"),
        list_prid2011,
        version="single shot",
        published=_counts((200, 100), (100, 100), (649, 649)),
        trials=10,
    ),
    "grid": Known(
        ("grid/underground_reid", "underground_reid"),
        list_grid,
        published=_counts((250, 125), (125, 125), (900, 125)),
        trials=10,
    ),
    "ilids": Known(
        ("ilids/i-LIDS_Pedestrian", "i-LIDS_Pedestrian"),
        list_ilids,
        published=_counts((None, 59), (60, 60), (60, 60)),
        trials=10,
    ),
}
ALIASES = {"dukemtmc": "dukemtmc-reid"}

_NUMBERED = re.compile(r"(?P<name>.+):(?P<trial>[0-9]{1,9})")


def known_datasets() -> tuple[str, ...]:
    """The names that `open_dataset` knows."""
    return (*KNOWN, *DOMAINS)


def open_dataset(
    dataset: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str],
    splits: Sequence[str] | None = None,
    unlabeled: bool = False,
    progress: Progress | None = None,
) -> ReIDDataset:
    """Reads a data set by its path or by its name.

    Args:
        dataset: one of

            - an existing folder in Market-1501 layout (one that is called like a published data set, with `./` before);
            - an existing CSV file, a list of one's own;
            - a name of `known_datasets()`: sought under `root` where its archive unpacks to, or, for a synthetic
              domain, drawn into `root/synthetic/NAME` when it is first asked for;
            - `NAME=FOLDER`: the data set of that name, in that folder;
            - any of the two with the number of a split behind the name, `viper:3`, where there are several.

            Nothing is downloaded.
        root: the folder that holds named data sets.
        splits: those to read, of "train", "query" and "gallery"; by default those that the data set has.
        unlabeled: whether the training images are to be used without identities: then those of -1, and in a list those
            without an identity, which becomes -1, are among them, and it does not matter how many people there are.
        progress: called with (things done, things in all) while images are checked, and before that while a synthetic
            domain is drawn or images are taken out of what the owners distribute.

    Raises:
        FileNotFoundError: if it is neither an existing folder nor a known name, or the named data set is not there.
        ValueError: if it is divided in several ways and none is named, if a split is asked for that it does not have,
            or if nothing can be done with what is there.
    """
    trials = open_trials(dataset, root=root, splits=splits, unlabeled=unlabeled, progress=progress)
    if len(trials) > 1:
        raise ValueError(
            f"{os.fspath(dataset)} is divided in {len(trials)} ways: name one of them, {trials[0].name}:1 to "
            f"{trials[0].name}:{len(trials)}. (As a target it needs no number: figures are means over all.)"
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
    """Reads a data set in each of the ways in which it is divided; the arguments are those of `open_dataset`.

    Returns:
        One data set for each published division: ten for "viper", one for "viper:3" and for most others.
    """
    if splits is not None:
        check_splits(splits)
    check_there(dataset, root=root)
    text = os.fspath(dataset)
    if os.path.isdir(text) and text not in KNOWN and text not in ALIASES:
        path = Path(os.path.abspath(text))
        return assemble(
            path.name, path, list_market1501(path, splits or SPLITS), unlabeled=unlabeled, progress=progress
        )
    if os.path.isfile(text):
        path = Path(os.path.abspath(text))
        return assemble(
            path.stem, path, [list_csv(path, splits, unlabeled=unlabeled)], unlabeled=unlabeled, progress=progress
        )
    name, number, place = _parts(text)
    if name in DOMAINS:
        path = synthesize(Path(root) / "synthetic" / name, domain=name, progress=progress)
        path = Path(os.path.abspath(path))
        return assemble(name, path, list_market1501(path, splits or SPLITS), unlabeled=unlabeled, progress=progress)
    return _known(name, place, Path(root), splits, number, unlabeled, progress)


def check_there(dataset: str | os.PathLike[str], *, root: str | os.PathLike[str]) -> None:
    """Looks whether a data set can be found, before anything is read; arguments and errors are `open_dataset`'s."""
    text = os.fspath(dataset)
    if os.path.isfile(text):
        if not text.lower().endswith(".csv"):
            raise NotADirectoryError(
                f"A data set is a folder with {', '.join(FOLDERS.values())} in it, or a list of images, a .csv file. "
                f"Received a file: {text!r}"
            )
    elif not os.path.isdir(text) or text in KNOWN or text in ALIASES:
        name, number, place = _parts(text)
        if name in KNOWN:
            _folder(name, KNOWN[name], place, Path(root))
        elif name not in DOMAINS or place or number is not None:
            raise FileNotFoundError(
                f"A data set is an existing folder or one of {', '.join(known_datasets())}. Received: {text!r}"
            )


def _parts(text: str) -> tuple[str, int | None, Path | None]:
    """The name of a data set, the number behind it, and the folder that it is said to be in."""
    name, _, place = text.partition("=")
    numbered = _NUMBERED.fullmatch(name)
    name = numbered["name"] if numbered else name
    return ALIASES.get(name, name), numbered and int(numbered["trial"]), Path(place) if place else None


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
    folder = Path(os.path.abspath(_folder(name, known, place, root)))
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


def _folder(name: str, known: Known, place: Path | None, root: Path) -> Path:
    """The folder of a named data set: the one that the user names, or what its archive unpacks to below it."""
    if place is not None:
        if not place.is_dir():
            raise FileNotFoundError(f"The folder of {name} does not exist. Received: {str(place)!r}")
        unpacked = place / Path(known.places[0]).name
        return unpacked if unpacked.is_dir() else place
    candidates = [root / folder for folder in known.places]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"The data set {name!r} is not under {str(root)!r}: download it and unpack it there. Looked for: "
        + ", ".join(repr(str(candidate)) for candidate in candidates)
    )
