"""Intervals over seeds: against scipy's own test, and the power that they promise, by simulation."""

import numpy as np
import pytest
from scipy import stats

from snr_keras.evaluation.bootstrap import CONFIDENCE
from snr_keras.evaluation.seeds import POWER, detectable_difference, p_value, t_interval


@pytest.mark.parametrize("seeds", [2, 3, 8, 20])
def test_the_interval_is_that_of_the_paired_t_test(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    ours, theirs = rng.normal(0.6, 0.02, (2, seeds))
    found = t_interval(ours - theirs)
    tested = stats.ttest_rel(ours, theirs)
    low, high = tested.confidence_interval(CONFIDENCE)
    assert p_value(ours - theirs) == pytest.approx(tested.pvalue, rel=1e-9)
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(ours - theirs), low, high), rel=1e-9)


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_a_detectable_difference_is_detected_as_often_as_is_said(seeds: int) -> None:
    """Of simulated studies with that true difference, a fraction `POWER` excludes 0; bound: six standard errors."""
    of_this_spread = np.array([1.0, -1.0] * 10)[:seeds]
    true = detectable_difference(of_this_spread)
    trials = 40_000
    drawn = np.random.default_rng(0).normal(true, of_this_spread.std(ddof=1), (trials, seeds))
    shown = np.mean(stats.ttest_1samp(drawn, 0, axis=1).pvalue < 1 - CONFIDENCE)
    assert shown == pytest.approx(POWER, abs=6 * np.sqrt(POWER * (1 - POWER) / trials))


def test_more_seeds_see_less_and_the_mean_plays_no_part() -> None:
    spread = np.array([0.01, -0.01, 0.02, -0.02])
    assert detectable_difference(spread + 5) == pytest.approx(detectable_difference(spread))
    assert detectable_difference(10 * spread) == pytest.approx(10 * detectable_difference(spread))
    assert detectable_difference(np.tile(spread, 4)) < detectable_difference(spread) / 2


def test_without_any_spread_there_is_nothing_to_doubt() -> None:
    found = t_interval([0.25, 0.25])
    assert (found.value, found.low, found.high, detectable_difference([0.25, 0.25])) == (0.25, 0.25, 0.25, 0)
    assert (p_value([0.25, 0.25]), p_value([0.0, 0.0])) == (0, 1)


@pytest.mark.parametrize("few", [[], [0.1]])
def test_one_seed_says_nothing_of_seeds(few: list[float]) -> None:
    for function in (t_interval, p_value, detectable_difference):
        with pytest.raises(ValueError, match="at least two seeds"):
            function(few)
