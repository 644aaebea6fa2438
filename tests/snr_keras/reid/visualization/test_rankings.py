"""Which queries are the worst, and what is ranked for them."""

from dataclasses import replace

import numpy as np
import pytest

from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.targets import EmbeddedDataset
from snr_keras.reid.visualization import Ranking, rankings

# On a line, the gallery at 0, 1, 2, 3 and 4; of identities 1, 2, 1, -1 (junk) and 3.
PLACES = np.arange(5.0)[:, None]
GALLERY = Split(tuple("abcde"), np.array([1, 2, 1, -1, 3]), None)


@pytest.fixture
def embedded(day: ReIDDataset) -> EmbeddedDataset:
    query = Split(tuple("pqrs"), np.array([1, 2, 3, 9]), None)
    return EmbeddedDataset(replace(day, query=query, gallery=GALLERY), np.array([[0.0], [4], [0], [0]]), PLACES)


def listed(ranking: Ranking) -> tuple:
    return ranking.query, round(ranking.average_precision, 3), ranking.first_right, *ranking.nearest, *ranking.right


def test_the_worst_come_first_and_junk_is_not_ranked(embedded: EmbeddedDataset) -> None:
    found = rankings(embedded, worst_first=True, distance="euclidean", top=3)
    assert [listed(ranking) for ranking in found] == [
        (2, 0.25, 4, 0, 1, 2, False, False, False),
        (1, 0.333, 3, 4, 2, 1, False, False, True),
        (0, 0.833, 1, 0, 1, 2, True, False, True),
    ]  # and no row for query 3, which has no match


def test_so_many_as_are_asked_for(embedded: EmbeddedDataset) -> None:
    worst = rankings(embedded, worst_first=True, num_queries=2, distance="euclidean")
    assert [ranking.query for ranking in worst] == [2, 1]
    assert [ranking.query for ranking in rankings(embedded, num_queries=2, distance="euclidean")] == [0, 2]
    assert all(len(ranking.nearest) == 4 for ranking in worst)


def test_of_equally_bad_ones_the_first(day: ReIDDataset) -> None:
    query = Split(tuple("pqr"), np.array([3, 3, 3]), None)
    same = EmbeddedDataset(replace(day, query=query, gallery=GALLERY), np.zeros((3, 1)), PLACES)
    assert [r.query for r in rankings(same, worst_first=True, distance="euclidean", num_queries=2)] == [0, 1]
