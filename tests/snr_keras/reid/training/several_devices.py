"""What `test_distribution` runs in processes of their own, which have to say what devices there are before all else.

    python -m tests.snr_keras.reid.training.several_devices two_devices FOLDER
    python -m tests.snr_keras.reid.training.several_devices worker FOLDER      with TF_CONFIG

Every run is one of `train`, in float64 and with plain SGD, of a small network that has all that a batch is normalized
and mined by. FOLDER has the images in `data`; the runs, what was reported and which errors came are left there.
"""

import dataclasses
import json
import os
import shutil
import signal
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path

import keras
import tensorflow as tf

from snr_keras.keras_config import own_configuration
from snr_keras.layers import SNR, BatchInstanceNormalization
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.runs import TrainingConfig, TrainingInterrupted, make_strategy, run_loop
from snr_keras.reid.runs.distribution import synchronized_statistics
from snr_keras.reid.training import loop, step, train

CONFIG = TrainingConfig(
    stages=(4,),
    image_size=(16, 8),
    epochs=2,
    identities_per_batch=4,
    images_per_identity=2,
    learning_rate=0.05,
    warmup_epochs=0.5,
    weight_decay=0.1,
    clip_norm=None,
)
PLAIN = dataclasses.replace(CONFIG, normalization="none", stages=None)  # which takes less time to trace
CLIPPED = dataclasses.replace(PLAIN, clip_norm=0.5)
MISTAKES = ("gradients_added_twice", "keras_mean", "statistics_of_shares", "mining_in_shares")


@own_configuration("float64")
def small_model(config: TrainingConfig, num_identities: int) -> keras.Model:
    """A model with the outputs of a `reid_model`; with a module it has the batch statistics of a baseline as well."""
    images = keras.Input((*config.image_size, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    x = keras.layers.Conv2D(16, 3, strides=2, use_bias=False, name="conv")(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9, name="bn")(x))
    outputs = {}
    if config.normalization == "snr":
        half = keras.initializers.Constant(0.5)
        x = BatchInstanceNormalization(momentum=0.9, rho_initializer=half, name="bin")(x)
        x, embeddings = SNR(4, name="snr")(x, return_embeddings=True)
        outputs["snr"] = [embeddings]
    features = keras.layers.GlobalAveragePooling2D()(x)
    embedding = keras.layers.BatchNormalization(momentum=0.9, center=False, name="bnneck")(features)
    logits = keras.layers.Dense(num_identities, use_bias=False, name="logits")(embedding)
    outputs |= {"features": features, "embedding": embedding, "logits": logits}
    return keras.Model(images, outputs, name="small")


def plain_sgd(rate: keras.optimizers.schedules.LearningRateSchedule, **options: float | None) -> keras.Optimizer:
    """Where a run would have AdamW, which forgets by which factor a gradient is wrong."""
    return keras.optimizers.SGD(rate, **options)


def run(folder: Path, name: str, config: TrainingConfig = CONFIG, **options: object) -> None:
    """Train in FOLDER/name, and write what was reported of every step beside the run."""
    source = read_market1501(folder / "data", splits=("train",))
    events: list[dict[str, float]] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            train(config, source, folder / name, progress=lambda event: events.append(dict(event.terms)), **options)
        finally:
            messages = [str(warning.message) for warning in caught]
            text = json.dumps({"steps": events, "warnings": messages})
            worker = os.environ.get("WORKER", "")
            (folder / f"{name}{'-resumed' * bool(options.get('resume'))}{worker}.json").write_text(text)


def stop_at(number: int) -> None:
    """SIGTERM arrives during a step; `check` stands for what the loop does after every step."""
    check = run_loop._check_finite

    def stopping(terms: dict[str, float], step: int, *args: object, **kwargs: object) -> None:
        if step == number:
            signal.raise_signal(signal.SIGTERM)
        check(terms, step, *args, **kwargs)

    run_loop._check_finite = stopping


def with_mistake(folder: Path, mistake: str, strategy: tf.distribute.Strategy) -> None:
    """The run on two devices as it would be with one of the classic mistakes."""
    right = {name: getattr(step, name) for name in ("synchronized_statistics", "gathered", "gathered_outputs")}
    objective = loop.reid_objective

    def mistaken(config: TrainingConfig, step: object) -> object:
        of_config = objective(config, step)
        smoothing = config.label_smoothing
        mean = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, dtype="float64")

        def call(labels: tf.Tensor, outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            terms = of_config(labels, outputs)
            if mistake == "gradients_added_twice":
                return {**terms, "total": 2 * terms["total"]}
            cross_entropy = mean(tf.one_hot(labels, outputs["logits"].shape[-1]), outputs["logits"])
            return {**terms, "total": terms["total"] - terms["cross_entropy"] + cross_entropy}

        return call

    if mistake in ("gradients_added_twice", "keras_mean"):
        loop.reid_objective = mistaken
    elif mistake == "statistics_of_shares":
        step.synchronized_statistics = lambda model: nullcontext()
    else:
        step.gathered = step.gathered_outputs = lambda tensors: tensors
    try:
        run(folder, mistake, PLAIN, strategy=strategy)
    finally:
        loop.reid_objective = objective
        for name, function in right.items():
            setattr(step, name, function)


def refusals(folder: Path, strategy: tf.distribute.Strategy) -> dict[str, str]:
    """What is said of that which several devices cannot do."""

    class Unsynchronized(keras.layers.Layer):
        def build(self, shape: tuple[int | None, ...]) -> None:
            self.moving_variance = self.add_weight(shape[1:], name="moving_variance")

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return x

    def said(what: object) -> str:
        try:
            what()
        except ValueError as error:
            return str(error)
        return "nothing"

    def refused(**changes: object) -> str:
        return said(lambda: run(folder, "refused", dataclasses.replace(CONFIG, **changes), strategy=strategy))

    def unsynchronized() -> None:
        with synchronized_statistics(keras.Sequential([keras.Input((3,)), Unsynchronized(name="odd")])):
            pass

    other = tf.distribute.OneDeviceStrategy("CPU:0")
    return {
        "identities": refused(identities_per_batch=5),
        "styles": refused(normalization="mixstyle", stages=None),
        "xla": refused(jit_compile=True),
        "kind": said(lambda: run(folder, "refused", strategy=other)),
        "layer": said(unsynchronized),
        "folder": "made" if (folder / "refused").exists() else "not made",
    }


def overflow(strategy: tf.distribute.Strategy) -> dict[str, float]:
    """Two steps under loss scaling, of which the first overflows on the replica that has the larger images."""
    with strategy.scope():
        images = keras.Input((2,))
        logits = keras.layers.Dense(2, use_bias=False, kernel_initializer="ones", dtype="float32")(images)
        model = keras.Model(images, {"logits": logits})
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=2.0**120)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer=optimizer, auto_scale_loss=False)
        train_step = step.make_train_step(model, lambda labels, outputs: {"total": tf.reduce_mean(outputs["logits"])})

    def batch(context: tf.distribute.experimental.ValueContext, large: float) -> tf.Tensor:
        return tf.fill((1, 2), large if context.replica_id_in_sync_group else 1.0)

    states = []
    for large in (1e38, 1.0):
        images = strategy.experimental_distribute_values_from_function(
            lambda context, large=large: batch(context, large)
        )
        labels = strategy.experimental_distribute_values_from_function(lambda context: tf.zeros((1,), tf.int32))
        train_step(images, labels)
        scales = [float(v.numpy()) for v in strategy.experimental_local_results(optimizer.dynamic_scale.value)]
        kernels = [v.numpy().tolist() for v in strategy.experimental_local_results(model.weights[0].value)]
        states.append({"scales": scales, "kernels": kernels, "updates": int(optimizer.iterations.numpy())})
    return states


