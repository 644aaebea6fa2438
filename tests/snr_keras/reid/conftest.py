"""A small training set, and a finished run; frameworks are imported where tests run, not where they are collected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import keras

    from snr_keras.reid.data.dataset import ReIDDataset
    from snr_keras.reid.runs.progress import StepEvent


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> ReIDDataset:
    """A training set of six identities with four images of 16x8 each."""
    from tests.snr_keras.reid.small import write_images

    return write_images(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture
def small_networks() -> Iterator[None]:
    """Networks are of `small_backbone`, for what does not depend on how deep they are."""
    from tests.snr_keras.reid import small

    with small.small_networks():
        yield


@pytest.fixture(scope="session")
def finished_run(source, tmp_path_factory) -> tuple[Path, keras.Model, list[StepEvent]]:
    """A run without interruption of a small network, the model it returned, and the events on the way."""
    from snr_keras.reid.training import train
    from tests.snr_keras.reid.small import SMALL, small_networks

    run_dir, events = tmp_path_factory.mktemp("runs") / "straight", []
    with small_networks():
        model = train(SMALL, source, run_dir, progress=events.append)
    return run_dir, model, events


@pytest.fixture
def no_learning(monkeypatch) -> dict[str, float]:
    """Put a step into the loop that takes no time; the terms it returns may be changed."""
    import tensorflow as tf

    from snr_keras.reid.training import loop

    terms = {"cross_entropy": 1.0, "triplet": 0.5, "total": 1.5, "gradient_norm": 2.0, "accuracy": 0.25}
    monkeypatch.setattr(
        loop,
        "make_train_step",
        lambda *args, **kwargs: lambda images, labels: {k: tf.constant(v) for k, v in terms.items()},
    )
    return terms
