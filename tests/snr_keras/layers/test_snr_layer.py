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
from tests.snr_keras.backend import to_numpy, to_tensor, value_and_gradients

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="is about TensorFlow")
half_on_this_backend = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras' own tests leave half precision on PyTorch's CPU out, too"
)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 2 + 1


def reference(layer: SNR, F: np.ndarray) -> snr_ref.SNROutputs:
    weights = [None if w is None else to_numpy(w) for w in (getattr(layer, n) for n in snr_ref.SNRParams._fields)]
    return snr_ref.snr(F, snr_ref.SNRParams(*weights), epsilon=layer.epsilon)


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


@tensorflow_only  # elsewhere Keras' own operations take float64 for float32
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


@half_on_this_backend
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


@half_on_this_backend
def test_half_precision_survives_means_that_overflow_when_squared() -> None:
    F = ops.cast(random(2, 6, 5, 4) + 1e4, "float16")
    F_plus = SNR(dtype="mixed_float16", data_format="channels_last")(F)
    assert np.isfinite(to_numpy(F_plus)).all()


def test_a_constant_channel_of_any_size_is_normalized_to_beta() -> None:
    layer = SNR(data_format="channels_last", beta_initializer="random_normal")
    F = np.full((1, 7, 9, 3), [1e4 / 3, -1e6 / 7, 1e-5], np.float32)
    outputs = to_numpy(layer(F))
    expected = reference(layer, F).F_plus
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


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


def test_an_empty_batch_comes_out_empty() -> None:
    F_plus, embeddings = SNR(data_format="channels_last")(np.zeros((0, 4, 4, 8), np.float32), return_embeddings=True)
    assert tuple(F_plus.shape) == (0, 4, 4, 8)
    assert {tuple(f.shape) for f in embeddings} == {(0, 8)}


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
        ((2, 8), r"at least one spatial axis. Received: input_shape=\(2, 8\)"),
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


def test_other_channels_than_at_first_are_refused() -> None:
    layer = SNR(data_format="channels_last")
    layer(random(2, 4, 4, 3))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        layer(random(2, 4, 4, 5))


@tensorflow_only
def test_batch_and_spatial_sizes_may_be_dynamic() -> None:
    import tensorflow as tf

    layer = SNR(data_format="channels_last", beta_initializer="random_normal")
    layer.build((None, None, None, 4))

    def function(F: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(F)
            F_plus, embeddings = layer(F, return_embeddings=True)
        return F_plus, embeddings.f_plus, tape.gradient([F_plus, embeddings.f_minus], F)

    dynamic = tf.function(function, input_signature=[tf.TensorSpec((None, None, None, 4))])
    for shape in ((2, 1, 1, 4), (3, 5, 7, 4), (1, 8, 8, 4)):
        F = tf.constant(random(*shape))
        for got, expected in zip(dynamic(F), function(F), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
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
    """In a graph, whatever the backward pass uses of the forward pass is an input of the backward call."""
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
    forward, backward = (op for op in graph.get_operations() if "PartitionedCall" in op.type)
    size = np.prod(shape)

    def maps(tensors: Any) -> int:
        return sum(tensor.shape.num_elements() == size for tensor in tensors)

    assert (maps(forward.inputs), maps(forward.outputs)) == (1, 1)  # F; F~+
    assert (maps(backward.inputs), maps(backward.outputs)) == (2, 1)  # F and G; the gradient of F
    assert not [op.name for op in graph.get_operations() if op.type in ("Mul", "Sub", "AddV2") and maps(op.outputs)]


def test_fit_trains_it() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(8, 3),
            SNR(data_format="channels_last"),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = random(16, 8, 8, 3), np.arange(16) % 2
    before = [to_numpy(w) for w in model.layers[1].trainable_weights]
    history = model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    after = [to_numpy(w) for w in model.layers[1].trainable_weights]
    assert np.isfinite(history.history["loss"]).all()
    assert all((a != b).any() for a, b in zip(after, before, strict=True))
