"""The adaptation loop, on two domains of six people with four images each."""

import dataclasses
import json
import os
import shutil
import signal
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import snr_ref
from snr_keras.files.sealed import write_sealed
from snr_keras.losses import MinedPairs, adaptation_step
from snr_keras.reid.adaptation import AdaptationConfig, adapt
from snr_keras.reid.adaptation.loop import apart, true_positives
from snr_keras.reid.adaptation.state import RunningState
from snr_keras.reid.adaptation.step import make_adaptation_step, make_optimizer
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.unlabeled import unlabeled
from snr_keras.reid.runs import NonFiniteLossError, TrainingInterrupted, load_run
from snr_keras.reid.runs.checkpoints import TrainingState, newest_checkpoint, save_checkpoint
from snr_keras.reid.runs.lock import LockedError, locked_folder
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.run_folder import begin_run, describe_run, read_record
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import PRECISIONS
from snr_ref.conformance.running_error import Rounded, exact, scalar
from snr_ref.distances import euclidean_distance as ref_euclidean
from snr_ref.distances import unit as ref_unit
from tests.assertions import assert_within
from tests.snr_keras.losses.mar.step_rounding import step_bounds
from tests.snr_keras.reid.small import SMALL, metrics_without_times, small_networks, write_images

pytestmark = pytest.mark.usefixtures("small_networks")

NETWORK = dataclasses.replace(SMALL, stages=(4,))
CONFIG = AdaptationConfig(
    epochs=2, identities_per_batch=3, images_per_identity=2, target_batch_size=8, mining_ratio=0.2, seed=1
)
LAST_STEP = 8
FLOAT32 = PRECISIONS["float32"]


@pytest.fixture(scope="module")
def domains(tmp_path_factory) -> tuple[ReIDDataset, ReIDDataset]:
    folder = tmp_path_factory.mktemp("domains")
    return write_images(folder / "source"), write_images(folder / "target", identities=7)


@pytest.fixture(scope="module")
def initial(domains, tmp_path_factory) -> Path:
    """A run as it is before any training."""
    folder = tmp_path_factory.mktemp("initial")
    keras.utils.set_random_seed(0)
    begin_run(folder, describe_run(NETWORK, domains[0]))
    with small_networks():
        save_checkpoint(new_model(NETWORK, 6), folder, TrainingState(step=0))
    return folder


@pytest.fixture(scope="module")
def adapted(initial, domains, tmp_path_factory) -> tuple[Path, keras.Model]:
    """An adaptation without interruption, and the model it returned."""
    folder = tmp_path_factory.mktemp("adapted") / "run"
    return folder, adapt(CONFIG, initial, *domains, folder, watched=domains[1].train.identities)


@pytest.mark.slow
def test_its_run_folder_is_one_of_a_training_and_tells_what_it_was_begun_with(adapted, initial):
    folder, model = adapted
    config, loaded = load_run(folder)
    assert config == NETWORK
    assert_same_weights(loaded, model)
    begun = json.loads((folder / "config.json").read_text())
    assert AdaptationConfig.from_json(begun["adaptation"]) == CONFIG
    assert (begun["target"]["images"], begun["target"]["cameras"]) == (28, 2)
    assert begun["initial"]["name"] == str(initial)


@pytest.mark.slow
def test_its_metrics_have_the_losses_and_what_runs_along(adapted):
    first, second = metrics_without_times(adapted[0])
    assert set(second["losses"]) == {
        "discriminative", "consistency", "cross_entropy", "joint_embedding", "snr4_plus", "snr4_minus", "total",
    }  # fmt: skip
    assert first["losses"]["discriminative"] == first["positives"] == first["negatives"] == 0
    assert "true_positive_rate" not in first
    assert second["positives"] + second["negatives"] == 5  # floor(0.2 * 28)
    for record in (first, second):
        assert 0 < record["threshold"] <= 1
        assert 0 < record["multilabel_entropy"] < np.log(6)


def test_the_true_positive_rate_is_the_share_of_the_positives_that_are_of_one_person():
    people = np.array([7, 7, 3, 3, 9])
    mined = MinedPairs(tf.constant([[0, 1], [2, 3], [0, 4], [1, 0]]), tf.constant([True, False, True, True]))
    terms = {"positives": 3.0, "total": 1.0, **true_positives(mined, people)}
    assert apart({"losses": terms}) == {"losses": {"total": 1.0}, "positives": 3.0, "true_positive_rate": 2 / 3}
    assert apart({"losses": {**terms, "positives": 0.0}}) == {"losses": {"total": 1.0}, "positives": 0.0}
    assert true_positives(mined, None) == {}


