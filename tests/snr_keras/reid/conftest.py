"""A training set of six identities with four images of 16x8 each, a config to match, and a finished run."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.runs.progress import StepEvent
from snr_keras.reid.training import loop, train

STEPS_PER_EPOCH = 4
SMALL = TrainingConfig(
    stages=(2, 4),  # each module takes seconds to trace and compile
    image_size=(16, 8),
    epochs=3,
    identities_per_batch=3,
    images_per_identity=2,
    warmup_epochs=0.5,
    seed=1,
)


def write_images(folder: Path, identities: int = 6) -> ReIDDataset:
    rng = np.random.default_rng(0)
    (folder / "bounding_box_train").mkdir(parents=True)
    for identity in range(1, identities + 1):
        colour = rng.integers(0, 256, (16, 8, 3))
        for image in range(4):
            pixels = np.clip(colour + rng.integers(-40, 40, (16, 8, 3)), 0, 255).astype(np.uint8)
            name = f"{identity:04d}_c{image % 2 + 1}s1_{image:06d}_00.png"
            tf.io.write_file(str(folder / "bounding_box_train" / name), tf.io.encode_png(pixels))
    return read_market1501(folder, splits=("train",))


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> ReIDDataset:
    return write_images(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="session")
def finished_run(source, tmp_path_factory) -> tuple[Path, keras.Model, list[StepEvent]]:
    """A run without interruption, the model it returned, and the events on the way."""
    run_dir, events = tmp_path_factory.mktemp("runs") / "straight", []
    model = train(SMALL, source, run_dir, progress=events.append)
    return run_dir, model, events


@pytest.fixture
def no_learning(monkeypatch) -> dict[str, float]:
    """Put a step into the loop that takes no time; the terms it returns may be changed."""
    terms = {"cross_entropy": 1.0, "triplet": 0.5, "total": 1.5, "gradient_norm": 2.0, "accuracy": 0.25}
    monkeypatch.setattr(
        loop,
        "make_train_step",
        lambda *args, **kwargs: lambda images, labels: {k: tf.constant(v) for k, v in terms.items()},
    )
    return terms


def epoch_record(step: int, **more: object) -> dict[str, object]:
    """A line of metrics.jsonl with all that belongs there."""
    numbers = ("learning_rate", "gradient_norm", "accuracy", "seconds", "images_per_second")
    whole = {"epoch": step, "step": step, "skipped_updates": 0, "losses": {"total": 1.0}}
    return {**whole, **dict.fromkeys(numbers, 0.5), **more}


def metrics_without_times(run_dir: Path) -> list[dict]:
    records = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in records]


def checkpoint_names(run_dir: Path) -> list[str]:
    return sorted(p.name for p in (run_dir / "checkpoints").iterdir())
