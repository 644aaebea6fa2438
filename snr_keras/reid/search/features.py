"""Embeddings with the names of their pictures and their model, in memory and as an HDF5 file."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snr_keras.files.forms import parse_json
from snr_keras.files.hdf5 import expecting, new_hdf5, open_hdf5, text_of
from snr_keras.files.regular import check_file, open_regular
from snr_keras.reid.data.report import Excluded
from snr_keras.reid.search.model import ModelIdentity
from snr_keras.reid.settings.paths import FEATURES_FILE

FORMAT, FORMAT_VERSION = "snr features", 2

_LAYOUT = ("v110", "v110")  # since this version HDF5's own metadata have checksums
_ROWS = 256  # rows per chunk of the file
_EXPECTED = f"a file of features, as `extract` writes it, of version {FORMAT_VERSION}"


class Rows:
    """Embeddings in a file, read on use: `rows[i:j]`. HDF5 then compares the checksum of each chunk.

    Attributes:
        shape: Shape (n, D).
        dtype: Dtype, float32.
    """

    def __init__(self, dataset: h5py.Dataset, path: str) -> None:
        self._dataset, self._path = dataset, path
        self.shape: tuple[int, int] = dataset.shape
        self.dtype: np.dtype = dataset.dtype

    def __len__(self) -> int:
        """The number of rows."""
        return self.shape[0]

    def __getitem__(self, which: Any) -> NDArray[np.float32]:
        """Read some of the rows.

        Raises:
            ValueError: If they are damaged.
        """
        try:
            rows: NDArray[np.float32] = self._dataset[which]
        except (OSError, RuntimeError) as error:
            raise ValueError(f"Expected {_EXPECTED}. Received: {self._path!r}, which is damaged ({error})") from error
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        """All rows, in memory."""
        return self[...].astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True, eq=False)
class Features:
    """Pictures and their embeddings.

    Attributes:
        names: Names of the pictures as given, (n,).
        embeddings: Embeddings, (n, D), float32, as an array or in a file: `embeddings[i:j]` reads rows.
        folder: Folder to which relative names refer.
        model: Model that made the embeddings.
        left_out: Files that were not embedded, each with the reason.
        repeated: Number of pictures that were named more than once; they are included once.
        file: File that it was read from or written to.
    """

    names: Sequence[str]
    embeddings: NDArray[np.float32] | Rows
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
    """A features file that grows by batches.

    Text has a fixed length, which any HDF5 program can read; every dataset has checksums.
    """

    def __init__(
        self,
        file: h5py.File,
        check: Callable[[], None],
        folder: str,
        model: ModelIdentity,
        width: int,
        longest_name: int,
    ) -> None:
        file.attrs.update(
            {"format": np.bytes_(FORMAT), "format_version": FORMAT_VERSION, "folder": np.bytes_(os.fsencode(folder))}
        )
        file.create_group("model").attrs.update(
            {
                "run": np.bytes_(os.fsencode(model.run)),
                "sha256": np.bytes_(model.sha256.encode()),
                "settings": np.bytes_(json.dumps(model.settings).encode()),
            }
        )
        file.create_group("preprocessing").attrs.update(
            {
                "image_size": np.array(model.image_size, np.int64),
                "resize": np.bytes_("bilinear, antialiased, aspect ratio not kept, rounded to 8 bits"),
                "channels": np.bytes_("RGB"),
                "range": np.array([0, 255], np.int64),
                "flip": int(model.flip),
            }
        )
        self._file, self._check = file, check
        self._embeddings = file.create_dataset(
            "embeddings", (0, width), "<f4", maxshape=(None, width), chunks=(_ROWS, width), fletcher32=True
        )
        self._names = self._texts("names", longest_name)

    def append(self, names: Sequence[str], embeddings: NDArray[np.float32]) -> None:
        """Add pictures.

        Raises:
            OSError: If the disk was full for earlier ones.
        """
        self._check()
        _append(self._embeddings, embeddings)
        _append(self._names, [os.fsencode(name) for name in names])

    def leave_out(self, left_out: Sequence[Excluded]) -> None:
        """Record the files that were not embedded."""
        names, reasons = [os.fsencode(e.name) for e in left_out], [e.reason.encode() for e in left_out]
        for name, texts in (("names", names), ("reasons", reasons)):
            _append(self._texts(f"left_out/{name}", max(map(len, texts), default=1)), texts)

    def _texts(self, name: str, longest: int) -> h5py.Dataset:
        dtype = h5py.string_dtype(length=longest)
        return self._file.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(_ROWS,), fletcher32=True)


def _append(dataset: h5py.Dataset, rows: NDArray[np.float32] | list[bytes]) -> None:
    before = len(dataset)
    dataset.resize(before + len(rows), axis=0)
    if len(rows):
        dataset[before:] = rows


@contextmanager
def new_features(
    path: str | os.PathLike[str], folder: str, model: ModelIdentity, width: int, longest_name: int
) -> Iterator[FeaturesWriter]:
    """A features file that appears under its name when the block succeeds, and not at all otherwise.

    Args:
        path: Path of the file.
        folder: Folder to which names refer.
        model: Model that makes the embeddings.
        width: Length of an embedding.
        longest_name: Bytes of the longest possible name.
    """
    with new_hdf5(Path(path), libver=_LAYOUT) as (file, check):
        yield FeaturesWriter(file, check, folder, model, width, longest_name)


def open_features(path: str | os.PathLike[str]) -> Features:
    """The features in a file; embeddings are read on use, names immediately.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a file of `extract`, or is damaged.
    """
    check_file(path, FEATURES_FILE)
    with expecting(_EXPECTED, path):
        file = _open_current(path)
        try:
            return _read(file, os.fspath(path))
        except BaseException:
            file.close()
            raise


def _open_current(path: str | os.PathLike[str]) -> h5py.File:
    """The file, if it has the current version."""
    with open_regular(path) as opened, h5py.File(opened, "r") as file:
        found = file.attrs.get("format"), file.attrs.get("format_version")
    if found == (FORMAT, 1):
        raise ValueError(
            "version 1, which lacks checksums and some settings of the embeddings: extract the pictures again"
        )
    if found != (np.bytes_(FORMAT), FORMAT_VERSION):
        raise ValueError(f"format {found[0]!r}, version {found[1]!r}")
    return open_hdf5(path)


def _read(file: h5py.File, path: str) -> Features:
    embeddings = file["embeddings"]
    names = _texts(file["names"])
    if embeddings.ndim != 2 or embeddings.dtype != np.float32 or len(names) != len(embeddings):
        raise ValueError(f"embeddings {embeddings.shape} {embeddings.dtype} of {len(names)} names")
    model, preprocessing = file["model"].attrs, file["preprocessing"].attrs
    height, width = (int(pixels) for pixels in preprocessing["image_size"])
    left_out = zip(_texts(file["left_out/names"]), _texts(file["left_out/reasons"]), strict=True)
    return Features(
        names=names,
        embeddings=Rows(embeddings, path),
        folder=text_of(file.attrs, "folder"),
        model=ModelIdentity(
            run=text_of(model, "run"),
            sha256=text_of(model, "sha256"),
            settings=parse_json(text_of(model, "settings"), dict[str, Any], "settings of the model"),
            image_size=(height, width),
            flip=bool(preprocessing["flip"]),
        ),
        left_out=tuple(Excluded(name, reason) for name, reason in left_out),
        file=path,
    )


def _texts(dataset: h5py.Dataset) -> tuple[str, ...]:
    if dataset.ndim != 1 or dataset.dtype.kind != "S":
        raise ValueError(f"{dataset.name} must be a list of texts. Received: {dataset.shape} {dataset.dtype}")
    return tuple(os.fsdecode(text) for text in dataset[...])
