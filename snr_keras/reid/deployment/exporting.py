"""Export of a run to a file for deployment, which is compared with the model before it appears under its name."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from snr_keras.files.atomic import room_for
from snr_keras.keras_config import check_tensorflow
from snr_keras.models import embedder
from snr_keras.reid.deployment.graph import Run, quietly
from snr_keras.reid.deployment.pictures import drawn_pictures
from snr_keras.reid.deployment.runtimes import RUNTIMES, Runtime
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.run_folder import load_run, package_versions
from snr_keras.reid.search.model import ModelIdentity, open_model
from snr_keras.reid.settings.formats import Format, check_installed, find_format
from snr_keras.reid.settings.training import TrainingConfig

TOLERANCE = 1e-3
"""The largest difference of float32 embeddings due to rounding, as a fraction of their largest number."""


@dataclass(frozen=True)
class Export:
    """An exported file, and its difference from the model.

    Attributes:
        path: Path of the file or folder.
        size: Bytes of it and of its companion files.
        image_size: (height, width) of its input pictures.
        width: Length of an embedding.
        difference: Largest difference between its embeddings and those of the Keras model, on drawn pictures.
        largest: Largest number in the embeddings of the Keras model.
    """

    path: Path
    size: int
    image_size: tuple[int, int]
    width: int
    difference: float
    largest: float


def export_model(
    run: str | os.PathLike[str],
    out: str | os.PathLike[str],
    format: str,
    precision: str = "float32",
    *,
    unfit: bool = False,
) -> Export:
    """Export the part of a model that retrieval needs.

    The input, `images`, is (N, H, W, 3), float32, RGB in [0, 255], in the image size of the run; the output,
    `embedding`, is (N, D), float32. The graph includes the normalization of pixels, pooling and BNNeck, but not the
    classifier and the parts that only the losses need. The file is compared with the model before it is kept.

    Args:
        run: Run, as `load_run` takes it.
        out: File or folder to write.
        format: One of `FORMATS`.
        precision: One of the precisions of the format.
        unfit: Whether to allow the precisions in `UNFIT` too, to measure them.

    Raises:
        ValueError: If there is no such format or precision, it is not fit for use, the extension of `out` is not that
            of the format, the runtime could not open a file there, Keras runs on a backend other than TensorFlow, or
            weights are too large for the precision.
        FileExistsError: If something is already there.
        ModuleNotFoundError: If a package that the format needs is not installed.
        ArithmeticError: If the embeddings of the export differ from the model's.
        OSError: If the disk is full; the message names `out`.
        Others: As for `load_run`.
    """
    chosen, runtime, out = find_format(format, precision, unfit=unfit), RUNTIMES[format], Path(out)
    check_tensorflow("Exports are made")
    _check_name(out, chosen, runtime)
    check_installed(chosen)
    embeds, identity = open_float32(run)
    written_out = _named(embeds)
    out.parent.mkdir(parents=True, exist_ok=True)
    with room_for(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        made = Path(folder, out.name)
        metadata = json.dumps(_metadata(identity, embeds, format, precision), indent=2)
        with quietly():
            runtime.write(written_out, made, precision, metadata)
        pictures = drawn_pictures(identity.image_size)
        expected = np.asarray(embeds(pictures, training=False))
        difference, largest = largest_difference(runtime.open(made), pictures, expected), float(np.abs(expected).max())
        if not np.isfinite(difference) or (precision == "float32" and difference > TOLERANCE * largest):
            raise ArithmeticError(
                f"The embeddings of the {chosen.title} export differ from the model's, and it was not kept: the "
                f"difference is {difference:.3g}, of numbers up to {largest:.3g}."
            )
        size = 0
        for path in (*runtime.companions(made), made):  # the main file, which readers look for, comes last
            size += _size(path)
            os.replace(path, out.with_name(path.name))
    return Export(out, size, identity.image_size, expected.shape[1], difference, largest)


def open_float32(run: str | os.PathLike[str]) -> tuple[keras.Model, ModelIdentity]:
    """The embedder of a run for export, and its identity; after mixed precision it computes in float32.

    Raises:
        Others: As for `load_run`.
    """
    embeds, identity = open_model(run, flip=False)
    config = TrainingConfig.from_json(identity.settings)
    if config.mixed_precision == "float32":
        return embeds, identity
    _, model = load_run(run)
    plain = new_model(replace(config, weights=None, mixed_precision="float32"), model.output["logits"].shape[-1])
    plain.set_weights(model.get_weights())
    return embedder(plain), identity


def largest_difference(run: Run, pictures: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference of an export's embeddings from the expected ones, for one batch and for the first alone.

    NaN if an embedding is not finite.
    """
    found = [(run(batch)["embedding"], expected[: len(batch)]) for batch in (pictures, pictures[:1])]
    return float(np.max([np.abs(values - right).max() for values, right in found]))  # np.max keeps NaN


def _named(embeds: keras.Model) -> keras.Model:
    """The model with its output named as in the files."""
    return keras.Model(embeds.inputs[0], {"embedding": embeds.output}, name=embeds.name)


def _check_name(out: Path, format: Format, runtime: Runtime) -> None:
    if format.ending and out.suffix != format.ending:
        raise ValueError(f"The name of a file for {format.title} must end in {format.ending}. Received: {str(out)!r}")
    runtime.check_path(out)
    for path in (out, *runtime.companions(out)):
        if path.exists():
            raise FileExistsError(f"An export does not replace files: choose another name. Received: {str(path)!r}")


def _metadata(identity: ModelIdentity, embeds: keras.Model, format: str, precision: str) -> dict[str, Any]:
    height, width = identity.image_size
    return {
        "input": {
            "name": "images",
            "shape": ["batch", height, width, 3],
            "dtype": "float32",
            "pixels": "RGB in [0, 255], as decoded. Do not normalize: the graph does.",
            "resizing": f"to {height}x{width} (height x width): bilinear, antialiased, aspect ratio not kept, rounded",
        },
        "output": {
            "name": "embedding",
            "shape": ["batch", embeds.output_shape[-1]],
            "dtype": "float32",
            "comparison": "cosine distance",
        },
        "format": format,
        "precision": precision,
        "model": {"sha256": identity.sha256, "settings": identity.settings},
        "versions": package_versions(),
    }


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
