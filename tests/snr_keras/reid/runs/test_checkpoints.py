"""Checkpoint files: whole or not there, damaged ones found and reported, the last two kept."""

import json
import warnings
import zipfile
from dataclasses import asdict
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snr_keras.reid.runs.checkpoints import TrainingState, newest_checkpoint, save_checkpoint
from tests.snr_keras.reid.small import checkpoint_names


def model() -> keras.Model:
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs))


def test_a_checkpoint_says_where_training_stood(tmp_path):
    state = TrainingState(step=7, epoch_sums={"total": 0.1 + 0.2}, epoch_steps=3, epoch_seconds=1.5)
    saved = model()
    assert save_checkpoint(saved, tmp_path, state) == tmp_path / "checkpoints" / "step-00000007.keras"
    checkpoint = newest_checkpoint(tmp_path)
    assert checkpoint.state() == state
    for ours, theirs in zip(checkpoint.load().get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_last_two_are_kept(tmp_path):
    for step in (1, 20, 3_000_000_000, 3):
        save_checkpoint(model(), tmp_path, TrainingState(step=step))
    assert checkpoint_names(tmp_path) == ["step-00000020.keras", "step-3000000000.keras"]
    assert newest_checkpoint(tmp_path).state().step == 3_000_000_000


def test_a_folder_without_checkpoints_has_no_newest(tmp_path):
    assert newest_checkpoint(tmp_path) is None


def test_a_write_that_fails_leaves_the_old_checkpoint_and_nothing_that_looks_like_one(tmp_path, monkeypatch):
    save_checkpoint(model(), tmp_path, TrainingState(step=1))

    def full_disk(*args, **kwargs):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full_disk)
        with pytest.raises(
            OSError, match=r"At step 2.*No space left.*complete checkpoint: .*step-00000001\.keras\. Once"
        ):
            save_checkpoint(model(), tmp_path, TrainingState(step=2))
    assert newest_checkpoint(tmp_path).state().step == 1
    assert checkpoint_names(tmp_path) == ["step-00000001.keras"]  # what was written is given back to the full disk
    save_checkpoint(model(), tmp_path, TrainingState(step=2))
    assert checkpoint_names(tmp_path) == ["step-00000001.keras", "step-00000002.keras"]


@pytest.mark.parametrize("size", [0, 10, 1000, -1])
def test_a_truncated_checkpoint_is_reported_and_the_one_before_is_used(tmp_path, size):
    save_checkpoint(model(), tmp_path, TrainingState(step=1))
    newest = save_checkpoint(model(), tmp_path, TrainingState(step=2))
    newest.write_bytes(newest.read_bytes()[:size])
    with pytest.warns(
        UserWarning, match=r"step-00000002\.keras is damaged .* Used instead: the one before, step-00000001\.keras"
    ):
        assert newest_checkpoint(tmp_path).state().step == 1


def test_where_every_checkpoint_is_damaged_each_is_named_and_that_there_is_no_other(tmp_path):
    for step in (1, 2):
        save_checkpoint(model(), tmp_path, TrainingState(step=step)).write_bytes(b"")
    with pytest.warns(UserWarning, match=r"00002\.keras is damaged .*00001\.keras is damaged .*is no earlier one"):
        assert newest_checkpoint(tmp_path) is None


def test_a_keras_file_that_is_no_checkpoint_of_a_run_is_reported(tmp_path):
    save_checkpoint(model(), tmp_path, TrainingState(step=1))
    model().save(tmp_path / "checkpoints" / "step-00000002.keras")
    with pytest.warns(UserWarning, match=r"without \['training_state\.json'\]"):
        assert newest_checkpoint(tmp_path).state().step == 1


MEMBERS = {
    "config.json": b"{}",
    "model.weights.h5": bytes(range(40)),
    "training_state.json": json.dumps(asdict(TrainingState(step=3))).encode(),
}


@given(position=st.integers(0, 10_000), flipped=st.integers(1, 255))
@example(position=158, flipped=1)  # a size that zipfile notices when it reads, and not when it tests
def test_a_changed_byte_is_noticed_wherever_it_matters(tmp_path_factory, position, flipped):
    path = tmp_path_factory.mktemp("run") / "checkpoints" / "step-00000003.keras"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in MEMBERS.items():
            file.writestr(name, content)
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= flipped
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as reported:
        warnings.simplefilter("always")
        checkpoint = newest_checkpoint(path.parents[1])
    assert (checkpoint is None) == (len(reported) == 1)
    if checkpoint is not None:
        with zipfile.ZipFile(path) as file:
            assert {name: file.read(name) for name in MEMBERS} == MEMBERS
        assert checkpoint.state().step == 3


def test_means_over_an_epoch_are_those_of_its_steps():
    state = TrainingState()
    for value in (1.0, 2.0, 6.0):
        state.add({"total": value, "gradient_norm": 2 * value, "accuracy": value / 10}, seconds=0.5)
    record = state.end_epoch(batch_size=10)
    assert record["losses"] == {"total": 3.0}
    assert (record["gradient_norm"], record["seconds"], record["images_per_second"]) == (6.0, 1.5, 20.0)
    assert record["accuracy"] == pytest.approx(0.3)
    assert state == TrainingState(step=3)


def test_no_pickle_and_no_code_is_loaded_from_a_checkpoint(tmp_path):
    inputs = keras.Input((3,))
    unsafe = keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs))
    save_checkpoint(unsafe, Path(tmp_path), TrainingState(step=1))
    with pytest.raises(Exception, match="safe"):
        newest_checkpoint(tmp_path).load()


def test_a_checkpoint_that_unpacks_to_more_than_it_is_or_reaches_beyond_itself_is_damaged_before_it_is_read(tmp_path):
    path = save_checkpoint(model(), tmp_path, TrainingState(step=1))
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}

    def damage_of(compression: int = zipfile.ZIP_STORED, **changed: bytes) -> str:
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, content in (parts | changed).items():
                file.writestr(name, content)
        with pytest.warns(UserWarning, match="is damaged") as caught:
            assert newest_checkpoint(tmp_path) is None
        return str(caught[0].message)

    assert "is compressed; expected members that are stored" in damage_of(zipfile.ZIP_DEFLATED, bomb=bytes(10**6))
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["vars"] = h5py.ExternalLink("other.h5", "/vars")
    content = (tmp_path / "linked.h5").read_bytes()
    assert "/vars must have the object itself, not a link" in damage_of(**{"model.weights.h5": content})

    larger = bytearray(path.read_bytes())
    entry = larger.rindex(b"PK\x01\x02")  # the last member, whose sizes are at 20 and 24
    larger[entry + 20 : entry + 28] = 2 * (10**9).to_bytes(4, "little")
    path.write_bytes(larger)
    with pytest.warns(UserWarning, match=r"its members have \d{10} bytes; expected at most the file.s"):
        assert newest_checkpoint(tmp_path) is None
