"""The statistics of the gates, and their picture."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from snr_keras.evaluation import GateHealth
from snr_keras.reid.visualization import PooledFeatures, StageFeatures, gate_statistics, save_gate_statistics
from tests.snr_keras.reid.visualization.conftest import is_drawn


def features(a: list[list[float]] | None) -> PooledFeatures:
    gates = None if a is None else np.array(a, np.float32)
    nothing = np.zeros((2, 3), np.float32)
    return PooledFeatures(nothing, {1: StageFeatures(nothing, None, None), 2: StageFeatures(nothing, nothing, gates)})


def test_mean_and_spread_of_each_channel_by_domain() -> None:
    domains = {"day": features([[0.0, 0.5, 1.0], [0.5, 0.5, 0.0]]), "fog": features([[0.25, 0.25, 0.25]])}
    statistics = gate_statistics(domains)
    assert list(statistics) == [2]
    day, fog = statistics[2]["day"], statistics[2]["fog"]
    assert day.to_json() == {"images": 2, "mean": [0.25, 0.5, 0.5], "std": [0.25, 0.0, 0.5]}
    assert fog.to_json() == {"images": 1, "mean": [0.25] * 3, "std": [0.0] * 3}


def test_they_are_drawn(tmp_path: Path) -> None:
    domains = {"day $x": features([[0.0, 0.5, 1.0], [0.5, 0.5, 0.0]]), "fog": features([[0.25, 0.25, 0.25]])}
    assert is_drawn(save_gate_statistics(gate_statistics(domains), tmp_path / "gates.png"))


def test_the_hidden_units_of_a_gate_stand_above_its_panel(tmp_path: Path, monkeypatch) -> None:
    titles: list[str] = []
    monkeypatch.setattr(Axes, "set_title", lambda axes, title, **_: titles.append(title))
    statistics = gate_statistics({"day": features([[0.0, 0.5, 1.0], [0.5, 0.5, 0.0]])})
    save_gate_statistics(statistics, tmp_path / "gates.png", health={2: GateHealth(2, 3, 9, 4, 3, 0.5, 0.1, 0.2)})
    save_gate_statistics(statistics, tmp_path / "gates.png", health={})
    assert titles == [
        "stage 2, 3 channels\nhidden units: 4 always off, 3 always on, 2 by the image",
        "stage 2, 3 channels\nits gate is not trained",
    ]


def test_without_snr_there_is_nothing_to_draw(tmp_path: Path) -> None:
    assert gate_statistics({"day": features(None)}) == {}
    with pytest.raises(ValueError, match="no SNR"):
        save_gate_statistics({}, tmp_path / "gates.png")
    assert not any(tmp_path.iterdir())
