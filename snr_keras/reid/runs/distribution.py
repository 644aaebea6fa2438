"""Several devices: strategies of `tf.distribute` by name, and the communication between replicas of a model.

Each replica computes the forward pass of its part of a batch. Everything that needs the whole batch sees all of it:
statistics of normalizations are those of all replicas, and the objective, equal on each, is that of the gathered
outputs.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import keras
import tensorflow as tf

from snr_keras.files.forms import parse_json
from snr_keras.reid.settings.training import TrainingConfig, check_strategy


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of that name.

    `"mirrored"` has a replica on every GPU of this machine, or without any on every CPU device of TensorFlow.
    `"multi_worker"` has one on every GPU, or else the CPU, of every worker in the cluster that the environment variable
    TF_CONFIG describes; the same program runs on each. It must be made before TensorFlow is used for anything else.

    Raises:
        ValueError: If there is no such strategy, or TF_CONFIG is missing or invalid.
        RuntimeError: If it is too late for `"multi_worker"`.
    """
    check_strategy(name)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    _check_tf_config(os.environ.get("TF_CONFIG"))
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise RuntimeError(
            'The strategy "multi_worker" joins its cluster before TensorFlow does anything else: call '
            '`strategy = make_strategy("multi_worker")` first of all, then `train(..., strategy=strategy)`.'
        ) from error


@dataclass(frozen=True)
class _Cluster:
    chief: tuple[str, ...] = ()
    worker: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Task:
    type: Literal["chief", "worker"]
    index: int


@dataclass(frozen=True)
class _TFConfig:
    cluster: _Cluster
    task: _Task


