"""Inspection of a folder of images: the labels in file names, and whether the images can be decoded."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from snr_keras.files.text import LARGEST
from snr_keras.reid.data.report import Excluded, count

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp")

_NAME = re.compile(r"(?P<identity>-1|[0-9]+)(?![^\W_])(?:_[cC](?P<camera>[0-9]+))?")


@dataclass(frozen=True)
class ImageName:
    """The labels in a file name: the identity (-1, 0, 1, ...), and the camera or None."""

    identity: int
    camera: int | None


@dataclass(frozen=True)
class Examined:
    """The result of reading an image file completely.

    Attributes:
        reason: Why it cannot be used, in a few words; None if it can.
        digest: Digest of its contents, equal for equal contents (BLAKE2b, 16 bytes); empty if it cannot be used.
    """

    reason: str | None
    digest: bytes = b""


@dataclass(frozen=True)
class Listing:
    """The images of a split by their names, before any is decoded, and the other findings there.

    Attributes:
        folder: Folder to which the names are relative.
        called: Name of the place in the report: that of the folder, or of the file that lists the images.
        expected: Description of what should be there, for the message when nothing is.
        images: Labels by name, in the order of the split.
        odd_files: Files that are not images by their names.
        wrong_names: Images whose name, or lines whose text, lacks the required labels.
        notes: Other notes, a sentence each.
    """

    folder: str
    called: str
    expected: str
    images: dict[str, ImageName]
    odd_files: tuple[Excluded, ...] = ()
    wrong_names: tuple[Excluded, ...] = ()
    notes: tuple[str, ...] = ()

    def path(self, name: str) -> str:
        """The path of an image."""
        return os.path.join(self.folder, name)


def parse_name(name: str) -> ImageName:
    """The labels in a file name: `IDENTITY[_cCAMERA][anything]`.

    The identity is -1 or digits, and ends where letters and digits end. `_c` and digits directly after it are the
    camera. The rest is free: `0002_c1s1_000451_03.jpg`, `0001_c2_f0046182.jpg`, `-1_c3s2_000001_00.jpg`,
    `17_c12_anything.png`, and without a camera `0002_0001.jpg`, `0002.jpg`.

    Raises:
        ValueError: If the name does not start with an identity, or has a number that exceeds 64 bits.
    """
    match = _NAME.match(name)
    if match is None:
        raise ValueError("the name does not start with an identity")
    identity = int(match["identity"])
    camera = None if match["camera"] is None else int(match["camera"])
    if max(identity, camera or 0) > LARGEST:
        raise ValueError("a number in the name exceeds 64 bits")
    return ImageName(identity, camera)


def list_folder(folder: str, parse: Callable[[str], ImageName] = parse_name, *, example: str) -> Listing:
    """List a folder of images whose names carry the labels; symbolic links are followed, sub-folders not entered.

    Args:
        folder: Path of the folder.
        parse: Function that reads the labels from a name, or raises ValueError with the reason why it cannot.
        example: Example of a correct name, for the message when there is none.

    Raises:
        OSError: If the folder cannot be listed.
    """
    odd_files, wrong_names = [], []
    images: dict[str, ImageName] = {}
    for name in sorted(os.listdir(folder)):
        if reason := _why_odd(folder, name):
            odd_files.append(Excluded(name, reason))
            continue
        try:
            images[name] = parse(name)
        except ValueError as error:
            wrong_names.append(Excluded(name, str(error)))
    called, expected = os.path.basename(folder), f"images named like {example} directly in {folder!r}"
    return Listing(folder, called, expected, images, tuple(odd_files), tuple(wrong_names))


def merge(root: str | os.PathLike[str], listings: Sequence[Listing], *, called: str) -> Listing:
    """Several listings as one, with names relative to a common parent folder.

    Args:
        root: Parent folder.
        listings: Listings of folders in it.
        called: Common name in the report.
    """
    prefix_of = {listing.folder: os.path.relpath(listing.folder, root) for listing in listings}

    def below(listing: Listing, name: str) -> str:
        return os.path.join(prefix_of[listing.folder], name)

    def all_below(listing: Listing, things: Sequence[Excluded]) -> list[Excluded]:
        return [Excluded(below(listing, thing.name), thing.reason) for thing in things]

    return Listing(
        folder=os.fspath(root),
        called=called,
        expected=" and ".join(listing.expected for listing in listings),
        images={below(listing, name): label for listing in listings for name, label in listing.images.items()},
        odd_files=tuple(odd for listing in listings for odd in all_below(listing, listing.odd_files)),
        wrong_names=tuple(wrong for listing in listings for wrong in all_below(listing, listing.wrong_names)),
        notes=tuple(note for listing in listings for note in listing.notes),
    )


def with_cameras_or_without(listing: Listing, *, cameras_needed: bool) -> Listing:
    """The listing with a camera for every image, or for none.

    If some images have a camera and others do not: where cameras are required (query and gallery, for the junk rule),
    images without one count as wrongly named; elsewhere (training) all are kept, without cameras.
    """
    images = listing.images
    without = [name for name, label in images.items() if label.camera is None]
    if len(without) in (0, len(images)):
        return listing
    if cameras_needed:
        reason = f"no camera in the name, unlike {count(len(images) - len(without), 'other image')}"
        return replace(
            listing,
            images={name: label for name, label in images.items() if label.camera is not None},
            wrong_names=(*listing.wrong_names, *(Excluded(name, reason) for name in without)),
        )
    note = (
        f"{listing.called}: {len(without)} of {count(len(images), 'image')} have no camera in the name, so that the "
        "others' cameras are not used either"
    )
    return replace(
        listing,
        images={name: ImageName(label.identity, None) for name, label in images.items()},
        notes=(*listing.notes, note),
    )


def examine(path: str) -> Examined:
    """Decode the image in a file completely."""
    from snr_keras.reid.data.images import (  # here, so that data sets are found without TensorFlow
        UnreadableImageError,
        checked_image,
        read_contents,
    )

    try:
        contents = read_contents(path)
        checked_image(contents)
    except UnreadableImageError as error:
        return Examined(str(error))
    return Examined(None, hashlib.blake2b(contents, digest_size=16).digest())


def examine_all(paths: Sequence[str], progress: Callable[[int, int], None] | None = None) -> dict[str, Examined]:
    """Decode every image completely, in parallel; returns the findings by path.

    Args:
        paths: Paths of image files.
        progress: Function called with the number of images done and the total, from the calling thread, about a hundred
            times.
    """
    step = max(1, len(paths) // 100)
    found = {}
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for done, (path, examined) in enumerate(zip(paths, pool.map(examine, paths), strict=True), 1):
            found[path] = examined
            if progress and (done % step == 0 or done == len(paths)):
                progress(done, len(paths))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the remaining images
    return found


def _why_odd(folder: str, name: str) -> str | None:
    if name.startswith("."):
        return "hidden file"
    try:
        mode = os.stat(os.path.join(folder, name)).st_mode
    except OSError:
        mode = stat.S_IFREG  # for example a broken link: an unreadable image if it has the name of one
    if stat.S_ISDIR(mode):
        return "sub-folder, not entered"
    if not stat.S_ISREG(mode):
        return "not a regular file"
    if not name.lower().endswith(EXTENSIONS):
        return f"not one of {' '.join(EXTENSIONS)}"
    return None
