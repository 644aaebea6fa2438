"""The picture that ReID users know: a query, its ten nearest gallery images, right ones and wrong ones framed."""

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snr_keras.data.images import decode_image
from snr_keras.evaluation import EmbeddedDataset
from snr_keras.evaluation.distances import distance_rows
from snr_keras.evaluation.protocols import RetrievalLabels
from snr_keras.evaluation.report import protocol_of
from snr_keras.visualization.figures import save_figure

RIGHT, WRONG, QUERY = "#2a9d3a", "#d1322d", "#333333"


def save_ranked_gallery(
    embedded: EmbeddedDataset,
    path: str | os.PathLike,
    *,
    num_queries: int = 8,
    top: int = 10,
    distance: str = "cosine",
    protocol: str | None = None,
    title: str = "",
) -> Path:
    """Draw queries, evenly spread over those that have a match, each with its nearest gallery images.

    Args:
        embedded: Embeddings, labels and the images' paths.
        path: The PNG to write.
        num_queries: Rows.
        top: Gallery images a row.
        distance: "cosine" or "euclidean".
        protocol: "market1501" or "no_camera"; by default what the dataset's camera labels allow.
        title: A line above the picture.
    """
    query, gallery = embedded.dataset.query, embedded.dataset.gallery
    protocol = protocol or protocol_of(embedded.dataset)
    labels = RetrievalLabels.checked(query.identities, gallery.identities, query.cameras, gallery.cameras, protocol)
    with_match = [q for q in range(len(query.paths)) if labels.matches_and_valid(q)[0].any()]
    spread = np.linspace(0, len(with_match) - 1, min(num_queries, len(with_match))).round().astype(int)
    chosen = [with_match[i] for i in spread]
    figure = Figure(figsize=(0.85 * (top + 1), 1.9 * len(chosen) + 0.4), layout="constrained")
    axes = figure.subplots(len(chosen), top + 1, squeeze=False)
    for row, q in enumerate(chosen):
        matches, valid = labels.matches_and_valid(q)
        distances = next(distance_rows(embedded.query[q : q + 1], embedded.gallery, distance))
        ranking = [g for g in np.argsort(distances, kind="stable") if valid[g]][:top]
        _draw(axes[row, 0], query.paths[q], QUERY, f"query {query.identities[q]}")
        for column, ax in enumerate(axes[row, 1:]):
            if column < len(ranking):
                g = ranking[column]
                _draw(ax, gallery.paths[g], RIGHT if matches[g] else WRONG, f"{column + 1}: {gallery.identities[g]}")
            else:
                ax.axis("off")
    figure.suptitle(title or f"{embedded.dataset.name}: right in green, wrong in red")
    return save_figure(figure, path)


def _draw(ax: Axes, image: str, colour: str, caption: str) -> None:
    ax.imshow(decode_image(Path(image).read_bytes()).numpy(), aspect="auto")
    ax.set_title(caption, fontsize=8, color=colour)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set(color=colour, linewidth=3)
