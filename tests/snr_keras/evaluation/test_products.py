"""Products by way of the backend, which take place on its GPU; here its CPU stands in for one."""

import keras
import numpy as np
import pytest

from snr_keras.evaluation import evaluate_embeddings, products, re_ranking

pytestmark = pytest.mark.skipif(keras.backend.backend() == "jax", reason="float64 takes jax_enable_x64")


@pytest.fixture
def on_gpu(monkeypatch) -> list[str]:
    """Takes products the way of a GPU, and notes that it was gone."""
    taken: list[str] = []
    monkeypatch.setattr(products, "on_cpu", lambda: taken.append("product") or False)
    return taken


def market(dtype: str) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(30, 16)).astype(dtype), rng.normal(size=(200, 16)).astype(dtype)
    gallery[:30] = queries  # duplicates: distances of 0, and ties
    labels = rng.integers(1, 6, 30), rng.integers(0, 6, 200), rng.integers(1, 3, 30), rng.integers(1, 3, 200)
    return queries, gallery, *labels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_are_those_of_float64_rounded_once(on_gpu, dtype) -> None:
    x, y, *_ = market(dtype)
    out = np.empty((30, 210), dtype)[:, 10:]  # a part of a larger buffer
    products.multiply(x, y, out)
    exact = x.astype("float64") @ y.astype("float64").T
    # Sums of 16 products in any order, and one rounding to the dtype.
    lengths = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)
    bound = 2 * 16 * np.finfo("float64").eps * lengths + np.finfo(dtype).eps * np.abs(exact)
    assert on_gpu
    assert np.all(np.abs(out - exact) <= bound)


def test_figures_and_distances_are_what_they_are_without_it(request) -> None:
    queries, gallery, *labels = market("float32")
    figures, distances = evaluate_embeddings(queries, gallery, *labels), re_ranking(queries, gallery)
    taken = request.getfixturevalue("on_gpu")
    there = evaluate_embeddings(queries, gallery, *labels)
    assert (there.mAP, there.mINP) == (figures.mAP, figures.mINP)
    np.testing.assert_array_equal(there.cmc, figures.cmc)
    # The same neighbours, so the same encodings; the squared distances that are mixed in are rounded otherwise.
    np.testing.assert_allclose(re_ranking(queries, gallery), distances, atol=20 * np.finfo("float32").eps)
    assert len(taken) > 1


def test_half_the_digits_on_the_way_are_no_way(monkeypatch) -> None:
    """A backend that makes float32 of float64, as JAX does, is not asked."""
    monkeypatch.setattr(products, "on_cpu", lambda: False)
    monkeypatch.setattr(keras.backend, "standardize_dtype", lambda dtype: "float32")
    monkeypatch.setattr(products.ops, "matmul", lambda *args: pytest.fail("was asked"))
    x, y, *_ = market("float64")
    out = np.empty((30, 200))
    products.multiply(x, y, out)
    np.testing.assert_array_equal(out, x @ y.T)
