"""The layer as a Keras user knows layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from keras.src import testing

import snr_ref
from snr_keras.layers import SNR, SNREmbeddings
from snr_keras.layers._closed_form import _backward, _forward
from snr_keras.losses import DualCausalityLoss
from tests.snr_keras.backend import DTYPES, MODES, to_numpy, to_tensor, value_and_gradients

if keras.backend.backend() == "jax":
    import jax
elif keras.backend.backend() == "torch":
    import torch

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="is about TensorFlow")


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 2 + 1


def params_of(layer: SNR) -> snr_ref.SNRParams:
    weights = (getattr(layer, name) for name in snr_ref.SNRParams._fields)
    return snr_ref.SNRParams(*(None if w is None else to_numpy(w) for w in weights))


def reference(layer: SNR, F: np.ndarray) -> snr_ref.SNROutputs:
    return snr_ref.snr(F, params_of(layer), epsilon=layer.epsilon)


class StandardLayerTest(testing.TestCase):
    """Keras' own standard."""

    def test_without_biases(self) -> None:
        self.run_layer_test(
            SNR,
            init_kwargs={"reduction": 4, "data_format": "channels_last"},
            input_shape=(3, 4, 5, 8),
            expected_output_shape=(3, 4, 5, 8),
            expected_output_dtype="float32",
            expected_num_trainable_weights=4,
            expected_num_non_trainable_weights=0,
            expected_num_non_trainable_variables=0,
            expected_num_seed_generators=0,
            expected_num_losses=0,
            supports_masking=True,
        )

    def test_with_a_gate_that_is_not_trained(self) -> None:
        self.run_layer_test(
            SNR,
            init_kwargs={"reduction": 4, "trainable_gate": False, "data_format": "channels_last"},
            input_shape=(3, 4, 5, 8),
            expected_output_shape=(3, 4, 5, 8),
            expected_output_dtype="float32",
            expected_num_trainable_weights=2,
            expected_num_non_trainable_weights=2,
            expected_num_non_trainable_variables=2,
            expected_num_seed_generators=0,
            expected_num_losses=0,
            supports_masking=True,
        )

    def test_with_everything(self) -> None:
        names = ("gamma", "beta", "w1", "w2", "b1", "b2")
        self.run_layer_test(
            SNR,
            init_kwargs={
                "use_bias": True,
                "data_format": "channels_first",
                "epsilon": 1e-3,
                **{f"{name}_initializer": "random_normal" for name in names},
                **{f"{name}_regularizer": keras.regularizers.L2(0.01) for name in names},
                **{f"{name}_constraint": keras.constraints.MaxNorm(3) for name in names},
            },
            input_shape=(2, 6, 3),
            expected_output_shape=(2, 6, 3),
            expected_num_trainable_weights=6,
            expected_num_non_trainable_weights=0,
            expected_num_non_trainable_variables=0,
            expected_num_seed_generators=0,
            expected_num_losses=6,
            supports_masking=True,
        )

    def test_with_embeddings(self) -> None:
        self.run_layer_test(
            SNR,
            init_kwargs={"data_format": "channels_last"},
            input_shape=(3, 4, 5, 8),
            call_kwargs={"return_embeddings": True},
            expected_output_shape=((3, 4, 5, 8), SNREmbeddings((3, 8), (3, 8), (3, 8))),
            expected_num_trainable_weights=4,
            run_training_check=False,
        )


@pytest.mark.parametrize(("channels", "reduction", "hidden"), [(40, 16, 2), (24, 16, 1), (8, 16, 1), (64, 1, 64)])
def test_hidden_width_is_at_least_one(channels: int, reduction: int, hidden: int) -> None:
    layer = SNR(reduction=reduction, data_format="channels_last")
    layer.build((None, 4, 4, channels))
    shapes = {weight.name: tuple(weight.shape) for weight in layer.weights}
    assert shapes == {"gamma": (channels,), "beta": (channels,), "w1": (channels, hidden), "w2": (hidden, channels)}


