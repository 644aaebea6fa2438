"""Embeddings with the names of their pictures and the model that made them, in memory and as an HDF5 file."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snr_keras.data.report import Excluded
from snr_keras.retrieval.model import ModelIdentity

FORMAT, FORMAT_VERSION = "snr features", 1

_TEXT = h5py.string_dtype()
_ROWS = 256  # of a chunk of the file


@dataclass(frozen=True, eq=False)
class Features:
    """Pictures and their embeddings.

    Attributes:
        names: (n,) the pictures, as they were named.
        embeddings: (n, D) float32, an array or a dataset of an open file: `embeddings[i:j]` reads rows.
        folder: What relative names are relative to.
        model: What made the embeddings.
        left_out: What was not embedded, and why.
        repeated: How many pictures were named again, and are there once.
        file: The file that it was read from or written to.
    """

    names: Sequence[str]
    embeddings: NDArray[np.float32] | h5py.Dataset
    folder: str
    model: ModelIdentity
    left_out: tuple[Excluded, ...] = ()
    repeated: int = 0
    file: str | None = None

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.names)

    def path(self, index: int) -> str:
        """The path of a picture."""
        return os.path.join(self.folder, self.names[index])


class FeaturesWriter:
    """A features file that grows, a batch at a time."""

    def __init__(self, file: h5py.File, folder: str, model: ModelIdentity, width: int) -> None:
        file.attrs.update({"format": FORMAT, "format_version": FORMAT_VERSION, "folder": os.fsencode(folder)})
        of_model = file.create_group("model").attrs
        of_model["run"], of_model["sha256"] = os.fsencode(model.run), model.sha256
        of_model["settings"] = json.dumps(model.settings)
        file.create_group("preprocessing").attrs.update(
            {
                "image_size": np.array(model.image_size, np.int64),
                "resize": "bilinear, antialiased, aspect ratio not kept, rounded to 8 bits",
                "channels": "RGB",
                "range": np.array([0, 255], np.int64),
                "flip": int(model.flip),
            }
        )
        self._file = file
        self._embeddings = file.create_dataset(
            "embeddings", (0, width), "<f4", maxshape=(None, width), chunks=(_ROWS, width)
        )
        self._names = file.create_dataset("names", (0,), _TEXT, maxshape=(None,), chunks=(_ROWS,))

    def append(self, names: Sequence[str], embeddings: NDArray[np.float32]) -> None:
        """Add pictures."""
        before = len(self._names)
        for dataset, rows in ((self._embeddings, embeddings), (self._names, [os.fsencode(name) for name in names])):
            dataset.resize(before + len(names), axis=0)
            dataset[before:] = rows

    def leave_out(self, left_out: Sequence[Excluded]) -> None:
        """Say what was not embedded."""
        self._file.create_dataset("left_out/names", data=[os.fsencode(e.name) for e in left_out], dtype=_TEXT)
        self._file.create_dataset("left_out/reasons", data=[e.reason.encode() for e in left_out], dtype=_TEXT)


def open_features(path: str | os.PathLike[str]) -> Features:
    """The features in a file; embeddings are read from it where they are used, names at once.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none that `extract` wrote.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"Expected a file of features, as `extract` writes them. Received: {os.fspath(path)!r}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"Expected a file of features, in HDF5. Received: {os.fspath(path)!r} ({error})") from error
    try:
        return _read(file)
    except (KeyError, ValueError) as error:
        file.close()
        raise ValueError(
            f"Expected a file of features, of format {FORMAT!r} version {FORMAT_VERSION}. Received: "
            f"{os.fspath(path)!r} ({error})"
        ) from error


def _read(file: h5py.File) -> Features:
    if (found := file.attrs.get("format"), file.attrs.get("format_version")) != (FORMAT, FORMAT_VERSION):
        raise ValueError(f"format {found!r}, version {file.attrs.get('format_version')!r}")
    names, embeddings = file["names"], file["embeddings"]
    if embeddings.ndim != 2 or embeddings.dtype != np.float32 or names.shape != embeddings.shape[:1]:
        raise ValueError(f"embeddings {embeddings.shape} {embeddings.dtype} of names {names.shape}")
    model, preprocessing = file["model"].attrs, file["preprocessing"].attrs
    height, width = (int(pixels) for pixels in preprocessing["image_size"])
    left_out = zip(_texts(file["left_out/names"]), _texts(file["left_out/reasons"]), strict=True)
    return Features(
        names=_texts(names),
        embeddings=embeddings,
        folder=_text(file.attrs["folder"]),
        model=ModelIdentity(
            run=_text(model["run"]),
            sha256=_text(model["sha256"]),
            settings=json.loads(_text(model["settings"])),
            image_size=(height, width),
            flip=bool(preprocessing["flip"]),
        ),
        left_out=tuple(Excluded(name, reason) for name, reason in left_out),
        file=file.filename,
    )


def _texts(dataset: h5py.Dataset) -> tuple[str, ...]:
    return tuple(os.fsdecode(text) for text in dataset[...])


def _text(value: Any) -> str:
    return os.fsdecode(value)
