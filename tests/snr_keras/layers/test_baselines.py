"""The baselines' layers against their papers' formulas, and as a Keras user knows layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from keras.src import testing

from snr_keras.layers import (
    IBN,
    AdaptiveInstanceBatchNormalization,
    BatchInstanceNormalization,
    ChannelGate,
    EFDMix,
    MixStyle,
)
from snr_keras.layers.style_mixing import symmetric_beta
from tests.snr_keras.backend import MODES, to_numpy, to_tensor, value_and_gradients

NORMS = [IBN, BatchInstanceNormalization, AdaptiveInstanceBatchNormalization]
MIXERS = [MixStyle, EFDMix]
LAYERS = [*NORMS, *MIXERS, ChannelGate]
FORMATS = ["channels_last", "channels_first"]
MOMENTUM, EPSILON = 0.8, 1e-3


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * 2 + 1).astype(np.float32)


def styled(images: int = 6, height: int = 5, width: int = 4, channels: int = 5) -> np.ndarray:
    """Maps (N, H, W, C) of images that differ in their means and standard deviations."""
    style = np.random.default_rng(1).uniform(0.5, 2, (images, 1, 1, channels)).astype(np.float32)
    return random(images, height, width, channels) * style + style[::-1] * 3


def laid_out(F: np.ndarray, data_format: str) -> np.ndarray:
    return F if data_format == "channels_last" else np.moveaxis(F, -1, 1)


def channels_last(F: Any, data_format: str) -> np.ndarray:
    F = to_numpy(F)
    return F if data_format == "channels_last" else np.moveaxis(F, 1, -1)


def with_random_weights(layer: keras.Layer, channels: int = 5) -> keras.Layer:
    """The layer, built, with weights unlike those that any initializer gives."""
    axis = 4 * [7]
    axis[-1 if layer.data_format == "channels_last" else 1] = channels
    layer.build((None, *axis[1:]))
    rng = np.random.default_rng(2)
    for weight in layer.weights:
        if weight.name != "seed_generator_state":
            weight.assign(rng.uniform(0.2, 0.8, weight.shape))
    return layer


def normalized(layer: keras.Layer, F: np.ndarray, training: bool) -> np.ndarray:
    """The formula of each norm, from its paper."""
    gamma, beta, moving_mean, moving_variance = (
        to_numpy(w) for w in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    )
    image = F.mean((1, 2), keepdims=True), F.var((1, 2), keepdims=True)
    batch = (F.mean((0, 1, 2)), F.var((0, 1, 2))) if training else (moving_mean, moving_variance)
    by_image, by_batch = ((F - mean) / np.sqrt(variance + EPSILON) for mean, variance in (image, batch))
    if isinstance(layer, IBN):
        half = F.shape[-1] // 2
        x_hat = np.concatenate([by_image[..., :half], by_batch[..., half:]], axis=-1)
    elif isinstance(layer, BatchInstanceNormalization):
        rho = to_numpy(layer.rho)
        x_hat = rho * by_batch + (1 - rho) * by_image
    else:
        e = np.exp(to_numpy(layer.mixture))
        w = e / e.sum()
        mean, variance = (w[0] * i + w[1] * b for i, b in zip(image, batch, strict=True))
        x_hat = (F - mean) / np.sqrt(variance + EPSILON)
    return gamma * x_hat + beta


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("kind", NORMS)
def test_norms_compute_their_formulas_and_the_moving_statistics_of_batch_norm(kind, data_format, training) -> None:
    layer = with_random_weights(kind(MOMENTUM, EPSILON, data_format))
    F = styled()
    expected = normalized(layer, F.astype(np.float64), training)
    before = to_numpy(layer.moving_mean), to_numpy(layer.moving_variance)
    actual = layer(to_tensor(laid_out(F, data_format), "float32"), training=training)
    np.testing.assert_allclose(channels_last(actual, data_format), expected, rtol=1e-4, atol=1e-5)
    now = F.astype(np.float64).mean((0, 1, 2)), F.astype(np.float64).var((0, 1, 2))
    share = MOMENTUM if training else 1
    for moving, old, new in zip((layer.moving_mean, layer.moving_variance), before, now, strict=True):
        np.testing.assert_allclose(to_numpy(moving), share * old + (1 - share) * new, rtol=1e-5)


@pytest.mark.parametrize("kind", NORMS)
def test_norms_that_are_not_trainable_use_and_keep_their_moving_statistics(kind) -> None:
    layer = with_random_weights(kind())
    layer.trainable = False
    before = [to_numpy(w) for w in layer.weights]
    np.testing.assert_array_equal(to_numpy(layer(styled(), training=True)), to_numpy(layer(styled())))
    for weight, value in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(to_numpy(weight), value)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", [BatchInstanceNormalization, AdaptiveInstanceBatchNormalization])
def test_norms_that_take_the_batch_alone_are_batch_normalization(kind, training) -> None:
    layer, plain = with_random_weights(kind(MOMENTUM, EPSILON)), keras.layers.BatchNormalization(-1, MOMENTUM, EPSILON)
    if kind is BatchInstanceNormalization:
        layer.rho.assign(np.ones(5))
    else:
        layer.mixture.assign([-1e4, 0])
    plain.build((None, 7, 7, 5))
    ours = {weight.name: weight for weight in layer.weights}
    for weight in plain.weights:
        weight.assign(ours[weight.name])
    np.testing.assert_allclose(
        to_numpy(layer(styled(), training=training)), to_numpy(plain(styled(), training=training)), rtol=1e-4, atol=1e-5
    )
    for weight in plain.weights:
        np.testing.assert_allclose(to_numpy(ours[weight.name]), to_numpy(weight), rtol=1e-5)


def test_rho_stays_a_gate_whatever_the_optimizer_does() -> None:
    layer = with_random_weights(BatchInstanceNormalization())
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([layer.rho])
    before = to_numpy(layer.rho)
    optimizer.apply([to_tensor(np.array([5, -5, 0.1, -0.1, 0.0]), "float32")])
    np.testing.assert_allclose(to_numpy(layer.rho), np.clip(before - [5, -5, 0.1, -0.1, 0], 0, 1), rtol=1e-6)
    assert to_numpy(layer.rho)[:2].tolist() == [0, 1]


@pytest.mark.parametrize("data_format", FORMATS)
def test_the_gate_computes_its_formula(data_format) -> None:
    layer = with_random_weights(ChannelGate(reduction=2, data_format=data_format))
    F = styled().astype(np.float64)
    w1, w2 = to_numpy(layer.w1), to_numpy(layer.w2)
    assert w1.shape == (5, 2)
    a = 1 / (1 + np.exp(-np.maximum((F.mean((1, 2)) - 3) @ w1, 0) @ w2))
    actual = layer(to_tensor(laid_out(F - 3, data_format), "float32"))
    np.testing.assert_allclose(channels_last(actual, data_format), a[:, None, None] * (F - 3), rtol=1e-4, atol=1e-5)


def given(share: float, partner: list[int], layer: keras.Layer, F: np.ndarray) -> np.ndarray:
    """The output of a mixing layer for this lambda and this permutation."""
    layer.build(F.shape)
    shares = np.full((len(F), 1, 1, 1), share, np.float32)
    x = to_tensor(F, "float32")
    return to_numpy(layer.mix(x, to_tensor(np.array(partner), "int32"), to_tensor(shares, "float32")))


PARTNER = [2, 0, 1, 5, 3, 4]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_mixstyle_gives_mixed_means_and_deviations_and_keeps_what_is_normalized(share) -> None:
    F = styled().astype(np.float64)
    mean, sigma = F.mean((1, 2), keepdims=True), F.std((1, 2), keepdims=True)
    mixed_mean, mixed_sigma = (share * s + (1 - share) * s[PARTNER] for s in (mean, sigma))
    actual = given(share, PARTNER, MixStyle(data_format="channels_last"), F)
    np.testing.assert_allclose(actual, mixed_sigma * (F - mean) / sigma + mixed_mean, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("data_format", FORMATS)
def test_efdmix_gives_the_sorted_values_of_the_partner_in_the_order_of_ones_own(data_format) -> None:
    F, share = styled(), 0.3
    actual = channels_last(
        given(share, PARTNER, EFDMix(data_format=data_format), laid_out(F, data_format)), data_format
    )
    flat, result = F.reshape(6, 20, 5), actual.reshape(6, 20, 5)
    ordered = np.sort(flat, axis=1)
    np.testing.assert_allclose(np.sort(result, axis=1), share * ordered + 0.7 * ordered[PARTNER], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(np.argsort(result, axis=1), np.argsort(flat, axis=1))


def test_efdmix_keeps_maps_whose_lambda_is_one() -> None:
    np.testing.assert_array_equal(given(1.0, PARTNER, EFDMix(data_format="channels_last"), styled()), styled())


@pytest.mark.parametrize("mode", MODES)
def test_no_gradient_flows_through_statistics_but_through_the_values_that_efdmix_takes(mode) -> None:
    F, share = styled(), 0.3
    upstream = random(*F.shape, seed=3)
    shares, partner = to_tensor(np.full((6, 1, 1, 1), share), "float32"), to_tensor(np.array(PARTNER), "int32")

    def gradient(layer: keras.Layer) -> np.ndarray:
        layer.build(F.shape)
        run = value_and_gradients(lambda x: [layer.mix(x, partner, shares)], mode=mode)
        return run([to_tensor(F, "float32")], [to_tensor(upstream, "float32")])[1][0]

    sigma = F.std((1, 2), keepdims=True)
    mixed_sigma = share * sigma + (1 - share) * sigma[PARTNER]
    np.testing.assert_allclose(
        gradient(MixStyle(data_format="channels_last")), upstream * mixed_sigma / sigma, rtol=1e-4
    )

    expected = upstream.astype(np.float64).reshape(6, 20, 5)
    order = np.argsort(F.reshape(6, 20, 5), axis=1)
    by_rank = np.take_along_axis(upstream.reshape(6, 20, 5), order, axis=1)
    for image, partner_of_it in enumerate(PARTNER):
        for channel in range(5):  # the k-th smallest value of the partner went where this image has its own
            expected[partner_of_it, order[partner_of_it, :, channel], channel] += 0.7 * by_rank[image, :, channel]
    np.testing.assert_allclose(
        gradient(EFDMix(data_format="channels_last")), expected.reshape(F.shape), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("kind", MIXERS)
def test_mixing_is_the_identity_in_inference_and_with_p_of_zero(kind) -> None:
    np.testing.assert_array_equal(to_numpy(kind(p=1.0)(styled(), training=False)), styled())
    np.testing.assert_array_equal(to_numpy(kind(p=0.0)(styled(), training=True)), styled())


@pytest.mark.parametrize("kind", MIXERS)
def test_p_is_the_share_of_batches_that_are_mixed(kind) -> None:
    layer, F = kind(p=0.25, alpha=1.0, seed=0), styled(4, 2, 2, 2)
    mixed = [not np.array_equal(to_numpy(layer(F, training=True)), F) for _ in range(100)]
    assert 0.12 < np.mean(mixed) < 0.38


def test_every_image_gets_its_partner_from_one_permutation() -> None:
    F = np.arange(8, dtype=np.float32)[:, None, None, None] + np.zeros((8, 2, 2, 1), np.float32)
    y = to_numpy(MixStyle(p=1.0, alpha=1e-3, seed=3)(F, training=True))[:, 0, 0, 0]  # lambda is 0 or 1
    np.testing.assert_allclose(y, np.round(y), atol=1e-3)
    assert set(np.round(y)) <= set(range(8))
    assert (np.round(y) != np.arange(8)).any()


@pytest.mark.parametrize("kind", MIXERS)
def test_the_same_seed_mixes_alike_and_each_batch_differently(kind) -> None:
    F = styled()
    first, second = kind(p=1.0, alpha=1.0, seed=5), kind(p=1.0, alpha=1.0, seed=5)
    batches = [to_numpy(first(F, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(to_numpy(second(F, training=True)), batches[0])
    assert not np.array_equal(batches[0], batches[1])
    keras.utils.set_random_seed(1)
    third = to_numpy(kind(p=1.0, alpha=1.0)(F, training=True))
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(to_numpy(kind(p=1.0, alpha=1.0)(F, training=True)), third)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="a traced call of JAX's must not update variables")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", LAYERS)
def test_every_compiler_takes_training(kind, mode) -> None:
    options = {"p": 1.0, "seed": 1} if kind in MIXERS else {}
    layer, again = (with_random_weights(kind(data_format="channels_last", **options)) for _ in range(2))
    run = value_and_gradients(lambda x: [layer(x, training=True)], layer.trainable_weights, mode)
    (actual,), gradients = run([to_tensor(styled(), "float32")], [to_tensor(styled(), "float32")])
    assert np.all(np.isfinite(actual))
    assert not np.allclose(actual, styled())
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in gradients)
    if kind not in MIXERS:  # XLA draws other random numbers
        np.testing.assert_allclose(actual, to_numpy(again(styled(), training=True)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", MIXERS)
def test_files_remember_where_the_random_numbers_stood(kind, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((5, 4, 5)), kind(p=1.0, alpha=1.0)])
    model(styled(), training=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(again(styled(), training=True)), to_numpy(model(styled(), training=True)))


@pytest.mark.parametrize("alpha", [0.1, 0.5, 2.0])
def test_lambda_is_beta_distributed(alpha) -> None:
    stats = pytest.importorskip("scipy.stats")
    samples = to_numpy(symmetric_beta((20_000,), alpha, seed=keras.random.SeedGenerator(0)))
    assert np.all((samples >= 0) & (samples <= 1))
    thresholds = np.array([1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])  # float32 has no 1 - 1e-9
    shares = (samples[:, None] < thresholds).mean(0)
    np.testing.assert_allclose(shares, stats.beta(alpha, alpha).cdf(thresholds), atol=4 * 0.5 / np.sqrt(20_000))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("kind", LAYERS)
def test_maps_may_have_one_spatial_axis_or_three_and_open_sizes(kind, data_format) -> None:
    options = {"p": 1.0} if kind in MIXERS else {}
    for rank in (3, 5):
        shape = 3, *(2, 3, 4)[: rank - 2], 6
        F = to_tensor(laid_out(random(*shape), data_format), "float32")
        open_shape = [None] * (rank - 1)
        open_shape[-1 if data_format == "channels_last" else 0] = 6
        layer = kind(data_format=data_format, **options)
        inputs = keras.Input(open_shape)
        model = keras.Model(inputs, layer(inputs))
        assert model.output.shape == inputs.shape
        assert to_numpy(model(F, training=True)).shape == F.shape


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", LAYERS)
def test_half_precision_is_that_of_the_output_alone(kind, policy) -> None:
    options = {"p": 1.0, "seed": 1} if kind in MIXERS else {"dtype": "float32"}
    full = kind(**{**options, "dtype": "float32"}, data_format="channels_last")
    half = kind(**{**options, "dtype": policy}, data_format="channels_last")
    F = random(4, 5, 4, 6) + np.float32(300)  # 300**2 is infinite in float16
    for layer in (full, half):
        with_random_weights(layer, 6)
    expected, actual = full(F, training=True), half(F, training=True)
    symbolic = half(keras.Input((5, 4, 6), dtype=half.compute_dtype))
    assert keras.backend.standardize_dtype(actual.dtype) == half.compute_dtype == symbolic.dtype
    assert {keras.backend.standardize_dtype(w.dtype) for w in half.weights} <= {"float32"}
    np.testing.assert_array_equal(to_numpy(ops.cast(expected, half.compute_dtype)), to_numpy(actual))


@pytest.mark.parametrize("kind", LAYERS)
def test_inputs_that_are_no_feature_maps_are_refused(kind) -> None:
    with pytest.raises(ValueError, match=rf"{kind.__name__} expects \(N, \*S, C\).*Received: input_shape=\(2, 3\)"):
        kind(data_format="channels_last")(random(2, 3))
    with pytest.raises(ValueError, match=r"C defined. Received: input_shape=\(None, None, 3, 3\)"):
        kind(data_format="channels_first")(keras.Input((None, 3, 3)))
    with pytest.raises(ValueError, match=r"cast integers first\. Received: dtype='int32'"):
        kind()(to_tensor(np.ones((2, 3, 3, 4)), "int32"), **({} if kind is ChannelGate else {"training": True}))
    with pytest.raises(ValueError, match="Received: data_format='nchw'"):
        kind(data_format="nchw")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (MixStyle, {"p": 1.5}),
        (EFDMix, {"p": True}),
        (MixStyle, {"alpha": 0}),
        (EFDMix, {"alpha": float("inf")}),
        (ChannelGate, {"reduction": 0}),
        (ChannelGate, {"reduction": 2.0}),
    ],
)
def test_arguments_out_of_range_are_named(kind, arguments) -> None:
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=rf"Received: {name}={value}"):
        kind(**arguments)


class StandardLayerTest(testing.TestCase):
    """Keras' own standard."""

    def check(self, kind: type, weights: tuple[int, int], seeds: int = 0, **options: Any) -> None:
        self.run_layer_test(
            kind,
            init_kwargs=options,
            input_shape=(3, 4, 5, 8) if options["data_format"] == "channels_last" else (3, 8, 4, 5),
            expected_output_shape=(3, 4, 5, 8) if options["data_format"] == "channels_last" else (3, 8, 4, 5),
            expected_output_dtype="float32",
            expected_num_trainable_weights=weights[0],
            expected_num_non_trainable_weights=weights[1],
            expected_num_seed_generators=seeds,
            expected_num_losses=0,
            supports_masking=True,
        )

    def test_ibn(self) -> None:
        self.check(IBN, (2, 2), data_format="channels_last", momentum=0.5, epsilon=1e-3)

    def test_batch_instance_normalization(self) -> None:
        options = {f"{name}_initializer": "random_uniform" for name in ("gamma", "beta", "rho")}
        self.check(BatchInstanceNormalization, (3, 2), data_format="channels_first", **options)

    def test_adaptive_instance_batch_normalization(self) -> None:
        options = {"mixture_initializer": "ones"}
        self.check(AdaptiveInstanceBatchNormalization, (3, 2), data_format="channels_last", **options)

    def test_mixstyle(self) -> None:
        self.check(MixStyle, (0, 0), seeds=1, data_format="channels_first", p=0.7, alpha=0.3, seed=4)

    def test_efdmix(self) -> None:
        self.check(EFDMix, (0, 0), seeds=1, data_format="channels_last", p=1.0)

    def test_channel_gate(self) -> None:
        options = {"w1_initializer": "random_normal", "w2_initializer": "zeros"}
        self.check(ChannelGate, (2, 0), data_format="channels_last", reduction=4, **options)
