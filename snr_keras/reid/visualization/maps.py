"""Where a network looks: the activation of F, F~, F~+ and F~- at each stage, over the image."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.images import read_image
from snr_keras.reid.visualization.figures import caption, frame_axes, save_figure, show_image
from snr_keras.reid.visualization.stages import activation_maps

TITLES = {"F": "$F$", "F_tilde": r"$\tilde F$", "F_plus": r"$\tilde F^+$", "F_minus": r"$\tilde F^-$"}


def save_activation_maps(
    model: keras.Model,
    domains: Mapping[str, Split],
    folder: str | os.PathLike,
    *,
    prefix: str = "",
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[int, Path]:
    """Draw the activation maps of images, one picture per stage and one row per image, with one scale per row.

    Args:
        model: A `reid_model`; for a stage without SNR, only F is drawn.
        domains: A few images of each domain, by its name.
        folder: Folder in which to write `maps_stage1.png` and so on.
        prefix: Prefix of their names.
        progress: Function called with "activation maps", the number of pictures drawn and the total.

    Returns:
        The paths of the pictures by the number of the stage.
    """
    images = [read_image(path).numpy() for split in domains.values() for path in split.paths]
    names = [name for name, split in domains.items() for _ in split.paths]
    of_domains = [activation_maps(model, split) for split in domains.values()]
    pictures = {}
    for done, stage in enumerate(of_domains[0], 1):
        maps = {name: np.concatenate([of[stage][name] for of in of_domains]) for name in of_domains[0][stage]}
        path = Path(folder) / f"{prefix}maps_stage{stage}.png"
        pictures[stage] = save_figure(_figure(images, names, maps, f"stage {stage}"), path)
        if progress is not None:
            progress("activation maps", done, len(of_domains[0]))
    return pictures


def _figure(images: list[NDArray], names: list[str], maps: Mapping[str, NDArray], title: str) -> Figure:
    ratios = [1.0] * (1 + len(maps)) + [0.1]
    figure = Figure(figsize=(0.8 * (1 + len(maps)) + 0.7, 1.5 * len(images) + 0.5), layout="constrained")
    axes = figure.subplots(len(images), len(ratios), squeeze=False, width_ratios=ratios)
    for n, (row, image) in enumerate(zip(axes, images, strict=True)):
        show_image(row[0], image)
        row[0].set_ylabel(caption(names[n], 24), fontsize=8)
        scale = min(m[n].min() for m in maps.values()), max(m[n].max() for m in maps.values())
        for ax, values in zip(row[1:], maps.values(), strict=False):
            _overlay(ax, image, values[n], scale)
        colours = ScalarMappable(Normalize(*scale), "inferno")  # those of the maps are transparent
        bar = figure.colorbar(colours, cax=row[-1])
        bar.ax.tick_params(labelsize=6, length=2)
        bar.ax.locator_params(nbins=4)
    for ax, text in zip(axes[0], ["image", *(TITLES[name] for name in maps)], strict=False):
        ax.set_title(text, fontsize=10)
    figure.suptitle(f"{title}: mean |activation| over the channels", fontsize=9)
    return figure


def _overlay(ax: Axes, image: NDArray, activation: NDArray, scale: tuple[float, float]) -> None:
    """A map over its image in grey."""
    extent = (0, image.shape[1], image.shape[0], 0)
    ax.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
    low, high = scale
    ax.imshow(
        activation,
        cmap="inferno",
        vmin=low,
        vmax=high,
        alpha=0.65,
        extent=extent,
        aspect="auto",
        interpolation="bicubic",
    )
    frame_axes(ax)
