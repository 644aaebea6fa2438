"""One step: what it returns, what it changes, how often it is traced, and how it is compiled."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from snr_keras.models import reid_model
from snr_keras.reid.runs import TrainingConfig
from snr_keras.reid.training import reid_objective
from snr_keras.reid.training.step import make_optimizer, make_train_step

RNG = np.random.default_rng(0)
LABELS = tf.constant([0, 0, 1, 1, 2, 2])


def images() -> tf.Tensor:
    return tf.constant(RNG.uniform(0, 255, (6, 16, 8, 3)), tf.float32)


def tiny_model(regularizer: keras.Regularizer | None = None) -> keras.Model:
    """A model with the outputs of a `reid_model` without modules, that traces in no time."""
    inputs = keras.Input((16, 8, 3))
    x = keras.layers.Conv2D(4, 3, strides=4, kernel_regularizer=regularizer)(keras.layers.Rescaling(1 / 255)(inputs))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, {"features": features, "logits": keras.layers.Dense(3)(features)})


def compiled(model: keras.Model, config: TrainingConfig):
    model.compile(optimizer=make_optimizer(config, steps_per_epoch=10), auto_scale_loss=False)
    model.optimizer.build(model.trainable_variables)
    return make_train_step(model, reid_objective(config), jit_compile=config.jit_compile)


PLAIN = TrainingConfig(normalization="none", epochs=2, warmup_epochs=0, learning_rate=1e-2)


def test_the_step_is_traced_once():
    step = compiled(tiny_model(), PLAIN)
    for _ in range(3):
        step(images(), LABELS)
    assert step.experimental_get_tracing_count() == 1


def test_the_loss_falls_on_a_batch_seen_again_and_again():
    keras.utils.set_random_seed(0)
    step, batch = compiled(tiny_model(), PLAIN), images()
    losses = [float(step(batch, LABELS)["total"]) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_the_terms_are_those_before_the_update():
    model = tiny_model()
    batch = images()
    expected = reid_objective(PLAIN)(LABELS, model(batch, training=True))
    terms = compiled(model, PLAIN)(batch, LABELS)
    assert list(terms) == ["cross_entropy", "triplet", "total", "gradient_norm", "accuracy"]
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-5, err_msg=name)


def test_regularization_is_a_term_of_its_own_and_part_of_the_total():
    terms = compiled(tiny_model(keras.regularizers.L2(0.5)), PLAIN)(images(), LABELS)
    assert float(terms["regularization"]) > 0
    np.testing.assert_allclose(
        terms["total"], terms["cross_entropy"] + terms["triplet"] + terms["regularization"], rtol=1e-6
    )


def test_the_gradient_is_clipped_to_its_norm():
    """Adam forgets the scale of a gradient, its first moment does not."""
    config = TrainingConfig(normalization="none", clip_norm=1e-3, weight_decay=0.0)
    model = tiny_model()
    norm = float(compiled(model, config)(images(), LABELS)["gradient_norm"])
    assert norm > 1e-2
    moments = [v for v in model.optimizer.variables if "momentum" in v.path]
    assert len(moments) == len(model.trainable_variables)
    np.testing.assert_allclose(10 * float(tf.linalg.global_norm(moments)), 1e-3, rtol=1e-4)  # first moment: 0.1 g


@pytest.mark.parametrize("normalization", ["bin", "aibn"])
def test_weight_decay_leaves_scales_shifts_and_mixtures_alone(normalization):
    model = reid_model(5, normalization=normalization, image_size=(16, 8))
    for v in model.trainable_variables:
        v.assign(v / 2 + 0.1)
    optimizer = make_optimizer(TrainingConfig(weight_decay=0.5, warmup_epochs=0, learning_rate=1e-1), 10)
    before = {v.path: keras.ops.convert_to_numpy(v) for v in model.trainable_variables}
    optimizer.build(model.trainable_variables)
    optimizer.apply([tf.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    for v in model.trainable_variables:
        expected = before[v.path] * (0.95 if v.name == "kernel" else 1.0)
        np.testing.assert_allclose(v, expected, rtol=1e-6, err_msg=v.path)


def test_the_learning_rate_rises_from_a_hundredth_and_falls_to_a_hundredth():
    schedule = make_optimizer(TrainingConfig(learning_rate=1.0, epochs=10, warmup_epochs=2), 5)._learning_rate
    rates = [float(schedule(step)) for step in range(51)]
    np.testing.assert_allclose([rates[0], rates[10], rates[30], rates[50]], [0.01, 1.0, 0.505, 0.01], rtol=1e-5)
    assert np.all(np.diff(rates[:11]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)


def test_without_warm_up_the_learning_rate_starts_at_its_largest():
    schedule = make_optimizer(TrainingConfig(learning_rate=1.0, epochs=10, warmup_epochs=0), 5)._learning_rate
    np.testing.assert_allclose([float(schedule(0)), float(schedule(50))], [1.0, 0.01], rtol=1e-5)


def test_halvings_are_the_schedule_of_the_paper():
    """Warm-up over 20 epochs from 8e-6 to 8e-4, halved every 40."""
    config = TrainingConfig(learning_rate=8e-4, epochs=120, warmup_epochs=20, halved_every=40)
    schedule = make_optimizer(config, 10)._learning_rate
    rates = [float(schedule(step)) for step in range(1200)]
    np.testing.assert_allclose([rates[0], rates[100]], [8e-6, (8e-6 + 8e-4) / 2], rtol=1e-5)
    for first, last, rate in ((200, 599, 8e-4), (600, 999, 4e-4), (1000, 1199, 2e-4)):
        np.testing.assert_allclose(rates[first : last + 1], rate, rtol=1e-6)
    assert np.all(np.diff(rates[:201]) > 0)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert [float(again(step)) for step in (0, 150, 700)] == [rates[0], rates[150], rates[700]]


def test_halvings_need_no_warm_up():
    schedule = make_optimizer(TrainingConfig(learning_rate=1.0, warmup_epochs=0, halved_every=2), 5)._learning_rate
    assert [float(schedule(step)) for step in (0, 9, 10, 19, 20)] == [1.0, 1.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_trains_and_reports_unscaled_terms(policy):
    batch, terms = images(), {}
    for name in ("float32", policy):
        keras.utils.set_random_seed(0)
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(name)
        try:
            model = tiny_model()
        finally:
            keras.config.set_dtype_policy(before)
        step = compiled(model, TrainingConfig(normalization="none", mixed_precision=name))
        terms[name] = {k: float(v) for k, v in step(batch, LABELS).items()}
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (policy == "mixed_float16")
    for term in ("cross_entropy", "triplet", "total", "gradient_norm"):
        np.testing.assert_allclose(terms[policy][term], terms["float32"][term], rtol=0.05, atol=0.01, err_msg=term)


def test_an_overflow_under_loss_scaling_skips_the_update_and_halves_the_scale():
    model = tiny_model()
    step = compiled(model, TrainingConfig(normalization="none", mixed_precision="mixed_float16"))
    model.optimizer.dynamic_scale.assign(3e38)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    terms = step(1e3 * images(), LABELS)
    assert np.isfinite(terms["total"])
    assert not np.isfinite(terms["gradient_norm"])
    for value, variable in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(value, variable)
    np.testing.assert_allclose(model.optimizer.dynamic_scale, 1.5e38, rtol=1e-6)
    assert int(model.optimizer.iterations) == 0


def test_xla_computes_the_same_step():
    batch, results = images(), {}
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        step = compiled(tiny_model(), dataclasses.replace(PLAIN, jit_compile=jit_compile))
        results[jit_compile] = {k: float(v) for k, v in step(batch, LABELS).items()}
    assert results[True] == pytest.approx(results[False], rel=1e-4)