def test_every_weight_has_its_own_initializer_regularizer_and_constraint() -> None:
    names = snr_ref.SNRParams._fields
    values = {name: 1.0 + index for index, name in enumerate(names)}
    layer = SNR(
        4,
        use_bias=True,
        data_format="channels_last",
        **{f"{name}_initializer": keras.initializers.Constant(value) for name, value in values.items()},
        **{f"{name}_regularizer": keras.regularizers.L1(10.0 ** -values[name]) for name in names},
        **{f"{name}_constraint": keras.constraints.MaxNorm(values[name]) for name in names},
    )
    layer.build((None, 4, 4, 8))
    expected_loss = 0.0
    for name, value in values.items():
        weight = getattr(layer, name)
        np.testing.assert_array_equal(to_numpy(weight), np.full(weight.shape, value))
        assert weight.constraint.max_value == value
        expected_loss += 10.0**-value * value * np.prod(weight.shape)
    assert float(sum(layer.losses)) == pytest.approx(expected_loss, rel=1e-6)


@pytest.mark.skipif("float64" not in DTYPES, reason="Keras' operations take float64 for float32 on this backend")
@pytest.mark.parametrize("w2", ["zeros", "glorot_uniform"])
def test_a_gate_that_is_not_trained_stays_as_it_starts(w2: str) -> None:
    layer = SNR(reduction=2, use_bias=True, trainable_gate=False, w2_initializer=w2, data_format="channels_last")
    model = keras.Sequential([keras.Input((4, 3, 8)), layer, keras.layers.Flatten(), keras.layers.Dense(2)])
    assert [weight.name for weight in layer.trainable_weights] == ["gamma", "beta"]
    layer.trainable = False
    layer.trainable = True  # unfreezes what was frozen by this switch, and not the gate
    F, targets = random(6, 4, 3, 8), random(6, 2)
    before, a = layer.get_weights(), to_numpy(layer.decompose(F).a)
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(F, targets, epochs=3, verbose=0)
    gamma, beta, *gate = layer.get_weights()
    assert np.all(gamma != before[0])
    assert np.all(beta != before[1])
    for after, start in zip(gate, before[2:], strict=True):
        np.testing.assert_array_equal(after, start)
    assert np.all(a == 0.5) == (w2 == "zeros")
    if w2 == "zeros":
        assert np.all(to_numpy(layer.decompose(F).a) == 0.5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_decompose_gives_every_map_of_the_specification(data_format: str) -> None:
    F = random(3, 4, 5, 8)
    layer = SNR(
        4, use_bias=True, data_format=data_format, dtype="float64", b1_initializer="normal", beta_initializer="normal"
    )
    last = data_format == "channels_last"
    outputs = layer.decompose(to_tensor(F if last else np.moveaxis(F, -1, 1), "float64"))
    for name, got, expected in zip(outputs._fields, outputs, reference(layer, F), strict=True):
        got = to_numpy(got)
        got = got if last or got.ndim == 2 else np.moveaxis(got, 1, -1)
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11, err_msg=name)


def test_data_format_follows_the_keras_configuration() -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        assert SNR().data_format == "channels_first"
    finally:
        keras.config.set_image_data_format("channels_last")
    assert SNR().data_format == "channels_last"


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float32", "float64"])
def test_outputs_have_the_compute_dtype_and_embeddings_at_least_float32(policy: str) -> None:
    layer = SNR(dtype=policy, data_format="channels_last")
    F = ops.cast(random(2, 3, 3, 4), layer.compute_dtype)
    F_plus, embeddings = layer(F, return_embeddings=True)
    symbolic, symbolic_embeddings = layer(keras.Input((3, 3, 4), dtype=layer.compute_dtype), return_embeddings=True)
    wide = "float64" if policy == "float64" else "float32"
    dtype = keras.backend.standardize_dtype
    assert dtype(F_plus.dtype) == symbolic.dtype == layer.compute_dtype
    assert {dtype(f.dtype) for f in embeddings} == {f.dtype for f in symbolic_embeddings} == {wide}


