"""The fraction of each channel that SNR restores: the gate a of its channel attention, by stage and domain."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snr_keras.evaluation import GateHealth
from snr_keras.reid.visualization.figures import caption, save_figure
from snr_keras.reid.visualization.stages import PooledFeatures


@dataclass(frozen=True, eq=False)
class GateStatistics:
    """The gate of a stage over the images of a domain.

    Attributes:
        images: Number of images.
        mean: Mean, (C,), in [0, 1], in the order of the layer's channels.
        std: Standard deviation over images, (C,).
    """

    images: int
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def to_json(self) -> dict:
        """The statistics as JSON's types."""
        return {"images": self.images, "mean": self.mean.tolist(), "std": self.std.tolist()}


def gate_statistics(domains: Mapping[str, PooledFeatures]) -> dict[int, dict[str, GateStatistics]]:
    """Mean and standard deviation of every channel's gate.

    Args:
        domains: Result of `pooled_features` for images of each domain, by its name; all from one model.

    Returns:
        The statistics by the number of a stage with SNR, and by domain.
    """
    statistics: dict[int, dict[str, GateStatistics]] = {}
    for domain, features in domains.items():
        for number, stage in features.stages.items():
            if stage.a is not None:
                a = stage.a.astype(np.float64)
                statistics.setdefault(number, {})[domain] = GateStatistics(len(a), a.mean(axis=0), a.std(axis=0))
    return statistics


def save_gate_statistics(
    statistics: Mapping[int, Mapping[str, GateStatistics]],
    path: str | os.PathLike[str],
    *,
    health: Mapping[int, GateHealth] | None = None,
) -> Path:
    """Plot the gates, one panel per stage and one curve per domain, channels sorted by their mean over the domains.

    Args:
        statistics: Result of `gate_statistics`.
        path: PNG file to write.
        health: Health of the gate of each stage, whose hidden units are then named above its panel; a gate that is not
            in it is said not to be trained.

    Raises:
        ValueError: If there is no stage with SNR.
    """
    if not statistics:
        raise ValueError("Expected gates of at least one stage. Received: none; the model has no SNR")
    columns = min(2, len(statistics))
    rows = -(-len(statistics) // columns)
    figure = Figure(figsize=(3.8 * columns, 2.8 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten()
    for ax, (stage, domains) in zip(axes, statistics.items(), strict=False):
        order = np.argsort(np.mean([s.mean for s in domains.values()], axis=0), kind="stable")
        for number, (domain, of) in enumerate(domains.items()):
            mean, std = of.mean[order], of.std[order]
            ax.plot(mean, color=f"C{number}", linewidth=1.2, label=caption(domain))
            ax.fill_between(np.arange(len(mean)), mean - std, mean + std, color=f"C{number}", alpha=0.15, linewidth=0)
        ax.set(ylim=(0, 1), xlim=(0, len(order) - 1))
        title = f"stage {stage}, {len(order)} channels"
        if health is not None:
            title += f"\n{_told(health[stage])}" if stage in health else "\nits gate is not trained"
        ax.set_title(title, fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.3)
    for ax in axes[len(statistics) :]:
        ax.axis("off")
    figure.supxlabel("channel, sorted by its mean gate", fontsize=9)
    figure.supylabel("gate a (1: all is restored)", fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)), fontsize=8, frameon=False)
    return save_figure(figure, path)


def _told(gate: GateHealth) -> str:
    by_image = gate.image_dependent
    return f"hidden units: {gate.always_off} always off, {gate.always_on} always on, {by_image} by the image"
