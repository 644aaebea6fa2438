"""CMC, AP, mAP and mINP: by hand, by definition, and under every kind of gallery image."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snr_ref import RetrievalResult, evaluate_retrieval
from tests.strategies import generators, retrieval_cases

PROTOCOLS = st.sampled_from(["market1501", "no_camera"])


def assert_same_result(actual: RetrievalResult, expected: RetrievalResult) -> None:
    np.testing.assert_allclose(actual.cmc, expected.cmc, rtol=1e-12)
    assert actual[1:] == pytest.approx(expected[1:], rel=1e-12)


def by_definition(case, protocol, max_rank):
    """Sorted tuples and exact fractions: precision at every rank at which a match stands."""
    cmc, aps, inps = [Fraction(0)] * max_rank, [], []
    for q, (identity, camera) in enumerate(zip(case.query_ids, case.query_cameras, strict=True)):
        ranked = sorted((distance, g) for g, distance in enumerate(case.distances[q].tolist()))
        hits = []
        for _, g in ranked:
            if case.gallery_ids[g] == -1:
                continue
            if protocol == "market1501" and (case.gallery_ids[g], case.gallery_cameras[g]) == (identity, camera):
                continue
            hits.append(case.gallery_ids[g] == identity)
        if not any(hits):
            continue
        precisions = [Fraction(sum(hits[: i + 1]), i + 1) for i in range(len(hits))]
        aps.append(sum(p for p, hit in zip(precisions, hits, strict=True) if hit) / sum(hits))
        last = max(i + 1 for i, hit in enumerate(hits) if hit)
        inps.append(Fraction(sum(hits), last))
        for k in range(max_rank):
            cmc[k] += any(hits[: k + 1])
    valid = len(aps)
    curve = np.array([float(c / valid) for c in cmc])
    return RetrievalResult(curve, float(sum(aps) / valid), float(sum(inps) / valid), valid)


@given(retrieval_cases(), PROTOCOLS, st.integers(1, 30))
def test_the_metrics_are_their_definitions_in_exact_arithmetic(case, protocol, max_rank):
    actual = evaluate_retrieval(*case, max_rank=max_rank, protocol=protocol)
    assert_same_result(actual, by_definition(case, protocol, max_rank))


def test_a_ranking_worked_out_by_hand():
    """Ranked: stranger, match, own camera (junk), distractor, identity -1 (junk), match. So matches at 2 and 4."""
    result = evaluate_retrieval(
        distances=np.array([[0.6, 0.2, 0.1, 0.5, 0.3, 0.4]]),
        query_ids=[7],
        gallery_ids=[7, 7, 8, -1, 7, 0],
        query_cameras=[1],
        gallery_cameras=[3, 2, 1, 2, 1, 1],
        max_rank=5,
    )
    np.testing.assert_array_equal(result.cmc, [0, 1, 1, 1, 1])
    assert result[1:] == (pytest.approx((1 / 2 + 2 / 4) / 2), pytest.approx(2 / 4), 1)


def test_the_metrics_of_one_ranking():
    """Stranger, match, match, stranger, match."""
    distances, identities = np.arange(5.0)[np.newaxis], [2, 1, 1, 2, 1]
    cmc, mAP, mINP, _ = evaluate_retrieval(distances, [1], identities, None, None, max_rank=7, protocol="no_camera")
    np.testing.assert_array_equal(cmc, [0, 1, 1, 1, 1, 1, 1])
    assert mAP == pytest.approx((1 / 2 + 2 / 3 + 3 / 5) / 3)
    assert mINP == pytest.approx(3 / 5)


@given(retrieval_cases(), PROTOCOLS)
def test_metrics_are_fractions_and_the_curve_rises(case, protocol):
    result = evaluate_retrieval(*case, protocol=protocol)
    assert result.cmc.shape == (50,)
    assert (np.diff(result.cmc) >= 0).all()
    assert 0 <= result.cmc[0] <= result.cmc[-1] <= 1
    assert 0 < result.mINP <= 1
    assert 0 < result.mAP <= 1
    assert 1 <= result.num_valid_queries <= len(case.query_ids)


@given(retrieval_cases(), PROTOCOLS)
def test_a_perfect_ranking_scores_one_throughout(case, protocol):
    same = case.query_ids[:, None] == case.gallery_ids[None]
    result = evaluate_retrieval(np.where(same, 0.0, 1.0), *case[1:], protocol=protocol)
    assert (result.cmc == 1).all()
    assert result.mAP == result.mINP == 1


@given(retrieval_cases(ties=True), PROTOCOLS)
def test_of_equal_distances_the_lower_gallery_index_comes_first(case, protocol):
    """Breaking the ties by hand, by less than the distances differ, changes nothing."""
    broken = case.distances + np.arange(len(case.gallery_ids)) * 1e-6
    assert_same_result(
        evaluate_retrieval(*case, protocol=protocol), evaluate_retrieval(broken, *case[1:], protocol=protocol)
    )


@given(retrieval_cases(ties=False), PROTOCOLS, generators())
def test_without_ties_the_order_of_queries_and_gallery_does_not_matter(case, protocol, rng):
    q, g = rng.permutation(len(case.query_ids)), rng.permutation(len(case.gallery_ids))
    shuffled = (
        case.distances[np.ix_(q, g)],
        case.query_ids[q],
        case.gallery_ids[g],
        case.query_cameras[q],
        case.gallery_cameras[g],
    )
    assert_same_result(evaluate_retrieval(*shuffled, protocol=protocol), evaluate_retrieval(*case, protocol=protocol))


@given(retrieval_cases(), PROTOCOLS)
def test_only_the_order_of_the_distances_counts(case, protocol):
    assert_same_result(
        evaluate_retrieval(np.exp(case.distances / 20) - 5, *case[1:], protocol=protocol),
        evaluate_retrieval(*case, protocol=protocol),
    )


@given(retrieval_cases(max_gallery=9), st.integers(1, 12))
def test_against_one_image_of_each_identity_the_curve_is_the_mean_over_all_draws(case, max_rank):
    """Every draw of one image of each identity (and each distractor) is a gallery; the curve is the mean of theirs."""
    actual = evaluate_retrieval(*case, max_rank=max_rank, protocol="single_gallery_shot")
    curves = []
    for q in range(len(case.query_ids)):
        own_camera = (case.gallery_ids == case.query_ids[q]) & (case.gallery_cameras == case.query_cameras[q])
        there = np.flatnonzero((case.gallery_ids != -1) & ~own_camera)
        people = [[g] for g in there if case.gallery_ids[g] == 0]
        people += [there[case.gallery_ids[there] == i] for i in np.unique(case.gallery_ids[there]) if i != 0]
        if not (case.gallery_ids[there] == case.query_ids[q]).any():
            continue
        draws = [sorted(draw) for draw in product(*people)]
        alone = case.distances[[q]], case.query_ids[[q]], case.query_cameras[[q]]
        of_draws = [
            evaluate_retrieval(
                alone[0][:, d], alone[1], case.gallery_ids[d], alone[2], case.gallery_cameras[d], max_rank=max_rank
            ).cmc
            for d in draws
        ]
        curves.append(np.mean(of_draws, axis=0))
    np.testing.assert_allclose(actual.cmc, np.mean(curves, axis=0), rtol=0, atol=1e-12)
    assert actual[1:] == evaluate_retrieval(*case, max_rank=max_rank)[1:]


def test_a_single_gallery_shot_by_hand():
    """Ranked: other, match, another twice, match; one of the last two strangers is drawn, before the second match."""
    result = evaluate_retrieval(
        np.array([[1.0, 2, 3, 4, 5]]), [1], [2, 1, 3, 3, 1], [0], [1] * 5, max_rank=4, protocol="single_gallery_shot"
    )
    np.testing.assert_allclose(result.cmc, [0, 1 / 2, 1, 1])


def with_gallery_image(case, distances, identity, camera):
    return case._replace(
        distances=np.column_stack([case.distances, distances]),
        gallery_ids=np.append(case.gallery_ids, identity),
        gallery_cameras=np.append(case.gallery_cameras, camera),
    )


@given(retrieval_cases(), PROTOCOLS, generators())
def test_junk_changes_nothing_wherever_it_ranks(case, protocol, rng):
    more = with_gallery_image(case, rng.uniform(-1, 9, len(case.query_ids)), -1, 0)
    assert_same_result(evaluate_retrieval(*more, protocol=protocol), evaluate_retrieval(*case, protocol=protocol))


@given(retrieval_cases())
def test_an_image_of_the_query_in_its_own_camera_is_junk_for_it(case):
    only = case._replace(
        distances=case.distances[:1], query_ids=case.query_ids[:1], query_cameras=case.query_cameras[:1]
    )
    more = with_gallery_image(only, [-1.0], case.query_ids[0], case.query_cameras[0])
    assert_same_result(evaluate_retrieval(*more), evaluate_retrieval(*only))
    found_at_once = evaluate_retrieval(*more, protocol="no_camera")
    assert found_at_once.cmc[0] == 1


@given(retrieval_cases(), PROTOCOLS)
def test_a_distractor_in_front_pushes_every_match_back_and_one_at_the_end_does_nothing(case, protocol):
    expected = evaluate_retrieval(*case, protocol=protocol)
    behind = with_gallery_image(case, np.full(len(case.query_ids), 1e6), 0, 0)
    assert_same_result(evaluate_retrieval(*behind, protocol=protocol), expected)
    front = evaluate_retrieval(*with_gallery_image(case, np.full(len(case.query_ids), -1.0), 0, 0), protocol=protocol)
    assert front.cmc[0] == 0
    np.testing.assert_array_equal(front.cmc[1:], expected.cmc[:-1])
    assert front.mAP < expected.mAP
    assert front.mINP < expected.mINP


@given(retrieval_cases(), PROTOCOLS)
def test_a_query_without_a_match_is_counted_out_of_every_mean(case, protocol):
    stranger = case._replace(
        distances=np.vstack([case.distances, np.zeros(len(case.gallery_ids))]),
        query_ids=np.append(case.query_ids, 10**9),
        query_cameras=np.append(case.query_cameras, 0),
    )
    assert_same_result(evaluate_retrieval(*stranger, protocol=protocol), evaluate_retrieval(*case, protocol=protocol))


@given(retrieval_cases(), generators())
def test_without_cameras_they_are_neither_needed_nor_read(case, rng):
    distances, query_ids, gallery_ids, _, _ = case
    expected = evaluate_retrieval(*case, protocol="no_camera")
    assert_same_result(
        evaluate_retrieval(distances, query_ids, gallery_ids, None, None, protocol="no_camera"), expected
    )
    others = rng.integers(0, 3, len(query_ids)), rng.integers(0, 3, len(gallery_ids))
    assert_same_result(evaluate_retrieval(distances, query_ids, gallery_ids, *others, protocol="no_camera"), expected)


@given(retrieval_cases(), st.integers(1, 40), PROTOCOLS)
def test_a_shorter_curve_is_the_beginning_of_a_longer_one_and_beyond_the_gallery_it_is_flat(case, max_rank, protocol):
    curve = evaluate_retrieval(*case, max_rank=max_rank, protocol=protocol).cmc
    longer = evaluate_retrieval(*case, max_rank=max_rank + 7, protocol=protocol).cmc
    np.testing.assert_array_equal(curve, longer[:max_rank])
    end = len(case.gallery_ids)
    assert (longer[end:] == 1).all()


def test_infinite_distances_rank_last_and_integer_distances_are_distances():
    case = np.array([[np.inf, 1.0, 2.0]]), [1], [1, 2, 3], [0], [1, 1, 1]
    assert evaluate_retrieval(*case).mAP == pytest.approx(1 / 3)
    assert evaluate_retrieval(np.array([[3, 1, 2]]), *case[1:]).mAP == pytest.approx(1 / 3)


D = np.zeros((2, 3))
GOOD = {
    "distances": D,
    "query_ids": [1, 2],
    "gallery_ids": [1, 2, 3],
    "query_cameras": [1, 1],
    "gallery_cameras": [2, 2, 2],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distances": np.full((2, 3), np.nan)}, "Received: 6 NaN, the first between query 0 and gallery image 0"),
        ({"distances": np.zeros(3)}, r"\(Q, G\). Received: dtype float64 with shape \(3,\)"),
        ({"distances": np.zeros((2, 3), complex)}, "real numbers.*Received: dtype complex128"),
        ({"distances": np.zeros((0, 3)), "query_ids": []}, r"a query and a gallery image. Received: shape \(0, 3\)"),
        ({"distances": np.zeros((2, 0)), "gallery_ids": []}, r"a query and a gallery image. Received: shape \(2, 0\)"),
        ({"query_ids": [1, 2, 3]}, r"`query_ids` must have shape \(2,\).*\(2, 3\). Received: shape \(3,\)"),
        ({"gallery_ids": [1, 2]}, r"`gallery_ids` must have shape \(3,\).*Received: shape \(2,\)"),
        ({"query_cameras": [1]}, r"`query_cameras` must have shape \(2,\).*Received: shape \(1,\)"),
        ({"gallery_cameras": [1]}, r"`gallery_cameras` must have shape \(3,\).*Received: shape \(1,\)"),
        ({"query_ids": [1.0, 2.0]}, "`query_ids` must hold integers. Received: dtype float64"),
        ({"query_ids": [1, -1]}, r"-1 \(junk\) or 0.*Received: 1 such queries, the first at index 1 with identity -1"),
        ({"query_ids": [0, 0]}, "Received: 2 such queries, the first at index 0 with identity 0"),
        ({"protocol": "cuhk03"}, "`protocol` must be one of.*Received: 'cuhk03'"),
        ({"max_rank": 0}, "`max_rank`.*Received: 0"),
        ({"max_rank": 2.5}, "`max_rank`.*Received: 2.5"),
        ({"query_cameras": None}, 'use protocol="no_camera". Received: None'),
        ({"gallery_cameras": None}, 'use protocol="no_camera". Received:.*None'),
    ],
)
def test_what_cannot_be_evaluated_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        evaluate_retrieval(**(GOOD | change))


@pytest.mark.parametrize("protocol", ["market1501", "no_camera"])
def test_when_no_identity_occurs_in_the_gallery_the_error_says_so(protocol):
    with pytest.raises(ValueError, match=r"no query identity occurs in the gallery.*Received: 2 queries and 3 gallery"):
        evaluate_retrieval(**(GOOD | {"gallery_ids": [5, -1, 0]}), protocol=protocol)


def test_when_every_match_is_in_the_own_camera_the_error_names_the_protocol_that_works():
    case = GOOD | {"gallery_cameras": [1, 1, 1]}
    with pytest.raises(ValueError, match=r'own camera.*use protocol="no_camera".*Received: 2 queries'):
        evaluate_retrieval(**case)
    assert evaluate_retrieval(**case, protocol="no_camera").num_valid_queries == 2


def without_image(case, gallery_image):
    return case._replace(
        distances=np.delete(case.distances, gallery_image, axis=1),
        gallery_ids=np.delete(case.gallery_ids, gallery_image),
        gallery_cameras=np.delete(case.gallery_cameras, gallery_image),
    )


@given(retrieval_cases(max_queries=1), PROTOCOLS, st.data())
def test_the_query_s_own_file_is_as_if_it_were_not_in_the_gallery(case, protocol, data):
    itself = data.draw(st.integers(0, len(case.gallery_ids) - 1))
    files = {"query_files": [itself], "gallery_files": np.arange(len(case.gallery_ids))}
    try:
        expected = evaluate_retrieval(*without_image(case, itself), protocol=protocol)
    except ValueError:
        with pytest.raises(ValueError, match="At least one query must have a match"):
            evaluate_retrieval(*case, protocol=protocol, **files)
    else:
        assert_same_result(evaluate_retrieval(*case, protocol=protocol, **files), expected)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"query_files": [1, 2]}, "`query_files` and `gallery_files` must be given together"),
        ({"query_files": [1], "gallery_files": [1, 2, 3]}, r"`query_files` must have shape \(2,\)"),
        ({"query_files": [1, 2], "gallery_files": ["a", "b", "c"]}, "`gallery_files` must hold integers"),
        ({"query_files": [1, 2], "gallery_files": [1, 2, 3], "protocol": "no_camera"}, "is the query's own file"),
    ],
)
def test_numbers_of_files_are_checked(files, message):
    with pytest.raises(ValueError, match=message):
        evaluate_retrieval(**(GOOD | files))
