"""The curves of an adaptation: a panel for each thing that its metrics tell."""

import json
from pathlib import Path

import pytest
from matplotlib.image import imread

from snr_keras.reid.visualization import save_adaptation_curves
from tests.snr_keras.reid.small import epoch_record


def write_metrics(run: Path, **last: float) -> Path:
    first = epoch_record(1, threshold=0.5, positives=0.0, negatives=0.0, multilabel_entropy=2.0)
    run.mkdir()
    lines = (json.dumps(record) for record in (first, {**first, "epoch": 2, "step": 18, **last}))
    (run / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return run


def test_where_identities_were_watched_there_is_a_panel_more(tmp_path: Path) -> None:
    blind = imread(save_adaptation_curves(write_metrics(tmp_path / "blind"), tmp_path / "blind.png"))
    watched = write_metrics(tmp_path / "watched", positives=3.0, true_positive_rate=0.5)
    assert imread(save_adaptation_curves(watched, tmp_path / "watched.png")).shape[0] > 1.2 * blind.shape[0]


def test_a_run_of_a_training_has_no_such_curves(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(json.dumps(epoch_record(9)) + "\n")
    with pytest.raises(ValueError, match="a finished epoch of an adaptation to plot"):
        save_adaptation_curves(tmp_path, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
