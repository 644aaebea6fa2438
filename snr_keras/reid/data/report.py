"""The report on a data set on disk, as data and as text."""

from __future__ import annotations

from dataclasses import dataclass

from snr_keras.files.text import first_few


@dataclass(frozen=True)
class Excluded:
    """Something that is not used, and the reason."""

    name: str
    reason: str

    def __str__(self) -> str:
        """The name, with unprintable characters escaped, and the reason."""
        return f"{self.name!r}: {self.reason}"


@dataclass(frozen=True)
class SplitReport:
    """The report on the folder of a split.

    Attributes:
        folder: Name of the folder, such as `bounding_box_train`.
        images: Number of images used (including a gallery's junk and distractors).
        identities: Number of identities (a gallery's -1 and 0 do not count).
        cameras: Number of cameras; None if the images have no camera labels.
        junk: Number of images of identity -1: not used in training, ignored in a gallery.
        distractors: Number of images of identity 0 in a gallery: people who match no query.
        odd_files: Files that are not images by their names (other extensions, hidden files), and sub-folders.
        wrong_names: Images whose name lacks the identity, or the camera where others have one.
        unreadable: Images that cannot be read, or not be decoded completely.
        single_image_identities: Identities with one image in this split.
        single_camera_identities: Identities seen by one camera only; empty without camera labels.
    """

    folder: str
    images: int
    identities: int
    cameras: int | None
    junk: int
    distractors: int
    odd_files: tuple[Excluded, ...]
    wrong_names: tuple[Excluded, ...]
    unreadable: tuple[Excluded, ...]
    single_image_identities: tuple[int, ...]
    single_camera_identities: tuple[int, ...]

    @property
    def num_excluded(self) -> int:
        """The number of things in the folder that are not used, without junk."""
        return len(self.odd_files) + len(self.wrong_names) + len(self.unreadable)

    def lines(self, *, in_full: bool = False) -> list[str]:
        """A headline, then a line for each kind of notable thing, with the first few of it named.

        Args:
            in_full: Whether to name every unused file, on its own line.
        """
        cameras = "no camera labels" if self.cameras is None else count(self.cameras, "camera")
        identities = count(self.identities, "identity", "identities")
        kinds = [
            ("unreadable image", "unreadable images", self.unreadable),
            ("wrong name", "wrong names", self.wrong_names),
            ("odd file", "odd files", self.odd_files),
            ("identity with one image", "identities with one image", self.single_image_identities),
            ("identity with one camera", "identities with one camera", self.single_camera_identities),
        ]
        lines = [f"{self.folder}: {count(self.images, 'image')}, {identities}, {cameras}"]
        if self.junk:
            lines.append(f"  {count(self.junk, 'image')} of identity -1 (junk)")
        if self.distractors:
            lines.append(f"  {count(self.distractors, 'image')} of identity 0 (distractors)")
        for one, many, things in kinds:
            if in_full and things and isinstance(things[0], Excluded):
                lines += [f"  {count(len(things), one, many)}:", *(f"    {thing}" for thing in things)]
            elif things:
                lines.append(f"  {count(len(things), one, many)}: {first_few(things)}")
        return lines

    def __str__(self) -> str:
        """The lines, joined."""
        return "\n".join(self.lines())


@dataclass(frozen=True)
class ScanReport:
    """The report on a data set.

    Attributes:
        path: Folder of the data set.
        splits: Report of each split that was read.
        notes: Notes on the splits together, a sentence each.
    """

    path: str
    splits: tuple[SplitReport, ...]
    notes: tuple[str, ...] = ()

    @property
    def num_excluded(self) -> int:
        """The number of things in the folders that are not used, without junk."""
        return sum(split.num_excluded for split in self.splits)

    def lines(self, *, in_full: bool = False) -> list[str]:
        """The summary to print. Unprintable characters of file names are escaped, so it is safe on any terminal.

        Args:
            in_full: Whether to name every unused file, on its own line.
        """
        splits = [f"  {line}" for split in self.splits for line in split.lines(in_full=in_full)]
        return [printable(self.path), *splits, *(f"  {note}" for note in self.notes)]

    def __str__(self) -> str:
        """The lines, joined."""
        return "\n".join(self.lines())


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 image`, `3 images`; `many` is for irregular plurals."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def printable(text: str) -> str:
    """The text with unprintable characters escaped, such as undecodable bytes of a file name."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
