"""The batch-hard triplet loss."""

from __future__ import annotations

import math
from typing import Any, Literal

import keras
from keras import ops

from snr_keras.losses._batches import floating, pairs, refuse_weights
from snr_keras.losses.distances import euclidean_distance, norm
from snr_keras.scalars import is_number, plain


@keras.saving.register_keras_serializable(package="snr_keras")
class BatchHardTripletLoss(keras.losses.Loss):
    """The mean over the anchors of max(0, margin + d_ap - d_an), each with its hardest positive and negative.

    p is the anchor's farthest positive and n its nearest negative, by Euclidean distance; of equally hard examples, the
    one with the lowest index, which alone has the gradient. XLA may round the distances to two equal examples
    differently, and then takes either. Anchors without a positive or a negative do not contribute; if no anchor has
    both, the loss is 0. The gradient of a distance of zero is zero.

    Mining needs memory for N * N * D numbers; none of them is kept for the gradient.

    Args:
        margin: Margin, at least 0, or `"soft"` for softplus(d_ap - d_an). Defaults to `0.3`.
        name: Optional name.

    Call arguments:
        labels: Identities, (N,) or (N, 1), any integers. JAX's own tensors, and whatever it compiles, have 32-bit
            integers unless `jax_enable_x64` is set: identities that are equal modulo 2^32 are then one.
        features: Features, (N, D), pooled, before BNNeck.

    Returns:
        A scalar, in float32 (float64 for float64 features).

    Raises:
        ValueError: If the margin is neither a number of at least 0 nor `"soft"`, the labels are not N integers, the
            features are not a floating matrix, or there is a sample weight.

    Reference:

    - [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), eq. 5
    """

    def __init__(self, margin: float | Literal["soft"] = 0.3, name: str = "batch_hard_triplet_loss") -> None:
        if margin != "soft" and not (is_number(margin) and margin >= 0):
            raise ValueError(
                f"Argument `margin` must be a number of at least 0, or 'soft'. Received: margin={margin!r}"
            )
        super().__init__(name=name)
        self.margin = plain(margin)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss, without Keras' cast of labels to float32, which merges large identities."""
        refuse_weights(sample_weight)
        return self.call(y_true, y_pred)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The scalar loss; see the class."""
        features = floating("features", y_pred)
        positives, negatives = pairs(y_true, features.shape[0])
        d = euclidean_distance(ops.stop_gradient(features), ops.stop_gradient(features))
        hardest_positive = _first_largest(ops.where(positives, d, -1))
        hardest_negative = _first_largest(ops.where(negatives, -d, -math.inf))
        difference = norm(features - ops.take(features, hardest_positive, axis=0)) - norm(
            features - ops.take(features, hardest_negative, axis=0)
        )
        terms = ops.softplus(difference) if self.margin == "soft" else ops.relu(difference + self.margin)
        contributes = ops.logical_and(ops.any(positives, axis=1), ops.any(negatives, axis=1))
        count = ops.sum(ops.cast(contributes, features.dtype))
        return ops.sum(ops.where(contributes, terms, 0)) / ops.maximum(count, 1)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the loss."""
        return {"margin": self.margin, "name": self.name}


def _first_largest(rows: Any) -> Any:
    """The index of the first maximum of each row; an extra column allows an empty batch."""
    return ops.argmax(ops.pad(rows, ((0, 0), (0, 1)), constant_values=-math.inf), axis=1)
