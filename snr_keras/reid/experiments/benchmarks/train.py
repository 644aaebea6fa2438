"""A training step of ResNet-50 with SNR, without it, and in PyTorch; and the speed of the input pipeline."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from snr_keras.devices import on_cpu
from snr_keras.keras_config import check_tensorflow
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.pipeline import KEPT_BYTES, training_batches
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.experiments.benchmarks._backend import synchronize
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.training.objective import reid_objective
from snr_keras.reid.training.step import make_optimizer, make_train_step

IDENTITIES = 751
"""Width of the classifier: Market-1501's training identities."""

_DRAWN = 16  # people in the pipeline's images, sixteen images each


@dataclass(frozen=True)
class TrainTiming:
    """Medians of interleaved runs.

    Attributes:
        backbone: Backbone of the model.
        image_size: (height, width) of the images.
        batch: Images per batch.
        device: Device of the steps: "CPU" or the name of the GPU.
        cores: Cores that this process may use.
        plain: Seconds of a step without SNR.
        snr: Seconds of a step with SNR after all four stages, its loss included.
        pytorch: Seconds of a step of the same network in PyTorch; None if it is not installed.
        pipeline: Images per second that the input pipeline reads, decodes, resizes and augments with all cores.
        pipeline_one_core: The same with one core; None where the system does not allow choosing cores.
    """

    backbone: str
    image_size: tuple[int, int]
    batch: int
    device: str
    cores: int
    plain: float
    snr: float
    pytorch: float | None
    pipeline: float
    pipeline_one_core: float | None

    @property
    def added(self) -> float:
        """The time that SNR adds, as a fraction of the step without it."""
        return self.snr / self.plain - 1

    @property
    def fraction(self) -> float:
        """The time of SNR, as a fraction of the step with it."""
        return 1 - self.plain / self.snr

    @property
    def images_per_second(self) -> float:
        """Images per second of the step with SNR."""
        return self.batch / self.snr

    @property
    def pipeline_of_step(self) -> float:
        """The speed of the input pipeline over that of the step with SNR."""
        return self.pipeline / self.images_per_second

    @property
    def scaling(self) -> float | None:
        """The speed of the input pipeline with all cores over that with one."""
        return None if self.pipeline_one_core is None else self.pipeline / self.pipeline_one_core

    @property
    def of_pytorch(self) -> float | None:
        """The time of the step with SNR as a fraction of PyTorch's."""
        return None if self.pytorch is None else self.snr / self.pytorch


