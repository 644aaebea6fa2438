"""Rates, thresholds and histograms: by counting pairs one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import evaluate_verification
from tests.strategies import RetrievalCase, retrieval_cases

PROTOCOLS = st.sampled_from(["market1501", "no_camera", "single_gallery_shot"])


def pairs_of(case: RetrievalCase, protocol: str) -> tuple[list[float], list[float]]:
    """Distances of the pairs of one person and of two, one pair after the other."""
    same, different = [], []
    for q, (identity, camera) in enumerate(zip(case.query_ids, case.query_cameras, strict=True)):
        for g, distance in enumerate(case.distances[q].tolist()):
            if case.gallery_ids[g] == -1:
                continue
            if case.gallery_ids[g] != identity:
                different.append(distance)
            elif protocol == "no_camera" or case.gallery_cameras[g] != camera:
                same.append(distance)
    return same, different


def share(distances: list[float], threshold: float) -> float:
    return sum(distance < threshold for distance in distances) / len(distances)


@given(retrieval_cases(), PROTOCOLS, st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_the_figures_are_shares_of_pairs_below_their_thresholds(case, protocol, rates):
    same, different = pairs_of(case, protocol)
    if not different:
        return
    result = evaluate_verification(*case, protocol=protocol, false_positive_rates=rates)
    candidates = [*same, *different, np.inf]
    for rate, found, threshold in zip(rates, result.true_positive_rates, result.thresholds, strict=True):
        assert threshold == max(t for t in candidates if share(different, t) <= rate)
        assert found == share(same, threshold)
    equal = min(t for t in candidates if share(different, t) >= 1 - share(same, t) - 1e-12)
    assert result.equal_error_threshold == equal
    assert result.equal_error_rate == pytest.approx((share(different, equal) + 1 - share(same, equal)) / 2)
    assert result.same_counts.sum() == len(same)
    assert result.different_counts.sum() == len(different)
    assert (result.bin_edges[0], result.bin_edges[-1]) == (min(candidates), max(same + different))


def test_the_edges_are_the_smallest_and_the_largest_distance_to_the_bit():
    """Not what rounding makes of the smallest plus their difference."""
    smallest, largest = 2 / 7, 11 / 7
    assert smallest + (largest - smallest) != largest
    result = evaluate_verification(np.array([[smallest, largest]]), [1], [1, 2], protocol="no_camera")
    assert (result.bin_edges[0], result.bin_edges[-1]) == (smallest, largest)


def test_a_histogram_by_hand():
    """From 0 to 128 the bins are one wide: an edge belongs to the bin above it, the largest to the last."""
    distances = np.array([[0.0, 0.5, 1.0, 127.5, 128.0]])
    result = evaluate_verification(distances, [1], [1, 1, 2, 2, 2], protocol="no_camera")
    assert np.flatnonzero(result.same_counts).tolist() == [0]
    assert result.same_counts[0] == 2
    assert np.flatnonzero(result.different_counts).tolist() == [1, 127]
    assert result.different_counts[127] == 2
    np.testing.assert_array_equal(result.bin_edges, np.arange(129))


def test_thresholds_by_hand():
    """Pairs of one person at 1, 2, 5 and of two at 3, 4, 6, 7: at 4 a quarter is taken wrongly, at 5 a half."""
    result = evaluate_verification(
        np.array([[1.0, 2, 5, 3, 4, 6, 7]]), [1], [1, 1, 1, 2, 2, 3, 0], protocol="no_camera",
        false_positive_rates=[0, 0.25, 0.3, 0.5, 1],
    )  # fmt: skip
    assert result.thresholds.tolist() == [3, 4, 4, 6, np.inf]
    np.testing.assert_allclose(result.true_positive_rates, [2 / 3, 2 / 3, 2 / 3, 1, 1])
    assert result.equal_error_threshold == 5  # a half against a third; at 4 a quarter against a third
    assert result.equal_error_rate == pytest.approx((1 / 2 + 1 / 3) / 2)


@given(retrieval_cases(ties=True))
def test_equal_distances_are_all_below_a_threshold_or_none(case):
    one_distance = case._replace(distances=np.ones_like(case.distances))
    if not pairs_of(case, "market1501")[1]:
        return
    result = evaluate_verification(*one_distance)
    np.testing.assert_array_equal(result.thresholds, 1)
    np.testing.assert_array_equal(result.true_positive_rates, 0)
    assert (result.equal_error_threshold, result.equal_error_rate) == (np.inf, 0.5)
    assert result.bin_edges.tolist() == [1] * 129
