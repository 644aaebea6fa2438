"""Mistakes in the backward passes."""

from __future__ import annotations

import numpy as np

from snr_ref.conformance.mistakes.literal import Literal
from snr_ref.conformance.mistakes.literal.elementary import Array
from snr_ref.conformance.mistakes.mistake import mistake


@mistake("5.2", at="instance_norm_vjp: grad_F", who="statistics computed under no_grad, as running ones are")
class StatisticsDetached(Literal):
    """Mean and deviation are constants to the gradient of F."""

    def _through_mean(self, weighted_S1: Array, F: Array) -> Array:
        return np.zeros_like(weighted_S1)

    def _through_sigma(self, weighted_S2: Array, sigma: Array, F: Array) -> Array:
        return np.zeros_like(weighted_S2)


@mistake("5.2", at="instance_norm_vjp: grad_F", who="a backward pass by hand that takes centring for all there is")
class DeviationDetached(Literal):
    """The deviation is a constant to the gradient of F."""

    def _through_sigma(self, weighted_S2: Array, sigma: Array, F: Array) -> Array:
        return np.zeros_like(weighted_S2)


@mistake("5.1", at="snr_vjp: grad_F", who="an attention that is computed under stop_gradient")
class GateDetached(Literal):
    """The gate is a constant to the gradients of F and beta."""

    def _grad_z(self, direct: Array, through_gate: Array) -> Array:
        return direct


@mistake("5.1", at="snr_vjp: grad_gamma", who="a scale that is frozen together with the normalization layers")
class ScaleNotTrained(Literal):
    """The gradient of gamma is 0."""

    def _grad_gamma(self, grad_gamma: Array) -> Array:
        return np.zeros_like(grad_gamma)


@mistake("5.1", at="snr_vjp: grad_beta", who="a loss that detaches f~, and a layer that returns beta itself detached")
class OffsetDetachedInTheEmbedding(Literal):
    """What reaches f~ does not reach beta."""

    def _grad_f_tilde(self, grad_f_tilde: Array | None, z: Array) -> Array:
        return np.zeros_like(z)


@mistake("5.5", at="channel_attention_vjp: grad_z", who="a backward pass by hand that writes k >= 0")
class ReluWithSlopeAtZero(Literal):
    """The derivative of ReLU at 0 is 1."""

    def _relu_slope(self, x: Array) -> Array:
        return x >= 0


@mistake("5.3", at="cosine_distance_vjp: grad_x", who="automatic differentiation of x / |x|")
class ZeroVectorWithoutGradient(Literal):
    """The gradient at a zero vector is 0 / 0."""

    def cosine_distance_vjp(self, x: Array, y: Array, grad_d: Array) -> tuple[Array, Array]:
        """NaN at zero vectors."""
        grad_x, grad_y = super().cosine_distance_vjp(x, y, grad_d)
        return (
            np.where((x == 0).all(axis=1, keepdims=True), np.nan, grad_x),
            np.where((y == 0).all(axis=1, keepdims=True), np.nan, grad_y),
        )


@mistake("5.3", at="euclidean_distance_vjp: grad_x", who="automatic differentiation of sqrt(sum of squares)")
class EqualVectorsWithoutGradient(Literal):
    """The gradient of the Euclidean distance at x = y is 0 / 0."""

    def euclidean_distance_vjp(self, x: Array, y: Array, grad_d: Array) -> tuple[Array, Array]:
        """NaN at equal vectors."""
        direction = x[:, np.newaxis] - y[np.newaxis]
        direction = direction / self._norm(direction)[..., np.newaxis] * grad_d[..., np.newaxis]
        return direction.sum(axis=1), -direction.sum(axis=0)


@mistake("5.3", at="dual_causality_gradients: grad_f_tilde", who="whoever takes f~ for a fixed target")
class NormalizedFeaturesDetached(Literal):
    """f~ is a constant to the loss."""

    def _slope_tilde(self, plus: Array, minus: Array) -> Array:
        return np.zeros_like(plus)


@mistake("5.4", at="cross_entropy_gradient: grad_logits", who="whoever forgets that the loss is a mean")
class SummedCrossEntropyGradient(Literal):
    """The gradient is not divided by the number of rows."""

    def _rows_to_divide_by(self, logits: Array) -> int:
        return 1


@mistake(
    "5.4",
    at="batch_hard_triplet_gradient: grad_features",
    who="torch.amax and jnp.max, as they are",
)
class TiesShareTheGradient(Literal):
    """Equally hard examples share the gradient."""

    def _share(self, hardness: Array) -> Array:
        hardest = hardness == hardness.max()
        return hardest / hardest.sum()
