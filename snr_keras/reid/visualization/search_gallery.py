"""The result of a search as pictures: each query and its nearest, with their distances."""

import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snr_keras.reid.data.images import UnreadableImageError, read_image
from snr_keras.reid.search import SearchResult
from snr_keras.reid.visualization.figures import caption, frame_axes, save_figure, show_image


def save_search_gallery(
    result: SearchResult, path: str | os.PathLike[str], *, num_queries: int = 20, top: int = 10
) -> Path:
    """Draw the first queries, one per row, each with its nearest pictures and their distances.

    A picture that no longer exists, or is no longer readable, is an empty frame with a note.

    Args:
        result: Result of the search.
        path: PNG file to write.
        num_queries: Number of rows.
        top: Maximal number of pictures per row.
    """
    rows = min(num_queries, len(result.queries))
    columns = 1 + min(top, max(len(matches) for matches in result.matches))
    figure = Figure(figsize=(0.95 * columns, 2.1 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, query in enumerate(result.queries[:rows]):
        _draw(axes[row, 0], result.paths[row], caption(os.path.basename(query), 16), frame=3)
        for column, ax in enumerate(axes[row, 1:]):
            if column < len(result.matches[row]):
                match = result.matches[row][column]
                _draw(ax, match.path, f"{column + 1}: {match.distance:.3f}", frame=1)
            else:
                ax.axis("off")
    figure.suptitle(f"queries and the nearest of {result.gallery} pictures, {result.distance} distance", fontsize=8)
    return save_figure(figure, path)


def _draw(ax: Axes, path: str, title: str, *, frame: int) -> None:
    try:
        show_image(ax, read_image(path).numpy(), frame=frame)
    except UnreadableImageError:
        ax.text(0.5, 0.5, "not\nreadable", ha="center", va="center", fontsize=7, transform=ax.transAxes)
        frame_axes(ax, frame=frame)
    ax.set_title(title, fontsize=7)
