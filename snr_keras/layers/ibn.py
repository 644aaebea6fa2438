"""The normalization of IBN-Net's first kind of block."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snr_keras.layers._batch_instance import BatchInstanceLayer, Moments


@keras.saving.register_keras_serializable(package="snr_keras")
class IBN(BatchInstanceLayer):
    """Instance normalization of the first half of the channels, batch normalization of the other half.

        y = gamma * (x - mu) / sqrt(var + epsilon) + beta

    with the mean and variance of the image in the first `C // 2` channels, and of the batch in the others.

    Args:
        momentum: Momentum of the moving statistics, as in `keras.layers.BatchNormalization`. Defaults to `0.99`.
        epsilon: Number added to the variances. Defaults to `1e-5`, as in the papers' PyTorch.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration.
        gamma_initializer: Initializer for `gamma`. Defaults to ones.
        beta_initializer: Initializer for `beta`. Defaults to zeros.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.
        training: Whether to use the statistics of the batch and update the moving ones. Defaults to `False`.

    Output shape:
        Same as the input.

    Weights:
        `gamma`, `beta`, `moving_mean`, `moving_variance`, all `(C,)` as in `keras.layers.BatchNormalization`. The
        moving statistics of the first half exist but are not used.

    Raises:
        ValueError: If the layout is unknown; on the first call, if the input is not floating-point, has no spatial
            axis, or has an undefined number of channels.

    Reference:

    - [Pan et al., 2018](https://arxiv.org/abs/1807.09441), IBN-a
    """

    def normalize(self, x: Any, image: Moments, batch: Moments) -> Any:
        """The map, normalized by the image in the first half of the channels, by the batch in the other half."""
        instance = self._per_channel(ops.arange(self.channels) < self.channels // 2, "bool")
        return self.standardize(x, Moments(*(ops.where(instance, i, b) for i, b in zip(image, batch, strict=True))))
