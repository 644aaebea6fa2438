"""The progress of an evaluation is reported from start to end."""

from typing import Any

import numpy as np
import pytest

from snr_keras.evaluation import evaluate_embedding_verification, evaluate_embeddings, nearest, ranks, re_ranking

RNG = np.random.default_rng(0)
PEOPLE, WIDTH = np.repeat(np.arange(1, 6), 4), 8
QUERIES, GALLERY = RNG.normal(size=(20, WIDTH)), RNG.normal(size=(60, WIDTH))
LABELS: dict[str, Any] = {
    "query_ids": PEOPLE,
    "gallery_ids": np.concatenate([np.full(30, -1), np.tile(PEOPLE, 2)[:30]]),  # junk first, in chunks of its own
    "query_cameras": np.zeros(20, int),
    "gallery_cameras": np.ones(60, int),
}
ROWS = 2 * 80 + 20  # of re-ranking: every image twice, every query once


@pytest.fixture
def small_blocks(monkeypatch) -> None:
    """Blocks of so few that there are several of everything."""
    monkeypatch.setattr(ranks, "CHUNK", 7)
    monkeypatch.setattr(ranks, "BLOCK", 4)
    monkeypatch.setattr(nearest, "BLOCK", 16)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("how", "total"),
    [
        ({}, 20),
        ({"distance": "euclidean"}, 20),
        ({"protocol": "single_gallery_shot"}, 20),
        ({"distance": "re_ranked"}, ROWS),
    ],
)
def test_of_figures_from_embeddings(how: dict[str, str], total: int) -> None:
    said: list[tuple[int, int]] = []
    result = evaluate_embeddings(QUERIES, GALLERY, **LABELS, **how, progress=lambda *numbers: said.append(numbers))
    check(said, total)
    assert result.mAP == evaluate_embeddings(QUERIES, GALLERY, **LABELS, **how).mAP


@pytest.mark.usefixtures("small_blocks")
def test_of_re_ranking() -> None:
    said: list[tuple[int, int]] = []
    re_ranking(QUERIES, GALLERY, progress=lambda *numbers: said.append(numbers))
    check(said, ROWS)
    assert [done for done, _ in said[:5]] == [16, 20, 36, 52, 68]  # blocks of queries and of images, then single ones


def test_of_verification() -> None:
    said: list[tuple[int, int]] = []
    evaluate_embedding_verification(QUERIES, GALLERY, **LABELS, progress=lambda *numbers: said.append(numbers))
    assert said == [(done, 40) for done in range(1, 41)]


def check(said: list[tuple[int, int]], total: int) -> None:
    """Asserts that it rises, in more than a few steps, to the end."""
    numbers = [done for done, _ in said]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= 10
    assert said[-1] == (total, total)
    assert {in_all for _, in_all in said} == {total}
