"""The benchmark of the first steps measures what it says; how fast a machine is is no test."""

from __future__ import annotations

import json
import math

import keras
import pytest

from snr_keras.reid.experiments.benchmarks import first_steps
from snr_keras.reid.experiments.benchmarks.first_steps import (
    IMAGE_SIZES,
    WAYS,
    FirstSteps,
    benchmark_first_steps,
    print_first_steps,
)
from tests.snr_keras.cli.conftest import snr

__all__ = ["snr"]  # the fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="training runs on TensorFlow"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("normalization", ["none", "snr"])
def test_every_way_is_timed_with_each_image_size(way: str, normalization: str, capsys) -> None:
    print_first_steps(way, normalization)
    seconds = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(seconds) == len(IMAGE_SIZES)
    assert all(0 < value < math.inf for value in seconds)


def test_the_command_shows_the_seconds_and_writes_them(snr, monkeypatch, tmp_path) -> None:
    row = FirstSteps("fit", (64, 32), plain=4.0, snr=5.5)
    monkeypatch.setattr(first_steps, "benchmark_first_steps", lambda repeats, **options: [row])
    outcome = snr("bench", "first-steps", "--out", tmp_path / "steps.json")
    assert outcome.status == 0, outcome.output
    for shown in ("fit", "64x32", "4.00", "5.50", "1.50"):
        assert shown in outcome.output
    (written,) = json.loads((tmp_path / "steps.json").read_text())
    assert (written["plain"], written["added"]) == (4.0, 1.5)


def test_no_repeats_are_refused() -> None:
    with pytest.raises(ValueError, match="Received: repeats=0"):
        benchmark_first_steps(0)
