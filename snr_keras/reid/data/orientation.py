"""The orientation tag of EXIF, by which a camera says how to turn an image; in JPEG and PNG.

TensorFlow's operations read it, so a `tf.data` pipeline needs no Python: in JPEG from the application segments at the
beginning of a file, in PNG from an `eXIf` chunk before the pixels. A tag that is damaged, or has a value other than 1
to 8, is ignored.

Source:
    CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif Version 2.32", sections 4.5 and 4.6
    (the tag, 0x0112); ISO/IEC 10918-1, annex B (segments of JPEG); "Portable Network Graphics (PNG) Specification,
    Third Edition", sections 5.3 and 11.3.4.3.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_IMAGE, _FILE = tf.TensorSpec((None, None, None), tf.uint8), tf.TensorSpec((), tf.string)

_TAG, _SHORT = 0x0112, 3
_JPEG, _PNG = int.from_bytes(b"\xff\xd8", "big"), int.from_bytes(b"\x89P", "big")
_EXIF_OF_JPEG, _EXIF_OF_PNG, _PIXELS_OF_PNG = (int.from_bytes(b, "big") for b in (b"Exif\0\0", b"eXIf", b"IDAT"))
_APP0, _APP1, _APP15, _COMMENT = 0xFFE0, 0xFFE1, 0xFFEF, 0xFFFE
_LITTLE, _BIG = int.from_bytes(b"II*\0", "big"), int.from_bytes(b"MM\0*", "big")

# The beginning of a file without a tag, the usual case: pixels, or tables for them, come first (None for any byte).
_UNTAGGED = (
    (*b"\xff\xd8\xff\xdb",),
    (*b"\xff\xd8\xff\xe0\0\x10", *14 * [None], *b"\xff\xdb"),
    (*b"\x89PNG\r\n\x1a\n", *29 * [None], *b"IDAT"),
)
_BEGINNING = max(map(len, _UNTAGGED))
_BYTES, _MASKS = np.zeros((2, len(_UNTAGGED), _BEGINNING), np.uint8)
for _row, _bytes in enumerate(_UNTAGGED):
    for _column, _byte in enumerate(_bytes):
        if _byte is not None:
            _BYTES[_row, _column], _MASKS[_row, _column] = _byte, 255


@tf.function(input_signature=[_IMAGE, _FILE], autograph=False)
def upright(image: tf.Tensor, contents: tf.Tensor | bytes) -> tf.Tensor:
    """The image, turned as its file says.

    Args:
        image: Image as stored, (H, W, C), uint8.
        contents: Bytes of the file, a scalar string.

    Returns:
        The image, (H, W, C), or (W, H, C) if it lies on its side.
    """
    with tf.device("CPU:0"):
        beginning = tf.io.decode_raw(contents, tf.uint8, fixed_length=_BEGINNING)
        is_untagged = tf.reduce_any(tf.reduce_all(tf.equal(tf.bitwise.bitwise_and(beginning, _MASKS), _BYTES), axis=-1))
        return tf.cond(is_untagged, lambda: image, lambda: _turned(image, contents))


def orientation(contents: tf.Tensor | bytes) -> tf.Tensor:
    """The orientation tag of an encoded file.

    Args:
        contents: Bytes of the file, a scalar string.

    Returns:
        The value of the tag, 1 to 8, a scalar int64; 1 if there is none.
    """
    file = tf.io.decode_raw(contents, tf.uint8)
    start = _number(file, 0, 2)
    exif = tf.cond(
        tf.equal(start, _JPEG),
        lambda: _exif_of_jpeg(file),
        lambda: tf.cond(tf.equal(start, _PNG), lambda: _exif_of_png(file), lambda: tf.constant(0, tf.int64)),
    )
    return tf.cond(exif > 0, lambda: _value(file, exif), lambda: tf.constant(1, tf.int64))


# A separate function, since the cost of a branch that is not taken grows with its nodes.
@tf.function(input_signature=[_IMAGE, _FILE], autograph=False, experimental_attributes={"_noinline": True})
def _turned(image: tf.Tensor, contents: tf.Tensor) -> tf.Tensor:
    """The result of `upright` for an image whose file may have a tag."""
    says = orientation(contents)
    swapped = tf.cond(says >= 5, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    bottom_first = tf.reduce_any(tf.equal(says, (3, 4, 7, 8)))
    right_first = tf.reduce_any(tf.equal(says, (2, 3, 6, 7)))
    top_first = tf.cond(bottom_first, lambda: tf.reverse(swapped, (0,)), lambda: swapped)
    return tf.cond(right_first, lambda: tf.reverse(top_first, (1,)), lambda: top_first)


def _exif_of_jpeg(file: tf.Tensor) -> tf.Tensor:
    """The offset of the EXIF data in a JPEG file, 0 if it has none."""

    def is_exif(at: tf.Tensor) -> tf.Tensor:
        return tf.equal(_number(file, at, 2), _APP1) & tf.equal(_number(file, at + 4, 6), _EXIF_OF_JPEG)

    def goes_on(at: tf.Tensor) -> tf.Tensor:
        marker = _number(file, at, 2)
        is_application = (marker >= _APP0) & (marker <= _APP15) | tf.equal(marker, _COMMENT)
        return (at < tf.size(file, tf.int64)) & is_application & ~is_exif(at)

    (at,) = tf.while_loop(goes_on, lambda at: (at + 2 + _number(file, at + 2, 2),), (tf.constant(2, tf.int64),))
    return tf.where(is_exif(at), at + 10, 0)


def _exif_of_png(file: tf.Tensor) -> tf.Tensor:
    """The offset of the EXIF data in a PNG file, 0 if it has none."""

    def is_exif(at: tf.Tensor) -> tf.Tensor:
        return tf.equal(_number(file, at + 4, 4), _EXIF_OF_PNG)

    def goes_on(at: tf.Tensor) -> tf.Tensor:
        is_pixels = tf.equal(_number(file, at + 4, 4), _PIXELS_OF_PNG)
        return (at < tf.size(file, tf.int64)) & ~is_pixels & ~is_exif(at)

    (at,) = tf.while_loop(goes_on, lambda at: (at + 12 + _number(file, at, 4),), (tf.constant(8, tf.int64),))
    return tf.where(is_exif(at), at + 8, 0)


def _value(file: tf.Tensor, exif: tf.Tensor) -> tf.Tensor:
    """The orientation in EXIF data, which is a TIFF file with the tag in its first directory."""
    order = _number(file, exif, 4)
    little = tf.equal(order, _LITTLE)
    directory = exif + _number(file, exif + 4, 4, little)
    entries = directory + 2 + 12 * tf.range(_number(file, directory, 2, little))
    is_tag = tf.equal(_number(file, entries, 2, little), _TAG) & tf.equal(_number(file, entries + 2, 2, little), _SHORT)
    value = tf.reduce_max(tf.where(is_tag, _number(file, entries + 8, 2, little), 0))
    is_tiff = little | tf.equal(order, _BIG)
    return tf.where(is_tiff & (value >= 1) & (value <= 8), value, 1)


def _number(file: tf.Tensor, at: tf.Tensor | int, size: int, little: tf.Tensor | bool = False) -> tf.Tensor:
    """The unsigned integers in `size` bytes at some offsets, any shape, int64; bytes after the file's end are 0."""
    places = tf.cast(at, tf.int64)[..., None] + tf.range(size, dtype=tf.int64)
    last = tf.size(file, tf.int64) - 1
    found = tf.cast(tf.gather(file, tf.minimum(places, last)), tf.int64) * tf.cast(places <= last, tf.int64)
    ascending = 256 ** tf.range(size, dtype=tf.int64)
    return tf.reduce_sum(found * tf.where(little, ascending, ascending[::-1]), axis=-1)
