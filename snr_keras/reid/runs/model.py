"""The model that settings describe, before any training."""

import keras

from snr_keras.models import reid_model
from snr_keras.reid.settings.training import TrainingConfig


def new_model(config: TrainingConfig, num_identities: int) -> keras.Model:
    """A `reid_model` with the settings of a run, under its dtype policy."""
    return reid_model(
        num_identities,
        backbone=config.backbone,
        normalization=config.normalization,
        stages=config.stages,
        image_size=config.image_size,
        last_stride=config.last_stride,
        reduction=config.reduction,
        snr_bias=config.snr_bias,
        snr_gate=config.snr_gate,
        batch_norm_momentum=config.batch_norm_momentum,
        weights=config.weights,
        dtype=config.mixed_precision,
    )
