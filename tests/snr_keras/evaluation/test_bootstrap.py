"""The paired bootstrap over queries: against loops, and on distributions whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snr_keras.evaluation.bootstrap import (
    difference,
    mean_average_precision,
    resampled_mean_average_precision,
)

NAN = np.nan


def literal(targets, resamples, seed):
    """The definition, a query at a time; draws are taken as the fast one takes them."""
    rng = np.random.default_rng(seed)
    figures = np.zeros((resamples, len(targets[0])))
    for table in targets:
        images = [q for q in range(table.shape[2]) if not np.isnan(table[0, :, q]).all()]
        for b, drawn in enumerate(rng.integers(len(images), size=(resamples, len(images)))):
            for m, method in enumerate(table):
                divisions = []
                for division in method:
                    found = [division[images[i]] for i in drawn if not np.isnan(division[images[i]])]
                    if found:
                        divisions.append(sum(found) / len(found))
                figures[b, m] += sum(divisions) / len(divisions) / len(targets)
    return figures


@st.composite
def tables(draw, methods):
    divisions, queries = draw(st.integers(1, 3)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    table = rng.uniform(size=(methods, divisions, queries))
    table[:, rng.uniform(size=(divisions, queries)) < draw(st.sampled_from([0.0, 0.4]))] = NAN
    if np.isnan(table).all():
        table[:, 0, 0] = 0.5
    return table


@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=30)
def test_it_is_the_loop_that_the_definition_is(data, methods, number, seed):
    targets = [data.draw(tables(methods)) for _ in range(number)]
    ours = resampled_mean_average_precision(targets, resamples=5, seed=seed)
    np.testing.assert_allclose(ours, literal(targets, 5, seed), rtol=1e-12)


@given(tables(2), tables(2))
def test_of_the_queries_as_they_are_it_is_the_mean_over_targets_divisions_and_queries(first, second):
    def average(table, method):
        rows = [row[~np.isnan(row)] for row in table[method]]
        return np.mean([row.mean() for row in rows if len(row)])

    expected = [np.mean([average(first, m), average(second, m)]) for m in (0, 1)]
    np.testing.assert_allclose(mean_average_precision([first, second]), expected, rtol=1e-12)


def test_many_blocks_are_one_draw(monkeypatch):
    table = np.random.default_rng(0).uniform(size=(2, 1, 9))
    whole = resampled_mean_average_precision([table], resamples=50)
    monkeypatch.setattr("snr_keras.evaluation.bootstrap._BLOCK", 30)
    np.testing.assert_allclose(resampled_mean_average_precision([table], resamples=50), whole, rtol=1e-12)


def test_the_spread_of_a_mean_is_that_of_theory():
    """The variance of a resampled mean of n values is their variance (ddof 0) over n; targets are independent."""
    rng = np.random.default_rng(1)
    targets = [rng.beta(2, 1, (1, 1, 400)), rng.beta(1, 3, (1, 1, 100))]
    figures = resampled_mean_average_precision(targets, resamples=20_000)[:, 0]
    expected = np.sqrt(sum(t.var() / t.size for t in targets)) / 2
    # the standard deviation of 20 000 draws is itself known to 1 / sqrt(40 000) = 0.5 %
    np.testing.assert_allclose(figures.std(), expected, rtol=0.03)
    np.testing.assert_allclose(figures.mean(), mean_average_precision(targets)[0], atol=5 * expected / np.sqrt(20_000))


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    """Both methods share the difficulty of the queries, the second is better by 0.02; 300 test sets of 120 queries."""
    rng = np.random.default_rng(2)
    covered = 0
    for trial in range(300):
        difficulty = rng.uniform(0, 0.8, 120)
        pair = difficulty + rng.normal(0, 0.05, (2, 120)) + np.array([[0.0], [0.02]])
        figures = resampled_mean_average_precision([pair[:, None]], resamples=400, seed=trial)
        value = float(np.diff(mean_average_precision([pair[:, None]]))[0])
        found = difference(figures[:, 1], figures[:, 0], value=value)
        assert found.low <= found.value <= found.high
        assert found.high - found.low < 0.04  # unpaired it would be 0.12, for the difficulty of the queries
        covered += found.low <= 0.02 <= found.high
    assert 0.90 < covered / 300 < 0.99


def test_equal_methods_differ_by_nothing_and_a_constant_gain_is_certain():
    table = np.random.default_rng(3).uniform(size=(1, 1, 50))
    figures = resampled_mean_average_precision([np.concatenate([table, table, table + 0.25])], resamples=100)
    same = difference(figures[:, 1], figures[:, 0], value=0.0)
    assert (same.low, same.high) == (0, 0)
    gain = difference(figures[:, 2], figures[:, 0], value=0.25)
    np.testing.assert_allclose((gain.low, gain.high), 0.25, rtol=1e-12)


def test_the_same_seed_is_the_same_interval():
    table = np.random.default_rng(4).uniform(size=(2, 2, 20))
    first, again, other = (resampled_mean_average_precision([table], resamples=20, seed=s) for s in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([], r"at least one target.*\[\]"),
        ([np.ones((2, 1, 3)), np.ones((3, 1, 3))], "the same number of methods"),
        ([np.ones((2, 3))], r"shape \(2, 3\)"),
        ([np.full((2, 1, 3), NAN)], "NaN only"),
        ([np.array([[[0.5, NAN]], [[0.5, 0.5]]])], "different queries of methods"),
    ],
)
def test_what_is_no_comparison_is_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        resampled_mean_average_precision(targets)
