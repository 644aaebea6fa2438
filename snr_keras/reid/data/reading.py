"""From the listings of a folder to a data set: every image is decoded once, and unusable ones are reported."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snr_keras.files.text import first_few
from snr_keras.reid.data.copies import copies_in_gallery, copies_in_test
from snr_keras.reid.data.dataset import DISTRACTOR, JUNK, Progress, ReIDDataset, Split
from snr_keras.reid.data.report import Excluded, ScanReport, SplitReport, count
from snr_keras.reid.data.scan import Listing, examine_all

Trial = Mapping[str, Listing]
"""The listing of each requested split."""

Lister = Callable[[Path, Sequence[str], Progress | None], list[Trial]]
"""Function that lists the folder of a data set, for the requested splits: one trial for each way in which it is split;
most data sets are split in one way."""


@dataclass(frozen=True)
class Counts:
    """The published numbers of images and identities of a split; None if there is no published number."""

    images: int | None
    identities: int


def assemble(
    name: str,
    root: Path,
    trials: Sequence[Trial],
    *,
    version: str = "",
    published: Mapping[str, Counts] | None = None,
    unlabeled: bool = False,
    progress: Progress | None = None,
) -> tuple[ReIDDataset, ...]:
    """Make data sets from listings. Every image is decoded once, so that none can fail later.

    Unusable files are left out and listed in the report: files that are not images, names without an identity, images
    that cannot be decoded. In training, identity -1 is left out and identity 0 is an ordinary identity; in the gallery
    both stay, as junk and distractors. If query or gallery have no camera labels, neither keeps them: evaluate such a
    set under the protocol "no_camera".

    Args:
        name: Name of the data sets.
        root: Folder of the data sets.
        trials: Listings of the splits, for each data set.
        version: Version of the data sets.
        published: Published counts of each split; the report notes differences.
        unlabeled: Whether to read the training images without identities: then those of identity -1 are kept, and any
            number of people is accepted.
        progress: Function called while the images are decoded.

    Returns:
        One data set for each trial, with absolute paths.

    Raises:
        ValueError: If the data is unusable: no usable image in a split, fewer than two identities to train on, or a
            query of identity -1 or 0.
    """
    paths = [listing.path(image) for trial in trials for listing in trial.values() for image in listing.images]
    examined = examine_all(list(dict.fromkeys(paths)), progress)
    unreadable = {path: found.reason for path, found in examined.items() if found.reason is not None}
    digests = {path: found.digest for path, found in examined.items() if found.reason is None}
    return tuple(
        _dataset(name, root, trial, unreadable, digests, version, published or {}, unlabeled) for trial in trials
    )


def _dataset(
    name: str,
    root: Path,
    listings: Trial,
    unreadable: dict[str, str],
    digests: dict[str, bytes],
    version: str,
    published: Mapping[str, Counts],
    unlabeled: bool,
) -> ReIDDataset:
    with_junk = {"train": unlabeled, "query": True, "gallery": True}
    found = {split: _split(listing, unreadable, with_junk[split]) for split, listing in listings.items()}
    reports = {split: _report(split, listings[split], found[split], unreadable) for split in listings}
    _check_usable(root, listings, found, reports, unlabeled)
    notes = [note for listing in listings.values() for note in listing.notes]
    found = _without_lone_cameras(listings, found, notes)
    _note_shared_identities(found, notes)
    _note_queries_without_match(found, notes)
    if {"query", "gallery"} <= found.keys():
        notes += copies_in_gallery(found["query"], found["gallery"], digests)
    if "train" in found:
        notes += copies_in_test(
            found["train"], [found[split] for split in ("query", "gallery") if split in found], digests
        )
    _note_unlike_published(reports, published, notes)
    return ReIDDataset(
        name=name,
        train=found.get("train", Split.empty()),
        query=found.get("query", Split.empty()),
        gallery=found.get("gallery", Split.empty()),
        report=ScanReport(str(root), tuple(reports.values()), tuple(notes)),
        version=version,
        digests=digests,
    )


def _split(listing: Listing, unreadable: dict[str, str], with_junk: bool) -> Split:
    usable = {
        listing.path(name): label
        for name, label in listing.images.items()
        if listing.path(name) not in unreadable and (with_junk or label.identity != JUNK)
    }
    cameras = [label.camera for label in usable.values() if label.camera is not None]
    return Split(
        paths=tuple(usable),
        identities=np.array([label.identity for label in usable.values()], np.int64),
        cameras=np.array(cameras, np.int64) if cameras else None,
    )


def _report(split: str, listing: Listing, found: Split, unreadable: dict[str, str]) -> SplitReport:
    identities = found.identities[found.identities > (JUNK if split == "train" else DISTRACTOR)]
    images_of = Counter(identities.tolist())
    single_camera: list[int] = []
    if found.cameras is not None:
        seen = {pair for pair in zip(found.identities.tolist(), found.cameras.tolist(), strict=True)}
        cameras_of = Counter(identity for identity, _ in seen)
        single_camera = [identity for identity in sorted(images_of) if cameras_of[identity] == 1]
    reasons = {name: unreadable[path] for name in listing.images if (path := listing.path(name)) in unreadable}
    return SplitReport(
        folder=listing.called,
        images=len(found),
        identities=len(images_of),
        cameras=None if found.cameras is None else len(np.unique(found.cameras)),
        junk=sum(label.identity == JUNK and name not in reasons for name, label in listing.images.items()),
        distractors=int(np.sum(found.identities == DISTRACTOR)) if split == "gallery" else 0,
        odd_files=listing.odd_files,
        wrong_names=listing.wrong_names,
        unreadable=tuple(Excluded(name, reason) for name, reason in reasons.items()),
        single_image_identities=tuple(sorted(i for i, images in images_of.items() if images == 1)),
        single_camera_identities=tuple(single_camera),
    )


def _check_usable(
    root: Path, listings: Trial, found: dict[str, Split], reports: dict[str, SplitReport], unlabeled: bool
) -> None:
    for split, images in found.items():
        if not len(images):
            raise ValueError(f"Expected {listings[split].expected}. Received:\n{reports[split]}")
    if "train" in found and not unlabeled and found["train"].num_identities < 2:
        raise ValueError(f"Training needs at least two identities. Received: in {str(root)!r}\n{reports['train']}")
    if "query" in found:
        query = found["query"]
        nobody = [
            os.path.basename(path)
            for path, identity in zip(query.paths, query.identities, strict=True)
            if identity in (JUNK, DISTRACTOR)
        ]
        if nobody:
            place = os.path.join(os.path.dirname(listings["query"].folder), listings["query"].called)
            raise ValueError(
                "Queries are people to find: identities -1 (junk) and 0 (distractor) are for the gallery only; number "
                "people from 1. "
                f"Received: {count(len(nobody), 'such image')} in {place!r}: "
                + first_few([repr(name) for name in nobody])
            )


def _without_lone_cameras(listings: Trial, found: dict[str, Split], notes: list[str]) -> dict[str, Split]:
    """Query and gallery, with camera labels only if both have them, since they are compared camera by camera."""
    tested = [split for split in ("query", "gallery") if split in found]
    without = [split for split in tested if found[split].cameras is None]
    if not without:
        return found
    if len(without) == len(tested):
        notes.append("no camera labels: evaluate under the protocol 'no_camera'")
        return found
    notes.append(
        f"{listings[without[0]].called} has no camera labels, so those of the other are not used: evaluate under the "
        "protocol 'no_camera'"
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
            "if they are the same people, the test is not on unseen people"
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


def _note_unlike_published(reports: dict[str, SplitReport], published: Mapping[str, Counts], notes: list[str]) -> None:
    for split, report in reports.items():
        if (counts := published.get(split)) is None:
            continue
        expected = (report.images if counts.images is None else counts.images, counts.identities)
        if (report.images, report.identities) != expected:
            images = "" if counts.images is None else f"{counts.images} of "
            notes.append(
                f"{split}: {count(report.images, 'image')} of {count(report.identities, 'identity', 'identities')}, "
                f"where {images}{counts.identities} are published: scores on it are not comparable with others'"
            )
