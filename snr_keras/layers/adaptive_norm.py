"""Adaptive instance-batch normalization: statistics mixed inside the norm."""

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

    Here the statistics are mixed, where `BatchInstanceNormalization` mixes what they normalize to.

    Args:
        momentum: Of the moving statistics, as in `keras.layers.BatchNormalization`. Defaults to `0.99`.
        epsilon: Added to the mixed variance. Defaults to `1e-5`, as in the papers' PyTorch.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration.
        gamma_initializer: Initializer for `gamma`. Defaults to ones.
        beta_initializer: Initializer for `beta`. Defaults to zeros.
        mixture_initializer: Initializer for `mixture`. Defaults to zeros: half and half.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.
        training: Whether to take the batch's statistics, and count them in the moving ones. Defaults to `False`.

    Output shape:
        That of the input.

    Weights:
        `gamma`, `beta`, `moving_mean`, `moving_variance`, all `(C,)` as in `keras.layers.BatchNormalization`, and
        `mixture` `(2,)`, of the image and of the batch.

    Raises:
        ValueError: If the layout is unknown; on the first call, if the input is not floating-point, has no spatial
            axis, or leaves its number of channels open.

    Reference:

    - [Xuan & Zhang, 2021](https://arxiv.org/abs/2103.11658), whose AIBN clips one weight where this takes a softmax
    - [Luo et al., 2019](https://arxiv.org/abs/1806.10779), whose switchable normalization is where the softmax comes
      from; it has layer normalization as well, and weights of their own for means and variances
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
        """Creates the weights of a batch normalization, and those of the mixture."""
        super().build(input_shape)
        self.mixture = self.add_weight((2,), self.mixture_initializer, name="mixture", autocast=False)

    def normalize(self, x: Any, image: Moments, batch: Moments) -> Any:
        """By the mixed moments."""
        w = ops.softmax(ops.cast(self.mixture, x.dtype))
        return self.standardize(x, Moments(*(w[0] * i + w[1] * b for i, b in zip(image, batch, strict=True))))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make a layer like this one."""
        return {**super().get_config(), "mixture_initializer": initializers.serialize(self.mixture_initializer)}
