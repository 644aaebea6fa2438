"""The training loop."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import keras
import tensorflow as tf
from numpy.typing import NDArray

from snr_keras.keras_config import check_tensorflow, own_configuration
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.pipeline import steps_per_epoch, training_batches
from snr_keras.reid.runs.checkpoints import reported_checkpoint
from snr_keras.reid.runs.distribution import Workers, check_distributable, distributed_batches, make_strategy
from snr_keras.reid.runs.held_out import held_out_test, hold_out
from snr_keras.reid.runs.lock import locked_folder
from snr_keras.reid.runs.logs import Record
from snr_keras.reid.runs.model import new_model
from snr_keras.reid.runs.progress import Progress
from snr_keras.reid.runs.run_folder import begin_run, describe_run, hash_of_split, resume_run
from snr_keras.reid.runs.run_loop import Length, newest_or_new, run_steps
from snr_keras.reid.runs.weights import assign_shared_weights
from snr_keras.reid.settings.training import TrainingConfig
from snr_keras.reid.training.gates import gates_on, warn_of_dead_gates, write_gates
from snr_keras.reid.training.objective import reid_objective
from snr_keras.reid.training.readings import read_model
from snr_keras.reid.training.step import make_optimizer, make_train_step


@own_configuration()
def train(
    config: TrainingConfig,
    source: ReIDDataset,
    run_dir: str | os.PathLike[str],
    *,
    resume: bool = False,
    progress: Progress | None = None,
    initial: Mapping[str, NDArray] | None = None,
    strategy: tf.distribute.Strategy | str | None = None,
) -> keras.Model:
    """Train a ReID model on the training images of a data set.

    The run folder holds everything: `config.json`, `metrics.jsonl` (a line per epoch), `tensorboard/` and
    `checkpoints/`, written at the end of every epoch, and at the end `gates.json`, the health of the gates. On Ctrl-C
    or SIGTERM the current step is finished and saved first. A run that is interrupted, even killed, and resumed
    continues bit for bit as if nothing had happened, on a CPU of the same kind with the same number of threads.

    For this, TensorFlow's deterministic operations are switched on, and the random seeds of Python, NumPy and Keras are
    set, in the whole process.

    Args:
        config: Settings of the training.
        source: Data to train on, its `train` split.
        run_dir: Run folder.
        resume: Whether to continue the run in `run_dir`; the settings and the images must be those of that run.
        progress: Function called after every step, such as a `RichProgress`. If it is a context manager, it is entered
            for the run.
        initial: Initial weights instead of random ones, by their path in a model. They may come from another model:
            those with the path and shape of a weight here are used.
        strategy: Strategy for several devices: a name in `STRATEGIES`, or the result of `make_strategy`. The run equals
            that on one device up to the last digits. Of several workers only the first writes and reports progress.

    Returns:
        The trained model, a `reid_model`: that of the last epoch, or with `held_out` that of the best.

    Raises:
        FileExistsError: If the folder holds results of a run, and `resume` is False.
        FileNotFoundError: If it holds none, and `resume` is True.
        ValueError: If settings or images differ from those of the run to resume, or between workers, or are impossible
            on several devices, or Keras runs on a backend other than TensorFlow.
        NonFiniteLossError: If the loss becomes NaN or infinite.
        TrainingInterrupted: After Ctrl-C or SIGTERM.
        ConnectionError: If another worker is gone.
        LockedError: If another process writes to the folder.
    """
    check_tensorflow("Training runs")
    run_dir = Path(run_dir)
    images_to_learn, held_out = hold_out(source, config)
    epoch_steps = steps_per_epoch(
        images_to_learn,
        config.identities_per_batch,
        config.images_per_identity,
        domain_balanced=config.domain_balanced,
    )
    devices = make_strategy(strategy) if isinstance(strategy, str) else strategy or tf.distribute.get_strategy()
    check_distributable(config, devices)
    workers = Workers(devices)
    with locked_folder(run_dir) if workers.chief else nullcontext():
        record = describe_run(config, source, devices.num_replicas_in_sync)
        if resume:
            resume_run(run_dir, record)
        else:
            begin_run(run_dir, record, write=workers.chief)

        def begin() -> keras.Model:
            model = new_model(config, images_to_learn.num_identities)
            assign_shared_weights(model, initial or {})
            return model

        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(config.seed)
        with devices.scope():
            model, state = newest_or_new(run_dir, make_optimizer(config, epoch_steps), begin)
            train_step = make_train_step(
                model,
                reid_objective(config, model.optimizer.iterations),
                forward=read_model(model, config.snr_reading),
                jit_compile=config.jit_compile,
            )
        test = held_out_test(model, held_out) if held_out else None
        if workers.chief and not state.step:
            warn_of_dead_gates(model, images_to_learn)
        workers.check_same(settings=repr(config), images=hash_of_split(source.train), step=repr(state))

        length = Length(config.epochs, epoch_steps, config.batch_size)
        batches = distributed_batches(
            devices,
            lambda context: training_batches(
                images_to_learn,
                image_size=config.image_size,
                identities_per_batch=config.identities_per_batch,
                images_per_identity=config.images_per_identity,
                seed=config.seed,
                augmentation=config.augmentation,
                start_step=state.step,
                stop_step=length.steps,
                domain_balanced=config.domain_balanced,
                context=context,
            ),
        )

        def step() -> dict[str, float]:
            images, labels = next(batches)
            return {name: float(term) for name, term in train_step(images, labels).items()}

        def with_held_out(record: Record) -> Record:
            return {**record, "held_out_mAP": state.judge(test())} if test else record

        run_steps(step, model, state, run_dir, length, workers=workers, progress=progress, finish_record=with_held_out)
        best = reported_checkpoint(run_dir) if test else None
        trained = best.load() if best else model
        if workers.chief:
            write_gates(run_dir, gates_on(trained, images_to_learn))
        return trained
