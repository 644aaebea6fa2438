"""One step of training: forward, loss, gradient, clip, update."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from snr_keras.reid.runs.distribution import gathered, gathered_outputs, summed, synchronized_statistics
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.training.objective import Objective
from snr_keras.schedules import HalvedEvery

TrainStep = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


def make_train_step(
    model: keras.Model, objective: Objective, *, forward: keras.Model | None = None, jit_compile: bool = False
) -> TrainStep:
    """A `tf.function` that trains a compiled `model` on one batch.

    The objective gets the outputs of `forward`, a model with the same weights; by default of `model` itself.

    It returns float32 scalars: the terms of the objective before the update, without any loss scale; `regularization`,
    if layers of the model add losses (part of `total`); `gradient_norm`, before clipping; and `accuracy` of the
    classifier on the batch.

    Made in the scope of a `tf.distribute` strategy with several replicas, it takes the parts of a batch from an
    iterator of the strategy, and updates each replica's weights as one device with the whole batch does.
    """
    optimizer = model.optimizer
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync

    def step(images: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = (forward or model)(images, training=True)
            if replicas > 1:
                labels, outputs = gathered(labels), gathered_outputs(outputs)
            terms = objective(labels, outputs)
            if model.losses:
                terms["regularization"] = ops.sum(ops.stack([ops.cast(x, "float32") for x in model.losses]))
                terms["total"] += terms["regularization"]
            loss = optimizer.scale_loss(terms["total"])
            if replicas > 1:  # every replica has the loss of the whole batch, and gradients are summed over all
                loss /= replicas
        norm = descend(model, tape, loss)
        return {**terms, "gradient_norm": norm, "accuracy": accuracy(labels, outputs["logits"])}

    @tf.function(jit_compile=jit_compile, autograph=False)
    def train_step(images: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        with synchronized_statistics(model) if replicas > 1 else nullcontext():
            results = strategy.run(step, args=(images, labels))
        return {name: strategy.experimental_local_results(term)[0] for name, term in results.items()}

    return train_step


def descend(model: keras.Model, tape: tf.GradientTape, loss: tf.Tensor) -> tf.Tensor:
    """Update a compiled model by the gradient of its scaled loss; returns the norm of that gradient, without the scale.

    With several replicas, each contributes its part of the loss; the norm is that of the sum.
    """
    optimizer, variables = model.optimizer, model.trainable_variables
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    # gamma of a last-stage SNR affects no term (it cancels in the pooling): None there counts as zero.
    gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    if replicas > 1:
        gradients = summed(gradients)
    norm = tf.linalg.global_norm(gradients)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        norm /= ops.convert_to_tensor(optimizer.dynamic_scale)
    # Keras' optimizers add up what they get from the replicas, but only after clipping and checking for overflows: so
    # each gets an equal part of the sum.
    optimizer.apply([gradient / replicas for gradient in gradients] if replicas > 1 else gradients, variables)
    return norm


def accuracy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The fraction of the images whose largest logit is that of their label."""
    return ops.mean(ops.cast(ops.equal(ops.argmax(logits, axis=-1), labels), "float32"))


def make_optimizer(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW (Adam without weight decay) with the schedule of a config, clipping by the gradient's global norm.

    In the scope of a `tf.distribute` strategy it clips the equal parts of a gradient that it gets from replicas.

    Scales, shifts and the mixtures of normalizations have no weight decay: reducing gamma to zero would switch
    normalization layers off, and reducing rho to zero would turn batch-instance normalization into instance
    normalization.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    optimizer: Any = keras.optimizers.AdamW(
        make_schedule(config, steps_per_epoch),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm and config.clip_norm / replicas,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "rho", "mixture"])
    if config.mixed_precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def make_schedule(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """A linear warm-up, then the halvings of `halved_every`, or without them a cosine to a hundredth."""
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
