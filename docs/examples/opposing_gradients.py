"""The gradients of the two halves of the dual causality loss over a training: do they oppose each other?

    pip install ".[cli]"
    python docs/examples/opposing_gradients.py --out docs/data/opposing_gradients.json \\
        --picture docs/images/opposing_gradients.png

Trains SNR by the recipe `study`. Before the first epoch and after each, the gradients of L+ and L- are taken on one
batch of the training images, for every module: in z, where the backbone acts, and in the gate's values a. With L_SNR =
L+ + L-, f~+ = beta + a z and f~- = beta + (1 - a) z,

    dL+/dz = a g+,  dL-/dz = (1 - a) g-;    dL+/da = z g+,  dL-/da = -z g-,

where g+ and g- are the gradients in f~+ and f~-, in float64, of the reference.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snr_keras.files.atomic import write_json
from snr_keras.layers import SNR
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.pipeline import training_batches
from snr_keras.reid.data.synthetic import synthesize
from snr_keras.reid.recipes import load_recipe
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.runs.checkpoints import newest_checkpoint
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.progress import StepEvent
from snr_keras.reid.training import train
from snr_keras.reid.visualization.figures import save_figure
from snr_ref import dual_causality_gradients


def gradients(
    embeddings: Sequence[NDArray], a: NDArray, labels: NDArray
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The gradients of L+ and of L-, each (N, C), in z and in a."""
    f_tilde, f_plus, f_minus = (np.asarray(rows, np.float64) for rows in embeddings)
    a = np.asarray(a, np.float64)
    _, of_plus, of_minus = dual_causality_gradients(f_tilde, f_plus, f_minus, labels)
    z = f_plus + f_minus - 2 * f_tilde
    return {"z": (a * of_plus, (1 - a) * of_minus), "a": (z * of_plus, -z * of_minus)}


def compared(of_plus: NDArray, of_minus: NDArray) -> dict[str, float]:
    """The cosine of two gradients, and the length of their sum as a part of the sum of their lengths."""
    plus, minus = np.linalg.norm(of_plus), np.linalg.norm(of_minus)
    return {
        "cosine": float((of_plus * of_minus).sum() / (plus * minus)),
        "left": float(np.linalg.norm(of_plus + of_minus) / (plus + minus)),
    }


def measured(model: keras.Model, images: NDArray, labels: NDArray) -> dict[str, dict[str, dict[str, float]]]:
    """For each module, in z and in a, how the two gradients compare, in training mode."""
    layers = [layer for layer in model.layers if isinstance(layer, SNR)]
    inputs = keras.Model(model.input, [layer.input for layer in layers])(images, training=True)
    found = {}
    for layer, maps in zip(layers, inputs, strict=True):
        of = layer.decompose(maps)
        both = gradients((of.f_tilde, of.f_plus, of.f_minus), of.a, labels)
        found[layer.name] = {variable: compared(*halves) for variable, halves in both.items()}
    return found


def course(config: TrainingConfig, source: ReIDDataset, run: Path) -> list[dict[str, Any]]:
    """What is measured before a training's first epoch, and after each."""
    batches = training_batches(
        source.train,
        image_size=config.image_size,
        identities_per_batch=config.identities_per_batch,
        images_per_identity=config.images_per_identity,
        seed=config.seed,
        augmentation=config.augmentation,
        stop_step=1,
    )
    images, labels = (np.asarray(part) for part in next(iter(batches)))
    keras.utils.set_random_seed(config.seed)
    found = [measured(new_model(config, source.train.num_identities), images, labels)]

    def after_an_epoch(event: StepEvent) -> None:
        if event.epoch_record:
            checkpoint = newest_checkpoint(run)
            assert checkpoint
            found.append(measured(checkpoint.load(compile=False), images, labels))
            print(f"epoch {event.epoch} of {event.epochs}", flush=True)

    train(config, source, run, progress=after_an_epoch)
    return found


def draw(found: Sequence[dict[str, Any]], path: Path) -> None:
    """The cosines over the epochs, of each module, in z and in a: a PNG file."""
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    for ax, variable, where in zip(
        figure.subplots(1, 2, sharey=True), ("z", "a"), ("on the backbone, in z", "on the gate, in a"), strict=True
    ):
        for number, layer in enumerate(found[0], start=1):
            ax.plot([epoch[layer][variable]["cosine"] for epoch in found], ".-", label=f"after stage {number}")
        ax.set(title=where, xlabel="epochs", ylim=(-1.05, 1.05))
        ax.axhline(0, color="black", linewidth=0.8)
        ax.grid(alpha=0.3)
    figure.axes[0].set_ylabel("cosine of the gradients\nof $L^+$ and $L^-$")
    figure.axes[1].legend()
    save_figure(figure, path)


def main(argv: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, help="number of epochs (default: the recipe's)")
    parser.add_argument("--runs", type=Path, default=Path("runs/gradients"), help="folder of data and training")
    parser.add_argument("--out", type=Path, default=Path("opposing_gradients.json"), help="file to write")
    parser.add_argument("--picture", type=Path, default=Path("opposing_gradients.png"), help="picture to write")
    options = parser.parse_args(argv)
    recipe = load_recipe("study").training
    config = replace(recipe, epochs=options.epochs or recipe.epochs)
    source = read_market1501(synthesize(options.runs / "data", domain="day"), splits=("train",))
    found = course(config, source, options.runs / "snr")
    write_json(options.out, {"training": config.to_json(), "course": found})
    draw(found, options.picture)


if __name__ == "__main__":
    main()
