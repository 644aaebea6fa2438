"""From the images of a data set to their embeddings."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from snr_keras.evaluation.progress import Progress
from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.data.pipeline import evaluation_batches


@dataclass(frozen=True)
class EmbeddedDataset:
    """A dataset whose queries and gallery have been embedded.

    Attributes:
        dataset: Data set.
        query: Embeddings of `dataset.query`, (Q, D), float32, in its order.
        gallery: Embeddings of `dataset.gallery`, (G, D), float32, in its order.
    """

    dataset: ReIDDataset
    query: NDArray[np.float32]
    gallery: NDArray[np.float32]


def embed_dataset(
    embedder: keras.Model,
    dataset: ReIDDataset,
    *,
    batch_size: int = 128,
    flip: bool = False,
    progress: Progress | None = None,
) -> EmbeddedDataset:
    """Embed the queries and the gallery of a dataset; the arguments are those of `extract_embeddings`."""
    total = len(dataset.query.paths) + len(dataset.gallery.paths)

    def both(offset: int) -> Progress | None:
        return progress and (lambda done, _: progress(offset + done, total))

    query = extract_embeddings(embedder, dataset.query, batch_size=batch_size, flip=flip, progress=both(0))
    offset = both(len(dataset.query.paths))
    gallery = extract_embeddings(embedder, dataset.gallery, batch_size=batch_size, flip=flip, progress=offset)
    return EmbeddedDataset(dataset, query, gallery)


def extract_embeddings(
    embedder: keras.Model,
    split: Split,
    *,
    batch_size: int = 128,
    flip: bool = False,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Embed every image of a split, in order.

    Args:
        embedder: Model from RGB images in [0, 255], (N, H, W, 3), to embeddings, (N, D), as from
            `snr_keras.models.embedder`. Images are resized to its input size.
        split: Images to embed.
        batch_size: Number of images embedded at a time.
        flip: Whether to average each embedding with that of the mirrored image.
        progress: Function called with the number of images done and the total.

    Returns:
        Embeddings, (n, D), float32.
    """
    height, width = embedder.input_shape[1:3]
    rows = []
    done = 0
    for images in evaluation_batches(split, image_size=(height, width), batch_size=batch_size):
        rows.append(embed(embedder, images, flip=flip))
        done += len(images)
        if progress is not None:
            progress(done, len(split.paths))
    return np.concatenate(rows)


def embed(embedder: keras.Model, images: Any, *, flip: bool = False) -> NDArray[np.float32]:
    """Embed a batch of images, (N, H, W, 3), in [0, 255], averaged with the mirrored images if `flip`; (N, D)."""
    embeddings = embedder(images, training=False)
    if flip:
        embeddings = (embeddings + embedder(ops.flip(images, axis=2), training=False)) / 2
    return ops.convert_to_numpy(embeddings).astype(np.float32)
