"""The layer against the specification: every output and every gradient, in every dtype."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from snr_keras.layers import SNR, SNREmbeddings
from snr_ref import SNRParams, snr, snr_vjp
from tests.assertions import assert_parity
from tests.snr_keras.backend import DTYPES_AND_MODES, as_stored, to_tensor, value_and_gradients
from tests.strategies import feature_maps, snr_params

#: dtype of F -> policy of a layer that gets such an F in training.
POLICIES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


#: What the layer returns, with its embeddings, by the names of the reference.
OUTPUTS = ("F_plus", *SNREmbeddings._fields)


class Setting(NamedTuple):
    """A kind of layer that is compiled once: of each there are many examples."""

    shape: tuple[int, ...]
    hidden: int
    data_format: str


#: One pixel, fewer pixels than the layer adds up side by side, more of them; one to three spatial axes.
SETTINGS = [
    Setting((2, 1, 3), 1, "channels_last"),
    Setting((3, 5, 8), 8, "channels_first"),
    Setting((2, 6, 5, 4), 4, "channels_last"),
    Setting((1, 2, 3, 4, 2), 1, "channels_first"),
]


class Case(NamedTuple):
    F: np.ndarray
    params: SNRParams
    cotangents: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    setting: Setting
    mode: str


@st.composite
def cases(draw: DrawFn, dtype: str, modes: tuple[str, ...]) -> Case:
    setting = draw(st.sampled_from(SETTINGS))
    F = as_stored(draw(feature_maps(shapes=st.just(setting.shape))), dtype)
    channels, hidden = F.shape[-1], setting.hidden
    drawn = draw(snr_params(channels))
    params = SNRParams(
        gamma=drawn.gamma,
        beta=drawn.beta,
        w1=np.resize(drawn.w1, (channels, hidden)),
        w2=np.resize(drawn.w2, (hidden, channels)),
        b1=np.zeros(hidden) if drawn.b1 is None else np.resize(drawn.b1, hidden),
        b2=np.zeros(channels) if drawn.b2 is None else drawn.b2,
    )
    weights_dtype = "float64" if dtype == "float64" else "float32"
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    G = as_stored(rng.normal(size=F.shape) + draw(st.sampled_from([0, 10])), dtype)
    pooled = (as_stored(rng.normal(size=(F.shape[0], channels)), weights_dtype) for _ in range(3))
    return Case(
        F=F,
        params=SNRParams(*(as_stored(p, weights_dtype) for p in params)),
        cotangents=(G, *pooled),
        setting=setting,
        mode=draw(st.sampled_from(modes)),
    )


@pytest.mark.parametrize(("dtype", "modes"), DTYPES_AND_MODES)
@given(data=st.data())
def test_outputs_and_gradients_are_those_of_the_specification(
    dtype: str, modes: tuple[str, ...], data: st.DataObject
) -> None:
    case = data.draw(cases(dtype, modes))
    arguments = {"F": case.F, "params": case.params}
    G, grad_f_tilde, grad_f_plus, grad_f_minus = case.cotangents
    reaching = {
        "grad_F_plus": G, "grad_f_plus": grad_f_plus, "grad_f_minus": grad_f_minus, "grad_f_tilde": grad_f_tilde,
    }  # fmt: skip
    if dtype == "float16":  # what does not fit into the dtype is infinite there, rightly so
        assume(np.abs(snr(**arguments).F_plus).max() < 6e4)
        assume(np.abs(snr_vjp(**arguments, **reaching)[0]).max() < 6e4)

    outputs, gradients = run_layer(case, dtype)

    assert_parity(dict(zip(OUTPUTS, outputs, strict=True)), "snr", arguments, dtype=dtype)
    np.testing.assert_array_equal(outputs[1], np.broadcast_to(case.params.beta, outputs[1].shape), err_msg="f~ is beta")
    assert_parity(tuple(gradients), "snr_vjp", arguments | reaching, dtype=dtype)


def run_layer(case: Case, dtype: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Outputs and gradients of the layer for the case, channels-last whatever its data format."""
    layer, run = _layer(case.setting, dtype, case.mode)
    for name, value in case.params._asdict().items():
        getattr(layer, name).assign(value)
    G, *pooled = case.cotangents
    data_format = case.setting.data_format
    F, G = (to_tensor(_to_format(x, data_format), dtype) for x in (case.F, G))
    wide = "float64" if dtype == "float64" else "float32"
    outputs, gradients = run([F], [G, *(to_tensor(g, wide) for g in pooled)])
    outputs[0], gradients[0] = (_from_format(x, data_format) for x in (outputs[0], gradients[0]))
    return outputs, gradients


@cache
def _layer(setting: Setting, dtype: str, mode: str) -> tuple[SNR, Callable[..., Any]]:
    layer = SNR(
        reduction=setting.shape[-1] // setting.hidden,
        use_bias=True,
        data_format=setting.data_format,
        dtype=POLICIES.get(dtype, dtype),
    )
    layer.build(_to_format(np.empty(setting.shape), setting.data_format).shape)

    def function(F: Any) -> list[Any]:
        F_plus, embeddings = layer(F, return_embeddings=True)
        return [F_plus, *embeddings]

    return layer, value_and_gradients(function, [getattr(layer, name) for name in SNRParams._fields], mode)


def _to_format(x: np.ndarray, data_format: str) -> np.ndarray:
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


def _from_format(x: np.ndarray, data_format: str) -> np.ndarray:
    return x if data_format == "channels_last" else np.moveaxis(x, 1, -1)
