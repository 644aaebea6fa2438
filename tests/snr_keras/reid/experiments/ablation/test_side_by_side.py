"""Processes side by side: each with its threads, none left behind."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from snr_keras.reid.experiments.ablation.side_by_side import STOPPED, side_by_side, threads_of

pytestmark = pytest.mark.slow

Task = tuple[str, str]


def note_threads(path: str, name: str) -> None:
    import tensorflow as tf

    (Path(path) / name).write_text(str(tf.config.threading.get_intra_op_parallelism_threads()))


def wait_to_be_stopped(path: str, name: str) -> None:
    """What a training does: it stops at the signal after it has saved."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    (Path(path) / name).write_text("running")
    while not stopped:
        time.sleep(0.01)
    (Path(path) / name).write_text("saved")
    raise KeyboardInterrupt


def fail(path: str, name: str) -> None:
    if name == "bad":
        raise ValueError("on purpose")
    wait_to_be_stopped(path, name)


def name_of(task: Task) -> str:
    return task[1]


def test_all_are_done_in_processes_that_share_the_cores(tmp_path: Path) -> None:
    tasks, begun = [(str(tmp_path), name) for name in "abc"], []
    done = list(side_by_side(note_threads, tasks, 2, name=name_of, begun=begun.append))
    assert begun == tasks
    assert sorted(done) == tasks
    assert {path.read_text() for path in tmp_path.iterdir()} == {str(threads_of(2))}
    assert threads_of(1) == os.cpu_count()
    assert threads_of(10**6) == 1


def test_a_signal_reaches_all_and_is_waited_for(tmp_path: Path) -> None:
    tasks = [(str(tmp_path), name) for name in "abc"]

    def stop() -> None:
        while [path.name for path in tmp_path.glob("*") if path.read_text() == "running"] not in (
            ["a", "b"],
            ["b", "a"],
        ):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(KeyboardInterrupt, match="is saved"):
        list(side_by_side(wait_to_be_stopped, tasks, 2, name=name_of, begun=lambda task: None))
    stopper.join()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "saved", "b": "saved"}
    assert signal.getsignal(signal.SIGTERM) is before
    assert STOPPED == 130


def test_where_one_fails_the_others_are_stopped(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    tasks = [(str(tmp_path), name) for name in ("good", "bad", "never")]
    with pytest.raises(ChildProcessError, match="exit status 1 of bad"):
        for _ in side_by_side(fail, tasks, 2, name=name_of, begun=lambda task: None):
            pass
    assert "ValueError: on purpose" in capfd.readouterr().err
    assert not (tmp_path / "never").exists()
