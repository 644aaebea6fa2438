"""Random changes to training images that leave the person recognizable, for a whole batch at once.

Everything random about a batch is one stateless draw from (seed, step): the batch is the same with any number of
threads, and when a run is resumed. Shift and mirror are one gather. Brightness, contrast, saturation and hue are
affine maps of a pixel's colour, and so is their composition: one 3x3 matrix and one offset per image.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from snr_keras.reid.settings.augmentation import Augmentation

# The luma of ITU-R BT.601, and two axes of chroma on which every grey is 0.
_RGB_TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]], np.float32
)
_YIQ_TO_RGB = np.linalg.inv(_RGB_TO_YIQ)


def augment(
    images: tf.Tensor,
    augmentation: Augmentation,
    *,
    seed: int,
    step: tf.Tensor | int,
    part: tf.Tensor | int = 0,
    parts: int = 1,
) -> tf.Tensor:
    """Apply random changes to a batch, or to one of its equal parts, with the same result as in the whole batch.

    Args:
        images: RGB images, (N, H, W, 3), uint8; H and W static.
        augmentation: Changes to apply.
        seed: Seed, which determines the changes together with `step`.
        step: Number of the step, a scalar integer.
        part: Number of the part, from 0.
        parts: Number of parts of the batch.

    Returns:
        Changed images, (N, H, W, 3), float32 in [0, 255].
    """
    number = tf.shape(images)[0]
    draws = tf.random.stateless_uniform(
        (parts * number, 12),
        seed=tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)]),
        alg="philox",
    )[part * number : (part + 1) * number]
    images = _shift_and_flip(images, augmentation, *tf.unstack(draws[:, :3], axis=1))
    images = _jitter_colours(tf.cast(images, tf.float32), augmentation, *tf.unstack(2.0 * draws[:, 3:7] - 1.0, axis=1))
    if augmentation.erasing:
        images = _erase(images, augmentation, *tf.unstack(draws[:, 7:], axis=1))
    return tf.clip_by_value(images, 0.0, 255.0)


def _shift_and_flip(
    images: tf.Tensor, augmentation: Augmentation, down: tf.Tensor, right: tf.Tensor, flip: tf.Tensor
) -> tf.Tensor:
    """Random crop of the padded image, possibly mirrored; `down`, `right`, `flip`: (N,) in [0, 1)."""
    number, (height, width) = tf.shape(images)[0], images.shape[1:3]
    pad = round(augmentation.padding * height)
    padded = tf.pad(images, [[0, 0], [pad, pad], [pad, pad], [0, 0]])

    def offset(draw: tf.Tensor) -> tf.Tensor:
        return tf.cast(draw * (2 * pad + 1), tf.int32)[:, None]

    columns = tf.where(flip[:, None] < augmentation.flip, tf.range(width)[::-1], tf.range(width))
    rows = tf.range(height) + offset(down) + tf.range(number)[:, None] * (height + 2 * pad)
    columns += offset(right)
    pixels = rows[:, :, None] * (width + 2 * pad) + columns[:, None, :]
    return tf.gather(tf.reshape(padded, (-1, 3)), pixels)


def _jitter_colours(
    images: tf.Tensor,
    augmentation: Augmentation,
    brightness: tf.Tensor,
    contrast: tf.Tensor,
    saturation: tf.Tensor,
    hue: tf.Tensor,
) -> tf.Tensor:
    """Brightness, contrast, saturation, hue, in this order, clipped only at the end; draws: (N,) in [-1, 1).

    With b, c, s the factors, t the angle, Y the matrix from RGB to YIQ, m the image's mean grey and x a pixel,

        x' = Y^-1 diag(1, s Rotation(t)) Y (b c x + (1 - c) b m),

    and the first matrix leaves greys unchanged.
    """
    b = 1.0 + augmentation.brightness * brightness
    c = 1.0 + augmentation.contrast * contrast
    s = 1.0 + augmentation.saturation * saturation
    angle = 2.0 * math.pi * augmentation.hue * hue
    cos, sin, zero = s * tf.cos(angle), s * tf.sin(angle), tf.zeros_like(s)
    turn = tf.stack([zero, zero, zero, zero, cos - 1.0, -sin, zero, sin, cos - 1.0], axis=1)  # minus the identity,
    colours = tf.eye(3) + _YIQ_TO_RGB @ tf.reshape(turn, (-1, 3, 3)) @ _RGB_TO_YIQ  # so that "off" is exactly off
    grey = tf.reduce_mean(images, axis=(1, 2)) @ _RGB_TO_YIQ[:1].T  # (N, 1)
    offset = (1.0 - c)[:, None] * b[:, None] * grey

    # A block-diagonal matrix puts several pixels into a row: products with 3 columns are twice as slow.
    height, width = images.shape[1:3]
    pixels = math.gcd(height * width, 16)
    blocks = tf.einsum("pq,nji->npiqj", tf.eye(pixels), (b * c)[:, None, None] * colours)
    rows = tf.reshape(images, (-1, height * width // pixels, 3 * pixels))
    jittered = rows @ tf.reshape(blocks, (-1, 3 * pixels, 3 * pixels)) + offset[:, :, None]
    return tf.reshape(jittered, tf.shape(images))


def _erase(
    images: tf.Tensor,
    augmentation: Augmentation,
    chance: tf.Tensor,
    area: tf.Tensor,
    aspect: tf.Tensor,
    top: tf.Tensor,
    left: tf.Tensor,
) -> tf.Tensor:
    """Fill a rectangle with the image's mean colour; draws: (N,) in [0, 1)."""
    height, width = images.shape[1:3]
    area = (0.02 + 0.38 * area) * height * width
    aspect = 0.3 * tf.pow(1 / 0.3**2, aspect)
    tall, wide = tf.minimum(tf.sqrt(area * aspect), height), tf.minimum(tf.sqrt(area / aspect), width)

    def within(size: int, start: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        position = tf.range(size, dtype=tf.float32) + 0.5 - (start * (size - length))[:, None]
        return (position > 0.0) & (position < length[:, None])

    rectangle = within(height, top, tall)[:, :, None] & within(width, left, wide)[:, None, :]
    erased = rectangle & (chance < augmentation.erasing)[:, None, None]
    return tf.where(erased[..., None], tf.reduce_mean(images, axis=(1, 2), keepdims=True), images)
