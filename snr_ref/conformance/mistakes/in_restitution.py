"""Mistakes in the entropy form."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.mistakes.literal import Literal
from snr_ref.conformance.mistakes.literal.elementary import Array
from snr_ref.conformance.mistakes.mistake import mistake


@mistake("8.1", at="dual_restitution_loss: plus", who="microsoft/SNR, which so avoids the logarithm of 0")
class SmallProbabilitiesLeftOut(Literal):
    """Probabilities below 1e-6 do not count."""

    def _p_log_p(self, log_p: Array) -> Array:
        return np.where(np.exp(log_p) < 1e-6, 0, super()._p_log_p(log_p))


@mistake("8.1", at="dual_restitution_loss: plus", who="whoever knows entropy from the theory of information")
class EntropyInBits(Literal):
    """The logarithm has base 2."""

    def _p_log_p(self, log_p: Array) -> Array:
        return super()._p_log_p(log_p) / np.log(2).astype(log_p.dtype)


@mistake("6.4", at="dual_restitution_loss: plus", who="whoever takes the logarithm of a softmax")
class LogarithmOfSoftmax(Literal):
    """Where a probability is 0 its logarithm is infinite, and their product NaN."""

    def _p_log_p(self, log_p: Array) -> Array:
        return np.exp(log_p) * np.log(np.exp(log_p))


@mistake("8.1", at="dual_restitution_loss: plus", who="whoever takes the mean over an axis of classes")
class MeanOverClasses(Literal):
    """The entropy is over K."""

    def _entropy(self, logits: Array) -> Array:
        return super()._entropy(logits) / logits.shape[-1]


@mistake("8.1", at="dual_restitution_loss: plus", who="whoever multiplies by the weights alone")
class BiasForgotten(Literal):
    """The classifier's bias is left out."""

    def _classify(self, f: Array, w: Array, b: Array | None) -> Array:
        return f @ w


@mistake("8.2", at="dual_restitution_loss: plus", who="whoever reads the paper's formula image by image")
class SoftplusOfEachImage(Literal):
    """Each image is compared with itself, and Softplus averaged."""

    def _of_images(self, h: Array) -> Array:
        return h


@mistake("8.2", at="dual_restitution_loss: minus", who="whoever copies L+ and puts f~- for f~+")
class ContaminationShouldHelp(Literal):
    """In L- the difference has the other sign."""

    def _fall(self, tilde: Array, minus: Array) -> Array:
        return minus - tilde


@mistake("8.3", at="pixelwise_dual_restitution_loss: plus", who="whoever takes the loss for images to pixels as it is")
class PixelsByTheirMean(Literal):
    """The mean entropies of all pixels are compared."""

    def _of_pixels(self, h: Array) -> Array:
        return h.mean(keepdims=True)


@mistake("8.4", at="dual_restitution_gradients: grad_f_tilde", who="whoever differentiates -p log p term by term")
class ProbabilitiesThatDoNotSumToOne(Literal):
    """The gradient is -p (log p + 1), as if the probabilities were free."""

    def _slope(self, logits: Array) -> Array:
        log_p = self._log_softmax(logits)
        return -np.exp(log_p) * (log_p + 1)
