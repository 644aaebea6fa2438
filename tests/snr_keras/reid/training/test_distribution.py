"""Several devices do what one does: two virtual CPUs, and two workers, against a run on one device.

The runs themselves are in `several_devices`, in float64 and with plain SGD.
"""

import json
import os
import random
import socket
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
import pytest

from snr_keras.reid.runs import make_strategy
from snr_keras.reid.runs.checkpoints import Checkpoint
from tests.snr_keras.reid.small import write_images
from tests.snr_keras.reid.training.several_devices import MISTAKES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]

# In each of 6 steps, in 5 layers forth and back, sums of at most 8 * 7 * 3 products (images times pixels after the
# convolution) are taken in another order, which to first order changes each by at most n u of what it adds up (Higham,
# "Accuracy and Stability of Numerical Algorithms", 2002, eq. 4.4). Relative to the largest change of a weight: 1.1e-12.
BOUND = 6 * (2 * 5) * (8 * 7 * 3) * 2.0**-53

TF_CONFIG = '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("several devices")
    write_images(folder / "data")
    return folder


def start(what: str, folder: Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.snr_keras.reid.training.several_devices", what, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "tensorflow", **environment},
    )


def finish(*processes: subprocess.Popen) -> None:
    try:
        outputs = [process.communicate(timeout=600)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output


@pytest.fixture(scope="module")
def two_devices(folder) -> Path:
    finish(start("two_devices", folder))
    return folder


def free_addresses(number: int) -> list[str]:
    """Below the ports that a system gives to whoever asks for any: they are still free when the workers take them."""
    found: list[str] = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 1000):
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("localhost", port))
            found.append(f"localhost:{port}")
        if len(found) == number:
            return found
    raise AssertionError("No port is free")


@pytest.fixture(scope="module")
def two_workers(two_devices) -> Path:
    addresses = free_addresses(2)
    configs = [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}) for index in (0, 1)
    ]
    finish(*(start("worker", two_devices, TF_CONFIG=config) for config in configs))
    return two_devices


def weights(run_dir: Path, step: int = 6) -> dict[str, np.ndarray]:
    model = Checkpoint(run_dir / "checkpoints" / f"step-{step:08d}.keras").load()
    assert int(model.optimizer.iterations) == step
    return {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}


def reported(folder: Path, name: str) -> dict:
    return json.loads((folder / f"{name}.json").read_text())


def difference(folder: Path, run: str, expected: str) -> float:
    """The largest difference of any weight, relative to the largest change of a weight in the second epoch."""
    actual, right, before = weights(folder / run), weights(folder / expected), weights(folder / expected, step=3)
    assert actual.keys() == right.keys()
    assert {weight.dtype for weight in (*actual.values(), *right.values())} == {np.dtype("float64")}
    largest = max(np.max(np.abs(right[path] - before[path])) for path in right)
    return max(np.max(np.abs(actual[path] - right[path])) for path in right) / largest


def largest_difference_of_terms(folder: Path, run: str, expected: str) -> float:
    ours, theirs = reported(folder, run)["steps"], reported(folder, expected)["steps"]
    assert len(ours) == len(theirs) == 6
    assert [list(terms) for terms in ours] == [list(terms) for terms in theirs]
    return max(abs(a[name] - b[name]) for a, b in zip(ours, theirs, strict=True) for name in b)


# ---- two devices of one process


def test_two_devices_do_what_one_does(two_devices):
    """Weights, moving statistics, every term of the loss, the norm of the gradient, and the accuracy."""
    assert difference(two_devices, "two", "one") < BOUND
    assert largest_difference_of_terms(two_devices, "two", "one") < 10 * BOUND  # terms of up to 5


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_would_be_seen(two_devices, mistake):
    """What is summed twice, what Keras divides by the number of replicas, and what is told from a share of a batch."""
    assert difference(two_devices, mistake, "plain") > 1e6 * BOUND


def test_the_sum_of_gradients_is_clipped_and_not_each_share(two_devices):
    norms = [terms["gradient_norm"] for terms in reported(two_devices, "clipped")["steps"]]
    assert min(norms) > 1  # twice what is left of it
    assert difference(two_devices, "clipped_two", "clipped") < BOUND


def test_a_run_that_was_stopped_resumes_bit_for_bit_on_as_many_devices(two_devices):
    assert difference(two_devices, "stopped_two", "clipped_two") == 0
    assert reported(two_devices, "stopped_two-resumed")["warnings"] == []


