"""The examples of other tasks run as the pages say, on little, and what they measure with is right."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from docs import generate

pytest.importorskip("mlxtend")


@pytest.fixture
def example(monkeypatch):
    """Imports an example; what it trains runs eagerly, as so few steps are not worth a graph."""
    monkeypatch.syspath_prepend(str(Path(generate.__file__).parent / "examples"))
    tf.config.run_functions_eagerly(True)
    yield import_module
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize(("name", "domains"), [("digits", ("optdigits", "fonts")), ("segmentation", ("day", "fog"))])
def test_an_example_trains_with_the_constraint_and_writes_figures_that_make_a_table(
    name, domains, example, monkeypatch, tmp_path
):
    module = example(name)
    monkeypatch.setattr(module, "DOMAINS", domains)
    monkeypatch.setattr(module, "BATCH", 8)
    monkeypatch.setattr(module, "TEST_IMAGES", 8, raising=False)
    out = tmp_path / "figures" / f"{name}.json"
    module.main(["--seeds", "1", "--variants", "snr+loss", "--epochs", "1", "--images", "16", "--out", str(out)])
    measured = json.loads(out.read_text())
    (figures,) = measured["results"]["snr+loss"]
    assert tuple(figures) == tuple(measured["domains"]) == domains
    assert all(0 <= figure <= 1 for figure in figures.values())
    measured["results"] = {variant: [figures, figures] for variant in ("none", "snr+loss")}
    assert "+0.0 ± 0.0" in generate.other_task(measured)


def test_the_objective_teaches_the_classifier_and_the_gates(example):
    module, shared = example("digits"), example("domain_generalization")
    model = module.network("snr+loss")
    before = {weight.path: np.asarray(weight.value) for weight in model.trainable_weights}
    images = np.random.default_rng(0).uniform(size=(16, 16, 16, 3)).astype(np.float32)
    shared.train(model, images, np.arange(16) % 10, seed=0, epochs=1, batch_size=16, learning_rate=1e-2)
    moved = {
        weight.path for weight in model.trainable_weights if (np.asarray(weight.value) != before[weight.path]).any()
    }
    for kind in ("w1", "w2", "beta", "dense"):
        assert any(kind in path for path in moved), kind


def test_mean_iou_is_that_of_hand_counted_pixels(example):
    mean_iou = example("segmentation").mean_iou
    parts, predicted = np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 2]])
    assert mean_iou(predicted, parts) == pytest.approx((1 / 2 + 1 / 3 + 0) / 3)
    assert mean_iou(parts, parts) == 1


def test_the_images_of_mnist_are_each_of_one_domain(example):
    digits = example("digits")
    for name in ("mnist", "restyled"):
        images, labels = digits.domain(name)
        assert images.shape == (2500, 16, 16, 3)
        assert 0 <= images.min() < images.max() <= 1
        assert set(labels) == set(range(10))
