"""People held out of training: who they are, what they are asked, and that the epoch that was best on them is kept."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.report import ScanReport
from snr_keras.reid.runs import TrainingConfig, TrainingInterrupted, load_run, pack_run
from snr_keras.reid.runs.checkpoints import TrainingState, reported_checkpoint
from snr_keras.reid.runs.held_out import hold_out, number_held_out
from snr_keras.reid.runs.logs import MetricsLog, gpu_memory
from snr_keras.reid.training import loop, train
from tests.snr_keras.reid.small import SMALL, checkpoint_names, metrics_without_times
from tests.snr_keras.reid.training.test_loop import stop_at

pytestmark = pytest.mark.usefixtures("small_networks")

CONFIG = dataclasses.replace(SMALL, normalization="none", stages=None, held_out=0.3)


def people(number: int, *, cameras: bool = True, first: int = 0) -> ReIDDataset:
    """Six images of each, two of each of three cameras."""
    identities = first + np.repeat(np.arange(number), 6)
    split = Split(
        tuple(f"{i}.jpg" for i in range(6 * number)),
        identities,
        np.tile([3, 3, 1, 1, 2, 2], number) if cameras else None,
    )
    return ReIDDataset("people", split, Split.empty(), Split.empty(), ScanReport("people", ()))


@given(number=st.integers(4, 60), share=st.floats(0.01, 0.5), seed=st.integers(0, 5), cameras=st.booleans())
def test_held_out_people_are_not_trained_on_and_can_all_be_found(number, share, seed, cameras):
    source = people(number, cameras=cameras)
    config = TrainingConfig(held_out=share, seed=seed)
    images, held_out = hold_out(source, config)
    assert held_out is not None
    query, gallery = held_out.query, held_out.gallery
    assert sorted((*images.paths, *query.paths, *gallery.paths)) == sorted(source.train.paths)
    out = number_held_out(number, share)
    assert images.num_identities == number - out
    assert len(images) == 6 * (number - out)
    assert set(query.identities) == set(gallery.identities) == set(range(1, out + 1))
    asked = list(zip(query.identities, query.cameras, strict=True)) if cameras else list(query.identities)
    assert len(asked) == len(set(asked)) == out * (3 if cameras else 1)
    again, _ = hold_out(source, config)
    assert again.paths == images.paths


def test_nobody_is_held_out_unasked():
    source = people(4)
    assert hold_out(source, TrainingConfig()) == (source.train, None)


def test_who_is_held_out_depends_on_the_seed():
    left = {hold_out(people(20), TrainingConfig(held_out=0.2, seed=seed))[0].paths for seed in range(5)}
    assert len(left) > 1


def test_too_few_people_to_hold_any_out_is_an_error():
    with pytest.raises(ValueError, match=r"at least two must remain.*held_out=0\.1, 3 identities"):
        hold_out(people(3), TrainingConfig(held_out=0.1))


def test_held_out_people_of_whom_there_is_one_camera_only_are_an_error_before_training(source, tmp_path):
    one_camera = dataclasses.replace(source.train, cameras=np.ones(len(source.train), np.int64))
    with pytest.raises(ValueError, match="tiny, held out"):
        train(CONFIG, dataclasses.replace(source, train=one_camera), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def figures(monkeypatch) -> list[float]:
    """What the model is worth after each epoch, as if it had been tested."""
    figures = [0.5, 0.9, 0.2, 0.9, 0.1]
    monkeypatch.setattr(loop, "held_out_test", lambda model, held_out: lambda: figures.pop(0))
    return figures


FIVE = dataclasses.replace(CONFIG, epochs=5)
EPOCH = 2  # steps: four people are left, with four images each, in batches of three and two


def test_the_best_epoch_is_kept_and_reported_the_first_of_equals(source, tmp_path, no_learning, figures):
    model = train(FIVE, source, tmp_path)
    records = metrics_without_times(tmp_path)
    assert [r["held_out_mAP"] for r in records] == [0.5, 0.9, 0.2, 0.9, 0.1]
    assert [r["step"] for r in records] == [EPOCH * n for n in range(1, 6)]
    assert checkpoint_names(tmp_path) == [f"step-{EPOCH * n:08d}.keras" for n in (1, 2, 4, 5)]
    assert reported_checkpoint(tmp_path).state().step == 2 * EPOCH
    assert model.output["logits"].shape == (None, 4)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["epochs"], summary["best_epoch"], summary["held_out_mAP"]) == (5, 2, 0.9)
    packed = pack_run(tmp_path, tmp_path / "packed")
    assert json.loads((packed / "config.json").read_text())["weights"]["step"] == 2 * EPOCH
    assert load_run(packed)[1].output["logits"].shape == (None, 4)


def test_a_run_that_was_stopped_after_its_best_epoch_still_has_it_at_the_end(source, tmp_path, no_learning, figures):
    with pytest.raises(TrainingInterrupted):
        train(FIVE, source, tmp_path, progress=stop_at(4 * EPOCH - 1))
    assert figures == [0.9, 0.1]
    assert reported_checkpoint(tmp_path).state().step == 2 * EPOCH
    train(FIVE, source, tmp_path, resume=True)
    assert [r["held_out_mAP"] for r in metrics_without_times(tmp_path)] == [0.5, 0.9, 0.2, 0.9, 0.1]
    assert reported_checkpoint(tmp_path).state().step == 2 * EPOCH


def test_damage_to_the_best_is_told_with_what_is_used_instead(source, tmp_path, no_learning, figures):
    train(FIVE, source, tmp_path)
    (tmp_path / "checkpoints" / f"step-{2 * EPOCH:08d}.keras").write_bytes(b"")
    with pytest.warns(UserWarning, match=rf"best on held-out people, is damaged .*instead: step-{EPOCH:08d}\.keras"):
        assert reported_checkpoint(tmp_path).state().step == EPOCH
    (tmp_path / "checkpoints" / f"step-{EPOCH:08d}.keras").unlink()
    with pytest.warns(UserWarning, match=rf"instead: step-{5 * EPOCH:08d}\.keras"):
        assert reported_checkpoint(tmp_path).state().step == 5 * EPOCH


@pytest.mark.slow
def test_testing_between_epochs_changes_nothing_in_training_and_survives_a_stop(source, tmp_path):
    config = dataclasses.replace(CONFIG, epochs=2, normalization="mixstyle")
    train(config, source, tmp_path / "straight")
    with pytest.raises(TrainingInterrupted):
        train(config, source, tmp_path / "stopped", progress=stop_at(EPOCH + 1))
    model = train(config, source, tmp_path / "stopped", resume=True)
    records = metrics_without_times(tmp_path / "stopped")
    assert records == metrics_without_times(tmp_path / "straight")
    assert all(0 < r["held_out_mAP"] <= 1 for r in records)
    best = reported_checkpoint(tmp_path / "straight")
    assert best.state().step == EPOCH * (1 + (records[1]["held_out_mAP"] > records[0]["held_out_mAP"]))
    for ours, theirs in zip(model.weights, best.load().weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=theirs.path)


def test_the_best_and_the_best_before_it_are_remembered():
    state = TrainingState()
    for step, mAP in enumerate([0.0, 0.2, 0.1, 0.3, 0.3, 0.4], start=1):
        state.step = step
        assert state.judge(mAP) == mAP
    assert (state.best_steps, state.best_mAP) == ([4, 6], 0.4)


def test_memory_of_gpus_is_the_most_that_one_of_them_had_in_use(monkeypatch, tmp_path):
    assert tf.config.list_logical_devices("GPU") or gpu_memory() == {}
    peaks, reset = {"GPU:0": 5, "GPU:1": 7}, []
    gpus = [tf.config.LogicalDevice(f"/device:{name}", "GPU") for name in peaks]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda name: {"peak": peaks[name], "current": 1})
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", reset.append)
    assert gpu_memory() == {"gpu_memory": 7}
    assert reset == list(peaks)
    with MetricsLog(tmp_path, up_to_step=0) as log:
        log.append({"step": 1, "losses": {}, **gpu_memory()})
    (events,) = (tmp_path / "tensorboard").iterdir()
    shown = [v.tag for e in tf.compat.v1.train.summary_iterator(str(events)) for v in e.summary.value]
    assert shown == ["gpu_memory"]
