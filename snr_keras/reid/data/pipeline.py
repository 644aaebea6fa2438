"""Batches of images from a `Split`, by tf.data: deterministic, and fast enough that the model is the bottleneck."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice

import numpy as np
import tensorflow as tf

from snr_keras.reid.data.augmentation import Augmentation, augment
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.images import load_image
from snr_keras.reid.data.sampler import domain_balanced_batches, identity_batches, num_steps, share_of_domain

KEPT_BYTES = 512 * 2**20
"""A training split up to this size, decoded and resized, is kept in memory (Market-1501's is 318 MB at 128x64); a
larger one is read and decoded again for each batch."""

unconverted = tf.autograph.experimental.do_not_convert
"""Nothing here has control flow of Python that depends on tensors; looking for some takes longer than all the rest."""


def training_batches(
    split: Split,
    *,
    image_size: tuple[int, int],
    identities_per_batch: int,
    images_per_identity: int,
    seed: int,
    augmentation: Augmentation,
    stop_step: int,
    start_step: int = 0,
    domain_balanced: bool = False,
    context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Batches of P identities with K images each, augmented, from `start_step` up to but without `stop_step`.

    The batch at step s depends on (split, seed, s) and the settings only: a dataset with `start_step=s` continues bit
    for bit. `snr_keras.reid.data.sampler` determines the images of a batch; an epoch is `steps_per_epoch` batches.

    With R replicas of a `tf.distribute` strategy, the batch of a step is divided by identity into R equal parts, equal
    to the whole batch pixel for pixel. For each step the dataset has the parts for the replicas of its input pipeline,
    one after the other.

    Args:
        split: Images to train on.
        image_size: (height, width) of the images in the batches.
        identities_per_batch: Number P of identities.
        images_per_identity: Number K of images of each.
        seed: Seed, from 0 to 2^63 - 1.
        augmentation: Random changes to the images.
        stop_step: Step after the last batch: `steps_per_epoch` times the number of epochs.
        start_step: Step of the first batch.
        domain_balanced: Whether each batch has equal numbers of identities from every domain of the split.
        context: Replicas that the dataset is for; by default there is one.

    Returns:
        A dataset of known length with (images, labels): (P * K, H, W, 3), float32, RGB in [0, 255], and (P * K,),
        int32, in [0, split.num_identities), identities numbered in ascending order, the K images of an identity
        adjacent. With R replicas each part has P / R identities.

    Raises:
        ValueError: If the split has fewer than P identities, an argument is out of range, domains are to be balanced
            and the split has none, or P is not a multiple of their number, or of that of the replicas.
    """
    replicas, here = _replicas(context or tf.distribute.InputContext(), identities_per_batch)
    labels = np.unique(split.identities, return_inverse=True)[1].astype(np.int32)
    size = identities_per_batch * images_per_identity
    sampling = {
        "identities_per_batch": identities_per_batch,
        "images_per_identity": images_per_identity,
        "seed": seed,
        "start_step": start_step,
    }
    if domain_balanced:
        batches = domain_balanced_batches(labels, _domains(split), **sampling)
    else:
        batches = identity_batches(labels, **sampling)
    # All of them at once, a few MB for a long run: a Python generator within a tf.data pipeline can deadlock with the
    # interpreter if the pipeline is dropped half-way.
    count = max(0, stop_step - start_step)
    indices_of_batches = np.fromiter(islice(batches, count), np.dtype((np.int32, size)), count)
    indices_of_parts = indices_of_batches.reshape(count, replicas, size // replicas)[:, here]
    with tf.device("CPU:0"):
        label_of = tf.constant(labels)
        load = images_at(split, image_size)

    @unconverted
    def batch(step: tf.Tensor, part: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.ensure_shape(load(indices), (size // replicas, *image_size, 3))
        images = augment(images, augmentation, seed=seed, step=step, part=part, parts=replicas)
        return images, tf.gather(label_of, indices)

    steps, parts = np.meshgrid(np.arange(start_step, start_step + count), np.array(here, np.int32), indexing="ij")
    flat = steps.ravel(), parts.ravel(), indices_of_parts.reshape(steps.size, size // replicas)
    batches_here = tf.data.Dataset.from_tensor_slices(flat)
    return batches_here.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def _replicas(context: tf.distribute.InputContext, identities_per_batch: int) -> tuple[int, list[int]]:
    """The number of replicas, and the numbers of those that an input pipeline serves."""
    replicas = context.num_replicas_in_sync
    if identities_per_batch % replicas:
        raise ValueError(
            f"A batch is divided by identity into equal parts for {replicas} replicas: set "
            f"`identities_per_batch` to a multiple of {replicas}. Received: "
            f"identities_per_batch={identities_per_batch}"
        )
    each = replicas // context.num_input_pipelines
    return replicas, list(range(context.input_pipeline_id * each, (context.input_pipeline_id + 1) * each))


def _domains(split: Split) -> np.ndarray:
    if split.domains is None:
        raise ValueError("Balancing domains needs a source of several data sets. Received: a split of one")
    return split.domains


def steps_per_epoch(
    split: Split, identities_per_batch: int, images_per_identity: int, *, domain_balanced: bool = False
) -> int:
    """Number of batches in which every identity is shown, and approximately every image.

    It is `snr_keras.reid.data.sampler.num_steps`; balancing domains does not change it. The errors are those of
    `training_batches`.
    """
    if domain_balanced:
        share_of_domain(split.identities, _domains(split), identities_per_batch)
    return num_steps(
        split.identities,
        identities_per_batch=identities_per_batch,
        images_per_identity=images_per_identity,
    )


def evaluation_batches(split: Split, *, image_size: tuple[int, int], batch_size: int) -> tf.data.Dataset:
    """The images of a split in order, resized and otherwise unchanged.

    Args:
        split: Images to embed.
        image_size: (height, width) of the images in the batches.
        batch_size: Images per batch; the last batch may have fewer.

    Returns:
        A dataset of known length with (N, H, W, 3), float32, RGB in [0, 255].
    """
    if batch_size < 1 or not len(split):
        raise ValueError(
            "Expected a positive batch size and at least one image. "
            f"Received: batch_size={batch_size}, a split of {len(split)} images"
        )

    @unconverted
    def load(paths: tf.Tensor) -> tf.Tensor:
        return tf.cast(_load_images(paths, image_size), tf.float32)

    paths = tf.data.Dataset.from_tensor_slices(_path_strings(split)).batch(batch_size)
    return paths.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def images_at(split: Split, image_size: tuple[int, int]) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from indices, (n,), to images, (n, H, W, 3), uint8, from memory if the split is small enough."""
    paths = _path_strings(split)
    if len(split) * image_size[0] * image_size[1] * 3 > KEPT_BYTES:
        return lambda indices: _load_images(tf.gather(paths, indices), image_size)
    batches = tf.data.Dataset.from_tensor_slices(paths).batch(64)
    load = unconverted(lambda paths: _load_images(paths, image_size))
    batches = batches.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    images = tf.concat(list(batches), axis=0)
    return lambda indices: tf.gather(images, indices)


def _load_images(paths: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """The images of paths, (n,), as (n, H, W, 3), uint8; parallel over batches, not images, with less overhead."""
    return tf.map_fn(
        lambda path: load_image(path, image_size),
        paths,
        fn_output_signature=tf.TensorSpec((*image_size, 3), tf.uint8),
    )


def _path_strings(split: Split) -> tf.Tensor:
    """The paths as the file system's bytes, whatever their encoding."""
    return tf.constant([os.fsencode(path) for path in split.paths])
