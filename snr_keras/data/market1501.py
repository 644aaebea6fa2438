"""Person re-identification data on disk, in the layout of Market-1501.

A data set is a folder with three sub-folders of images, `bounding_box_train`, `query` and `bounding_box_test` (the
gallery); file names carry the labels, `0002_c1s1_000451_03.jpg` being identity 2 seen by camera 1. Market-1501 and
DukeMTMC-reID are distributed like this, and anyone's own crops can be named like this.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snr_keras.data.report import Excluded, ScanReport, SplitReport, count, first_few
from snr_keras.data.scan import Listing, find_unreadable, list_images
from snr_keras.data.synthetic import DOMAINS, synthesize

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
JUNK, DISTRACTOR = -1, 0

# Where the archives unpack to, as users of torchreid know it.
_DOWNLOADS = {
    "market1501": ("market1501/Market-1501-v15.09.15", "Market-1501-v15.09.15", "market1501"),
    "dukemtmc-reid": ("dukemtmc-reid/DukeMTMC-reID", "DukeMTMC-reID", "dukemtmc-reid"),
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Split:
    """Images that serve one purpose, with their labels.

    Attributes:
        paths: of the n image files, sorted by name.
        identities: (n,) int64, any numbers from 0 up; in a gallery -1 is junk and 0 a distractor.
        cameras: (n,) int64, any numbers from 0 up; None if the images have no camera labels.
    """

    paths: tuple[str, ...]
    identities: np.ndarray
    cameras: np.ndarray | None

    def __post_init__(self) -> None:
        shapes = [labels.shape for labels in (self.identities, self.cameras) if labels is not None]
        if set(shapes) != {(len(self.paths),)}:
            raise ValueError(
                f"Expected one identity per path, and one camera or no cameras. Received: {len(self.paths)} paths, "
                f"labels of shapes {shapes}"
            )

    def __len__(self) -> int:
        """The number of images."""
        return len(self.paths)

    @property
    def num_identities(self) -> int:
        """The number of different identities."""
        return len(np.unique(self.identities))


@dataclass(frozen=True, eq=False)
class ReIDDataset:
    """Images to train with, images to search with (query), images to search in (gallery), and what reading them found.

    A split that was not asked for is empty.
    """

    name: str
    train: Split
    query: Split
    gallery: Split
    report: ScanReport


def read_market1501(
    path: str | os.PathLike[str],
    *,
    splits: Sequence[str] = ("train", "query", "gallery"),
    progress: Progress | None = None,
) -> ReIDDataset:
    """Reads a folder in Market-1501 layout; every image is decoded once, so that none can fail later.

    What cannot be used is left out and listed in the report: files that are no images, names without an identity,
    images that cannot be decoded. In training identity -1 is left out and identity 0 is an identity like others; in the
    gallery both stay, as junk and distractors. If query or gallery have no camera labels, neither keeps them:
    evaluate such a set under the protocol "no_camera".

    Args:
        path: the folder that holds `bounding_box_train`, `query` and `bounding_box_test`.
        splits: those to read, of "train", "query" and "gallery"; only their folders need to exist.
        progress: called with (images done, images in all) while the images are checked.

    Returns:
        The data set, with absolute paths; its name is that of the folder.

    Raises:
        FileNotFoundError: if the folder or that of a split does not exist.
        NotADirectoryError: if the path is a file.
        ValueError: if nothing can be done with what is there: no usable image in a split, fewer than two identities to
            train with, a query of identity -1 or 0.
    """
    if not splits or not set(splits) <= set(FOLDERS):
        raise ValueError(f"`splits` must be among {tuple(FOLDERS)}. Received: splits={tuple(splits)}")
    root = Path(os.path.abspath(path))
    wanted = [split for split in FOLDERS if split in splits]
    _check_layout(root, wanted)

    listings = {split: list_images(str(root / FOLDERS[split]), cameras_needed=split != "train") for split in wanted}
    unreadable = find_unreadable(
        [str(root / FOLDERS[split] / name) for split in wanted for name in listings[split].images], progress
    )
    found = {split: _split(root / FOLDERS[split], split, listings[split], unreadable) for split in wanted}
    reports = {
        split: _report(root / FOLDERS[split], split, listings[split], found[split], unreadable) for split in wanted
    }
    _check_usable(root, found, reports)
    notes = [note for listing in listings.values() for note in listing.notes]
    found = _without_lone_cameras(found, notes)
    _note_shared_identities(found, notes)
    _note_queries_without_match(found, notes)
    nothing = Split((), np.empty(0, np.int64), None)
    return ReIDDataset(
        name=root.name,
        train=found.get("train", nothing),
        query=found.get("query", nothing),
        gallery=found.get("gallery", nothing),
        report=ScanReport(str(root), tuple(reports.values()), tuple(notes)),
    )


def open_dataset(
    name_or_path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str],
    splits: Sequence[str] = ("train", "query", "gallery"),
    progress: Progress | None = None,
) -> ReIDDataset:
    """Reads a data set by its path or by its name.

    An existing folder is read as it is. Else the name is one of `known_datasets()`: a downloaded data set, sought
    under `root` where its archive unpacks to, or a synthetic domain, which is drawn into `root/synthetic/NAME` when it
    is first asked for. Nothing is downloaded.

    Args:
        name_or_path: an existing folder, or a name.
        root: the folder that holds named data sets.
        splits: as in `read_market1501`.
        progress: as in `read_market1501`; also called while a synthetic domain is drawn.

    Raises:
        FileNotFoundError: if it is neither an existing folder nor a known name, or the named data set is not there.
        Others: as `read_market1501`.
    """
    if os.path.isdir(name_or_path):
        return read_market1501(name_or_path, splits=splits, progress=progress)
    name = os.fspath(name_or_path)
    if os.path.exists(name):
        raise NotADirectoryError(f"A data set is a folder with {_layout()} in it. Received a file: {name!r}")
    folder = _synthetic(name, Path(root), progress) if name in DOMAINS else _downloaded(name, Path(root))
    return replace(read_market1501(folder, splits=splits, progress=progress), name=name)


def known_datasets() -> tuple[str, ...]:
    """The names that `open_dataset` knows."""
    return (*_DOWNLOADS, *DOMAINS)


def _synthetic(domain: str, root: Path, progress: Progress | None) -> Path:
    return synthesize(root / "synthetic" / domain, domain=domain, progress=progress)


def _downloaded(name: str, root: Path) -> Path:
    if name not in _DOWNLOADS:
        raise FileNotFoundError(
            f"A data set is an existing folder or one of {', '.join(known_datasets())}. Received: {name!r}"
        )
    candidates = [root / folder for folder in _DOWNLOADS[name]]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"The data set {name!r} is not under {str(root)!r}: download it and unpack it there. Looked for: "
        + ", ".join(repr(str(candidate)) for candidate in candidates)
    )


def _layout() -> str:
    return ", ".join(FOLDERS.values())


def _check_layout(root: Path, wanted: Sequence[str]) -> None:
    if not root.exists():
        raise FileNotFoundError(f"The data set's folder does not exist. Received: {str(root)!r}")
    if not root.is_dir():
        raise NotADirectoryError(f"A data set is a folder with {_layout()} in it. Received a file: {str(root)!r}")
    missing = [FOLDERS[split] for split in wanted if not (root / FOLDERS[split]).is_dir()]
    if not missing:
        return
    holders = [root.parent] if root.name in FOLDERS.values() else []
    holders += sorted(folder for folder in root.iterdir() if any((folder / name).is_dir() for name in FOLDERS.values()))
    there = sorted(entry.name for entry in root.iterdir())
    raise FileNotFoundError(
        f"Expected the sub-folders {', '.join(FOLDERS[split] for split in wanted)}. Received: {str(root)!r}, without "
        f"{', '.join(missing)}; it holds {first_few([repr(name) for name in there]) or 'nothing'}"
        + (f". Did you mean {' or '.join(repr(str(folder)) for folder in holders[:4])}?" if holders else "")
    )


def _split(folder: Path, split: str, listing: Listing, unreadable: dict[str, str]) -> Split:
    usable = {
        str(folder / name): label
        for name, label in listing.images.items()
        if str(folder / name) not in unreadable and not (split == "train" and label.identity == JUNK)
    }
    cameras = [label.camera for label in usable.values() if label.camera is not None]
    return Split(
        paths=tuple(usable),
        identities=np.array([label.identity for label in usable.values()], np.int64),
        cameras=np.array(cameras, np.int64) if cameras else None,
    )


def _report(folder: Path, split: str, listing: Listing, found: Split, unreadable: dict[str, str]) -> SplitReport:
    identities = found.identities if split == "train" else found.identities[found.identities > DISTRACTOR]
    images_of = Counter(identities.tolist())
    single_camera: list[int] = []
    if found.cameras is not None:
        seen = {pair for pair in zip(found.identities.tolist(), found.cameras.tolist(), strict=True)}
        cameras_of = Counter(identity for identity, _ in seen)
        single_camera = [identity for identity in sorted(images_of) if cameras_of[identity] == 1]
    return SplitReport(
        folder=folder.name,
        images=len(found),
        identities=len(images_of),
        cameras=None if found.cameras is None else len(np.unique(found.cameras)),
        junk=sum(
            label.identity == JUNK and str(folder / name) not in unreadable for name, label in listing.images.items()
        ),
        distractors=int(np.sum(found.identities == DISTRACTOR)) if split == "gallery" else 0,
        odd_files=listing.odd_files,
        wrong_names=listing.wrong_names,
        unreadable=tuple(
            Excluded(name, unreadable[str(folder / name)])
            for name in listing.images
            if str(folder / name) in unreadable
        ),
        single_image_identities=tuple(sorted(i for i, images in images_of.items() if images == 1)),
        single_camera_identities=tuple(single_camera),
    )


def _check_usable(root: Path, found: dict[str, Split], reports: dict[str, SplitReport]) -> None:
    for split, images in found.items():
        if not len(images):
            raise ValueError(
                f"Expected images named like 0002_c1s1_000451_03.jpg directly in {str(root / FOLDERS[split])!r}. "
                f"Received:\n{reports[split]}"
            )
    if "train" in found and found["train"].num_identities < 2:
        raise ValueError(f"Training needs at least two identities. Received:\n{reports['train']}")
    if "query" in found:
        query = found["query"]
        nobody = [
            os.path.basename(path)
            for path, identity in zip(query.paths, query.identities, strict=True)
            if identity in (JUNK, DISTRACTOR)
        ]
        if nobody:
            raise ValueError(
                "A query is a person to be found: identities -1 (junk) and 0 (distractor) are for the gallery; number "
                "people from 1. "
                f"Received: {count(len(nobody), 'such image')} in {str(root / FOLDERS['query'])!r}: "
                + first_few([repr(name) for name in nobody])
            )


def _without_lone_cameras(found: dict[str, Split], notes: list[str]) -> dict[str, Split]:
    """Query and gallery are compared camera by camera: the labels of one are of no use without the other's."""
    tested = [split for split in ("query", "gallery") if split in found]
    without = [split for split in tested if found[split].cameras is None]
    if not without:
        return found
    if len(without) == len(tested):
        notes.append("no camera labels: to be evaluated under the protocol 'no_camera'")
        return found
    notes.append(
        f"{FOLDERS[without[0]]} has no camera labels, so that those of the other are not used: to be evaluated "
        "under the protocol 'no_camera'"
    )
    return {split: replace(images, cameras=None) if split in tested else images for split, images in found.items()}


