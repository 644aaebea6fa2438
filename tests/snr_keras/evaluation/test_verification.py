"""Verification in two passes is that of a sort of all pairs, to the last bit."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.evaluation import evaluate_embedding_verification, evaluate_verification, verification
from snr_keras.evaluation.distances import distance_rows
from tests.strategies import RetrievalCase, retrieval_cases

RATES = st.lists(st.sampled_from([0.0, 1e-4, 0.1, 0.29, 1 / 3, 0.5, 0.99, 1.0]), min_size=1, max_size=4)


def same(ours: snr_ref.VerificationResult, reference: snr_ref.VerificationResult) -> None:
    for name in reference._fields:
        np.testing.assert_array_equal(getattr(ours, name), getattr(reference, name), err_msg=name)


def has_both(case: RetrievalCase) -> bool:
    """Whether there are pairs of one person and of two; a case always has one of the first."""
    others = (case.query_ids[:, None] != case.gallery_ids) & (case.gallery_ids != -1)
    return bool(others.any())


@given(retrieval_cases(max_gallery=40).filter(has_both), RATES, st.sampled_from([1, 2, 7, 2**16]))
def test_equal_to_the_reference_to_the_last_bit(case: RetrievalCase, rates: Sequence[float], narrow: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "NARROW", narrow)
        ours = evaluate_verification(*case, false_positive_rates=rates)
    same(ours, snr_ref.evaluate_verification(*case, false_positive_rates=rates))


@given(retrieval_cases().filter(has_both), st.sampled_from([np.float32, np.float16, np.int32]))
def test_distances_of_any_dtype(case: RetrievalCase, dtype: type) -> None:
    case = case._replace(distances=case.distances.astype(dtype))
    same(evaluate_verification(*case), snr_ref.evaluate_verification(*case))


@given(retrieval_cases().filter(has_both), st.sampled_from(["cosine", "euclidean"]), st.sampled_from([1.0, 1e6]))
def test_from_embeddings_as_from_their_distances(case: RetrievalCase, distance: str, mean: float) -> None:
    rng = np.random.default_rng(len(case.gallery_ids))
    queries, gallery = (rng.normal(mean, size=(len(ids), 5)) for ids in (case.query_ids, case.gallery_ids))
    rows = np.array(list(distance_rows(queries, gallery, distance)))
    ours = evaluate_embedding_verification(queries, gallery, *case[1:], distance=distance)
    same(ours, snr_ref.evaluate_verification(rows, *case[1:]))


CASE = RetrievalCase(np.eye(2), np.array([1, 2]), np.array([1, 2]), np.array([1, 1]), np.array([2, 2]))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"distances": np.eye(3)}, {}, r"\(3, 3\)"),
        ({"distances": np.full((2, 2), np.nan)}, {}, "NaN"),
        ({"distances": np.array([[0, np.inf], [1, 0]])}, {}, "inf"),
        ({"distances": np.array([[-1e308, 1e308], [1, 0]])}, {}, "1e.308"),
        ({"gallery_ids": np.array([3, 4])}, {}, "0 pairs of one person"),
        ({"gallery_ids": np.array([1, 1]), "query_ids": np.array([1, 1])}, {}, "0 of two"),
        ({}, {"false_positive_rates": [0.1, 1.5]}, "1.5"),
        ({}, {"false_positive_rates": []}, "Received"),
        ({}, {"protocol": "cuhk04"}, "cuhk04"),
    ],
)
def test_a_wrong_call_is_refused_by_both(change: dict, options: dict, message: str) -> None:
    for evaluate in (evaluate_verification, snr_ref.evaluate_verification):
        with pytest.raises(ValueError, match=message):
            evaluate(*CASE._replace(**change), **options)
