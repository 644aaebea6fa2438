"""The fast re-ranking has the neighbours of the literal one, ties included, and its distances, whole or row by row."""

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.conformance.adapter import KerasAdapter
from snr_keras.evaluation import (
    evaluate_embedding_verification,
    evaluate_embeddings,
    evaluate_retrieval,
    evaluate_verification,
    nearest,
    re_ranking,
)
from snr_keras.evaluation.distances import distance_rows
from snr_keras.evaluation.nearest import SquaredDistances
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.runner import check
from tests.strategies import embeddings, generators

OPTIONS = st.fixed_dictionaries({"k1": st.integers(1, 25), "k2": st.integers(1, 8), "lambda_value": st.floats(0, 1)})


def allowed(features: np.ndarray) -> float:
    """The rounding of |x|^2 + |y|^2 - 2 x.y, centred, over the smallest of the largest distances; and of 100 terms."""
    features = features.astype(np.float64)
    centred = features - features.mean(0)
    largest = min(((features - x) ** 2).sum(1).max() for x in features)
    relative = 4 * (features.shape[1] + 4) * np.square(centred).sum(1).max() / largest if largest else 0.0
    return relative + 100


@given(st.data(), OPTIONS, st.sampled_from([np.float64, np.float32, np.float16]), st.sampled_from([0.0, 1e4]))
def test_the_distances_are_those_of_the_reference(
    data: st.DataObject, options: dict, dtype: type, offset: float
) -> None:
    features = data.draw(embeddings(data.draw(st.integers(2, 40)), data.draw(st.integers(1, 6)))) + offset
    features = features.astype(dtype)
    queries = data.draw(st.integers(1, len(features) - 1))
    found = re_ranking(features[:queries], features[queries:], **options)
    expected = snr_ref.re_ranking(features[:queries], features[queries:], **options)
    assert found.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed(features) * np.finfo(found.dtype).eps)


@given(
    generators(),
    st.integers(1, 30),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([64, 200, 1024]),
    st.sampled_from([0, 16]),
)
def test_neighbours_are_exact_in_tiles_of_any_size(
    rng: np.random.Generator, k: int, dtype: type, block: int, spare: int
) -> None:
    """Near ties, which rounding orders by chance, and so many duplicates that a list cannot hold all that may count."""
    features = (rng.integers(0, 3, (300, 2)) + rng.normal(size=(300, 2)) * 1e-6).astype(dtype)
    features[rng.integers(300, size=30)] = features[0]
    exact = np.stack([((features.astype(np.float64) - x) ** 2).sum(1) for x in features.astype(np.float64)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "BLOCK", block)
        patch.setattr(nearest, "SPARE", spare)
        distances = SquaredDistances(features)
        for columns in nearest.blocks(slice(7, 300)):
            tile = distances.from_rows(np.arange(5))(columns)
            assert (np.abs(tile - exact[:5, columns]) <= distances.slack[:5, None]).all()
        blocks, looked = [*nearest.blocks(slice(0, 90)), *nearest.blocks(slice(90, 300))], np.zeros((300, 300), int)

        def look(rows: slice, columns: slice, tile: np.ndarray) -> None:
            assert (np.abs(tile - exact[rows, columns]) <= distances.slack[rows, None]).all()
            looked[rows, columns] += 1

        seen = 0
        for rows, found, near, farthest in nearest.nearest_and_farthest(distances, k, blocks, look):
            np.testing.assert_array_equal(found, np.argsort(exact[rows], axis=1, kind="stable")[:, :k])
            np.testing.assert_array_equal(near, np.sort(exact[rows], axis=1)[:, :k])
            np.testing.assert_array_equal(farthest, exact[rows].max(1))
            seen += len(found)
        assert seen == 300
        assert (np.maximum(looked, looked.T) == 1).all()


@given(st.data(), st.sampled_from([np.float64, np.float32, np.float16]), st.sampled_from([3, 1024]))
def test_scores_from_rows_are_those_from_the_matrix(data: st.DataObject, dtype: type, block: int) -> None:
    """Few images and few numbers: ties, duplicates, fewer images than k1, and a gallery of one."""
    features = data.draw(embeddings(data.draw(st.integers(2, 40)), data.draw(st.integers(1, 6)))).astype(dtype)
    queries = data.draw(st.integers(1, len(features) - 1))
    x, y = features[:queries], features[queries:]
    rng = data.draw(generators())
    labels = [
        rng.integers(1, 3, queries),
        rng.integers(1, 3, len(y)),
        rng.integers(2, size=queries),
        np.full(len(y), 2),
    ]
    labels[0][0], labels[1][0] = 1, 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "BLOCK", block)
        matrix = re_ranking(*(z / np.where(z.any(1), np.linalg.norm(z, axis=1), 1)[:, None] for z in (x, y)))
        rows = distance_rows(x, y, "re_ranked")
        for _ in range(2):
            np.testing.assert_array_equal([row.copy() for row in rows], matrix)
        only = rng.integers(queries, size=3)
        np.testing.assert_array_equal([row.copy() for row in distance_rows(x, y, "re_ranked", only=only)], matrix[only])
        ours, expected = evaluate_embeddings(x, y, *labels, distance="re_ranked"), evaluate_retrieval(matrix, *labels)
        np.testing.assert_array_equal(ours.cmc, expected.cmc)
        assert ours[1:] == expected[1:]
        if (labels[0][:, None] != labels[1]).any():
            verified = evaluate_embedding_verification(x, y, *labels, distance="re_ranked")
            for found, wanted in zip(verified, evaluate_verification(matrix, *labels), strict=True):
                np.testing.assert_array_equal(found, wanted)


