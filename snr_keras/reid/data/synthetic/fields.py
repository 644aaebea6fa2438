"""Smooth random fields and resampling, as small matrix products."""

from functools import lru_cache

import numpy as np


def smooth_field(rng: np.random.Generator, cells: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """Draw a smooth random field: standard normal values on a coarse grid, interpolated linearly.

    Args:
        rng: Source of randomness.
        cells: Rows and columns of the coarse grid.
        shape: (H, W) of the field.

    Returns:
        The field, (H, W), float32.
    """
    grid = rng.standard_normal(cells, dtype=np.float32)
    return enlarging(cells[0], shape[0]) @ grid @ enlarging(cells[1], shape[1]).T


@lru_cache(maxsize=256)
def enlarging(source: int, target: int) -> np.ndarray:
    """The matrix (target, source) of linear interpolation, with pixel centres aligned as in image resizing."""
    position = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    return _tent(position, source)


@lru_cache(maxsize=256)
def averaging(source: int, target: int) -> np.ndarray:
    """The matrix (target, source) of averages over areas, for target at most source."""
    edges = np.arange(target + 1) * source / target
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(overlap, 0.0, None)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def blurring(size: int, sigma: float) -> np.ndarray:
    """The matrix (size, size) of a Gaussian blur with standard deviation `sigma` pixels; rows sum to one."""
    pixels = np.arange(size, dtype=np.float32)
    weights = np.exp(-0.5 * ((pixels[:, None] - pixels) / max(sigma, 1e-3)) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _tent(position: np.ndarray, source: int) -> np.ndarray:
    return np.clip(1.0 - np.abs(position[:, None] - np.arange(source)), 0.0, None).astype(np.float32)
