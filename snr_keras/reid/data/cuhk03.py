"""CUHK03: images inside a MATLAB file, labeled by hand or detected, split in two ways.

`cuhk03_release/cuhk-03.mat` (a MATLAB file of version 7.3, which is HDF5) holds the images of both kinds and the
classic 20 splits into 1367 people to train on and 100 to test on. The new protocol, 767 and 700, comes in
`cuhk03_new_protocol_config_labeled.mat` and `..._detected.mat`. The images are written once, as PNG, to
`images_labeled` and `images_detected`, with the names of the new protocol: `1_001_1_01.png` is the first image of
person 1 of camera pair 1 by the first camera of the pair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snr_keras.reid.data.dataset import SPLITS, Progress
from snr_keras.reid.data.derived import derive
from snr_keras.reid.data.matlab import load_matlab, whole_numbers
from snr_keras.reid.data.reading import Lister, Trial
from snr_keras.reid.data.report import Excluded
from snr_keras.reid.data.scan import ImageName, Listing, list_folder

if TYPE_CHECKING:
    import h5py

KINDS = ("detected", "labeled")
MATLAB_FILE = "cuhk03_release/cuhk-03.mat"
VIEWS_OF_FIVE = 5  # a person's images 1 to 5 are by the pair's first camera, 6 to 10 by its second
EXAMPLE = "1_001_1_01.png"

_EXPECTED = "a MATLAB file of version 7.3"

_NAME = re.compile(r"(?P<pair>[0-9])_(?P<person>[0-9]{3})_(?P<camera>[12])_[0-9]{2}\.png$")


def cuhk03_lister(kind: str, *, classic: bool) -> Lister:
    """A lister of CUHK03, "detected" or "labeled", in the classic 20 splits or in that of the new protocol."""
    return partial(_classic if classic else _new_protocol, kind)


def _new_protocol(kind: str, root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    path = root / f"cuhk03_new_protocol_config_{kind}.mat"
    config = load_matlab(path)
    try:
        names = [str(cell.ravel()[0]) for cell in config["filelist"].ravel()]
        identities = whole_numbers(config["labels"])
        chosen = {
            split: [i - 1 for i in whole_numbers(config[key], least=1)]
            for split, key in (("train", "train_idx"), ("query", "query_idx"), ("gallery", "gallery_idx"))
        }
        labels = {
            split: [(names[i], identities[i]) for i in indices] for split, indices in chosen.items() if split in splits
        }
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ValueError(
            f"Expected filelist, labels, train_idx, query_idx and gallery_idx in {str(path)!r}. Received: {error!r}"
        ) from error
    folder = _images(root, kind, progress)
    return [{split: _listing(folder, path.name, split, images) for split, images in labels.items()}]


def _listing(folder: Path, called: str, split: str, images: Sequence[tuple[str, int]]) -> Listing:
    known, wrong = {}, []
    for name, identity in sorted(images):
        if match := _NAME.match(name):
            known[name] = ImageName(identity, int(match["camera"]))
        else:
            wrong.append(Excluded(name, f"not named like {EXAMPLE}"))
    expected = f"the images of {split} that {called} names, in {str(folder)!r}"
    return Listing(str(folder), split, expected, known, wrong_names=tuple(wrong))


def _classic(kind: str, root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    folder = list_folder(str(_images(root, kind, progress)), _parse, example=EXAMPLE)
    return [
        {split: _of_people(folder, split, tested) for split in SPLITS if split in splits}
        for tested in _people_tested(root / MATLAB_FILE)
    ]


def _of_people(folder: Listing, split: str, tested: set[int]) -> Listing:
    images = {name: label for name, label in folder.images.items() if (label.identity in tested) == (split != "train")}
    return Listing(folder.folder, split, folder.expected, images, folder.odd_files, folder.wrong_names)


def _people_tested(path: Path) -> list[set[int]]:
    """The 100 test people of each of the 20 splits: `testsets` lists them as (pair, person)."""
    with _open(path) as file:
        tables = [np.asarray(file[reference]) for reference in file["testsets"][()].ravel()]
    return [{_identity(int(pair), int(person)) for pair, person in table.T} for table in tables]


def _parse(name: str) -> ImageName:
    match = _NAME.match(name)
    if match is None:
        raise ValueError(f"not named like {EXAMPLE}")
    return ImageName(_identity(int(match["pair"]), int(match["person"])), int(match["camera"]))


def _identity(pair: int, person: int) -> int:
    """A unique number for every person: 1001 is person 1 of pair 1."""
    return 1000 * pair + person


def _images(root: Path, kind: str, progress: Progress | None) -> Path:
    """The folder of the images of a kind, extracted from the MATLAB file on first use."""

    def write(folder: Path) -> None:
        import tensorflow as tf  # here, so that data sets are found without TensorFlow

        with _open(root / MATLAB_FILE) as file, tf.device("CPU:0"):
            people = list(_people(file, kind))
            for done, (pair, person, references) in enumerate(people, 1):
                for number, reference in enumerate(references, 1):
                    image = np.asarray(file[reference]).T  # MATLAB's axes are in reverse order
                    if image.ndim == 3:  # an empty cell: some people have fewer than five images by a camera
                        camera = 1 if number <= VIEWS_OF_FIVE else 2
                        png = tf.io.encode_png(np.ascontiguousarray(image, np.uint8)).numpy()
                        (folder / f"{pair}_{person:03d}_{camera}_{number:02d}.png").write_bytes(png)
                if progress is not None:
                    progress(done, len(people))

    return derive(root / f"images_{kind}", write)


def _people(file: h5py.File, kind: str) -> Iterator[tuple[int, int, np.ndarray]]:
    """(pair, person, references to ten images) of everyone."""
    for pair, reference in enumerate(file[kind][()].ravel(), 1):
        for person, references in enumerate(file[reference][()].T, 1):
            yield pair, person, references


@contextmanager
def _open(path: Path) -> Iterator[h5py.File]:
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected the file {MATLAB_FILE} of CUHK03, and the files of the new protocol beside its folder. "
            f"Received: {str(path)!r}, which does not exist"
        )
    from snr_keras.files.hdf5 import expecting, open_hdf5

    with expecting(_EXPECTED, path), open_hdf5(path, matlab=True) as file:
        yield file
