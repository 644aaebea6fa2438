"""A data set at a glance: some of its people, one per row, sorted by camera."""

from __future__ import annotations

import os
from typing import TypeVar

import numpy as np
import tensorflow as tf

from snr_keras.reid.data.dataset import DISTRACTOR, ReIDDataset
from snr_keras.reid.data.images import load_image

GAP = 2

_Thing = TypeVar("_Thing")


def dataset_sheet(
    dataset: ReIDDataset, *, people: int = 10, images: int = 10, image_size: tuple[int, int] = (128, 64)
) -> np.ndarray:
    """Show people of a data set, evenly spaced over its numbers, one per row, with images sorted by camera.

    A person with more images than columns shows some of every camera. Unused places are white.

    Args:
        dataset: Data set; the splits that were read are shown.
        people: Maximal number of rows.
        images: Maximal number of columns.
        image_size: (height, width) of each image in pixels.

    Returns:
        The sheet, (height, width, 3), uint8, RGB.
    """
    paths_of: dict[int, dict[str, int]] = {}
    for split in (dataset.train, dataset.query, dataset.gallery):
        cameras = np.zeros(len(split), np.int64) if split.cameras is None else split.cameras
        for path, identity, camera in zip(split.paths, split.identities.tolist(), cameras.tolist(), strict=True):
            if identity > DISTRACTOR or split is dataset.train:
                paths_of.setdefault(identity, {})[path] = camera
    chosen = _spread(sorted(paths_of), people)
    rows = [_spread(sorted(paths_of[i], key=lambda path: (paths_of[i][path], path)), images) for i in chosen]
    height, width = image_size
    sheet = np.full((len(rows) * (height + GAP), max(map(len, rows)) * (width + GAP), 3), 255, np.uint8)
    with tf.device("CPU:0"):
        for r, row in enumerate(rows):
            for c, path in enumerate(row):
                image = load_image(tf.constant(os.fsencode(path)), image_size).numpy()
                top, left = r * (height + GAP), c * (width + GAP)
                sheet[top : top + height, left : left + width] = image
    return sheet


def _spread(things: list[_Thing], number: int) -> list[_Thing]:
    """At most `number` of the things, evenly spaced, including the first and the last."""
    places = np.linspace(0, len(things) - 1, min(number, len(things))).round().astype(int)
    return [things[place] for place in places]
