"""Batch-instance normalization, and the constraint that keeps its gate in [0, 1]."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from snr_keras.layers._arguments import Initializer
from snr_keras.layers._batch_instance import BatchInstanceLayer, Moments


@keras.saving.register_keras_serializable(package="snr_keras")
class UnitInterval(keras.constraints.Constraint):
    """Clips each weight to [0, 1] after every update."""

    def __call__(self, w: Any) -> Any:
        """The weights, clipped."""
        return ops.clip(w, 0, 1)


@keras.saving.register_keras_serializable(package="snr_keras")
class BatchInstanceNormalization(BatchInstanceLayer):
    """A mixture of batch and instance normalization, with a learned gate for every channel.

        y = gamma * (rho * x_B + (1 - rho) * x_I) + beta      rho in [0, 1], per channel

    with `x_B` normalized by the mean and variance of the batch and `x_I` by those of the image. After each update rho
    is clipped to [0, 1].

    Args:
        momentum: Momentum of the moving statistics, as in `keras.layers.BatchNormalization`. Defaults to `0.99`.
        epsilon: Number added to the variances. Defaults to `1e-5`, as in the papers' PyTorch.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration.
        gamma_initializer: Initializer for `gamma`. Defaults to ones.
        beta_initializer: Initializer for `beta`. Defaults to zeros.
        rho_initializer: Initializer for `rho`. Defaults to ones: training starts with batch normalization.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.
        training: Whether to use the statistics of the batch and update the moving ones. Defaults to `False`.

    Output shape:
        Same as the input.

    Weights:
        `gamma`, `beta`, `moving_mean`, `moving_variance` as in `keras.layers.BatchNormalization`, and `rho`; all
        `(C,)`.

    Raises:
        ValueError: If the layout is unknown; on the first call, if the input is not floating-point, has no spatial
            axis, or has an undefined number of channels.

    Reference:

    - [Nam & Kim, 2018](https://arxiv.org/abs/1805.07925), eq. 3
    """

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-5,
        data_format: str | None = None,
        gamma_initializer: Initializer = "ones",
        beta_initializer: Initializer = "zeros",
        rho_initializer: Initializer = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(momentum, epsilon, data_format, gamma_initializer, beta_initializer, **kwargs)
        self.rho_initializer = initializers.get(rho_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights of a batch normalization and the gate."""
        super().build(input_shape)
        self.rho = self.add_weight(
            (self.channels,), self.rho_initializer, name="rho", constraint=UnitInterval(), autocast=False
        )

    def normalize(self, x: Any, image: Moments, batch: Moments) -> Any:
        """The mixture of both normalized maps, with the weights rho and 1 - rho."""
        rho = self._per_channel(self.rho, x.dtype)
        return rho * self.standardize(x, batch) + (1 - rho) * self.standardize(x, image)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the layer."""
        return {**super().get_config(), "rho_initializer": initializers.serialize(self.rho_initializer)}
