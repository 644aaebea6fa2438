"""What is told of the inside of a network is what the specification makes of it."""

import keras
import numpy as np
import pytest

import snr_ref
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.pipeline import evaluation_batches
from snr_keras.reid.visualization import activation_maps, pooled_features, stages
from tests.snr_keras.reid.visualization.conftest import SIZE, untrained

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32 against float64, of numbers about 1


def output_of(model: keras.Model, layer: str, images: Split) -> np.ndarray:
    (batch,) = evaluation_batches(images, image_size=SIZE, batch_size=len(images))
    return np.asarray(keras.Model(model.input, model.get_layer(layer).output)(batch, training=False), np.float64)


def specified(model: keras.Model, stage: int, F: np.ndarray) -> snr_ref.SNROutputs:
    layer = model.get_layer(f"stage{stage}_snr")
    gamma, beta, w1, w2 = (np.asarray(w, np.float64) for w in (layer.gamma, layer.beta, layer.w1, layer.w2))
    return snr_ref.snr(F, snr_ref.SNRParams(gamma, beta, w1, w2))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch) -> None:
    monkeypatch.setattr(stages, "BATCH", 2)


def test_vectors_of_a_stage_are_those_of_the_specification(with_snr: keras.Model, few: Split) -> None:
    moved = []
    found = pooled_features(with_snr, few, progress=lambda done, total: moved.append((done, total)))
    assert moved == [(2, 5), (4, 5), (5, 5)]
    assert list(found.stages) == [1, 2, 3, 4]
    for stage in (2, 3):
        F = output_of(with_snr, f"stage{stage}_out", few)
        expected = specified(with_snr, stage, F)
        assert np.ptp(expected.a) > 0.1
        np.testing.assert_allclose(found.stages[stage].f, F.mean(axis=(1, 2)), **CLOSE)
        np.testing.assert_allclose(found.stages[stage].f_plus, expected.f_plus, **CLOSE)
        np.testing.assert_allclose(found.stages[stage].a, expected.a, **CLOSE)
    np.testing.assert_allclose(found.embedding, output_of(with_snr, "embedding", few), **CLOSE)


def test_maps_are_means_of_absolute_values_over_the_channels(with_snr: keras.Model, few: Split) -> None:
    maps = activation_maps(with_snr, few)
    assert {stage: list(of) for stage, of in maps.items()} == {
        1: ["F"],
        2: ["F", "F_tilde", "F_plus", "F_minus"],
        3: ["F", "F_tilde", "F_plus", "F_minus"],
        4: ["F"],
    }
    F = output_of(with_snr, "stage3_out", few)
    expected = specified(with_snr, 3, F)._asdict() | {"F": F}
    for name, values in maps[3].items():
        assert values.shape == F.shape[:3]
        np.testing.assert_allclose(values, np.abs(expected[name]).mean(axis=-1), **CLOSE)


def test_without_snr_there_is_f_alone_taken_before_an_instance_norm(few: Split) -> None:
    model = untrained("in")
    found = pooled_features(model, few)
    assert all(stage.f_plus is None and stage.a is None for stage in found.stages.values())
    F = output_of(model, "stage1_out", few)
    np.testing.assert_allclose(found.stages[1].f, F.mean(axis=(1, 2)), **CLOSE)
    np.testing.assert_allclose(activation_maps(model, few)[1]["F"], np.abs(F).mean(axis=-1), **CLOSE)


def test_a_model_without_stages_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected a `reid_model`"):
        stages.stages_of(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="two"))
