"""Batches of images of which only the camera is known: the target of unsupervised adaptation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import tensorflow as tf

from snr_keras.reid.data.augmentation import Augmentation, augment
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.pipeline import images_at, unconverted


def unlabeled(split: Split) -> Split:
    """The split without its identities: each is 0, so that nothing can learn from them.

    Args:
        split: Any images, such as the `train` of a `ReIDDataset`.
    """
    return replace(split, identities=np.zeros(len(split), np.int64))


def unlabeled_batches(
    split: Split,
    *,
    image_size: tuple[int, int],
    batch_size: int,
    seed: int,
    augmentation: Augmentation,
    stop_step: int,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Batches of different images with their views, augmented, from `start_step` up to but without `stop_step`.

    Each pass over the images is in a random order of its own, and batches are taken from consecutive passes without a
    gap. Every image occurs once before any occurs again, none is left out if a pass does not divide into batches, and a
    batch that spans two passes has no image twice either. An epoch may have any number of steps.

    The batch at step s depends on (split, seed, s) and the settings only, as for `training_batches`; with the same seed
    the two draw different numbers. Identities are never read.

    Args:
        split: Images, with camera labels.
        image_size: (height, width) of the images in the batches.
        batch_size: Number B of images per batch, at least 1.
        seed: Seed, from 0 to 2^63 - 1.
        augmentation: Random changes to the images.
        stop_step: Step after the last batch.
        start_step: Step of the first batch.

    Returns:
        A dataset of known length with (images, views, indices): (B, H, W, 3), float32, RGB in [0, 255]; (B,), int32,
        the camera of each image, cameras numbered from 0 in ascending order; (B,), int32, the index of the image in the
        split.

    Raises:
        ValueError: If the split has no camera labels, fewer than two images or fewer than a batch, or an argument is
            out of range.
    """
    if batch_size < 1 or start_step < 0 or not 0 <= seed < 2**63:
        raise ValueError(
            "`batch_size` must be at least 1, `start_step` not negative, and `seed` between 0 and 2^63 - 1. Received: "
            f"batch_size={batch_size}, start_step={start_step}, seed={seed}"
        )
    check_unlabeled(split, batch_size)
    sampling, changes = np.random.SeedSequence(seed).spawn(2)
    own_seed = int(changes.generate_state(1, np.uint64)[0] >> np.uint64(1))
    count = max(0, stop_step - start_step)
    batches = islice(_batches(len(split), batch_size, np.random.default_rng(sampling)), start_step, start_step + count)
    indices_of_batches = np.fromiter(batches, np.dtype((np.int32, batch_size)), count)
    with tf.device("CPU:0"):
        view_of = tf.constant(views_of(split))
        load = images_at(split, image_size)

    @unconverted
    def batch(step: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        images = tf.ensure_shape(load(indices), (batch_size, *image_size, 3))
        return augment(images, augmentation, seed=own_seed, step=step), tf.gather(view_of, indices), indices

    steps = tf.data.Dataset.from_tensor_slices((np.arange(start_step, start_step + count), indices_of_batches))
    return steps.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def views_of(split: Split) -> np.ndarray:
    """The camera of each image, (n,), int32, cameras numbered from 0 in ascending order.

    Raises:
        ValueError: If the split has no camera labels.
    """
    if split.cameras is None:
        raise ValueError(
            "Images to adapt to must have camera labels: the images of each camera are compared with all. Name the "
            "files IDENTITY_cCAMERA followed by anything, such as 0000_c1_17.jpg, or use a list with a camera in each "
            "line. "
            f"Received: {len(split)} images without cameras"
        )
    return np.unique(split.cameras, return_inverse=True)[1].astype(np.int32)


def check_unlabeled(split: Split, batch_size: int) -> None:
    """Raise a ValueError if a split has no camera labels, fewer than two images or fewer than a batch."""
    if len(split) < 2:
        raise ValueError(f"Images to adapt to must be two or more. Received: a split of {len(split)}")
    views_of(split)
    if len(split) < batch_size:
        raise ValueError(
            f"A batch of {batch_size} different images needs at least as many to adapt to: set `target_batch_size` to "
            f"{len(split)} or fewer. Received: a split of {len(split)} images"
        )


def _batches(number: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield without end `size` different numbers below `number`; a pass starts with none that its first batch has.

    The content of a batch depends on the pass before, so all passes are drawn from the first, which costs little.
    """
    left = np.empty(0, np.int64)
    while True:
        order = rng.permutation(number)
        first = order[~np.isin(order, left)][: size - len(left)]
        left = np.concatenate([left, first, order[~np.isin(order, first)]])
        whole = len(left) // size * size
        yield from left[:whole].reshape(-1, size)
        left = left[whole:]
