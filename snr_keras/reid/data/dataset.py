"""A data set: images, their identities and cameras, and the purpose of each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from snr_keras.reid.data.report import ScanReport

JUNK, DISTRACTOR = -1, 0
SPLITS = ("train", "query", "gallery")

Progress = Callable[[int, int], None]
"""Function called with the number of things done and the total."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images for one purpose, with their labels.

    Attributes:
        paths: Paths of the n image files.
        identities: Identities, (n,), int64, any numbers from 0; in a gallery -1 is junk and 0 a distractor.
        cameras: Cameras, (n,), int64, any numbers from 0; None if the images have no camera labels.
        domains: Number of the combined data set of each image, (n,), int64, from 0; None for a single data set.
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
    """Images to train on, to search with (query) and to search in (gallery), and the report on them.

    A split that was not requested, or that the data set does not have, is empty. Within a data set, a number stands for
    the same person in every split.

    Attributes:
        name: Name of the data set.
        train: Images to train on.
        query: Images of people to find.
        gallery: Images to find them in.
        report: Report on the files on disk.
        version: Version to report with every score, if there are several; else "".
        digests: Digests of the image files' contents, by path: equal for equal contents.
        protocol: Evaluation protocol, if it is published with its own; "" if the camera labels decide.
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
    """Data sets with unique names: of two folders `crops`, the second becomes `crops (2)`.

    Args:
        datasets: Data sets, each with all its splits, which keep a common name.
    """
    names: list[str] = []
    for trials in datasets:
        unique, again = trials[0].name, 2
        while unique in names:
            unique, again = f"{trials[0].name} ({again})", again + 1
        names.append(unique)
    return [tuple(replace(trial, name=name) for trial in trials) for name, trials in zip(names, datasets, strict=True)]
