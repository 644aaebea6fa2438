"""Ranked galleries: a query and its ten nearest gallery images, with frames for right and wrong ones."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snr_keras.evaluation import evaluate_queries
from snr_keras.evaluation.distances import distance_rows
from snr_keras.evaluation.progress import Progress
from snr_keras.evaluation.protocols import RetrievalLabels
from snr_keras.reid.data.images import read_image
from snr_keras.reid.targets import EmbeddedDataset
from snr_keras.reid.targets.scores import labels_of
from snr_keras.reid.visualization.figures import caption
from snr_keras.reid.visualization.photographs import Photographs

RIGHT, WRONG = "#2a9d3a", "#d1322d"


@dataclass(frozen=True, eq=False)
class Ranking:
    """The ranking of the gallery for one query.

    Attributes:
        query: Index of the query.
        average_precision: Average precision, in [0, 1].
        first_right: Rank of the first match, from 1.
        nearest: Indices of the nearest gallery images, (k,), without those that the protocol leaves out.
        right: Whether each shows the query's identity, (k,).
    """

    query: int
    average_precision: float
    first_right: int
    nearest: NDArray[np.intp]
    right: NDArray[np.bool_]


def rankings(
    embedded: EmbeddedDataset,
    *,
    num_queries: int = 8,
    top: int = 10,
    worst_first: bool = False,
    distance: str = "cosine",
    protocol: str | None = None,
    progress: Progress | None = None,
) -> list[Ranking]:
    """The rankings of some of the queries that have a match.

    Args:
        embedded: Embeddings and labels.
        num_queries: Maximal number of queries.
        top: Maximal length of each ranking.
        worst_first: Whether to take the queries with the lowest average precision, the lowest first and of equal ones
            the first in the data set. Otherwise queries evenly spaced over the data set, in its order.
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the data set.
        progress: Function called as by `evaluate_embeddings`.

    Raises:
        ValueError: As for `evaluate_embeddings`, for example if no query has a match.
    """
    of_both = labels_of(embedded.dataset, protocol)
    figures = evaluate_queries(embedded.query, embedded.gallery, **of_both, distance=distance, progress=progress)
    precisions = figures.average_precisions
    with_match = np.flatnonzero(np.isfinite(precisions))
    if worst_first:
        chosen = with_match[np.argsort(precisions[with_match], kind="stable")][:num_queries]
    else:
        spread = np.linspace(0, len(with_match) - 1, min(num_queries, len(with_match))).round().astype(int)
        chosen = with_match[spread]
    labels = RetrievalLabels.checked(**of_both)
    found = []
    rows = distance_rows(embedded.query, embedded.gallery, distance, only=chosen, progress=progress)
    for q, distances in zip(chosen, rows, strict=True):
        matches, junk = labels.matches_and_junk(q)
        ranking = np.argsort(distances, kind="stable")
        nearest = ranking[np.isin(ranking, junk, invert=True)][:top]
        first_right = int(figures.first_ranks[q])
        found.append(Ranking(int(q), float(precisions[q]), first_right, nearest, np.isin(nearest, matches)))
    return found


def save_ranked_gallery(
    embedded: EmbeddedDataset,
    path: str | os.PathLike,
    *,
    num_queries: int = 8,
    top: int = 10,
    worst_first: bool = False,
    distance: str = "cosine",
    protocol: str | None = None,
    title: str = "",
    progress: Progress | None = None,
) -> Path:
    """Draw queries that have a match, one per row, with their average precision and their nearest gallery images.

    Args:
        embedded: Embeddings, labels and the images' paths.
        path: PNG file to write.
        num_queries: Number of rows.
        top: Number of gallery images per row.
        worst_first: Whether to draw the queries with the lowest average precision, as for `rankings`.
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501", "no_camera" or "single_gallery_shot"; by default that of the data set.
        title: Line above the picture.
        progress: Function called as by `evaluate_embeddings`.
    """
    query, gallery = embedded.dataset.query, embedded.dataset.gallery
    rows = rankings(
        embedded,
        num_queries=num_queries,
        top=top,
        worst_first=worst_first,
        distance=distance,
        protocol=protocol,
        progress=progress,
    )
    told = title or f"{caption(embedded.dataset.name)}: right in green, wrong in red"
    picture = Photographs(len(rows), top + 1, title=told)
    for row, ranking in enumerate(rows):
        picture.tell(row, f"AP {100 * ranking.average_precision:.1f} %, first right: {ranking.first_right}")
        picture.put(row, 0, read_image(query.paths[ranking.query]).numpy(), f"query {query.identities[ranking.query]}")
        for column, (g, right) in enumerate(zip(ranking.nearest, ranking.right, strict=True), start=1):
            name, colour = f"{column}: {gallery.identities[g]}", RIGHT if right else WRONG
            picture.put(row, column, read_image(gallery.paths[g]).numpy(), name, colour=colour)
    return picture.save(path)
