"""Targets with several splits: every image is embedded once, every split is scored, and the scores are averaged."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import keras
import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation.progress import Progress, counted
from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.targets.embeddings import EmbeddedDataset, embed_dataset, extract_embeddings
from snr_keras.reid.targets.scores import TargetResult, mean_over, score


def embed_trials(
    embedder: keras.Model,
    trials: Sequence[ReIDDataset],
    *,
    batch_size: int = 128,
    flip: bool = False,
    progress: Progress | None = None,
) -> tuple[EmbeddedDataset, ...]:
    """Embed the queries and galleries of a data set's splits, each image once.

    Args:
        embedder: Model from images to embeddings, as for `extract_embeddings`.
        trials: Splits of the data set, as from `snr_keras.reid.data.catalogue.open_trials`.
        batch_size: Number of images embedded at a time.
        flip: Whether to average each embedding with that of the mirrored image.
        progress: Function called with the number of images done and the total.
    """
    if len(trials) == 1:
        return (embed_dataset(embedder, trials[0], batch_size=batch_size, flip=flip, progress=progress),)
    paths = tuple(dict.fromkeys(path for trial in trials for path in (*trial.query.paths, *trial.gallery.paths)))
    images = Split(paths, np.zeros(len(paths), np.int64), None)
    embeddings = extract_embeddings(embedder, images, batch_size=batch_size, flip=flip, progress=progress)
    row_of = {path: row for row, path in enumerate(paths)}

    def rows(split: Split) -> np.ndarray:
        return embeddings[[row_of[path] for path in split.paths]]

    return tuple(EmbeddedDataset(trial, rows(trial.query), rows(trial.gallery)) for trial in trials)


def score_trials(
    embedded: Sequence[EmbeddedDataset],
    *,
    distance: str = "cosine",
    protocol: str | None = None,
    max_rank: int = 50,
    progress: Progress | None = None,
) -> TargetResult:
    """The scores of a target: the mean over its splits, all with the same weight; counts are sums over them.

    Args:
        embedded: Embedded splits, as from `embed_trials`.
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the data set.
        max_rank: Length of the CMC curve.
        progress: Function called as by `score`; for several divisions, with the number scored and the total.

    Raises:
        ValueError: As for `score`.
    """
    scored = partial(score, distance=distance, protocol=protocol, max_rank=max_rank)
    if len(embedded) == 1:
        return scored(embedded[0], progress=progress)
    results = [scored(trial) for trial in counted(embedded, progress, len(embedded))]
    return replace(
        results[0],
        mAP=mean_over(results, "mAP"),
        mINP=mean_over(results, "mINP"),
        cmc=tuple(float(c) for c in np.mean([result.cmc for result in results], axis=0)),
        num_queries=sum(result.num_queries for result in results),
        num_valid_queries=sum(result.num_valid_queries for result in results),
        num_gallery=sum(result.num_gallery for result in results),
        num_queries_in_gallery=sum(result.num_queries_in_gallery for result in results),
        splits=tuple(results),
        average_precisions=(),
    )


def query_table(result: TargetResult, trials: Sequence[ReIDDataset]) -> NDArray[np.float64]:
    """The average precisions of a target by split and query image, for statistics over the images.

    Args:
        result: Result of `score_trials`.
        trials: Splits of the same data set.

    Returns:
        Average precisions, (S, Q): a row per split, a column per image that is a query in any; NaN where it is not, or
        has no valid match.
    """
    paths = dict.fromkeys(path for trial in trials for path in trial.query.paths)
    column_of = {path: column for column, path in enumerate(paths)}
    table = np.full((len(trials), len(paths)), np.nan)
    for row, trial, one in zip(table, trials, result.splits or (result,), strict=True):
        row[[column_of[path] for path in trial.query.paths]] = np.array(one.average_precisions, float)
    return table
