"""The losses against the specification: values and gradients, in every dtype."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import snr_ref
from snr_keras.layers import SNREmbeddings
from snr_keras.losses import BatchHardTripletLoss, DualCausalityLoss
from tests.assertions import assert_parity, literal
from tests.snr_keras.backend import DTYPES, MODES, ROUNDOFF, as_stored, to_tensor, value_and_gradients
from tests.snr_keras.losses.rounding import (
    dual_causality_bounds,
    is_decided,
    triplet_bounds,
)
from tests.strategies import EmbeddingBatch, embeddings, identity_labels

DISTANCES = {"cosine": snr_ref.cosine_distance, "euclidean": snr_ref.euclidean_distance}


#: The (N, C) for which the losses are compiled; eagerly they take any, but on JAX, which compiles each operation.
COMPILED_SHAPE = (6, 4)
EAGER_SHAPES = (
    st.sampled_from([(1, 2), (2, 1), COMPILED_SHAPE])
    if keras.backend.backend() == "jax"
    else st.tuples(st.integers(1, 7), st.integers(1, 5))
)


@st.composite
def batches(draw: DrawFn, mode: str) -> EmbeddingBatch:
    images, channels = draw(EAGER_SHAPES) if mode == "eager" else COMPILED_SHAPE
    f_tilde, f_plus, f_minus = (draw(embeddings(images, channels)) for _ in range(3))
    return EmbeddingBatch(f_tilde, f_plus, f_minus, draw(identity_labels(images)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("distance", DISTANCES)
@given(data=st.data(), mode=st.sampled_from(MODES))
def test_dual_causality_loss_is_that_of_the_specification(
    dtype: str, distance: str, data: st.DataObject, mode: str
) -> None:
    batch = data.draw(batches(mode))
    labels = batch.labels
    matrices = [as_stored(f, dtype) for f in (batch.f_tilde, batch.f_plus, batch.f_minus)]
    u, stored_u = _roundoffs(dtype)
    value_bound, gradient_bounds = dual_causality_bounds(matrices, distance, u, stored_u)
    extended = [f.astype(np.longdouble) for f in matrices]
    expected = snr_ref.dual_causality_loss(*extended, labels, distance=DISTANCES[distance])
    expected_gradients = snr_ref.dual_causality_gradients(*extended, labels, distance=DISTANCES[distance])

    (total, plus, minus), gradients = _run(_dual_causality(distance, mode), matrices, labels, dtype, outputs=3)

    def reproduce() -> str:
        arrays = ", ".join(literal(f) for f in matrices)
        return (
            f"# KERAS_BACKEND={keras.backend.backend()}, {mode}\n"
            "import numpy as np\nimport keras\nimport snr_ref\nfrom snr_keras.losses import DualCausalityLoss\n"
            f"labels = np.array({labels.tolist()})\n"
            f"embeddings = {arrays}\n"
            f"tensors = [keras.ops.cast(f, {dtype!r}) for f in embeddings]\n"
            f"print(DualCausalityLoss({distance!r}).terms(labels, tensors))\n"
            f"print(snr_ref.dual_causality_loss(*embeddings, labels, distance=snr_ref.{distance}_distance))\n"
        )

    name = f"L_SNR ({distance})"
    assert_parity(name, dtype, plus, np.asarray(expected.plus), value_bound / 2, reproduce)
    assert_parity(name, dtype, minus, np.asarray(expected.minus), value_bound / 2, reproduce)
    assert_parity(name, dtype, total, np.asarray(expected.total), value_bound, reproduce)
    for gradient, exact, bound in zip(gradients, expected_gradients, gradient_bounds, strict=True):
        assert_parity(f"gradient of {name}", dtype, gradient, exact, bound, reproduce)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("margin", [0.3, 0.0, "soft"])
@given(data=st.data(), mode=st.sampled_from(MODES))
def test_batch_hard_triplet_loss_is_that_of_the_specification(
    dtype: str, margin: Any, data: st.DataObject, mode: str
) -> None:
    batch = data.draw(batches(mode))
    labels, features = batch.labels, as_stored(batch.f_plus, dtype)
    u, stored_u = _roundoffs(dtype)
    assume(is_decided(features, labels, margin, u))
    value_bound, gradient_bound = triplet_bounds(features, u, stored_u)
    extended = features.astype(np.longdouble)
    expected = snr_ref.batch_hard_triplet_loss(extended, labels, margin=margin)
    expected_gradient = snr_ref.gradients.batch_hard_triplet_gradient(extended, labels, margin=margin)

    (value,), (gradient,) = _run(_triplet(margin, mode), [features], labels, dtype, outputs=1)

    def reproduce() -> str:
        return (
            f"# KERAS_BACKEND={keras.backend.backend()}, {mode}\n"
            "import numpy as np\nimport keras\nimport snr_ref\nfrom snr_keras.losses import BatchHardTripletLoss\n"
            f"labels = np.array({labels.tolist()})\n"
            f"features = {literal(features)}\n"
            f"print(BatchHardTripletLoss({margin!r})(labels, keras.ops.cast(features, {dtype!r})))\n"
            f"print(snr_ref.batch_hard_triplet_loss(features, labels, margin={margin!r}))\n"
        )

    assert_parity("L_triplet", dtype, value, np.asarray(expected), value_bound, reproduce)
    assert_parity("gradient of L_triplet", dtype, gradient, expected_gradient, gradient_bound, reproduce)


@cache
def _dual_causality(distance: str, mode: str) -> Callable[..., Any]:
    loss = DualCausalityLoss(distance)

    def function(f_tilde: Any, f_plus: Any, f_minus: Any, labels: Any) -> list[Any]:
        embeddings = SNREmbeddings(f_tilde, f_plus, f_minus)
        return [loss(labels, embeddings), *loss.terms(labels, embeddings)]

    return value_and_gradients(function, mode=mode)


@cache
def _triplet(margin: Any, mode: str) -> Callable[..., Any]:
    loss = BatchHardTripletLoss(margin)
    return value_and_gradients(lambda features, labels: [loss(labels, features)], mode=mode)


def _run(step: Callable[..., Any], matrices: list[np.ndarray], labels: np.ndarray, dtype: str, outputs: int) -> Any:
    wide = "float64" if dtype == "float64" else "float32"
    of_the_first = [to_tensor(np.float64(index == 0), wide) for index in range(outputs)]
    return step([to_tensor(f, dtype) for f in matrices], of_the_first, keras.ops.convert_to_tensor(labels))


def _roundoffs(dtype: str) -> tuple[float, float]:
    return ROUNDOFF["float64" if dtype == "float64" else "float32"], ROUNDOFF[dtype]
