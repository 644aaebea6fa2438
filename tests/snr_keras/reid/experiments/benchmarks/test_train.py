"""The benchmark of training measures what it says; how fast a machine is is no test."""

from __future__ import annotations

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from snr_keras.reid.data import pipeline
from snr_keras.reid.experiments import benchmarks
from snr_keras.reid.experiments.benchmarks import TrainTiming, benchmark_training, train
from snr_keras.reid.runs import TrainingConfig
from tests.snr_keras.cli.conftest import snr

__all__ = ["snr"]  # the fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="training runs on TensorFlow"),
]

TIMING = TrainTiming(
    backbone="resnet50",
    image_size=(256, 128),
    batch=16,
    device="CPU",
    cores=4,
    plain=2.0,
    snr=2.5,
    pytorch=5.0,
    pipeline=640.0,
    pipeline_one_core=160.0,
)


def test_every_contestant_is_timed(monkeypatch) -> None:
    for module in (train, pipeline):
        monkeypatch.setattr(module, "KEPT_BYTES", 0)  # small images would have to be very many to fill more
    rounds = []
    timing = benchmark_training(
        8,
        image_size=(32, 16),
        backbone="resnet_small",
        repeats=1,
        pipeline_images=16,
        progress=lambda done, total: rounds.append((done, total)),
    )
    assert rounds == [(1, 2), (2, 2)]
    assert (timing.backbone, timing.image_size, timing.batch) == ("resnet_small", (32, 16), 8)
    assert min(timing.plain, timing.snr, timing.pipeline) > 0
    assert timing.pipeline_one_core is None or timing.pipeline_one_core > 0
    assert timing.pytorch is None  # its network is a ResNet-50


def test_what_the_times_come_to() -> None:
    assert TIMING.added == 0.25
    assert TIMING.fraction == pytest.approx(0.2)
    assert TIMING.images_per_second == 6.4
    assert TIMING.pipeline_of_step == 100
    assert TIMING.scaling == 4
    assert TIMING.of_pytorch == 0.5
    bare = replace(TIMING, pytorch=None, pipeline_one_core=None)
    assert (bare.of_pytorch, bare.scaling) == (None, None)


def test_the_command_shows_the_figures_and_writes_them(snr, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(benchmarks, "benchmark_training", lambda batch, **options: TIMING)
    outcome = snr("bench", "train", "--out", tmp_path / "train.json")
    assert outcome.status == 0, outcome.output
    for shown in (
        "2500",
        "6.4",
        "+25.0%",
        "SNR takes 20.0%",
        "0.50",
        "100 times the step with SNR, 4.00 times one core",
    ):
        assert shown in outcome.output
    written = json.loads((tmp_path / "train.json").read_text())
    assert (written["snr"], written["added"], written["of_pytorch"]) == (2.5, 0.25, 0.5)


def test_without_pytorch_the_command_says_how_to_install_it(snr, monkeypatch) -> None:
    timing = replace(TIMING, pytorch=None, pipeline_one_core=None)
    monkeypatch.setattr(benchmarks, "benchmark_training", lambda batch, **options: timing)
    outcome = snr("bench", "train")
    assert outcome.status == 0, outcome.output
    assert "pip install torch" in outcome.output
    assert "in PyTorch" not in outcome.output


@pytest.mark.parametrize(
    ("options", "message"),
    [({"batch": 6}, "Received: batch=6"), ({"batch": 4}, "Received: batch=4"), ({"repeats": 0}, "Received: repeats=0")],
)
def test_what_cannot_be_measured_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        benchmark_training(**options)


def test_the_baseline_has_the_shapes_of_the_model_and_learns_its_batch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here: tox -e models")
    from snr_keras.models import reid_model
    from snr_keras.reid.experiments.benchmarks.pytorch_resnet import ResNet50SNR, pytorch_step

    model = reid_model(5, backbone="resnet50", image_size=(64, 32))
    baseline = ResNet50SNR(5, reduction=16).eval()
    images = np.random.default_rng(0).uniform(0, 255, (8, 64, 32, 3)).astype(np.float32)
    features, logits, decompositions = baseline(torch.from_numpy(images.transpose(0, 3, 1, 2)))
    assert (features.shape, logits.shape) == ((8, 2048), (8, 5))
    for stage, maps in enumerate(decompositions, start=1):
        height, width, channels = model.get_layer(f"stage{stage}_snr").output[0].shape[1:]
        assert tuple(maps.F_plus.shape) == (8, channels, height, width)
    biases = sum(w.shape[0] for w in model.trainable_weights if w.path.endswith("conv/bias"))
    ours = sum(int(np.prod(w.shape)) for w in model.trainable_weights) - biases  # Keras' convolutions have biases
    theirs = sum(p.numel() for p in baseline.parameters())
    assert theirs - ours == 2048  # the beta of the neck
    step = pytorch_step(TrainingConfig(learning_rate=1e-4), 5, images, np.repeat(np.arange(2), 4))
    losses = [step() for _ in range(4)]
    assert losses[-1] < losses[0]
