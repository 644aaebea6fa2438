"""One step of an adaptation: forward passes of both domains, losses, gradient, update, and the running state."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from snr_keras.losses import MinedPairs, adaptation_step, log_multilabels, mine_pairs, unit
from snr_keras.reid.adaptation.state import RunningState, agents_of
from snr_keras.reid.settings.adaptation import AdaptationConfig
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.training.objective import snr_objective
from snr_keras.reid.training.step import accuracy, descend

MOMENTUM = 0.9


AdaptationStep = Callable[..., tuple[dict[str, tf.Tensor], MinedPairs]]


def make_adaptation_step(
    model: keras.Model, running: RunningState, config: AdaptationConfig, network: TrainingConfig
) -> AdaptationStep:
    """A `tf.function` that trains a compiled `reid_model` on a batch of each domain and updates the running state.

    Its arguments are the images and labels of the source, the images, views and indices of the target, and `mining`, a
    Python bool: whether the first epoch is over. Each domain has its own forward pass, so the statistics of a batch
    never mix domains; the moving statistics see both in turn. L_SNR of the modules, on the labelled source, is added to
    the cross-entropy in MAR's total, which has the weights of the config: with MAR's weights 50 (CE + 0.2 L_RJ + sum of
    lambda_b L_SNR^b).

    It returns the mined pairs, by the images' indices in the target, and float32 scalars: `discriminative`,
    `consistency`, `cross_entropy`, `joint_embedding`, `snr{stage}_plus` and `snr{stage}_minus` before weighting, and
    `total`; `gradient_norm` before clipping; `accuracy` on the source; `threshold` before the update;
    `multilabel_entropy`, in nats, the mean over the target's images; and the numbers of `positives` and `negatives`.
    """
    snr = snr_objective(network)
    weights = config.loss_weights
    optimizer = model.optimizer

    @tf.function(autograph=False)
    def step(
        images: tf.Tensor,
        labels: tf.Tensor,
        target_images: tf.Tensor,
        views: tf.Tensor,
        indices: tf.Tensor,
        mining: bool,
    ) -> tuple[dict[str, tf.Tensor], MinedPairs]:
        before = running.read()
        with tf.GradientTape() as tape:
            of_source = model(images, training=True)
            of_target = model(target_images, training=True)
            target, agents = unit(of_target["embedding"]), agents_of(model)
            losses, after = adaptation_step(
                before,
                unit(of_source["embedding"]),
                labels,
                target,
                views,
                indices,
                agents,
                epoch=int(mining),
                mining_ratio=config.mining_ratio,
                margin=config.margin,
                scale=config.scale,
            )
            of_snr = snr(labels, of_source)
            total = losses.weighted(weights) + weights.source * of_snr["total"]
            loss = optimizer.scale_loss(total)
        log_y = log_multilabels(target, agents, scale=config.scale)
        mined = _mined(before.threshold, after.memory.multilabels, target, indices, mining, config)
        norm = descend(model, tape, loss)
        running.assign(after)
        positives = ops.sum(ops.cast(mined.positive, "float32"))
        return {
            **losses._asdict(),
            **of_snr,
            "total": total,
            "gradient_norm": norm,
            "accuracy": accuracy(labels, of_source["logits"]),
            "threshold": before.threshold,
            "multilabel_entropy": -ops.mean(ops.sum(ops.exp(log_y) * log_y, axis=1)),
            "positives": positives,
            "negatives": ops.sum(ops.cast(~mined.positive, "float32")),
        }, mined

    return step


def _mined(
    threshold: tf.Tensor,
    memory: tf.Tensor,
    features: tf.Tensor,
    indices: tf.Tensor,
    mining: bool,
    config: AdaptationConfig,
) -> MinedPairs:
    """The pairs in the loss of mined pairs; none before it begins."""
    if not mining:
        return MinedPairs(tf.zeros((0, 2), indices.dtype), tf.zeros(0, tf.bool))
    mined = mine_pairs(features, tf.gather(memory, indices), threshold, mining_ratio=config.mining_ratio)
    return mined._replace(pairs=tf.gather(indices, mined.pairs))


def make_optimizer(
    config: AdaptationConfig, steps_per_epoch: int, *, loss_scaling: bool = False
) -> keras.optimizers.Optimizer:
    """SGD with momentum under the schedule of a config; scales and shifts have no weight decay."""
    steps = [round(milestone * config.epochs * steps_per_epoch) for milestone in config.milestones]
    rates = [config.learning_rate / 10**passed for passed in range(len(steps) + 1)]
    optimizer = keras.optimizers.SGD(
        keras.optimizers.schedules.PiecewiseConstantDecay(steps, rates),
        momentum=MOMENTUM,
        # Keras' decay acts on the weights directly; an L2 penalty goes through the momentum, which accumulates it.
        weight_decay=config.weight_decay / (1 - MOMENTUM),
        global_clipnorm=config.clip_norm,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "rho", "mixture"])
    return keras.optimizers.LossScaleOptimizer(optimizer) if loss_scaling else optimizer
