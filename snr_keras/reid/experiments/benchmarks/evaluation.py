"""Time and memory of retrieval scores and re-ranking, compared with torchreid if it is installed."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import snr_ref
from snr_keras.evaluation import evaluate_embeddings, evaluate_retrieval, re_ranking
from snr_keras.reid.experiments.benchmarks._memory import peak_growth
from snr_keras.reid.settings.benchmarks import MARKET, TASKS

TILE = (1024, 4096)
"""Rows of features that are multiplied at a time, in which NumPy takes no longer than for all at once."""


@dataclass(frozen=True)
class EvaluationTiming:
    """The cost of one task with one implementation.

    Attributes:
        task: One of `TASKS`.
        name: Name of the implementation: "snr_keras", one of torchreid's, or the floor.
        seconds: Median of interleaved runs.
        memory: Largest number of bytes beyond the arguments, in a separate run; None where it cannot be measured.
    """

    task: str
    name: str
    seconds: float
    memory: int | None


class _Market(NamedTuple):
    queries: NDArray[np.float32]
    gallery: NDArray[np.float32]
    labels: tuple[NDArray[np.int64], ...]


def benchmark_evaluation(
    queries: int = MARKET[0],
    gallery: int = MARKET[1],
    width: int = MARKET[2],
    *,
    tasks: tuple[str, ...] = TASKS,
    baselines: bool = True,
    repeats: int = 3,
    progress: Callable[[EvaluationTiming], None] | None = None,
) -> list[EvaluationTiming]:
    """Time the evaluation of random float32 features of people in six cameras, with distractors.

    Runs of a task's implementations alternate. Those of torchreid are left out if it, or its compiled part, is not
    installed. The floor of scores from embeddings is the float32 products of all queries with the gallery, and that of
    re-ranking those of all features with all, a tile at a time, into one buffer.

    Args:
        queries: Number Q of queries.
        gallery: Number G of gallery images.
        width: Length D of a feature vector.
        tasks: Names out of `TASKS`.
        baselines: Whether to time torchreid too, if installed: its re-ranking holds several (Q + G, Q + G) matrices.
        repeats: Number of runs of each implementation.
        progress: Function called with each result.

    Returns:
        The results, task by task, snr_keras first.

    Raises:
        ValueError: If a task is unknown, or a number is not positive.
    """
    if unknown := set(tasks) - set(TASKS):
        raise ValueError(f"A task must be one of {', '.join(TASKS)}. Received: {', '.join(sorted(unknown))}")
    if min(queries, gallery, width, repeats) < 1:
        raise ValueError(
            "Queries, gallery, width and repeats must be at least 1. "
            f"Received: queries={queries}, gallery={gallery}, width={width}, repeats={repeats}"
        )
    market = _market(queries, gallery, width)
    timings = []
    for task in (task for task in TASKS if task in tasks):
        contestants = _contestants(task, market, baselines)
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        memory = {}
        for run in range(repeats):
            for name, contestant in contestants.items():
                if run == 0:
                    memory[name] = peak_growth(contestant)
                start = time.perf_counter()
                contestant()
                seconds[name].append(time.perf_counter() - start)
        for name in contestants:
            timings.append(EvaluationTiming(task, name, float(np.median(seconds[name])), memory[name]))
            if progress is not None:
                progress(timings[-1])
    return timings


def _contestants(task: str, market: _Market, baselines: bool) -> Mapping[str, Callable[[], Any]]:
    queries, gallery, labels = market
    if task == "distances":
        distances = 1 - queries @ gallery.T
        ours: dict[str, Callable[[], Any]] = {
            "snr_keras": lambda: evaluate_retrieval(distances, *labels),
            "snr_ref": lambda: snr_ref.evaluate_retrieval(distances, *labels),
        }
        return ours | (_torchreid_rank(distances, labels) if baselines else {})
    if task == "embeddings":
        return {
            "snr_keras": lambda: evaluate_embeddings(queries, gallery, *labels),
            "products alone": lambda: _products(queries, gallery),
        }
    features = np.concatenate([queries, gallery])
    return {
        "snr_keras": lambda: re_ranking(queries, gallery),
        "snr_keras, figures": lambda: evaluate_embeddings(queries, gallery, *labels, distance="re_ranked"),
        "products alone": lambda: _products(features, features),
        **(_torchreid_re_ranking(queries, gallery) if baselines else {}),
    }


def _torchreid_rank(distances: NDArray, labels: tuple[NDArray, ...]) -> dict[str, Callable[[], Any]]:
    """The compiled evaluation of torchreid and its Python one, with the labels in our order."""
    rank = _torchreid("metrics.rank")
    found: dict[str, Callable[[], Any]] = {}
    if getattr(rank, "IS_CYTHON_AVAI", False):
        found["torchreid, compiled"] = lambda: rank.evaluate_rank(distances, *labels, use_cython=True)
    if rank is not None:
        found["torchreid, Python"] = lambda: rank.evaluate_rank(distances, *labels, use_cython=False)
    return found


def _torchreid_re_ranking(queries: NDArray, gallery: NDArray) -> dict[str, Callable[[], Any]]:
    """From features, as users of torchreid do it: three matrices of distances, then its re-ranking."""
    rerank = _torchreid("utils.rerank")
    if rerank is None:
        return {}

    def run() -> Any:
        pairs = ((queries, gallery), (queries, queries), (gallery, gallery))
        return rerank.re_ranking(*(np.sqrt(np.maximum(2 - 2 * (x @ y.T), 0)) for x, y in pairs))

    return {"torchreid": run}


def _torchreid(module: str) -> Any:
    for package in ("torchreid", "torchreid.reid"):
        with suppress(ModuleNotFoundError):
            return importlib.import_module(f"{package}.{module}")
    return None


def _products(x: NDArray, y: NDArray) -> None:
    """Compute the products of all rows of x with all of y."""
    height, width = TILE
    buffer = np.empty((min(height, len(x)), min(width, len(y))), x.dtype)
    for column in range(0, len(y), width):
        columns = y[column : column + width].T
        for row in range(0, len(x), height):
            rows = x[row : row + height]
            np.matmul(rows, columns, out=buffer[: len(rows), : columns.shape[1]])


def _market(queries: int, gallery: int, width: int) -> _Market:
    """Unit vectors spread as a trained model's may be; a person has at most some 30 images, as in Market-1501.

    A seventh of the gallery, or all that are left, are distractors.
    """
    rng = np.random.default_rng(0)
    people = max(1, queries * 750 // MARKET[0])
    query_ids, gallery_ids = rng.integers(1, people + 1, queries), rng.integers(1, people + 1, gallery)
    gallery_ids[rng.random(gallery) < max(1 / 7, 1 - 30 * people / gallery)] = 0
    query_ids[0] = gallery_ids[0] = 1
    query_cameras, gallery_cameras = rng.integers(1, 7, queries), rng.integers(1, 7, gallery)
    query_cameras[0], gallery_cameras[0] = 1, 2
    centres = rng.standard_normal((people + 1, width), dtype=np.float32) / np.float32(1.2)
    centres[0] = 0

    def features(ids: NDArray) -> NDArray[np.float32]:
        """Compute a block at a time, so that only the features are that large."""
        x = rng.standard_normal((len(ids), width), dtype=np.float32)
        for start in range(0, len(ids), TILE[0]):
            block = x[start : start + TILE[0]]
            block += centres[ids[start : start + TILE[0]]]
            block /= np.linalg.norm(block, axis=1, keepdims=True)
        return x

    return _Market(features(query_ids), features(gallery_ids), (query_ids, gallery_ids, query_cameras, gallery_cameras))