def test_inputs_are_not_cast_to_half_precision_before_the_statistics() -> None:
    layer = SNR(data_format="channels_last", dtype="mixed_float16")
    assert not layer.autocast
    F = random(2, 6, 5, 4) + np.float32(1e6)  # infinite in float16
    _, embeddings = layer(F, return_embeddings=True)
    np.testing.assert_allclose(to_numpy(embeddings.f_plus), reference(layer, F).f_plus, atol=1)


def test_weights_are_not_cast_to_half_precision_by_layers_around() -> None:
    class Around(keras.layers.Layer):
        def __init__(self, snr: SNR) -> None:
            super().__init__(dtype="mixed_float16")
            self.snr = snr

        def call(self, inputs: Any) -> Any:
            dtypes.update({w.name: keras.backend.standardize_dtype(w.value.dtype) for w in self.snr.weights})
            return self.snr(inputs)

    dtypes: dict[str, str] = {}
    layer = SNR(use_bias=True, data_format="channels_last", dtype="mixed_float16")
    layer.build((2, 6, 5, 4))
    Around(layer)(random(2, 6, 5, 4))
    assert dtypes == dict.fromkeys(snr_ref.SNRParams._fields, "float32")


def test_half_precision_survives_means_that_overflow_when_squared() -> None:
    F = ops.cast(random(2, 6, 5, 4) + 1e4, "float16")
    F_plus = SNR(dtype="mixed_float16", data_format="channels_last")(F)
    assert np.isfinite(to_numpy(F_plus)).all()


def test_a_constant_channel_of_any_size_is_normalized_to_beta() -> None:
    half = {"w2_initializer": "zeros"}  # the attention is 1/2: F~+ is half way from beta to the input
    layer = SNR(data_format="channels_last", beta_initializer=keras.initializers.Constant(0.5), **half)
    F = np.full((1, 7, 9, 3), [1e4 / 3, -1e6 / 7, 1e-5], np.float32)
    np.testing.assert_allclose(to_numpy(layer(F)), (F.astype(np.float64) + 0.5) / 2, rtol=1e-6)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_nan_and_inf_stay_in_their_image(poison: float) -> None:
    layer = SNR(data_format="channels_last")
    F = random(3, 4, 4, 8)
    poisoned = F.copy()
    poisoned[1, 2, 2, 3] = poison
    F_plus, embeddings = layer(F, return_embeddings=True)
    poisoned_F_plus, poisoned_embeddings = layer(poisoned, return_embeddings=True)
    for clean, dirty in zip((F_plus, *embeddings), (poisoned_F_plus, *poisoned_embeddings), strict=True):
        np.testing.assert_array_equal(to_numpy(clean)[[0, 2]], to_numpy(dirty)[[0, 2]])
    assert not np.isfinite(to_numpy(poisoned_F_plus)[1]).all()

    step = value_and_gradients(lambda x: [layer(x)])
    _, (gradient,) = step([ops.convert_to_tensor(poisoned)], [ops.ones(F.shape)])
    assert np.isfinite(gradient[[0, 2]]).all()
    assert not np.isfinite(gradient[1]).all()


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_batch_comes_out_empty_and_teaches_nothing(mode: str) -> None:
    layer = SNR(data_format="channels_last")
    layer.build((0, 4, 4, 8))

    def function(F: Any) -> list[Any]:
        F_plus, embeddings = layer(F, return_embeddings=True)
        return [F_plus, *embeddings]

    step = value_and_gradients(function, layer.trainable_weights, mode)
    (F_plus, *embeddings), (grad_F, *gradients) = step(
        [ops.zeros((0, 4, 4, 8))], [ops.zeros((0, 4, 4, 8)), *(ops.zeros((0, 8)) for _ in range(3))]
    )
    assert F_plus.shape == grad_F.shape == (0, 4, 4, 8)
    assert {f.shape for f in embeddings} == {(0, 8)}
    assert not any(gradient.any() for gradient in gradients)


