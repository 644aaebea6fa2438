"""How much a mean average precision, or a difference of two, depends on the choice of queries in the test set.

This is the bootstrap (Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979): as many queries as the test set
has are drawn from it with replacement, and the scores are computed on the drawn ones. Their variation over many draws
estimates their variation over test sets. All methods use the same draws (the paired bootstrap). A query that is hard
for one method is usually hard for all, so intervals of differences are short.

Only the queries vary here: not the gallery, and not the training of the models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95

_BLOCK = 2**22  # drawn queries held at a time


@dataclass(frozen=True)
class Interval:
    """A score and its bootstrap interval, in the unit of the resampled scores.

    Attributes:
        value: Score on the queries as they are.
        low: Lower end, the (1 - `CONFIDENCE`) / 2 quantile of the resamples.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def mean_average_precision(targets: Sequence[NDArray]) -> NDArray[np.float64]:
    """The mean over targets of each method's mAP, (M,), for the arguments of `resampled_mean_average_precision`."""
    drawn = [_averages(np.ones((1, table.shape[2])), table) for table in map(_checked, targets)]
    return np.mean(drawn, axis=0)[0]


def resampled_mean_average_precision(
    targets: Sequence[NDArray], *, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """The mean over targets of each method's mAP, on queries resampled within each target.

    A target with several splits counts with the mean over its splits. An image that is a query in several of them is
    one query here: it is drawn for all of them or for none. Images are drawn from those with a valid match; a split for
    which none is drawn is left out of that resample's mean.

    Args:
        targets: For each target, average precisions by method, split and query image, (M, S, Q), NaN where the image is
            not a query of the split or has no valid match; all methods must have the same NaNs.
        resamples: Number B of resamples.
        seed: Seed of the draws.

    Returns:
        The means, (B, M).

    Raises:
        ValueError: If there is no target, arrays do not have shapes (M, S, Q) with one M, or NaNs differ between
            methods.
    """
    tables = [_checked(table) for table in targets]
    if len({len(table) for table in tables}) != 1:
        raise ValueError(
            "There must be at least one target, and the same number of methods in each. "
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
        ours: Scores of one method on the resamples, (B,).
        theirs: Scores of another method on the same resamples, (B,).
        value: Difference on the queries as they are.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(ours - theirs, (tail, 1 - tail))
    return Interval(value, float(low), float(high))


def _checked(table: NDArray) -> NDArray[np.float64]:
    """The table without images that have no valid match in any split."""
    table = np.asarray(table, np.float64)
    if table.ndim != 3 or not table.size:
        raise ValueError(f"Expected average precisions (methods, splits, queries). Received: shape {table.shape}")
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
    """How often each query was drawn, (B, Q)."""
    drawn = rng.integers(queries, size=(resamples, queries)) + queries * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * queries).reshape(resamples, queries).astype(np.float64)


def _averages(counts: NDArray, table: NDArray) -> NDArray[np.float64]:
    """The mAP of each method, (B, M), with these counts of queries: the mean over the splits that have any."""
    methods, splits, queries = table.shape
    present = ~np.isnan(table[0])
    numbers = counts @ present.T  # (B, S)
    sums = (counts @ np.nan_to_num(table).reshape(-1, queries).T).reshape(-1, methods, splits)
    means = np.divide(sums, numbers[:, None], out=np.zeros_like(sums), where=numbers[:, None] > 0)
    return means.sum(axis=2) / np.count_nonzero(numbers, axis=1)[:, None]
