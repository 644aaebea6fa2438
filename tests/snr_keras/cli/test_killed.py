"""`snr train` killed by SIGKILL, again and again, and resumed: it ends bit for bit as the run that nobody disturbed.

Each life of the run is a process of its own. So that it does not spend its time importing TensorFlow, it is forked from
a server that has imported it and done nothing else (a single thread, no operation run yet); the undisturbed run is an
ordinary `snr train`. A moment is counted from what the run itself shows, its lines and its files, and not from the
clock alone: it is the same moment on a slow machine, and every life gets far enough for the next one to differ.
"""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from snr_keras.cli import main
from snr_keras.reid.runs.checkpoints import Checkpoint, newest_checkpoint, reported_checkpoint
from tests.snr_keras.reid.small import metrics_without_times

pytestmark = pytest.mark.slow

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
KILLS = 20 if THOROUGH else 3
EPOCHS = 4 * KILLS + 4  # a life ends after at most three of them, and one that has begun
STEPS_PER_EPOCH = 2  # two people of four, with four images each, in batches of four images

SETTINGS = ("--set", "training.stages=[4]", "--epochs", EPOCHS, "--warmup-epochs", 1, "--image-size", "32x16")
SETTINGS = (*SETTINGS, "--identities-per-batch", 2, "--images-per-identity", 2, "--held-out", 0.5)


class Undisturbed(NamedTuple):
    """The run that was never killed, and how long it takes to do what."""

    folder: Path
    start: float
    """Seconds until the first epoch is done, about."""
    epoch: float
    """Seconds of an epoch, checkpoint and all."""


@pytest.fixture(scope="module")
def undisturbed(world: Path, tmp_path_factory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    command = [sys.executable, "-u", "-m", "snr_keras.cli", *map(str, arguments(world, folder))]
    done = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        done += [time.monotonic() for line in process.stdout or () if line.startswith("epoch ")]
    assert process.returncode == 0
    assert len(done) == EPOCHS
    first = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])["seconds"]
    return Undisturbed(folder, start=1.5 * first, epoch=(done[-1] - done[0]) / (EPOCHS - 1))


def arguments(world: Path, folder: Path, *more: str) -> tuple[object, ...]:
    return ("train", "--source", world / "day", "--out", folder, *SETTINGS, *more)


def live(words: list[str], output: Path) -> None:
    """The whole of a process: `snr` with these words, its output to a file."""
    with output.open("wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = ["snr", *words]
    main()


def test_a_run_that_is_killed_at_any_moment_ends_bit_for_bit_as_one_that_is_not(
    undisturbed: Undisturbed, world: Path, tmp_path: Path
) -> None:
    seed = int(os.environ.get("SNR_KILL_SEED", random.SystemRandom().randrange(2**32)))
    print(f"SNR_KILL_SEED={seed}")
    rng = random.Random(seed)
    run = tmp_path / "run"
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["snr_keras.cli"])
    found: Counter[str] = Counter()
    for number in range(KILLS + 1):
        output = tmp_path / f"output_{number}"
        output.touch()
        before = half_written(run)
        resume = ("--resume",) if (run / "config.json").exists() else ()
        process = server.Process(target=live, args=([*map(str, arguments(world, run, *resume))], output))
        process.start()
        try:
            if number < KILLS:
                moment = MOMENTS[number % len(MOMENTS)]
                await_moment(moment, run, output, process, undisturbed, rng)
                process.kill()
            process.join(600)
        finally:
            process.kill()
        told = output.read_text()
        if number < KILLS:
            assert process.exitcode == -signal.SIGKILL, f"it ended by itself: {told}"
            left = left_in(run, before)
            found[left] += 1
            print(f"kill {number + 1:2}, {moment}: {told.count('epoch ')} epochs in this life, left {left}")
        else:
            assert process.exitcode == 0, told
    print(dict(found))
    assert found["a half-written checkpoint"]
    assert metrics_without_times(run) == metrics_without_times(undisturbed.folder)
    assert_same_bits(newest_checkpoint(run), newest_checkpoint(undisturbed.folder))
    assert_same_bits(reported_checkpoint(run), reported_checkpoint(undisturbed.folder))


MOMENTS = ("while it writes a checkpoint", "at any time", "between the line of an epoch and its checkpoint")


def await_moment(
    moment: str, run: Path, output: Path, process: BaseProcess, usual: Undisturbed, rng: random.Random
) -> None:
    """Return at a moment that a die decides."""

    def wait_until(happened: Callable[[], bool], *, look_every: float = 0.005) -> None:
        deadline = time.monotonic() + 600
        while not happened() and process.is_alive():
            assert time.monotonic() < deadline, f"{moment}: nothing happens. {output.read_text()}"
            time.sleep(look_every)

    def lines() -> int:
        return output.read_text().count("epoch ")

    def size_of_log() -> int:
        return (run / "metrics.jsonl").stat().st_size if (run / "metrics.jsonl").exists() else 0

    epochs, before = rng.randrange(3), half_written(run)
    wait_until(lambda: lines() >= epochs)
    if moment == "at any time":  # before the first epoch it reads images, builds, loads and compiles
        end = time.monotonic() + rng.uniform(0, usual.epoch if epochs else usual.start)
        wait_until(lambda: time.monotonic() > end or lines() >= 3)
    elif moment == "while it writes a checkpoint":
        longer = rng.uniform(0, usual.epoch / 4)
        while process.is_alive():
            wait_until(lambda: bool(half_written(run) - before))
            time.sleep(longer)
            os.kill(process.pid, signal.SIGSTOP)  # what is half-written now is so when the process is killed
            if half_written(run) - before:
                return
            os.kill(process.pid, signal.SIGCONT)  # it was done by then: the next one, and at once
            longer = 0
    else:
        wait_until(lambda: lines() >= max(1, epochs))  # it has cut its log to where it stands
        size = size_of_log()
        wait_until(lambda: size_of_log() != size, look_every=0.0005)


def half_written(run: Path) -> set[tuple[str, int]]:
    """The checkpoints that are being written, or were when the process was killed, and when they last changed."""
    with suppress(FileNotFoundError):  # one was finished between listing and looking
        return {(path.name, path.stat().st_mtime_ns) for path in run.glob("checkpoints/.unfinished-*")}
    return set()


def left_in(run: Path, before: set[tuple[str, int]]) -> str:
    """What a killed process left behind, beside what was there before it began."""
    if half_written(run) - before:
        return "a half-written checkpoint"
    logged = len((run / "metrics.jsonl").read_text().splitlines()) if (run / "metrics.jsonl").exists() else 0
    steps = [int(path.stem.removeprefix("step-")) for path in run.glob("checkpoints/step-*.keras")]
    saved = max(steps, default=0) // STEPS_PER_EPOCH
    if logged > saved:
        return "a line without its checkpoint"
    return "whole checkpoints" if steps else "no checkpoint"


def assert_same_bits(ours: Checkpoint | None, theirs: Checkpoint | None) -> None:
    """Every variable of model and optimizer."""
    assert ours is not None
    assert theirs is not None
    assert ours.path.name == theirs.path.name
    pairs = zip(variables(ours.load()), variables(theirs.load()), strict=True)
    for (path, mine), (_, its) in pairs:
        assert mine.dtype == its.dtype
        assert mine.tobytes() == its.tobytes(), f"{path}: {mine} is not {its}"


def variables(model) -> list[tuple[str, np.ndarray]]:
    return [(v.path, np.asarray(v)) for v in (*model.variables, *model.optimizer.variables)]
