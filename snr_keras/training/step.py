"""One step of training: forward, loss, gradient, clip, update."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from snr_keras.schedules import HalvedEvery
from snr_keras.training.config import TrainingConfig
from snr_keras.training.objective import Objective

TrainStep = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


def make_train_step(model: keras.Model, objective: Objective, *, jit_compile: bool = False) -> TrainStep:
    """A `tf.function` that trains a compiled `model` on one batch.

    It returns float32 scalars: the terms of the objective as they were before the update, without any loss scale;
    `regularization`, if layers of the model add losses (they are part of `total`); `gradient_norm`, before clipping;
    `accuracy` of the classifier on the batch.
    """
    optimizer = model.optimizer
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)

    @tf.function(jit_compile=jit_compile)
    def train_step(images: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            terms = objective(labels, outputs)
            if model.losses:
                terms["regularization"] = ops.sum(ops.stack([ops.cast(x, "float32") for x in model.losses]))
                terms["total"] += terms["regularization"]
            loss = optimizer.scale_loss(terms["total"])
        variables = model.trainable_variables
        # gamma of a last-stage SNR reaches no term (it cancels in the pooling): None there counts as zero.
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        norm = tf.linalg.global_norm(gradients)
        if scaled:
            norm /= ops.convert_to_tensor(optimizer.dynamic_scale)
        optimizer.apply(gradients, variables)
        accuracy = ops.mean(ops.cast(ops.equal(ops.argmax(outputs["logits"], axis=-1), labels), "float32"))
        return {**terms, "gradient_norm": norm, "accuracy": accuracy}

    return train_step


def make_optimizer(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW (Adam without weight decay) under the schedule of a config, clipping by the gradient's global norm.

    Scales, shifts and the mixtures of normalizations are not decayed: pulling gamma to zero would switch normalization
    layers off, pulling rho there would make batch-instance normalization instance normalization.
    """
    optimizer: Any = keras.optimizers.AdamW(
        make_schedule(config, steps_per_epoch), weight_decay=config.weight_decay, global_clipnorm=config.clip_norm
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "rho", "mixture"])
    if config.mixed_precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def make_schedule(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """A linear warm-up, then the halvings of `halved_every`, or without them a cosine down to a hundredth."""
    warmup = round(config.warmup_epochs * steps_per_epoch)
    largest, smallest = config.learning_rate, config.learning_rate / 100
    if config.halved_every is not None:
        return HalvedEvery(largest, warmup, config.halved_every * steps_per_epoch)
    return keras.optimizers.schedules.CosineDecay(
        smallest if warmup else largest,
        decay_steps=max(1, config.epochs * steps_per_epoch - warmup),
        alpha=0.01,
        warmup_target=largest if warmup else None,
        warmup_steps=warmup,
    )
