"""The weights of a model in an HDF5 file, each under its name.

Keras' own weights files number the layers of each class, so a model with other layers may load whatever happens to fit.
Here a weight is loaded by its name or not at all.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from snr_keras.files.hdf5 import expecting, new_hdf5, open_hdf5

FORMAT, FORMAT_VERSION = "snr weights", 1


def save_weights(model: keras.Model, path: Path) -> None:
    """Write every weight as a dataset under its path in the model, such as `stage1_snr/gamma`."""
    with new_hdf5(path) as (file, _):
        file.attrs["format"], file.attrs["format_version"] = FORMAT, FORMAT_VERSION
        for weight in model.weights:
            file[weight.path] = keras.ops.convert_to_numpy(weight)


def weights_by_path(model: keras.Model) -> dict[str, NDArray]:
    """Every weight of a model under its path, copied."""
    return {weight.path: keras.ops.convert_to_numpy(weight).copy() for weight in model.weights}


def assign_shared_weights(model: keras.Model, weights: Mapping[str, NDArray]) -> None:
    """Set the trainable weights that are in `weights` with the same path and shape, and no others."""
    for weight in model.trainable_weights:
        value = weights.get(weight.path)
        if value is not None and value.shape == tuple(weight.shape):
            weight.assign(value)


def load_weights(model: keras.Model, path: Path) -> None:
    """Set every weight of a model from a file that has exactly those weights, with their shapes.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is not a file of `save_weights`, or of another model; the message names the differences.
    """
    expected = f"a file of the weights of {model.name!r}, of format {FORMAT!r} version {FORMAT_VERSION}"
    with expecting(expected, path), open_hdf5(path) as file:
        found = file.attrs.get("format"), file.attrs.get("format_version")
        if found != (FORMAT, FORMAT_VERSION):
            raise ValueError(f"format {found[0]!r}, version {found[1]!r}")
        there: dict[str, h5py.Dataset] = {}
        file.visititems(lambda name, item: there.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        wanted = {weight.path: weight for weight in model.weights}
        differences = [f"{name} is missing" for name in wanted if name not in there]
        differences += [f"{name} is not in the model" for name in there if name not in wanted]
        differences += [
            f"{name} has shape {there[name].shape} instead of {tuple(weight.shape)}"
            for name, weight in wanted.items()
            if name in there and there[name].shape != tuple(weight.shape)
        ]
        if differences:
            more = f" and {len(differences) - 5} more" if len(differences) > 5 else ""
            raise ValueError(f"{'; '.join(differences[:5])}{more}")
        for name, weight in wanted.items():
            weight.assign(there[name][...])


def weights_hash(model: keras.Model) -> str:
    """SHA-256 of the names, shapes and values of a model's weights: equal for models that compute the same."""
    digest = hashlib.sha256()
    for weight in sorted(model.weights, key=lambda weight: weight.path):
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{weight.path} {value.dtype.str} {value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
