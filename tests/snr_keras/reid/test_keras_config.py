"""The user's Keras configuration, as of a `keras.json`, decides nothing about models and runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from snr_keras.layers import MixStyle
from snr_keras.models import reid_model
from snr_keras.reid.adaptation import AdaptationConfig, adapt
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.experiments.ablation import Ablation, ablate
from snr_keras.reid.recipes import Recipe
from snr_keras.reid.runs import TrainingConfig, weights_hash
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.progress import StepEvent
from snr_keras.reid.training import train
from tests.snr_keras.reid.small import SMALL

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)


@contextmanager
def configured(data_format: str = "channels_last", floatx: str = "float32", epsilon: float = 1e-7) -> Iterator[None]:
    """Keras as it is once it has read a file that says this."""
    try:
        _configure(data_format, floatx, epsilon)
        yield
    finally:
        _configure("channels_last", "float32", 1e-7)


def _configure(data_format: str, floatx: str, epsilon: float) -> None:
    keras.config.set_image_data_format(data_format)
    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_dtype_policy(floatx)


CONFIGURATIONS: list[dict[str, Any]] = [
    {"data_format": "channels_first"},
    {"floatx": "float64"},
    {"floatx": "float16"},
    {"floatx": "bfloat16"},
    {"epsilon": 0.1},
]
EVERYTHING: dict[str, Any] = {"data_format": "channels_first", "floatx": "float64", "epsilon": 0.1}


def seeded(config: TrainingConfig) -> keras.Model:
    keras.utils.set_random_seed(0)
    return new_model(replace(config, image_size=(32, 32)), 5)


@pytest.mark.parametrize(
    "config",
    [
        *(TrainingConfig(normalization=name) for name in ("snr", "ibn_b", "bin", "efdmix", "gate")),
        TrainingConfig(normalization="none", mixed_precision="mixed_bfloat16"),
        *(TrainingConfig(normalization="none", backbone=name) for name in ("torchvision_resnet18", "resnet50")),
    ],
    ids=lambda config: f"{config.backbone}-{config.normalization}-{config.mixed_precision}",
)
def test_a_new_model_is_the_same(config: TrainingConfig) -> None:
    """All that a model says of itself, data formats, dtypes and epsilons of every layer among it, and its weights."""
    plain = seeded(config)
    with configured(**EVERYTHING):
        model = seeded(config)
        assert keras.config.image_data_format() == "channels_first"
        assert keras.config.floatx() == keras.config.dtype_policy().name == "float64"
        assert keras.config.epsilon() == 0.1
    numbers_of_operations = r"flip_\d+"  # the only operation without a name of its own
    first, second = (re.sub(numbers_of_operations, "flip", m.to_json()) for m in (model, plain))
    assert first == second
    assert weights_hash(model) == weights_hash(plain)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> tuple[Path, list[np.ndarray]]:
    """The file of a model under the usual configuration, and the model's outputs."""
    path, model = tmp_path_factory.mktemp("plain") / "plain.keras", seeded(SMALL)
    model.save(path)
    return path, [np.asarray(x) for x in keras.tree.flatten(model(IMAGES))]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
def test_a_model_gives_the_same_and_a_file_of_one_configuration_loads_under_another(
    configuration: dict[str, Any], plain: tuple[Path, list[np.ndarray]], tmp_path: Path
) -> None:
    path, expected = plain
    with configured(**configuration):
        seeded(SMALL).save(tmp_path / "other.keras")
        found = keras.models.load_model(path)(IMAGES)
    back = keras.models.load_model(tmp_path / "other.keras")(IMAGES)
    for outputs in (found, back):
        for x, y in zip(keras.tree.flatten(outputs), expected, strict=True):
            np.testing.assert_array_equal(np.asarray(x), y)


@pytest.mark.slow
@pytest.mark.usefixtures("small_networks")
def test_a_training_gives_the_same_losses_and_weights(
    source: ReIDDataset, finished_run: tuple[Path, keras.Model, list[StepEvent]], tmp_path: Path
) -> None:
    _, expected, steps = finished_run
    events: list[StepEvent] = []
    with configured(**EVERYTHING):
        model = train(SMALL, source, tmp_path / "run", progress=events.append)
    assert [event.terms for event in events] == [event.terms for event in steps]
    assert weights_hash(model) == weights_hash(expected)


def test_a_model_of_ones_own_may_be_of_any_dtype() -> None:
    """The library follows the dtype policy, of which every output has the digits."""
    with configured(floatx="float64"):
        model = reid_model(5, normalization="ibn_b", image_size=(32, 32))
        assert {keras.backend.standardize_dtype(x.dtype) for x in keras.tree.flatten(model(IMAGES))} == {"float64"}


def test_styles_are_mixed_by_the_same_random_numbers() -> None:
    def mixed() -> np.ndarray:
        layer = MixStyle(p=1, seed=3, data_format="channels_last", dtype="float32")
        return np.asarray(layer(IMAGES, training=True))

    expected = mixed()
    with configured(**EVERYTHING):
        np.testing.assert_array_equal(mixed(), expected)


@pytest.mark.parametrize("what", ["train", "adapt", "ablate"])
def test_what_needs_tensorflow_says_so_before_anything_is_written(
    what: str, source: ReIDDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, nothing = tmp_path / "out", Path("/nowhere")
    begin: dict[str, Callable[[], Any]] = {
        "train": lambda: train(SMALL, source, out),
        "adapt": lambda: adapt(AdaptationConfig(), nothing, source, source, out),
        "ablate": lambda: ablate(Ablation(Recipe(), source, None, (), out), {}, 1, tell=print),
    }
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match=r"runs on TensorFlow: .*KERAS_BACKEND=tensorflow.* Received: .* 'torch'"):
        begin[what]()
    assert not out.exists()