def two_devices(folder: Path) -> None:
    """All that one process with two virtual CPUs does."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    run(folder, "one")
    strategy = make_strategy("mirrored")
    run(folder, "two", strategy=strategy)
    run(folder, "plain", PLAIN)
    for mistake in MISTAKES:
        with_mistake(folder, mistake, strategy)
    said = refusals(folder, strategy)
    (folder / "two_devices.json").write_text(json.dumps({"refusals": said, "overflow": overflow(strategy)}))

    run(folder, "clipped", CLIPPED)
    run(folder, "clipped_two", CLIPPED, strategy=strategy)
    stop_at(3)
    try:
        run(folder, "stopped_two", CLIPPED, strategy=strategy)
    except TrainingInterrupted:
        shutil.copytree(folder / "stopped_two", folder / "stopped_two_then_one")
    run(folder, "stopped_two", CLIPPED, strategy=strategy, resume=True)
    run(folder, "stopped_two_then_one", CLIPPED, resume=True)


def worker(folder: Path) -> None:
    """All that each of two workers does."""
    strategy = make_strategy("multi_worker")
    index = strategy.cluster_resolver.task_id
    os.environ["WORKER"] = f"-worker{index}"
    try:
        run(folder, "different", dataclasses.replace(CONFIG, seed=index), strategy=strategy)
    except ValueError as error:
        (folder / f"different-worker{index}.txt").write_text(str(error))
    if index == 1:
        stop_at(3)
    try:
        run(folder, "workers", strategy=strategy)
    except TrainingInterrupted as interrupt:
        (folder / f"stopped-worker{index}.txt").write_text(str(interrupt))
        run(folder, "workers", strategy=strategy, resume=True)


if __name__ == "__main__":
    loop.new_model = small_model
    keras.optimizers.AdamW = plain_sgd
    {"two_devices": two_devices, "worker": worker}[sys.argv[1]](Path(sys.argv[2]))
