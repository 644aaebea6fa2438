"""Consistency across views: their statistics, the running ones, and the loss between both."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw
from snr_ref.mar.losses import ViewStatistics

cases = Catalogue("view_consistency", "log multilabels that should be alike in all views")

#: Three views of four, two and three images, and one of one image, under any numbers.
VIEWS = np.array([7, -2, 7, 3, 40, 3, 7, 3, 7, -2])


def batch(draw: Draw, views: np.ndarray, K: int) -> dict[str, Any]:
    """Logarithms of multilabels that are no more than that, and running statistics."""
    return {
        "log_multilabels": -draw.uniform(0.5, 8, len(views), K),
        "views": views,
        "statistics": ViewStatistics(-draw.uniform(1, 4, K), draw.uniform(0.5, 2, K)),
    }


def ordinary(draw: Draw) -> dict[str, Any]:
    """Views of two, three and four images under any numbers, and one of one image, which is left out."""
    return batch(draw, VIEWS, 4)


def no_view_with_two(draw: Draw) -> dict[str, Any]:
    """No view has two images: there is nothing to compare, and no statistics move."""
    return batch(draw, np.array([2, 0, 1]), 3)


def equal_rows(draw: Draw) -> dict[str, Any]:
    """A view of seven equal rows: its deviation is exactly 0, however their sum would round, and has no gradient."""
    case = batch(draw, np.array([0, 0, 1, 0, 0, 1, 0, 0, 0]), 8)
    case["log_multilabels"][case["views"] == 0] = -np.abs(draw.normal(8, bits=24))
    return case


def rate_of_one(draw: Draw) -> dict[str, Any]:
    """With a rate of 1 the statistics are those of the batch, as at the start."""
    return batch(draw, np.array([4, 1, 1, 4, 4]), 3)


def one_view(draw: Draw) -> dict[str, Any]:
    """One view of three images, beside two of one image: the mean over views is its own; a deviation of just 1."""
    case = batch(draw, np.array([2, 5, 2, 9, 2]), 3)
    case["log_multilabels"][case["views"] == 2, 0] = [-2, -3, -1]
    return case


_STATISTICS = ((ordinary, 0.0625), (one_view, 0.25), (no_view_with_two, 0.25), (rate_of_one, 1.0))

for _build, _rate in _STATISTICS:

    def _next(draw: Draw, build: Any = _build, rate: float = _rate) -> dict[str, Any]:
        return build(draw) | {"rate": rate}

    _next.__name__, _next.__doc__ = f"statistics_{_build.__name__}", _build.__doc__
    cases.case("next_statistics", "9.8")(_next)
for _build in (ordinary, one_view, no_view_with_two, equal_rows):
    cases.case("consistency_loss", "9.8", "9.9")(_build)
for _build in (ordinary, one_view, no_view_with_two, equal_rows):

    def _gradient(draw: Draw, build: Any = _build) -> dict[str, Any]:
        return build(draw)

    _gradient.__name__, _gradient.__doc__ = f"gradient_{_build.__name__}", _build.__doc__
    cases.case("consistency_gradient", "9.12")(_gradient)
