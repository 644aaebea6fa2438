"""The common parts of all pictures: atomic writing of figures, frames of images, and names in texts."""

import os
import warnings
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from snr_keras.files.atomic import new_file
from snr_keras.reid.data.report import printable

INK = "#333333"


def save_figure(figure: Figure, path: str | os.PathLike, *, dpi: int = 150, **options: Any) -> Path:
    """Write a figure as PNG, replacing an existing file only when it is complete; no display, no global state.

    Args:
        figure: Figure to write.
        path: PNG file.
        dpi: Pixels per inch.
        **options: Options of `Figure.savefig`; by default the margins are cut to what is drawn.
    """
    path = Path(path)
    options = {"bbox_inches": "tight", **options}
    with new_file(path) as unfinished, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # it only means a box in place of a letter
        figure.savefig(unfinished, format="png", dpi=dpi, facecolor="white", **options)
    return path


def panels_in_rows(number: int) -> tuple[Figure, list[Axes]]:
    """A figure of some panels, at most three side by side so that they can be read on a page, and their axes."""
    rows, columns = -(-number // 3), min(3, number)
    figure = Figure(figsize=(3.6 * columns, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in axes[number:]:
        ax.remove()
    return figure, list(axes[:number])


def show_image(ax: Axes, image: ArrayLike, *, colour: str = INK, frame: float = 0.5) -> None:
    """Fill axes with an image, (H, W, 3) or (H, W), in a frame `frame` points wide."""
    ax.imshow(image, aspect="auto")
    frame_axes(ax, colour=colour, frame=frame)


def frame_axes(ax: Axes, *, colour: str = INK, frame: float = 0.5) -> None:
    """Axes without numbers, in a frame `frame` points wide."""
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set(color=colour, linewidth=frame)


def caption(name: str, longest: int = 40) -> str:
    """A name as text of a figure: unprintable characters escaped, `$` literal, the middle of a long name left out."""
    name = printable(name)
    if len(name) > longest:
        kept = (longest - 2) // 2
        name = f"{name[:kept]}..{name[-kept:]}"
    return name.replace("$", r"\$")
