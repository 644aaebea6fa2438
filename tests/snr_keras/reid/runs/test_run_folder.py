"""What a run folder says of the run, and which runs can be resumed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.report import ScanReport
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.runs.run_folder import begin_run, describe_run, read_record, resume_run


def source(version: str = "") -> ReIDDataset:
    train = Split(("1.jpg", "2.jpg"), np.array([1, 2]), None)
    return ReIDDataset("people", train, Split.empty(), Split.empty(), ScanReport("people", ()), version=version)


def test_the_version_of_the_source_is_recorded(tmp_path):
    begin_run(tmp_path, describe_run(TrainingConfig(), source("MSMT17_V2")))
    assert json.loads((tmp_path / "config.json").read_text())["source"]["version"] == "MSMT17_V2"
    with pytest.raises(ValueError, match="version was 'MSMT17_V2', now 'MSMT17_V1'"):
        resume_run(tmp_path, describe_run(TrainingConfig(), source("MSMT17_V1")))


def test_a_source_whose_name_is_no_text_is_recorded_as_it_is_printed(tmp_path):
    begin_run(tmp_path, describe_run(TrainingConfig(), replace(source(), name="bad\udcff\x1b")))
    assert read_record(tmp_path)["source"]["name"] == r"bad\udcff\x1b"


def test_a_run_that_was_begun_before_a_setting_was_added_can_be_resumed(tmp_path):
    begin_run(tmp_path, describe_run(TrainingConfig(), source()))
    config = json.loads((tmp_path / "config.json").read_text())
    del config["training"]["domain_balanced"]
    del config["seal"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    resume_run(tmp_path, describe_run(TrainingConfig(), source()))
    with pytest.raises(ValueError, match="domain_balanced was False, now True"):
        resume_run(tmp_path, describe_run(TrainingConfig(domain_balanced=True), source()))


def test_a_run_that_was_begun_with_another_default_of_the_reduction_goes_on_with_its_own(tmp_path):
    begin_run(tmp_path, describe_run(TrainingConfig(reduction=16), source()))
    with pytest.raises(ValueError, match="reduction was 16, now 2"):
        resume_run(tmp_path, describe_run(TrainingConfig(), source()))
    resume_run(tmp_path, describe_run(TrainingConfig(reduction=16), source()))


def test_a_checkpoint_that_was_not_written_to_its_end_is_told_of_when_the_run_goes_on(tmp_path):
    begin_run(tmp_path, describe_run(TrainingConfig(), source()))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".unfinished-0123456789ab.keras").write_bytes(b"half")
    with pytest.warns(UserWarning, match=r"0123456789ab\.keras is incomplete: the checkpoint before it"):
        resume_run(tmp_path, describe_run(TrainingConfig(), source()))
