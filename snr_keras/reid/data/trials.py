"""The ten random splits under which small data sets are evaluated, and how they are drawn if nobody publishes them.

The publications state the number of training people, and that ten splits are drawn at random. For VIPeR, PRID2011 and
i-LIDS the owners publish no list of them. Here SHA-256 determines them: in trial t of a data set, people are sorted by
the digests of `NAME/t/NUMBER`, and the first of them are for training. To use a list of your own, put it into the data
set's folder as `ten_splits.json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ConfigDict

from snr_keras.files.forms import read_json
from snr_keras.files.text import first_few
from snr_keras.reid.data.dataset import SPLITS
from snr_keras.reid.data.reading import Trial
from snr_keras.reid.data.scan import Listing

TRIALS = 10
OWN_LIST = "ten_splits.json"


def shuffled(things: Iterable[int], *key: object) -> list[int]:
    """Numbers sorted by the SHA-256 digests of `KEY/.../NUMBER`: random, and the same everywhere and forever."""
    prefix = "/".join(map(str, key))
    return sorted(things, key=lambda thing: hashlib.sha256(f"{prefix}/{thing}".encode()).digest())


def ten_trials(
    folders: Listing, root: Path, splits: Sequence[str], names_of_trial: Callable[[int], dict[str, list[str]]]
) -> list[Trial]:
    """The images of each split in each of the ten trials.

    Args:
        folders: Every image of the data set, with its labels.
        root: Folder in which to look for the user's own list, `ten_splits.json`: a list of objects whose keys `train`,
            `query` and `gallery` hold names of images, relative to this folder.
        splits: Names of the requested splits.
        names_of_trial: Function that returns the names of the images of each split in trial 1, 2, ..., if there is no
            such file.

    Raises:
        ValueError: If the user's list is not of this form, or names a missing image.
    """
    own = root / OWN_LIST
    trials = _read_own(own, folders) if own.is_file() else [names_of_trial(t + 1) for t in range(TRIALS)]
    return [{split: _select(folders, trial[split], split) for split in SPLITS if split in splits} for trial in trials]


def _select(folders: Listing, names: Sequence[str], split: str) -> Listing:
    return Listing(
        folder=folders.folder,
        called=split,
        expected=folders.expected,
        images={name: folders.images[name] for name in sorted(names)},
        odd_files=folders.odd_files,
        wrong_names=folders.wrong_names,
    )


@dataclass(frozen=True)
class _Own:
    """A trial in the user's list: names of the images of each split, such as cam_a/person_0001.png."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    train: list[str]
    query: list[str]
    gallery: list[str]


def _read_own(path: Path, folders: Listing) -> list[dict[str, list[str]]]:
    trials = [asdict(trial) for trial in read_json(path, list[_Own])]
    if not trials:
        raise ValueError(f"Expected an object for each trial in {str(path)!r}. Received: an empty list")
    absent = [name for trial in trials for names in trial.values() for name in names if name not in folders.images]
    if absent:
        raise ValueError(
            f"{str(path)!r} names images that are not in {folders.folder!r}: "
            + first_few([repr(name) for name in absent])
        )
    return trials
