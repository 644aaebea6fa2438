"""What the two examples share: four variants of a network, the objective, training with `fit`, the file of figures."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from snr_keras.files.atomic import write_json
from snr_keras.layers import SNR
from snr_keras.losses import DualRestitutionLoss

#: A plain network; with instance norm; with SNR, trained by the task's loss alone; and by the dual constraint too.
VARIANTS = ("none", "in", "snr", "snr+loss")

#: The weight of each module's L_SNR, and of its auxiliary classifier's cross-entropy.
WEIGHT = 0.1

Figures = dict[str, float]
"""A figure for each domain."""


def stage(x: Any, width: int, strides: int) -> Any:
    """A convolution, batch norm and ReLU."""
    x = layers.Conv2D(width, 3, strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))


def after_stage(x: Any, variant: str, classes: int, *, per_pixel: bool) -> tuple[Any, list[Any]]:
    """What a variant puts after a stage, and the three logits of its auxiliary classifier if the constraint is used."""
    if variant == "none":
        return x, []
    if variant == "in":
        return layers.GroupNormalization(groups=-1, epsilon=1e-5)(x), []
    snr = SNR()
    if variant == "snr":
        return snr(x), []
    x, features = snr(x, return_maps=True) if per_pixel else snr(x, return_embeddings=True)
    classifier = layers.Dense(classes)
    return x, [classifier(f) for f in features]


class Constrained(keras.Model):
    """A functional model that puts out `logits`, and for each constrained module three `auxiliary` ones."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The task's cross-entropy, and of each module 0.1 (L+ + L-) and 0.1 times its classifier's cross-entropy."""
        per_pixel = len(y.shape) > 1
        restitution = DualRestitutionLoss(per_pixel)
        loss = cross_entropy(y, y_pred["logits"])
        for three in y_pred["auxiliary"]:
            step = y.shape[1] // three[1].shape[1] if per_pixel else 1
            labels = y[:, ::step, ::step] if per_pixel else y
            loss += WEIGHT * (restitution(labels, three) + cross_entropy(labels, three[1]))
        return loss


def cross_entropy(labels: Any, logits: Any) -> Any:
    """The mean over images, or over their pixels."""
    return ops.mean(keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def train(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> None:
    """Adam with a cosine down to zero, in whole batches: what an epoch has beyond them is another part each time."""
    steps = len(images) // batch_size
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(len(images))[: steps * batch_size] for _ in range(epochs)])
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)))
    model.fit(images[order], labels[order], batch_size=batch_size, shuffle=False, verbose=0)


def classifier_of(model: Constrained) -> keras.Model:
    """The network without what only training needs."""
    return keras.Model(model.input, model.output["logits"])


def predictions(classifier: keras.Model, images: np.ndarray) -> np.ndarray:
    """The most likely class of each image, or of each of its pixels."""
    return classifier.predict(images, batch_size=100, verbose=0).argmax(axis=-1)


def measure(
    about: dict[str, Any], experiment: Callable[[str, int], Figures], variants: Sequence[str], seeds: int, out: Path
) -> None:
    """Trains and tests every variant with every seed; after each, writes the figures so far, for docs/generate.py."""
    results: dict[str, list[Figures]] = {variant: [] for variant in variants}
    for seed in range(seeds):
        for variant in variants:
            figures = experiment(variant, seed)
            results[variant].append(figures)
            print(f"seed {seed} {variant:9}", *(f"{name} {100 * x:.1f}" for name, x in figures.items()), flush=True)
        write_json(out, {**about, "weight": WEIGHT, "results": results})


def arguments(about: str, out: str, argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line of both examples."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seeds", type=int, default=3, help="how often each variant is trained (default: 3)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS, help="which (default: all)")
    parser.add_argument("--epochs", type=int, help="passes over the training images")
    parser.add_argument("--images", type=int, help="training images of each domain")
    parser.add_argument("--out", type=Path, default=Path(out), help=f"the file of figures (default: {out})")
    return parser.parse_args(argv)
