"""The fast retrieval metrics are the literal ones, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.evaluation import (
    distances,
    evaluate_embeddings,
    evaluate_queries,
    evaluate_retrieval,
    re_ranking,
    retrieval,
)
from snr_keras.evaluation.distances import distance_rows
from snr_ref.conformance.assertion import assert_conforms
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.running_error import direction, exact, squared_distance
from tests.strategies import RetrievalCase, embeddings, retrieval_cases

EPS64 = 2.0**-52


def same(ours: snr_ref.RetrievalResult, reference: snr_ref.RetrievalResult) -> None:
    np.testing.assert_array_equal(ours.cmc, reference.cmc)
    assert ours[1:] == reference[1:]


@given(retrieval_cases(), st.integers(1, 30))
def test_equal_to_the_reference_to_the_last_bit(case: RetrievalCase, max_rank: int) -> None:
    same(evaluate_retrieval(*case, max_rank=max_rank), snr_ref.evaluate_retrieval(*case, max_rank=max_rank))


@given(retrieval_cases())
def test_by_counting_too(case: RetrievalCase) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "SORTED_BELOW", 0)
        ours = evaluate_retrieval(*case)
    same(ours, snr_ref.evaluate_retrieval(*case))


@given(retrieval_cases(ties=True, max_gallery=40))
def test_among_equal_distances_the_lower_gallery_index_comes_first(case: RetrievalCase) -> None:
    same(evaluate_retrieval(*case), snr_ref.evaluate_retrieval(*case))


@given(retrieval_cases())
def test_without_cameras_only_identity_minus_one_is_junk(case: RetrievalCase) -> None:
    labels = case[:3]
    ours = evaluate_retrieval(*labels, None, None, protocol="no_camera")
    same(ours, snr_ref.evaluate_retrieval(*labels, protocol="no_camera"))


@given(retrieval_cases(max_gallery=40), st.integers(1, 30))
def test_a_gallery_of_one_random_image_of_each_identity(case: RetrievalCase, max_rank: int) -> None:
    arguments = case._asdict() | {"max_rank": max_rank, "protocol": "single_gallery_shot"}
    assert_conforms(evaluate_retrieval(**arguments), "evaluate_retrieval", arguments)


def test_re_ranked_rows_are_those_of_unit_vectors_among_all_queries() -> None:
    draw = Draw("directions whose lengths are exactly 1")
    x, y = draw.directions(6), draw.directions(30)
    re_ranked = np.array(list(distance_rows(2 * x, 4 * y, "re_ranked")))
    np.testing.assert_array_equal(re_ranked, re_ranking(x, y))
    only = np.array([4, 1])
    np.testing.assert_array_equal(np.array(list(distance_rows(2 * x, 4 * y, "re_ranked", only=only))), re_ranked[only])
    cosine = np.array(list(distance_rows(x, y, "cosine")))
    np.testing.assert_allclose(np.array(list(distance_rows(x, y, "cosine", only=only))), cosine[only], atol=1e-15)


def test_rows_are_the_same_in_blocks_and_chunks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 5)).astype(np.float32), rng.normal(size=(11, 5)).astype(np.float32)
    x[2] = y[3] = y[9] = 0
    for distance in ("cosine", "euclidean"):
        whole = np.array([row.copy() for row in distance_rows(x, y, distance)])
        monkeypatch.setattr(distances, "ROWS_BYTES", 3 * 11 * 8)
        monkeypatch.setattr(distances, "CHUNK_BYTES", 4 * 5 * 8)
        parts = np.array([row.copy() for row in distance_rows(x, y, distance)])
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-14)
        monkeypatch.undo()


@given(retrieval_cases(), st.sampled_from([np.float32, np.float16, np.int32]))
def test_distances_of_any_dtype_rank_as_they_are(case: RetrievalCase, dtype: type) -> None:
    case = case._replace(distances=case.distances.astype(dtype))
    same(evaluate_retrieval(*case), snr_ref.evaluate_retrieval(*case))


@given(st.data(), st.sampled_from(["cosine", "euclidean"]))
def test_rows_of_distances_equal_the_reference(data: st.DataObject, distance: str) -> None:
    width = data.draw(st.integers(1, 6))
    x, y = (data.draw(embeddings(data.draw(st.integers(1, 8)), width)) for _ in range(2))
    rows = np.array(list(distance_rows(x, y, distance)))
    rounded_x, rounded_y = exact(x, EPS64), exact(y, EPS64)
    bound = (direction(rounded_x) @ direction(rounded_y).T).error + EPS64
    if distance == "euclidean":
        # |x|^2 + |y|^2 - 2 x.y loses the difference of near duplicates to rounding; the root halves digits.
        bound = np.sqrt(squared_distance(rounded_x[:, np.newaxis], rounded_y).error)
    reference = snr_ref.cosine_distance if distance == "cosine" else snr_ref.euclidean_distance
    assert (np.abs(rows - reference(x, y)) <= bound).all()


@given(retrieval_cases(ties=False), st.sampled_from(["cosine", "euclidean"]))
def test_from_embeddings_as_from_their_distances(case: RetrievalCase, distance: str) -> None:
    rng = np.random.default_rng(len(case.gallery_ids))
    queries, gallery = rng.normal(size=(len(case.query_ids), 5)), rng.normal(size=(len(case.gallery_ids), 5))
    reference = {"cosine": snr_ref.cosine_distance, "euclidean": snr_ref.euclidean_distance}[distance]
    ours = evaluate_embeddings(queries, gallery, *case[1:], distance=distance)
    same(ours, snr_ref.evaluate_retrieval(reference(queries, gallery), *case[1:]))


@given(retrieval_cases())
def test_a_query_s_own_figures_are_those_of_the_reference_asked_for_it_alone(case: RetrievalCase) -> None:
    rng = np.random.default_rng(len(case.gallery_ids))
    queries, gallery = rng.normal(size=(len(case.query_ids), 5)), rng.normal(size=(len(case.gallery_ids), 5))
    figures = evaluate_queries(queries, gallery, *case[1:])
    rows = np.array(list(distance_rows(queries, gallery, "cosine")))
    for q in range(len(queries)):
        alone = (rows[[q]], case.query_ids[[q]], case.gallery_ids, case.query_cameras[[q]], case.gallery_cameras)
        if np.isnan(figures.first_ranks[q]):
            assert np.isnan(figures.average_precisions[q])
            with pytest.raises(ValueError, match="match"):
                snr_ref.evaluate_retrieval(*alone)
            continue
        expected = snr_ref.evaluate_retrieval(*alone, max_rank=len(gallery))
        assert figures.average_precisions[q] == expected.mAP
        assert figures.inverse_penalties[q] == expected.mINP
        assert figures.first_ranks[q] == 1 + np.argmax(expected.cmc)


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
        ({"gallery_cameras": np.array([1, 1])}, 'use `protocol="no_camera"`'),
    ],
)
def test_a_wrong_call_is_refused_with_its_reason_by_both(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_retrieval(*CASE._replace(**change))
    with pytest.raises(ValueError):  # noqa: PT011 - the reference has its own words
        snr_ref.evaluate_retrieval(*CASE._replace(**change))


@pytest.mark.parametrize("options", [{"max_rank": 0}, {"protocol": "cuhk04"}])
def test_unknown_options_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        evaluate_retrieval(*CASE, **options)


@pytest.mark.parametrize(
    ("queries", "gallery", "options", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), {}, r"\(2, 3\).*\(2, 4\)"),
        (np.ones((3, 3)), np.ones((2, 3)), {}, "one embedding per label"),
        (np.ones((2, 3)), np.ones((2, 3)), {"distance": "manhattan"}, "manhattan"),
        (np.ones((2, 3)), np.ones((2, 3)), {"query_files": [1, 2]}, "query_files and gallery_files .* together"),
        (np.ones((2, 3)), np.ones((2, 3)), {"query_files": [1, 2], "gallery_files": [1]}, "one file per identity"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(queries, gallery, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_embeddings(queries, gallery, *CASE[1:], **options)


@pytest.mark.parametrize("distance", ["cosine", "re_ranked"])
@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("complex64", "Received: gallery of dtype complex64$"),
        ("V2", r"dtype \|V2. NumPy saves bfloat16 as such bytes: .*view\(ml_dtypes.bfloat16\)"),
        ("S1", r"Received: gallery of dtype \|S1$"),
    ],
)
def test_embeddings_that_are_no_real_numbers_are_refused(dtype: str, message: str, distance: str) -> None:
    queries, gallery = np.ones((2, 3), np.float32), np.ones((2, 3)).astype("S1").astype(dtype)
    with pytest.raises(ValueError, match=message):
        evaluate_embeddings(queries, gallery, [1, 2], [1, 2], distance=distance, protocol="no_camera")


@pytest.mark.parametrize(("queries", "images"), [(0, 3), (3, 0)])
def test_there_must_be_a_query_and_a_gallery_image(queries, images) -> None:
    with pytest.raises(ValueError, match=f"Received: {queries} queries and {images} gallery images"):
        evaluate_embeddings(
            np.ones((queries, 4)), np.ones((images, 4)), [1] * queries, [1] * images, protocol="no_camera"
        )
