"""Small in every way: a training set of six identities with four images of 16x8 each, its config, and a network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from snr_keras.models import BACKBONES
from snr_keras.models.modules import Modules
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.runs import TrainingConfig

STEPS_PER_EPOCH = 4
SMALL = TrainingConfig(
    stages=(2, 4),  # each module takes seconds to trace and compile
    reduction=2,
    image_size=(16, 8),
    epochs=3,
    identities_per_batch=3,
    images_per_identity=2,
    warmup_epochs=0.5,
    seed=1,
)


def small_backbone(
    image_size: tuple[int, int], modules: Modules, *, batch_norm_momentum: float = 0.9, **_: Any
) -> keras.Model:
    """A stem, and four stages that have nothing but their modules."""
    images = keras.Input((*image_size, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(images)
    x = layers.Conv2D(32, 3, strides=4, use_bias=False, name="stem_conv")(x)
    norm = layers.BatchNormalization(momentum=batch_norm_momentum, epsilon=1e-5, name="stem_bn")
    x = layers.ReLU(name="stem_relu")(modules.batch_norm(norm, 0, 0)(x))
    for stage in range(1, 5):
        x = modules.after_stage(modules.before_last_relu(x, stage), stage)
    return keras.Model(images, x, name="small")


@contextmanager
def small_networks() -> Iterator[None]:
    """Within, the backbone "resnet_small" is `small_backbone`, built, traced and saved in a fraction of the time."""
    with patch.dict(BACKBONES, resnet_small=small_backbone):
        yield


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
