"""The passes over the feature map, as expressions that a compiler makes one loop of.

Maps are (N, M, C), or (N, C, M) if `pixels` is 2, with M the number of pixels; everything else is (N, C), in the dtype
that is computed in. `_passes_in_place` has the same functions for a backend that runs one operation after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from keras import ops

from snr_keras.layers._backend import compiled, compiles

# XLA's CPU loops vectorize a sum of slices of pixels, but not a reduction of computed terms. So this many slices are
# added first and the rest is reduced, which is ten times faster, and more accurate.
_STRETCHES = 8


@compiled
def moments(F: Any, *, dtype: Any, pixels: int) -> tuple[Any, Any]:
    """Mean and biased variance over the pixels.

    The second pass corrects the mean of the first. Otherwise, in a constant channel, the rounding of a large mean would
    count as a deviation and be normalized to a visible one.
    """
    count = ops.cast(ops.shape(F)[pixels], dtype)
    mu = _sum_pixels(partial(ops.cast, dtype=dtype), F, pixels=pixels) / count
    error = _sum_pixels(lambda F: _centred(F, mu, pixels), F, pixels=pixels) / count
    square = _sum_pixels(lambda F: ops.square(_centred(F, mu, pixels)), F, pixels=pixels) / count
    return mu + error, ops.maximum(square - ops.square(error), 0)


@compiled
def affine(F: Any, mu: Any, s: Any, offset: Any, *, dtype: str, pixels: int) -> Any:
    """The map s (F - mu) + offset, of that dtype."""
    spread = partial(ops.expand_dims, axis=pixels)
    return ops.cast(spread(s) * _centred(F, mu, pixels) + spread(offset), dtype)


@compiled
def sums(G: Any, F: Any, mu: Any, *, pixels: int) -> tuple[Any, Any]:
    """The sums over the pixels of G and of G (F - mu)."""
    wide = partial(ops.cast, dtype=mu.dtype)
    return (
        _sum_pixels(wide, G, pixels=pixels),
        _sum_pixels(lambda G, F: wide(G) * _centred(F, mu, pixels), G, F, pixels=pixels),
    )


@compiled
def gradient(G: Any, F: Any, mu: Any, s: Any, A: Any, offset: Any, *, pixels: int) -> Any:
    """The map s G + A (F - mu) + offset, of F's dtype."""
    spread = partial(ops.expand_dims, axis=pixels)
    return ops.cast(spread(s) * ops.cast(G, mu.dtype) + spread(A) * _centred(F, mu, pixels) + spread(offset), F.dtype)


def _centred(F: Any, mu: Any, pixels: int) -> Any:
    return ops.cast(F, mu.dtype) - ops.expand_dims(mu, pixels)


def _sum_pixels(term: Callable[..., Any], *maps: Any, pixels: int) -> Any:
    """The sum of `term(*maps)` over the pixels; the terms are never stored."""
    count = ops.shape(maps[0])[pixels]
    known = isinstance(count, int)
    stretches = _STRETCHES if compiles() and not (known and count < _STRETCHES) else 1
    length = count // stretches

    def stretch(start: Any, stop: Any) -> Any:
        return term(*(x[:, start:stop] if pixels == 1 else x[:, :, start:stop] for x in maps))

    total = ops.sum(sum(stretch(i * length, (i + 1) * length) for i in range(stretches)), axis=pixels)
    if known and stretches * length == count:
        return total
    if not known:  # slices without a pixel, whose sum LiteRT's XNNPACK leaves undefined
        total = ops.where(length > 0, total, 0)
    return total + ops.sum(stretch(stretches * length, count), axis=pixels)
