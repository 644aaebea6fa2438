"""The adapter that connects the PyTorch module to the conformance kit: the reference's functions, on NumPy arrays.

The module has channels first and transposed weights, unlike the reference; the adapter converts. The gradients are
autograd's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from snr_ref.conformance.examples import pytorch_module as port
from snr_ref.restitution import SNRParams

dtypes = ("float64", "float32", "float16", "bfloat16")

Array = np.ndarray


def instance_norm(F: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-5) -> Array:
    """The normalized map F~."""
    F_tilde = port.instance_norm(channels_first(wide(tensor(F))), tensor(gamma), tensor(beta), epsilon)
    return array(channels_last(F_tilde))


def instance_norm_vjp(F: Array, gamma: Array, beta: Array, grad_F_tilde: Array, *, epsilon: float = 1e-5) -> Any:
    """The gradients in F~."""
    x, scale, offset = leaf(F), leaf(gamma), leaf(beta)
    F_tilde = channels_last(port.instance_norm(channels_first(wide(x)), scale, offset, epsilon))
    return gradients([F_tilde], [x, scale, offset], [wide(tensor(grad_F_tilde))])


def channel_attention(z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None) -> Array:
    """The gates."""
    return array(attention(w1, w2, b1, b2).attention(tensor(z)))


def channel_attention_vjp(
    z: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None, *, grad_a: Array
) -> Any:
    """The gradients in the gates."""
    module, pooled = attention(w1, w2, b1, b2), leaf(z)
    inputs = [pooled, *weights(module)[2:]]
    grad_z, *grads = gradients([module.attention(pooled)], inputs, [tensor(grad_a)])
    return grad_z, *transposed(grads)


def snr(F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, Array]:
    """All outputs of the module."""
    outputs = build(params, epsilon)(channels_first(tensor(F)))
    return {name: array(channels_last(x)) for name, x in outputs._asdict().items()}


def snr_vjp(
    F: Array,
    params: SNRParams,
    grad_F_plus: Array | None,
    grad_f_plus: Array | None = None,
    grad_f_minus: Array | None = None,
    grad_f_tilde: Array | None = None,
    *,
    epsilon: float = 1e-5,
) -> tuple[Array, SNRParams]:
    """The gradients in the module's outputs."""
    module, x = build(params, epsilon), leaf(F)
    out = module(channels_first(x))
    outputs = [channels_last(out.F_plus), out.f_plus, out.f_minus, out.f_tilde]
    given = [grad_F_plus, grad_f_plus, grad_f_minus, grad_f_tilde]
    cotangents = [torch.zeros_like(y) if g is None else tensor(g) for y, g in zip(outputs, given, strict=True)]
    grad_F, grad_gamma, grad_beta, *grads = gradients(outputs, [x, *weights(module)], cotangents)
    return grad_F, SNRParams(grad_gamma, grad_beta, *transposed(grads))


def cosine_distance(x: Array, y: Array) -> Array:
    """The module's distance, called as the reference's."""
    return array(port.cosine_distance(tensor(x), tensor(y)))


def cosine_distance_vjp(x: Array, y: Array, grad_d: Array) -> Any:
    """Its gradients, by autograd."""
    inputs = [leaf(x), leaf(y)]
    return gradients([port.cosine_distance(*inputs)], inputs, [tensor(grad_d)])


def euclidean_distance(x: Array, y: Array) -> Array:
    """The module's distance, called as the reference's."""
    return array(port.euclidean_distance(tensor(x), tensor(y)))


def euclidean_distance_vjp(x: Array, y: Array, grad_d: Array) -> Any:
    """Its gradients, by autograd."""
    inputs = [leaf(x), leaf(y)]
    return gradients([port.euclidean_distance(*inputs)], inputs, [tensor(grad_d)])


def dual_causality_loss(
    f_tilde: Array,
    f_plus: Array,
    f_minus: Array,
    labels: Array,
    *,
    distance: Any = cosine_distance,
    triplets: Array | None = None,
) -> tuple[Array, Array]:
    """L+ and L-."""
    plus, minus = terms(tensor(f_tilde), tensor(f_plus), tensor(f_minus), labels, distance, triplets)
    return array(plus), array(minus)


def dual_causality_gradients(
    f_tilde: Array,
    f_plus: Array,
    f_minus: Array,
    labels: Array,
    *,
    distance: Any = cosine_distance,
    triplets: Array | None = None,
) -> Any:
    """The gradients in L+ + L-."""
    x, y, z = leaf(f_tilde), leaf(f_plus), leaf(f_minus)
    return gradients([sum(terms(x, y, z, labels, distance, triplets))], [x, y, z])


