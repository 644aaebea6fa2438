"""Other readings of the dual causality loss, which the paper's text admits too: what the study of the loss compares.

With z = mean(R) = mu - beta, the embeddings as specified are f~ = beta, f~+ = beta + a z and f~- = beta + (1 - a) z. A
reading takes other embeddings from the same maps, or another draw of triplets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from snr_keras.layers import SNR, SNREmbeddings
from snr_keras.losses import DualCausalityLoss, cosine_distance, euclidean_distance
from snr_keras.models.graph import made_by
from snr_keras.reid.settings.training import TrainingConfig
from snr_ref import SNROutputs

STRIPES = 4
"""Number of horizontal stripes of a map."""

Terms = Callable[[Any, SNREmbeddings], tuple[Any, Any]]
"""`terms(labels, embeddings)`: L+ and L-, two scalars."""


def read_model(model: keras.Model, reading: str) -> keras.Model:
    """A model with the weights of a `reid_model`, whose SNR embeddings are those of a reading.

    The model itself if they are the specified ones.
    """
    if reading not in EMBEDDINGS:
        return model
    layers = [made_by(embeddings[0]) for embeddings in model.output["snr"]]
    read = [_Reading(layer, EMBEDDINGS[reading])(layer.input) for layer in layers]
    return keras.Model(model.input, {**model.output, "snr": read})


def read_terms(config: TrainingConfig, step: Any) -> Terms:
    """L+ and L- in the reading of a config; `step`, an integer scalar, and the seed decide what is drawn."""
    if config.snr_reading != "sampled":
        return DualCausalityLoss(distance=config.distance).terms
    distance = {"cosine": cosine_distance, "euclidean": euclidean_distance}[config.distance]

    def terms(labels: Any, embeddings: SNREmbeddings) -> tuple[Any, Any]:
        same = ops.expand_dims(labels, 1) == labels
        positives = ops.logical_and(same, ops.logical_not(ops.eye(ops.shape(same)[0], dtype="bool")))
        of_tilde, of_plus, of_minus = (distance(rows, rows) for rows in embeddings)
        plus, minus = 0.0, 0.0
        for draw, (allowed, sign) in enumerate(((positives, 1), (ops.logical_not(same), -1))):
            numbers = tf.random.stateless_uniform(tf.shape(same), (config.seed, 2 * ops.cast(step, "int64") + draw))
            one = ops.expand_dims(ops.argmax(ops.where(allowed, numbers, -1), axis=1), 1)
            is_anchor = ops.cast(ops.any(allowed, axis=1), of_tilde.dtype)
            d_tilde, d_plus, d_minus = (
                sign * ops.take_along_axis(d, one, axis=1)[:, 0] for d in (of_tilde, of_plus, of_minus)
            )
            anchors = ops.maximum(ops.sum(is_anchor), 1)
            plus += ops.sum(is_anchor * ops.softplus(d_plus - d_tilde)) / anchors
            minus += ops.sum(is_anchor * ops.softplus(d_tilde - d_minus)) / anchors
        return plus, minus

    return terms


class _Reading(keras.layers.Layer):
    """The embeddings of an SNR layer in a reading, from the layer's input."""

    def __init__(self, layer: SNR, read: Callable[[SNROutputs, float], SNREmbeddings]) -> None:
        super().__init__(dtype=layer.dtype_policy, autocast=False)
        self.layer = layer
        self.read = read

    def call(self, inputs: Any) -> SNREmbeddings:
        return self.read(self.layer.decompose(inputs), self.layer.epsilon)


def _centred(of: SNROutputs, epsilon: float) -> SNREmbeddings:
    """Directions are measured from beta, and f~ is at the origin: d~ = 0 exactly."""
    return SNREmbeddings(ops.zeros_like(of.f_tilde), of.f_plus - of.f_tilde, of.f_minus - of.f_tilde)


def _literal(of: SNROutputs, epsilon: float) -> SNREmbeddings:
    """f~ is the mean of F~ as it is computed: beta, and rounding noise."""
    return SNREmbeddings(*map(_mean, _maps(of)))


def _after_relu(of: SNROutputs, epsilon: float) -> SNREmbeddings:
    """Pooled after a ReLU; f~ then depends on the image."""
    return SNREmbeddings(*(_mean(ops.relu(maps)) for maps in _maps(of)))


def _stripes(of: SNROutputs, epsilon: float) -> SNREmbeddings:
    """Pooled in horizontal stripes, which are concatenated."""
    return SNREmbeddings(*map(_striped, _maps(of)))


def _with_deviations(of: SNROutputs, epsilon: float) -> SNREmbeddings:
    """The standard deviation of each channel, sqrt(var + epsilon), beside its mean."""

    def moments(maps: Any) -> Any:
        return ops.concatenate([_mean(maps), ops.sqrt(ops.var(maps, axis=(1, 2)) + epsilon)], axis=1)

    return SNREmbeddings(*map(moments, _maps(of)))


def _minus_to_gate(of: SNROutputs, epsilon: float) -> SNREmbeddings:
    """L- has no gradient by z: it reaches the gate alone."""
    return SNREmbeddings(of.f_tilde, of.f_plus, of.f_tilde + (1 - of.a) * _stopped_z(of))


def _both_to_gate(of: SNROutputs, epsilon: float) -> SNREmbeddings:
    """Neither L+ nor L- has a gradient by z: both reach the gate alone."""
    return SNREmbeddings(of.f_tilde, of.f_tilde + of.a * _stopped_z(of), of.f_tilde + (1 - of.a) * _stopped_z(of))


EMBEDDINGS: dict[str, Callable[[SNROutputs, float], SNREmbeddings]] = {
    "centred": _centred,
    "literal": _literal,
    "after_relu": _after_relu,
    "stripes": _stripes,
    "with_deviations": _with_deviations,
    "minus_to_gate": _minus_to_gate,
    "both_to_gate": _both_to_gate,
}
"""The readings that differ in their embeddings, each a function of the maps and the layer's epsilon."""


def _maps(of: SNROutputs) -> tuple[Any, Any, Any]:
    return of.F_tilde, of.F_plus, of.F_minus


def _mean(maps: Any) -> Any:
    return ops.mean(maps, axis=(1, 2))


def _striped(maps: Any) -> Any:
    _, height, width, channels = maps.shape
    if height % STRIPES:
        raise ValueError(
            f"Maps of which {STRIPES} stripes are pooled must have a multiple of {STRIPES} rows. "
            f"Received: shape={tuple(maps.shape)}"
        )
    stripes = ops.reshape(maps, (-1, STRIPES, height // STRIPES, width, channels))
    return ops.reshape(ops.mean(stripes, axis=(2, 3)), (-1, STRIPES * channels))


def _stopped_z(of: SNROutputs) -> Any:
    return ops.stop_gradient(_mean(of.R))