@pytest.mark.slow
def test_identities_of_the_target_are_never_read(adapted, initial, domains, tmp_path):
    source, target = domains
    garbage = np.random.default_rng(5).integers(0, 2**40, len(target.train))
    nobody = dataclasses.replace(target, train=dataclasses.replace(target.train, identities=garbage))
    assert_same_weights(adapt(CONFIG, initial, source, nobody, tmp_path), adapted[1])


@pytest.mark.slow
def test_an_adaptation_stopped_and_resumed_ends_bit_for_bit_as_one_that_was_not(adapted, initial, domains, tmp_path):
    def stop(event):
        if event.step == 5:  # asked for then, done after the next
            os.kill(os.getpid(), signal.SIGINT)

    watched = domains[1].train.identities
    with pytest.raises(TrainingInterrupted, match=r"Stopped by SIGINT after step 6 of 8.*resume=True"):
        adapt(CONFIG, initial, *domains, tmp_path, progress=stop, watched=watched)
    keras.utils.set_random_seed(99)  # whatever the process did in between
    model = adapt(CONFIG, initial, *domains, tmp_path, resume=True, watched=watched)
    assert_same_weights(model, adapted[1])
    assert metrics_without_times(tmp_path) == metrics_without_times(adapted[0])
    ours, theirs = (newest_checkpoint(folder).arrays() for folder in (tmp_path, adapted[0]))
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, err_msg=name)
    assert theirs["visited"].any()


@pytest.mark.slow
def test_an_adaptation_that_was_begun_before_a_setting_was_added_is_resumed(adapted, initial, domains, tmp_path):
    folder = shutil.copytree(adapted[0], tmp_path / "run")
    begun = read_record(folder)
    for loss in ("discriminative", "consistency", "source", "joint_embedding"):
        del begun["adaptation"][f"{loss}_weight"]
    write_sealed(folder / "config.json", begun)
    assert_same_weights(adapt(CONFIG, initial, *domains, folder, resume=True), adapted[1])
    with pytest.raises(ValueError, match=r"source_weight was 50\.0, now 1\.0"):
        adapt(dataclasses.replace(CONFIG, source_weight=1.0), initial, *domains, folder, resume=True)


@pytest.mark.slow
def test_another_target_or_other_settings_are_not_resumed(adapted, initial, domains):
    source, _ = domains
    with pytest.raises(ValueError, match=r"started differently: .*images was 28, now 24"):
        adapt(CONFIG, initial, source, source, adapted[0], resume=True)
    with pytest.raises(ValueError, match=r"margin was 1\.0, now 2\.0"):
        adapt(dataclasses.replace(CONFIG, margin=2.0), initial, *domains, adapted[0], resume=True)
    with pytest.raises(FileExistsError, match="already holds the results of a run"):
        adapt(CONFIG, initial, *domains, adapted[0])


@pytest.mark.slow
def test_nothing_is_adapted_in_a_folder_that_another_writes_to(adapted, initial, domains):
    with locked_folder(adapted[0]), pytest.raises(LockedError, match=f"{adapted[0].name} is being written to by"):
        adapt(CONFIG, initial, *domains, adapted[0], resume=True)


