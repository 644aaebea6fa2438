"""CMC curves: how often the right person is in the top k, for several models on one target."""

import os
from collections.abc import Mapping
from math import floor
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snr_keras.reid.targets import TargetResult
from snr_keras.reid.visualization.figures import caption, save_figure


def save_cmc_curves(results: Mapping[str, TargetResult], path: str | os.PathLike[str], *, max_rank: int = 20) -> Path:
    """Plot the CMC curves of one target, one curve per model.

    Args:
        results: Results on the target, by the model's name.
        path: PNG file to write.
        max_rank: Maximal rank to plot.

    Raises:
        ValueError: If there are no results, or they belong to several targets.
    """
    if len({result.target for result in results.values()}) != 1:
        raise ValueError(f"Expected results of one target. Received: {[r.target for r in results.values()]}")
    figure = Figure(figsize=(5, 3.6 + 0.2 * len(results)), layout="constrained")
    ax = figure.subplots()
    for number, (name, result) in enumerate(results.items()):
        values = 100 * np.array(result.cmc[:max_rank])
        told = f"{caption(name)}: mAP {100 * result.mAP:.1f}, Rank-1 {100 * result.rank(1):.1f}"
        ax.plot(np.arange(1, len(values) + 1), values, color=f"C{number}", marker=".", label=told)
    ax.set(xlabel="rank k", ylabel="found in the top k, %", xlim=(0.5, max_rank + 0.5))
    ax.set_ylim(10 * floor(99.9 * min(result.rank(1) for result in results.values()) / 10), 101)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.grid(alpha=0.3)
    ax.set_title(caption(next(iter(results.values())).target), fontsize=10)
    figure.legend(loc="outside lower center", fontsize=8, frameon=False)
    return save_figure(figure, path)
