"""The losses against the specification: values and gradients, in every dtype."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from snr_keras.conformance.adapter import KerasAdapter
from snr_ref.conformance.assertion import is_decided
from tests.assertions import assert_parity
from tests.snr_keras.backend import DTYPES_AND_MODES, as_stored
from tests.strategies import EmbeddingBatch, embeddings, identity_labels

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


@pytest.mark.parametrize(("dtype", "modes"), DTYPES_AND_MODES)
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@given(data=st.data())
def test_dual_causality_loss_is_that_of_the_specification(
    dtype: str, modes: tuple[str, ...], distance: str, data: st.DataObject
) -> None:
    mode = data.draw(st.sampled_from(modes))
    arguments = data.draw(batches(mode))._asdict() | {"distance": distance}
    for function in ("dual_causality_loss", "dual_causality_gradients"):
        assert_parity(KerasAdapter(mode), function, arguments, dtype=dtype)


@pytest.mark.parametrize(("dtype", "modes"), DTYPES_AND_MODES)
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@given(data=st.data())
def test_distances_are_those_of_the_specification(
    dtype: str, modes: tuple[str, ...], distance: str, data: st.DataObject
) -> None:
    mode = data.draw(st.sampled_from(modes))
    f_tilde, f_plus, *_ = data.draw(batches(mode))
    d = data.draw(embeddings(len(f_tilde), len(f_plus)))
    assert_parity(KerasAdapter(mode), f"{distance}_distance", {"x": f_tilde, "y": f_plus}, dtype=dtype)
    reached = {"x": f_tilde, "y": f_plus, "grad_d": d}
    assert_parity(KerasAdapter(mode), f"{distance}_distance_vjp", reached, dtype=dtype)


@pytest.mark.parametrize(("dtype", "modes"), DTYPES_AND_MODES)
@pytest.mark.parametrize("margin", [0.3, 0.0, "soft"])
@given(data=st.data())
def test_batch_hard_triplet_loss_is_that_of_the_specification(
    dtype: str, modes: tuple[str, ...], margin: Any, data: st.DataObject
) -> None:
    mode = data.draw(st.sampled_from(modes))
    batch = data.draw(batches(mode))
    arguments = {"features": batch.f_plus, "labels": batch.labels, "margin": margin}
    assert_parity(KerasAdapter(mode), "batch_hard_triplet_loss", arguments, dtype=dtype)
    assume(is_decided("batch_hard_triplet_gradient", arguments, dtype=dtype))
    if mode == "xla":  # a loop rounds in its vectors and in its remainder differently: equal rows are no tie there
        assume(len(np.unique(as_stored(batch.f_plus, dtype), axis=0)) == len(batch.f_plus))
    assert_parity(KerasAdapter(mode), "batch_hard_triplet_gradient", arguments, dtype=dtype)