def _check_tf_config(text: str | None) -> None:
    example = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
    expected = (
        f"The strategy multi_worker needs the environment variable TF_CONFIG, such as {example}, with the index of the "
        f"worker from 0."
    )
    if text is None:
        raise ValueError(f"{expected} Received: no TF_CONFIG")
    try:
        config = parse_json(text, _TFConfig, "TF_CONFIG")
    except ValueError:
        right = False
    else:
        jobs, task = {"chief": config.cluster.chief, "worker": config.cluster.worker}, config.task
        right = 0 <= task.index < len(jobs[task.type]) and all(":" in one for job in jobs.values() for one in job)
    if not right:
        raise ValueError(f"{expected} Received: TF_CONFIG={text!r}")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the only one, or the first of several workers."""
    return strategy.extended.should_checkpoint


def check_distributable(config: TrainingConfig, strategy: tf.distribute.Strategy) -> None:
    """Refuse settings with which a run on several replicas would differ from the run on one device.

    Raises:
        ValueError: If the strategy is not one of `make_strategy`, P is not a multiple of the number of replicas, styles
            are mixed between images of a batch, or XLA is to compile the step.
    """
    replicas = strategy.num_replicas_in_sync
    known = tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy
    if strategy is not tf.distribute.get_strategy() and not isinstance(strategy, known):
        raise ValueError(
            "The strategy must be a tf.distribute.MirroredStrategy or MultiWorkerMirroredStrategy. "
            f"Received: {strategy!r}"
        )
    if replicas == 1:
        return
    if config.identities_per_batch % replicas:
        raise ValueError(
            f"A batch is divided by identity into equal parts for {replicas} replicas: set `identities_per_batch` "
            f"to a multiple of {replicas}. Received: "
            f"identities_per_batch={config.identities_per_batch}"
        )
    if config.normalization in ("mixstyle", "efdmix"):
        raise ValueError(
            "MixStyle and EFDMix mix the styles of all images of a batch, and a replica has only its part: train them "
            f"on one device. Received: normalization={config.normalization!r}, {replicas} replicas"
        )
    if config.jit_compile:
        raise ValueError(
            "XLA cannot compile a step of several replicas: leave `jit_compile` off. "
            f"Received: jit_compile=True, {replicas} replicas"
        )


def distributed_batches(
    strategy: tf.distribute.Strategy, batches: Callable[[tf.distribute.InputContext], tf.data.Dataset]
) -> Iterator[Any]:
    """The input of each step, from the function that makes the dataset of an input pipeline: one part per replica."""
    if strategy.num_replicas_in_sync == 1:
        return iter(batches(tf.distribute.InputContext()))
    # Without end; otherwise workers ask each other before every batch whether all have one.
    return iter(strategy.distribute_datasets_from_function(lambda context: batches(context).repeat()))


@contextmanager
def synchronized_statistics(model: keras.Model) -> Iterator[None]:
    """Within this context, traced statistics of a batch are those of all replicas.

    It is limited to a context so that a checkpoint does not depend on the number of devices.

    Raises:
        ValueError: If a layer has moving statistics that cannot be synchronized.
    """
    layers = [layer for layer in model.layers if any(weight.name == "moving_variance" for weight in layer.weights)]
    if unable := [layer.name for layer in layers if not hasattr(layer, "synchronized")]:
        raise ValueError(
            "On several replicas, layers with statistics of the batch need an attribute `synchronized`, as "
            f"keras.layers.BatchNormalization has. Received: layers without it: {unable}"
        )
    before = [layer.synchronized for layer in layers]
    try:
        for layer in layers:
            layer.synchronized = True
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            layer.synchronized = value


def gathered(tensor: tf.Tensor) -> tf.Tensor:
    """A tensor `(n, ...)` of each replica as `(R n, ...)` of all R replicas, in their order.

    Its gradient is the sum of the gradients from the losses of all replicas. If each replica has the loss of the whole
    batch, divide that loss by R.
    """
    replica = tf.distribute.get_replica_context()
    number, *others = tensor.shape  # which gathering loses
    shape = number and number * replica.num_replicas_in_sync, *others
    tensor = tf.identity(tensor)  # on the replica's device, since an argument of a tf.function has none
    return tf.ensure_shape(replica.all_gather(tensor, axis=0), shape)


def gathered_outputs(outputs: Any) -> Any:
    """`gathered` for the outputs of a model, a structure of matrices `(n, D)` of one dtype, all at once.

    They go in one tensor: with several, `all_gather` of TensorFlow 2.21 fails in its gradient unless all shapes are
    equal.
    """
    matrices = tf.nest.flatten(outputs)
    whole = gathered(tf.concat(matrices, axis=1))
    return tf.nest.pack_sequence_as(outputs, tf.split(whole, [matrix.shape[1] for matrix in matrices], axis=1))


def summed(gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The sum of each gradient over the replicas."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))


@contextmanager
def lost_workers() -> Iterator[None]:
    """Within this context, the loss of a worker is reported clearly.

    Raises:
        ConnectionError: In place of TensorFlow's errors.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        raise ConnectionError(
            "Another worker is gone, and training cannot continue without it. The last checkpoint is kept: end the "
            f"remaining workers and start all again with `resume=True`. TensorFlow says: {error.message}"
        ) from error


class Workers:
    """The processes that train together: only this one, or the workers of a `MultiWorkerMirroredStrategy`.

    Args:
        strategy: Strategy of the training.

    Attributes:
        chief: Whether this process is the one that writes.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.chief = is_chief(strategy)

        @tf.function
        def exchange(number: tf.Tensor) -> tf.Tensor:
            return strategy.experimental_local_results(strategy.run(gathered, args=(number,)))[0]

        self._exchange = exchange

    def numbers_of_all(self, number: int) -> list[int]:
        """The numbers of all workers, one in [-2^31, 2^31) from each: all must call this, and wait for the last."""
        return self._exchange(tf.constant([number])).numpy().tolist() if self._several else [number]

    def check_same(self, **things: str) -> None:
        """Refuse to continue unless all workers have the same things.

        Raises:
            ValueError: If they differ; raised on all workers.
        """
        checksums = {name: self.numbers_of_all(zlib.crc32(thing.encode()) >> 1) for name, thing in things.items()}
        if different := [name for name, numbers in checksums.items() if len(set(numbers)) > 1]:
            raise ValueError(
                f"All workers need the same {', '.join(things)}: start each with the same command, with the same "
                f"images and a run folder that all of them can reach. Received: different {', '.join(different)}"
            )
