"""The passes of `_passes` for PyTorch without a compiler: in place, and on a CPU few images at a time.

There each operation writes a map of its own. On a CPU most of its time goes into fetching pages for that map, so a
buffer that stays in the cache takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

#: How much of a map in the dtype of the statistics is taken at a time on a CPU, if an image is no larger.
_BYTES_AT_A_TIME = 2**22


def moments(F: Any, *, dtype: Any, pixels: int) -> tuple[Any, Any]:
    """As `_passes.moments`."""
    count = F.shape[pixels]
    mean, square = _rows(F, dtype, pixels), _rows(F, dtype, pixels)
    for images, buffer in _few_images(F, dtype):
        mu = torch.sum(F[images], pixels, dtype=dtype) / count
        centred = torch.sub(F[images], mu.unsqueeze(pixels), out=buffer)
        error = centred.sum(pixels) / count
        torch.add(mu, error, out=mean[images])
        torch.sub(centred.square_().sum(pixels) / count, error.square_(), out=square[images])
    return mean, square.clamp_(min=0)


def affine(F: Any, mu: Any, s: Any, offset: Any, *, dtype: str, pixels: int) -> Any:
    """As `_passes.affine`."""
    mapped = torch.empty_like(F, dtype=getattr(torch, dtype))
    for images, buffer in _few_images(F, mu.dtype, mapped):
        mu_, s_, offset_ = (x[images].unsqueeze(pixels) for x in (mu, s, offset))
        torch.sub(F[images], mu_, out=buffer).mul_(s_).add_(offset_)
    return mapped


def sums(G: Any, F: Any, mu: Any, *, pixels: int) -> tuple[Any, Any]:
    """As `_passes.sums`."""
    S1, S2 = _rows(F, mu.dtype, pixels), _rows(F, mu.dtype, pixels)
    for images, buffer in _few_images(F, mu.dtype):
        torch.sum(G[images], pixels, dtype=mu.dtype, out=S1[images])
        torch.sub(F[images], mu[images].unsqueeze(pixels), out=buffer).mul_(G[images])
        torch.sum(buffer, pixels, out=S2[images])
    return S1, S2


def gradient(G: Any, F: Any, mu: Any, s: Any, A: Any, offset: Any, *, pixels: int) -> Any:
    """As `_passes.gradient`."""
    reached = torch.empty_like(F)
    for images, buffer in _few_images(F, mu.dtype, reached):
        mu_, s_, A_, offset_ = (x[images].unsqueeze(pixels) for x in (mu, s, A, offset))
        torch.sub(F[images], mu_, out=buffer).mul_(A_).add_(offset_).addcmul_(G[images].to(mu.dtype), s_)
    return reached


def _rows(F: Any, dtype: Any, pixels: int) -> Any:
    """An empty (N, C)."""
    return F.new_empty((F.shape[0], F.shape[3 - pixels]), dtype=dtype)


def _few_images(F: Any, dtype: Any, result: Any = None) -> Iterator[tuple[slice, Any]]:
    """Slices of images, each with a buffer in their shape and of that dtype; on a GPU, one slice of all.

    What a buffer holds in the end goes into the result, of which the buffer is a part if they have the same dtype.
    """
    at_a_time = len(F)
    if F.device.type == "cpu" and F.numel():
        at_a_time = max(1, _BYTES_AT_A_TIME * len(F) // (F.numel() * dtype.itemsize))
    within = result is not None and result.dtype == dtype
    own: Any = None if within else torch.empty_like(F[:at_a_time], dtype=dtype)
    for start in range(0, len(F), max(1, at_a_time)):
        images = slice(start, start + at_a_time)
        buffer = result[images] if within else own[: len(F[images])]
        yield images, buffer
        if result is not None and not within:
            result[images] = buffer
