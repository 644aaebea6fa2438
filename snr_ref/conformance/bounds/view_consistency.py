"""Bounds of the running statistics of views, of the consistency loss and of its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance.bounds.distances import length
from snr_ref.conformance.bounds.losses import mean, stack
from snr_ref.conformance.bounds.multilabels import mixed
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact

#: How often what one row gets of all is rounded, besides the sum itself.
_GIVEN_BACK = 4


class _View(NamedTuple):
    """One view of at least two images.

    Attributes:
        images: Which rows are its own, (N,) bool.
        mean: (K,).
        centred: (n, K).
        std: (K,), exactly 0 where all rows are equal.
    """

    images: np.ndarray
    mean: Rounded
    centred: Rounded
    std: Rounded


def next_statistics_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Weighted means with those over the views; exact where no view has two images."""
    u, statistics = precision.u, arguments["statistics"]
    views = _views(arguments, u)
    if not views:
        return {name: np.zeros_like(array) for name, array in statistics._asdict().items()}
    of_views = {"mean": [view.mean for view in views], "std": [view.std for view in views]}
    return {
        name: mixed(exact(getattr(statistics, name), u), mean(stack(numbers, u)), arguments["rate"]).error
        for name, numbers in of_views.items()
    }


def consistency_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The mean of squared lengths of differences, two of each view."""
    u, views = precision.u, _views(arguments, precision.u)
    terms = []
    for view in views:
        for of_view, running in zip((view.mean, view.std), arguments["statistics"], strict=True):
            difference = of_view - exact(running, u)
            terms.append((difference * difference).sum(0))
    return {"loss": mean(stack(terms, u)).error}


def consistency_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """(m_v - m) / (V n) + (s_v - s) (x - m_v) / (V (n - 1) s_v).

    Automatic differentiation goes by the mean to the deviation too, and finds the sum of x - m_v there, which is 0 but
    for rounding. Where the mean is that of differences from one row, that row gets all of it, less what all rows give
    back: n roundings of the sum of what the rows get.
    """
    u, views = precision.u, _views(arguments, precision.u)
    running_mean, running_std = (exact(array, u) for array in arguments["statistics"])
    error = np.zeros(arguments["log_multilabels"].shape)
    for view in views:
        n, V = len(view.centred.value), len(views)
        flat = view.std.value == 0
        std = Rounded(np.where(flat, 1, view.std.value), view.std.error, u)
        centred = Rounded(view.centred.value, view.centred.error + view.centred.error.mean(0), u)
        by_std = (std - running_std) / std * centred / exact(V * (n - 1), u)
        by_mean = (view.mean - running_mean) / exact(V * n, u)
        without = Rounded(np.where(flat, 0, by_std.value), np.where(flat, 0, by_std.error), u)
        all_rows = n * np.abs(by_mean.value) + np.abs(without.value).sum(0)
        error[view.images] = (by_mean + without).error + (n + _GIVEN_BACK) * u * all_rows
    return {"grad_log_multilabels": error}


def is_decided(arguments: Mapping[str, Any], precision: Precision) -> bool:
    """Whether each deviation is exactly 0, which has no gradient, or farther from it than rounding reaches.

    Args:
        arguments: Of `consistency_gradient`.
        precision: What deviations are computed in.

    Returns:
        Whether it is so.
    """
    deviations = [view.std for view in _views(arguments, precision.u)]
    return all(((std.value == 0) | (std.value > std.error)).all() for std in deviations)


def _views(arguments: Mapping[str, Any], u: float) -> list[_View]:
    names, counts = np.unique(arguments["views"], return_counts=True)
    return [_view(arguments["log_multilabels"], arguments["views"] == view, u) for view in names[counts > 1]]


def _view(log_multilabels: np.ndarray, images: np.ndarray, u: float) -> _View:
    """The mean as it is, or that of the differences from the first row added to it."""
    rows = exact(log_multilabels[images], u)
    n = exact(len(rows.value), u)
    by_first = rows[0] + (rows - rows[0]).sum(0) / n
    middle = rows.sum(0) / n
    middle = Rounded(middle.value, np.maximum(middle.error, by_first.error), u)
    flat = (rows.value == rows.value[0]).all(0)
    centred = rows - middle
    centred = Rounded(np.where(flat, 0, centred.value), np.where(flat, 0, centred.error), u)
    std = length(centred.T) / exact(len(rows.value) - 1, u).sqrt()
    return _View(images, middle, centred, std)
