"""Ranks by float32 products are those of a stable sort of float64 distances, on whatever embeddings."""

from pathlib import Path

import h5py
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
                for name, value in {"CHUNK_BYTES": 44 * width, "COUNTED": 2, "MANY": 4}.items():
                    patch.setattr(ranks, name, value)
                for name, value in {"BLOCK": 2, "DEPTH": 6}.items():
                    patch.setattr(keys, name, value)
            ours = evaluate_queries(x[:queries], x[queries:], *case[1:], distance=distance, max_rank=gallery)
        exact = exact_distances(x[:queries], x[queries:], distance)
        reference = snr_ref.evaluate_retrieval(exact, *case[1:], max_rank=gallery)
        np.testing.assert_array_equal(ours.result().cmc, reference.cmc)
        assert ours.result()[1:] == reference[1:]


@given(generators(), st.sampled_from(list(KINDS)), st.sampled_from(DISTANCES))
def test_exact_distances_are_those_of_the_reference(rng, kind: str, distance: str) -> None:
    x, y = (KINDS[kind](rng.normal(size=(n, 5)), rng).astype(np.float64) for n in (4, 9))
    y[0] = x[0]
    assert_conforms(exact_distances(x, y, distance), f"{distance}_distance", {"x": x, "y": y})


@given(generators(), st.sampled_from(list(KINDS)), st.sampled_from(DISTANCES))
def test_the_distance_of_a_pair_is_the_same_wherever_it_stands(rng, kind: str, distance: str) -> None:
    x = KINDS[kind](rng.normal(size=(9, 5)), rng)
    together = exact_distances(x, x, distance)
    assert (np.diag(together) == 0).all()
    alone = [[exact_distances(x[n : n + 1], x[m : m + 1], distance)[0, 0] for m in range(9)] for n in range(9)]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("where", ["an array in memory", "a file of NumPy", "a dataset of HDF5"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_gallery_may_stay_in_its_file(tmp_path: Path, where: str, dtype: type) -> None:
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(4, 8)).astype(dtype), rng.normal(size=(50, 8)).astype(dtype)
    labels = ([1, 2, 3, 4], rng.integers(-1, 5, 50))
    expected = evaluate_embeddings(queries, gallery, *labels, protocol="no_camera")
    if where == "a file of NumPy":
        np.save(tmp_path / "gallery.npy", gallery)
        gallery = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    elif where == "a dataset of HDF5":
        gallery = h5py.File(tmp_path / "gallery.h5", "w").create_dataset("features", data=gallery)
    ours = evaluate_embeddings(queries, gallery, *labels, protocol="no_camera")
    np.testing.assert_array_equal(ours.cmc, expected.cmc)
    assert ours[1:] == expected[1:]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_refused_by_their_number(distance: str, value: float) -> None:
    embeddings = {"query": np.ones((3, 4)), "gallery": np.ones((5, 4))}
    for whose in embeddings:
        spoiled = {name: x.copy() for name, x in embeddings.items()}
        spoiled[whose][2, 1] = value
        with pytest.raises(ValueError, match=f"NaN or infinity in {whose} embedding 2"):
            evaluate_embeddings(*spoiled.values(), [1, 1, 1], [1] * 5, protocol="no_camera", distance=distance)
