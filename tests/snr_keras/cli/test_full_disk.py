"""A command that runs out of room ends in one message with the file's name, leaves nothing half, and works again."""

import json
import os
from pathlib import Path

import pytest

from snr_keras.files.atomic import append_line
from snr_keras.reid.experiments.ablation.report import write_reports
from snr_keras.reid.visualization import save_loss_curves
from tests.snr_keras.reid.experiments.ablation.test_report import made_up
from tests.snr_keras.reid.runs.test_full_disk import largest_file
from tests.snr_keras.reid.small import epoch_record

SMALL = ("--train-identities", 1, "--test-identities", 1, "--cameras", 2, "--images-per-camera", 2)


def test_a_world_is_drawn_whole_or_not_at_all(snr, tmp_path: Path) -> None:
    command = ("data", "synthesize", tmp_path / "world", "--domain", "day", "--image-size", "32x16", *SMALL)
    with largest_file(500):
        outcome = snr(*command)
    assert outcome.status == 1
    assert f"error: {tmp_path / 'world' / 'day'} could not be written: File too large" in outcome.output
    assert os.listdir(tmp_path / "world") == []
    assert snr(*command).status == 0


def test_a_picture_is_drawn_whole_or_not_at_all(tmp_path: Path) -> None:
    append_line(tmp_path / "metrics.jsonl", json.dumps(epoch_record(1)))
    for path in (tmp_path / "pictures" / "loss.png", tmp_path / "loss.png"):
        with largest_file(1000), pytest.raises(OSError, match=r"loss\.png could not be written: File too large"):
            save_loss_curves({"none": tmp_path}, path)
        assert not path.exists()
        assert list(path.parent.glob(".*")) == []
    assert save_loss_curves({"none": tmp_path}, tmp_path / "loss.png").stat().st_size > 1000


def test_the_tables_of_an_ablation_stay_as_they_were_until_the_new_ones_are_whole(tmp_path: Path) -> None:
    _, results = made_up(seeds=1)
    write_reports(results, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with largest_file(1000), pytest.raises(OSError, match=r"results\.json could not be written: File too large"):
        write_reports(made_up(seeds=2)[1], tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
