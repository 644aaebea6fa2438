"""Identities and cameras of any size: two are one only if they are equal, on every backend and as the specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras import losses

#: What is equal, or of another sign, once it is cut to 32 bits or rounded to a float.
ADVERSARIAL = [
    *(0, 7, -7, 2**24, 2**24 + 1),
    *(2**31 - 1, 2**31, -(2**31), 2**32, 2**32 + 7, 2**32 - 7, 7 - 2**32),
    *(2**53, 2**53 + 1, 2**63 - 1, 2**63 - 2**32 - 1, -(2**63), -(2**63) + 2**32),
]
rng = np.random.default_rng(0)
FEATURES = rng.normal(size=(6, 5)).astype(np.float32)
TRIPLE = rng.normal(size=(3, 6, 5)).astype(np.float32)
LOGITS = np.log(rng.dirichlet(np.ones(5), size=6)).astype(np.float32)
six_labels = st.lists(st.sampled_from(ADVERSARIAL), min_size=6, max_size=6)


@pytest.fixture(autouse=True, scope="module")
def _integers_of_32_bits_on_jax() -> Iterator[None]:
    """JAX with its defaults; other tests make it compute in float64."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", before)


def _signature(labels: Any) -> dict[str, float]:
    statistics = snr_ref.ViewStatistics(np.zeros(5, np.float32), np.ones(5, np.float32))
    plus, minus = losses.DualCausalityLoss().terms(labels, list(TRIPLE))
    found = {
        "plus": plus,
        "minus": minus,
        "triplet": losses.BatchHardTripletLoss()(labels, FEATURES),
        "consistency": losses.consistency_loss(LOGITS, labels, statistics),
        "mean": keras.ops.sum(losses.next_statistics(statistics, LOGITS, labels, rate=0.5).mean),
    }
    return {name: float(value) for name, value in found.items()}


def _expected(labels: np.ndarray) -> dict[str, float]:
    statistics = snr_ref.ViewStatistics(np.zeros(5), np.ones(5))
    return {
        **snr_ref.dual_causality_loss(*TRIPLE, labels)._asdict(),
        "triplet": snr_ref.batch_hard_triplet_loss(FEATURES, labels),
        "consistency": snr_ref.consistency_loss(LOGITS, labels, statistics),
        "mean": snr_ref.next_statistics(statistics, LOGITS, labels, rate=0.5).mean.sum(),
    }


@given(labels=six_labels, as_list=st.booleans())
def test_losses_of_lists_and_arrays_are_the_specifications(labels: list[int], as_list: bool) -> None:
    given_as = labels if as_list else np.array(labels)
    assert _signature(given_as) == pytest.approx(_expected(np.array(labels)), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("dtype", ["uint64", "int16", "uint8"])
def test_any_dtype_of_integers_will_do(dtype: str) -> None:
    labels = np.array([1, 1, 2, 2, 3, 3], dtype)
    expected = _expected(labels)
    if dtype == "uint64":  # of which PyTorch has no tensor
        labels = labels + np.uint64(2**64 - 8)
    else:
        assert _signature(keras.ops.convert_to_tensor(labels)) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert _signature(labels) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("labels", [[2**64, 1, 1, 1, 1, 1], [1.0] * 6, ["1"] * 6, [True] * 6, [None] * 6])
def test_what_is_no_integer_of_64_bits_is_refused(labels: list[Any]) -> None:
    for loss in (losses.DualCausalityLoss(), losses.BatchHardTripletLoss(), losses.CrossEntropyLoss()):
        with pytest.raises(ValueError, match="`labels` must be integers"):
            loss(labels, list(TRIPLE) if isinstance(loss, losses.DualCausalityLoss) else FEATURES)


@pytest.mark.parametrize("label", [2**32, 2**32 + 3, -1, 5, -(2**63)])
def test_an_index_that_would_fit_once_it_is_cut_to_32_bits_is_refused(label: int) -> None:
    labels, unit = [0, 1, 2, 3, 4, label], FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    with pytest.raises(ValueError, match=r"`labels` must be in \[0, 5\)"):
        losses.CrossEntropyLoss()(labels, LOGITS)
    with pytest.raises(ValueError, match=r"`source_labels` must be in \[0, 5\)"):
        losses.joint_embedding_loss(unit, labels, unit, unit[:5])
    with pytest.raises(ValueError, match=r"`indices` must be distinct, in \[0, 5\)"):
        losses.next_memory(losses.initial_memory(5, 5), labels, np.exp(LOGITS))
