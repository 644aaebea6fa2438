"""Every format and precision of `snr export`: size, latency, and how near it is to the Keras model."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snr_keras.data.dataset import ReIDDataset, Split
from snr_keras.data.pipeline import evaluation_batches
from snr_keras.deployment import FORMATS, check_installed, export_model
from snr_keras.deployment.exporting import drawn_pictures, largest_difference, open_float32
from snr_keras.deployment.graph import Run
from snr_keras.evaluation import EmbeddedDataset, score

BATCHES = (1, 32)


@dataclass(frozen=True)
class ExportTiming:
    """One way to run a model.

    Attributes:
        format: One of `FORMATS`, or "keras" for the model itself.
        precision: Of the weights.
        size: Bytes; None for "keras".
        one: Seconds for one picture, the median.
        batch: Seconds for 32 pictures in one batch, the median.
        difference: The largest of embeddings from those of Keras.
        largest: The largest number in the embeddings of Keras.
        mAP: On the test domain, in [0, 1].
        rank1: Likewise.
    """

    format: str
    precision: str
    size: int | None
    one: float
    batch: float
    difference: float
    largest: float
    mAP: float  # noqa: N815
    rank1: float


def benchmark_export(
    run: str | os.PathLike[str],
    target: ReIDDataset,
    *,
    repeats: int = 30,
    progress: Callable[[ExportTiming], None] | None = None,
) -> list[ExportTiming]:
    """Export a run in every way there is, run each and test it on a domain; the Keras model comes first.

    Args:
        run: What `load_run` takes.
        target: What to test on.
        repeats: Timed runs of each, after one that is not counted.
        progress: Called with each result.

    Raises:
        ValueError: If there are no repeats.
        Others: As `export_model` and `score`.
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be at least 1. Received: repeats={repeats}")
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
            for precision in format.precisions:
                export = export_model(run, Path(folder, f"{name}_{precision}{format.ending}"), name, precision)
                measure(name, precision, export.size, format.open(export.path))
    return rows


def _seconds(run_it: Run, pictures: NDArray, repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run_it(pictures)
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def _embeddings(run_it: Run, split: Split, image_size: tuple[int, int]) -> NDArray:
    batches = evaluation_batches(split, image_size=image_size, batch_size=max(BATCHES))
    return np.concatenate([run_it(images.numpy())["embedding"] for images in batches])
