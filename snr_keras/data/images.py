"""Decoding: the one way in which a file becomes an image, for checking, training and evaluation alike."""

from __future__ import annotations

import tensorflow as tf


def decode_image(contents: tf.Tensor | bytes) -> tf.Tensor:
    """The image in an encoded file, as RGB.

    JPEG (baseline, progressive, grey, CMYK), PNG (grey, palette, 16 bit, alpha) and BMP are told by their contents,
    whatever the file's extension. Grey becomes three equal channels, of 16 bits the upper 8 are kept, and
    alpha is dropped (the colour beneath it shows). Orientation tags are not followed.

    Args:
        contents: a scalar string, the bytes of the file.

    Returns:
        (H, W, 3) uint8.

    Raises:
        tensorflow.errors.InvalidArgumentError: if they are not an image, or not the whole of one.
    """
    return tf.io.decode_image(contents, channels=3, expand_animations=False)


def load_image(path: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Reads a file and resizes its image: bilinear, antialiased, without keeping the aspect ratio.

    Args:
        path: a scalar string.
        image_size: (height, width) of the result.

    Returns:
        (height, width, 3) uint8, rounded; an image of this size already is returned as it is.
    """
    return resize_image(decode_image(tf.io.read_file(path)), image_size)


def resize_image(image: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Resizes a decoded image, (H, W, 3) uint8, as `load_image` does."""

    def resized() -> tf.Tensor:
        return tf.saturate_cast(tf.round(tf.image.resize(image, image_size, antialias=True)), tf.uint8)

    fits = tf.reduce_all(tf.equal(tf.shape(image)[:2], image_size))
    return tf.ensure_shape(tf.cond(fits, lambda: image, resized), (*image_size, 3))


def why_unreadable(path: str) -> str | None:
    """Reads and decodes the whole of an image file; None if that works, else the reason in a few words.

    A header alone would not do: most broken images in collections are truncated downloads, with perfect headers.
    """
    image = decode_or_say_why(path)
    return image if isinstance(image, str) else None


def decode_or_say_why(path: str) -> tf.Tensor | str:
    """The image in a file, (H, W, 3) uint8, or the reason in a few words why there is none."""
    try:
        with open(path, "rb") as file:
            contents = file.read()
    except OSError as error:
        return error.strerror or str(error)
    if not contents:
        return "empty file"
    try:
        image = decode_image(contents)
    except tf.errors.OpError as error:
        return _in_a_few_words(error.message)
    if _has_colour_palette(contents):
        return "BMP with a colour palette: the decoder would take the indices for grey values"
    return image


def _in_a_few_words(message: str) -> str:
    message = message.split("}} ")[-1].split(" [Op:")[0].strip()
    if message.startswith("Unknown image file format"):
        return "not an image"
    if "Invalid JPEG" in message:
        return "truncated or damaged JPEG"
    if "Invalid PNG" in message:
        return "truncated or damaged PNG"
    return message


def _has_colour_palette(contents: bytes) -> bool:
    """Whether this is a BMP of 8 bits per pixel whose palette is not the grey ramp (BMP header: BITMAPINFOHEADER)."""
    if contents[:2] != b"BM" or int.from_bytes(contents[28:30], "little") != 8:
        return False
    palette_start = 14 + int.from_bytes(contents[14:18], "little")
    pixels_start = int.from_bytes(contents[10:14], "little")
    palette = contents[palette_start:pixels_start]
    return any(palette[4 * i : 4 * i + 3] != bytes([i] * 3) for i in range(len(palette) // 4))
