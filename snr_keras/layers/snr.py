"""The SNR layer."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
from keras import constraints, initializers, ops, regularizers

from snr_keras.layers._arguments import Constraint, Initializer, Regularizer, positive_integer, positive_number
from snr_keras.layers._closed_form import restitution
from snr_keras.layers._feature_map import FeatureMapLayer
from snr_ref import SNROutputs, SNRParams

_WEIGHT_OPTIONS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


class SNREmbeddings(NamedTuple):
    """The pooled embeddings of one SNR layer, the input of its dual causality loss.

    Each is (N, C), in float32 (float64 for a float64 layer or map), whatever the layer's compute dtype.

    Attributes:
        f_tilde: f~, of the normalized features; beta for every image.
        f_plus: f~+, of the restituted features, the layer's output.
        f_minus: f~-, of the contaminated features, used in the loss only.
    """

    f_tilde: Any
    f_plus: Any
    f_minus: Any


class SNRMaps(NamedTuple):
    """The maps of one SNR layer, the input of its dual restitution loss per pixel.

    Each has the shape of the input and the dtype of the embeddings.

    Attributes:
        F_tilde: F~, the normalized map.
        F_plus: F~+, the restituted map: the layer's output before its cast to the compute dtype.
        F_minus: F~-, the contaminated map, used in the loss only.
    """

    F_tilde: Any
    F_plus: Any
    F_minus: Any


@keras.saving.register_keras_serializable(package="snr_keras")
class SNR(FeatureMapLayer):
    """Style normalization and restitution.

    Instance normalization removes the style of each image. Channel attention then decides how much of the removed
    residual distinguishes identities, and restores that part:

        F~  = gamma * (F - mu) / sqrt(var + epsilon) + beta      mu, var: per image and channel
        R   = F - F~
        a   = sigmoid(relu(mean(R) @ w1) @ w2)
        F~+ = F~ + a * R                                         the output
        F~- = F~ + (1 - a) * R                                   never computed; its mean is f~-

    The layer computes this in closed form, `F~+ = s * (F - mu) + f~+` with `s = a + (1 - a) * gamma / sigma`, and
    stores only its input and its output.

    Training and inference are the same, and every image is independent of the others in its batch.

    Args:
        reduction: Reduction ratio r. The attention's hidden width is `max(1, C // r)`. Defaults to `16`.
        epsilon: Number added to the variance. Defaults to `1e-5`, as in PyTorch's instance norm, which the public SNR
            codes use. The `1e-3` of other Keras normalization layers is meant for the variance of a whole batch; that
            of one channel of one image is often smaller.
        use_bias: Whether the attention has biases `b1` and `b2`. The paper has none; some published checkpoints do.
            Defaults to `False`.
        trainable_gate: Whether the attention's weights are trained. With `False` they stay as they start: random with
            the default initializers; with `w2_initializer="zeros"` a is 1/2 for every channel of every image. These
            are the controls that a learned gate is compared with. Defaults to `True`.
        data_format: `"channels_last"` (`(N, *S, C)`) or `"channels_first"` (`(N, C, *S)`). Defaults to the
            `image_data_format` of your Keras configuration. There is no `axis`, as in other normalization layers,
            because every axis has a role here: the images, the channels, which the attention relates to one another,
            and the pixels, which are averaged.
        gamma_initializer: Initializer for `gamma`. Defaults to ones.
        beta_initializer: Initializer for `beta`. Defaults to zeros.
        w1_initializer: Initializer for `w1`. Defaults to `"he_normal"`.
        w2_initializer: Initializer for `w2`. Defaults to `"glorot_uniform"`.
        b1_initializer: Initializer for `b1`. Defaults to zeros.
        b2_initializer: Initializer for `b2`. Defaults to zeros.
        gamma_regularizer: Optional regularizer for `gamma`.
        beta_regularizer: Optional regularizer for `beta`.
        w1_regularizer: Optional regularizer for `w1`.
        w2_regularizer: Optional regularizer for `w2`.
        b1_regularizer: Optional regularizer for `b1`.
        b2_regularizer: Optional regularizer for `b2`.
        gamma_constraint: Optional constraint for `gamma`.
        beta_constraint: Optional constraint for `beta`.
        w1_constraint: Optional constraint for `w1`.
        w2_constraint: Optional constraint for `w2`.
        b1_constraint: Optional constraint for `b1`.
        b2_constraint: Optional constraint for `b2`.
        **kwargs: Base layer keyword arguments (e.g. `name` and `dtype`).

    Call arguments:
        inputs: Floating-point feature map with one or more spatial axes S.
        return_embeddings: Whether to return the embeddings too. Defaults to `False`.
        return_maps: Whether to return F~, F~+ and F~- too. The layer then computes the paper's equations literally
            instead of the closed form, so a training step keeps some ten maps. Defaults to `False`.
        mask: Which pixels are valid, (N, *S), bool, for example in sequences of different lengths; Keras passes it on
            from layers such as `Masking` and `Embedding`. Means, variances and embeddings are then over the valid
            pixels, as if the map ended there; the output at the other pixels has no meaning. Keras' own batch
            normalization does the same; its instance normalization, `GroupNormalization(groups=-1)`, counts padding as
            data. With a mask, too, the layer computes the paper's equations literally. Defaults to `None`.

    Input shape:
        `(N, *S, C)`, or `(N, C, *S)` with `data_format="channels_first"`. C must be defined; N and S may be undefined.

    Output shape:
        Same as the input. With `return_embeddings=True` a tuple of the output and `SNREmbeddings` of shape `(N, C)`,
        with `return_maps=True` of the output and `SNRMaps` of its shape, with both of all three.

    Weights:
        `gamma` (C,), `beta` (C,), `w1` (C, C/r), `w2` (C/r, C); with biases also `b1` (C/r,), `b2` (C,).

    Raises:
        ValueError: If an argument is out of range; on the first call, if the input is not floating-point, has no
            spatial axis or no pixel, or has an undefined number of channels.

    Example:
    >>> x = keras.random.normal((8, 16, 8, 64))
    >>> y, embeddings = SNR()(x, return_embeddings=True)
    >>> y.shape, embeddings.f_plus.shape
    ((8, 16, 8, 64), (8, 64))

    Reference:

    - [Jin et al., 2020](https://arxiv.org/abs/2005.11037), eqs. 1 to 5
    """

    def __init__(
        self,
        reduction: int = 16,
        epsilon: float = 1e-5,
        use_bias: bool = False,
        trainable_gate: bool = True,
        data_format: str | None = None,
        gamma_initializer: Initializer = "ones",
        beta_initializer: Initializer = "zeros",
        w1_initializer: Initializer = "he_normal",
        w2_initializer: Initializer = "glorot_uniform",
        b1_initializer: Initializer = "zeros",
        b2_initializer: Initializer = "zeros",
        gamma_regularizer: Regularizer = None,
        beta_regularizer: Regularizer = None,
        w1_regularizer: Regularizer = None,
        w2_regularizer: Regularizer = None,
        b1_regularizer: Regularizer = None,
        b2_regularizer: Regularizer = None,
        gamma_constraint: Constraint = None,
        beta_constraint: Constraint = None,
        w1_constraint: Constraint = None,
        w2_constraint: Constraint = None,
        b1_constraint: Constraint = None,
        b2_constraint: Constraint = None,
        **kwargs: Any,
    ) -> None:
        reduction, epsilon = positive_integer("reduction", reduction), positive_number("epsilon", epsilon)
        super().__init__(data_format, **kwargs)
        self.reduction = reduction
        self.epsilon = epsilon
        self.use_bias = bool(use_bias)
        self.trainable_gate = bool(trainable_gate)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_initializer = initializers.get(beta_initializer)
        self.w1_initializer = initializers.get(w1_initializer)
        self.w2_initializer = initializers.get(w2_initializer)
        self.b1_initializer = initializers.get(b1_initializer)
        self.b2_initializer = initializers.get(b2_initializer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.w1_regularizer = regularizers.get(w1_regularizer)
        self.w2_regularizer = regularizers.get(w2_regularizer)
        self.b1_regularizer = regularizers.get(b1_regularizer)
        self.b2_regularizer = regularizers.get(b2_regularizer)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.beta_constraint = constraints.get(beta_constraint)
        self.w1_constraint = constraints.get(w1_constraint)
        self.w2_constraint = constraints.get(w2_constraint)
        self.b1_constraint = constraints.get(b1_constraint)
        self.b2_constraint = constraints.get(b2_constraint)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights for feature maps of this shape."""
        super().build(input_shape)
        channels, hidden = self.channels, max(1, self.channels // self.reduction)
        self.gamma = self._add_snr_weight("gamma", (channels,))
        self.beta = self._add_snr_weight("beta", (channels,))
        self.w1 = self._add_snr_weight("w1", (channels, hidden))
        self.w2 = self._add_snr_weight("w2", (hidden, channels))
        self.b1 = self._add_snr_weight("b1", (hidden,)) if self.use_bias else None
        self.b2 = self._add_snr_weight("b2", (channels,)) if self.use_bias else None
        self._pixels = 1 if self.data_format == "channels_last" else 2
        self._restitution()  # made now: `torch.compile` cannot trace the making of it

    def call(self, inputs: Any, return_embeddings: bool = False, return_maps: bool = False, mask: Any = None) -> Any:
        """Eqs. 1 to 5, in closed form unless the maps are requested or pixels are masked; see the class."""
        if return_maps or mask is not None:
            literal = self.decompose(inputs, mask)
            F_plus = ops.cast(literal.F_plus, self.compute_dtype)
            extra: list[Any] = []
            if return_embeddings:
                extra.append(SNREmbeddings(literal.f_tilde, literal.f_plus, literal.f_minus))
            if return_maps:
                extra.append(SNRMaps(literal.F_tilde, literal.F_plus, literal.F_minus))
            return (F_plus, *extra) if extra else F_plus
        parameters = self._cast_weights(inputs)
        shape = ops.shape(inputs)
        count = math.prod([shape[axis] for axis in self._spatial_axes(inputs)])
        flat = (shape[0], count, shape[-1]) if self._pixels == 1 else (shape[0], shape[1], count)
        F_plus, f_plus, f_minus = self._restitution()(ops.reshape(inputs, flat), *parameters)
        F_plus = ops.reshape(F_plus, shape)
        if not return_embeddings:
            return F_plus
        return F_plus, SNREmbeddings(ops.broadcast_to(parameters.beta, ops.shape(f_plus)), f_plus, f_minus)

    def decompose(self, inputs: Any, mask: Any = None) -> SNROutputs:
        """Every map of eqs. 1 to 5, computed literally, for pictures and teaching.

        Args:
            inputs: Feature map, as for a call.
            mask: Mask, as for a call.

        Returns:
            `snr_ref.SNROutputs` of tensors: maps in the shape of the input, a and the embeddings (N, C), all in the
            dtype of the embeddings.

        Raises:
            ValueError: As for a call.
        """
        inputs = ops.convert_to_tensor(inputs)
        if not self.built:
            self.build(inputs.shape)
        gamma, beta, w1, w2, b1, b2 = self._cast_weights(inputs)
        pixels = self._spatial_axes(inputs)
        per_channel = [1] * len(inputs.shape)
        per_channel[self._channel_axis] = -1

        F = ops.cast(inputs, gamma.dtype)
        count = ops.cast(math.prod([ops.shape(F)[axis] for axis in pixels]), F.dtype)
        there = None if mask is None else self._there(inputs, mask)
        if there is not None:  # avoids a division by zero where no pixel is valid
            count = ops.maximum(ops.sum(ops.cast(there, F.dtype), axis=pixels), 1)

        def mean(x: Any, keepdims: bool = False) -> Any:  # not `ops.mean`, which computes in float32 on JAX
            total = ops.sum(x if there is None else ops.where(there, x, 0), axis=pixels)
            return ops.expand_dims(total / count, pixels) if keepdims else total / count

        mu = mean(F, keepdims=True)
        sigma = ops.sqrt(mean(ops.square(F - mu), keepdims=True) + self.epsilon)
        F_tilde = ops.reshape(gamma, per_channel) * (F - mu) / sigma + ops.reshape(beta, per_channel)
        R = F - F_tilde
        a = ops.sigmoid(ops.matmul(ops.relu(ops.matmul(mean(R), w1) + b1), w2) + b2)
        a_everywhere = ops.expand_dims(a, pixels)
        R_plus, R_minus = a_everywhere * R, (1 - a_everywhere) * R
        F_plus, F_minus = F_tilde + R_plus, F_tilde + R_minus
        f_tilde = ops.broadcast_to(beta, ops.shape(a))
        f_plus, f_minus = mean(F_plus), mean(F_minus)
        return SNROutputs(F_tilde, R, a, R_plus, R_minus, F_plus, F_minus, f_tilde, f_plus, f_minus)

    def compute_output_spec(
        self, inputs: Any, return_embeddings: bool = False, return_maps: bool = False, mask: Any = None
    ) -> Any:
        """The shapes and dtypes of a call, with or without embeddings and maps."""
        dtype = self._statistics_dtype(inputs)
        F_plus = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        pooled = (inputs.shape[0], inputs.shape[self._channel_axis])
        extra: list[Any] = []
        for wanted, kind, shape in ((return_embeddings, SNREmbeddings, pooled), (return_maps, SNRMaps, inputs.shape)):
            if wanted:
                extra.append(kind(*(keras.KerasTensor(shape, dtype=dtype) for _ in kind._fields)))
        return (F_plus, *extra) if extra else F_plus

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments of the layer."""
        config = {
            "reduction": self.reduction,
            "epsilon": self.epsilon,
            "use_bias": self.use_bias,
            "trainable_gate": self.trainable_gate,
        }
        for name in SNRParams._fields:
            for kind, module in _WEIGHT_OPTIONS.items():
                config[f"{name}_{kind}"] = module.serialize(getattr(self, f"{name}_{kind}"))
        return {**super().get_config(), **config}

    def _spatial_axes(self, inputs: Any) -> tuple[int, ...]:
        axes = self._pixel_axes(len(inputs.shape))
        if 0 in (inputs.shape[axis] for axis in axes):
            raise ValueError(f"SNR expects {self._layout}, with at least one pixel. Received: shape={inputs.shape}")
        return axes

    def _restitution(self) -> Any:
        return restitution(epsilon=self.epsilon, pixels=self._pixels, dtype=self.compute_dtype)

    def _there(self, inputs: Any, mask: Any) -> Any:
        """The mask (N, *S), reshaped so that it broadcasts over the maps."""
        expected = tuple(
            size for axis, size in enumerate(inputs.shape) if axis != self._channel_axis % len(inputs.shape)
        )
        found = tuple(mask.shape)
        if len(found) != len(expected) or any(
            None not in (n, m) and n != m for n, m in zip(found, expected, strict=True)
        ):
            raise ValueError(
                f"`mask` must have one value for each pixel of {self._layout} and no channel axis: "
                f"{expected}. Received: mask.shape={found}, inputs.shape={tuple(inputs.shape)}"
            )
        return ops.expand_dims(ops.cast(mask, "bool"), self._channel_axis)

    def _add_snr_weight(self, name: str, shape: tuple[int, ...]) -> Any:
        options = {kind: getattr(self, f"{name}_{kind}") for kind in _WEIGHT_OPTIONS}
        trainable = self.trainable_gate or name in ("gamma", "beta")
        return self.add_weight(name=name, shape=shape, trainable=trainable, autocast=False, **options)

    def _cast_weights(self, inputs: Any) -> SNRParams:
        """The weights in the dtype of the statistics; absent biases are zeros, at no cost."""
        dtype = self._statistics_dtype(inputs)
        gamma, beta, w1, w2 = (ops.cast(weight, dtype) for weight in (self.gamma, self.beta, self.w1, self.w2))
        b1 = ops.cast(self.b1, dtype) if self.use_bias else ops.zeros(w1.shape[1:], dtype)
        b2 = ops.cast(self.b2, dtype) if self.use_bias else ops.zeros(w2.shape[1:], dtype)
        return SNRParams(gamma, beta, w1, w2, b1, b2)
