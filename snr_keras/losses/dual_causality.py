"""The dual causality loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snr_keras.losses._batches import floating, pairs, refuse_weights
from snr_keras.losses.distances import cosine, euclidean

_DISTANCES = {"cosine": cosine, "euclidean": euclidean}


@keras.saving.register_keras_serializable(package="snr_keras")
class DualCausalityLoss(keras.losses.Loss):
    """L_SNR = L+ + L- of one SNR layer over a batch: restitution should help, contamination should hurt.

    For an anchor a, a positive p (same identity) and a negative n (another identity):

        L+ = softplus(d(f~+_a, f~+_p) - d(f~_a, f~_p)) + softplus(d(f~_a, f~_n) - d(f~+_a, f~+_n))
        L- = softplus(d(f~_a, f~_p) - d(f~-_a, f~-_p)) + softplus(d(f~-_a, f~-_n) - d(f~_a, f~_n))

    The paper draws one p and one n per anchor. This is the expectation over that draw: each of the four terms is
    averaged over an anchor's positives (or negatives), then over the anchors that have any; it is 0 if no anchor has
    one.

    Since f~ is beta for every image, its distances are all zero: the loss pulls f~+ together and pushes f~- apart
    within an identity, and does the opposite between identities.

    Args:
        distance: `"cosine"` (the paper's, in [0, 1]) or `"euclidean"`. Defaults to `"cosine"`.
        name: Optional name.

    Call arguments:
        labels: Identities, (N,) or (N, 1), any integers. JAX's own tensors, and whatever it compiles, have 32-bit
            integers unless `jax_enable_x64` is set: identities that are equal modulo 2^32 are then one.
        embeddings: `SNREmbeddings`, or any sequence of the same three tensors, each (N, C).

    Returns:
        A scalar, in float32 (float64 for float64 embeddings).

    Raises:
        ValueError: If the distance is unknown, the labels are not N integers, the embeddings are not three floating
            matrices of one shape, or there is a sample weight.

    Reference:

    - [Jin et al., 2020](https://arxiv.org/abs/2005.11037), sec. 3.2
    """

    def __init__(self, distance: str = "cosine", name: str = "dual_causality_loss") -> None:
        if distance not in _DISTANCES:
            raise ValueError(f"Argument `distance` must be one of {list(_DISTANCES)}. Received: distance={distance!r}")
        super().__init__(name=name)
        self.distance = distance

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss, without Keras' cast of labels to float32, which merges large identities."""
        refuse_weights(sample_weight)
        return self.call(y_true, y_pred)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The scalar loss; see the class."""
        plus, minus = self.terms(y_true, y_pred)
        return plus + minus

    def terms(self, labels: Any, embeddings: Any) -> tuple[Any, Any]:
        """L+ and L- separately.

        Args:
            labels: Identities, as for a call.
            embeddings: Embeddings, as for a call.

        Returns:
            L+ and L-, two scalars.

        Raises:
            ValueError: As for a call.
        """
        f = ops.stack(_matrices(embeddings))  # one tensor, since a graph of few operations is soon traced
        d_tilde, d_plus, d_minus = ops.unstack(_DISTANCES[self.distance](f, f), 3)
        weights = _weights(ops.stack(2 * pairs(labels, f.shape[1])), f.dtype)
        differences = ops.stack([d_plus - d_tilde, d_tilde - d_plus, d_tilde - d_minus, d_minus - d_tilde])
        terms = ops.where(weights > 0, weights * ops.softplus(differences), 0)
        plus_positive, plus_negative, minus_positive, minus_negative = ops.unstack(ops.sum(terms, axis=(1, 2)), 4)
        return plus_positive + plus_negative, minus_positive + minus_negative

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the loss."""
        return {"distance": self.distance, "name": self.name}


def _matrices(embeddings: Any) -> tuple[Any, Any, Any]:
    f_tilde, f_plus, f_minus = embeddings
    matrices = floating("f_tilde", f_tilde), floating("f_plus", f_plus), floating("f_minus", f_minus)
    shapes = [tuple(matrix.shape) for matrix in matrices]
    if len({shape for shape in shapes if None not in shape}) > 1:
        raise ValueError(f"`embeddings` must be three matrices of one shape. Received: shapes {shapes}")
    return matrices


def _weights(allowed: Any, dtype: Any) -> Any:
    """The probability of each pair: uniform over the anchors that have a pair, then over the pairs of the anchor."""
    allowed = ops.cast(allowed, dtype)
    per_anchor = ops.sum(allowed, axis=-1, keepdims=True)
    anchors = ops.sum(ops.cast(per_anchor > 0, dtype), axis=(-1, -2), keepdims=True)
    return allowed / (ops.maximum(per_anchor, 1) * ops.maximum(anchors, 1))
