"""Whole runs: what they leave, how they stop, and that they go on as if nothing had happened."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from snr_keras.files.sealed import write_sealed
from snr_keras.models import embedder
from snr_keras.reid.runs import NonFiniteLossError, TrainingInterrupted, load_run
from snr_keras.reid.runs.checkpoints import save_checkpoint
from snr_keras.reid.runs.lock import LockedError
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.run_folder import read_record
from snr_keras.reid.runs.weights import weights_by_path
from snr_keras.reid.training import loop, read_gates, train
from snr_keras.reid.training.gates import gates_on
from tests.snr_keras.reid.small import (
    SMALL,
    STEPS_PER_EPOCH,
    checkpoint_names,
    metrics_without_times,
    write_images,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_networks")]

LAST_STEP = SMALL.epochs * STEPS_PER_EPOCH


def assert_same_weights(actual: keras.Model, expected: keras.Model) -> None:
    for ours, theirs in zip(actual.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=theirs.path)


def stop_at(step: int, number: int = signal.SIGINT):
    def progress(event):
        if event.step == step - 1:  # arrives during the next step
            signal.raise_signal(number)

    return progress


# ---- what a run leaves


def test_the_run_folder_holds_what_was_promised(finished_run):
    run_dir, _, _ = finished_run
    assert sorted(p.name for p in run_dir.iterdir()) == [
        "checkpoints", "config.json", "gates.json", "metrics.jsonl", "summary.json", "tensorboard",
    ]  # fmt: skip
    assert checkpoint_names(run_dir) == ["step-00000008.keras", "step-00000012.keras"]


def test_a_run_starts_from_the_weights_that_are_given_where_they_fit(source, tmp_path, no_learning):
    given = {
        "stem_conv/kernel": np.full((3, 3, 3, 32), 0.5, np.float32),
        "stem_bn/gamma": np.full(3, 0.5, np.float32),  # of another shape
        "elsewhere/kernel": np.zeros(1, np.float32),  # of another model
    }
    config = dataclasses.replace(SMALL, normalization="none", stages=None, epochs=1)
    begun = {v.path: v.numpy() for v in train(config, source, tmp_path / "given", initial=given).weights}
    drawn = {v.path: v.numpy() for v in train(config, source, tmp_path / "drawn").weights}
    np.testing.assert_array_equal(begun.pop("stem_conv/kernel"), 0.5)
    drawn.pop("stem_conv/kernel")
    assert begun.keys() == drawn.keys()
    for path, weight in drawn.items():
        np.testing.assert_array_equal(begun[path], weight, err_msg=path)


def test_the_health_of_the_gates_is_that_of_the_model_that_was_trained(finished_run, source, tmp_path):
    run_dir, model, _ = finished_run
    gates = read_gates(run_dir)
    assert gates == gates_on(model, source.train)
    assert {name: (gate.images, gate.hidden) for name, gate in gates.items()} == {
        "stage2_snr": (24, 16), "stage4_snr": (24, 16),
    }  # fmt: skip
    assert read_gates(tmp_path) == {}


def test_a_gate_that_starts_dead_is_named_unless_it_is_not_trained(source, tmp_path, no_learning):
    config = dataclasses.replace(SMALL, epochs=1)
    weights = {"stage2_snr/w1": np.full((32, 16), -1, np.float32), "stage4_snr/w1": np.full((32, 16), 1, np.float32)}
    with pytest.warns(UserWarning, match="starts dead") as told:
        train(config, source, tmp_path / "learned", initial=weights)
    (message,) = [str(warning.message) for warning in told if "starts dead" in str(warning.message)]
    assert message.startswith("The gate of stage2_snr starts dead: each of its 16 hidden units is off for all of 24")
    assert message.endswith(
        "smaller `reduction` (training.reduction), or take another seed. Received: reduction=2, 32 channels"
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        train(dataclasses.replace(config, snr_gate="fixed"), source, tmp_path / "fixed")
    assert not [warning for warning in told if "starts dead" in str(warning.message)]


@pytest.mark.parametrize("gate", ["fixed", "random"])
def test_a_gate_that_is_not_trained_is_saved_resumed_and_loaded_as_it_started(gate, source, tmp_path):
    config = dataclasses.replace(SMALL, snr_gate=gate, stages=(2,), epochs=2)
    keras.utils.set_random_seed(config.seed)
    learned = weights_by_path(new_model(dataclasses.replace(config, snr_gate="learned"), 6))
    with pytest.raises(TrainingInterrupted):
        train(config, source, tmp_path, initial=learned, progress=stop_at(3))
    trained = train(config, source, tmp_path, initial=learned, resume=True)
    again, loaded = load_run(tmp_path)
    assert again == config
    assert_same_weights(loaded, trained)
    for model in (trained, loaded):
        snr = model.get_layer("stage2_snr")
        assert [weight.name for weight in snr.trainable_weights] == ["gamma", "beta"]
        np.testing.assert_array_equal(snr.w1, learned[snr.w1.path])
        np.testing.assert_array_equal(snr.w2, 0 if gate == "fixed" else learned[snr.w2.path])
        assert np.all(keras.ops.convert_to_numpy(snr.beta) != 0)  # gamma has no part in what is pooled right after
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 8, 3))
    np.testing.assert_array_equal(embedder(loaded)(images), embedder(trained)(images))


def test_the_metrics_have_a_line_for_every_epoch(finished_run):
    records = metrics_without_times(finished_run[0])
    assert [(r["epoch"], r["step"], r["skipped_updates"]) for r in records] == [(1, 4, 0), (2, 8, 0), (3, 12, 0)]
    modules = [f"snr{stage}_{sign}" for stage in (2, 4) for sign in ("plus", "minus")]
    assert list(records[0]["losses"]) == ["cross_entropy", "triplet", *modules, "total"]
    assert records[-1]["learning_rate"] == pytest.approx(SMALL.learning_rate / 100, rel=1e-4)


def test_the_metrics_are_the_means_of_what_was_reported_step_by_step(finished_run):
    run_dir, _, events = finished_run
    for record in metrics_without_times(run_dir):
        steps = [r for r in events if r.epoch == record["epoch"]]
        assert len(steps) == STEPS_PER_EPOCH
        for term, mean in record["losses"].items():
            assert mean == pytest.approx(np.mean([r.terms[term] for r in steps]), rel=1e-12)


def test_the_total_is_the_weighted_sum_of_its_terms(finished_run):
    for event in finished_run[2]:
        t = event.terms
        modules = sum(SMALL.snr_weights[s - 1] * (t[f"snr{s}_plus"] + t[f"snr{s}_minus"]) for s in SMALL.stages)
        assert t["total"] == pytest.approx(t["cross_entropy"] + t["triplet"] + modules, rel=1e-5)


def test_tensorboard_shows_the_same_numbers(finished_run):
    run_dir, _, _ = finished_run
    (events,) = (run_dir / "tensorboard").iterdir()
    shown = {
        (value.tag, event.step): tf.make_ndarray(value.tensor).item()
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    for record in metrics_without_times(run_dir):
        assert shown["losses/total", record["step"]] == pytest.approx(record["losses"]["total"], rel=1e-6)
        assert shown["accuracy", record["step"]] == pytest.approx(record["accuracy"], rel=1e-6)


def test_progress_hears_of_every_step(finished_run):
    events = finished_run[2]
    assert [r.step for r in events] == list(range(1, LAST_STEP + 1))
    assert {(r.epochs, r.steps) for r in events} == {(SMALL.epochs, LAST_STEP)}
    assert events[0].images_per_second is None
    assert events[-1].seconds_left == 0
    middle = events[5]
    assert middle.seconds_left == pytest.approx((LAST_STEP - 6) * SMALL.batch_size / middle.images_per_second)
    assert [r.epoch_record is not None for r in events] == 3 * [False, False, False, True]


def test_a_run_loads_as_its_config_and_the_model_that_train_returned(finished_run):
    run_dir, model, _ = finished_run
    config, loaded = load_run(run_dir)
    assert config == SMALL
    assert_same_weights(loaded, model)


def test_the_config_file_says_everything_a_run_depends_on(finished_run):
    begun = json.loads((finished_run[0] / "config.json").read_text())
    assert begun["training"] == SMALL.to_json()
    assert begun["source"]["images"] == 24
    assert begun["source"]["identities"] == 6
    assert begun["versions"]["keras"] == keras.__version__


def test_the_moving_statistics_were_trained(finished_run):
    moving = [v for v in finished_run[1].weights if v.name == "moving_variance"]
    assert all(np.any(np.abs(keras.ops.convert_to_numpy(v) - 1) > 1e-3) for v in moving)


def test_the_process_keeps_its_dtype_policy_and_signal_handlers(source, tmp_path, no_learning):
    before = keras.config.dtype_policy(), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    config = dataclasses.replace(SMALL, epochs=1, mixed_precision="mixed_bfloat16")
    model = train(config, source, tmp_path)
    assert before == (keras.config.dtype_policy(), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    assert model.get_layer("stem_conv").compute_dtype == "bfloat16"


# ---- resuming


def test_a_run_stopped_within_an_epoch_and_resumed_ends_bit_for_bit_as_one_that_was_not(finished_run, source, tmp_path):
    with pytest.raises(TrainingInterrupted, match=r"Stopped by SIGINT after step 6 of 12.*resume=True"):
        train(SMALL, source, tmp_path, progress=stop_at(6))
    assert checkpoint_names(tmp_path) == ["step-00000004.keras", "step-00000006.keras"]
    keras.utils.set_random_seed(99)  # whatever the process did in between
    model = train(SMALL, source, tmp_path, resume=True)
    assert_same_weights(model, finished_run[1])
    assert_same_optimizers(model, finished_run[1])
    assert metrics_without_times(tmp_path) == metrics_without_times(finished_run[0])


cut_short = pytest.mark.filterwarnings("ignore:The last line is incomplete")


def assert_same_optimizers(actual: keras.Model, expected: keras.Model) -> None:
    for ours, theirs in zip(actual.optimizer.variables, expected.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=theirs.path)


@cut_short
def test_half_precision_with_its_loss_scale_resumes_bit_for_bit_too(source, tmp_path):
    config = dataclasses.replace(SMALL, epochs=2, mixed_precision="mixed_float16", normalization="in", stages=(2,))
    expected = train(config, source, tmp_path / "straight")
    with pytest.raises(TrainingInterrupted, match="SIGTERM after step 3 of 8"):
        train(config, source, tmp_path / "stopped", progress=stop_at(3, signal.SIGTERM))
    actual = train(config, source, tmp_path / "stopped", resume=True)
    assert isinstance(actual.optimizer, keras.optimizers.LossScaleOptimizer)
    assert_same_weights(actual, expected)
    assert_same_optimizers(actual, expected)
    assert metrics_without_times(tmp_path / "stopped") == metrics_without_times(tmp_path / "straight")


@cut_short
def test_random_numbers_of_layers_resume_too(source, tmp_path):
    config = dataclasses.replace(SMALL, epochs=1, normalization="mixstyle", stages=None)
    expected = train(config, source, tmp_path / "straight")
    with pytest.raises(TrainingInterrupted, match="SIGINT after step 2 of 4"):
        train(config, source, tmp_path / "stopped", progress=stop_at(2))
    keras.utils.set_random_seed(99)
    actual = train(config, source, tmp_path / "stopped", resume=True)
    assert_same_weights(actual, expected)
    assert metrics_without_times(tmp_path / "stopped") == metrics_without_times(tmp_path / "straight")


def test_a_run_that_was_killed_between_its_log_and_its_checkpoint_logs_nothing_twice(
    source, tmp_path, no_learning, monkeypatch
):
    config = dataclasses.replace(SMALL, normalization="none", stages=None)
    save = save_checkpoint

    def killed_at_step_8(model, run_dir, state, beside):
        if state.step == 8:
            raise SystemExit("killed")
        return save(model, run_dir, state, beside)

    with monkeypatch.context() as patch:
        patch.setattr("snr_keras.reid.runs.run_loop.save_checkpoint", killed_at_step_8)
        with pytest.raises(SystemExit):
            train(config, source, tmp_path)
    assert [r["step"] for r in metrics_without_times(tmp_path)] == [4, 8]
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 3, "st')
    with pytest.warns(UserWarning, match=r"The last line .* left out: '.*metrics\.jsonl', line 3: Invalid JSON"):
        train(config, source, tmp_path, resume=True)
    assert [r["step"] for r in metrics_without_times(tmp_path)] == [4, 8, 12]
    (events,) = (tmp_path / "tensorboard").iterdir()
    steps = [e.step for e in tf.compat.v1.train.summary_iterator(str(events)) for v in e.summary.value]
    assert sorted(set(steps)) == [4, 8, 12]
    assert len(steps) % 3 == 0


def test_a_damaged_newest_checkpoint_is_reported_and_the_run_goes_on_from_the_one_before(source, tmp_path, no_learning):
    config = dataclasses.replace(SMALL, normalization="none", stages=None)
    train(config, source, tmp_path)
    newest = tmp_path / "checkpoints" / "step-00000012.keras"
    newest.write_bytes(newest.read_bytes()[:5000])
    events = []
    with pytest.warns(UserWarning, match=r"step-00000012\.keras is damaged"):
        train(config, source, tmp_path, resume=True, progress=events.append)
    assert [r.step for r in events] == [9, 10, 11, 12]
    assert [r["step"] for r in metrics_without_times(tmp_path)] == [4, 8, 12]


def test_a_finished_run_resumes_to_its_model_at_once(finished_run, source):
    run_dir, model, _ = finished_run
    before, events = metrics_without_times(run_dir), []
    assert_same_weights(train(SMALL, source, run_dir, resume=True, progress=events.append), model)
    assert events == []
    assert metrics_without_times(run_dir) == before


@cut_short
def test_a_run_that_died_before_its_first_checkpoint_starts_from_its_seed_again(source, tmp_path, no_learning):
    config = dataclasses.replace(SMALL, epochs=1, normalization="none", stages=None)

    def dies(event):
        raise SystemExit

    with pytest.raises(SystemExit):
        train(config, source, tmp_path, progress=dies)
    assert not (tmp_path / "checkpoints").exists()
    train(config, source, tmp_path, resume=True)
    assert checkpoint_names(tmp_path) == ["step-00000004.keras"]


@cut_short
def test_a_run_that_died_before_its_first_result_may_be_begun_anew_with_other_settings(source, tmp_path, no_learning):
    config = dataclasses.replace(SMALL, epochs=1, normalization="none", stages=None)
    no_learning["total"] = np.nan
    with pytest.raises(NonFiniteLossError):
        train(config, source, tmp_path)
    no_learning["total"] = 1.0
    train(dataclasses.replace(config, learning_rate=1e-4), source, tmp_path)
    assert load_run(tmp_path)[0].learning_rate == 1e-4


# ---- refusing


def test_a_run_is_never_overwritten(finished_run, source):
    run_dir, _, _ = finished_run
    before = {p: p.read_bytes() for p in run_dir.rglob("*") if p.is_file()}
    with pytest.raises(FileExistsError, match=r"not overwritten\. .* `resume=True`, or choose another folder"):
        train(SMALL, source, run_dir)
    assert {p: p.read_bytes() for p in run_dir.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_training_on_a_folder_is_refused_while_the_first_writes_there(source, tmp_path, no_learning, resume):
    refused = []

    def second(event):
        with pytest.raises(LockedError, match=f"run is being written to by process {os.getpid()} on ") as caught:
            train(SMALL, source, tmp_path / "run", resume=resume)
        refused.append(caught.value)

    train(SMALL, source, tmp_path / "run", progress=second)
    assert len(refused) == LAST_STEP
    assert [record["epoch"] for record in metrics_without_times(tmp_path / "run")] == [1, 2, 3]
    assert checkpoint_names(tmp_path / "run") == ["step-00000008.keras", "step-00000012.keras"]
    assert not list((tmp_path / "run").glob(".*"))


def test_another_config_is_refused_with_the_settings_that_differ(finished_run, source):
    other = dataclasses.replace(
        SMALL, epochs=9, augmentation=dataclasses.replace(SMALL.augmentation, flip=0.25), learning_rate=0.5
    )
    expected = "augmentation.flip was 0.5, now 0.25; epochs was 3, now 9; learning_rate was 0.001, now 0.5."
    with pytest.raises(ValueError, match=re.escape(expected)):
        train(other, source, finished_run[0], resume=True)


def test_other_images_are_refused(finished_run, tmp_path):
    with pytest.raises(ValueError, match=r"identities was 6, now 5; images was 24, now 20"):
        train(SMALL, write_images(tmp_path / "other", identities=5), finished_run[0], resume=True)


def test_the_same_images_under_another_name_are_not(finished_run, tmp_path):
    train(SMALL, write_images(tmp_path / "moved"), finished_run[0], resume=True)


def test_there_must_be_a_run_to_resume_or_load(source, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected a run folder, with a config\.json"):
        train(SMALL, source, tmp_path / "nothing", resume=True)
    with pytest.raises(FileNotFoundError, match=r"Expected a run folder, with a config\.json"):
        load_run(tmp_path)
    assert not (tmp_path / "nothing").exists()


def test_other_package_versions_are_warned_about(finished_run, source):
    path = finished_run[0] / "config.json"
    original = path.read_text()
    record = read_record(finished_run[0])
    write_sealed(path, record | {"versions": record["versions"] | {"keras": "3.0.0"}})
    try:
        with pytest.warns(UserWarning, match="started with keras 3.0.0, now"):
            train(SMALL, source, finished_run[0], resume=True)
    finally:
        path.write_text(original)


# ---- stopping


def test_nan_in_the_images_stops_the_run_and_the_resumed_run_knows_nothing_of_it(
    finished_run, source, tmp_path, monkeypatch
):
    batches = loop.training_batches

    def poisoned(*args, **kwargs):
        for number, (images, labels) in enumerate(batches(*args, **kwargs), start=1):
            yield (images * np.nan if number == 7 else images), labels

    with monkeypatch.context() as patch:
        patch.setattr(loop, "training_batches", poisoned)
        with pytest.raises(NonFiniteLossError) as caught:
            train(SMALL, source, tmp_path)
    message = str(caught.value)
    assert message.startswith("At step 7, cross_entropy became nan and triplet became nan and snr2_plus became nan")
    assert str(tmp_path / "checkpoints" / "step-00000004.keras") in message
    assert checkpoint_names(tmp_path) == ["step-00000004.keras"]
    assert_same_weights(train(SMALL, source, tmp_path, resume=True), finished_run[1])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"triplet": np.inf, "total": np.inf}, "At step 1, triplet became inf. Nothing"),
        ({"gradient_norm": np.nan}, "At step 1, gradient_norm became nan. Nothing"),
        ({"total": np.nan}, "At step 1, total became nan. Nothing"),
    ],
)
def test_the_first_bad_term_is_named_even_if_it_is_only_the_gradient(source, tmp_path, no_learning, bad, message):
    no_learning |= bad
    no_learning.update(bad)
    with pytest.raises(NonFiniteLossError, match=message) as caught:
        train(dataclasses.replace(SMALL, normalization="none", stages=None), source, tmp_path)
    assert "The last good checkpoint: none yet" in str(caught.value)
    assert not (tmp_path / "checkpoints").exists()


def test_an_infinite_gradient_under_loss_scaling_is_skipped_and_counted(source, tmp_path, no_learning):
    no_learning["gradient_norm"] = np.inf
    config = dataclasses.replace(SMALL, normalization="none", stages=None, epochs=1, mixed_precision="mixed_float16")
    train(config, source, tmp_path)  # the step in its place applies no update at all
    assert metrics_without_times(tmp_path)[0]["skipped_updates"] == 4


def test_a_second_ctrl_c_stops_at_once(source, tmp_path, no_learning):
    def twice(event):
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.05)  # Python handles signals between its own steps, and two at once as one

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            train(dataclasses.replace(SMALL, normalization="none", stages=None), source, tmp_path, progress=twice)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not isinstance(caught.value, TrainingInterrupted)


def test_ctrl_c_in_the_very_last_step_lets_the_run_finish(source, tmp_path, no_learning):
    config = dataclasses.replace(SMALL, normalization="none", stages=None, epochs=1)
    train(config, source, tmp_path, progress=stop_at(4))
    assert (tmp_path / "summary.json").exists()


def test_training_works_in_a_thread_that_may_not_handle_signals(source, tmp_path, no_learning):
    config = dataclasses.replace(SMALL, normalization="none", stages=None, epochs=1)
    thread = threading.Thread(target=train, args=(config, source, tmp_path))
    thread.start()
    thread.join()
    assert (tmp_path / "summary.json").exists()


A_LONG_RUN = """
import dataclasses, sys
from tests.snr_keras.reid.small import SMALL, small_networks
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.training import train
from snr_keras.reid.runs import RichProgress
config = dataclasses.replace(SMALL, epochs=100000, normalization="none", stages=None)
with small_networks():
    train(config, read_market1501(sys.argv[1], splits=("train",)), sys.argv[2], progress=RichProgress())
"""


def test_ctrl_c_in_a_real_process_saves_and_says_so(source, tmp_path):
    root = Path(__file__).parents[4]
    process = subprocess.Popen(
        [sys.executable, "-c", A_LONG_RUN, source.report.path, str(tmp_path / "run")],
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        deadline = time.monotonic() + 600
        while not list(tmp_path.glob("run/checkpoints/step-*.keras")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode not in (0, -signal.SIGKILL)
    stopped = re.search(r"Stopped by SIGINT after step (\d+) of", stderr)
    assert stopped, stderr
    assert f"step-{int(stopped[1]):08d}.keras" in checkpoint_names(tmp_path / "run")
    assert re.search(r"epoch 1/100000  loss \d", stderr)  # no terminal: one line for every epoch
