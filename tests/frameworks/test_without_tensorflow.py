"""The library on another backend, where TensorFlow is not installed: `tox -e without_tensorflow`."""

import json
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

import snr_ref
from docs.examples import resnet50
from snr_keras.conformance import adapter
from snr_keras.conformance.arrays import MODES
from snr_keras.evaluation import evaluate_embeddings, evaluate_retrieval, re_ranking
from snr_keras.layers import SNR
from snr_keras.losses import BatchHardTripletLoss, DualCausalityLoss
from snr_keras.models import insert_snr, reid_model
from tests.frameworks.kit import report
from tests.frameworks.test_keras import EXPECTED_FAILURES

pytestmark = pytest.mark.skipif(find_spec("tensorflow") is not None, reason="TensorFlow is installed here")

rng = np.random.default_rng(0)
LABELS = np.repeat(np.arange(4), 4)
IMAGES = rng.normal(size=(16, 16, 8, 3)).astype(np.float32) + LABELS[:, None, None, None]


def test_the_kits_adapter_conforms() -> None:
    found = report(getattr(adapter, MODES[-1]), part=64, expected_failures=EXPECTED_FAILURES)
    assert not [f"{r.case.name} in {r.dtype}: {r.why}" for r in found.having("failed")]


def test_the_layer_and_its_losses_are_finite() -> None:
    maps, embeddings = SNR(reduction=1)(IMAGES, return_embeddings=True)
    features = keras.ops.mean(maps, (1, 2))
    for loss in (DualCausalityLoss()(LABELS, embeddings), BatchHardTripletLoss()(LABELS, features)):
        assert np.isfinite(keras.ops.convert_to_numpy(loss))


def test_snr_goes_into_a_network_which_is_fitted_and_saved(tmp_path: Path) -> None:
    inputs = keras.Input((16, 8, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem")(inputs)
    x = keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    network = keras.Model(inputs, keras.layers.Dense(4, name="dense")(keras.layers.GlobalAveragePooling2D()(x)))
    model = insert_snr(network, after=["stem"])
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(IMAGES, LABELS, batch_size=16, epochs=5, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    before, after = (each.predict(IMAGES, verbose=0)["dense"] for each in (model, loaded))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)


def test_a_reid_model_embeds_images() -> None:
    model = reid_model(4, normalization="snr", image_size=(32, 16))
    assert model(rng.uniform(0, 255, (2, 32, 16, 3)).astype(np.float32))["logits"].shape == (2, 4)


def test_the_example_trains_by_fit_and_goes_on_where_it_stopped(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resnet50, "TEST_IDENTITIES", 3)
    out = tmp_path / "figures.json"
    little = ["--backbone", "resnet_small", "--image-size", "32x16", "--epochs", "1", "--identities", "16"]
    command = [*little, "--seeds", "1", "--out", str(out), "--variants"]
    resnet50.main([*command, "in"])
    first = json.loads(out.read_text())["figures"]["in"]
    resnet50.main([*command, "in", "snr-2"])
    both = json.loads(out.read_text())
    assert both["figures"]["in"] == first
    (found,) = both["figures"]["snr-2"]
    assert list(found) == [both["home"], *both["targets"]]
    assert all(0 < figure <= 1 for of_domain in found.values() for figure in of_domain.values())
    with pytest.raises(SystemExit, match=r"begun otherwise, with .*'epochs': 1"):
        resnet50.main([*command, "in", "--epochs", "2"])


def test_images_of_the_example_are_moved_a_little_and_mirrored() -> None:
    images = np.tile(np.arange(1, 51, dtype=np.uint8).reshape(1, 50, 1, 1), (40, 1, 4, 3))
    images[:, :, 0] = 200
    moved = resnet50.augmented(images, np.random.default_rng(0))
    assert (moved.shape, moved.dtype) == (images.shape, np.float32)
    middles = moved[:, 25, 2, 0]
    assert set(middles) <= {0, 24, 25, 26, 27, 28, 200}
    assert len(set(middles)) > 3


def test_evaluation_is_the_references() -> None:
    query, gallery = rng.normal(size=(6, 8)).astype(np.float32), rng.normal(size=(40, 8)).astype(np.float32)
    labels = {
        "query_ids": np.arange(6) % 3 + 1,
        "gallery_ids": np.arange(40) % 4,
        "query_cameras": np.zeros(6, int),
        "gallery_cameras": np.arange(40) % 3,
    }
    distances = snr_ref.cosine_distance(query, gallery)
    expected = snr_ref.evaluate_retrieval(distances, **labels)
    for found in (evaluate_retrieval(distances, **labels), evaluate_embeddings(query, gallery, **labels)):
        np.testing.assert_allclose(found.cmc, expected.cmc)
        assert (found.mAP, found.mINP) == pytest.approx((expected.mAP, expected.mINP))
    if find_spec("scipy") is None:
        pytest.skip("re-ranking needs scipy")
    np.testing.assert_allclose(re_ranking(query, gallery), snr_ref.re_ranking(query, gallery), atol=1e-5)