def test_an_image_alone_is_treated_as_in_a_batch() -> None:
    layer = SNR(data_format="channels_last")
    F = random(3, 5, 3, 8)
    np.testing.assert_allclose(to_numpy(layer(F[1:2])), to_numpy(layer(F))[1:2], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("pixels", [1, 2], ids=["channels_last", "channels_first"])
@pytest.mark.parametrize(
    "counts",
    [
        pytest.param((1, 7, 8, 9, 16, 31), id="some"),
        pytest.param((*range(2, 7), *range(10, 16), 17, 23, 24, 64), id="others", marks=pytest.mark.slow),
    ],
)
def test_no_number_of_pixels_is_special(counts: tuple[int, ...], pixels: int) -> None:
    """The sums over the pixels come in stretches, with what is left over. XLA compiles for each number."""
    params = [random(8, seed=1), random(8, seed=2), random(8, 2, seed=3), random(2, 8, seed=4), random(2), random(8)]
    tensors = [ops.convert_to_tensor(p) for p in params]
    for count in counts:
        F, G = random(2, count, 8), random(2, count, 8, seed=5)
        f, g = (ops.convert_to_tensor(x if pixels == 1 else np.moveaxis(x, 1, -1)) for x in (F, G))
        outputs, residuals = _forward(f, *tensors, epsilon=1e-5, pixels=pixels, dtype="float32")
        nothing = ops.zeros((2, 8))
        gradients = _backward((f, *tensors), residuals, (g, nothing, nothing), pixels=pixels)
        expected_gradients = snr_ref.snr_vjp(F, snr_ref.SNRParams(*params), G)
        expected = [snr_ref.snr(F, snr_ref.SNRParams(*params)).F_plus, expected_gradients[0], *expected_gradients[1]]
        names = ["F~+", "F", *snr_ref.SNRParams._fields]
        for name, got, exact in zip(names, [outputs[0], *gradients], expected, strict=True):
            got = to_numpy(got)
            got = np.moveaxis(got, 1, -1) if pixels == 2 and got.ndim == 3 else got
            message = f"{name} of {count} pixels"
            np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-4 * np.abs(exact).max(), err_msg=message)


def test_frames_of_a_video_are_images() -> None:
    layer = SNR(data_format="channels_last")
    inputs = keras.Input((5, 4, 3, 8))
    model = keras.Model(inputs, keras.layers.TimeDistributed(layer)(inputs))
    frames = random(2, 5, 4, 3, 8)
    assert model.output_shape == (None, 5, 4, 3, 8)
    got = to_numpy(model(frames)).reshape(10, 4, 3, 8)
    np.testing.assert_allclose(got, to_numpy(layer(frames.reshape(10, 4, 3, 8))), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("data_format", "shape", "sizes"),
    [
        ("channels_last", (None, None, 8), (6, 5)),
        ("channels_last", (7, 8), (7,)),
        ("channels_first", (8, None, None), (6, 5)),
        ("channels_first", (8, 2, 3, 4), (2, 3, 4)),
    ],
)
def test_symbolic_outputs_have_the_shapes_of_eager_ones(data_format: str, shape: Any, sizes: tuple[int, ...]) -> None:
    layer = SNR(data_format=data_format)
    inputs = keras.Input(shape)
    symbolic, embeddings = layer(inputs, return_embeddings=True)  # Keras wants the call with more outputs first
    alone = layer(inputs)
    assert alone.shape == symbolic.shape == (None, *shape)
    assert isinstance(embeddings, SNREmbeddings)
    assert [f.shape for f in embeddings] == [(None, 8)] * 3

    F = random(2, *sizes, 8) if data_format == "channels_last" else random(2, 8, *sizes)
    outputs = keras.Model(inputs, [alone, symbolic, *embeddings])(F)
    eager, eager_embeddings = layer(F, return_embeddings=True)
    for got, expected in zip(outputs, (eager, eager, *eager_embeddings), strict=True):
        np.testing.assert_array_equal(to_numpy(got), to_numpy(expected))