def benchmark_training(
    batch: int | None = None,
    *,
    image_size: tuple[int, int] = (256, 128),
    backbone: str = "resnet50",
    repeats: int = 9,
    pipeline_images: int = 1024,
    progress: Callable[[int, int], None] | None = None,
) -> TrainTiming:
    """Time the parts of training, on TensorFlow's default device; runs of the steps alternate.

    A step is that of `train`, deterministic operations included: forward, objective, gradient, clipping, AdamW. The
    images of the input pipeline are drawn and stored as JPEG files of `image_size`. They are named so often that the
    pipeline reads and decodes them again each time, as it does with data sets that are too large to keep.

    Args:
        batch: Images per batch, four of each identity; by default 16 on a CPU and 64 on a GPU.
        image_size: (height, width) of the images.
        backbone: Backbone of the model; PyTorch's step is available for "resnet50".
        repeats: Runs of each step, after one that does not count.
        pipeline_images: Minimal number of images that the input pipeline prepares in a run.
        progress: Function called with the number of rounds done and the total.

    Raises:
        ValueError: If the batch is not a multiple of 4 or is less than 8, `repeats` is not positive, or Keras runs on a
            backend other than TensorFlow.
    """
    check_tensorflow("Training runs")
    for gpu in tf.config.list_physical_devices("GPU"):
        with suppress(RuntimeError):  # TensorFlow is already in use
            tf.config.experimental.set_memory_growth(gpu, True)  # else nothing is left for PyTorch
    batch = batch or (16 if on_cpu() else 64)
    if batch < 8 or batch % 4:
        raise ValueError(f"`batch` must be a multiple of 4, and at least 8. Received: batch={batch}")
    if repeats < 1:
        raise ValueError(f"`repeats` must be at least 1. Received: repeats={repeats}")
    tf.config.experimental.enable_op_determinism()
    config = TrainingConfig(backbone=backbone, image_size=image_size, identities_per_batch=batch // 4)
    with tempfile.TemporaryDirectory() as folder:
        contestants = _steps(config) | _pipelines(config, Path(folder), max(2, -(-pipeline_images // batch)))
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for run in range(repeats + 1):
            for name, contestant in contestants.items():
                seconds = contestant()
                if run > 0:
                    times[name].append(seconds)
            if progress is not None:
                progress(run + 1, repeats + 1)
    medians = {name: float(np.median(values)) for name, values in times.items()}
    one_core = medians.get("pipeline_one_core")
    return TrainTiming(
        backbone=backbone,
        image_size=image_size,
        batch=batch,
        device=_device(),
        cores=_cores(),
        plain=medians["plain"],
        snr=medians["snr"],
        pytorch=medians.get("pytorch"),
        pipeline=1 / medians["pipeline"],
        pipeline_one_core=1 / one_core if one_core else None,
    )


def _steps(config: TrainingConfig) -> dict[str, Callable[[], float]]:
    """The training steps, each returning its seconds."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (config.batch_size, *config.image_size, 3)).astype(np.float32)
    labels = np.repeat(np.arange(config.identities_per_batch, dtype=np.int32), config.images_per_identity)
    steps = {
        "plain": _keras_step(replace(config, normalization="none"), images, labels),
        "snr": _keras_step(config, images, labels),
    }
    if config.backbone == "resnet50" and find_spec("torch"):
        from snr_keras.reid.experiments.benchmarks.pytorch_resnet import pytorch_step

        steps["pytorch"] = pytorch_step(config, IDENTITIES, images, labels)
    return {name: _timed(step) for name, step in steps.items()}


def _keras_step(config: TrainingConfig, images: np.ndarray, labels: np.ndarray) -> Callable[[], Any]:
    model = new_model(config, IDENTITIES)
    model.compile(optimizer=make_optimizer(config, steps_per_epoch=200), auto_scale_loss=False)
    model.optimizer.build(model.trainable_variables)
    step = make_train_step(model, reid_objective(config))
    x, y = tf.constant(images), tf.constant(labels)
    return lambda: synchronize(step(x, y))


def _timed(step: Callable[[], Any]) -> Callable[[], float]:
    def seconds() -> float:
        start = time.perf_counter()
        step()
        return time.perf_counter() - start

    return seconds


def _pipelines(config: TrainingConfig, folder: Path, batches: int) -> dict[str, Callable[[], float]]:
    """The input pipeline with all cores and with one, each returning the seconds per image."""
    people = max(_DRAWN, config.identities_per_batch)
    height, width = config.image_size
    synthesize(
        folder / "day",
        domain="day",
        train_identities=people,
        test_identities=1,
        cameras=4,
        images_per_camera=4,
        image_size=config.image_size,
    )
    drawn = read_market1501(folder / "day", splits=("train",)).train
    times = KEPT_BYTES // (len(drawn) * height * width * 3) + 1  # too many to be kept in memory
    split = Split(times * drawn.paths, np.tile(drawn.identities, times), None)

    def seconds_per_image() -> float:
        dataset = training_batches(
            split,
            image_size=config.image_size,
            identities_per_batch=config.identities_per_batch,
            images_per_identity=config.images_per_identity,
            seed=config.seed,
            augmentation=config.augmentation,
            stop_step=2 * batches,
        )
        arriving = iter(dataset)
        for _ in range(batches):  # until its buffers are full and tf.data has tuned its threads
            next(arriving)
        start = time.perf_counter()
        for _ in range(batches):
            next(arriving)
        return (time.perf_counter() - start) / (batches * config.batch_size)

    def on_one_core() -> float:
        with _one_core():
            return seconds_per_image()

    return {"pipeline": seconds_per_image} | ({"pipeline_one_core": on_one_core} if _can_choose_cores() else {})


def _can_choose_cores() -> bool:
    return hasattr(os, "sched_setaffinity") and Path("/proc/self/task").exists()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _one_core() -> Iterator[None]:
    """All threads of this process on one core; threads that start meanwhile inherit it."""
    every = os.sched_getaffinity(0)
    _keep_to({min(every)})
    try:
        yield
    finally:
        _keep_to(every)


def _keep_to(cores: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(thread.name), cores)


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else "CPU"
