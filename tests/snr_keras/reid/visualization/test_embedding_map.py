"""t-SNE: what is mapped, who is coloured, and the picture."""

import sys
from pathlib import Path

import numpy as np
import pytest

from snr_keras.reid.visualization import PooledFeatures, StageFeatures, save_embedding_map
from snr_keras.reid.visualization.embedding_map import coloured_people, feature_sets, tsne
from tests.snr_keras.reid.visualization.conftest import is_drawn

RNG = np.random.default_rng(0)


def features(n: int, *, with_snr: bool) -> PooledFeatures:
    f = RNG.normal(size=(n, 4)).astype(np.float32)
    stage = StageFeatures(f, f + 1 if with_snr else None, f if with_snr else None)
    return PooledFeatures(3 * f, {3: stage})


def test_places_are_those_of_the_seed_and_keep_neighbours_together() -> None:
    groups = np.repeat([0, 1], 8)
    points = 20 * groups[:, None] + RNG.normal(size=(16, 3))
    places = tsne(points, seed=1)
    assert places.shape == (16, 2)
    np.testing.assert_array_equal(places, tsne(points, seed=1))
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e9 * np.eye(16)
    assert (groups[distances.argmin(axis=1)] == groups).all()


def test_four_images_are_enough_and_three_are_not() -> None:
    assert np.isfinite(tsne(np.eye(4))).all()
    with pytest.raises(ValueError, match=r"at least 4 rows.*\(3, 3\)"):
        tsne(np.eye(3))


def test_what_is_mapped_of_a_stage_with_snr_and_without() -> None:
    one, two = features(3, with_snr=True), features(2, with_snr=True)
    before, after, embedding = feature_sets([one, two], 3).values()
    np.testing.assert_array_equal(before, np.concatenate([one.stages[3].f, two.stages[3].f]))
    np.testing.assert_array_equal(after, before + 1)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, rtol=1e-6)
    assert len(feature_sets([features(3, with_snr=False)], 3)) == 2
    with pytest.raises(ValueError, match=r"one of \[3\].*stage=2"):
        feature_sets([one], 2)


def test_the_first_people_of_each_domain_with_two_images_have_colours() -> None:
    day, fog = np.array([7, 7, 9, 4, 4, 5, 5]), np.array([4, 4])
    np.testing.assert_array_equal(coloured_people([day, fog], people=4), [0, 0, -1, 1, 1, -1, -1, 2, 2])


@pytest.mark.parametrize("with_snr", [True, False])
def test_it_is_drawn(tmp_path: Path, with_snr: bool) -> None:
    domains = {"day": features(5, with_snr=with_snr), "dusk $x^2": features(4, with_snr=with_snr)}
    identities = {"day": np.array([1, 1, 2, 2, 3]), "dusk $x^2": np.array([1, 1, 5, 6])}
    assert is_drawn(save_embedding_map(domains, identities, tmp_path / "tsne.png"))


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "snr-reid\[visualize\]"'):
        tsne(np.eye(4))
