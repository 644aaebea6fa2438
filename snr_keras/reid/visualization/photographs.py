"""Photographs in rows and columns, each in a frame with a title above."""

import os
from pathlib import Path
from textwrap import wrap
from unicodedata import east_asian_width

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from snr_keras.reid.visualization.figures import INK, save_figure

# In inches: the place of a photograph with its title, the height of that title, what is free between two photographs,
# what is left of them for words about a row, and the height of a line of the title of all.
_COLUMN, _ROW, _TITLE, _GAP, _LEFT, _LINE = 0.85, 1.9, 0.22, 0.08, 0.3, 0.19
_LETTERS = 9
"""How many letters of the title of all fit in an inch, unless nearly all are as wide as a W."""


class Photographs:
    """A picture of photographs. All share one set of axes: axes for each take several times as long to draw.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        title: Text above the picture.
    """

    def __init__(self, rows: int, columns: int, *, title: str) -> None:
        width = _LEFT + _COLUMN * columns
        lines = _in_lines(title, int(_LETTERS * width))
        self._above = _LINE * (len(lines) + 0.5)
        height = self._above + _ROW * rows
        self._figure = Figure(figsize=(width, height))
        self._ax = self._figure.add_axes((0, 0, 1, 1))
        self._ax.set(xlim=(0, width), ylim=(height, 0))
        self._ax.axis("off")
        self._figure.suptitle("\n".join(lines), y=1 - self._above / 2 / height, va="center", fontsize=10)

    def put(
        self, row: int, column: int, image: NDArray | None, title: str, *, colour: str = INK, frame: float = 3
    ) -> None:
        """Draw a photograph, (H, W, 3), in its place; None is an empty frame with a note that it is not readable."""
        left, above = _LEFT + _COLUMN * column, self._above + _ROW * row + _TITLE
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
        """Write on the left of a row, upwards, in letters small enough for the height of the row."""
        middle, size = self._above + _ROW * (row + 0.5), min(8, 72 * _ROW / (0.62 * max(1, _letters(text))))
        self._ax.text(_LEFT / 2, middle, text, fontsize=size, rotation="vertical", ha="center", va="center")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture as PNG."""
        # Photographs make large files. Level 6, the default, takes twice as long and saves an eighth of the size.
        return save_figure(self._figure, path, dpi=100, bbox_inches=None, pil_kwargs={"compress_level": 3})


def _in_lines(text: str, longest: int) -> list[str]:
    r"""The lines of a text, of at most so many letters; `caption` makes `\$` of a `$`, and no line ends within one."""
    plain = text.replace(r"\$", "$")
    wide = _letters(plain) > len(plain)
    lines = [part for line in plain.splitlines() for part in wrap(line, longest // 2 if wide else longest)]
    return [line.replace("$", r"\$") for line in lines]


def _letters(text: str) -> int:
    """How many letters wide a text is: most of East Asia are two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
