"""One process writes at a time; a second is told which, and a dead one keeps nobody out."""

import errno
import fcntl
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import snr_keras
from snr_keras.reid.runs.lock import LockedError, locked_file, locked_folder

HOLD = """
import sys, types
from pathlib import Path
for name in ("snr_keras", "snr_keras.reid", "snr_keras.reid.runs"):  # without TensorFlow, which takes seconds
    sys.modules[name] = package = types.ModuleType(name)
    package.__path__ = [str(Path(sys.argv[2], *name.split(".")[1:]))]
from snr_keras.reid.runs.lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen]:
    """A process that holds the lock of a folder until its input ends."""
    command = [sys.executable, "-c", HOLD, str(folder), *snr_keras.__path__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_refused_with_the_process_and_host_of_the_first(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with another_process(run) as first:
        told = f"{run} is being written to by process {first.pid} on {platform.node()}"
        with pytest.raises(LockedError, match=told), locked_folder(run):
            pytest.fail("two hold one lock")


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with another_process(run) as first:
        first.kill()
        first.wait()
        assert os.listdir(run) != []
        with locked_folder(run), pytest.raises(LockedError, match=f"process {os.getpid()} "), locked_folder(run):
            pytest.fail("two hold one lock")
    assert os.listdir(run) == []


def test_a_folder_that_was_made_for_nothing_goes_again_and_what_is_in_one_stays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), locked_folder(tmp_path / "run"):
        raise ValueError("no")
    assert os.listdir(tmp_path) == []
    with locked_folder(tmp_path / "run"):
        (tmp_path / "run" / "config.json").touch()
    assert os.listdir(tmp_path / "run") == ["config.json"]
    with pytest.raises(NotADirectoryError, match=r"config\.json"), locked_folder(tmp_path / "run" / "config.json"):
        pytest.fail("a file is no folder")


def test_a_file_is_locked_beside_it(tmp_path: Path) -> None:
    vectors, others = tmp_path / "vectors.h5", tmp_path / "others.h5"
    told = pytest.raises(LockedError, match=r"vectors\.h5 is being written to")
    with locked_file(vectors), locked_file(others), told, locked_file(vectors):
        pytest.fail("two hold one lock")
    assert os.listdir(tmp_path) == []


def test_a_disk_without_locks_is_told_of_and_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", without)
    with (
        pytest.warns(UserWarning, match=r"a disk without locks \(.*No locks available"),
        locked_folder(tmp_path / "run"),
    ):
        (tmp_path / "run" / "config.json").touch()


def test_whoever_has_not_said_who_it_is_is_another_process(tmp_path: Path) -> None:
    with locked_folder(tmp_path):
        (tmp_path / ".lock.holder").write_text("{")
        with pytest.raises(LockedError, match="by another process"), locked_folder(tmp_path):
            pytest.fail("two hold one lock")
