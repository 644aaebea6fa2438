"""Whole models on the three Keras backends: the same embeddings, and the same losses over ten steps of `fit`.

Backends round differently, so "the same" needs a definition. The yardstick is how far the exact result moves (in
float64) if the weights and the images are moved by up to one unit in the last place of float32: the conditioning of the
model, or of the training, times the roundoff. An inner product of n terms, whose roundings are independent, is the
exact one of factors that are off by about sqrt(n) roundings (Higham and Mary, 2019), which is no more than sqrt(n) such
moves. A layer takes one for its output, and in training two more, for the gradients of its input and of its weights.
So each backend must be within K yardsticks of the exact result, K = sqrt(n) for the embeddings and 3 sqrt(n) for the
losses, with n the longest inner product there is. A step starts from what the steps before it made: its yardstick is
the largest so far. Nothing in K is fitted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
import pytest

from tests.frameworks.run_model import PERTURBED

BACKENDS = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]

#: The longest inner product of a forward pass, a 3x3 convolution of the last stage.
LONGEST = {"small": 9 * 128, "resnet50": 9 * 512}

#: That of a step of training, the gradient of the stem's kernel: a sum over 32x16 pixels of eight images.
LONGEST_IN_TRAINING = 8 * 32 * 16

pytestmark = pytest.mark.skipif(
    len(BACKENDS) < 3, reason=f"needs TensorFlow, JAX and PyTorch in one environment, has {BACKENDS}: tox -e models"
)

Arrays = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Arrays]:
    """The results of each backend in float32, and of TensorFlow, which alone has it throughout, in float64."""
    folder = tmp_path_factory.mktemp("models")
    asked = [("jax", "float32"), ("tensorflow", "float64"), ("torch", "float32"), ("tensorflow", "float32")]
    processes = {}
    for backend, dtype in asked:
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_ENABLE_X64": "0"}
        command = [sys.executable, "-m", "tests.frameworks.run_model", dtype, str(folder / f"{backend}_{dtype}.npz")]
        processes[backend, dtype] = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    results = {}
    for (backend, dtype), process in processes.items():
        _, said = process.communicate()
        assert process.returncode == 0, f"{backend} in {dtype}: {said[-3000:]}"
        with np.load(folder / f"{backend}_{dtype}.npz") as arrays:
            results[backend, dtype] = dict(arrays)
    return results


def yardstick(exact: Arrays, model: str, quantity: str) -> np.ndarray:
    """The largest move of each number."""
    moves = [np.abs(exact[f"{model}{i}/{quantity}"] - exact[f"{model}0/{quantity}"]) for i in range(1, PERTURBED + 1)]
    return np.max(moves, axis=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("model", ["small", "resnet50"])
def test_embeddings_agree(model: str, backend: str, runs: Mapping[tuple[str, str], Arrays]) -> None:
    exact, name = runs["tensorflow", "float64"], f"{model}0/embedding"
    expected, got = exact[name], runs[backend, "float32"][name]
    allowed = np.sqrt(LONGEST[model]) * yardstick(exact, model, "embedding").max()
    assert allowed < 0.01 * np.abs(expected).max(), "a bound that means something"
    assert np.abs(got - expected).max() <= allowed


@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_steps_of_fit_give_the_same_losses(backend: str, runs: Mapping[tuple[str, str], Arrays]) -> None:
    exact, name = runs["tensorflow", "float64"], "small0/losses"
    expected, got = exact[name], runs[backend, "float32"][name]
    allowed = 3 * np.sqrt(LONGEST_IN_TRAINING) * np.maximum.accumulate(yardstick(exact, "small", "losses"))
    assert expected[-1] < expected[0], "it trains"
    assert (allowed < 1e-3 * expected).all(), "a bound that means something"
    assert (np.abs(got - expected) <= allowed).all(), np.stack([np.abs(got - expected), allowed])
