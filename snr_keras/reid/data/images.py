"""Decoding: the one way from a file to an image, for checking, training and evaluation alike."""

from __future__ import annotations

import os

import tensorflow as tf

from snr_keras.files.regular import read_bytes
from snr_keras.reid.data.orientation import upright

MOST_PIXELS = 100_000_000
"""The most pixels of a decoded image: a small file can claim many more, and the memory for them."""

_MOST_BYTES = 2**29
_FORMATS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"BM": "BMP"}


class UnreadableImageError(ValueError):
    """A file has no readable image; the message is the reason in a few words, without the file's name."""


def decode_image(contents: tf.Tensor | bytes) -> tf.Tensor:
    """The image in an encoded file, as RGB and upright.

    JPEG (baseline, progressive, grey, CMYK), PNG (grey, palette, 16 bit, alpha) and BMP are recognized by their
    contents, whatever the extension. Grey becomes three equal channels, 16 bits are cut to the upper 8, and alpha is
    dropped (the colour beneath it shows). The orientation tag is applied: `snr_keras.reid.data.orientation`.

    Args:
        contents: Bytes of the file, a scalar string.

    Returns:
        The image, (H, W, 3), uint8.

    Raises:
        tensorflow.errors.InvalidArgumentError: If they are not a complete image.
    """
    return upright(_decoded(contents), contents)


def load_image(path: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Read a file and resize its image: bilinear, antialiased, without keeping the aspect ratio.

    Args:
        path: Path of the file, a scalar string.
        image_size: (height, width) of the result.

    Returns:
        The image, (height, width, 3), uint8, rounded; an image of this size is returned unchanged.
    """
    return resize_image(decode_image(tf.io.read_file(path)), image_size)


def resize_image(image: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Resize a decoded image, (H, W, 3), uint8, as `load_image` does."""

    def resized() -> tf.Tensor:
        return tf.saturate_cast(tf.round(tf.image.resize(image, image_size, antialias=True)), tf.uint8)

    fits = tf.reduce_all(tf.equal(tf.shape(image)[:2], image_size))
    return tf.ensure_shape(tf.cond(fits, lambda: image, resized), (*image_size, 3))


def read_image(path: str | os.PathLike[str]) -> tf.Tensor:
    """The image in a file, (H, W, 3), uint8, decoded as by `decode_image`.

    Raises:
        UnreadableImageError: If there is none.
    """
    return checked_image(read_contents(path))


def read_contents(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an image file.

    Raises:
        UnreadableImageError: If the file cannot be read, is empty, or is larger than an image can be.
    """
    try:
        contents = read_bytes(path, most=_MOST_BYTES)
    except OSError as error:
        raise UnreadableImageError(error.strerror or str(error)) from error
    except ValueError as error:
        raise UnreadableImageError(f"more than {_MOST_BYTES >> 20} MB") from error
    if not contents:
        raise UnreadableImageError("empty file")
    return contents


def checked_image(contents: bytes) -> tf.Tensor:
    """The image of `decode_image`, with all bytes of the file decoded.

    A header alone is not enough: most broken images in collections are truncated downloads with valid headers.

    Raises:
        UnreadableImageError: If they are not a supported image, or not a complete one.
    """
    image = stored_image(contents)
    has_exif = b"Exif\0\0" in contents or b"eXIf" in contents
    return upright(image, contents) if has_exif else image


def stored_image(contents: bytes) -> tf.Tensor:
    """The same without applying the orientation tag, for the coordinates of a data set's owners."""
    kind = next((kind for beginning, kind in _FORMATS.items() if contents.startswith(beginning)), None)
    if kind is None:
        raise UnreadableImageError("not an image (JPEG, PNG or BMP)")
    if kind == "BMP":
        _check_bmp(contents)
    try:
        width, height = _size(contents, kind)
        if width * height > MOST_PIXELS:
            raise UnreadableImageError(
                f"{width} x {height} pixels, where at most {MOST_PIXELS // 10**6} million are decoded"
            )
        return _decoded(contents)
    except tf.errors.OpError as error:
        raise UnreadableImageError(f"truncated or damaged {kind}") from error


def _decoded(contents: tf.Tensor | bytes) -> tf.Tensor:
    with tf.device("CPU:0"):
        return tf.io.decode_image(contents, channels=3, expand_animations=False)


def _size(contents: bytes, kind: str) -> tuple[int, int]:
    """(width, height) from the header."""
    if kind == "JPEG":
        height, width, _ = tf.io.extract_jpeg_shape(contents).numpy().tolist()
        return width, height
    if kind == "PNG":
        return int.from_bytes(contents[16:20], "big"), int.from_bytes(contents[20:24], "big")
    width, height = (int.from_bytes(contents[at : at + 4], "little", signed=True) for at in (18, 22))
    return abs(width), abs(height)


def _check_bmp(contents: bytes) -> None:
    """Refuse BMP files that the decoder refuses with unclear messages, or misinterprets.

    In a BMP of 8 bits a pixel it takes the indices for grey values, so the palette must be the grey ramp.
    """
    bits, compression = int.from_bytes(contents[28:30], "little"), int.from_bytes(contents[30:34], "little")
    if bits not in (8, 24, 32) or compression not in (0, 3):
        packed = "" if compression in (0, 3) else ", compressed"
        raise UnreadableImageError(f"BMP of {bits} bits a pixel{packed}: supported are 8, 24 and 32, uncompressed")
    width, height = _size(contents, "BMP")
    pixels_start = int.from_bytes(contents[10:14], "little")
    length = pixels_start + (width * bits + 31) // 32 * 4 * height
    if len(contents) > length:
        raise UnreadableImageError(f"BMP with {len(contents) - length} bytes after its pixels")
    palette = contents[14 + int.from_bytes(contents[14:18], "little") : pixels_start]
    if bits == 8 and any(palette[4 * i : 4 * i + 3] != bytes([i] * 3) for i in range(len(palette) // 4)):
        raise UnreadableImageError("BMP with a colour palette: the decoder would take the indices for grey values")
