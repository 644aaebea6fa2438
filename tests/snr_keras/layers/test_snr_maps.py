"""The maps that an SNR layer returns on demand: the specification's, differentiated, symbolic, in each data format."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import snr_ref
from snr_keras.layers import SNR, SNREmbeddings, SNRMaps
from tests.assertions import assert_parity, rounding
from tests.snr_keras.backend import to_numpy, to_tensor, value_and_gradients

F = (np.random.default_rng(0).normal(size=(3, 4, 2, 5)) + 1.0).astype(np.float32).astype(np.float64)


def a_layer(data_format: str, dtype: str = "float32") -> SNR:
    layer = SNR(reduction=2, beta_initializer="random_normal", data_format=data_format, dtype=dtype)
    layer.build(F.shape if data_format == "channels_last" else np.moveaxis(F, -1, 1).shape)
    return layer


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_they_are_those_of_the_specification(data_format: str) -> None:
    last = data_format == "channels_last"
    layer = a_layer(data_format)
    F_plus, embeddings, maps = layer(
        to_tensor(F if last else np.moveaxis(F, -1, 1), "float32"), return_embeddings=True, return_maps=True
    )
    params = snr_ref.SNRParams(*(to_numpy(w) for w in (layer.gamma, layer.beta, layer.w1, layer.w2)))
    found = {name: to_numpy(getattr(maps, name)) for name in SNRMaps._fields}
    found = {name: x if last else np.moveaxis(x, 1, -1) for name, x in found.items()}
    found |= {name: to_numpy(getattr(embeddings, name)) for name in SNREmbeddings._fields}
    assert_parity(found, "snr", {"F": F, "params": params}, dtype="float32")
    np.testing.assert_array_equal(to_numpy(F_plus), to_numpy(maps.F_plus))


def test_a_loss_of_all_maps_differentiates_the_equations() -> None:
    """G, G and G for the three: F~+ + F~- is F + F~, so that the sum is one of F and 2 F~."""
    layer = a_layer("channels_last")
    G = np.random.default_rng(1).normal(size=F.shape).astype(np.float32).astype(np.float64)

    def maps_of(x: Any) -> list[Any]:
        return list(layer(x, return_maps=True)[1])

    step = value_and_gradients(maps_of, layer.trainable_weights)
    _, (grad_F, grad_gamma, grad_beta, *_) = step([to_tensor(F, "float32")], 3 * [to_tensor(G, "float32")])
    params = snr_ref.SNRParams(*(to_numpy(w) for w in (layer.gamma, layer.beta, layer.w1, layer.w2)))
    norm = {"F": F, "gamma": params.gamma, "beta": params.beta, "grad_F_tilde": 2 * G}
    by_norm = snr_ref.instance_norm_vjp(*norm.values())
    through_all = {"F": F, "params": params, "grad_F_plus": 3 * G}
    atol = rounding("instance_norm_vjp", norm, "float32") + rounding("snr_vjp", through_all, "float32")
    for gradient, expected in zip((grad_F, grad_gamma, grad_beta), (G + by_norm[0], *by_norm[1:]), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_model_of_them_is_built_symbolically_and_comes_back_from_a_file(dtype: str, tmp_path: Any) -> None:
    inputs = keras.Input((None, 2, 5))
    outputs = SNR(reduction=2, data_format="channels_last", dtype=dtype)(
        inputs, return_embeddings=True, return_maps=True
    )
    F_plus, embeddings, maps = outputs
    assert isinstance(embeddings, SNREmbeddings)
    assert isinstance(maps, SNRMaps)
    assert F_plus.dtype == ("float32" if dtype == "float32" else "bfloat16")
    model = keras.Model(inputs, [F_plus, *embeddings, *maps])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = to_tensor(F, "float32")
    for symbolic, one, other in zip(model.outputs, model(x), again(x), strict=True):
        assert keras.backend.standardize_dtype(one.dtype) == symbolic.dtype
        assert one.shape[1:] == F.shape[1 : len(one.shape)] or one.shape == (3, 5)
        np.testing.assert_array_equal(to_numpy(ops.cast(one, "float32")), to_numpy(ops.cast(other, "float32")))
