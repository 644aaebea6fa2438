"""Every term of the objective over the epochs of one or several runs."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from snr_keras.reid.runs.logs import read_metrics
from snr_keras.reid.visualization.figures import panels_in_rows, save_figure

PANELS = {
    "L": ("total",),
    "cross-entropy": ("cross_entropy",),
    "triplet": ("triplet",),
    "L_MDL, from the second epoch": ("discriminative",),
    "L_CML": ("consistency",),
    "L_RJ": ("joint_embedding",),
    "L+, mean over modules": tuple(f"snr{stage}_plus" for stage in (1, 2, 3, 4)),
    "L-, mean over modules": tuple(f"snr{stage}_minus" for stage in (1, 2, 3, 4)),
}


def save_loss_curves(
    runs: Mapping[str, str | os.PathLike[str]], path: str | os.PathLike[str], *, title: str = ""
) -> Path:
    """Plot the loss terms of runs from their metrics.jsonl: one panel per term, one line per run.

    Args:
        runs: Run folders by their names in the legend.
        path: PNG file to write.
        title: Lines above the picture.

    Raises:
        ValueError: If no run has finished an epoch.
    """
    epochs = {name: read_metrics(Path(run)) for name, run in runs.items()}
    curves = {panel: _curves(epochs, terms) for panel, terms in PANELS.items()}
    panels = {panel: lines for panel, lines in curves.items() if lines}
    if not panels:
        raise ValueError(f"There must be a finished epoch to plot. Received: {[str(run) for run in runs.values()]}")
    colour_of = {name: f"C{number}" for number, name in enumerate(runs)}
    figure, axes = panels_in_rows(len(panels))
    for ax, (panel, lines) in zip(axes, panels.items(), strict=True):
        for name, (x, y) in lines.items():
            ax.plot(x, y, label=name, color=colour_of[name], marker="." if len(x) == 1 else "")
        ax.set(title=panel, xlabel="epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    if title:
        figure.suptitle(title)
    return save_figure(figure, path)


def _curves(
    epochs: Mapping[str, Sequence[Mapping[str, Any]]], terms: Sequence[str]
) -> dict[str, tuple[list[int], list[float]]]:
    """(epochs, means of the available terms) of every run that has one of them."""
    curves = {}
    for name, records in epochs.items():
        means = [(r["epoch"], _mean(r["losses"], terms)) for r in records]
        points = [(epoch, value) for epoch, value in means if value is not None]
        if points:
            curves[name] = ([epoch for epoch, _ in points], [value for _, value in points])
    return curves


def _mean(losses: Mapping[str, float], terms: Sequence[str]) -> float | None:
    values = [losses[term] for term in terms if term in losses]
    return sum(values) / len(values) if values else None
