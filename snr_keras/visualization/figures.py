"""A matplotlib figure to a file: no display, no global state, never half-written."""

import os
from pathlib import Path

from matplotlib.figure import Figure


def save_figure(figure: Figure, path: str | os.PathLike) -> Path:
    """Write a figure as PNG, replacing what was there only when it is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, format="png", dpi=150, bbox_inches="tight", facecolor="white")
    os.replace(partial, path)
    return path
