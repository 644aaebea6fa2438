"""The plot of an ablation: the scores of each variant, and their differences to SNR."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snr_keras.reid.visualization.figures import save_figure

OURS, OTHERS = "#c0392b", "#34495e"


def save_ablation_plot(results: Mapping[str, Any], path: Path) -> Path:
    """Plot the mAP of every variant, and the difference to SNR with its interval.

    Left: the mean over the targets, with a dot per training, and the mean and standard deviation over trainings. Right:
    SNR minus the variant, with the bootstrap interval over queries as a bar and a dot per training.

    Args:
        results: Content of `results.json` or `summary.json`.
        path: PNG file to write.
    """
    names = list(results["figures"])
    panels = 2 if results["differences"] else 1
    figure = Figure(figsize=(5.2 * panels, 1.4 + 0.32 * len(names)), layout="constrained")
    axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    _levels(axes[0], results, names)
    if results["differences"]:
        _differences(axes[1], results, names)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)  # the first at the top, with room for the outermost
    for ax in axes:
        ax.grid(axis="x", alpha=0.3)
    return save_figure(figure, path)


def _levels(ax: Axes, results: Mapping[str, Any], names: list[str]) -> None:
    for y, name in enumerate(names):
        runs = results["figures"][name]
        found = [100 * mean(run[domain]["mAP"] for domain in results["targets"] or [results["home"]]) for run in runs]
        colour = OURS if name == "snr" else OTHERS
        spread = stdev(found) if len(found) > 1 else 0.0
        ax.errorbar(mean(found), y, xerr=spread, fmt="o", color=colour, capsize=3)
        ax.plot(found, [y] * len(found), ".", color=colour, alpha=0.4)
    tested_on = "mean of targets" if results["targets"] else results["home"]
    ax.set_xlabel(f"mAP in %, {tested_on}\n(dots: trainings; bar: their standard deviation)")


def _differences(ax: Axes, results: Mapping[str, Any], names: list[str]) -> None:
    ax.axvline(0, color="black", linewidth=0.8)
    for y, name in enumerate(names):
        if found := results["differences"].get(name):
            ax.plot([100 * found["low"], 100 * found["high"]], [y, y], color=OTHERS, linewidth=5, alpha=0.35)
            ax.plot(100 * found["mean"], y, "o", color=OTHERS)
            ax.plot([100 * d for d in found["by_seed"]], [y] * len(found["by_seed"]), ".", color=OTHERS, alpha=0.5)
    percent = 100 * results["bootstrap"]["confidence"]
    ax.set_xlabel(f"snr - variant, mAP in points\n(dots: trainings; bar: {percent:.0f} % interval over queries only)")
