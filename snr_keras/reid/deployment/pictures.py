"""Drawn people, on which exports are compared with their models and calibrated."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from snr_keras.reid.data.synthetic import render_sample

PICTURES = 8
"""Number of pictures on which an export is compared with its model."""


@cache
def drawn_pictures(image_size: tuple[int, int], count: int = PICTURES, camera: int = 1) -> NDArray[np.float32]:
    """One picture of each person by a camera, (count, H, W, 3), in [0, 255], the same ones every time."""
    height, width = image_size
    drawn_at = (max(height, 32), max(width, 16))
    images = [render_sample("day", identity, camera, 0, image_size=drawn_at)[0] for identity in range(1, count + 1)]
    return np.stack(images)[:, :height, :width].astype(np.float32)