def _note_shared_identities(found: dict[str, Split], notes: list[str]) -> None:
    if "train" not in found:
        return
    tested = [found[split].identities for split in ("query", "gallery") if split in found]
    shared = np.intersect1d(found["train"].identities, np.concatenate(tested)) if tested else np.empty(0)
    shared = shared[shared > DISTRACTOR]
    if len(shared):
        notes.append(
            f"{count(len(shared), 'identity', 'identities')} in both training and test: {first_few(shared.tolist())}; "
            "if they are the same people, the test is not one on people never seen"
        )


def _note_queries_without_match(found: dict[str, Split], notes: list[str]) -> None:
    if not {"query", "gallery"} <= found.keys():
        return
    query, gallery = found["query"], found["gallery"]
    absent = ~np.isin(query.identities, gallery.identities)
    if absent.any():
        notes.append(
            f"{absent.sum()} of {count(len(query), 'query', 'queries')} show people who are not in the gallery: "
            f"{first_few(np.unique(query.identities[absent]).tolist())}"
        )
    if query.cameras is None or gallery.cameras is None:
        return
    cameras_of: dict[int, set[int]] = {}
    for identity, camera in zip(gallery.identities.tolist(), gallery.cameras.tolist(), strict=True):
        cameras_of.setdefault(identity, set()).add(camera)
    same_camera = sum(
        cameras_of.get(identity) == {camera}
        for identity, camera in zip(query.identities.tolist(), query.cameras.tolist(), strict=True)
    )
    if same_camera:
        notes.append(
            f"{same_camera} of {count(len(query), 'query', 'queries')} have matches in their own camera only, which "
            "the protocol 'market1501' leaves out; the protocol 'no_camera' counts them"
        )
