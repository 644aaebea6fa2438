"""Whole models on the backend that runs, from weights and images that are the same on every backend.

    KERAS_BACKEND=jax python -m tests.frameworks.run_model float32 OUT.npz

OUT holds, for the run of index i, `small{i}/embedding`, `resnet50{i}/embedding` and `small{i}/losses`. Run 0 has the
weights and images as they are; in float64 there are `PERTURBED` more, where each of these numbers was moved by up to
one unit in the last place of float32.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np

from snr_keras.conformance.arrays import to_numpy, to_tensor
from snr_keras.losses import BatchHardTripletLoss, CrossEntropyLoss
from snr_keras.models import reid_model
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.training.step import make_optimizer

STEPS = 10
PERTURBED = 3
LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3])


def build(backbone: str, dtype: str) -> keras.Model:
    """The ReID model, every layer in that dtype, the ones too that are float32 under every policy."""
    model = reid_model(4, backbone=backbone, normalization="snr")
    if dtype == "float32":
        return model

    def in_dtype(operation: Any) -> Any:
        own = {"dtype": dtype} if isinstance(operation, keras.Layer) else {}  # the others have that of their input
        return operation.__class__.from_config({**operation.get_config(), **own})

    return keras.models.clone_model(model, clone_function=in_dtype)


def weights(model: keras.Model) -> list[np.ndarray]:
    """Numbers in float32: kernels of their usual size, scales around a half, offsets around 0."""
    rng = np.random.default_rng(0)
    return [_weight(variable, rng).astype(np.float32).astype(np.float64) for variable in model.weights]


def _weight(variable: Any, rng: np.random.Generator) -> np.ndarray:
    shape = tuple(variable.shape)
    if len(shape) > 1:
        return rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1]))
    if "gamma" in variable.name or "variance" in variable.name:
        return rng.uniform(0.4, 0.6, shape)
    return rng.normal(size=shape) * 0.1


def moved(arrays: list[np.ndarray], run: int) -> list[np.ndarray]:
    """Run 0: as they are. Others: each number moved by up to one unit in the last place of float32."""
    if run == 0:
        return arrays
    rng = np.random.default_rng(run)
    return [x * (1 + rng.uniform(-1, 1, x.shape) * 2.0**-23) for x in arrays]


def embeddings(model: keras.Model, images: np.ndarray, dtype: str) -> np.ndarray:
    """The embeddings that retrieval compares."""
    return to_numpy(model(to_tensor(images, dtype), training=False)["embedding"])


def compile_it(model: keras.Model) -> None:
    """Compiles the model with the full objective and the project's own optimizer."""
    config = TrainingConfig(warmup_epochs=0)
    task = {"logits": CrossEntropyLoss(config.label_smoothing), "features": BatchHardTripletLoss(config.triplet_margin)}
    model.compile(make_optimizer(config, steps_per_epoch=100), task, snr_weights=config.snr_weights)
    model.optimizer.build(model.trainable_variables)


def losses(model: keras.Model, images: np.ndarray) -> list[float]:
    """The loss before each of ten steps of `fit`, an epoch each, with an optimizer that has seen nothing yet."""
    for variable in model.optimizer.variables:  # its learning rate is a schedule, and none of them
        variable.assign(np.zeros(variable.shape))
    return model.fit(images, LABELS, len(LABELS), epochs=STEPS, shuffle=False, verbose=0).history["loss"]


def main(dtype: str, out: str) -> None:
    """Run everything and write it down."""
    keras.config.set_floatx(dtype)
    results: dict[str, np.ndarray] = {}
    pixels = np.random.default_rng(1).uniform(0, 255, (len(LABELS), 64, 32, 3)).astype(np.float32).astype(np.float64)
    for backbone, name, count in (("resnet_small", "small", len(LABELS)), ("resnet50", "resnet50", 2)):
        model = build(backbone, dtype)
        if name == "small":
            compile_it(model)
        start = weights(model)
        for run in range(1 + (PERTURBED if dtype == "float64" else 0)):
            *state, images = moved([*start, pixels[:count]], run)
            model.set_weights(state)
            results[f"{name}{run}/embedding"] = embeddings(model, images, dtype)
            if name == "small":
                results[f"{name}{run}/losses"] = np.array(losses(model, images))
    np.savez(out, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
