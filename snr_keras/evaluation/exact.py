"""Distances of embeddings in float64; equal pairs have equal distances to the last bit, wherever they are."""

import numpy as np
from numpy.typing import NDArray

CHANNELS = 8192
"""Number of channels that NumPy sums in one pass, in the same order for any number of pairs."""


@np.errstate(over="ignore", invalid="ignore")
def exact_distances(x: NDArray, y: NDArray, distance: str) -> NDArray[np.float64]:
    """Distances between vectors, as `snr_ref` defines them.

    Args:
        x: First vectors, (..., D).
        y: Second vectors, (..., D); the other axes of both are broadcast.
        distance: "cosine" or "euclidean".

    Returns:
        Distances, of the broadcast shape without its last axis.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return _cosine(x, y) if distance == "cosine" else lengths(y - x)


@np.errstate(over="ignore", invalid="ignore")
def lengths(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lengths of vectors, (..., D), without overflow or underflow of squares."""
    squares = _products(x, x)
    found = np.sqrt(squares)
    extreme = np.nonzero((squares < 1e-280) | (squares > 1e280))
    if len(extreme[0]):
        largest = np.abs(x[extreme]).max(axis=1, initial=0)
        scaled = x[extreme] / np.where(largest == 0, 1, largest)[:, None]
        found[extreme] = largest * np.sqrt(_products(scaled, scaled))
    return found


def _cosine(x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """0.5 - x.y / (2 |x| |y|), in [0, 1]; 0 for equal vectors."""
    x_lengths, y_lengths = lengths(x), lengths(y)
    products = _products(x / np.where(x_lengths == 0, 1, x_lengths)[..., None], y)
    d = np.clip(0.5 - products / np.where(y_lengths == 0, 1, y_lengths) / 2, 0, 1)
    near = np.nonzero(d < (x.shape[-1] + 8) * np.finfo(np.float64).eps)
    if len(near[0]):
        x_near, y_near = (np.broadcast_to(vectors, (*d.shape, x.shape[-1]))[near] for vectors in (x, y))
        d[near] = np.where((x_near == y_near).all(axis=1), 0, d[near])
    d[(x_lengths == 0) & (y_lengths == 0)] = 0
    return d


def _products(x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """Inner products of vectors, (..., D), each summed in the same order whatever the other axes are."""
    channels = [slice(start, start + CHANNELS) for start in range(0, max(1, x.shape[-1]), CHANNELS)]
    return np.sum([np.einsum("...d,...d->...", x[..., some], y[..., some]) for some in channels], axis=0)
