"""A query that is in the gallery too finds everything but itself."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.evaluation import evaluate_retrieval, evaluate_verification
from snr_keras.evaluation.distances import distance_rows
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.user_list import read_list
from snr_keras.reid.targets import EmbeddedDataset, check_target, score, verify
from snr_keras.reid.visualization import rankings
from tests.snr_keras.reid.data.folders import write
from tests.strategies import RetrievalCase, retrieval_cases

PROTOCOLS = st.sampled_from(["market1501", "no_camera", "single_gallery_shot"])


def result_or_refusal(evaluate, case: RetrievalCase, **options) -> object:
    try:
        return [np.asarray(value).tolist() for value in evaluate(*case, **options)]
    except ValueError:
        return "refused"


@pytest.mark.parametrize("function", ["evaluate_retrieval", "evaluate_verification"])
@given(case=retrieval_cases(max_gallery=40), protocol=PROTOCOLS, data=st.data())
def test_figures_are_the_reference_s_to_the_last_bit(function, case, protocol, data) -> None:
    numbers = st.integers(0, 12)  # of so few files that some of the gallery are one, and some are several queries
    files = {
        name: np.array(data.draw(st.lists(numbers, min_size=len(ids), max_size=len(ids))))
        for name, ids in (("query_files", case.query_ids), ("gallery_files", case.gallery_ids))
    }
    ours = {"evaluate_retrieval": evaluate_retrieval, "evaluate_verification": evaluate_verification}[function]
    found, expected = (
        result_or_refusal(evaluate, case, protocol=protocol, **files) for evaluate in (ours, getattr(snr_ref, function))
    )
    if protocol == "single_gallery_shot" and function == "evaluate_retrieval" and expected != "refused":
        np.testing.assert_allclose(found.pop(0), expected.pop(0), atol=1e-13)  # sums of products in another order
    assert found == expected


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """Five people with four images each, and other names for some of these files."""
    folder = write(tmp_path_factory.mktemp("people"), [f"{i}_{k}.jpg" for i in range(1, 6) for k in range(4)])
    (folder / "link.jpg").symlink_to("1_0.jpg")
    os.link(folder / "2_0.jpg", folder / "hard.jpg")
    (folder / "elsewhere").symlink_to(folder, target_is_directory=True)
    return folder


@pytest.fixture(scope="module")
def dataset(people: Path) -> ReIDDataset:
    """Five queries that are gallery images, under whatever names, and one that is none."""
    gallery = [(f"{i}_{k}.jpg", i, None) for i in range(1, 6) for k in range(4) if (i, k) != (5, 3)]
    query = [("link.jpg", 1), ("hard.jpg", 2), ("elsewhere/3_0.jpg", 3), ("4_0.jpg", 4), ("5_0.jpg", 4), ("5_3.jpg", 5)]
    return read_list(query=[(*row, None) for row in query], gallery=gallery, name="people", root=people)


@pytest.fixture(scope="module")
def embedded(dataset: ReIDDataset) -> EmbeddedDataset:
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(19, 3)).astype(np.float32)
    same = [0, 4, 8, 12, 16]
    return EmbeddedDataset(dataset, np.concatenate([gallery[same], rng.normal(size=(1, 3))]).astype("f4"), gallery)


ITSELF = (0, 4, 8, 12, 16, None)  # the gallery index of each query


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "re_ranked"])
def test_a_query_is_left_out_of_its_own_ranking_under_whatever_name(embedded: EmbeddedDataset, distance: str) -> None:
    rows = np.array([row.copy() for row in distance_rows(embedded.query, embedded.gallery, distance)])
    query, gallery = embedded.dataset.query, embedded.dataset.gallery
    alone = []
    for q, itself in enumerate(ITSELF):
        left = [g for g in range(len(gallery)) if g != itself]
        alone.append(
            snr_ref.evaluate_retrieval(
                rows[q : q + 1, left], query.identities[q : q + 1], gallery.identities[left], protocol="no_camera"
            )
        )
    result = score(embedded, distance=distance)
    assert result.mAP == pytest.approx(np.mean([one.mAP for one in alone]), rel=1e-12)
    assert result.rank(1) == pytest.approx(np.mean([one.cmc[0] for one in alone]), rel=1e-12)
    assert result.mAP < 0.9
    assert result.num_queries_in_gallery == 5
    for ranking in rankings(embedded, distance=distance, top=100):
        assert ITSELF[ranking.query] not in ranking.nearest
        assert len(ranking.nearest) == (19 if ranking.query == 5 else 18)


def test_an_image_makes_no_pair_with_itself(embedded: EmbeddedDataset) -> None:
    result = verify(embedded)
    assert result.same_counts.sum() == 3 + 3 + 3 + 3 + 4 + 3  # the fifth query is said to show the fourth person
    assert result.different_counts.sum() == 15 + 15 + 15 + 15 + 14 + 16
    assert result.bin_edges[0] > 1e-6


def test_a_test_of_nothing_but_itself_is_refused(people: Path) -> None:
    rows = [(f"{i}_0.jpg", i, None) for i in range(1, 6)]
    with pytest.raises(ValueError, match=r"itself: No query has a valid match: .* is the query's own file"):
        check_target(read_list(query=rows, gallery=rows, name="itself", root=people))
