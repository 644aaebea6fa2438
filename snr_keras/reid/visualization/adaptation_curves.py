"""The course of an adaptation, without labels: the threshold, the mined pairs and the entropy of the multilabels."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from snr_keras.reid.runs.logs import read_metrics
from snr_keras.reid.visualization.figures import panels_in_rows, save_figure

PANELS = {
    "threshold of the agreement": ("threshold",),
    "mined pairs per step": ("positives", "negatives"),
    "positives of one person, in per cent": ("true_positive_rate",),
    "entropy of the multilabels, in nats": ("multilabel_entropy",),
}
LABELS = {"positives": "positive", "negatives": "hard negative"}


def save_adaptation_curves(run: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Plot an adaptation's pairs and multilabels from metrics.jsonl over the epochs, one quantity per panel.

    The fraction of positives that show one person is included if identities were watched, in epochs with a positive.

    Args:
        run: Run folder of `adapt`.
        path: PNG file to write.

    Raises:
        ValueError: If the run has finished no epoch, or is not a run of `adapt`.
    """
    records = [record for record in read_metrics(Path(run)) if "threshold" in record]
    if not records:
        raise ValueError(f"There must be a finished epoch of an adaptation to plot. Received: {str(run)!r}")
    panels = {title: lines for title, names in PANELS.items() if (lines := _lines(records, names))}
    figure, axes = panels_in_rows(len(panels))
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        for name, (epochs, values) in lines.items():
            ax.plot(epochs, values, label=LABELS.get(name), marker=".")
        ax.set(title=title, xlabel="epoch")
        ax.set_xlim(0.5, records[-1]["epoch"] + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.grid(alpha=0.3)
        if "true_positive_rate" in lines:
            ax.set_ylim(0, 100)
        if len(lines) > 1:
            ax.legend(fontsize=8)
    return save_figure(figure, path)


def _lines(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, tuple[list[int], list[float]]]:
    """(epochs, values) of each of the names that the records have."""
    lines = {}
    for name in names:
        scale = 100 if name.endswith("rate") else 1
        points = [(record["epoch"], scale * record[name]) for record in records if name in record]
        if points:
            lines[name] = ([epoch for epoch, _ in points], [value for _, value in points])
    return lines