def test_a_run_may_go_on_on_one_device(two_devices):
    assert difference(two_devices, "stopped_two_then_one", "clipped") < BOUND
    (warning,) = reported(two_devices, "stopped_two_then_one-resumed")["warnings"]
    assert "The run was started on 2 devices, now 1: last digits may differ." in warning


def test_a_checkpoint_does_not_tell_on_how_many_devices_it_was_trained(two_devices):
    """Keras loads layers that are synchronized on TensorFlow alone."""
    with zipfile.ZipFile(two_devices / "two" / "checkpoints" / "step-00000006.keras") as file:
        layers = {
            layer["config"]["name"]: layer["config"]
            for layer in json.loads(file.read("config.json"))["config"]["layers"]
        }
    assert not layers["bn"]["synchronized"]
    assert "synchronized" not in layers["bin"]


def test_what_several_devices_cannot_do_is_refused(two_devices):
    refusals = reported(two_devices, "two_devices")["refusals"]
    assert "`identities_per_batch` to a multiple of 2. Received: identities_per_batch=5" in refusals["identities"]
    assert "Received: normalization='mixstyle', 2 replicas" in refusals["styles"]
    assert "leave `jit_compile` off. Received: jit_compile=True, 2 replicas" in refusals["xla"]
    assert "must be a tf.distribute.MirroredStrategy or MultiWorkerMirroredStrategy. Received" in refusals["kind"]
    assert "Received: layers without it: ['odd']" in refusals["layer"]
    assert refusals["folder"] == "not made"


def test_an_overflow_on_one_device_skips_the_update_of_both_and_halves_the_scale_once(two_devices):
    overflown, after = reported(two_devices, "two_devices")["overflow"]
    assert overflown == {"scales": [2.0**119] * 2, "kernels": [[[1.0, 1.0], [1.0, 1.0]]] * 2, "updates": 0}
    assert after == {"scales": [2.0**119] * 2, "kernels": [[[0.5, 0.5], [0.5, 0.5]]] * 2, "updates": 1}


# ---- two workers


def test_two_workers_that_were_stopped_and_resumed_do_what_one_device_does(two_workers):
    assert difference(two_workers, "workers", "one") < BOUND


def test_all_workers_stop_after_the_same_step_whoever_gets_the_signal(two_workers):
    stopped = [(two_workers / f"stopped-worker{index}.txt").read_text() for index in (0, 1)]
    assert stopped[0] == stopped[1]
    assert stopped[0].startswith("Stopped by SIGTERM after step 3 of 6, which is saved in")


def test_only_the_chief_writes_and_reports(two_workers):
    assert [len(reported(two_workers, f"workers-worker{index}")["steps"]) for index in (0, 1)] == [3, 0]
    assert [len(reported(two_workers, f"workers-resumed-worker{index}")["steps"]) for index in (0, 1)] == [3, 0]
    lines = (two_workers / "workers" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [3, 6]
    assert len(list((two_workers / "workers" / "tensorboard").iterdir())) == 1


def test_workers_with_different_settings_say_so_all_of_them(two_workers):
    for index in (0, 1):
        said = (two_workers / f"different-worker{index}.txt").read_text()
        assert "All workers need the same settings, images, step" in said
        assert said.endswith("Received: different settings")


# ---- what is asked for


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match=r"one of \('mirrored', 'multi_worker'\)\. Received: 'horovod'"):
        make_strategy("horovod")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "[" * 10_000,
        '{"cluster": {"worker": ["a:1"]}}',
        TF_CONFIG.replace('"index": 0', '"index": 2'),
        TF_CONFIG.replace('"index": 0', '"index": "0"'),
        TF_CONFIG.replace('"type": "worker"', '"type": "ps"'),
        TF_CONFIG.replace("a:1", "a"),
    ],
)
def test_a_missing_or_malformed_tf_config_is_refused_with_one_that_is_right(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    received = "no TF_CONFIG" if text is None else f"TF_CONFIG={text!r}"
    with pytest.raises(ValueError, match="needs the environment variable TF_CONFIG, such as") as caught:
        make_strategy("multi_worker")
    assert str(caught.value).endswith(f"Received: {received}")


def test_a_cluster_is_joined_first_of_all(monkeypatch):
    keras.ops.ones(1)  # TensorFlow has begun
    monkeypatch.setenv("TF_CONFIG", TF_CONFIG)
    with pytest.raises(RuntimeError, match=r"call `strategy = make_strategy\(\"multi_worker\"\)` first of all"):
        make_strategy("multi_worker")
