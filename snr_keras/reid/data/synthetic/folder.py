"""The world on disk, as a folder in Market-1501 layout."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snr_keras.files.atomic import new_folder
from snr_keras.reid.data.synthetic.domains import domain_index
from snr_keras.reid.data.synthetic.drawing import PARTS
from snr_keras.reid.data.synthetic.world import check_image_size, check_whole_numbers, render_sample
from snr_keras.scalars import is_integer, plain

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"
RECORD = "dataset.json"
JPEG_QUALITY = 95
FORMAT = 1
"""Grows whenever the same parameters give other pictures, so that old folders are not mistaken for new ones."""


@dataclass(frozen=True)
class _Parameters:
    domain: str
    seed: int
    train_identities: int
    test_identities: int
    cameras: int
    images_per_camera: int
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        domain_index(self.domain)
        check_image_size(self.image_size)
        check_whole_numbers(
            at_least_1={"train_identities": self.train_identities, "test_identities": self.test_identities},
            at_least_0={"seed": self.seed},
        )
        for name, why in (
            ("cameras", "a query's matches must come from another camera"),
            ("images_per_camera", "one is the query and the rest are the gallery"),
        ):
            value = getattr(self, name)
            if not is_integer(value) or value < 2:
                raise ValueError(f"{name} must be an integer of at least 2: {why}. Received: {name}={value!r}")

    def images(self) -> Iterator[tuple[str, int, int, int]]:
        """Every image as (split, identity, camera, index); test identities follow the training ones."""
        for identity in range(1, self.train_identities + self.test_identities + 1):
            for camera in range(1, self.cameras + 1):
                for index in range(self.images_per_camera):
                    if identity <= self.train_identities:
                        yield TRAIN, identity, camera, index
                    else:
                        yield (GALLERY if index else QUERY), identity, camera, index

    def record(self) -> dict[str, object]:
        counts = dict.fromkeys((TRAIN, QUERY, GALLERY), 0)
        for split, *_ in self.images():
            counts[split] += 1
        parameters = {name: plain(value) for name, value in asdict(self).items()} | {
            "image_size": list(self.image_size)
        }
        return {"world": "snr-reid pedestrians", "format": FORMAT, **parameters, "images": counts, "parts": list(PARTS)}


def synthesize(
    directory: str | Path,
    *,
    domain: str,
    seed: int = 0,
    train_identities: int = 120,
    test_identities: int = 50,
    cameras: int = 6,
    images_per_camera: int = 4,
    image_size: tuple[int, int] = (64, 32),
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write one domain of the pedestrian world as a folder in Market-1501 layout.

    The folder holds `bounding_box_train`, `query` and `bounding_box_test` with JPEG images whose names carry identity
    and camera (`0002_c1s1_000003_00.jpg`), the part masks as `masks/<split>/<same name>.png`, and `dataset.json` with
    the parameters. Identities 1 to `train_identities` are for training, the next `test_identities` for the test. For
    each test identity and camera, the first image is a query and the others are in the gallery.

    The folder appears complete or not at all. A folder that already holds the same world is left unchanged.

    Args:
        directory: Folder to write; it must be absent, empty, or the same world.
        domain: One of `snr_keras.reid.data.synthetic.DOMAINS`.
        seed: Seed of the world.
        train_identities: Number of people to train on.
        test_identities: Number of people to test on; none of them is among the training ones.
        cameras: Number of cameras, at least 2. Every person passes every camera.
        images_per_camera: Images of each person in each camera, at least 2.
        image_size: (height, width) in pixels, at least (32, 16).
        progress: Function called with the number of images done and the total, after each image.

    Returns:
        The path of the folder.

    Raises:
        ValueError: If an argument is out of range.
        FileExistsError: If the folder holds something else, or only a part of this world.
    """
    directory = Path(directory)
    parameters = _Parameters(domain, seed, train_identities, test_identities, cameras, images_per_camera, image_size)
    if _already_there(directory, parameters):
        return directory
    try:
        with new_folder(directory) as unfinished:
            _write(unfinished, parameters, progress)
    except OSError:
        if not _already_there(directory, parameters):  # else another process wrote the same world in the meantime
            raise
    return directory


def _already_there(directory: Path, parameters: _Parameters) -> bool:
    """Whether the folder holds this world; False if there is nothing yet; an error for anything else."""
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return False
    from snr_keras.files.forms import read_json  # here, so that drawing needs NumPy only

    refusal = f"directory must be absent, empty, or hold the same world. Received: directory={str(directory)!r}, "
    if not directory.is_dir():
        raise FileExistsError(refusal + "which is a file")
    try:
        found = read_json(directory / RECORD, dict[str, Any])
    except (OSError, ValueError) as error:
        raise FileExistsError(refusal + f"which is not empty and has no readable {RECORD} ({error})") from None
    wanted = parameters.record()
    unlike = [key for key in wanted if found.get(key) != wanted[key]]
    if unlike:
        differences = ", ".join(f"{key}={found.get(key)!r} instead of {wanted[key]!r}" for key in unlike)
        raise FileExistsError(refusal + f"which has {differences}")
    for split, *address in parameters.images():
        for name in (f"{split}/{_stem(*address)}.jpg", f"masks/{split}/{_stem(*address)}.png"):
            if not (directory / name).is_file():
                raise FileExistsError(refusal + f"from which {name} is missing")
    return True


def _write(directory: Path, parameters: _Parameters, progress: Callable[[int, int], None] | None) -> None:
    import tensorflow as tf  # here, so that drawing needs NumPy only

    for split in (TRAIN, QUERY, GALLERY):
        (directory / split).mkdir()
        (directory / "masks" / split).mkdir(parents=True)
    images = list(parameters.images())
    with tf.device("CPU"):
        for done, (split, identity, camera, index) in enumerate(images, start=1):
            image, mask = render_sample(
                parameters.domain,
                identity,
                camera,
                index,
                seed=parameters.seed,
                image_size=parameters.image_size,
            )
            stem = _stem(identity, camera, index)
            jpeg = tf.io.encode_jpeg(image, quality=JPEG_QUALITY, chroma_downsampling=False)
            (directory / split / f"{stem}.jpg").write_bytes(jpeg.numpy())
            png = tf.io.encode_png(mask[..., np.newaxis])
            (directory / "masks" / split / f"{stem}.png").write_bytes(png.numpy())
            if progress is not None:
                progress(done, len(images))
    record = json.dumps(parameters.record(), indent=2)
    (directory / RECORD).write_text(record + "\n", encoding="utf-8")


def _stem(identity: int, camera: int, index: int) -> str:
    """Identity, camera and sequence, frame, and detection, as Market-1501 names them."""
    return f"{identity:04d}_c{camera}s1_{index + 1:06d}_00"
