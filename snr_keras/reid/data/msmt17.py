"""The layout of MSMT17: two folders of images, and lists of their identities.

V1 has `train` and `test`; V2, with blurred faces, `mask_train_v2` and `mask_test_v2`. Both have `list_train.txt`,
`list_val.txt`, `list_query.txt` and `list_gallery.txt`, with lines like `0000/0000_000_01_0303morning_0015_0.jpg 0`: a
file and an identity. The third number of the name is the camera.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from snr_keras.files.text import first_few, numbered_lines, read_text
from snr_keras.reid.data.dataset import SPLITS, Progress
from snr_keras.reid.data.reading import Lister, Trial
from snr_keras.reid.data.report import Excluded
from snr_keras.reid.data.scan import ImageName, Listing

LISTS = {"train": ("list_train.txt", "list_val.txt"), "query": ("list_query.txt",), "gallery": ("list_gallery.txt",)}
FIRST_TEST_IDENTITY = 10_000
"""The lists number training and test people from 0 each; here the test people follow this number."""

_LINE = re.compile(r"(?P<name>(.*/)?[0-9]+_[0-9]+_(?P<camera>[0-9]{1,9})_.*) (?P<identity>[0-9]{1,9})")


def msmt17_lister(train_folder: str, test_folder: str) -> Lister:
    """A lister of a version of MSMT17 with these two folders."""
    return partial(_list, {"train": train_folder, "query": test_folder, "gallery": test_folder})


def _list(folders: dict[str, str], root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    wanted = [split for split in SPLITS if split in splits]
    needed = [folders[split] for split in wanted] + [name for split in wanted for name in LISTS[split]]
    if missing := [name for name in dict.fromkeys(needed) if not (root / name).exists()]:
        there = sorted(repr(entry.name) for entry in root.iterdir())
        raise FileNotFoundError(
            f"Expected {', '.join(dict.fromkeys(needed))}. Received: {str(root)!r}, without {', '.join(missing)}; it "
            f"holds {first_few(there) or 'nothing'}"
        )
    return [{split: _read(root, split, folders[split]) for split in wanted}]


def _read(root: Path, split: str, folder: str) -> Listing:
    first_identity = 0 if split == "train" else FIRST_TEST_IDENTITY
    images: dict[str, ImageName] = {}
    wrong = []
    for called in LISTS[split]:
        for number, line in numbered_lines(read_text(root / called)):
            match = _LINE.fullmatch(line)
            if match is None:
                wrong.append(Excluded(f"{called}, line {number}", f"no image, camera and identity in {line!r}"))
            elif (name := f"{folder}/{match['name']}") in images:
                wrong.append(Excluded(f"{called}, line {number}", f"an image that was already listed, {line!r}"))
            else:
                images[name] = ImageName(first_identity + int(match["identity"]), int(match["camera"]))
    called = " and ".join(LISTS[split])
    expected = f"lines like '0000/0000_000_01_0303morning_0015_0.jpg 0' in {called} of {str(root)!r}"
    return Listing(str(root), called, expected, images, wrong_names=tuple(wrong))
