"""The Keras port as an adapter for `snr parity check`, on the current backend.

    snr parity check snr_keras.conformance.adapter:eager     # also :graph (TensorFlow) and :xla (TensorFlow, JAX)

Every function is the layer's, a loss's or the evaluation's own; gradients are computed by the backend's automatic
differentiation. On JAX, float64 is included if JAX_ENABLE_X64=1 is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from snr_keras.conformance.arrays import MODES, Function, to_tensor, value_and_gradients, values
from snr_keras.evaluation import evaluate_retrieval, evaluate_verification, re_ranking
from snr_keras.layers import SNR
from snr_keras.losses import (
    BatchHardTripletLoss,
    CrossEntropyLoss,
    DualCausalityLoss,
    DualRestitutionLoss,
    MultilabelMemory,
    ViewStatistics,
    consistency_loss,
    cosine_distance,
    discriminative_loss,
    euclidean_distance,
    initial_threshold,
    joint_embedding_loss,
    log_multilabels,
    multilabel_agreement,
    next_memory,
    next_statistics,
    next_threshold,
    unit,
)
from snr_keras.losses._checks import numbered
from snr_keras.losses._products import product
from snr_ref import SNROutputs, SNRParams

#: Dtype of a feature map -> dtype policy of its layer.
_POLICIES = {"float16": "mixed_float16", "bfloat16": "mixed_bfloat16", "float64": "float64"}


class KerasAdapter:
    """The functions of `snr_ref`, computed by the Keras port in one mode.

    Attributes:
        dtypes: Dtypes in which the backend computes.
        refusals: True; the layer and the losses check their arguments.
    """

    refusals = True

    def __init__(self, mode: str):
        self.mode = mode
        self.dtypes = (*(("float64",) if _has_float64() else ()), "float32", "float16", "bfloat16")

    def instance_norm(self, F: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, epsilon: float = 1e-5) -> np.ndarray:
        """F~ of a layer; it does not depend on the attention."""
        return self._values(_instance_norm(epsilon, *_arrays(F, gamma, beta)), F, gamma, beta)[0]

    def instance_norm_vjp(
        self, F: np.ndarray, gamma: np.ndarray, beta: np.ndarray, grad_F_tilde: np.ndarray, *, epsilon: float = 1e-5
    ) -> list[np.ndarray]:
        """The gradients in F~."""
        return self._gradients(
            _instance_norm(epsilon, *_arrays(F, gamma, beta)), [F, gamma, beta], [_wide(grad_F_tilde)]
        )

    def channel_attention(self, z: np.ndarray, *weights: np.ndarray | None) -> np.ndarray:
        """The gate of a layer, for maps of one pixel with F~ = 0."""
        return self._values(_attention(*_arrays(z, *weights)), z, *_present(weights))[0]

    def channel_attention_vjp(
        self, z: np.ndarray, *weights: np.ndarray | None, grad_a: np.ndarray
    ) -> list[np.ndarray | None]:
        """The gradients in the gate."""
        gradients = self._gradients(_attention(*_arrays(z, *weights)), [z, *_present(weights)], [grad_a])
        return [gradients[0], *_as_given(gradients[1:], weights)]

    def snr(self, F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, np.ndarray]:
        """Every map of `decompose`; F~+ and the embeddings come from a call."""
        module = _module(epsilon, *_arrays(F, *params))
        arrays = (F, *_present(params))
        maps = dict(zip(SNROutputs._fields, self._values(module.decompose, *arrays), strict=True))
        called = self._values(module.call, *arrays)
        return maps | dict(zip(("F_plus", "f_tilde", "f_plus", "f_minus"), called, strict=True))

    def snr_closed_form(self, F: np.ndarray, params: SNRParams, *, epsilon: float = 1e-5) -> tuple[np.ndarray, ...]:
        """F~+, f~, f~+ and f~- of a call."""
        module = _module(epsilon, *_arrays(F, *params))
        return tuple(self._values(module.call, F, *_present(params)))

    def snr_vjp(
        self,
        F: np.ndarray,
        params: SNRParams,
        grad_F_plus: np.ndarray | None,
        grad_f_plus: np.ndarray | None = None,
        grad_f_minus: np.ndarray | None = None,
        grad_f_tilde: np.ndarray | None = None,
        *,
        epsilon: float = 1e-5,
    ) -> tuple[np.ndarray, SNRParams]:
        """The gradients in a call, through the layer's own backward pass."""
        module = _module(epsilon, *_arrays(F, *params))
        pooled = np.zeros((F.shape[0], F.shape[-1]), params.gamma.dtype)
        cotangents = [
            np.zeros_like(F) if grad_F_plus is None else grad_F_plus,
            *(pooled if g is None else g for g in (grad_f_tilde, grad_f_plus, grad_f_minus)),
        ]
        grad_F, *gradients = self._gradients(module.call, [F, *_present(params)], cotangents)
        return grad_F, SNRParams(*_as_given(gradients, params))

    def cosine_distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """`snr_keras.losses.cosine_distance`."""
        return self._values(_cosine, x, y)[0]

    def cosine_distance_vjp(self, x: np.ndarray, y: np.ndarray, grad_d: np.ndarray) -> list[np.ndarray]:
        """The gradients in the cosine distance."""
        return self._gradients(_cosine, [x, y], [grad_d])

    def euclidean_distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """`snr_keras.losses.euclidean_distance`."""
        return self._values(_euclidean, x, y)[0]

    def euclidean_distance_vjp(self, x: np.ndarray, y: np.ndarray, grad_d: np.ndarray) -> list[np.ndarray]:
        """The gradients in the Euclidean distance."""
        return self._gradients(_euclidean, [x, y], [grad_d])

    def dual_causality_loss(
        self,
        f_tilde: np.ndarray,
        f_plus: np.ndarray,
        f_minus: np.ndarray,
        labels: np.ndarray,
        *,
        distance: Any = None,
        triplets: np.ndarray | None = None,
    ) -> list[np.ndarray]:
        """`DualCausalityLoss.terms`."""
        return self._values(self._causality(distance, triplets), f_tilde, f_plus, f_minus, numbered(labels))

    def dual_causality_gradients(
        self,
        f_tilde: np.ndarray,
        f_plus: np.ndarray,
        f_minus: np.ndarray,
        labels: np.ndarray,
        *,
        distance: Any = None,
        triplets: np.ndarray | None = None,
    ) -> list[np.ndarray]:
        """The gradients in L+ + L-."""
        one = _like(1, f_plus)
        causality = self._causality(distance, triplets)
        return self._gradients(causality, [f_tilde, f_plus, f_minus], [one, one], numbered(labels))

    def dual_restitution_loss(self, *arguments: np.ndarray | None) -> list[np.ndarray]:
        """`DualRestitutionLoss.terms`, with the logits of a linear layer."""
        return self._values(_images, *_present(arguments))

    def dual_restitution_gradients(self, *arguments: np.ndarray | None) -> list[np.ndarray]:
        """The gradients in L+ + L-."""
        return self._of_both(_images, arguments)

    def pixelwise_dual_restitution_loss(self, *arguments: np.ndarray | None) -> list[np.ndarray]:
        """The same with `per_pixel`."""
        return self._values(_pixels, *_present(arguments))

    def pixelwise_dual_restitution_gradients(self, *arguments: np.ndarray | None) -> list[np.ndarray]:
        """The gradients in L+ + L-."""
        return self._of_both(_pixels, arguments)

    def cross_entropy(self, logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.1) -> np.ndarray:
        """`CrossEntropyLoss`."""
        return self._values(_cross_entropy(label_smoothing), logits, labels)[0]

    def cross_entropy_gradient(
        self, logits: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.1
    ) -> np.ndarray:
        """The gradient of the logits in `CrossEntropyLoss`."""
        return self._gradients(_cross_entropy(label_smoothing), [logits], [_like(1, logits)], labels)[0]

    def batch_hard_triplet_loss(self, features: np.ndarray, labels: np.ndarray, *, margin: Any = 0.3) -> np.ndarray:
        """`BatchHardTripletLoss`."""
        return self._values(_triplet(margin), features, numbered(labels))[0]

    def batch_hard_triplet_gradient(self, features: np.ndarray, labels: np.ndarray, *, margin: Any = 0.3) -> np.ndarray:
        """The gradient of the features in `BatchHardTripletLoss`."""
        return self._gradients(_triplet(margin), [features], [_like(1, features)], numbered(labels))[0]

    def total_objective(self, reid: np.ndarray, causality: Sequence[np.ndarray], weights: Sequence[float]) -> Any:
        """The total of the training objective, which has one weight per module."""
        weighted = [weight * loss for weight, loss in zip(weights, causality, strict=True)]
        return sum(weighted, start=reid)

    def unit(self, x: np.ndarray) -> np.ndarray:
        """`snr_keras.losses.unit`."""
        return self._values(_single(unit), x)[0]

    def unit_vjp(self, x: np.ndarray, grad_u: np.ndarray) -> np.ndarray:
        """The gradient of x in `unit`."""
        return self._gradients(_single(unit), [x], [grad_u])[0]

    def log_multilabels(self, features: np.ndarray, agents: np.ndarray, **options: float) -> np.ndarray:
        """`snr_keras.losses.log_multilabels`."""
        return self._values(_single(log_multilabels, **options), features, agents)[0]

    def log_multilabels_vjp(
        self, features: np.ndarray, agents: np.ndarray, grad_log_multilabels: np.ndarray, **options: float
    ) -> np.ndarray:
        """The gradient of the features in `log_multilabels`."""
        return self._gradients(_single(log_multilabels, **options), [features], [grad_log_multilabels], agents)[0]

    def multilabel_agreement(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """`snr_keras.losses.multilabel_agreement`."""
        return self._values(_single(multilabel_agreement), x, y)[0]

    def initial_threshold(self, multilabels: np.ndarray, **options: float) -> np.ndarray:
        """`snr_keras.losses.initial_threshold`."""
        return self._values(_single(initial_threshold, **options), multilabels)[0]

    def next_threshold(self, threshold: float, multilabels: np.ndarray, **options: float) -> np.ndarray:
        """`snr_keras.losses.next_threshold`."""
        return self._values(_single(next_threshold, **options), _like(threshold, multilabels), multilabels)[0]

    def next_memory(
        self, memory: MultilabelMemory, indices: np.ndarray, multilabels: np.ndarray, **options: float
    ) -> list[np.ndarray]:
        """`snr_keras.losses.next_memory`."""
        return self._values(_next_memory(**options), *memory, indices, multilabels)

    def discriminative_loss(
        self, features: np.ndarray, multilabels: np.ndarray, threshold: float, **options: float
    ) -> np.ndarray:
        """`snr_keras.losses.discriminative_loss`."""
        loss = _single(discriminative_loss, **options)
        return self._values(loss, features, multilabels, _like(threshold, features))[0]

    def discriminative_gradient(
        self, features: np.ndarray, multilabels: np.ndarray, threshold: float, **options: float
    ) -> np.ndarray:
        """The gradient of the features in `discriminative_loss`."""
        loss, one = _single(discriminative_loss, **options), _like(1, features)
        return self._gradients(loss, [features], [one], multilabels, _like(threshold, features))[0]

    def next_statistics(
        self, statistics: ViewStatistics, log_multilabels: np.ndarray, views: np.ndarray, *, rate: float
    ) -> list[np.ndarray]:
        """`snr_keras.losses.next_statistics`."""
        return self._values(_next_statistics(rate), *statistics, log_multilabels, numbered(views))

    def consistency_loss(
        self, log_multilabels: np.ndarray, views: np.ndarray, statistics: ViewStatistics
    ) -> np.ndarray:
        """`snr_keras.losses.consistency_loss`."""
        return self._values(_consistency, log_multilabels, numbered(views), *statistics)[0]

    def consistency_gradient(
        self, log_multilabels: np.ndarray, views: np.ndarray, statistics: ViewStatistics
    ) -> np.ndarray:
        """The gradient of log y in `consistency_loss`."""
        one = _like(1, log_multilabels)
        return self._gradients(_consistency, [log_multilabels], [one], numbered(views), *statistics)[0]

    def joint_embedding_loss(self, *arguments: np.ndarray, **options: float) -> np.ndarray:
        """`snr_keras.losses.joint_embedding_loss`."""
        return self._values(_single(joint_embedding_loss, **options), *arguments)[0]

    def joint_embedding_gradients(
        self, source: np.ndarray, labels: np.ndarray, target: np.ndarray, agents: np.ndarray, **options: float
    ) -> list[np.ndarray]:
        """The gradients of the features of both domains in `joint_embedding_loss`."""
        one = _like(1, source)
        return self._gradients(_joint_embedding(**options), [source, target], [one], labels, agents)

    evaluate_retrieval = staticmethod(evaluate_retrieval)
    evaluate_verification = staticmethod(evaluate_verification)

    def re_ranking(self, *arguments: Any, **options: Any) -> np.ndarray:
        """`snr_keras.evaluation.re_ranking`, which needs scipy."""
        try:
            return re_ranking(*arguments, **options)
        except ModuleNotFoundError as error:
            raise NotImplementedError(str(error)) from error

    def _causality(self, distance: Any, triplets: np.ndarray | None) -> Function:
        if triplets is not None:
            raise NotImplementedError("DualCausalityLoss is the expectation over all triplets and takes no given ones")
        return _dual_causality("euclidean" if distance == self.euclidean_distance else "cosine")

    def _of_both(self, function: Function, arguments: Sequence[np.ndarray | None]) -> list[np.ndarray]:
        arrays = _present(arguments)
        one = _like(1, arrays[0])
        return self._gradients(function, arrays, [one, one])

    def _values(self, function: Function, *arrays: np.ndarray) -> list[np.ndarray]:
        return _compiled_values(function, self.mode)(*map(_tensor, arrays))

    def _gradients(
        self, function: Function, arrays: Sequence[np.ndarray], cotangents: Sequence[np.ndarray], *others: np.ndarray
    ) -> list[np.ndarray]:
        run = _compiled_gradients(function, self.mode)
        return run([_tensor(x) for x in arrays], [_tensor(g) for g in cotangents], *map(_tensor, others))[1]


class _Array(NamedTuple):
    """The shape and dtype for which a function is compiled."""

    shape: tuple[int, ...]
    dtype: str


class _Module(NamedTuple):
    """A layer as two functions of F and of those of its weights that are given."""

    call: Function
    decompose: Function


@cache
def _module(
    epsilon: float,
    F: _Array,
    gamma: _Array,
    beta: _Array,
    w1: _Array,
    w2: _Array,
    b1: _Array | None = None,
    b2: _Array | None = None,
) -> _Module:
    """Not every hidden width is C // r for some r: missing hidden units have weights of zero and no effect."""
    channels, hidden = F.shape[-1], w1.shape[-1]
    reductions = [r for r in range(1, channels + 1) if channels // r >= hidden]
    if not reductions:
        raise NotImplementedError(f"No layer of {channels} channels has {hidden} hidden units in its attention")
    missing = channels // reductions[-1] - hidden
    layer = SNR(
        reduction=reductions[-1],
        epsilon=epsilon,
        use_bias=b1 is not None or b2 is not None,
        data_format="channels_last",
        dtype=_POLICIES.get(F.dtype, "float32"),
    )
    layer.build(F.shape)
    given = {"gamma": gamma, "beta": beta, "w1": w1, "w2": w2, "b1": b1, "b2": b2}
    names = [name for name, array in given.items() if array is not None]
    paddings = {"w1": ((0, 0), (0, missing)), "w2": ((0, missing), (0, 0)), "b1": ((0, missing),)}

    def with_weights(compute: Function) -> Function:
        def function(F: Any, *weights: Any) -> Sequence[Any]:
            padded = {n: ops.pad(w, paddings[n]) if n in paddings else w for n, w in zip(names, weights, strict=True)}
            variables = {name: getattr(layer, name) for name in padded}
            for name, variable in variables.items():
                if tuple(padded[name].shape) != variable.shape:
                    raise ValueError(f"{name} must be {variable.shape}. Received: {tuple(padded[name].shape)}")
            with keras.StatelessScope([(variables[name], weight) for name, weight in padded.items()]):
                return compute(F)

        return function

    def call(F: Any) -> Sequence[Any]:
        F_plus, embeddings = layer(F, return_embeddings=True)
        return [F_plus, *embeddings]

    return _Module(with_weights(call), with_weights(layer.decompose))


@cache
def _instance_norm(epsilon: float, F: _Array, gamma: _Array, beta: _Array) -> Function:
    channels = F.shape[-1]
    w1, w2 = np.zeros((channels, 1)), np.zeros((1, channels))
    module = _module(epsilon, F, gamma, beta, *_arrays(w1, w2))
    return lambda F, gamma, beta: module.decompose(F, gamma, beta, w1, w2)[0:1]


@cache
def _attention(z: _Array, *weights: _Array | None) -> Function:
    if len(z.shape) != 2:
        raise ValueError(f"`z` must have shape (N, C). Received: shape {z.shape}")
    images, channels = z.shape
    gamma = beta = np.zeros(channels)  # F~ is 0 for any z, so the residual is all of z
    module = _module(1e-5, _Array((images, 1, channels), z.dtype), *_arrays(gamma, beta), *weights)
    a = SNROutputs._fields.index("a")
    return lambda z, *weights: module.decompose(ops.expand_dims(z, 1), gamma, beta, *weights)[a : a + 1]


def _cosine(x: Any, y: Any) -> Sequence[Any]:
    return [cosine_distance(x, y)]


def _euclidean(x: Any, y: Any) -> Sequence[Any]:
    return [euclidean_distance(x, y)]


@cache
def _dual_causality(distance: str) -> Function:
    loss = DualCausalityLoss(distance)
    return lambda f_tilde, f_plus, f_minus, labels: loss.terms(labels, (f_tilde, f_plus, f_minus))


def _images(f_tilde: Any, f_plus: Any, f_minus: Any, w: Any, b: Any = 0) -> Sequence[Any]:
    return DualRestitutionLoss().terms(None, [product(f, w) + b for f in (f_tilde, f_plus, f_minus)])


def _pixels(F_tilde: Any, F_plus: Any, F_minus: Any, w: Any, b: Any = 0) -> Sequence[Any]:
    return DualRestitutionLoss(per_pixel=True).terms(None, [product(F, w) + b for F in (F_tilde, F_plus, F_minus)])


@cache
def _single(function: Callable[..., Any], **options: float) -> Function:
    """A function of one tensor."""
    return lambda *tensors: [function(*tensors, **options)]


@cache
def _next_memory(**options: float) -> Function:
    return lambda rows, visited, *batch: next_memory(MultilabelMemory(rows, visited), *batch, **options)


@cache
def _next_statistics(rate: float) -> Function:
    return lambda mean, std, *batch: next_statistics(ViewStatistics(mean, std), *batch, rate=rate)


def _consistency(log_multilabels: Any, views: Any, mean: Any, std: Any) -> Sequence[Any]:
    return [consistency_loss(log_multilabels, views, ViewStatistics(mean, std))]


@cache
def _joint_embedding(**options: float) -> Function:
    return lambda source, target, labels, agents: [joint_embedding_loss(source, labels, target, agents, **options)]


@cache
def _cross_entropy(label_smoothing: float) -> Function:
    def function(logits: Any, labels: Any) -> Sequence[Any]:
        return [CrossEntropyLoss(label_smoothing, dtype=keras.backend.standardize_dtype(logits.dtype))(labels, logits)]

    return function


@lru_cache(maxsize=None, typed=True)  # a margin of True is not a margin of 1
def _triplet(margin: Any) -> Function:
    loss = BatchHardTripletLoss(margin)
    return lambda features, labels: [loss(labels, features)]


_compiled_values = cache(values)


@cache
def _compiled_gradients(function: Function, mode: str) -> Callable[..., Any]:
    return value_and_gradients(function, mode=mode)


def _tensor(array: np.ndarray) -> Any:
    array = np.asarray(array)
    is_real = "float" in array.dtype.name  # NumPy has no kind for bfloat16
    return to_tensor(array, array.dtype.name) if is_real else ops.convert_to_tensor(array)


def _like(number: float, array: np.ndarray) -> np.ndarray:
    """The number in the dtype in which the array is computed."""
    return np.asarray(number, np.float64 if array.dtype == np.float64 else np.float32)


def _arrays(*arrays: np.ndarray | None) -> list[Any]:
    return [None if x is None else _Array(np.shape(x), np.asarray(x).dtype.name) for x in arrays]


def _present(weights: Iterable[np.ndarray | None]) -> list[np.ndarray]:
    return [weight for weight in weights if weight is not None]


def _as_given(gradients: Sequence[np.ndarray], weights: Iterable[np.ndarray | None]) -> list[Any]:
    """One gradient per weight, None for absent weights."""
    remaining = iter(gradients)
    return [None if weight is None else next(remaining) for weight in weights]


def _wide(gradient: np.ndarray) -> np.ndarray:
    """The gradient of a map of `decompose`, in at least float32."""
    return gradient if gradient.dtype == np.float64 else gradient.astype(np.float32)


def _has_float64() -> bool:
    """Whether float64 works: PyTorch has it, but Keras' operations there take it for float32; JAX needs the setting."""
    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.config.jax_enable_x64)
    return keras.backend.backend() == "tensorflow"


def __getattr__(name: str) -> KerasAdapter:
    if name in MODES:
        return _adapter(name)
    raise AttributeError(
        f"The Keras adapter on {keras.backend.backend()} has the modes {', '.join(MODES)}. Received: {name!r}"
    )


@cache
def _adapter(mode: str) -> KerasAdapter:
    return KerasAdapter(mode)
