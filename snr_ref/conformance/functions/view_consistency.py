"""Consistency across views: their statistics, the running statistics, the loss of both, and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.multilabels import mixed
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, length, mean, stack
from snr_ref.conformance.spoiled import always, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.elementary import norm
from snr_ref.mar.losses import ViewStatistics

next_statistics = Function(
    "next_statistics",
    ViewStatistics._fields,
    clause="9.8",
    after="discriminative_gradient",
    records={"statistics": ViewStatistics},
)
consistency_loss = Function(
    "consistency_loss", ("loss",), clause="9.9", after="next_statistics", records={"statistics": ViewStatistics}
)
consistency_gradient = Function(
    "consistency_gradient",
    ("grad_log_multilabels",),
    clause="9.12",
    after="consistency_loss",
    records={"statistics": ViewStatistics},
)

#: Number of roundings, besides the sum itself, of the row that gets the whole sum.
_GIVEN_BACK = 4


class _View(NamedTuple):
    """One view of at least two images.

    Attributes:
        images: Whether each row belongs to the view, (N,), bool.
        mean: Mean, (K,).
        centred: Differences from the mean, (n, K). Their error includes that of the mean, as gradients pass through it.
        std: Standard deviation, (K,), exactly 0 where all rows are equal.
    """

    images: np.ndarray
    mean: Rounded
    centred: Rounded
    std: Rounded


@next_statistics.bound
def next_statistics_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Weighted means with the means over the views; exact if no view has two images."""
    u, statistics = precision.u, arguments["statistics"]
    views = _views(arguments, u)
    if not views:
        return {name: np.zeros_like(array) for name, array in statistics._asdict().items()}
    of_views = {"mean": [view.mean for view in views], "std": [view.std for view in views]}
    return {
        name: mixed(exact(getattr(statistics, name), u), mean(stack(numbers, u)), arguments["rate"]).error
        for name, numbers in of_views.items()
    }


