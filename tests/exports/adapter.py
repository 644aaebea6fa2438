"""The exported SNR layer as implementations that the conformance kit can run: one per runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from snr_keras.layers import SNR
from snr_ref import SNRParams
from tests.exports import runtimes
from tests.exports.runtimes import Run

_PADDED = {"w1": ((0, 0), (0, 1)), "w2": ((0, 1), (0, 0)), "b1": ((0, 1),)}


class Exported:
    """A layer with the weights of a case, exported with its batch size open, and run on the case's images.

    The weights are constants of the exported graph, as they are in a deployed network, so that each case is an export.
    There are no gradients: what is exported is for inference. A precision is that of the weights in the file: the maps
    that go in and come out are float32, and that is what is computed in.
    """

    dtypes = ("float32",)

    def __init__(self, export: Callable[..., Run], **precision: str):
        self.__name__ = export.__name__
        self._module = lru_cache(maxsize=1)(lambda *key: export(_model(*key), **precision))

    def snr(self, F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5) -> Mapping[str, np.ndarray]:
        """Every map, from the exported `decompose`."""
        return self._outputs("decompose", F, params, epsilon)

    def snr_closed_form(self, F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5) -> Mapping[str, np.ndarray]:
        """F~+ and the embeddings, from the exported call."""
        return self._outputs("call", F, params, epsilon)

    def _outputs(self, what: str, F: np.ndarray, params: SNRParams, epsilon: float) -> Mapping[str, np.ndarray]:
        weights = tuple((name, p.tobytes(), p.shape) for name, p in params._asdict().items() if p is not None)
        return self._module(what, F.shape[1:], weights, epsilon)(F)


class _Outputs(keras.layers.Layer):
    """The outputs of an SNR layer by name, as exported models have them."""

    def __init__(self, snr: SNR, what: str):
        super().__init__()
        self.snr, self.what = snr, what

    def call(self, F: Any) -> dict[str, Any]:
        if self.what == "decompose":
            return dict(self.snr.decompose(F)._asdict())
        F_plus, embeddings = self.snr(F, return_embeddings=True)
        return {"F_plus": F_plus, **embeddings._asdict()}


def _model(what: str, shape: tuple[int, ...], weights: tuple[Any, ...], epsilon: float) -> keras.Model:
    arrays = {name: np.frombuffer(data, np.float32).reshape(size) for name, data, size in weights}
    snr = layer_with(SNRParams(**arrays), epsilon)
    F = keras.Input(shape)
    return keras.Model(F, _Outputs(snr, what)(F))


def layer_with(params: SNRParams, epsilon: float = 1e-5) -> SNR:
    """A built layer with these weights.

    Not every hidden width is C // r for some r: missing hidden units get zero weights, which have no effect.

    Raises:
        NotImplementedError: If the attention is wider than the map has channels.
    """
    channels, hidden = params.w1.shape
    reductions = [r for r in range(1, channels + 1) if channels // r >= hidden]
    if not reductions:
        raise NotImplementedError(f"No layer of {channels} channels has {hidden} hidden units in its attention")
    biased = params.b1 is not None or params.b2 is not None
    snr = SNR(reductions[-1], epsilon=epsilon, use_bias=biased, data_format="channels_last")
    snr.build((None, None, channels))
    snr.input_spec = None  # weights are the same for any number of spatial axes
    missing = channels // reductions[-1] - hidden
    for name, weight in params._asdict().items():
        if weight is not None:
            padding = np.array(_PADDED.get(name, ((0, 0),) * weight.ndim)) * missing
            getattr(snr, name).assign(np.pad(weight, padding))
    return snr


onnx_runtime = Exported(runtimes.onnx_runtime)
litert = Exported(runtimes.litert)
openvino = Exported(runtimes.openvino)
saved_model = Exported(runtimes.saved_model)
onnx_runtime_float16 = Exported(runtimes.onnx_runtime, precision="float16")
litert_float16 = Exported(runtimes.litert, precision="float16")
openvino_float16 = Exported(runtimes.openvino, precision="float16")