@pytest.mark.slow
def test_neither_the_result_nor_the_products_are_held() -> None:
    """Scores take less memory than the (Q, G) distances alone, which are a quarter of those of all pairs."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 2500, 4)).astype(np.float32)
    labels = *rng.integers(1, 700, (2, 2500)), np.zeros(2500, int), np.ones(2500, int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "BLOCK", 250)
        tracemalloc.start()
        evaluate_embeddings(x, y, *labels, distance="re_ranked")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < x.itemsize * len(x) * len(y)


@pytest.mark.parametrize(
    ("queries", "gallery", "options", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), {}, r"\(2, 3\).*\(2, 4\)"),
        (np.ones((2, 3)), np.ones((0, 3)), {}, r"\(0, 3\)"),
        (np.ones((1, 3), int), np.ones((2, 3), int), {}, "int64"),
        (np.full((1, 3), np.inf), np.ones((2, 3)), {}, "finite"),
        (np.full((1, 3), 1e20, np.float32), np.ones((2, 3), np.float32), {}, "finite"),
        (np.ones((1, 3)), np.ones((2, 3)), {"k1": 0}, "k1=0"),
        (np.ones((1, 3)), np.ones((2, 3)), {"k2": 1.5}, "k2=1.5"),
        (np.ones((1, 3)), np.ones((2, 3)), {"lambda_value": -0.1}, "lambda_value=-0.1"),
        (np.ones((1, 3)), np.ones((2, 3)), {"lambda_value": True}, "lambda_value=True"),
    ],
)
def test_bad_input_is_refused_by_name(queries, gallery, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        re_ranking(queries, gallery, **options)


def test_a_missing_scipy_is_named_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "snr-reid\[data\]"'):
        re_ranking(np.ones((1, 3)), np.ones((2, 3)))


def test_without_scipy_the_adapter_does_not_provide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    cases = [case for case in catalogue() if case.function == "re_ranking" and case.kind != "refusal"]
    report = check(KerasAdapter("eager"), cases=cases)
    assert {result.outcome for result in report.results} == {"not provided"}
