"""Ranks by float32 products are those of a stable sort of float64 distances, on whatever embeddings."""

import tracemalloc
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.evaluation import evaluate_embeddings, evaluate_queries, keys, ranks
from snr_keras.evaluation.exact import exact_distances
from snr_ref.conformance.assertion import assert_conforms
from tests.strategies import RetrievalCase, generators, retrieval_cases

DISTANCES = ["cosine", "euclidean"]

KINDS = {
    "plain": lambda x, rng: x,
    "grid": lambda x, rng: np.round(x),
    "half": lambda x, rng: x.astype(np.float16),
    "near duplicates": lambda x, rng: x[0] + 1e-9 * x,
    "duplicates": lambda x, rng: x[rng.integers(0, 3, len(x)) % len(x)],
    "far from the origin": lambda x, rng: 1e6 + x,
    "one far off": lambda x, rng: np.concatenate([1e30 * x[:1], x[1:]]),
    "zeros": lambda x, rng: x * rng.integers(0, 2, (len(x), 1)),
    "all zero": lambda x, rng: 0 * x,
    "huge": lambda x, rng: 1e200 * x,
    "tiny": lambda x, rng: 1e-200 * x,
    "of many scales": lambda x, rng: x * 10.0 ** rng.integers(-30, 30, (len(x), 1)),
}


@given(retrieval_cases(max_gallery=60), generators(), st.sampled_from(list(KINDS)), st.data())
def test_ranks_are_those_of_exact_distances(case: RetrievalCase, rng, kind: str, data: st.DataObject) -> None:
    queries, gallery = len(case.query_ids), len(case.gallery_ids)
    width = data.draw(st.integers(1, 20))
    x = KINDS[kind](rng.normal(size=(queries + gallery, width)), rng)
    x = x[rng.permutation(len(x))]
    small = data.draw(st.booleans())
    for distance in DISTANCES:
        with pytest.MonkeyPatch.context() as patch:
            if small:  # chunks, blocks and sums of several products, sorting and counting, equal rows looked for
                for name, value in {"BLOCK": 2, "CHUNK": 11, "QUERIES_BYTES": 20 * width, "TILE": 2, "MANY": 4}.items():
                    patch.setattr(ranks, name, value)
                patch.setattr(keys, "DEPTH", 6)
            ours = evaluate_queries(x[:queries], x[queries:], *case[1:], distance=distance, max_rank=gallery)
        exact = exact_distances(x[:queries, None], x[queries:], distance)
        reference = snr_ref.evaluate_retrieval(exact, *case[1:], max_rank=gallery)
        np.testing.assert_array_equal(ours.result().cmc, reference.cmc)
        assert ours.result()[1:] == reference[1:]


@given(generators(), st.sampled_from(list(KINDS)), st.sampled_from(DISTANCES))
def test_exact_distances_are_those_of_the_reference(rng, kind: str, distance: str) -> None:
    x, y = (KINDS[kind](rng.normal(size=(n, 5)), rng).astype(np.float64) for n in (4, 9))
    y[0] = x[0]
    assert_conforms(exact_distances(x[:, None], y, distance), f"{distance}_distance", {"x": x, "y": y})


@given(generators(), st.sampled_from(list(KINDS)), st.sampled_from(DISTANCES), st.sampled_from([5, 9000]))
def test_the_distance_of_a_pair_is_the_same_wherever_it_stands(rng, kind: str, distance: str, width: int) -> None:
    x = KINDS[kind](rng.normal(size=(9, width)), rng)
    together = exact_distances(x[:, None], x, distance)
    assert (np.diag(together) == 0).all()
    alone = [[exact_distances(x[n : n + 1], x[m : m + 1], distance)[0] for m in range(9)] for n in range(9)]
    np.testing.assert_array_equal(together, alone)


def in_file(where: str, x: np.ndarray, path: Path) -> np.ndarray | h5py.Dataset:
    """The embeddings, left in a file."""
    if where == "a file of NumPy":
        np.save(path, x)
        return np.load(path, mmap_mode="r")
    return h5py.File(path, "w").create_dataset("features", data=x)


@pytest.mark.parametrize("where", ["a file of NumPy", "a dataset of HDF5"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_embeddings_may_stay_in_their_files(tmp_path: Path, where: str, dtype: type) -> None:
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(4, 8)).astype(dtype), rng.normal(size=(50, 8)).astype(dtype)
    labels = ([1, 2, 3, 4], rng.integers(-1, 5, 50))
    there = in_file(where, queries, tmp_path / "queries.npy"), in_file(where, gallery, tmp_path / "gallery.npy")
    for options in ({}, {"distance": "euclidean"}, {"distance": "re_ranked"}):
        expected = evaluate_embeddings(queries, gallery, *labels, protocol="no_camera", **options)
        ours = evaluate_embeddings(*there, *labels, protocol="no_camera", **options)
        np.testing.assert_array_equal(ours.cmc, expected.cmc)
        assert ours[1:] == expected[1:]


@pytest.mark.parametrize("where", ["a file of NumPy", "a dataset of HDF5"])
@pytest.mark.parametrize("larger", ["queries", "gallery"])
def test_embeddings_are_never_copied_whole(tmp_path: Path, monkeypatch, where: str, larger: str) -> None:
    monkeypatch.setattr(ranks, "QUERIES_BYTES", 2**21)
    monkeypatch.setattr(ranks, "CHUNK_BYTES", 2**21)
    for module in (keys, ranks):
        monkeypatch.setattr(module, "ROWS_BYTES", 2**19)
    rng = np.random.default_rng(0)
    ids = {"queries": rng.integers(1, 9, 20), "gallery": rng.integers(1, 9, 20)} | {larger: rng.integers(1, 9, 4000)}
    x = {
        name: in_file(where, rng.random((len(n), 2048), np.float32).astype(np.float16), tmp_path / f"{name}.npy")
        for name, n in ids.items()
    }
    tracemalloc.start()
    evaluate_embeddings(*x.values(), *ids.values(), protocol="no_camera")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x[larger].nbytes


def test_numbers_of_brain_floating_point_are_what_they_are_in_float32() -> None:
    rng = np.random.default_rng(0)
    queries, gallery = (rng.normal(size=(n, 8)).astype(ml_dtypes.bfloat16) for n in (4, 50))
    labels = ([1, 2, 3, 4], rng.integers(-1, 5, 50))
    ours = evaluate_embeddings(queries, gallery, *labels, protocol="no_camera")
    wide = evaluate_embeddings(*(x.astype(np.float32) for x in (queries, gallery)), *labels, protocol="no_camera")
    assert ours[1:] == wide[1:]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_refused_by_their_number(distance: str, value: float) -> None:
    embeddings = {"query": np.ones((3, 4)), "gallery": np.ones((5, 4))}
    for whose in embeddings:
        spoiled = {name: x.copy() for name, x in embeddings.items()}
        spoiled[whose][2, 1] = value
        with pytest.raises(ValueError, match=f"NaN or infinity in {whose} embedding 2"):
            evaluate_embeddings(*spoiled.values(), [1, 1, 1], [1] * 5, protocol="no_camera", distance=distance)
