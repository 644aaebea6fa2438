"""The gates of a training: a warning where one starts dead, and `gates.json` with the health of all at the end."""

import warnings
from pathlib import Path

import keras
import numpy as np

from snr_keras.evaluation import GateHealth, gate_health
from snr_keras.files.atomic import write_json
from snr_keras.files.forms import read_json
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.pipeline import evaluation_batches

IMAGES = 128
"""Training images, at most, that gates are measured on."""


def gates_on(model: keras.Model, images: Split) -> dict[str, GateHealth]:
    """The health of a `reid_model`'s gates on up to 128 images, evenly spread over a split and not augmented."""
    chosen = np.linspace(0, len(images) - 1, min(IMAGES, len(images))).round().astype(int)
    sample = Split(tuple(images.paths[i] for i in chosen), images.identities[chosen], None)
    height, width = model.input_shape[1:3]
    return gate_health(model, evaluation_batches(sample, image_size=(height, width), batch_size=32))


def warn_of_dead_gates(model: keras.Model, images: Split) -> None:
    """Warn of each gate that is to be trained and all of whose hidden units are off for all images."""
    for name, health in gates_on(model, images).items():
        layer = model.get_layer(name)
        if health.dead and layer.w1.trainable:
            warnings.warn(
                f"The gate of {name} starts dead: each of its {health.hidden} hidden units is off for all of "
                f"{health.images} training images. It gives every image the same a, and w1 and w2 have no gradient. "
                f"Leave it more units by a smaller `reduction` (training.reduction), or take another seed. "
                f"Received: reduction={layer.reduction}, {health.channels} channels",
                stacklevel=2,
            )


def write_gates(run_dir: Path, gates: dict[str, GateHealth]) -> None:
    """Write `gates.json` into a run folder, the health of each gate by its layer, if there are any."""
    if gates:
        write_json(run_dir / "gates.json", {name: health.to_json() for name, health in gates.items()})


def read_gates(run_dir: Path) -> dict[str, GateHealth]:
    """What `write_gates` wrote; empty where there is no such file, as of a run of an earlier version.

    Raises:
        ValueError: If the file is damaged.
    """
    path = run_dir / "gates.json"
    return read_json(path, dict[str, GateHealth]) if path.exists() else {}
