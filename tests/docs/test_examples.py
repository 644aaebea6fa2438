"""The examples of other tasks run as the pages say, on little, and what they measure with is right."""

import json
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from docs import generate
from snr_keras.reid.adaptation import AdaptationConfig
from snr_keras.reid.data.images import read_image
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.runs.logs import read_metrics
from snr_keras.reid.runs.run_folder import read_record
from snr_ref import dual_causality_loss
from tests.snr_keras.reid.small import SMALL, small_networks, write_images

pytest.importorskip("mlxtend")

pytestmark = pytest.mark.slow


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


@dataclass(frozen=True)
class LittleTraining(TrainingConfig):
    image_size: tuple[int, int] = (32, 16)
    identities_per_batch: int = 2
    images_per_identity: int = 2


@dataclass(frozen=True)
class LittleAdaptation(AdaptationConfig):
    identities_per_batch: int = 2
    images_per_identity: int = 2
    target_batch_size: int = 8


def test_an_adaptation_and_its_control_start_from_one_model_and_go_on_where_they_stopped(
    example, monkeypatch, tmp_path
):
    module = example("adaptation")
    names = module.METHODS["none"]
    monkeypatch.setattr(module, "METHODS", {"none": names})
    monkeypatch.setattr(module, "TrainingConfig", LittleTraining)
    monkeypatch.setattr(module, "AdaptationConfig", LittleAdaptation)
    world = {"test_identities": 3, "cameras": 2, "images_per_camera": 2, "image_size": (32, 16)}
    monkeypatch.setattr(module, "synthesize", lambda folder, **options: synthesize(folder, **{**options, **world}))
    out = tmp_path / "figures" / "adaptation.json"
    little = {"--sources": "day,dusk", "--seeds": 1, "--epochs": 1, "--adaptation-epochs": 1, "--identities": 4}
    command = [str(part) for option in {**little, "--runs": tmp_path, "--out": out}.items() for part in option]
    module.main(command)
    measured = json.loads(out.read_text())
    assert measured["images"] == {"day+dusk": 16, "night": 16}
    assert all(0 < run["mAP"] <= 1 for name in names.values() for run in measured["results"][name])
    ends = {what: read_metrics(tmp_path / f"none-{what}-seed0")[-1]["losses"] for what in ("further", "adapted")}
    assert ends["further"]["total"] == pytest.approx(50 * ends["further"]["cross_entropy"])
    assert ends["adapted"]["total"] > 50 * ends["adapted"]["cross_entropy"] + 1
    initial, other = (read_record(tmp_path / f"none-{what}-seed0")["initial"]["weights"] for what in ends)
    assert initial == other
    module.main(command)
    assert json.loads(out.read_text()) == measured
    runs = 2 * measured["results"]["direct"]
    results = {name: runs for pair in generate.ADAPTATION_PAIRS for name in pair}
    assert "| MAR - direct | +0.0 | +0.0 | +0.0 ± 0.0 |" in generate.adaptation_figures(
        {**measured, "results": results}
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sources", "day,night"], "--sources must be different domains, not night. Received: day,night"),
        (["--sources", "day,day"], "--sources must be different domains, not night. Received: day,day"),
        (["--sources", "day,dusk,fog"], "must be a multiple of the number of sources, 3. Received: 100"),
    ],
)
def test_sources_of_which_no_experiment_can_be_made_are_refused(arguments, message, example, capsys):
    with pytest.raises(SystemExit):
        example("adaptation").main(arguments)
    assert message in capsys.readouterr().err


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


def test_the_gradients_of_the_two_halves_are_those_of_the_loss(example):
    gradients = example("opposing_gradients").gradients
    rng = np.random.default_rng(0)
    labels = np.array([0, 0, 1, 1, 2])
    beta, (z, a) = rng.standard_normal(3), rng.uniform(0.2, 0.8, (2, 5, 3))

    def halves(z, a):
        loss = dual_causality_loss(beta + 0 * z, beta + a * z, beta + (1 - a) * z, labels)
        return np.array([loss.plus, loss.minus])

    found = gradients((beta + 0 * z, beta + a * z, beta + (1 - a) * z), a, labels)
    step = 1e-6
    for variable, moved in (("z", lambda d: halves(z + d, a)), ("a", lambda d: halves(z, a + d))):
        numeric = np.empty((2, 5, 3))
        for place in np.ndindex(5, 3):
            d = np.zeros((5, 3))
            d[place] = step
            numeric[:, *place] = (moved(d) - moved(-d)) / (2 * step)
        np.testing.assert_allclose(found[variable], numeric, atol=1e-8)  # step^2, and eps / step


def test_the_course_of_the_gradients_begins_before_the_training_and_has_every_epoch(example, tmp_path):
    module = example("opposing_gradients")
    source = write_images(tmp_path / "data")
    with small_networks():
        found = module.course(replace(SMALL, epochs=2), source, tmp_path / "run")
    assert [list(epoch) for epoch in found] == [["stage2_snr", "stage4_snr"]] * 3
    assert found[0] != found[1] != found[2]
    for epoch in found:
        for halves in epoch.values():
            assert all(abs(of["cosine"]) <= 1 + 1e-12 and 0 <= of["left"] <= 1 + 1e-12 for of in halves.values())
    module.draw(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_photographs_are_restyled_by_camera_under_their_names_and_the_rest_is_told(example, tmp_path, capsys):
    size = {"train_identities": 1, "test_identities": 2, "cameras": 3, "images_per_camera": 2, "image_size": (32, 16)}
    source, out = synthesize(tmp_path / "a world", domain="day", **size), tmp_path / "ö out"
    (source / "query" / "0001_c1s1_notes.txt").write_text("no image")
    restyle = example("restyle")
    restyle.main([str(source), str(out)])
    told = capsys.readouterr().out
    assert f"{out}: 12 images" in told
    assert "0001_c1s1_notes.txt" in told
    before, after = (read_market1501(folder, splits=("query", "gallery")) for folder in (source, out))
    for old, new in ((before.query, after.query), (before.gallery, after.gallery)):
        assert [Path(path).stem for path in new.paths] == [Path(path).stem for path in old.paths]
        np.testing.assert_array_equal(new.cameras, old.cameras)
        for one, other in zip(old.paths, new.paths, strict=True):
            assert (read_image(one).numpy() != read_image(other).numpy()).any()
    restyle.main([str(source), str(tmp_path / "again")])
    for path in after.query.paths:
        assert (tmp_path / "again" / "query" / Path(path).name).read_bytes() == Path(path).read_bytes()
    with pytest.raises(OSError, match="ö out"):
        restyle.main([str(source), str(out)])
