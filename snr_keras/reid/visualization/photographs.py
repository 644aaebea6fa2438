"""Photographs in rows and columns, each in a frame with a title above."""

import os
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from snr_keras.reid.visualization.figures import INK, save_figure

# In inches: the place of a photograph with its title, the height of that title, what is free between two photographs,
# and what is left of them for words about a row and above them for the title of all.
_COLUMN, _ROW, _TITLE, _GAP, _LEFT, _ABOVE = 0.85, 1.9, 0.22, 0.08, 0.3, 0.5


class Photographs:
    """A picture of photographs. All share one set of axes: axes for each take several times as long to draw.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        title: Text above the picture.
    """

    def __init__(self, rows: int, columns: int, *, title: str) -> None:
        width, height = _LEFT + _COLUMN * columns, _ABOVE + _ROW * rows
        self._figure = Figure(figsize=(width, height))
        self._ax = self._figure.add_axes((0, 0, 1, 1))
        self._ax.set(xlim=(0, width), ylim=(height, 0))
        self._ax.axis("off")
        self._figure.suptitle(title, y=1 - _ABOVE / 2 / height, va="center")

    def put(
        self, row: int, column: int, image: NDArray | None, title: str, *, colour: str = INK, frame: float = 3
    ) -> None:
        """Draw a photograph, (H, W, 3), in its place; None is an empty frame with a note that it is not readable."""
        left, above = _LEFT + _COLUMN * column, _ABOVE + _ROW * row + _TITLE
        right, below = left + _COLUMN - _GAP, above + _ROW - _TITLE - _GAP
        middle = (left + right) / 2
        if image is None:
            self._ax.text(middle, (above + below) / 2, "not\nreadable", fontsize=7, ha="center", va="center")
        else:
            self._ax.imshow(image, aspect="auto", extent=(left, right, below, above))
        place = Rectangle((left, above), right - left, below - above, fill=False, edgecolor=colour, linewidth=frame)
        self._ax.add_patch(place)
        self._ax.text(middle, above - _GAP / 2, title, fontsize=8, color=colour, ha="center", va="bottom")

    def tell(self, row: int, text: str) -> None:
        """Write on the left of a row, upwards."""
        middle = _ABOVE + _ROW * (row + 0.5)
        self._ax.text(_LEFT / 2, middle, text, fontsize=8, rotation="vertical", ha="center", va="center")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture as PNG."""
        return save_figure(self._figure, path, dpi=100)  # photographs make large files
