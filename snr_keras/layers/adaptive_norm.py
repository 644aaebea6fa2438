"""Adaptive instance-batch normalization: it mixes statistics inside the norm."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from snr_keras.layers._arguments import Initializer
from snr_keras.layers._batch_instance import BatchInstanceLayer, Moments


@keras.saving.register_keras_serializable(package="snr_keras")
class AdaptiveInstanceBatchNormalization(BatchInstanceLayer):
    """Normalization by learned mixtures of the statistics of the image and of the batch.

        y = gamma * (x - w_I mu_I - w_B mu_B) / sqrt(w_I var_I + w_B var_B + epsilon) + beta
        (w_I, w_B) = softmax(mixture)

    This layer mixes the statistics; `BatchInstanceNormalization` mixes the normalized maps.

    Args:
        momentum: Momentum of the moving statistics, as in `keras.layers.BatchNormalization`. Defaults to `0.99`.
        epsilon: Number added to the mixed variance. Defaults to `1e-5`, as in the papers' PyTorch.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration.
        gamma_initializer: Initializer for `gamma`. Defaults to ones.
        beta_initializer: Initializer for `beta`. Defaults to zeros.
        mixture_initializer: Initializer for `mixture`. Defaults to zeros: equal weights.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.
        training: Whether to use the statistics of the batch and update the moving ones. Defaults to `False`.

    Output shape:
        Same as the input.

    Weights:
        `gamma`, `beta`, `moving_mean`, `moving_variance`, all `(C,)` as in `keras.layers.BatchNormalization`, and
        `mixture` `(2,)`, for the image and the batch.

    Raises:
        ValueError: If the layout is unknown; on the first call, if the input is not floating-point, has no spatial
            axis, or has an undefined number of channels.

    Reference:

    - [Xuan & Zhang, 2021](https://arxiv.org/abs/2103.11658); their AIBN clips one weight, this layer uses a softmax
    - [Luo et al., 2019](https://arxiv.org/abs/1806.10779), switchable normalization, the source of the softmax; it also
      mixes in layer normalization, and has separate weights for means and variances
    """

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-5,
        data_format: str | None = None,
        gamma_initializer: Initializer = "ones",
        beta_initializer: Initializer = "zeros",
        mixture_initializer: Initializer = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(momentum, epsilon, data_format, gamma_initializer, beta_initializer, **kwargs)
        self.mixture_initializer = initializers.get(mixture_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights of a batch normalization and of the mixture."""
        super().build(input_shape)
        self.mixture = self.add_weight((2,), self.mixture_initializer, name="mixture", autocast=False)

    def normalize(self, x: Any, image: Moments, batch: Moments) -> Any:
        """The map, normalized by the mixed moments."""
        w = ops.softmax(ops.cast(self.mixture, x.dtype))
        return self.standardize(x, Moments(*(w[0] * i + w[1] * b for i, b in zip(image, batch, strict=True))))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the layer."""
        return {**super().get_config(), "mixture_initializer": initializers.serialize(self.mixture_initializer)}
