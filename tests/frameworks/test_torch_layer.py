"""The layer on PyTorch: few images at a time, and compiled."""

import shutil

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("Keras runs on another backend: tox -e torch", allow_module_level=True)

import torch

from snr_keras.conformance import adapter
from snr_keras.layers import SNR, _passes_in_place
from snr_ref import SNRParams
from snr_ref.conformance.assertion import assert_conforms
from snr_ref.conformance.catalogue import catalogue
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.runner import questions, run
from snr_ref.conformance.selection import select


@pytest.mark.parametrize("size", [1, 2048], ids=["one image", "some images"])
def test_conforms_however_many_images_are_taken_at_a_time(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(_passes_in_place, "_BYTES_AT_A_TIME", size)
    eager = Implementation(adapter.eager)
    asked = questions(eager, select(catalogue(), ["snr", "snr_closed_form", "snr_vjp"]))
    found = [run(eager, case, dtype) for case, dtype in asked]
    assert len(found) > 100
    assert not [(result.case.name, result.dtype, result.why) for result in found if result.outcome != "passed"]


@pytest.mark.parametrize("compiler", ["aot_eager", "inductor"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_compiled_as_one_graph_it_conforms(compiler: str, data_format: str) -> None:
    if compiler == "inductor" and not shutil.which("g++"):
        pytest.skip("there is no compiler of C++")
    rng = np.random.default_rng(0)
    F = rng.normal(size=(3, 5, 4, 8)).astype(np.float32)
    F[..., 0] += 1000  # a large mean
    F[..., 1] = 1000.1  # a constant channel
    weights = {"gamma": 8, "beta": 8, "w1": (8, 2), "w2": (2, 8)}
    params = SNRParams(**{name: rng.normal(size=shape).astype(np.float32) for name, shape in weights.items()})
    params = params._replace(w1=params.w1 / 1000)
    reaching = rng.normal(size=F.shape).astype(np.float32), *rng.normal(size=(3, 3, 8)).astype(np.float32)

    last = data_format == "channels_last"
    layer = SNR(reduction=4, data_format=data_format)
    layer.build(F.shape if last else (3, 8, 5, 4))
    layer.set_weights([weight for weight in params if weight is not None])
    compiled = torch.compile(lambda x: layer(x, return_embeddings=True), fullgraph=True, backend=compiler)

    x = torch.tensor(F if last else np.moveaxis(F, -1, 1), requires_grad=True)
    F_plus, embeddings = compiled(x)
    G = torch.tensor(reaching[0] if last else np.moveaxis(reaching[0], -1, 1))
    inputs = [x, *(weight.value for weight in layer.trainable_weights)]
    grad_F, *gradients = torch.autograd.grad([F_plus, *embeddings], inputs, [G, *map(torch.tensor, reaching[1:])])

    def channels_last(tensor: torch.Tensor) -> np.ndarray:
        array = tensor.detach().numpy()
        return array if last else np.moveaxis(array, 1, -1)

    arguments = {"F": F, "params": params}
    outputs = (channels_last(F_plus), *(embedding.detach().numpy() for embedding in embeddings))
    assert_conforms(outputs, "snr_closed_form", arguments, dtype="float32")
    names = ("grad_F_plus", "grad_f_tilde", "grad_f_plus", "grad_f_minus")
    backward = (channels_last(grad_F), SNRParams(*(gradient.numpy() for gradient in gradients)))
    assert_conforms(backward, "snr_vjp", arguments | dict(zip(names, reaching, strict=True)), dtype="float32")


@pytest.mark.parametrize("power", [1, 2], ids=["constant cotangents", "cotangents with gradients"])
def test_differentiating_twice_is_an_error(power: int) -> None:
    layer = SNR(reduction=4)
    x = torch.randn((2, 3, 4, 8), requires_grad=True)
    (gradient,) = torch.autograd.grad((layer(x) ** power).sum(), [x], create_graph=True)
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        gradient.sum().backward()
