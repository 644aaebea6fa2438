"""Sequences and maps of several sizes in one batch: what is masked has no say in any statistic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import snr_ref
from snr_keras.layers import SNR
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import PRECISIONS
from tests.assertions import assert_parity, rounding
from tests.snr_keras.backend import to_numpy, to_tensor, value_and_gradients

rng = np.random.default_rng(0)
F = (rng.normal(size=(3, 7, 6)) + 1).astype(np.float32)
MASK = np.arange(7) < np.array([[7], [4], [1]])


def a_layer(data_format: str = "channels_last") -> tuple[SNR, snr_ref.SNRParams]:
    layer = SNR(reduction=2, beta_initializer="random_normal", data_format=data_format)
    layer.build(F.shape if data_format == "channels_last" else (3, 6, 7))
    weights = (layer.gamma, layer.beta, layer.w1, layer.w2)
    return layer, snr_ref.SNRParams(*(to_numpy(weight) for weight in weights))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_values_and_gradients_are_the_specifications_for_each_sequence_without_its_padding(data_format: str) -> None:
    last = data_format == "channels_last"
    layer, params = a_layer(data_format)

    def arranged(x: np.ndarray) -> np.ndarray:
        return x if last else np.moveaxis(x, -1, 1)

    def outputs_of(x: Any) -> list[Any]:
        F_plus, embeddings = layer(x, return_embeddings=True, mask=MASK)
        return [F_plus, embeddings.f_plus, embeddings.f_minus]

    G = (rng.normal(size=F.shape) * MASK[..., None]).astype(np.float32)
    g_plus, g_minus = rng.normal(size=(2, 3, 6)).astype(np.float32)
    step = value_and_gradients(outputs_of, layer.trainable_weights)
    (F_plus, f_plus, f_minus), (grad_F, *grads) = step(
        [to_tensor(arranged(F), "float32")], [to_tensor(g, "float32") for g in (arranged(G), g_plus, g_minus)]
    )
    back = 1 if last else -1
    F_plus, grad_F = (x if last else np.moveaxis(x, 1, back) for x in (F_plus, grad_F))

    expected_grads, bounds = [0.0] * 4, [0.0] * 4
    for i, there in enumerate(MASK):
        alone = slice(i, i + 1)
        sequence = {"F": F[alone, there].astype(float), "params": params}
        found = {"F_plus": F_plus[alone, there], "f_plus": f_plus[alone], "f_minus": f_minus[alone]}
        assert_parity(found, "snr", sequence, dtype="float32")
        sequence |= {"grad_F_plus": G[alone, there], "grad_f_plus": g_plus[alone], "grad_f_minus": g_minus[alone]}
        assert_parity({"grad_F": grad_F[alone, there]}, "snr_vjp", sequence, dtype="float32")
        assert not grad_F[i, ~there].any()
        of_weights = snr_ref.snr_vjp(**sequence)[1][:4]
        expected_grads = [total + g for total, g in zip(expected_grads, of_weights, strict=True)]
        own = FUNCTIONS["snr_vjp"].bounds(sequence, PRECISIONS["float32"])
        bounds = [total + own[f"grad_{name}"] for total, name in zip(bounds, snr_ref.SNRParams._fields, strict=False)]
    for gradient, of_weight, bound in zip(grads, expected_grads, bounds, strict=True):
        rounding_of_sums = len(MASK) * PRECISIONS["float32"].u * (np.abs(of_weight) + bound)
        assert (np.abs(gradient - of_weight) <= bound + rounding_of_sums).all()


def test_what_is_masked_may_be_anything_finite_and_nothing_at_all_may_be_there() -> None:
    layer, _ = a_layer()
    padded = np.where(MASK[..., None], F, 1e6).astype(np.float32)
    for one, other in zip(layer.decompose(F, MASK), layer.decompose(padded, MASK), strict=True):
        one, other = to_numpy(one), to_numpy(other)
        there = MASK if one.ndim == 3 else np.ones(3, bool)
        np.testing.assert_array_equal(one[there], other[there])
    empty = layer(F, return_embeddings=True, mask=np.zeros_like(MASK))
    assert all(np.isfinite(to_numpy(x)).all() for x in keras.tree.flatten(empty))


def test_all_there_is_no_mask() -> None:
    layer, params = a_layer()
    unmasked, masked = to_numpy(layer(F)), to_numpy(layer(F, mask=np.ones_like(MASK)))
    np.testing.assert_allclose(
        masked, unmasked, rtol=0, atol=2 * rounding("snr", {"F": F.astype(float), "params": params}, "float32")
    )


def test_the_mask_of_a_layer_before_arrives_in_a_model_that_comes_back_from_a_file(tmp_path: Path) -> None:
    layer, _ = a_layer()
    inputs = keras.Input((7, 6))
    y, embeddings = layer(keras.layers.Masking()(inputs), return_embeddings=True)
    keras.Model(inputs, [y, embeddings.f_minus]).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    padded = np.where(MASK[..., None], F, 0)
    expected, expected_embeddings = layer(padded, return_embeddings=True, mask=MASK)
    found, f_minus = model(padded)
    np.testing.assert_allclose(to_numpy(found), to_numpy(expected), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(to_numpy(f_minus), to_numpy(expected_embeddings.f_minus), rtol=1e-5, atol=1e-6)


def test_a_mask_of_another_shape_is_refused() -> None:
    layer, _ = a_layer()
    with pytest.raises(ValueError, match=r"one value for each pixel of .* \(3, 7\)\. Received: mask.shape=\(3, 6\)"):
        layer(F, mask=MASK[:, :6])
