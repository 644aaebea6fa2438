"""Folders of images for the tests of reading, made of a few bytes each."""

import os
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"


def colours(height: int = 8, width: int = 4, *, seed: int = 0) -> np.ndarray:
    """Random pixels, (height, width, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def jpeg(image: np.ndarray | None = None, **options: object) -> bytes:
    return tf.io.encode_jpeg(colours() if image is None else image, quality=95, **options).numpy()


def png(image: np.ndarray) -> bytes:
    return tf.io.encode_png(image).numpy()


def bmp(image: np.ndarray, palette: np.ndarray | None = None) -> bytes:
    """A BMP file, of 24 bits per pixel, or of 8 with a palette (256, 3) and indices (H, W)."""
    height, width = image.shape[:2]
    table = b"" if palette is None else b"".join(bytes([*colour[::-1], 0]) for colour in palette.tolist())
    rows = image[::-1] if palette is not None else image[::-1, :, ::-1]
    pixels = b"".join(row.tobytes() + bytes(-len(row.tobytes()) % 4) for row in rows)
    header = (
        np.array([40, width, height], "<i4").tobytes()
        + np.array([1, 8 * len(rows[0].tobytes()) // width], "<u2").tobytes()
    )
    header += np.array([0, len(pixels), 2835, 2835, len(table) // 4, 0], "<i4").tobytes()
    start = 14 + len(header) + len(table)
    return b"BM" + np.array([start + len(pixels), 0, start], "<i4").tobytes() + header + table + pixels


def write(folder: Path, files: dict[str, bytes] | list[str]) -> Path:
    """Writes files by name; names alone stand for good images, each another. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        of_its_own = colours(seed=zlib.crc32(os.fsencode(f"{folder.name}/{name}")))
        (folder / name).write_bytes(files[name] if isinstance(files, dict) else jpeg(of_its_own))
    return folder


def write_dataset(root: Path) -> Path:
    """Two people to train with, two to test with, two cameras, nothing odd."""
    write(root / TRAIN, [f"{i:04d}_c{c}s1_{k:06d}_00.jpg" for i in (1, 2) for c in (1, 2) for k in (1, 2)])
    write(root / QUERY, [f"{i:04d}_c{c}s1_000001_00.jpg" for i in (3, 4) for c in (1, 2)])
    write(root / GALLERY, [f"{i:04d}_c{c}s1_000002_00.jpg" for i in (3, 4) for c in (1, 2)])
    return root
