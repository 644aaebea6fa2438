"""The names of data sets, and whether a named one exists; its images are not read."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from snr_keras.files.text import first_few

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
"""The folders of Market-1501's layout."""

IMAGES = ("train", "all")
"""The images of a data set to train with: those of its training split, or those of its test too."""

DOMAINS = ("day", "dusk", "night", "fog")
"""The synthetic domains, which are drawn on first use."""

_MARKET = ("market1501/Market-1501-v15.09.15", "Market-1501-v15.09.15", "market1501")
_CUHK03 = ("cuhk03",)

PLACES = {
    "market1501": _MARKET,
    "market1501+500k": _MARKET,
    "dukemtmc-reid": ("dukemtmc-reid/DukeMTMC-reID", "DukeMTMC-reID", "dukemtmc-reid"),
    "cuhk03-detected": _CUHK03,
    "cuhk03-labeled": _CUHK03,
    "cuhk03-detected-classic": _CUHK03,
    "cuhk03-labeled-classic": _CUHK03,
    "msmt17-v1": ("msmt17/MSMT17_V1", "MSMT17_V1"),
    "msmt17-v2": ("msmt17/MSMT17_V2", "MSMT17_V2"),
    "cuhk02": ("cuhk02/Dataset", "cuhk02"),
    "cuhk-sysu": ("cuhksysu/dataset", "cuhksysu", "CUHK-SYSU"),
    "viper": ("viper/VIPeR", "VIPeR"),
    "prid2011": ("prid2011/prid_2011", "prid_2011"),
    "grid": ("grid/underground_reid", "underground_reid"),
    "ilids": ("ilids/i-LIDS_Pedestrian", "i-LIDS_Pedestrian"),
}
"""The folders below the root in which each published data set is sought, in this order."""

ALIASES = {"dukemtmc": "dukemtmc-reid"}

_NUMBERED = re.compile(r"(?P<name>.+):(?P<trial>[0-9]{1,9})")


def known_datasets() -> tuple[str, ...]:
    """The names that `open_dataset` knows."""
    return (*PLACES, *DOMAINS)


def source_names(names: str | Sequence[str]) -> Sequence[str]:
    """The names in one string, separated by commas; an existing path with commas is one name."""
    if not isinstance(names, str):
        return names
    return [names] if os.path.exists(names) else [name for name in names.split(",") if name]


def splits_of(images: str) -> tuple[str, ...] | None:
    """The splits that hold the images to train with: ("train",) for "train"; None, all that there are, for "all".

    Raises:
        ValueError: If it is neither.
    """
    if images not in IMAGES:
        raise ValueError(f"The images to train with must be one of {', '.join(IMAGES)}. Received: {images!r}")
    return ("train",) if images == "train" else None


def is_published(text: str) -> bool:
    """Whether this is the name of a published data set, even if a folder has that name."""
    return text in PLACES or text in ALIASES


def check_there(
    dataset: str | os.PathLike[str], *, root: str | os.PathLike[str], splits: Sequence[str] | None = None
) -> None:
    """Check that a data set can be found, before anything is read; arguments and errors are those of `open_dataset`."""
    text = os.fspath(dataset)
    if os.path.isfile(text):
        if not text.lower().endswith(".csv"):
            raise NotADirectoryError(
                f"A data set must be a folder with {', '.join(FOLDERS.values())}, or a list of images, a .csv file. "
                f"Received a file: {text!r}"
            )
    elif os.path.isdir(text) and not is_published(text):
        check_layout(Path(os.path.abspath(text)), splits or tuple(FOLDERS))
    else:
        name, number, place = parts_of(text)
        if name in PLACES:
            folder_of(name, place, Path(root))
        elif name not in DOMAINS or place or number is not None:
            raise FileNotFoundError(
                f"A data set must be an existing folder or one of {', '.join(known_datasets())}. Received: {text!r}"
            )


def check_layout(root: Path, splits: Sequence[str]) -> None:
    """Check that a folder has those of Market-1501's layout that the splits need.

    Raises:
        FileNotFoundError: If it or one of them does not exist. The message says what the folder holds.
        NotADirectoryError: If the path is a file.
    """
    if not root.exists():
        raise FileNotFoundError(f"The data set's folder does not exist. Received: {str(root)!r}")
    if not root.is_dir():
        layout = ", ".join(FOLDERS.values())
        raise NotADirectoryError(f"A data set must be a folder with {layout} in it. Received a file: {str(root)!r}")
    missing = [FOLDERS[split] for split in splits if not (root / FOLDERS[split]).is_dir()]
    if not missing:
        return
    holders = [root.parent] if root.name in FOLDERS.values() else []
    holders += sorted(folder for folder in root.iterdir() if any((folder / name).is_dir() for name in FOLDERS.values()))
    there = sorted(entry.name for entry in root.iterdir())
    raise FileNotFoundError(
        f"Expected the sub-folders {', '.join(FOLDERS[split] for split in splits)}. Received: {str(root)!r}, without "
        f"{', '.join(missing)}; it holds {first_few([repr(name) for name in there]) or 'nothing'}"
        + (f". Did you mean {' or '.join(repr(str(folder)) for folder in holders[:4])}?" if holders else "")
    )


def parts_of(text: str) -> tuple[str, int | None, Path | None]:
    """The name of a data set, the number of its split, and its folder, if they are given."""
    name, _, place = text.partition("=")
    numbered = _NUMBERED.fullmatch(name)
    name = numbered["name"] if numbered else name
    return ALIASES.get(name, name), numbered and int(numbered["trial"]), Path(place) if place else None


def folder_of(name: str, place: Path | None, root: Path) -> Path:
    """The folder of a published data set: the one that the user names, or the folder in it where its archive unpacks.

    Raises:
        FileNotFoundError: If there is none.
    """
    places = PLACES[name]
    if place is not None:
        if not place.is_dir():
            raise FileNotFoundError(f"The folder of {name} does not exist. Received: {str(place)!r}")
        unpacked = place / Path(places[0]).name
        return unpacked if unpacked.is_dir() else place
    candidates = [root / folder for folder in places]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"The data set {name!r} is not under {str(root)!r}: download it and unpack it there. Looked for: "
        + ", ".join(repr(str(candidate)) for candidate in candidates)
    )
