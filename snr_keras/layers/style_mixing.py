"""MixStyle and EFDMix: they mix the styles of the images of a training batch."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops, random

from snr_keras.layers._arguments import positive_number
from snr_keras.layers._feature_map import FeatureMapLayer
from snr_keras.scalars import is_number, plain


class StyleMixingLayer(FeatureMapLayer):
    """Mixes the styles of a training batch, with probability `p`; subclasses define the style in `mix`."""

    def __init__(
        self, p: float = 0.5, alpha: float = 0.1, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        if not is_number(p) or not 0 <= p <= 1:
            raise ValueError(f"Argument `p` must be a probability, in [0, 1]. Received: p={p!r}")
        alpha = positive_number("alpha", alpha)
        super().__init__(data_format, **kwargs)
        self.p = float(p)
        self.alpha = alpha
        self.seed = plain(seed)
        self.seed_generator = random.SeedGenerator(self.seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, or in training, with probability `p`, their mixture."""
        if not training:
            return ops.cast(inputs, self.compute_dtype)
        x = self._widened(inputs)
        count = ops.shape(x)[0]
        mixed = random.uniform((), dtype="float32", seed=self.seed_generator) < self.p
        partner = random.shuffle(ops.arange(count, dtype="int32"), seed=self.seed_generator)
        fraction = symmetric_beta((count,), self.alpha, seed=self.seed_generator)
        y = self.mix(x, partner, ops.cast(ops.expand_dims(fraction, tuple(range(1, len(x.shape)))), x.dtype))
        return ops.cast(ops.where(mixed, y, x), self.compute_dtype)

    def mix(self, x: Any, partner: Any, fraction: Any) -> Any:
        """The maps with mixed styles.

        Args:
            x: Maps.
            partner: Index of the image with which each image is mixed, `(N,)`.
            fraction: Fraction lambda of its own style that each image keeps, `(N, 1, 1, 1)`.
        """
        raise NotImplementedError

    def save_own_variables(self, store: Any) -> None:
        """Stores the state of the random numbers, which Keras leaves out, so that a resumed training continues them."""
        store["0"] = self.seed_generator.state

    def load_own_variables(self, store: Any) -> None:
        """Restores the state of the random numbers."""
        self.seed_generator.state.assign(store["0"])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the layer."""
        return {**super().get_config(), "p": self.p, "alpha": self.alpha, "seed": self.seed}


@keras.saving.register_keras_serializable(package="snr_keras")
class MixStyle(StyleMixingLayer):
    """In training, mixes each image's means and standard deviations with those of another image of the batch.

        y = sigma_mix * (x - mu(x)) / sigma(x) + mu_mix
        mu_mix    = lambda * mu(x)    + (1 - lambda) * mu(x')      x': another image, of a random permutation
        sigma_mix = lambda * sigma(x) + (1 - lambda) * sigma(x')   lambda ~ Beta(alpha, alpha), per image

    with statistics per image and channel, through which no gradient flows. With probability `1 - p` a batch is not
    mixed; in inference no batch is.

    Args:
        p: Probability that a batch is mixed. Defaults to `0.5`.
        alpha: Parameter of the Beta distribution; the smaller, the more often one of the two styles dominates. Defaults
            to `0.1`.
        seed: Optional integer seed, for reproducible runs. By default drawn from Keras' global seed.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.
        training: Whether to mix. Defaults to `False`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If an argument is out of range; on the first call, if the input is not floating-point, has no
            spatial axis, or has an undefined number of channels.

    Reference:

    - [Zhou et al., 2021](https://arxiv.org/abs/2104.02008), eqs. 3 to 5, with random shuffle
    """

    def mix(self, x: Any, partner: Any, fraction: Any) -> Any:
        """The maps with mixed means and standard deviations; 1e-6 is added to the variance."""
        mean, variance = (ops.stop_gradient(m) for m in ops.moments(x, axes=self.pixel_axes, keepdims=True))
        sigma = ops.sqrt(variance + 1e-6)
        mixed_mean, mixed_sigma = (
            fraction * own + (1 - fraction) * ops.take(own, partner, axis=0) for own in (mean, sigma)
        )
        return mixed_sigma * (x - mean) / sigma + mixed_mean


@keras.saving.register_keras_serializable(package="snr_keras")
class EFDMix(StyleMixingLayer):
    """In training, mixes each image's distribution of values with that of another image of the batch.

        y = x + (1 - lambda) * (x'' - stop_gradient(x))      lambda ~ Beta(alpha, alpha), per image

    where x'' has the values of another image x', of a random permutation, in the order of those of x: per channel the
    smallest value of x' where x has its smallest, and so on. This is MixStyle with the whole distribution in place of
    its first two moments. With probability `1 - p` a batch is not mixed; in inference no batch is.

    Args:
        p: Probability that a batch is mixed. Defaults to `0.5`.
        alpha: Parameter of the Beta distribution; the smaller, the more often one of the two styles dominates. Defaults
            to `0.1`.
        seed: Optional integer seed, for reproducible runs. By default drawn from Keras' global seed.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.
        training: Whether to mix. Defaults to `False`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If an argument is out of range; on the first call, if the input is not floating-point, has no
            spatial axis, or has an undefined number of channels.

    Reference:

    - [Zhang et al., 2022](https://arxiv.org/abs/2203.07740), with random shuffle
    """

    def mix(self, x: Any, partner: Any, fraction: Any) -> Any:
        """The maps with mixed distributions, by sort matching."""
        shape = ops.shape(x)
        last = self.data_format == "channels_last"
        flat = ops.reshape(x, (shape[0], -1, self.channels) if last else (shape[0], self.channels, -1))
        pixels = 1 if last else 2
        order = ops.argsort(flat, axis=pixels)
        ranks = ops.argsort(order, axis=pixels)
        ordered = ops.take_along_axis(flat, order, axis=pixels)
        matched = ops.take_along_axis(ops.take(ordered, partner, axis=0), ranks, axis=pixels)
        return x + (1 - fraction) * (ops.reshape(matched, shape) - ops.stop_gradient(x))


def symmetric_beta(shape: tuple[Any, ...], alpha: float, *, seed: random.SeedGenerator) -> Any:
    """Samples of Beta(alpha, alpha) in float32, from uniform numbers.

    `keras.random.beta` divides gamma samples. XLA does not have these, and for small alpha both may be zero.

    Reference: Devroye, "Random Variate Generation in One Line of Code", 1996, from Bailey's Student t generator.
    """
    w = ops.power(random.uniform(shape, dtype="float32", seed=seed), 1 / alpha)
    c = ops.cos(2 * math.pi * random.uniform(shape, dtype="float32", seed=seed))
    t = c * ops.sqrt((1 - w) / (w + (1 - w) * ops.square(c)))
    return (1 + ops.clip(t, -1, 1)) / 2  # rounding may move t out of the interval
