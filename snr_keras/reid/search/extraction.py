"""Extraction of embeddings from pictures: each picture is read once, with a few batches in memory."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from snr_keras.files.text import first_few
from snr_keras.reid.data.images import UnreadableImageError, read_image, resize_image
from snr_keras.reid.data.pictures import Paths, find_pictures, reasons
from snr_keras.reid.data.report import Excluded
from snr_keras.reid.runs.lock import locked_file
from snr_keras.reid.search.features import Features, new_features, open_features
from snr_keras.reid.search.model import ModelIdentity, open_model
from snr_keras.reid.targets.embeddings import embed

Progress = Callable[[int, int], None]  # pictures done, total


def extract(
    what: Paths,
    *,
    model: str | os.PathLike[str] = "pretrained",
    out: str | os.PathLike[str] | None = None,
    flip: bool = False,
    batch_size: int = 128,
    progress: Progress | None = None,
) -> Features:
    """Embed pictures.

    Args:
        what: Pictures, folders, or lists of them: see `snr_keras.reid.data.pictures.find_pictures`.
        model: Run folder, or "pretrained".
        out: HDF5 file to write, which appears when it is complete; None keeps the embeddings in memory.
        flip: Whether to average each embedding with that of the mirrored image.
        batch_size: Number of pictures embedded at a time.
        progress: Function called with the number of pictures done and the total.

    Returns:
        The features, with the files left out and the reasons; read from `out` if it is given.

    Raises:
        FileNotFoundError: If a named path, or the folder of `out`, does not exist.
        ValueError: If no picture can be read, or the model returns a number that is not finite; also as for `load_run`.
        OSError: If `out` cannot be written.
        LockedError: If another process is writing it.
    """
    if out is not None:
        check_writable(out)
    embedder, identity = open_model(model, flip=flip)
    return embed_pictures(embedder, identity, what, out=out, batch_size=batch_size, progress=progress)


def embed_pictures(
    embedder: keras.Model,
    identity: ModelIdentity,
    what: Paths,
    *,
    out: str | os.PathLike[str] | None = None,
    batch_size: int = 128,
    progress: Progress | None = None,
) -> Features:
    """`extract` with a loaded model."""
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}")
    pictures = find_pictures(what)
    left_out = list(pictures.left_out)
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    folder = os.getcwd()
    # One shape for all batches, padded with old content: SNR is compiled for each new shape.
    stacked = np.zeros((min(batch_size, len(pictures.names)), *identity.image_size, 3), np.float32)
    done = 0
    with ExitStack() as stack:
        writer = None
        if out is not None:
            stack.enter_context(locked_file(Path(out)))
            longest = max((len(os.fsencode(name)) for name in pictures.names), default=1)
            writer = stack.enter_context(new_features(out, folder, identity, embedder.output_shape[-1], longest))
        for batch, images in _decoded_batches(pictures.names, identity.image_size, batch_size):
            left_out += [Excluded(name, why) for name, why in zip(batch, images, strict=True) if isinstance(why, str)]
            readable = [name for name, image in zip(batch, images, strict=True) if not isinstance(image, str)]
            if readable:
                stacked[: len(readable)] = [image for image in images if not isinstance(image, str)]
                embeddings = embed(embedder, stacked, flip=identity.flip)[: len(readable)]
                _check_finite(embeddings, readable, identity.run)
                names += readable
                if writer:
                    writer.append(readable, embeddings)
                else:
                    rows.append(embeddings)
            done += len(batch)
            if progress is not None:
                progress(done, len(pictures.names))
        if not names:
            why = reasons(left_out) or ["nothing but empty folders or lists"]
            named = first_few([*map(repr, pictures.given)])
            raise ValueError("\n  ".join([f"There is no picture that can be read in {named}:", *why]))
        if writer:
            writer.leave_out(left_out)
    if out is not None:
        return replace(open_features(out), repeated=pictures.repeated)
    return Features(tuple(names), np.concatenate(rows), folder, identity, tuple(left_out), pictures.repeated)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check, before any work, that a file can be written.

    Raises:
        OSError: If it cannot; the message names it.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"Expected the name of a file to write. Received a folder: {str(path)!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder to write {str(path)!r} in: {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"The folder {str(path.parent)!r} is not writable, so {path.name!r} cannot be written")


def _decoded_batches(
    names: tuple[str, ...], image_size: tuple[int, int], batch_size: int
) -> Iterator[tuple[tuple[str, ...], list[NDArray[np.uint8] | str]]]:
    """The names, each with its image or the reason why there is none; the next batch is decoded in the background."""

    def load(name: str) -> NDArray[np.uint8] | str:
        with tf.device("CPU:0"):
            try:
                return resize_image(read_image(name), image_size).numpy()
            except UnreadableImageError as error:
                return str(error)

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        ahead: list[Future[NDArray[np.uint8] | str]] = []
        for start in range(0, len(names), batch_size):
            now = ahead or [pool.submit(load, name) for name in names[start : start + batch_size]]
            ahead = [pool.submit(load, name) for name in names[start + batch_size : start + 2 * batch_size]]
            yield names[start : start + batch_size], [future.result() for future in now]
    finally:
        pool.shutdown(cancel_futures=True)


def _check_finite(embeddings: NDArray[np.float32], names: list[str], run: str) -> None:
    bad = ~np.isfinite(embeddings).all(axis=1)
    if bad.any():
        raise ValueError(
            f"An embedding must have finite numbers. Received from the model {run!r}: NaN or infinity for "
            f"{names[int(np.flatnonzero(bad)[0])]!r}"
        )
