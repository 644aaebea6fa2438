"""Normalization by the statistics of the batch together with those of each image."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import initializers, ops

from snr_keras.layers._arguments import Initializer
from snr_keras.layers._backend import mean_over_replicas
from snr_keras.layers._feature_map import FeatureMapLayer


class Moments(NamedTuple):
    """Mean and biased variance, with shapes that broadcast over maps."""

    mean: Any
    variance: Any


class BatchInstanceLayer(FeatureMapLayer):
    """Batch normalization with another normalization, which subclasses define in `normalize`.

    It has the weights of `keras.layers.BatchNormalization` by name and shape, so those of a trained layer fit. Like
    that layer it normalizes by the moving statistics in inference, and also in training if it is not trainable.

    Attributes:
        synchronized: Whether the batch is that of all replicas of a `tf.distribute` strategy, in equal parts.
    """

    synchronized = False

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-5,
        data_format: str | None = None,
        gamma_initializer: Initializer = "ones",
        beta_initializer: Initializer = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_initializer = initializers.get(beta_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights of a batch normalization."""
        super().build(input_shape)
        shape = (self.channels,)
        self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma", autocast=False)
        self.beta = self.add_weight(shape, self.beta_initializer, name="beta", autocast=False)
        self.moving_mean = self.add_weight(shape, "zeros", name="moving_mean", trainable=False, autocast=False)
        self.moving_variance = self.add_weight(shape, "ones", name="moving_variance", trainable=False, autocast=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The normalized inputs, scaled by gamma and shifted by beta."""
        x = self._widened(inputs)
        image = Moments(*ops.moments(x, axes=self.pixel_axes, keepdims=True))
        batch = self._batch_moments(image, bool(training) and self.trainable)
        y = self._per_channel(self.gamma, x.dtype) * self.normalize(x, image, batch)
        return ops.cast(y + self._per_channel(self.beta, x.dtype), self.compute_dtype)

    def normalize(self, x: Any, image: Moments, batch: Moments) -> Any:
        """The map `x`, normalized by the moments of each image, `(N, 1, 1, C)`, and of the batch, `(1, 1, 1, C)`."""
        raise NotImplementedError

    def standardize(self, x: Any, moments: Moments) -> Any:
        """`(x - mean) / sqrt(variance + epsilon)`."""
        return (x - moments.mean) * ops.rsqrt(moments.variance + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the layer."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_initializer": initializers.serialize(self.beta_initializer),
        }

    def _batch_moments(self, image: Moments, training: bool) -> Moments:
        dtype = image.mean.dtype
        if not training:
            moving = self.moving_mean, self.moving_variance
            return Moments(*(self._per_channel(weight, dtype) for weight in moving))
        mean = self._mean_of_batch(image.mean)
        # Variance within images and between them, never a difference of two large numbers.
        variance = self._mean_of_batch(image.variance + ops.square(image.mean - mean))
        for weight, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            old, new = ops.cast(weight, dtype), ops.reshape(value, (self.channels,))
            weight.assign(ops.cast(old * self.momentum + new * (1 - self.momentum), weight.dtype))
        return Moments(mean, variance)

    def _mean_of_batch(self, x: Any) -> Any:
        mean = ops.mean(x, axis=0, keepdims=True)
        return mean_over_replicas(mean) if self.synchronized else mean
