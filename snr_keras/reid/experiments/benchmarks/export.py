"""The formats and precisions of `snr export`: size, latency, and difference from the Keras model."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.pipeline import evaluation_batches
from snr_keras.reid.deployment import FORMATS, PRECISIONS, UNFIT, check_installed, export_model
from snr_keras.reid.deployment.exporting import largest_difference, open_float32
from snr_keras.reid.deployment.graph import Run
from snr_keras.reid.deployment.pictures import drawn_pictures
from snr_keras.reid.deployment.runtimes import RUNTIMES
from snr_keras.reid.targets import EmbeddedDataset, score

BATCHES = (1, 32)


@dataclass(frozen=True)
class ExportTiming:
    """The measurements of one format and precision.

    Attributes:
        format: One of `FORMATS`, or "keras" for the model itself.
        precision: Precision of the weights.
        size: Size in bytes; None for "keras".
        one: Median seconds for one picture; None if nothing was timed.
        batch: Median seconds for 32 pictures in one batch; None if nothing was timed.
        difference: Largest difference of embeddings from those of Keras.
        largest: Largest number in the embeddings of Keras.
        mAP: mAP on the test domain, in [0, 1].
        rank1: Rank-1 on the test domain, in [0, 1].
    """

    format: str
    precision: str
    size: int | None
    one: float | None
    batch: float | None
    difference: float
    largest: float
    mAP: float  # noqa: N815
    rank1: float


def benchmark_export(
    run: str | os.PathLike[str],
    target: ReIDDataset,
    *,
    precisions: Collection[str] = tuple(PRECISIONS),
    repeats: int = 30,
    progress: Callable[[ExportTiming], None] | None = None,
) -> list[ExportTiming]:
    """Export a run in every format, run each export and test it on a domain; the Keras model comes first.

    Args:
        run: Run, as `load_run` takes it.
        target: Data set to test on.
        precisions: Precisions to measure of each format; one of `UNFIT` is measured too if it is named.
        repeats: Timed runs of each, after one that does not count; with 0 nothing is timed.
        progress: Function called with each result.

    Raises:
        ValueError: If `repeats` is negative, or there is no such precision.
        Others: As for `export_model` and `score`.
    """
    if repeats < 0:
        raise ValueError(f"`repeats` must be at least 0. Received: repeats={repeats}")
    if unknown := sorted({*precisions} - {*PRECISIONS, *UNFIT}):
        known = ", ".join((*PRECISIONS, *UNFIT))
        raise ValueError(f"`precisions` must be of {known}. Received: {', '.join(unknown)}")
    for format in FORMATS.values():
        check_installed(format)
    model, identity = open_float32(run)
    pictures = drawn_pictures(identity.image_size, max(BATCHES))
    expected = np.asarray(model(pictures, training=False))
    rows: list[ExportTiming] = []

    def measure(name: str, precision: str, size: int | None, run_it: Run) -> None:
        one, batch = (_seconds(run_it, pictures[:images], repeats) for images in BATCHES)
        query, gallery = (_embeddings(run_it, split, identity.image_size) for split in (target.query, target.gallery))
        result = score(EmbeddedDataset(target, query, gallery))
        difference, largest = largest_difference(run_it, pictures, expected), float(np.abs(expected).max())
        rows.append(ExportTiming(name, precision, size, one, batch, difference, largest, result.mAP, result.rank(1)))
        if progress is not None:
            progress(rows[-1])

    def keras_run(images: NDArray) -> dict[str, NDArray]:
        return {"embedding": np.asarray(model(images, training=False))}

    measure("keras", "float32", None, keras_run)
    with tempfile.TemporaryDirectory() as folder:
        for name, format in FORMATS.items():
            for precision in (one for one in (*format.precisions, *format.unfit) if one in precisions):
                out = Path(folder, f"{name}_{precision}{format.ending}")
                export = export_model(run, out, name, precision, unfit=True)
                measure(name, precision, export.size, RUNTIMES[name].open(export.path))
    return rows


def _seconds(run_it: Run, pictures: NDArray, repeats: int) -> float | None:
    if repeats == 0:
        return None
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run_it(pictures)
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def _embeddings(run_it: Run, split: Split, image_size: tuple[int, int]) -> NDArray:
    batches = evaluation_batches(split, image_size=image_size, batch_size=max(BATCHES))
    return np.concatenate([run_it(images.numpy())["embedding"] for images in batches])