def test_masks_pass_through() -> None:
    x = keras.layers.Masking()(random(2, 5, 4))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(SNR(data_format="channels_last")(x)._keras_mask), ops.convert_to_numpy(x._keras_mask)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reduction": 0}, r"`reduction` must be a positive integer. Received: reduction=0"),
        ({"reduction": 1.5}, r"`reduction` must be a positive integer. Received: reduction=1.5"),
        ({"epsilon": 0}, r"`epsilon` must be a positive number. Received: epsilon=0"),
        ({"epsilon": float("nan")}, r"`epsilon` must be a positive number. Received: epsilon=nan"),
        ({"data_format": "NHWC"}, r"`data_format` must be .* Received: data_format='NHWC'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SNR(**arguments)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 8), r"at least one spatial axis.* Received: input_shape=\(2, 8\)"),
        ((2, 4, 4, None), r"channels C defined. Received: input_shape=\(2, 4, 4, None\)"),
    ],
)
def test_shapes_it_cannot_work_with_are_refused(shape: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SNR(data_format="channels_last").build(shape)


def test_integers_are_refused() -> None:
    for call in (SNR(data_format="channels_last"), SNR(data_format="channels_last").decompose):
        with pytest.raises(ValueError, match=r"floating-point.* Received: dtype='uint8', shape=\(2, 4, 4, 3\)"):
            call(np.zeros((2, 4, 4, 3), np.uint8))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_map_without_pixels_is_refused(data_format: str) -> None:
    for call in (SNR(data_format=data_format), SNR(data_format=data_format).decompose):
        with pytest.raises(ValueError, match=r"with at least one pixel. Received: shape=.*2, 4, 0, 3"):
            call(np.zeros((2, 4, 0, 3), np.float32))


def test_other_channels_than_at_first_are_refused() -> None:
    layer = SNR(data_format="channels_last")
    layer(random(2, 4, 4, 3))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        layer(random(2, 4, 4, 5))


@tensorflow_only
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_batch_and_spatial_sizes_may_be_dynamic(data_format: str) -> None:
    import tensorflow as tf

    last = data_format == "channels_last"
    signature = (None, None, None, 4) if last else (None, 4, None, None)
    layer = SNR(data_format=data_format, beta_initializer="random_normal")
    layer.build(signature)

    def function(F: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(F)
            F_plus, embeddings = layer(F, return_embeddings=True)
        return F_plus, embeddings.f_plus, tape.gradient([F_plus, embeddings.f_minus], F)

    dynamic = tf.function(function, input_signature=[tf.TensorSpec(signature)])
    for shape in ((2, 1, 1, 4), (2, 3, 4, 4), (3, 5, 7, 4), (1, 8, 8, 4)):
        images = random(*shape)
        F_plus, f_plus, grad_F = dynamic(tf.constant(images if last else np.moveaxis(images, -1, 1)))
        F_plus, grad_F = (x if last else np.moveaxis(x, 1, -1) for x in (F_plus, grad_F))
        ones = np.ones(shape), None, np.ones((shape[0], 4))
        due = reference(layer, images)
        expected = due.F_plus, due.f_plus, snr_ref.snr_vjp(images, params_of(layer), *ones)[0]
        for got, exact in zip((F_plus, f_plus, grad_F), expected, strict=True):
            np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-5)
    assert dynamic.experimental_get_tracing_count() == 1


@tensorflow_only
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_second_derivatives_are_refused(mode: str) -> None:
    import tensorflow as tf

    layer = SNR(data_format="channels_last")
    F = tf.constant(random(2, 3, 3, 4))

    def function(F: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(F)
            with tf.GradientTape() as inner:
                inner.watch(F)
                loss = tf.reduce_sum(layer(F) ** 2)
            gradient = inner.gradient(loss, F)
        return outer.gradient(gradient, F)

    with pytest.raises(NotImplementedError, match="no second derivatives"):
        (function if mode == "eager" else tf.function(function))(F)


@tensorflow_only
def test_the_tape_keeps_no_feature_map_but_input_and_output() -> None:
    """In a graph, whatever the backward passes use of the forward passes is an input of theirs."""
    import tensorflow as tf

    shape = (4, 16, 8, 32)
    layer = SNR(data_format="channels_last")
    layer.build(shape)

    @tf.function
    def step(F: Any, G: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(F)
            F_plus = layer(F)
        return F_plus, tape.gradient(F_plus, F, G)

    graph = step.get_concrete_function(tf.TensorSpec(shape), tf.TensorSpec(shape)).graph
    size = np.prod(shape)

    def maps(tensors: Any) -> int:
        return sum(tensor.shape.num_elements() == size for tensor in tensors)

    moments, affine, sums, gradient = (op for op in graph.get_operations() if "PartitionedCall" in op.type)
    assert (maps(moments.inputs), maps(moments.outputs)) == (1, 0)  # F
    assert (maps(affine.inputs), maps(affine.outputs)) == (1, 1)  # F; F~+
    assert (maps(sums.inputs), maps(sums.outputs)) == (2, 0)  # F and G
    assert (maps(gradient.inputs), maps(gradient.outputs)) == (2, 1)  # F and G; the gradient of F
    assert not [op.name for op in graph.get_operations() if op.type in ("Mul", "Sub", "AddV2") and maps(op.outputs)]


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="a TensorFlow tape shows it in its graph, above")
def test_backward_passes_are_left_no_feature_map_but_the_input() -> None:
    layer = SNR(data_format="channels_last")
    F = ops.convert_to_tensor(random(4, 16, 8, 32))
    layer.build(F.shape)
    kept: list[Any] = []
    if keras.backend.backend() == "jax":
        _, vjp = jax.vjp(lambda F: layer(F, return_embeddings=True), F)
        kept = jax.tree.leaves(vjp)
    else:
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
            layer(F.requires_grad_(), return_embeddings=True)
    maps = {
        id(x) if keras.backend.backend() == "jax" else x.data_ptr()
        for x in kept
        if np.prod(x.shape) >= np.prod(F.shape)
    }
    assert len(maps) == 1


COMPILATIONS = [False] if keras.backend.backend() == "torch" else [False, True]  # torch.compile takes minutes


@pytest.mark.parametrize("jit_compile", COMPILATIONS)
def test_fit_trains_a_functional_model_with_embeddings(jit_compile: bool) -> None:
    class ReID(keras.Model):
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            identification = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            return identification(y, y_pred["logits"]) + 0.5 * DualCausalityLoss()(y, y_pred["snr"][0])

    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    layer = SNR(reduction=1, data_format="channels_last")  # a single hidden unit may be dead from the start
    x, embeddings = layer(keras.layers.Conv2D(8, 3)(inputs), return_embeddings=True)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(x))
    model = ReID(inputs, {"logits": keras.layers.Dense(2)(x), "snr": [embeddings]})
    model.compile("adam", jit_compile=jit_compile)
    before = {w.name: to_numpy(w) for w in layer.trainable_weights}
    history = model.fit(random(16, 8, 8, 3), np.arange(16) % 2, batch_size=8, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    changed = {w.name for w in layer.trainable_weights if (to_numpy(w) != before[w.name]).any()}
    assert changed == set(before) == {"gamma", "beta", "w1", "w2"}
