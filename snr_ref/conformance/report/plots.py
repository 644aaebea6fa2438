"""The errors of each function between zero and what rounding explains, as SVG for an HTML page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from snr_ref.conformance.arguments import DTYPES
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.report.result import Result

try:
    import matplotlib
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "The HTML report draws its plots with matplotlib. Install with: pip install matplotlib"
    ) from error

#: Colours that are distinguishable on white and on black, also with colour blindness.
COLOURS = dict(zip(DTYPES, ("#3b82c4", "#d97706", "#9b5de5", "#12a07a"), strict=True))

#: Limits of the plot; smaller and larger errors are drawn at the edges.
_LEAST, _MOST = 1e-5, 1e4

#: Placeholder colour, which the page replaces by its text colour, light or dark.
_INK = "#010203"


def plot(function: str, results: Iterable[Result]) -> str:
    """The error of every answer of a function as a fraction of its bound, a row per output.

    Args:
        function: Name of the function.
        results: Results; those that have comparisons of the function are drawn.

    Returns:
        An SVG element with text in the colour of the page; empty if no result has a comparison.
    """
    shown: dict[tuple[str, str], list[float]] = {}
    for result in results:
        for comparison in result.comparisons if result.case.function == function else ():
            shown.setdefault((comparison.output, result.dtype), []).append(comparison.fraction)
    outputs = [output for output in FUNCTIONS[function].outputs if any(output == drawn for drawn, _ in shown)]
    dtypes = [dtype for dtype in DTYPES if any(dtype == drawn for _, drawn in shown)]
    if not shown:
        return ""
    style: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": function,
        "font.family": "sans-serif",
        "font.size": 10,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.2, 0.75 + 0.18 * (1 + len(dtypes)) * len(outputs)), layout="constrained")
        axes = figure.add_subplot()
        for row, output in enumerate(outputs):
            for lane, dtype in enumerate(dtypes):
                fractions = np.clip(np.nan_to_num(shown.get((output, dtype), []), posinf=_MOST), _LEAST, _MOST)
                height = row + (lane - (len(dtypes) - 1) / 2) * 0.8 / len(dtypes)
                axes.scatter(fractions, np.full(len(fractions), height), s=22, c=COLOURS[dtype], alpha=0.55, lw=0)
        _decorate(axes, outputs)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg[svg.index("<svg") :])  # names of groups, the same in every plot
    label = f'<svg role="img" aria-label="Errors of {function}, as fractions of what rounding explains"'
    return svg.replace("<svg", label, 1).replace(_INK, "currentColor")


def _decorate(axes: Any, outputs: list[str]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(_LEAST / 2, _MOST * 2)
    axes.set_ylim(len(outputs) - 0.5, -0.5)
    axes.set_yticks(range(len(outputs)), outputs)
    axes.set_xticks(
        [_LEAST, 1e-3, 1e-1, 1, 10, 1e3, _MOST], ["none", "1e-3", "0.1", "1", "10", "1e3", "more"], minor=False
    )
    axes.minorticks_off()
    axes.axvline(1, color="#d62728", lw=1.5)
    axes.axvspan(1, _MOST * 2, color="#d62728", alpha=0.08, lw=0)
    axes.set_xlabel("error, as a fraction of what rounding explains")
    axes.tick_params(left=False)
    axes.grid(axis="x", alpha=0.25, color=_INK)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
