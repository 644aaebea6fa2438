"""How far a difference of two methods depends on the training: Student's t over pairs of trainings, a pair a seed.

Beside it stands the bootstrap over queries, which holds the trained models fixed. Neither interval contains the other.
"""

from collections.abc import Sequence

import numpy as np

from snr_keras.evaluation.bootstrap import CONFIDENCE, Interval

POWER = 0.8
"""With which probability the smallest detectable difference is detected."""

NODES = 200
"""Number of quantiles of a standard deviation over which this probability is averaged, by Gauss and Legendre."""


def t_interval(differences: Sequence[float]) -> Interval:
    """The mean of paired differences with its interval by Student's t, two-sided, at `CONFIDENCE`.

    Args:
        differences: One for each of at least two seeds, independent and about normally distributed.

    Raises:
        ValueError: If there are fewer than two.
    """
    from scipy import stats

    mean, error = _mean_and_standard_error(differences)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(differences) - 1)) * error
    return Interval(mean, mean - half, mean + half)


def p_value(differences: Sequence[float]) -> float:
    """How probable a mean this far from 0, or farther, is if the true difference is 0: the paired t test, two-sided.

    Args:
        differences: As for `t_interval`. If all are equal the value is 0, or 1 where they are 0.

    Raises:
        ValueError: If there are fewer than two.
    """
    from scipy import stats

    mean, error = _mean_and_standard_error(differences)
    return float(stats.ttest_1samp(differences, 0).pvalue) if error else float(mean == 0)


def detectable_difference(differences: Sequence[float]) -> float:
    """The smallest true difference that as many seeds would have shown with probability `POWER`.

    "Shown" is an interval of `t_interval` that excludes 0. The standard deviation between seeds is that of
    `differences`; their mean plays no part. The t statistic of a true difference is distributed as noncentral t.

    Args:
        differences: As for `t_interval`.

    Raises:
        ValueError: If there are fewer than two.
    """
    from scipy import optimize, special, stats

    _, error = _mean_and_standard_error(differences)
    freedom = len(differences) - 1
    critical = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    bounds = critical * np.sqrt(stats.chi2.ppf((1 + nodes) / 2, freedom) / freedom)

    def missing(shift: float) -> float:  # `scipy.stats.nct` has the same numbers where it is not NaN
        return float(weights @ (special.ndtr(shift - bounds) + special.ndtr(-bounds - shift))) / 2 - POWER

    return optimize.brentq(missing, 0.0, 3 * critical) * error


def _mean_and_standard_error(differences: Sequence[float]) -> tuple[float, float]:
    values = np.asarray(differences, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"Expected the differences of at least two seeds. Received: {list(differences)}")
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
