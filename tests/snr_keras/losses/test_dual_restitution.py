"""The dual restitution loss: the specification's in every dtype, with a classifier of Keras' own, and at its edges."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from keras import ops

from snr_keras.layers import SNR
from snr_keras.losses import DualRestitutionLoss
from tests.assertions import assert_parity
from tests.snr_keras.backend import DTYPES_AND_MODES, MODES, as_stored, to_numpy, to_tensor, value_and_gradients
from tests.strategies import generators

FORMS = {
    False: ("dual_restitution_loss", "dual_restitution_gradients", ("f_tilde", "f_plus", "f_minus")),
    True: (
        "pixelwise_dual_restitution_loss",
        "pixelwise_dual_restitution_gradients",
        ("F_tilde", "F_plus", "F_minus"),
    ),
}
both_forms = pytest.mark.parametrize("per_pixel", FORMS, ids=["classification", "per pixel"])

#: The shapes of logits for which the loss is compiled; eagerly it takes any, but on JAX, which compiles each operation.
COMPILED = {False: (6, 4), True: (2, 3, 4)}
SHAPES = {
    False: st.tuples(st.integers(1, 7), st.integers(1, 5)),
    True: st.one_of(
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4)),
        st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)),
    ),
}


@st.composite
def logits_of_three(draw: DrawFn, per_pixel: bool, mode: str) -> list[np.ndarray]:
    """Inputs of any magnitude, with ties and equal tensors; with one class or one pixel if any shape will do."""
    anything = mode == "eager" and keras.backend.backend() != "jax"
    shape = draw(SHAPES[per_pixel]) if anything else COMPILED[per_pixel]
    rng = draw(generators())
    found = [draw(st.sampled_from([1.0, 0.0, 30.0, 1e4])) * rng.normal(size=shape) for _ in range(3)]
    defect = draw(st.sampled_from(["none", "equal", "ties", "one class for sure"]))
    if defect == "equal":
        found[1:] = [found[0], found[0]]
    elif defect == "ties":
        found = [np.round(x / 2) for x in found]
    elif defect == "one class for sure":
        found[1][..., 0] = 3e4
    return found


@pytest.mark.parametrize(("dtype", "modes"), DTYPES_AND_MODES)
@both_forms
@given(data=st.data())
def test_it_is_that_of_the_specification(
    dtype: str, modes: tuple[str, ...], per_pixel: bool, data: st.DataObject
) -> None:
    mode = data.draw(st.sampled_from(modes))
    logits = [as_stored(x, dtype) for x in data.draw(logits_of_three(per_pixel, mode))]
    wide = "float64" if dtype == "float64" else "float32"
    one, nothing = to_tensor(np.float64(1), wide), to_tensor(np.float64(0), wide)
    step = _loss_and_terms(per_pixel, mode)
    (total, *terms), gradients = step([to_tensor(x, dtype) for x in logits], [one, nothing, nothing])

    loss_of, gradients_of, names = FORMS[per_pixel]
    arguments = dict(zip(names, logits, strict=True)) | {"w": np.eye(logits[0].shape[-1])}
    assert_parity(terms, loss_of, arguments, dtype=dtype)
    assert_parity(gradients, gradients_of, arguments, dtype=dtype)
    assert mode != "eager" or total == sum(terms)


@both_forms
def test_with_a_dense_layer_for_a_classifier_its_weights_get_the_gradients_of_the_specification(
    per_pixel: bool,
) -> None:
    rng = np.random.default_rng(0)
    features = [as_stored(x, "float32") for x in rng.normal(size=(3, *((2, 3, 2, 5) if per_pixel else (6, 5))))]
    classifier = keras.layers.Dense(4, bias_initializer="random_normal")
    classifier.build(features[0].shape)
    loss = DualRestitutionLoss(per_pixel)
    step = value_and_gradients(
        lambda *tensors: loss.terms(None, [classifier(f) for f in tensors]), classifier.trainable_weights
    )
    terms, gradients = step([to_tensor(f, "float32") for f in features], 2 * [ops.ones(())])

    loss_of, gradients_of, names = FORMS[per_pixel]
    w, b = (to_numpy(weight) for weight in classifier.weights)
    arguments = dict(zip(names, features, strict=True)) | {"w": w, "b": b}
    assert_parity(terms, loss_of, arguments, dtype="float32")
    assert_parity(gradients, gradients_of, arguments, dtype="float32")


def test_the_collapse_is_there_from_the_start() -> None:
    """f~ is beta: a classifier is as unsure of it as a bias alone makes it, whatever the images."""
    maps = np.random.default_rng(0).normal(size=(6, 4, 4, 8)).astype(np.float32)
    _, embeddings = SNR(data_format="channels_last")(maps, return_embeddings=True)
    classifier = keras.layers.Dense(3)
    logits = [classifier(f) for f in embeddings]
    assert not to_numpy(logits[0]).any()
    h_plus = -np.sum(to_numpy(ops.softmax(logits[1])) * to_numpy(ops.log_softmax(logits[1])), axis=1).mean()
    plus, _ = DualRestitutionLoss().terms(None, logits)
    assert float(plus) == pytest.approx(np.log1p(np.exp(h_plus - np.log(3))), rel=1e-5)


@both_forms
@pytest.mark.parametrize("mode", MODES)
def test_an_empty_batch_costs_nothing(per_pixel: bool, mode: str) -> None:
    empty = ops.zeros((0, 2, 4) if per_pixel else (0, 4))
    (total, _, _), (gradient, *_) = _loss_and_terms(per_pixel, mode)(3 * [empty], [ops.ones(()), *2 * [ops.zeros(())]])
    assert total == 0
    assert gradient.shape == empty.shape


@both_forms
def test_it_comes_back_from_its_config(per_pixel: bool) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(DualRestitutionLoss(per_pixel)))
    assert again.get_config() == {"per_pixel": per_pixel, "name": "dual_restitution_loss"}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow's graphs leave sizes open")
@both_forms
def test_batches_and_maps_may_be_of_unknown_size(per_pixel: bool) -> None:
    import tensorflow as tf

    loss = DualRestitutionLoss(per_pixel)
    signature = 3 * [tf.TensorSpec((None, None, None, 4) if per_pixel else (None, 4))]
    dynamic = tf.function(lambda *logits: loss(None, logits), input_signature=signature)
    logits = list(np.random.default_rng(0).normal(size=(3, *((2, 3, 2, 4) if per_pixel else (6, 4)))).astype("float32"))
    assert float(dynamic(*logits)) == pytest.approx(float(loss(None, logits)), rel=1e-6)
    assert float(dynamic(*(x[:0] for x in logits))) == 0


f, F = np.ones((6, 4), np.float32), np.ones((2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DualRestitutionLoss()(None, 3 * [F]), r"of shape \(N, K\). .*shapes \[\(2, 3, 4\), "),
        (lambda: DualRestitutionLoss(per_pixel=True)(None, 3 * [f]), r"\(N, \*S, K\) with .*shapes \[\(6, 4\), "),
        (lambda: DualRestitutionLoss()(None, 2 * [f]), r"must be three .*shapes \[\(6, 4\), \(6, 4\)\]"),
        (lambda: DualRestitutionLoss()(None, [f, f, f.astype(int)]), r"floating-point.*'int"),
        (lambda: DualRestitutionLoss()(None, [f, f, f[:4]]), r"of one shape.*\(4, 4\)"),
        (lambda: DualRestitutionLoss()(None, 3 * [f], np.ones(6)), r"`sample_weight` must be None"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@cache
def _loss_and_terms(per_pixel: bool, mode: str) -> Callable[..., Any]:
    loss = DualRestitutionLoss(per_pixel)
    return value_and_gradients(lambda *logits: [loss(None, logits), *loss.terms(None, logits)], mode=mode)
