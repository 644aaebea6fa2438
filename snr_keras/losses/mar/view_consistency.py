"""MAR's consistency across camera views, and its running statistics, in Keras.

JAX's own tensors, and whatever it compiles, have 32-bit integers unless `jax_enable_x64` is set: views that are equal
modulo 2^32 are then one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from snr_keras.losses._batches import floating
from snr_keras.losses._checks import integers, known, numbered, shaped
from snr_ref._checks import fraction
from snr_ref.mar.losses import ViewStatistics


def initial_statistics(log_multilabels: Any, views: Any) -> ViewStatistics:
    """Mean and standard deviation (over n - 1) of log y in a view, averaged over the views with at least two images.

    Args:
        log_multilabels: log y of the whole target domain, before the first step, (N, K).
        views: Camera of each image, (N,), any integers.

    Returns:
        Mean and standard deviation, both (K,).

    Raises:
        ValueError: If log_multilabels is not a floating matrix, the views are not N integers, or no view has two
            images.

    Source:
        Yu et al., CVPR 2019, sec. 3.3.
    """
    numbers = known(views)
    log_multilabels, views = _checked(log_multilabels, views)
    if numbers is not None and len(np.unique(numbers)) == len(numbers):
        raise ValueError(f"`views` must have a view with at least two images. Received: {numbers!r}")
    of_views, counted = _of_views(log_multilabels, views)
    count = ops.sum(counted)
    return ViewStatistics(*(ops.sum(counted * of_view, axis=0) / count for of_view in of_views))


def next_statistics(statistics: ViewStatistics, log_multilabels: Any, views: Any, *, rate: float) -> ViewStatistics:
    """(1 - rate) * statistics + rate * (statistics of the batch); unchanged if no view of the batch has two images.

    Args:
        statistics: Statistics before the batch, both (K,).
        log_multilabels: log y of the batch, (N, K).
        views: Camera of each image, (N,), any integers.
        rate: Weight of the batch, in (0, 1]; in the paper's code the number of its images, source and target, over
            10000.

    Returns:
        Statistics with which to compute the loss of this batch, both (K,), in the precision of the batch.

    Raises:
        ValueError: If log_multilabels is not a floating matrix, the views are not N integers, the statistics do not
            have shape (K,), or the rate is not in (0, 1].

    Source:
        The code of Yu et al., CVPR 2019.
    """
    log_multilabels, views = _checked(log_multilabels, views)
    statistics = _checked_statistics(statistics, log_multilabels)
    fraction("rate", rate)
    of_views, counted = _of_views(log_multilabels, views)
    count = ops.sum(counted)
    moved = []
    for past, of_view in zip(statistics, of_views, strict=True):
        now = ops.sum(counted * of_view, axis=0) / ops.maximum(count, 1)
        moved.append(ops.where(count > 0, (1 - rate) * past + rate * now, past))
    return ViewStatistics(*moved)


def consistency_loss(log_multilabels: Any, views: Any, statistics: ViewStatistics) -> Any:
    """L_CML = sum over the V views of |mean_v - mean|^2 + |std_v - std|^2, over 2 V.

    Views with one image are left out; if no view has two, the loss is 0. A standard deviation of 0 has no gradient.

    Args:
        log_multilabels: log y, (N, K).
        views: Camera of each image, (N,), any integers.
        statistics: Statistics from `next_statistics` for this batch, both (K,); they have no gradient.

    Returns:
        L_CML, a scalar.

    Raises:
        ValueError: If log_multilabels is not a floating matrix, the views are not N integers, or the statistics do not
            have shape (K,).

    Source:
        Yu et al., CVPR 2019, sec. 3.3, eq. 6. The mean follows their code; the paper has a sum.
    """
    log_multilabels, views = _checked(log_multilabels, views)
    statistics = _checked_statistics(statistics, log_multilabels)
    of_views, counted = _of_views(log_multilabels, views)
    total = sum(
        ops.sum(counted * ops.square(of_view - ops.stop_gradient(running)))
        for of_view, running in zip(of_views, statistics, strict=True)
    )
    return total / ops.maximum(2 * ops.sum(counted), 1)


def _of_views(log_multilabels: Any, views: Any) -> tuple[ViewStatistics, Any]:
    """Mean and standard deviation of each view, both (N, K), and 1 for the rows that hold a view, (N, 1).

    The number of views is not known in advance, so there are as many rows as images. The row of a view is the place of
    its first image when images are sorted by view; the view counts if it has two images.

    The mean is that image plus the mean of the differences from it, so that equal rows have a standard deviation of 0.
    """
    images = views.shape[0]
    order = ops.argsort(views)
    views = ops.take(views, order)
    first = ops.searchsorted(views, views)  # of the view of each image
    rows = ops.take(log_multilabels, order, axis=0)

    def sums(values: Any) -> Any:
        return ops.segment_sum(values, first, num_segments=images)

    n = sums(ops.ones((images, 1), rows.dtype))
    differences = rows - ops.take(rows, first, axis=0)
    shift = sums(differences) / ops.maximum(n, 1)
    square = sums(ops.square(differences - ops.take(shift, first, axis=0))) / ops.maximum(n - 1, 1)
    varied = square > 0
    std = ops.where(varied, ops.sqrt(ops.where(varied, square, 1)), 0)
    return ViewStatistics(rows + shift, std), ops.cast(n > 1, rows.dtype)


def _checked(log_multilabels: Any, views: Any) -> tuple[Any, Any]:
    """A floating matrix (N, K) and N integers; ValueError if they are not."""
    log_multilabels = floating("log_multilabels", log_multilabels, "(N, K)")
    because = f"log_multilabels of shape {tuple(log_multilabels.shape)}"
    return log_multilabels, integers("views", numbered(views), log_multilabels.shape[0], because)


def _checked_statistics(statistics: ViewStatistics, log_multilabels: Any) -> ViewStatistics:
    """Mean and standard deviation, both (K,) to match log multilabels of (N, K); ValueError if they are not."""
    shape, because = tuple(log_multilabels.shape[1:]), f"log_multilabels of shape {tuple(log_multilabels.shape)}"
    mean, std = (ops.cast(ops.convert_to_tensor(s), log_multilabels.dtype) for s in statistics)
    return ViewStatistics(
        shaped("statistics.mean", mean, shape, because), shaped("statistics.std", std, shape, because)
    )
