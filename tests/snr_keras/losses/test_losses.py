"""The losses as a Keras user meets them, and the conventions of the specification at its edges."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from snr_keras.layers import SNR, SNREmbeddings
from snr_keras.losses import (
    BatchHardTripletLoss,
    CrossEntropyLoss,
    DualCausalityLoss,
    cosine_distance,
    euclidean_distance,
)
from tests.snr_keras.backend import MODES, to_numpy, value_and_gradients

LABELS = np.array([0, 0, 1, 1, 2, 2])
LOSSES = [DualCausalityLoss(), DualCausalityLoss("euclidean"), BatchHardTripletLoss(), BatchHardTripletLoss("soft")]


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def argument(loss: Any, f: Any) -> Any:
    return SNREmbeddings(f, f, f) if isinstance(loss, DualCausalityLoss) else f


def test_nothing_restituted_costs_four_times_softplus_of_zero() -> None:
    f = random(6, 4)
    assert float(DualCausalityLoss()(LABELS, SNREmbeddings(f, f, f))) == pytest.approx(4 * np.log(2), rel=1e-6)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_the_loss_is_the_sum_of_its_terms(distance: str) -> None:
    embeddings = SNREmbeddings(*(random(6, 4, seed=seed) for seed in range(3)))
    loss = DualCausalityLoss(distance)
    plus, minus = loss.terms(LABELS, embeddings)
    assert float(loss(LABELS, embeddings)) == pytest.approx(float(plus) + float(minus), rel=1e-6)


def test_at_the_start_the_normalized_features_are_all_at_distance_zero() -> None:
    _, embeddings = SNR(data_format="channels_last")(random(6, 4, 4, 8), return_embeddings=True)
    assert not to_numpy(embeddings.f_tilde).any()
    loss = DualCausalityLoss()
    nothing = np.zeros((6, 8), np.float32)
    plus, _ = loss.terms(LABELS, embeddings)
    again, _ = loss.terms(LABELS, embeddings._replace(f_tilde=nothing))
    assert float(plus) == float(again)
    assert np.isfinite(float(plus))


def test_it_trains_the_attention_and_not_gamma() -> None:
    layer = SNR(data_format="channels_last")
    layer.build((6, 4, 4, 8))
    labels = ops.convert_to_tensor(LABELS)
    loss = DualCausalityLoss()

    def function(F: Any) -> list[Any]:
        return [loss(labels, layer(F, return_embeddings=True)[1])]

    step = value_and_gradients(function, layer.trainable_weights)
    _, (grad_F, *gradients) = step([ops.convert_to_tensor(random(6, 4, 4, 8))], [ops.ones(())])
    by_name = dict(zip((weight.name for weight in layer.trainable_weights), gradients, strict=True))
    assert not by_name["gamma"].any()
    assert by_name["w1"].any()
    assert by_name["w2"].any()
    np.testing.assert_array_equal(grad_F, np.broadcast_to(grad_F[:, :1, :1], grad_F.shape))
    assert grad_F.any()


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name} {loss.get_config()}")
@pytest.mark.parametrize("labels", [np.arange(6), np.zeros(6, int)], ids=["nobody twice", "one identity"])
def test_a_batch_without_triplets_has_a_finite_gradient(loss: Any, labels: np.ndarray) -> None:
    step = value_and_gradients(lambda f: [loss(ops.convert_to_tensor(labels), argument(loss, f))])
    (value,), (gradient,) = step([ops.convert_to_tensor(random(6, 4))], [ops.ones(())])
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    if isinstance(loss, BatchHardTripletLoss):
        assert value == 0
        assert not gradient.any()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name} {loss.get_config()}")
def test_an_empty_batch_costs_nothing(loss: Any, mode: str) -> None:
    step = value_and_gradients(lambda f, labels: [loss(labels, argument(loss, f))], mode=mode)
    (value,), (gradient,) = step([ops.zeros((0, 4))], [ops.ones(())], ops.zeros((0,), "int32"))
    assert value == 0
    assert gradient.shape == (0, 4)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name} {loss.get_config()}")
def test_zero_vectors_and_coincident_points_have_no_gradient(loss: Any) -> None:
    step = value_and_gradients(lambda f: [loss(ops.convert_to_tensor(LABELS), argument(loss, f))])
    _, (gradient,) = step([ops.zeros((6, 4))], [ops.ones(())])
    assert not gradient.any()


def test_among_equally_hard_examples_the_first_has_the_gradient() -> None:
    features = np.array([[0.0], [1.0], [-1.0], [2.0], [-2.0]], np.float32)
    labels = ops.convert_to_tensor(np.array([0, 0, 0, 1, 1]))
    step = value_and_gradients(lambda f: [BatchHardTripletLoss(10.0)(labels, f)])
    _, (gradient,) = step([ops.convert_to_tensor(features)], [ops.ones(())])
    # Anchor by anchor, (positive, negative): (1, 3), (2, 3), (1, 4), (4, 1), (3, 2).
    expected = np.zeros(5)
    for a, p, n in ((0, 1, 3), (1, 2, 3), (2, 1, 4), (3, 4, 1), (4, 3, 2)):
        towards_p, towards_n = np.sign(features[a, 0] - features[p, 0]), np.sign(features[a, 0] - features[n, 0])
        expected[a] += towards_p - towards_n
        expected[p] -= towards_p
        expected[n] += towards_n
    np.testing.assert_allclose(gradient[:, 0], expected / 5, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name} {loss.get_config()}")
def test_labels_may_be_columns_and_large(loss: Any) -> None:
    f = random(6, 4)
    expected = float(loss(LABELS, argument(loss, f)))
    large = LABELS + 2**24  # in float32 its neighbours would be one
    assert float(loss(LABELS[:, None], argument(loss, f))) == expected
    assert float(loss(large, argument(loss, f))) == expected
    assert float(loss(LABELS.astype("uint8"), argument(loss, f))) == expected


@pytest.mark.parametrize("loss", [*LOSSES, CrossEntropyLoss(0.2)], ids=lambda loss: f"{loss.name} {loss.get_config()}")
def test_losses_come_back_from_their_config(loss: Any) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_the_cross_entropy_is_that_of_one_hot_labels_in_any_precision() -> None:
    logits, weights = random(6, 600), np.arange(6.0)
    labels = LABELS + 500  # of which bfloat16 would make two
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    expected = float(theirs(keras.utils.to_categorical(labels, 600), logits, weights))
    assert float(CrossEntropyLoss()(labels, logits, weights)) == pytest.approx(expected, rel=1e-6)
    assert float(CrossEntropyLoss()(labels[:, None], logits, weights)) == pytest.approx(expected, rel=1e-6)
    half = float(CrossEntropyLoss(dtype="bfloat16")(labels, logits, weights))
    assert half == pytest.approx(expected, rel=0.05)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow's graphs leave sizes open")
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name} {loss.get_config()}")
def test_batches_may_be_of_unknown_size(loss: Any) -> None:
    import tensorflow as tf

    signature = [tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None, None))]
    dynamic = tf.function(lambda labels, f: loss(labels, argument(loss, f)), input_signature=signature)
    f = random(6, 4)
    assert float(dynamic(LABELS, f)) == pytest.approx(float(loss(LABELS, argument(loss, f))), rel=1e-6)
    assert float(dynamic(LABELS[:0], f[:0])) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DualCausalityLoss("manhattan"), r"Received: distance='manhattan'"),
        (lambda: BatchHardTripletLoss(-1), r"Received: margin=-1"),
        (lambda: CrossEntropyLoss(1.5), r"Received: label_smoothing=1.5"),
        (lambda: CrossEntropyLoss()(LABELS * 1.0, random(6, 4)), r"must be integers.* dtype='float"),
        (lambda: BatchHardTripletLoss("hard"), r"Received: margin='hard'"),
        (lambda: BatchHardTripletLoss()(LABELS[:4], random(6, 4)), r"with N=6 .* shape=\(4,\)"),
        (lambda: BatchHardTripletLoss()(LABELS * 1.0, random(6, 4)), r"must be integers.* dtype='float"),
        (lambda: BatchHardTripletLoss()(LABELS, random(6, 4, 2)), r"`features` must be .* shape=\(6, 4, 2\)"),
        (lambda: BatchHardTripletLoss()(LABELS, np.ones((6, 4), int)), r"`features` must be floating-point"),
        (lambda: BatchHardTripletLoss()(LABELS, random(6, 4), LABELS), r"`sample_weight` must be None"),
        (lambda: DualCausalityLoss()(LABELS, 3 * (random(6, 4),), LABELS), r"`sample_weight` must be None"),
        (lambda: DualCausalityLoss()(LABELS, (random(6, 4), random(6, 4), random(6, 3))), r"of one shape.* \(6, 3\)"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("distance", [cosine_distance, euclidean_distance])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((2, 3), np.int32), random(2, 3), "`x` must be floating-point.*Received: dtype='int32'"),
        (random(3), random(2, 3), r"`x` must be floating-point, of shape \(N, C\).*shape=\(3,\)"),
        (random(2, 3), random(2, 1, 3), r"`y` must be floating-point, of shape \(N, C\).*shape=\(2, 1, 3\)"),
        (random(2, 3), random(2, 1), r"the same length. Received: shapes \(2, 3\) and \(2, 1\)"),
    ],
)
def test_distances_are_of_floating_matrices(distance: Any, x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distance(x, y)
