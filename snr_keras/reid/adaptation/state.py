"""The state carried between steps, as TensorFlow variables and as arrays in a checkpoint."""

from collections.abc import Mapping
from typing import Self

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from snr_keras.evaluation.progress import Progress
from snr_keras.losses import (
    AdaptationState,
    MultilabelMemory,
    ViewStatistics,
    initial_statistics,
    initial_threshold,
    log_multilabels,
    unit,
)
from snr_keras.models import embedder
from snr_keras.reid.data.dataset import Split
from snr_keras.reid.data.unlabeled import views_of
from snr_keras.reid.settings.adaptation import AdaptationConfig
from snr_keras.reid.targets import extract_embeddings

_NAMES = ("threshold", "mean", "std", "multilabels", "visited")


class RunningState:
    """An `AdaptationState` in variables that a `tf.function` updates.

    Args:
        arrays: `threshold` (), `mean` (K,), `std` (K,), `multilabels` (M, K), float32, and `visited` (M,), bool.

    Raises:
        ValueError: If the names of the arrays are different.
    """

    def __init__(self, arrays: Mapping[str, NDArray]) -> None:
        if tuple(arrays) != _NAMES:
            raise ValueError(f"The state of an adaptation has {', '.join(_NAMES)}. Received: {', '.join(arrays)}")
        self._variables = {name: tf.Variable(array, trainable=False) for name, array in arrays.items()}

    @classmethod
    def begin(
        cls, model: keras.Model, images: Split, config: AdaptationConfig, progress: Progress | None = None
    ) -> Self:
        """The state before the first step, computed from a `reid_model`'s outputs for all target images."""
        features = unit(ops.convert_to_tensor(extract_embeddings(embedder(model), images, progress=progress)))
        log_y = log_multilabels(features, agents_of(model), scale=config.scale)
        threshold = initial_threshold(ops.exp(log_y), mining_ratio=config.mining_ratio)
        statistics = initial_statistics(log_y, views_of(images))
        return cls(
            {
                "threshold": ops.convert_to_numpy(threshold),
                "mean": ops.convert_to_numpy(statistics.mean),
                "std": ops.convert_to_numpy(statistics.std),
                "multilabels": np.zeros(log_y.shape, np.float32),
                "visited": np.zeros(len(images), bool),
            }
        )

    def arrays(self) -> dict[str, NDArray]:
        """The variables' values, from which the class restores the state."""
        return {name: variable.numpy() for name, variable in self._variables.items()}

    def read(self) -> AdaptationState:
        """The current state."""
        now = {name: tf.convert_to_tensor(variable) for name, variable in self._variables.items()}
        return AdaptationState(
            now["threshold"],
            ViewStatistics(now["mean"], now["std"]),
            MultilabelMemory(now["multilabels"], now["visited"]),
        )

    def assign(self, state: AdaptationState) -> None:
        """Replace the state."""
        following = state.threshold, *state.statistics, *state.memory
        for variable, value in zip(self._variables.values(), following, strict=True):
            variable.assign(value)


def agents_of(model: keras.Model) -> tf.Tensor:
    """The reference agents of a `reid_model`, (K, D), of unit length: the weights of its classifier."""
    return unit(ops.transpose(model.get_layer("logits").kernel))
