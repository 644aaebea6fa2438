"""What a data set is here: images, who is on them, which camera took them, and what each image is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from snr_keras.reid.data.report import ScanReport

JUNK, DISTRACTOR = -1, 0
SPLITS = ("train", "query", "gallery")

Progress = Callable[[int, int], None]
"""Called with the number of things done and in all."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images that serve one purpose, with their labels.

    Attributes:
        paths: of the n image files.
        identities: (n,) int64, any numbers from 0 up; in a gallery -1 is junk and 0 a distractor.
        cameras: (n,) int64, any numbers from 0 up; None if the images have no camera labels.
        domains: (n,) int64, from which of the combined data sets an image is, 0, 1, ...; None if they are of one.
    """

    paths: tuple[str, ...]
    identities: np.ndarray
    cameras: np.ndarray | None
    domains: np.ndarray | None = None

    def __post_init__(self) -> None:
        shapes = [labels.shape for labels in (self.identities, self.cameras, self.domains) if labels is not None]
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

    @classmethod
    def empty(cls) -> Split:
        """No images."""
        return cls((), np.empty(0, np.int64), None)


@dataclass(frozen=True, eq=False)
class ReIDDataset:
    """Images to train with, images to search with (query), images to search in (gallery), and what reading them found.

    A split that was not asked for, or that the data set does not have, is empty. Within a data set, one number is one
    person, in whatever split.

    Attributes:
        name: what it is called.
        train: the images to train with.
        query: the images of people to be found.
        gallery: the images to find them in.
        report: what was found on disk.
        version: which of the forms in which it is distributed or used, to stand with every figure; "" if there is one.
        digests: of the contents of the image files, by path: equal for equal contents.
        protocol: of evaluation, if it is published with one of its own; "" where camera labels tell.
    """

    name: str
    train: Split
    query: Split
    gallery: Split
    report: ScanReport
    version: str = ""
    digests: Mapping[str, bytes] = field(default_factory=dict)
    protocol: str = ""


def named_apart(datasets: Sequence[Sequence[ReIDDataset]]) -> list[tuple[ReIDDataset, ...]]:
    """Data sets under names of which none is another's: of two folders `crops`, the second is `crops (2)`.

    Args:
        datasets: each in all its divisions, which keep a name in common.
    """
    names: list[str] = []
    for trials in datasets:
        unique, again = trials[0].name, 2
        while unique in names:
            unique, again = f"{trials[0].name} ({again})", again + 1
        names.append(unique)
    return [tuple(replace(trial, name=name) for trial in trials) for name, trials in zip(names, datasets, strict=True)]
