"""The first steps, in which TensorFlow traces and compiles, with SNR and without, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from snr_keras.keras_config import check_tensorflow
from snr_keras.layers import SNR
from snr_keras.models import reid_model
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.training.objective import reid_objective
from snr_keras.reid.training.step import make_optimizer, make_train_step

IMAGE_SIZES = ((64, 32), (96, 32))

_STEPS = 3
_IDENTITIES = 120


@dataclass(frozen=True)
class FirstSteps:
    """Medians over processes, in seconds.

    Attributes:
        way: What is timed, a key of `WAYS`.
        image_size: (height, width) of the images; a process takes those of `IMAGE_SIZES` one after the other.
        plain: Seconds without SNR.
        snr: Seconds with SNR after all four stages.
    """

    way: str
    image_size: tuple[int, int]
    plain: float
    snr: float

    @property
    def added(self) -> float:
        """The seconds that SNR adds."""
        return self.snr - self.plain


def benchmark_first_steps(repeats: int = 3, *, progress: Callable[[int, int], None] | None = None) -> list[FirstSteps]:
    """Time the first three steps of the small network, and the first call of a layer, in fresh processes.

    Each process makes a network for images of any size and trains it on a batch of 64 images, three steps with each of
    `IMAGE_SIZES`. Imports do not count. Processes with SNR and without alternate.

    Args:
        repeats: Processes of each kind.
        progress: Function called with the number of processes done and the total.

    Returns:
        One row per way and image size.

    Raises:
        ValueError: If `repeats` is not positive, or Keras runs on a backend other than TensorFlow.
    """
    check_tensorflow("Training runs")
    if repeats < 1:
        raise ValueError(f"`repeats` must be at least 1. Received: repeats={repeats}")
    kinds = [(way, normalization) for way in WAYS for normalization in ("none", "snr")]
    seconds: dict[tuple[str, str], list[list[float]]] = {kind: [] for kind in kinds}
    for done, kind in enumerate(repeats * kinds):
        seconds[kind].append(_in_a_process(*kind))
        if progress is not None:
            progress(done + 1, repeats * len(kinds))
    medians = {kind: np.median(times, axis=0).tolist() for kind, times in seconds.items()}
    return [
        FirstSteps(way, size, plain, snr)
        for way in WAYS
        for size, plain, snr in zip(IMAGE_SIZES, medians[way, "none"], medians[way, "snr"], strict=True)
    ]


def print_first_steps(way: str, normalization: str) -> None:
    """Prints the seconds that this process needs for each image size."""
    tf.config.list_logical_devices()  # starts TensorFlow, which takes as long without SNR
    start = time.perf_counter()
    run = WAYS[way](normalization)
    seconds = []
    for size in IMAGE_SIZES:
        images = np.random.default_rng(0).uniform(0, 255, (TrainingConfig().batch_size, *size, 3)).astype(np.float32)
        run(images)
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    print(json.dumps(seconds))


def _train(normalization: str) -> Callable[[np.ndarray], None]:
    """The loop of `snr train`."""
    config = TrainingConfig(normalization=normalization)
    model = reid_model(_IDENTITIES, normalization=normalization, image_size=(None, None))
    model.compile(optimizer=make_optimizer(config, steps_per_epoch=30), auto_scale_loss=False)
    model.optimizer.build(model.trainable_variables)
    step = make_train_step(model, reid_objective(config))

    def run(images: np.ndarray) -> None:
        for _ in range(_STEPS):
            float(step(tf.constant(images), tf.constant(_labels(len(images))))["total"])

    return run


def _fit(normalization: str) -> Callable[[np.ndarray], None]:
    model = reid_model(_IDENTITIES, normalization=normalization, image_size=(None, None))
    loss = {"logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile("adam", loss, identities="logits")

    def run(images: np.ndarray) -> None:
        model.fit(images, {"logits": _labels(len(images))}, batch_size=len(images), epochs=_STEPS, verbose=0)

    return run


def _layer(normalization: str) -> Callable[[np.ndarray], None]:
    """One eager call with the first map of the small network; without SNR, of Keras' instance norm."""
    layer = SNR() if normalization == "snr" else keras.layers.GroupNormalization(groups=-1)

    def run(images: np.ndarray) -> None:
        count, height, width, _ = images.shape
        keras.ops.convert_to_numpy(layer(np.ones((count, height // 2, width // 2, 24), np.float32)))

    return run


def _labels(images: int) -> np.ndarray:
    each = TrainingConfig().images_per_identity
    return np.repeat(np.arange(images // each, dtype=np.int32), each)


def _in_a_process(way: str, normalization: str) -> list[float]:
    code = f"import sys; from {__name__} import print_first_steps; print_first_steps(*sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, way, normalization], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The process that measures the first steps failed: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


WAYS = {"snr train": _train, "fit": _fit, "one eager call": _layer}
