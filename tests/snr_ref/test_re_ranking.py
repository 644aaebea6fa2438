"""k-reciprocal re-ranking: against sets and sums written out, by what it obeys, and where it must refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import re_ranking
from tests.strategies import embeddings

OPTIONS = st.fixed_dictionaries({"k1": st.integers(1, 12), "k2": st.integers(1, 5), "lambda_value": st.floats(0, 1)})


def by_sets(features: np.ndarray, queries: int, k1: int, k2: int, lambda_value: float) -> np.ndarray:
    """The same with Python's sets and dictionaries, and sorted tuples for the ranking."""
    n = len(features)
    squared = [[float(((x - y) ** 2).sum()) for y in features] for x in features]
    d = [[value / (max(row) or 1) for value in row] for row in squared]
    order = [[g for _, g in sorted((value, g) for g, value in enumerate(row))] for row in squared]

    def reciprocal(p: int, k: int) -> set[int]:
        return {g for g in order[p][: k + 1] if p in order[g][: k + 1]}

    encodings: list[dict[int, float]] = []
    for p in range(n):
        R = reciprocal(p, k1)
        halves = [reciprocal(q, round(k1 / 2)) for q in R]
        expanded = R.union(*(half for half in halves if len(half & R) > 2 / 3 * len(half)))
        weights = {g: float(np.exp(-d[p][g])) for g in expanded}
        encodings.append({g: weight / sum(weights.values()) for g, weight in weights.items()})
    if k2 > 1:
        nearest = [order[p][:k2] for p in range(n)]
        encodings = [{g: sum(encodings[q].get(g, 0) for q in near) / len(near) for g in range(n)} for near in nearest]
    result = np.empty((queries, n - queries))
    for q in range(queries):
        for g in range(queries, n):
            common = sum(min(value, encodings[g].get(i, 0)) for i, value in encodings[q].items())
            result[q, g - queries] = (1 - lambda_value) * (1 - common / (2 - common)) + lambda_value * d[q][g]
    return result


@given(st.data(), OPTIONS)
def test_it_is_what_sets_give(data: st.DataObject, options: dict) -> None:
    features = data.draw(embeddings(data.draw(st.integers(2, 16)), data.draw(st.integers(1, 4))))
    queries = data.draw(st.integers(1, len(features) - 1))
    found = re_ranking(features[:queries], features[queries:], **options)
    np.testing.assert_allclose(found, by_sets(features, queries, **options), rtol=0, atol=1e-12)


@given(st.data(), OPTIONS)
def test_scale_and_the_order_of_queries_do_not_matter(data: st.DataObject, options: dict) -> None:
    features = data.draw(embeddings(12, 3, defects=False))
    expected = re_ranking(features[:4], features[4:], **options)
    np.testing.assert_array_equal(re_ranking(4 * features[:4], 4 * features[4:], **options), expected)
    order = [2, 0, 3, 1]
    found = re_ranking(features[order], features[4:], **options)
    np.testing.assert_allclose(found, expected[order], rtol=0, atol=1e-12)


def test_with_lambda_one_it_is_the_distance_over_the_largest_from_the_query() -> None:
    found = re_ranking(np.array([[0.0]]), np.array([[1.0], [2.0], [-4.0]]), lambda_value=1)
    np.testing.assert_array_equal(found, [[1 / 16, 4 / 16, 1]])


def test_neighbours_worked_out_by_hand() -> None:
    """On a line at 0, 1, 3, 7: 0 and 1 are nearest to each other; nearest to 7 is 3, but nearest to 3 is 1."""
    found = re_ranking(np.array([[0.0], [7.0]]), np.array([[1.0], [3.0]]), k1=1, k2=1, lambda_value=0)
    np.testing.assert_allclose(found[1], 1)
    assert 0 < found[0, 0] < found[0, 1] == 1


def test_equal_features_are_at_no_distance_and_fewer_neighbours_than_images_make_no_nan() -> None:
    features = np.ones((6, 3))
    assert np.isfinite(re_ranking(features[:2], features[2:], k1=2)).all()
    np.testing.assert_allclose(re_ranking(features[:2], features[2:], k1=10), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("queries", "gallery", "options", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), {}, r"\(2, 3\) and \(2, 4\)"),
        (np.ones((0, 3)), np.ones((2, 3)), {}, r"\(0, 3\)"),
        (np.ones((1, 3), int), np.ones((2, 3)), {}, "floating-point.*int64"),
        (np.full((1, 3), np.nan), np.ones((2, 3)), {}, "finite"),
        (np.full((1, 3), 1e200), np.ones((2, 3)), {}, "finite"),
        (np.ones((1, 3)), np.ones((2, 3)), {"k1": 0}, "k1"),
        (np.ones((1, 3)), np.ones((2, 3)), {"k2": 1.5}, "k2"),
        (np.ones((1, 3)), np.ones((2, 3)), {"lambda_value": 1.5}, "lambda_value"),
        (np.ones((1, 3)), np.ones((2, 3)), {"lambda_value": True}, "lambda_value"),
    ],
)
def test_bad_input_is_refused_by_name(queries, gallery, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        re_ranking(queries, gallery, **options)
