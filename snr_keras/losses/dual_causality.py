"""The dual causality loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snr_keras.losses._batches import floating, pairs, refuse_weights
from snr_keras.losses.distances import cosine_distance, euclidean_distance

_DISTANCES = {"cosine": cosine_distance, "euclidean": euclidean_distance}


@keras.saving.register_keras_serializable(package="snr_keras")
class DualCausalityLoss(keras.losses.Loss):
    """L_SNR = L+ + L-, of one SNR layer over a batch: restitution should help, contamination should hurt.

    For an anchor a, a positive p (same identity) and a negative n (another identity):

        L+ = softplus(d(f~+_a, f~+_p) - d(f~_a, f~_p)) + softplus(d(f~_a, f~_n) - d(f~+_a, f~+_n))
        L- = softplus(d(f~_a, f~_p) - d(f~-_a, f~-_p)) + softplus(d(f~-_a, f~-_n) - d(f~_a, f~_n))

    The paper draws one p and one n per anchor. This is the expectation over that draw: each of the four terms is the
    mean over an anchor's positives (negatives), then over the anchors that have any; 0 where no anchor has one.

    Since f~ is beta for every image, its distances are all zero: the loss pulls f~+ together and f~- apart within
    identities, and the other way around between them.

    Args:
        distance: `"cosine"` (the paper's, in [0, 1]) or `"euclidean"`. Defaults to `"cosine"`.
        name: Optional name.

    Call arguments:
        labels: Identities, (N,) or (N, 1), any integers. JAX's own tensors, and whatever it compiles, have
            integers of 32 bits unless `jax_enable_x64` is set: identities that are equal modulo 2^32 are one in these.
        embeddings: `SNREmbeddings`, or the same three (N, C) tensors as any sequence.

    Returns:
        A scalar, in float32 (float64 of float64 embeddings).

    Raises:
        ValueError: If the distance is none of the two, the labels are not N integers, the embeddings are not three
            floating matrices of one shape, or there is a sample weight.

    Reference:

    - [Jin et al., 2020](https://arxiv.org/abs/2005.11037), sec. 3.2
    """

    def __init__(self, distance: str = "cosine", name: str = "dual_causality_loss") -> None:
        if distance not in _DISTANCES:
            raise ValueError(f"Argument `distance` must be one of {list(_DISTANCES)}. Received: distance={distance!r}")
        super().__init__(name=name)
        self.distance = distance

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss; Keras' own would cast the labels to float32, which merges large identities."""
        refuse_weights(sample_weight)
        return self.call(y_true, y_pred)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The scalar; see the class."""
        plus, minus = self.terms(y_true, y_pred)
        return plus + minus

    def terms(self, labels: Any, embeddings: Any) -> tuple[Any, Any]:
        """L+ and L- apart.

        Args:
            labels: As for a call.
            embeddings: As for a call.

        Returns:
            Two scalars.

        Raises:
            ValueError: As from a call.
        """
        f_tilde, f_plus, f_minus = _matrices(embeddings)
        positives, negatives = (_weights(allowed, f_plus.dtype) for allowed in pairs(labels, f_plus.shape[0]))
        distance = _DISTANCES[self.distance]
        d_tilde, d_plus, d_minus = distance(f_tilde, f_tilde), distance(f_plus, f_plus), distance(f_minus, f_minus)
        plus = _mean(d_plus - d_tilde, positives) + _mean(d_tilde - d_plus, negatives)
        minus = _mean(d_tilde - d_minus, positives) + _mean(d_minus - d_tilde, negatives)
        return plus, minus

    def get_config(self) -> dict[str, Any]:
        """The arguments that make a loss like this one."""
        return {"distance": self.distance, "name": self.name}


def _matrices(embeddings: Any) -> tuple[Any, Any, Any]:
    f_tilde, f_plus, f_minus = embeddings
    matrices = floating("f_tilde", f_tilde), floating("f_plus", f_plus), floating("f_minus", f_minus)
    shapes = [tuple(matrix.shape) for matrix in matrices]
    if len({shape for shape in shapes if None not in shape}) > 1:
        raise ValueError(f"`embeddings` must be three matrices of one shape. Received: shapes {shapes}")
    return matrices


def _weights(allowed: Any, dtype: Any) -> Any:
    """The probability of each pair: first an anchor that has any, then one of its pairs."""
    allowed = ops.cast(allowed, dtype)
    per_anchor = ops.sum(allowed, axis=1, keepdims=True)
    anchors = ops.sum(ops.cast(per_anchor > 0, dtype))
    return allowed / (ops.maximum(per_anchor, 1) * ops.maximum(anchors, 1))


def _mean(differences: Any, weights: Any) -> Any:
    return ops.sum(ops.where(weights > 0, weights * ops.softplus(differences), 0))
