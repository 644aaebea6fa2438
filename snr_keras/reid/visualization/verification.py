"""Plots of verification: a histogram of the distances of both kinds of pairs, and the ROC curve."""

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from snr_keras.reid.visualization.figures import caption, save_figure
from snr_ref import VerificationResult

SAME, DIFFERENT = "#2a9d3a", "#d1322d"


def save_verification(result: VerificationResult, path: str | os.PathLike[str], *, title: str) -> Path:
    """Plot the histogram with the equal-error threshold, and the true-positive over the false-positive rate.

    The curve passes through the edges of the histogram's bins; the points at the requested false-positive rates are
    exact.

    Args:
        result: Result of `evaluate_verification`.
        path: PNG file to write.
        title: Line above the picture.
    """
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    histogram, roc = figure.subplots(1, 2)
    for counts, colour, label in (
        (result.same_counts, SAME, "one person"),
        (result.different_counts, DIFFERENT, "two persons"),
    ):
        density = counts / counts.sum()
        histogram.stairs(100 * density, result.bin_edges, fill=True, color=colour, alpha=0.5, label=label)
    if np.isfinite(result.equal_error_threshold):
        told = f"equal error, {100 * result.equal_error_rate:.1f} %, at {result.equal_error_threshold:.3g}"
        histogram.axvline(result.equal_error_threshold, color="black", linewidth=1, label=told)
    histogram.set(xlabel="distance", ylabel="pairs of this kind, %")
    histogram.legend(fontsize=8, frameon=False)

    below = [np.concatenate([[0], np.cumsum(c)]) / c.sum() for c in (result.same_counts, result.different_counts)]
    roc.plot(below[1], 100 * below[0], color="C0")
    roc.plot(result.false_positive_rates, 100 * result.true_positive_rates, "o", color="C0", markersize=4)
    smallest = min(result.false_positive_rates[result.false_positive_rates > 0], default=1e-4)
    roc.set(xscale="log", xlim=(smallest / 2, 1), ylim=(0, 101))
    roc.set(xlabel="false-positive rate", ylabel="true-positive rate, %")
    roc.grid(alpha=0.3)
    figure.suptitle(caption(title), fontsize=10)
    return save_figure(figure, path)
