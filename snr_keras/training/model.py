"""The model that settings describe, before any training."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from snr_keras.models import reid_model
from snr_keras.training.config import TrainingConfig


def new_model(config: TrainingConfig, num_identities: int) -> keras.Model:
    """A `reid_model` with the settings of a run, under its dtype policy."""
    with _dtype_policy(config.mixed_precision):
        return reid_model(
            num_identities,
            backbone=config.backbone,
            normalization=config.normalization,
            stages=config.stages,
            image_size=config.image_size,
            last_stride=config.last_stride,
            reduction=config.reduction,
            snr_bias=config.snr_bias,
            batch_norm_momentum=config.batch_norm_momentum,
            weights=config.weights,
        )


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