def test_a_source_that_is_not_the_runs_is_refused(initial, domains, tmp_path):
    with pytest.raises(ValueError, match=r"must be the training data of the run .*, 'source'.*images 24, now 28"):
        adapt(CONFIG, initial, domains[1], domains[1], tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_target_without_cameras_is_refused(initial, domains, tmp_path):
    source, target = domains
    blind = dataclasses.replace(target, train=dataclasses.replace(target.train, cameras=None))
    with pytest.raises(ValueError, match="must have camera labels"):
        adapt(CONFIG, initial, source, blind, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run(initial, domains, tmp_path):
    with pytest.raises(NonFiniteLossError, match=r"At step \d, .*Nothing of this step is saved"):
        adapt(dataclasses.replace(CONFIG, learning_rate=1e30), initial, *domains, tmp_path)


def test_a_step_is_that_of_the_reference(initial, domains, monkeypatch):
    """The terms, the state after it and the classifier's gradient, of the very embeddings and agents that it saw."""
    weights = snr_ref.AdaptationWeights(2.0, 0.5, 3.0, 0.75)
    config = dataclasses.replace(CONFIG, **{f"{name}_weight": weight for name, weight in weights._asdict().items()})
    network, model = load_run(initial)
    model.compile(optimizer=make_optimizer(config, 4), auto_scale_loss=False)
    rng = np.random.default_rng(0)
    images, target_images = (rng.integers(0, 256, (n, 16, 8, 3)).astype(np.float32) for n in (6, 8))
    labels, views, indices = np.repeat([1, 3, 5], 2), rng.integers(0, 3, 8), rng.permutation(28)[:8]
    running = RunningState.begin(model, unlabeled(domains[1].train), CONFIG)
    state, u = in_float64(running), FLOAT32.u
    kernel = model.get_layer("logits").kernel
    rows = kernel.numpy().astype(float).T
    seen = {
        "source_features": tf.Variable(tf.zeros((len(images), rows.shape[1]))),
        "target_features": tf.Variable(tf.zeros((len(target_images), rows.shape[1]))),
        "agents": tf.Variable(tf.zeros(rows.shape)),
    }

    def recorded(state, source, labels, target, views, indices, agents, **options):
        for variable, value in zip(seen.values(), (source, target, agents), strict=True):
            variable.assign(value)
        return adaptation_step(state, source, labels, target, views, indices, agents, **options)

    monkeypatch.setattr("snr_keras.reid.adaptation.step.adaptation_step", recorded)
    alone = [ref_unit(model(x, training=True)["embedding"].numpy().astype(float)) for x in (images, target_images)]
    step = make_adaptation_step(model, running, config, network)
    terms, mined = step(*map(tf.constant, (images, labels, target_images, views, indices)), mining=True)

    batch = {"source_labels": labels, "target_views": views, "target_indices": indices}
    batch |= {name: variable.numpy().astype(float) for name, variable in seen.items()}
    assert_in_bound(
        "agents", batch["agents"], ref_unit(rows), FUNCTIONS["unit"].bounds({"x": rows}, FLOAT32)["directions"]
    )
    for domain, by_itself in zip(("source", "target"), alone, strict=True):  # two forward passes round differently
        nearest = np.argmin(ref_euclidean(batch[f"{domain}_features"], by_itself), axis=1)
        np.testing.assert_array_equal(nearest, np.arange(len(by_itself)))
        np.testing.assert_allclose((batch[f"{domain}_features"] ** 2).sum(axis=1), 1, atol=(rows.shape[1] + 8) * u)
    options = {"epoch": 1, "mining_ratio": CONFIG.mining_ratio, "margin": CONFIG.margin, "scale": CONFIG.scale}
    bounds = step_bounds(state, batch, FLOAT32, **options, weights=weights)
    losses, after = snr_ref.adaptation_step(state, **batch, **options)
    weight = network.snr_weights[3]
    of_snr = exact(terms["snr4_plus"].numpy(), u) + exact(terms["snr4_minus"].numpy(), u)
    total = Rounded(losses.weighted(weights), bounds.losses["total"], u) + scalar(weights.source, u) * (
        scalar(weight, u) * of_snr
    )
    for name, value in losses._asdict().items():
        assert_in_bound(name, terms[name], value, bounds.losses[name])
    assert_in_bound("total", terms["total"], total.value, total.error)
    assert terms["threshold"].numpy() == state.threshold
    assert len(mined.pairs) == 5
    assert set(mined.pairs.numpy().ravel()) <= set(indices)
    now = in_float64(running)
    np.testing.assert_array_equal(now.memory.visited, after.memory.visited)
    assert_in_bound("threshold", now.threshold, after.threshold, bounds.state["threshold"])
    assert_in_bound("multilabels", now.memory.multilabels, after.memory.multilabels, bounds.state["multilabels"])
    for name, bound in ((name, bounds.state[name]) for name in now.statistics._fields):
        assert_in_bound(name, getattr(now.statistics, name), getattr(after.statistics, name), bound)

    # No network is between the loss and the classifier: its first momentum is the gradient times -(learning rate).
    of_agents = snr_ref.adaptation_gradients(state, **batch, **options, weights=weights)[2]
    reaching = {"x": rows, "grad_u": Rounded(of_agents, bounds.gradients[2], u)}
    off = FUNCTIONS["unit_vjp"].bounds(reaching, FLOAT32)["grad_x"]
    gradient = Rounded(snr_ref.gradients.unit_vjp(rows, of_agents), off, u)
    variables = [variable.path for variable in model.trainable_variables]
    momentum = model.optimizer.momentums[variables.index(kernel.path)].numpy()
    moved = scalar(-CONFIG.learning_rate, u) * gradient
    assert_in_bound("momentum of the classifier", momentum.T, moved.value, moved.error)


@pytest.mark.slow
def test_without_mar_s_losses_only_moving_statistics_see_the_target(initial, domains):
    alone = dict.fromkeys(("discriminative_weight", "consistency_weight", "joint_embedding_weight"), 0.0)
    config = dataclasses.replace(CONFIG, **alone)
    rng = np.random.default_rng(0)
    images, labels = tf.constant(rng.integers(0, 256, (6, 16, 8, 3)), tf.float32), tf.repeat([1, 3, 5], 2)

    network, model = load_run(initial)
    model.compile(optimizer=make_optimizer(config, 4), auto_scale_loss=False)
    step = make_adaptation_step(model, RunningState.begin(model, unlabeled(domains[1].train), config), config, network)
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    begin, after = [variable.numpy() for variable in variables], []
    for brightness in (60, 200):
        for variable, value in zip(variables, begin, strict=True):
            variable.assign(value)
        target = tf.constant(rng.normal(brightness, 9, (8, 16, 8, 3)), tf.float32)
        terms, _ = step(images, labels, target, tf.range(8) % 2, tf.range(8), mining=True)
        snr = sum(weight * value for weight, value in ((0.5, terms["snr4_plus"]), (0.5, terms["snr4_minus"])))
        np.testing.assert_allclose(terms["total"], 50 * (terms["cross_entropy"] + snr), rtol=1e-6)
        after.append({weight.path: weight.numpy() for weight in model.weights})
    differing = {path for path, value in after[0].items() if (value != after[1][path]).any()}
    assert differing == {weight.path for weight in model.non_trainable_weights if "moving" in weight.path}


def test_the_learning_rate_falls_at_the_milestones_and_only_kernels_decay():
    optimizer = make_optimizer(dataclasses.replace(CONFIG, epochs=8), 10)
    for step, rate in ((0, 2e-4), (50, 2e-4), (51, 2e-5), (70, 2e-5), (71, 2e-6)):
        optimizer.iterations.assign(step)
        np.testing.assert_allclose(optimizer.learning_rate, rate, rtol=1e-6)
    optimizer.iterations.assign(0)
    kernel, gamma = keras.Variable(tf.ones(2), name="kernel"), keras.Variable(tf.ones(2), name="gamma")
    for _ in range(40):  # as torch.optim.SGD: the penalty's gradient, added up by the momentum
        optimizer.apply([tf.zeros(2), tf.zeros(2)], [kernel, gamma])
    np.testing.assert_allclose(kernel, (1 - 2e-4 * 0.25) ** 40, rtol=1e-5)
    np.testing.assert_array_equal(gamma, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("mining_ratio", 0.0),
        ("milestones", (0.9, 0.5)),
        ("learning_rate", np.nan),
        ("discriminative_weight", -1.0),
        ("consistency_weight", np.inf),
        ("source_weight", 0),
        ("joint_embedding_weight", True),
    ],
)
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be .*Received: {name}="):
        AdaptationConfig(**{name: value})


def in_float64(running: RunningState) -> snr_ref.AdaptationState:
    arrays = {name: array if name == "visited" else array.astype(float) for name, array in running.arrays().items()}
    return snr_ref.AdaptationState(
        arrays["threshold"].item(),
        snr_ref.ViewStatistics(arrays["mean"], arrays["std"]),
        snr_ref.MultilabelMemory(arrays["multilabels"], arrays["visited"]),
    )


def assert_in_bound(name, actual, expected, bound):
    assert_within(f"loop: {name}", "float32", actual, expected, bound)


def assert_same_weights(actual: keras.Model, expected: keras.Model) -> None:
    for ours, theirs in zip(actual.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=theirs.path)
