"""Whole models on the three Keras backends: the same embeddings, and the same losses over ten steps of training.

No backend rounds as another does, so what is the same has to be said. The yardstick is how far the exact result moves
(in float64) if the weights and the images are moved by one unit in the last place of float32: the conditioning of the
model, or of the training, times the roundoff. An inner product of n terms is as good as one whose factors are off by
sqrt(n) such units, its roundings being independent; and a layer takes three, of its output, of the gradient of its
input, and of that of its weights. So each backend must be within K = 3 sqrt(n) yardsticks of the exact result, with n
the longest inner product of the model. Nothing in K is fitted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.frameworks.run_model import PERTURBED

BACKENDS = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]

#: The longest inner product, a 3x3 convolution of the last stage.
LONGEST = {"small": 9 * 128, "resnet50": 9 * 512}

pytestmark = pytest.mark.skipif(
    len(BACKENDS) < 3, reason=f"needs TensorFlow, JAX and PyTorch in one environment, has {BACKENDS}: tox -e models"
)

Arrays = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def run(backend: str, dtype: str, folder: Path) -> Arrays:
    """The results of a process of that backend."""
    out = folder / f"{backend}_{dtype}.npz"
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.frameworks.run_model", dtype, str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def exact(folder: Path) -> Arrays:
    """In float64, in which of the three TensorFlow alone computes throughout."""
    return run("tensorflow", "float64", folder)


@pytest.fixture(scope="module", params=BACKENDS)
def in_float32(request: pytest.FixtureRequest, folder: Path) -> Arrays:
    return run(request.param, "float32", folder)


def bound(exact: Arrays, model: str, quantity: str) -> np.ndarray:
    """K yardsticks."""
    moves = [np.abs(exact[f"{model}{i}/{quantity}"] - exact[f"{model}0/{quantity}"]) for i in range(1, PERTURBED + 1)]
    return 3 * np.sqrt(LONGEST[model]) * np.max(moves, axis=0)


@pytest.mark.parametrize("model", ["small", "resnet50"])
def test_embeddings_agree(model: str, exact: Arrays, in_float32: Arrays) -> None:
    expected, got = exact[f"{model}0/embedding"], in_float32[f"{model}0/embedding"]
    allowed = bound(exact, model, "embedding").max()
    assert allowed < 0.01 * np.abs(expected).max(), "a bound that means something"
    assert np.abs(got - expected).max() <= allowed


def test_ten_steps_of_training_give_the_same_losses(exact: Arrays, in_float32: Arrays) -> None:
    expected, got = exact["small0/losses"], in_float32["small0/losses"]
    allowed = np.maximum.accumulate(bound(exact, "small", "losses"))
    assert expected[-1] < expected[0], "it trains"
    assert allowed[-1] < 0.05 * expected[-1], "a bound that means something"
    assert (np.abs(got - expected) <= allowed).all(), np.stack([np.abs(got - expected), allowed])
