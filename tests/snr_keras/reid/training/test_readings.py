"""The readings of the dual causality loss: each is its formula, on the model's weights, and nothing else changes."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import snr_ref
from snr_keras.losses import DualCausalityLoss
from snr_keras.models import reid_model
from snr_keras.reid.adaptation import adapt
from snr_keras.reid.runs.weights import weights_by_path
from snr_keras.reid.settings.adaptation import AdaptationConfig
from snr_keras.reid.settings.training import SNR_READINGS, TrainingConfig
from snr_keras.reid.training import train
from snr_keras.reid.training.readings import EMBEDDINGS, read_model, read_terms
from tests.snr_keras.reid.small import SMALL, metrics_without_times, small_networks, write_images

EPSILON = 1e-5


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (6, 16, 8, 3)).astype("float32")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    with small_networks():
        model = reid_model(3, stages=(2,), image_size=(16, 8), reduction=2)
    layer = model.get_layer("stage2_snr")
    layer.gamma.assign(np.linspace(0.5, 2, layer.channels))
    layer.beta.assign(np.linspace(-1, 1, layer.channels))
    return model


@pytest.fixture(scope="module")
def literal(model: keras.Model, images: np.ndarray) -> snr_ref.SNROutputs:
    """The maps of the module according to the reference."""
    layer = model.get_layer("stage2_snr")
    maps = np.asarray(keras.Model(model.input, layer.input)(images), np.float64)
    weights = {name: np.asarray(getattr(layer, name), np.float64) for name in ("gamma", "beta", "w1", "w2")}
    return snr_ref.snr(maps, snr_ref.SNRParams(**weights), epsilon=layer.epsilon)


def pooled(of: snr_ref.SNROutputs, pool) -> tuple[np.ndarray, ...]:
    return tuple(pool(maps) for maps in (of.F_tilde, of.F_plus, of.F_minus))


def striped(maps: np.ndarray) -> np.ndarray:
    return np.concatenate([stripe.mean(axis=(1, 2)) for stripe in np.split(maps, 4, axis=1)], axis=1)


def moments(maps: np.ndarray) -> np.ndarray:
    return np.concatenate([maps.mean(axis=(1, 2)), np.sqrt(maps.var(axis=(1, 2)) + EPSILON)], axis=1)


FORMULAS = {
    "centred": lambda of: (0 * of.f_tilde, of.f_plus - of.f_tilde, of.f_minus - of.f_tilde),
    "literal": lambda of: (of.f_tilde, of.f_plus, of.f_minus),
    "after_relu": lambda of: pooled(of, lambda maps: np.maximum(maps, 0).mean(axis=(1, 2))),
    "stripes": lambda of: pooled(of, striped),
    "with_deviations": lambda of: pooled(of, moments),
    "minus_to_gate": lambda of: (of.f_tilde, of.f_plus, of.f_minus),
    "both_to_gate": lambda of: (of.f_tilde, of.f_plus, of.f_minus),
}


@pytest.mark.parametrize("reading", EMBEDDINGS)
def test_its_embeddings_are_its_formula(reading: str, model, images, literal) -> None:
    read = read_model(model, reading)(images)
    plain = model(images)
    for name in ("features", "embedding", "logits"):
        np.testing.assert_array_equal(read[name], plain[name])
    ((f_tilde, f_plus, f_minus),) = read["snr"]
    for actual, expected in zip((f_tilde, f_plus, f_minus), FORMULAS[reading](literal), strict=True):
        np.testing.assert_allclose(actual, expected, atol=2e-5 * np.abs(expected).max(initial=1))


def test_only_readings_of_embeddings_change_the_model(model) -> None:
    assert {"specified", "sampled", *EMBEDDINGS} == set(SNR_READINGS)
    assert read_model(model, "specified") is read_model(model, "sampled") is model


@pytest.mark.parametrize(("reading", "reached"), [("minus_to_gate", (True, False)), ("both_to_gate", (False, False))])
def test_with_a_gate_that_is_fixed_nothing_is_left_of_what_reaches_the_gate_alone(reading, reached, images) -> None:
    with small_networks():
        fixed = reid_model(3, stages=(2,), image_size=(16, 8), snr_gate="fixed")
    read = read_model(fixed, reading)
    x = tf.constant(images)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        _, f_plus, f_minus = read(x)["snr"][0]
        of_plus, of_minus = tf.reduce_sum(f_plus**2), tf.reduce_sum(f_minus**2)
    gradients = [tape.gradient(value, x) for value in (of_plus, of_minus)]
    assert tuple(bool(np.abs(gradient).max() > 1e-9) for gradient in gradients) == reached


@pytest.fixture(scope="module", params=["cosine", "euclidean"])
def forty_draws(request):
    """A distance, and L+ and L- of forty draws of triplets."""
    terms = tf.function(
        lambda step, *batch: read_terms(TrainingConfig(snr_reading="sampled", distance=request.param), step)(
            batch[0], batch[1:]
        ),
        autograph=False,
    )
    return request.param, lambda *batch: np.array([terms(tf.constant(step), *batch) for step in range(40)], float)


@given(seed=st.integers(0, 2**32 - 1))
def test_random_triplets_have_the_specified_loss_as_their_mean(forty_draws, seed: int) -> None:
    distance, draw = forty_draws
    rng = np.random.default_rng(seed)
    labels = tf.constant(rng.integers(0, 3, 7))
    embeddings = [tf.constant(rng.standard_normal((7, 4))) for _ in range(3)]
    draws = draw(labels, *embeddings)
    expected = np.array(DualCausalityLoss(distance=distance).terms(labels, embeddings), float)
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected) <= 6 * error + 1e-6).all()  # 6 sigma: of billions of draws, one


def test_a_draw_is_decided_by_the_seed_and_the_step() -> None:
    rng = np.random.default_rng(0)
    labels, embeddings = np.arange(8, dtype="int32") // 4, [rng.standard_normal((8, 4)) for _ in range(3)]

    def drawn(seed: int, step: int) -> list[float]:
        config = TrainingConfig(snr_reading="sampled", seed=seed)
        return [float(term) for term in read_terms(config, tf.constant(step))(labels, embeddings)]

    assert drawn(0, 5) == drawn(0, 5)
    assert len({tuple(drawn(seed, step)) for seed in (0, 1) for step in (5, 6)}) == 4


def test_maps_that_have_no_four_stripes_are_refused() -> None:
    with small_networks():
        model = reid_model(3, stages=(1,), image_size=(24, 8))
    with pytest.raises(ValueError, match=r"a multiple of 4 rows. Received: shape=\(None, 6, 2, 32\)"):
        read_model(model, "stripes")


@pytest.mark.slow
@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize("reading", ["sampled", "with_deviations"])
def test_a_run_with_a_reading_learns_otherwise_and_goes_on_bit_for_bit(reading: str, tmp_path) -> None:
    source = write_images(tmp_path / "data")
    config = dataclasses.replace(SMALL, epochs=2, snr_reading=reading)
    whole = train(config, source, tmp_path / "whole")

    def stop(event) -> None:
        if event.epoch_record:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, source, tmp_path / "stopped", progress=stop)
    resumed = train(config, source, tmp_path / "stopped", resume=True)
    plain = train(dataclasses.replace(config, snr_reading="specified"), source, tmp_path / "plain")
    weights, same, other = map(weights_by_path, (whole, resumed, plain))
    for path, value in weights.items():
        np.testing.assert_array_equal(same[path], value, err_msg=path)
    assert any((other[path] != value).any() for path, value in weights.items())
    assert metrics_without_times(tmp_path / "stopped") == metrics_without_times(tmp_path / "whole")

    with pytest.raises(ValueError, match=f"as specified.* Received: snr_reading='{reading}' in "):
        adapt(AdaptationConfig(), tmp_path / "whole", source, source, tmp_path / "adapted")
