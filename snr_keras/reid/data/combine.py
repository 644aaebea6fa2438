"""Several data sets as one source to train on, with unique numbers of people and cameras."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from snr_keras.reid.data.catalogue import open_dataset
from snr_keras.reid.data.dataset import DISTRACTOR, SPLITS, Progress, ReIDDataset, Split, named_apart
from snr_keras.reid.data.report import ScanReport, count
from snr_keras.reid.settings.datasets import source_names, splits_of


def open_source(
    names: str | Sequence[str],
    *,
    root: str | os.PathLike[str],
    images: str = "train",
    progress: Progress | None = None,
) -> ReIDDataset:
    """Read one or several data sets to train on, and combine them.

    Args:
        names: Data sets, as `open_dataset` takes them, or one string with commas between them.
        root: Folder of named data sets.
        images: "train" for the training images, "all" for the test images too.
        progress: Progress function, as for `open_dataset`.

    Raises:
        ValueError: As for `open_dataset` and `combine`.
    """
    names = source_names(names)
    datasets = [open_dataset(name, root=root, splits=splits_of(images), progress=progress) for name in names]
    return datasets[0] if len(datasets) == 1 and images == "train" else combine(datasets, images=images)


def combine(datasets: Sequence[ReIDDataset], *, images: str = "train") -> ReIDDataset:
    """Combine data sets into one, whose training split has the images of all, one data set after the other.

    Identities are renumbered from 0 and cameras from 1. The split has the domain, 0, 1, ..., of each image. A data set
    without camera labels counts as one camera.

    Args:
        datasets: Data sets to combine; if two have the same name, the second is renamed.
        images: "train" for their training images; "all" for the images of query and gallery too, if they were read,
            without a gallery's junk and distractors, each image once.

    Returns:
        A data set without query and gallery. Its version names the version of every part, and the images used.

    Raises:
        ValueError: If there is no data set, two have an image in common, or one has no images.
    """
    if not datasets:
        raise ValueError("Expected data sets to train on. Received: none")
    datasets = [dataset for (dataset,) in named_apart([(dataset,) for dataset in datasets])]
    names = [dataset.name for dataset in datasets]
    parts = [_part(dataset, splits_of(images) or SPLITS) for dataset in datasets]
    if empty := [name for name, part in zip(names, parts, strict=True) if not part.paths]:
        raise ValueError(f"Expected images to train with in every data set. Received: none in {', '.join(empty)}")
    _check_apart(names, parts)
    identities, cameras, domains = [], [], []
    first_identity, first_camera = 0, 1
    for domain, part in enumerate(parts):
        people, identity = np.unique(part.identities, return_inverse=True)
        views, camera = np.unique(part.cameras, return_inverse=True)
        identities.append(first_identity + identity)
        cameras.append(first_camera + camera)
        domains.append(np.full(len(part.paths), domain))
        first_identity, first_camera = first_identity + len(people), first_camera + len(views)
    return ReIDDataset(
        name="+".join(names),
        train=Split(
            paths=tuple(path for part in parts for path in part.paths),
            identities=np.concatenate(identities).astype(np.int64),
            cameras=np.concatenate(cameras).astype(np.int64),
            domains=np.concatenate(domains).astype(np.int64),
        ),
        query=Split.empty(),
        gallery=Split.empty(),
        report=_report(datasets),
        digests={path: digest for dataset in datasets for path, digest in dataset.digests.items()},
        version="; ".join([*(_told(dataset) for dataset in datasets), f"{images} images"]),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    paths: tuple[str, ...]
    identities: np.ndarray
    cameras: np.ndarray


def _part(dataset: ReIDDataset, names: Sequence[str]) -> _Part:
    splits: list[Split] = [getattr(dataset, name) for name in names]
    labels: dict[str, tuple[int, int]] = {}
    with_cameras = all(split.cameras is not None for split in splits if len(split))
    for split in splits:
        cameras = split.cameras if with_cameras and split.cameras is not None else np.zeros(len(split), np.int64)
        for path, identity, camera in zip(split.paths, split.identities.tolist(), cameras.tolist(), strict=True):
            if split is dataset.train or identity > DISTRACTOR:
                labels[path] = (identity, camera)
    return _Part(
        tuple(labels),
        np.array([identity for identity, _ in labels.values()], np.int64),
        np.array([camera for _, camera in labels.values()], np.int64),
    )


def _check_apart(names: Sequence[str], parts: Sequence[_Part]) -> None:
    """Refuse data sets with a common image, which would show two people."""
    folder_of = lru_cache(os.path.realpath)
    found_in: dict[tuple[str, str], str] = {}
    for name, part in zip(names, parts, strict=True):
        files = [(folder_of(os.path.dirname(path)), os.path.basename(path)) for path in part.paths]
        if common := [file for file in files if found_in.get(file, name) != name]:
            raise ValueError(
                f"Expected data sets without a common image. Received: {found_in[common[0]]} and {name}, which have "
                f"{count(len(common), 'image')} in common, such as {os.path.join(*common[0])!r}"
            )
        found_in.update(dict.fromkeys(files, name))


def _report(datasets: Sequence[ReIDDataset]) -> ScanReport:
    return ScanReport(
        path=", ".join(dataset.report.path for dataset in datasets),
        splits=tuple(
            replace(split, folder=f"{dataset.name}: {split.folder}")
            for dataset in datasets
            for split in dataset.report.splits
        ),
        notes=tuple(f"{dataset.name}: {note}" for dataset in datasets for note in dataset.report.notes),
    )


def _told(dataset: ReIDDataset) -> str:
    return f"{dataset.name} ({dataset.version})" if dataset.version else dataset.name
