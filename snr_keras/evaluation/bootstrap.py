"""How far a mean average precision, or the difference of two, depends on which queries happen to be in the test set.

The bootstrap (Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979): queries are drawn from those of the
test set, with replacement and as many, and the figures taken of the drawn ones; how they vary over many such draws is
how they would vary over test sets. Every method is given the same draws, since a query that is hard for one is mostly
hard for all: that is what makes intervals of differences short (the paired bootstrap).

What varies here is the queries and nothing else: not the gallery, and not the training of the models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95

_BLOCK = 2**22  # drawn queries that are held at one time


@dataclass(frozen=True)
class Interval:
    """A figure and its bootstrap interval, in the unit of what was resampled.

    Attributes:
        value: Of the queries as they are.
        low: The lower end, the (1 - `CONFIDENCE`) / 2 quantile of the resamples.
        high: The upper end.
    """

    value: float
    low: float
    high: float


def mean_average_precision(targets: Sequence[NDArray]) -> NDArray[np.float64]:
    """The mean over targets of the mAP of each method, (M,), from what `resampled_mean_average_precision` takes."""
    drawn = [_averages(np.ones((1, table.shape[2])), table) for table in map(_checked, targets)]
    return np.mean(drawn, axis=0)[0]


def resampled_mean_average_precision(
    targets: Sequence[NDArray], *, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """The mean over targets of the mAP of each method, on queries drawn anew within each target.

    A target that is divided in several ways counts with the mean over its divisions. An image that is a query in
    several of them is one query here: it is drawn for all of them or for none. Drawing takes place among the images
    that have a valid match, and a division that none was drawn for is left out of that resample's mean.

    Args:
        targets: For each target an (M, S, Q) array of average precisions by method, division and query image, NaN where
            the image is no query of the division, or has no valid match; the NaNs are those of every method.
        resamples: Their number B.
        seed: Which draws.

    Returns:
        (B, M).

    Raises:
        ValueError: If there is no target, arrays are not (M, S, Q) of one M, or NaNs differ between methods.
    """
    tables = [_checked(table) for table in targets]
    if len({len(table) for table in tables}) != 1:
        raise ValueError(
            "There must be a target at least, and as many methods in each. "
            f"Received: arrays of shapes {[np.shape(table) for table in targets]}"
        )
    rng = np.random.default_rng(seed)
    total = np.zeros((resamples, len(tables[0])))
    for table in tables:
        queries = table.shape[2]
        block = max(1, _BLOCK // queries)
        for start in range(0, resamples, block):
            stop = min(start + block, resamples)
            total[start:stop] += _averages(_counts(rng, stop - start, queries), table)
    return total / len(tables)


def difference(ours: NDArray, theirs: NDArray, *, value: float) -> Interval:
    """The interval of a paired difference.

    Args:
        ours: (B,) figures of one method on resamples.
        theirs: (B,) figures of another on the same resamples.
        value: The difference on the queries as they are.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(ours - theirs, (tail, 1 - tail))
    return Interval(value, float(low), float(high))


def _checked(table: NDArray) -> NDArray[np.float64]:
    """The table without images that have no valid match in any division."""
    table = np.asarray(table, np.float64)
    if table.ndim != 3 or not table.size:
        raise ValueError(f"Expected average precisions (methods, divisions, queries). Received: shape {table.shape}")
    missing = np.isnan(table)
    if (missing != missing[0]).any():
        raise ValueError(
            "A query has a valid match for every method or for none. Received: NaN at different queries of methods"
        )
    valid = ~missing[0].all(axis=0)
    if not valid.any():
        raise ValueError("There must be a query with a valid match. Received: NaN only")
    return table[:, :, valid]


def _counts(rng: np.random.Generator, resamples: int, queries: int) -> NDArray[np.float64]:
    """(B, Q): how often each query was drawn."""
    drawn = rng.integers(queries, size=(resamples, queries)) + queries * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * queries).reshape(resamples, queries).astype(np.float64)


def _averages(counts: NDArray, table: NDArray) -> NDArray[np.float64]:
    """(B, M): the mAP of each method with queries that count so often, the mean over the divisions that have any."""
    methods, divisions, queries = table.shape
    present = ~np.isnan(table[0])
    numbers = counts @ present.T  # (B, S)
    sums = (counts @ np.nan_to_num(table).reshape(-1, queries).T).reshape(-1, methods, divisions)
    means = np.divide(sums, numbers[:, None], out=np.zeros_like(sums), where=numbers[:, None] > 0)
    return means.sum(axis=2) / np.count_nonzero(numbers, axis=1)[:, None]
