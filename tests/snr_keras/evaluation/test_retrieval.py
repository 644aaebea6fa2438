"""The fast retrieval metrics are the literal ones, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.evaluation import average_precisions, evaluate_embeddings, evaluate_retrieval
from snr_keras.evaluation.distances import distance_rows
from tests.strategies import RetrievalCase, embeddings, retrieval_cases
from tests.tolerances import cosine_bound, sum_bound


def same(ours: snr_ref.RetrievalResult, reference: snr_ref.RetrievalResult) -> None:
    np.testing.assert_array_equal(ours.cmc, reference.cmc)
    assert ours[1:] == reference[1:]


@given(retrieval_cases(), st.integers(1, 30))
def test_equal_to_the_reference_to_the_last_bit(case: RetrievalCase, max_rank: int) -> None:
    same(evaluate_retrieval(*case, max_rank=max_rank), snr_ref.evaluate_retrieval(*case, max_rank=max_rank))


@given(retrieval_cases(ties=True, max_gallery=40))
def test_among_equal_distances_the_lower_gallery_index_comes_first(case: RetrievalCase) -> None:
    same(evaluate_retrieval(*case), snr_ref.evaluate_retrieval(*case))


@given(retrieval_cases())
def test_without_cameras_only_identity_minus_one_is_junk(case: RetrievalCase) -> None:
    labels = case[:3]
    ours = evaluate_retrieval(*labels, None, None, protocol="no_camera")
    same(ours, snr_ref.evaluate_retrieval(*labels, protocol="no_camera"))


@given(retrieval_cases(), st.sampled_from([np.float32, np.float16, np.int32]))
def test_distances_of_any_dtype_rank_as_they_are(case: RetrievalCase, dtype: type) -> None:
    case = case._replace(distances=case.distances.astype(dtype))
    same(evaluate_retrieval(*case), snr_ref.evaluate_retrieval(*case))


@given(st.data(), st.sampled_from(["cosine", "euclidean"]))
def test_rows_of_distances_equal_the_reference(data: st.DataObject, distance: str) -> None:
    width = data.draw(st.integers(1, 6))
    x, y = (data.draw(embeddings(data.draw(st.integers(1, 8)), width)) for _ in range(2))
    rows = np.array(list(distance_rows(x, y, distance)))
    bound = cosine_bound(width)
    if distance == "euclidean":
        # |x|^2 + |y|^2 - 2 x.y loses the difference of near duplicates to rounding; the root halves digits.
        bound = np.sqrt(sum_bound(3 * width, np.square(np.concatenate([x, y])).max()))
    reference = snr_ref.cosine_distance if distance == "cosine" else snr_ref.euclidean_distance
    np.testing.assert_allclose(rows, reference(x, y), rtol=0, atol=bound)


@given(retrieval_cases(ties=False), st.sampled_from(["cosine", "euclidean"]))
def test_from_embeddings_as_from_their_distances(case: RetrievalCase, distance: str) -> None:
    rng = np.random.default_rng(len(case.gallery_ids))
    queries, gallery = rng.normal(size=(len(case.query_ids), 5)), rng.normal(size=(len(case.gallery_ids), 5))
    reference = {"cosine": snr_ref.cosine_distance, "euclidean": snr_ref.euclidean_distance}[distance]
    ours = evaluate_embeddings(queries, gallery, *case[1:], distance=distance)
    same(ours, snr_ref.evaluate_retrieval(reference(queries, gallery), *case[1:]))


@given(retrieval_cases(ties=False))
def test_map_is_the_mean_of_the_average_precisions_of_queries_with_a_match(case: RetrievalCase) -> None:
    rng = np.random.default_rng(len(case.gallery_ids))
    queries, gallery = rng.normal(size=(len(case.query_ids), 5)), rng.normal(size=(len(case.gallery_ids), 5))
    precisions = average_precisions(queries, gallery, *case[1:])
    assert precisions.shape == case.query_ids.shape
    result = evaluate_embeddings(queries, gallery, *case[1:])
    assert np.isfinite(precisions).sum() == result.num_valid_queries
    assert np.mean(precisions[np.isfinite(precisions)]) == result.mAP


def test_the_average_precision_of_a_query_by_hand() -> None:
    queries, gallery = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[4.0, 0], [4, 1], [4, 2], [4, 3]])
    matches_at_ranks_2_and_4_and_none = average_precisions(
        queries, gallery, [1, 2], [5, 1, 5, 1], protocol="no_camera", distance="cosine"
    )
    np.testing.assert_array_equal(matches_at_ranks_2_and_4_and_none, [0.5, np.nan])


CASE = RetrievalCase(np.eye(2), np.array([1, 2]), np.array([1, 2]), np.array([1, 1]), np.array([2, 2]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distances": np.eye(3)}, r"\(2, 2\).*\(3, 3\)"),
        ({"distances": np.full((2, 2), np.nan)}, "NaN"),
        ({"query_ids": np.array([1, 0])}, "distractor"),
        ({"query_ids": np.array([-1, 1])}, "junk"),
        ({"query_ids": np.array([1.0, 2.0])}, "integers"),
        ({"query_cameras": np.array([1])}, "query_cameras"),
        ({"gallery_cameras": None}, "no_camera"),
        ({"gallery_ids": np.array([3, 4])}, "occurs in the gallery"),
        ({"gallery_cameras": np.array([1, 1])}, "--protocol no_camera"),
    ],
)
def test_a_wrong_call_is_refused_with_its_reason_by_both(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_retrieval(*CASE._replace(**change))
    with pytest.raises(ValueError):  # noqa: PT011 - the reference has its own words
        snr_ref.evaluate_retrieval(*CASE._replace(**change))


@pytest.mark.parametrize("options", [{"max_rank": 0}, {"protocol": "cuhk03"}])
def test_unknown_options_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        evaluate_retrieval(*CASE, **options)


@pytest.mark.parametrize(
    ("queries", "gallery", "options", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), {}, r"\(2, 3\).*\(2, 4\)"),
        (np.ones((3, 3)), np.ones((2, 3)), {}, "one embedding a label"),
        (np.ones((2, 3)), np.ones((2, 3)), {"distance": "manhattan"}, "manhattan"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(queries, gallery, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_embeddings(queries, gallery, *CASE[1:], **options)
