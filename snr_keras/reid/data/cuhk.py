"""CUHK02 and CUHK-SYSU, training data of standard comparisons.

CUHK02 has a folder for each of five pairs of cameras, `P1/cam1/001_0001.png`. CUHK-SYSU is distributed for person
search in whole pictures: `Image/SSM/s1.jpg`, and in `annotation/Person.mat` the boxes of everyone. The people are
cropped once, to `cropped_images`. A folder of that name with images like `p11422_s16929_1.jpg` is used directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from snr_keras.files.text import whole_number
from snr_keras.reid.data.dataset import SPLITS, Progress
from snr_keras.reid.data.derived import derive
from snr_keras.reid.data.matlab import load_matlab, whole_numbers
from snr_keras.reid.data.reading import Trial
from snr_keras.reid.data.scan import ImageName, list_folder, merge

CUHK02_PAIRS = 5
CUHK02_EXAMPLE = "001_0001.png"
CROPPED = "cropped_images"
SYSU_EXAMPLE = "p11422_s16929_1.jpg"

_CUHK02_NAME = re.compile(r"(?P<identity>[0-9]{1,9})_")
_SYSU_NAME = re.compile(r"p(?P<identity>[0-9]{1,9})_")


def list_cuhk02(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """CUHK02: pairs 1 to 4 for training; in pair 5, camera 1 has the queries and camera 2 the gallery.

    Identity 10001 is person 1 of pair 1; the cameras are numbered from 1 to 10.
    """
    pairs = range(1, CUHK02_PAIRS + 1)
    folders = [f"P{pair}/cam{camera}" for pair in pairs for camera in (1, 2)]
    if missing := [folder for folder in folders if not (root / folder).is_dir()]:
        raise FileNotFoundError(
            f"Expected the sub-folders P1 to P5, with cam1 and cam2 in each. Received: {str(root)!r}, without "
            f"{', '.join(missing)}"
        )

    def parse(pair: int, camera: int, name: str) -> ImageName:
        if (match := _CUHK02_NAME.match(name)) is None:
            raise ValueError(f"not named like {CUHK02_EXAMPLE}")
        return ImageName(10_000 * pair + int(match["identity"]), 2 * (pair - 1) + camera)

    cameras_of = {
        "train": [(pair, camera) for pair in pairs[:-1] for camera in (1, 2)],
        "query": [(CUHK02_PAIRS, 1)],
        "gallery": [(CUHK02_PAIRS, 2)],
    }
    return [
        {
            split: merge(
                root,
                [
                    list_folder(
                        str(root / f"P{pair}" / f"cam{camera}"),
                        lambda name, pair=pair, camera=camera: parse(pair, camera, name),  # type: ignore[misc]
                        example=CUHK02_EXAMPLE,
                    )
                    for pair, camera in cameras_of[split]
                ],
                called="P1 to P4" if split == "train" else f"P5/cam{1 if split == 'query' else 2}",
            )
            for split in SPLITS
            if split in splits
        }
    ]


def list_cuhk_sysu(root: Path, splits: Sequence[str], progress: Progress | None = None) -> list[Trial]:
    """CUHK-SYSU: everyone is for training; there are no camera labels."""
    folder = root / CROPPED
    if not folder.is_dir() and not (root / "annotation" / "Person.mat").is_file():
        raise FileNotFoundError(
            f"Expected the folders annotation and Image of CUHK-SYSU, or {CROPPED}. Received: {str(root)!r}"
        )
    derive(folder, lambda partial: _crop(root, partial, progress))
    return [{"train": list_folder(str(folder), _parse_sysu, example=SYSU_EXAMPLE)}]


def _parse_sysu(name: str) -> ImageName:
    match = _SYSU_NAME.match(name)
    if match is None:
        raise ValueError(f"not named like {SYSU_EXAMPLE}")
    return ImageName(int(match["identity"]), None)


def _crop(root: Path, folder: Path, progress: Progress | None) -> None:
    """Crop every appearance of every person, and write it losslessly.

    The owners' coordinates refer to the pictures as stored, without their orientation tags.
    """
    import tensorflow as tf  # here, so that data sets can be found without TensorFlow

    from snr_keras.reid.data.images import UnreadableImageError, read_contents, stored_image

    appearances = list(_appearances(root))
    with tf.device("CPU:0"):
        for done, (identity, number, scene, (x, y, width, height)) in enumerate(appearances, 1):
            path = root / "Image" / "SSM" / scene
            try:
                picture = stored_image(read_contents(path))
            except UnreadableImageError as error:
                raise ValueError(f"Expected a picture of people. Received: {str(path)!r}, {error}") from error
            person = picture[max(y, 0) : y + height, max(x, 0) : x + width]
            name = f"p{identity}_{Path(scene).stem}_{number}.png"
            (folder / name).write_bytes(tf.io.encode_png(person).numpy())
            if progress is not None:
                progress(done, len(appearances))


def _appearances(root: Path) -> Iterator[tuple[int, int, str, tuple[int, int, int, int]]]:
    """(identity, number of the appearance, file of the picture, (x, y, width, height)) of `Person.mat`."""
    path = root / "annotation" / "Person.mat"
    people = load_matlab(path)
    try:
        for person in people["Person"].ravel():
            identity = whole_number(str(person["idname"].ravel()[0]).removeprefix("p"))
            for number, scene in enumerate(person["scene"].ravel(), 1):
                x, y, width, height = whole_numbers(np.trunc(scene["idlocate"]), least=-(2**31))
                yield identity, number, str(scene["imname"].ravel()[0]), (x, y, width, height)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ValueError(
            f"Expected people with idname and scene (imname, idlocate) in {str(path)!r}. Received: {error!r}"
        ) from error
