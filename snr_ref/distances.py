"""Distances d(x, y) between the rows of two matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from snr_ref._checks import matrix, shaped
from snr_ref.elementary import norm


@np.errstate(invalid="ignore")  # a row that holds Inf has no direction; its distances are NaN
def cosine_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """d(x, y) = 0.5 - x.y / (2 |x| |y|), in [0, 1].

    Conventions: equal rows, zero vectors included, have distance exactly 0, regardless of rounding. Where just one of
    x and y is 0, the cosine is 0 and d = 0.5. Values that rounding moves out of [0, 1] are clipped.

    Args:
        x: First vectors, (N, C).
        y: Second vectors, (M, C).

    Returns:
        Distances, (N, M).

    Raises:
        ValueError: If x or y is not a floating matrix, or they differ in C.

    Source:
        The distance of the paper's dual causality loss.
    """
    return cosine(*check_pair(x, y))


@np.errstate(invalid="ignore")
def euclidean_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """d(x, y) = |x - y| = sqrt(sum over the channels of (x - y)^2); exactly 0 for equal rows.

    Args:
        x: First vectors, (N, C).
        y: Second vectors, (M, C).

    Returns:
        Distances, (N, M).

    Raises:
        ValueError: If x or y is not a floating matrix, or they differ in C.
    """
    return euclidean(*check_pair(x, y))


@np.errstate(invalid="ignore")
def unit(x: np.ndarray) -> np.ndarray:
    """The direction x / |x| of every row; the zero vector stays zero.

    Args:
        x: Vectors, (N, C).

    Returns:
        Directions, (N, C).

    Raises:
        ValueError: If x is not a floating matrix.
    """
    return directions(matrix("x", x, "(N, C)"))


def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """d(x, y) = 0.5 - x.y / (2 |x| |y|), (N, M), clipped to [0, 1]; 0 for equal rows."""
    d = 0.5 - directions(x) @ directions(y).T / 2
    d = d - (d.real - np.clip(d.real, 0, 1))
    return np.where(equal_rows(x, y), 0, d)


def euclidean(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """d(x, y) = |x - y|, (N, M)."""
    return row_by_row(lambda row: norm(row - y), x, y)


def directions(x: np.ndarray) -> np.ndarray:
    """The direction x / |x| of every row; 0 stays 0."""
    largest = np.abs(x.real).max(axis=1, keepdims=True)
    zero = largest == 0
    scaled = np.where(zero, 0, x) / np.where(zero, 1, largest)  # |x| itself may overflow or underflow
    return scaled / np.where(zero, 1, norm(scaled)[:, np.newaxis])


def equal_rows(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether row n of x and row m of y are equal, (N, M); a row that holds Inf or NaN equals no row."""
    return row_by_row(lambda row: np.isfinite(row).all() & (row == y.real).all(axis=1), x.real, y).astype(bool)


def row_by_row(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The function's values, (M,), for each row of x and all rows of y, stacked to (N, M)."""
    return np.array([function(row) for row in x]).reshape(len(x), len(y))


def check_pair(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two floating matrices with the same number of columns, (N, C) and (M, C); ValueError if they are not."""
    x = matrix("x", x, "(N, C)")
    y = matrix("y", y, "(M, C)")
    return x, shaped("y", y, (len(y), x.shape[1]), f"x of shape {x.shape}")