@consistency_loss.bound
def consistency_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The mean of squared lengths of differences, two for each view."""
    u, views = precision.u, _views(arguments, precision.u)
    terms = []
    for view in views:
        for of_view, running in zip((view.mean, view.std), arguments["statistics"], strict=True):
            difference = of_view - exact(running, u)
            terms.append((difference * difference).sum(0))
    return {"loss": mean(stack(terms, u)).error}


@consistency_gradient.bound
def consistency_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """(m_v - m) / (V n) + (s_v - s) (x - m_v) / (V (n - 1) s_v).

    Automatic differentiation also goes from the mean to the standard deviation, where it meets the sum of x - m_v,
    which is 0 up to rounding. If the mean is taken of differences from one row, that row gets the whole sum, minus the
    parts of all rows: n roundings of the sum of these parts.
    """
    u, views = precision.u, _views(arguments, precision.u)
    running_mean, running_std = (exact(array, u) for array in arguments["statistics"])
    error = np.zeros((len(arguments["views"]), len(running_mean.value)))
    for view in views:
        n, V = len(view.centred.value), len(views)
        flat = view.std.value == 0
        std = Rounded(np.where(flat, 1, view.std.value), view.std.error, u)
        by_std = (std - running_std) / std * view.centred / exact(V * (n - 1), u)
        by_mean = (view.mean - running_mean) / exact(V * n, u)
        without = Rounded(np.where(flat, 0, by_std.value), np.where(flat, 0, by_std.error), u)
        all_rows = n * np.abs(by_mean.value) + np.abs(without.value).sum(0)
        error[view.images] = (by_mean + without).error + (n + _GIVEN_BACK) * u * all_rows
    return {"grad_log_multilabels": error}


@consistency_gradient.decision
def is_decided(arguments: Mapping[str, Any], precision: Precision) -> bool:
    """Whether each standard deviation is exactly 0, without a gradient, or twice as far from 0 as rounding reaches.

    Args:
        arguments: Arguments of `consistency_gradient`.
        precision: Precision in which standard deviations are computed.

    Returns:
        Whether each is.
    """
    deviations = [view.std for view in _views(arguments, precision.u)]
    return all(((std.error == 0) | (std.value > 2 * std.error)).all() for std in deviations)


def _views(arguments: Mapping[str, Any], u: float) -> list[_View]:
    names, counts = np.unique(arguments["views"], return_counts=True)
    return [_view(arguments["log_multilabels"], arguments["views"] == view, u) for view in names[counts > 1]]


def _view(log_multilabels: Any, images: np.ndarray, u: float) -> _View:
    """The mean directly, or the first row plus the mean of differences from it.

    If the rows are off by e, the mean is off by the mean of e. The standard deviation, a seminorm, is off by
    |e| / sqrt(n - 1), rounded by less than 1 / sqrt(u) roundings.
    """
    given = exact(log_multilabels, u)[images]
    rows, e = exact(given.value, u), (1 + np.sqrt(u)) * given.error
    n = exact(len(rows.value), u)
    by_first = rows[0] + (rows - rows[0]).sum(0) / n
    middle = rows.sum(0) / n
    middle = Rounded(middle.value, np.maximum(middle.error, by_first.error), u)
    flat = (rows.value == rows.value[0]).all(0) & (e == 0).all(0)
    centred = rows - middle
    centred = Rounded(np.where(flat, 0, centred.value), np.where(flat, 0, centred.error), u)
    std = length(centred.T) / exact(len(rows.value) - 1, u).sqrt()
    off = centred.error + e
    return _View(
        images,
        Rounded(middle.value, middle.error + e.mean(0), u),
        Rounded(centred.value, off + off.mean(0), u),
        Rounded(std.value, std.error + norm(e.T) / np.sqrt(len(e) - 1), u),
    )


#: Three views of four, two and three images, and one of one image, with arbitrary numbers.
VIEWS = np.array([7, -2, 7, 3, 40, 3, 7, 3, 7, -2])


def batch(draw: Draw, views: np.ndarray, K: int) -> dict[str, Any]:
    """Logarithms of multilabels without other structure, and running statistics."""
    return {
        "log_multilabels": -draw.uniform(0.5, 8, len(views), K),
        "views": views,
        "statistics": ViewStatistics(-draw.uniform(1, 4, K), draw.uniform(0.5, 2, K)),
    }


@next_statistics.case(groups.view_consistency, "9.8", prefix="statistics_", besides={"rate": 0.0625})
@consistency_loss.case(groups.view_consistency, "9.8", "9.9")
@consistency_gradient.case(groups.view_consistency, "9.12", prefix="gradient_")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Views of two, three and four images under any numbers, and one of one image, which is left out."""
    return batch(draw, VIEWS, 4)


@next_statistics.case(groups.view_consistency, "9.8", prefix="statistics_", besides={"rate": 0.25})
@consistency_loss.case(groups.view_consistency, "9.8", "9.9")
@consistency_gradient.case(groups.view_consistency, "9.12", prefix="gradient_")
def one_view(draw: Draw) -> dict[str, Any]:
    """One view of three images, beside two of one image: the mean over views is its own; a deviation of just 1."""
    case = batch(draw, np.array([2, 5, 2, 9, 2]), 3)
    case["log_multilabels"][case["views"] == 2, 0] = [-2, -3, -1]
    return case


@next_statistics.case(groups.view_consistency, "9.8", prefix="statistics_", besides={"rate": 0.25})
@consistency_loss.case(groups.view_consistency, "9.8", "9.9")
@consistency_gradient.case(groups.view_consistency, "9.12", prefix="gradient_")
def no_view_with_two(draw: Draw) -> dict[str, Any]:
    """No view has two images: there is nothing to compare, and no statistics move."""
    return batch(draw, np.array([2, 0, 1]), 3)


