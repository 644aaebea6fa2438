"""A disk that gets full while a run writes: the run stops and says what is safe, and goes on once there is room."""

import dataclasses
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from snr_keras.reid.runs import pack_run
from snr_keras.reid.runs.logs import MetricsLog, read_metrics
from snr_keras.reid.runs.run_folder import read_record, write_packed
from snr_keras.reid.training import train
from tests.snr_keras.reid.small import SMALL, checkpoint_names, epoch_record, metrics_without_times

pytestmark = pytest.mark.usefixtures("small_networks")

CONFIG = dataclasses.replace(SMALL, normalization="none", stages=None)


@contextmanager
def disk_of_megabytes(size: int, where: Path) -> Iterator[None]:
    """A file system of its own in a folder; what is in it when the test ends is lost with it."""
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(where)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk may be mounted here: {getattr(error, 'stderr', '') or error}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def fill(disk: Path) -> None:
    """Write until nothing more goes."""
    with suppress(OSError), open(disk / "others' data", "ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Another way in which writing fails half-way: no file may get larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def after(step: int, act: Callable[[], object]):
    def progress(event):
        if event.step == step:
            act()

    return progress


def test_a_run_on_a_disk_that_gets_full_says_what_is_safe_and_goes_on_once_there_is_room(source, tmp_path, no_learning):
    with disk_of_megabytes(16, tmp_path / "disk"):
        run = tmp_path / "disk" / "run"
        with pytest.raises(OSError, match=r"At step 8, .* could not be written to") as caught:
            train(CONFIG, source, run, progress=after(5, lambda: fill(tmp_path / "disk")))
        safe = run / "checkpoints" / "step-00000004.keras"
        assert "No space left on device" in str(caught.value)
        assert f"last complete checkpoint: {safe}. Once there is room" in str(caught.value)
        assert checkpoint_names(run) == [safe.name]
        with pytest.raises(OSError, match="No space left on device"):  # still no room: it is said, and nothing is lost
            train(CONFIG, source, run, resume=True)
        assert checkpoint_names(run) == [safe.name]
        (tmp_path / "disk" / "others' data").unlink()
        train(CONFIG, source, run, resume=True)
        assert [r["step"] for r in metrics_without_times(run)] == [4, 8, 12]
        assert checkpoint_names(run) == ["step-00000008.keras", "step-00000012.keras"]


def test_a_checkpoint_that_breaks_off_leaves_no_remains(source, tmp_path, no_learning):
    with (
        pytest.raises(OSError, match=r"At step 4.*File too large.*none yet.*continue from the beginning"),
        largest_file(20_000),
    ):
        train(CONFIG, source, tmp_path)
    assert checkpoint_names(tmp_path) == []
    train(CONFIG, source, tmp_path, resume=True)
    assert [r["step"] for r in metrics_without_times(tmp_path)] == [4, 8, 12]


def test_a_line_of_the_log_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(MetricsLog, "_draw", lambda self, record: None)  # TensorBoard's file would be full first
    with MetricsLog(tmp_path, up_to_step=0) as log:
        for step in (1, 2):
            log.append(epoch_record(step))
        before = (tmp_path / "metrics.jsonl").read_bytes()
        with (
            largest_file(len(before) + 50),
            pytest.raises(OSError, match=r"At step 3.*metrics\.jsonl could not be written: File too large"),
        ):
            log.append(epoch_record(3))
        assert (tmp_path / "metrics.jsonl").read_bytes() == before
        log.append(epoch_record(3))
    assert [record["step"] for record in read_metrics(tmp_path)] == [1, 2, 3]


def test_packing_onto_a_full_disk_leaves_nothing_and_works_once_there_is_room(finished_run, tmp_path):
    run, model, _ = finished_run
    with largest_file(10_000), pytest.raises(OSError, match=r"packed could not be written: File too large"):
        write_packed(tmp_path / "packed", model, {**read_record(run)})
    assert os.listdir(tmp_path) == []
    assert sorted(os.listdir(pack_run(run, tmp_path / "packed"))) == ["config.json", "weights.h5"]
