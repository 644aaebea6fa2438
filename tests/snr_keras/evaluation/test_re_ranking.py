"""The fast re-ranking has the neighbours of the literal one, ties included, and its distances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.evaluation import nearest, re_ranking
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


@given(generators(), st.integers(1, 30), st.sampled_from([np.float32, np.float64]))
def test_neighbours_are_exact_in_blocks_of_any_size(rng: np.random.Generator, k: int, dtype: type) -> None:
    """Near ties, which rounding orders by chance, among enough images for candidates to be chosen from pairs."""
    features = (rng.integers(0, 3, (600, 2)) + rng.normal(size=(600, 2)) * 1e-6).astype(dtype)
    exact = np.stack([((features.astype(np.float64) - x) ** 2).sum(1) for x in features.astype(np.float64)])
    for rows, distances, slack in nearest.squared_distance_blocks(features):
        assert (np.abs(distances - exact[rows]) <= slack[:, None]).all()
        found, near, farthest = nearest.nearest_and_farthest(features, rows, distances, slack, k)
        np.testing.assert_array_equal(found, np.argsort(exact[rows], axis=1, kind="stable")[:, :k])
        np.testing.assert_array_equal(near, np.sort(exact[rows], axis=1)[:, :k])
        np.testing.assert_array_equal(farthest, exact[rows].max(1))


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