@consistency_loss.case(groups.view_consistency, "9.8", "9.9")
@consistency_gradient.case(groups.view_consistency, "9.12", prefix="gradient_")
def equal_rows(draw: Draw) -> dict[str, Any]:
    """A view of seven equal rows: its deviation is exactly 0, however their sum would round, and has no gradient."""
    case = batch(draw, np.array([0, 0, 1, 0, 0, 1, 0, 0, 0]), 8)
    case["log_multilabels"][case["views"] == 0] = -np.abs(draw.normal(8, bits=24))
    return case


@next_statistics.case(groups.view_consistency, "9.8", prefix="statistics_", besides={"rate": 1.0})
def rate_of_one(draw: Draw) -> dict[str, Any]:
    """With a rate of 1 the statistics are those of the batch, as at the start."""
    return batch(draw, np.array([4, 1, 1, 4, 4]), 3)


@consistency_loss.good
@consistency_gradient.good
def _good(draw: Draw) -> dict[str, Any]:
    drawn = plain(draw, "log_multilabels", "statistics")
    return {
        "log_multilabels": drawn["log_multilabels"],
        "views": np.array([0, 1, 0, 1]),
        "statistics": drawn["statistics"],
    }


@next_statistics.good
def _good_next(draw: Draw) -> dict[str, Any]:
    return _good(draw) | {"rate": 0.25}


next_statistics.refuse("no_rate", "A rate of 0, with which nothing ever moves.", "9.8", rate=always(0.0))
next_statistics.refuse(
    "one_class",
    "Statistics of one class, which would broadcast.",
    "9.8",
    statistics=lambda s: ViewStatistics(s.mean[:1], s.std[:1]),
)


consistency_loss.refuse("float_views", "Views that are no integers.", "9.8", views=lambda v: v + 0.5)


consistency_gradient.refuse(
    "one_class",
    "Statistics of one class, which would broadcast.",
    "9.9",
    statistics=lambda s: ViewStatistics(s.mean[:1], s.std[:1]),
)


@next_statistics.mistake("9.8", "mean", who="whoever groups by view and looks at no size")
class LoneImagesCounted(Literal):
    """A view of one image counts, with a deviation of 0."""

    def _is_counted(self, images: int) -> bool:
        return True


@next_statistics.mistake("9.8", "mean", who="whoever takes the mean over the batch")
class LargeViewsWeighMore(Literal):
    """The mean over the views has their numbers of images for weights."""

    def _over_views(self, of_views: Array, sizes: Array) -> Array:
        return (of_views * (sizes / sizes.sum())[:, np.newaxis]).sum(axis=0)


@next_statistics.mistake("9.8", "std", who="numpy.std and tf.math.reduce_std, which divide by n")
class BiasedDeviation(Literal):
    """The deviation of a view is over n."""

    def _freedom(self, images: int) -> int:
        return images


@consistency_loss.mistake("9.9", "loss", who="the paper's formula, which has a sum")
class SummedOverViews(Literal):
    """The loss is the sum over the views, and of mean and deviation."""

    def _terms_of_views(self, views: int) -> int:
        return 1


@consistency_loss.mistake("9.9", "loss", who="whoever divides by the number of views as it is")
class MeanOverNoView(Literal):
    """Where no view has two images the loss is 0 / 0."""

    def _terms_of_views(self, views: int) -> Any:
        return np.float64(2 * views)


@consistency_gradient.mistake("9.12", "grad_log_multilabels", who="automatic differentiation of a square root at 0")
class DeviationOfZeroWithoutGradient(Literal):
    """The gradient by a deviation of 0 is 0 / 0."""

    def _slope_of_deviation(self, centred: Array, std: Array) -> Array:
        return centred / std


@consistency_gradient.mistake("9.12", "grad_log_multilabels", who="whoever takes deviations for weights")
class DeviationOfAViewDetached(Literal):
    """The deviation is a constant to the gradient."""

    def _slope_of_deviation(self, centred: Array, std: Array) -> Array:
        return np.zeros_like(centred)
