"""Mistakes in eqs. 1 to 5."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.mistakes.literal import Literal
from snr_ref.conformance.mistakes.literal.elementary import Array
from snr_ref.conformance.mistakes.mistake import mistake
from snr_ref.restitution import SNRParams


@mistake("1.1", at="snr: mu", who="whoever takes a batch normalization for an instance normalization")
class StatisticsOverTheBatch(Literal):
    """Mean and variance are taken over the images of the batch too."""

    def _statistics_axes(self, F: Array) -> tuple[int, ...]:
        return tuple(range(F.ndim - 1))


@mistake("1.1", at="snr: mu", who="whoever takes a layer normalization for an instance normalization")
class StatisticsOverTheChannels(Literal):
    """Mean and variance are taken over the channels too."""

    def _statistics_axes(self, F: Array) -> tuple[int, ...]:
        return tuple(range(1, F.ndim))


@mistake("1.7", at="snr: mu", who="a port from PyTorch, whose maps are (N, C, H, W)")
class StatisticsOfChannelsFirst(Literal):
    """Channels are expected on the first axis after the images, and the statistics taken over those behind it."""

    def _statistics_axes(self, F: Array) -> tuple[int, ...]:
        return tuple(range(2, F.ndim))


@mistake("6.3", at="snr: mu", who="whoever wants training to survive bad images, and hides them")
class NanReplacedByZero(Literal):
    """NaN and infinities of the feature map are replaced by numbers."""

    def _wide(self, F: Array) -> Array:
        return np.nan_to_num(super()._wide(F))


@mistake("6.5", at="snr: mu", who="mixed precision that autocasts the statistics too")
class HalfPrecisionStatistics(Literal):
    """With a feature map in half precision, its sums are accumulated in half precision."""

    dtypes = ("float16",)

    def _wide(self, F: Array) -> Array:
        return F


@mistake("1.1", at="snr: sigma", who="torch.var, which divides by M - 1 unless told otherwise")
class UnbiasedVariance(Literal):
    """The variance is divided by the number of pixels less one."""

    def _variance(self, F: Array, mu: Array) -> Array:
        return super()._variance(F, mu) * self._pixels(F) / (self._pixels(F) - 1)


@mistake("1.2", at="snr: sigma", who="whoever writes (x - mean) / (std + eps)")
class EpsilonOutsideTheRoot(Literal):
    """Epsilon is added to the deviation instead of the variance."""

    def _deviation(self, variance: Array, epsilon: float) -> Array:
        return np.sqrt(variance) + epsilon


@mistake("1.2", at="snr: sigma", who="keras.layers.GroupNormalization, whose default it is")
class EpsilonOfAThousandth(Literal):
    """Epsilon is 1e-3 unless it is given."""

    def _deviation(self, variance: Array, epsilon: float) -> Array:
        return np.sqrt(variance + (1e-3 if epsilon == 1e-5 else epsilon))


@mistake("1.2", at="snr: sigma", who="a layer that builds its normalization without handing epsilon on")
class EpsilonIgnored(Literal):
    """Epsilon is 1e-5 even if another is given."""

    def _deviation(self, variance: Array, epsilon: float) -> Array:
        return np.sqrt(variance + 1e-5)


@mistake("6.1", at="snr: sigma", who="fused kernels that read the map only once")
class OnePassVariance(Literal):
    """The variance is E[F^2] - E[F]^2, which cancels where the mean is large beside the deviation."""

    def _variance(self, F: Array, mu: Array) -> Array:
        return np.maximum(self._mean(F**2) - mu**2, 0)


@mistake("1.2", at="snr: F_tilde", who="whoever writes gamma * (x + beta)")
class OffsetScaled(Literal):
    """Beta is added before the multiplication by gamma."""

    def _normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        return gamma * ((F - mu) / sigma + beta)


@mistake("1.2", at="snr: F_tilde", who="torch.nn.InstanceNorm2d, which has no gamma and beta unless affine=True")
class WithoutScaleAndOffset(Literal):
    """Gamma and beta are not applied."""

    def _normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        return (F - mu) / sigma


@mistake("6.1", at="snr: F_tilde", who="PyTorch on a CPU, and whoever writes a normalization as s F + t")
class FoldedInstanceNorm(Literal):
    """F~ is s F + (beta - s mu) with s = gamma / sigma: it cancels where the mean is large beside the deviation."""

    def _normalize(self, F: Array, mu: Array, sigma: Array, gamma: Array, beta: Array) -> Array:
        s = gamma / sigma
        return s * F + (beta - s * mu)


@mistake("1.3", at="snr: R", who="whoever remembers the residual as what the normalization added")
class ResidualOfTheWrongSign(Literal):
    """R is F~ - F."""

    def _residual(self, F: Array, F_tilde: Array) -> Array:
        return F_tilde - F


@mistake("1.3", at="snr: R", who="whoever takes the closed form of the pooled residual for the residual")
class PooledBeforeTheResidual(Literal):
    """F and F~ are pooled before their difference is taken, so that R is constant over the pixels."""

    def _residual(self, F: Array, F_tilde: Array) -> Array:
        return np.zeros_like(F) + self._spread(self._pool(F) - self._pool(F_tilde), F)


@mistake("1.4", at="snr: a", who="a squeeze-and-excitation block, put before the normalization")
class GateOnTheInput(Literal):
    """The gate sees F instead of R."""

    def _gated(self, F: Array, F_tilde: Array, R: Array) -> Array:
        return F


@mistake("1.4", at="snr: a", who="a squeeze-and-excitation block, put behind the normalization")
class GateOnTheNormalizedMap(Literal):
    """The gate sees F~ instead of R, whose mean is beta for every image."""

    def _gated(self, F: Array, F_tilde: Array, R: Array) -> Array:
        return F_tilde


@mistake("1.4", at="snr: a", who="attention modules that pool by the maximum, as the half of CBAM does")
class GateOnTheMaximum(Literal):
    """The residual is pooled by its maximum instead of its mean."""

    def _pool(self, x: Array) -> Array:
        return x.max(tuple(range(1, x.ndim - 1)))


@mistake("1.4", at="channel_attention: a", who="two dense layers without an activation between them")
class GateWithoutRelu(Literal):
    """There is no ReLU between W1 and W2."""

    def _activate(self, hidden: Array) -> Array:
        return hidden


@mistake("1.4", at="channel_attention: a", who="a block that ends every layer in a ReLU")
class GateOfRelu(Literal):
    """A ReLU stands before the sigmoid too, so that no gate is below one half."""

    def _gate(self, logits: Array) -> Array:
        return self._sigmoid(self._relu(logits))


@mistake("1.4", at="channel_attention: a", who="whoever takes one squashing function for another")
class GateOfTanh(Literal):
    """The gate is a tanh instead of a sigmoid."""

    def _gate(self, logits: Array) -> Array:
        return np.tanh(logits)


@mistake("1.4", at="channel_attention: a", who="attention for mobile networks, which avoids the exponential")
class GateOfHardSigmoid(Literal):
    """The gate is a hard sigmoid, clip(x / 6 + 1/2, 0, 1)."""

    def _gate(self, logits: Array) -> Array:
        return np.clip(logits / 6 + 0.5, 0, 1)


@mistake("1.4", at="channel_attention: a", who="whoever reshapes torch.nn.Linear's (out, in) to fit")
class WeightsReshaped(Literal):
    """Weights of the other layout are reshaped instead of transposed."""

    def _affine(self, x: Array, w: Array, b: Array | None) -> Array:
        return super()._affine(x, w.T.reshape(w.shape), b)


@mistake("1.4", at="channel_attention: a", who="the paper's equation, with a checkpoint loaded into it")
class BiasesIgnored(Literal):
    """The biases of the gate are not added."""

    def _affine(self, x: Array, w: Array, b: Array | None) -> Array:
        return x @ w


@mistake("6.4", at="channel_attention: a", who="whoever writes exp(x) / (1 + exp(x))")
class SigmoidThatOverflows(Literal):
    """The sigmoid is exp(x) / (1 + exp(x)), which is inf / inf for large x."""

    def _sigmoid(self, x: Array) -> Array:
        return np.exp(x) / (1 + np.exp(x))


@mistake("1.5", at="snr: R_plus", who="whoever takes the gate for how much is removed")
class PartsSwapped(Literal):
    """R+ and R- are swapped."""

    def _separate(self, R: Array, a: Array) -> tuple[Array, Array]:
        return (1 - a) * R, a * R


@mistake("1.5", at="snr: R_minus", who="whoever copies the line of R+")
class WithoutOneMinus(Literal):
    """R- is a R: the 1 - a is missing."""

    def _separate(self, R: Array, a: Array) -> tuple[Array, Array]:
        return a * R, a * R


@mistake("1.6", at="snr: F_plus", who="a skip connection around the module, as around any other block")
class RestitutedToTheInput(Literal):
    """F~+ is F + R+."""

    def _restitute(self, F: Array, F_tilde: Array, R_plus: Array, R_minus: Array) -> tuple[Array, Array]:
        return F + R_plus, F_tilde + R_minus


@mistake("1.6", at="snr: F_minus", who="code that overwrites the map in place")
class ContaminatedAfterRestitution(Literal):
    """F~- is F~+ + R- instead of F~ + R-."""

    def _restitute(self, F: Array, F_tilde: Array, R_plus: Array, R_minus: Array) -> tuple[Array, Array]:
        return F_tilde + R_plus, F_tilde + R_plus + R_minus


@mistake("2.1", at="snr: f_plus", who="a network whose own pooling is by the maximum")
class EmbeddingsOfTheMaximum(Literal):
    """f~+ and f~- are pooled by the maximum."""

    def _embed(self, x: Array) -> Array:
        return x.max(tuple(range(1, x.ndim - 1)))


@mistake("4.1", at="snr_closed_form: F_plus", who="whoever derives the scale in a hurry")
class ScaleWithoutOneMinus(Literal):
    """The scale is a + g instead of a + (1 - a) g."""

    def _scale(self, a: Array, g: Array) -> Array:
        return a + g


@mistake("6.1", at="snr_closed_form: F_plus", who="an affine map written as s F + t, as batch normalization is folded")
class MeanFoldedIntoTheOffset(Literal):
    """The closed form is s F + (f~+ - s mu), which cancels where the mean is large beside the deviation."""

    def _apply(self, F: Array, mu: Array, s: Array, f_plus: Array) -> Array:
        return s * F + (f_plus - s * mu)


@mistake("2.8", at="objective: total", who="every literal implementation, the public ones included")
class PooledNormalizedMap(Literal):
    """f~ is pooled instead of beta: with beta = 0 it is rounding noise, whose cosines are random numbers."""

    def snr(self, F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, Array]:
        """With f~ pooled."""
        out = super().snr(F, params, epsilon=epsilon)
        return out | {"f_tilde": self._embed(self._wide(out["F_tilde"]))}