def batch_hard_triplet_loss(features: Array, labels: Array, *, margin: Any = 0.3) -> Array:
    """The module's loss, called as the reference's."""
    return array(port.batch_hard_triplet_loss(tensor(features), torch.as_tensor(labels), margin))


def batch_hard_triplet_gradient(features: Array, labels: Array, *, margin: Any = 0.3) -> Array:
    """Its gradient, by autograd."""
    inputs = [leaf(features)]
    return gradients([port.batch_hard_triplet_loss(inputs[0], torch.as_tensor(labels), margin)], inputs)[0]


def cross_entropy(logits: Array, labels: Array, *, label_smoothing: float = 0.1) -> Array:
    """The module's loss, called as the reference's."""
    return array(port.cross_entropy(tensor(logits), torch.as_tensor(labels), label_smoothing))


def cross_entropy_gradient(logits: Array, labels: Array, *, label_smoothing: float = 0.1) -> Array:
    """Its gradient, by autograd."""
    inputs = [leaf(logits)]
    return gradients([port.cross_entropy(inputs[0], torch.as_tensor(labels), label_smoothing)], inputs)[0]


def total_objective(reid_loss: Array, dual_causality_losses: Sequence[Array], weights: Sequence[float]) -> Array:
    """L = L_ReID + sum of lambda_b L_SNR^b."""
    return reid_loss + sum(w * loss for w, loss in zip(weights, dual_causality_losses, strict=True))


def build(params: SNRParams, epsilon: float = 1e-5) -> port.SNR:
    """The module with these parameters; if only one bias is absent, it is 0."""
    gamma, beta, w1, w2, b1, b2 = params
    channels, hidden = w1.shape
    has_bias = b1 is not None or b2 is not None
    module = port.SNR(channels, hidden, bias=has_bias, epsilon=epsilon).to(tensor(gamma).dtype)
    state = {"gamma": gamma, "beta": beta, "fc1.weight": w1.T, "fc2.weight": w2.T}
    if has_bias:
        state["fc1.bias"] = np.zeros(hidden) if b1 is None else b1
        state["fc2.bias"] = np.zeros(channels) if b2 is None else b2
    module.load_state_dict({name: tensor(value) for name, value in state.items()})
    return module


def attention(w1: Array, w2: Array, b1: Array | None, b2: Array | None) -> port.SNR:
    """A module whose attention alone is used."""
    channels = np.zeros(len(w1), w1.dtype)
    return build(SNRParams(channels, channels, w1, w2, b1, b2))


def weights(module: port.SNR) -> list[Any]:
    """gamma, beta and the weights of the attention, in the reference's order, with the biases if it has any."""
    fc1, fc2 = module.fc1, module.fc2
    biases = [] if fc1.bias is None else [fc1.bias, fc2.bias]
    return [module.gamma, module.beta, fc1.weight, fc2.weight, *biases]


def transposed(grads: Sequence[Array]) -> list[Array]:
    """The gradients of the attention's weights, transposed to z @ w1; those of its biases unchanged."""
    return [grad.T for grad in grads[:2]] + list(grads[2:])


def terms(f_tilde: Any, f_plus: Any, f_minus: Any, labels: Array, distance: Any, triplets: Array | None) -> Any:
    """L+ and L- of tensors; `distance` is one of this module's functions, as the kit passes it."""
    positives, negatives = (
        port.draws(torch.as_tensor(labels))
        if triplets is None
        else port.draws_of(torch.as_tensor(triplets), len(labels))
    )
    ported = getattr(port, distance.__name__)
    return port.dual_causality_loss(f_tilde, f_plus, f_minus, positives, negatives, ported)


def gradients(outputs: Sequence[Any], inputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> list[Array]:
    """The gradients of the outputs with respect to the inputs; zero for an input that has no effect."""
    grads = torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True, materialize_grads=True)
    return [array(grad) for grad in grads]


def tensor(x: Array) -> torch.Tensor:
    """A tensor of the same dtype; NumPy's bfloat16 comes from a package that PyTorch doesn't know."""
    return torch.as_tensor(np.asarray(x, np.float64)).to(getattr(torch, x.dtype.name))


def leaf(x: Array) -> torch.Tensor:
    """A tensor that has a gradient."""
    return tensor(x).requires_grad_()


def array(x: torch.Tensor) -> Array:
    """An array; in float32 if the tensor is in half precision."""
    return wide(x.detach()).numpy()


def wide(x: torch.Tensor) -> torch.Tensor:
    """The tensor in at least float32."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def channels_first(x: torch.Tensor) -> torch.Tensor:
    """(N, *S, C) -> (N, C, *S)."""
    return x.movedim(-1, 1)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """(N, C, *S) -> (N, *S, C)."""
    return x.movedim(1, -1)
