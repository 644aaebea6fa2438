"""The training loop."""

import math
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import keras
import tensorflow as tf
from numpy.typing import NDArray

from snr_keras.data.dataset import ReIDDataset
from snr_keras.data.pipeline import steps_per_epoch, training_batches
from snr_keras.training.checkpoints import TrainingState, newest_checkpoint, reported_checkpoint, save_checkpoint
from snr_keras.training.config import TrainingConfig
from snr_keras.training.distribution import (
    Workers,
    check_distributable,
    distributed_batches,
    lost_workers,
    make_strategy,
)
from snr_keras.training.held_out import held_out_test, hold_out
from snr_keras.training.logs import MetricsLog, gpu_memory
from snr_keras.training.model import new_model
from snr_keras.training.objective import reid_objective
from snr_keras.training.progress import Progress, Report
from snr_keras.training.run_folder import begin_run, hash_of_split, resume_run
from snr_keras.training.step import make_optimizer, make_train_step
from snr_keras.training.weights import assign_shared_weights


class NonFiniteLossError(ArithmeticError):
    """A term of the loss, or the gradient, became NaN or infinite; nothing of that step was saved."""


class TrainingInterrupted(KeyboardInterrupt):
    """Training was asked to stop (Ctrl-C, SIGTERM) and did so, after its current step and a checkpoint."""


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

    Everything is kept in the run folder: `config.json`, `metrics.jsonl` (a line per epoch), `tensorboard/` and
    `checkpoints/`, written at the end of every epoch. On Ctrl-C or SIGTERM the current step is finished and saved
    first. A run that was interrupted, even killed, and resumed goes on bit for bit as if nothing had happened, on a
    CPU of the same kind with the same number of threads.

    For that, TensorFlow's deterministic operations are switched on, and the random seeds of Python, NumPy and
    Keras are set, in the whole process.

    Args:
        config: The settings.
        source: Its `train` split is what the model learns from.
        run_dir: The run folder.
        resume: Go on with the run that is in `run_dir`; the settings and the images must be those of that run.
        progress: Called after every step, for instance a `RichProgress`. If it is a context manager, it is entered
            for the run.
        initial: Weights to start from instead of random ones, by their path in a model; of other models too, of which
            those are taken that have the path and the shape of one here.
        strategy: For several devices: a name in `STRATEGIES`, or what `make_strategy` made of it. The run does what one
            device does, to the last digits. Of several workers the first alone writes and tells of progress.

    Returns:
        The trained model, a `reid_model`: that of the last epoch, or with `held_out` that of the best.

    Raises:
        FileExistsError: If the folder holds results of a run, and `resume` is False.
        FileNotFoundError: If it holds none, and `resume` is True.
        ValueError: If settings or images differ from those of the run to resume, or between workers, or several devices
            cannot have them.
        NonFiniteLossError: If the loss becomes NaN or infinite.
        TrainingInterrupted: After Ctrl-C or SIGTERM.
        ConnectionError: If another worker is gone.
    """
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
    if resume:
        resume_run(run_dir, config, source, devices.num_replicas_in_sync)
    else:
        begin_run(run_dir, config, source, devices.num_replicas_in_sync, write=workers.chief)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(config.seed)
    with devices.scope():
        model, state = _newest_or_new(run_dir, config, images_to_learn.num_identities, epoch_steps, initial or {})
        train_step = make_train_step(model, reid_objective(config), jit_compile=config.jit_compile)
    test = held_out_test(model, held_out) if held_out else None
    workers.check_same(settings=repr(config), images=hash_of_split(source.train), step=repr(state))

    total_steps = config.epochs * epoch_steps
    optimizer = model.optimizer
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
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
            stop_step=total_steps,
            domain_balanced=config.domain_balanced,
            context=context,
        ),
    )
    clock = _Clock(config.batch_size)
    with ExitStack() as stack:
        stack.enter_context(lost_workers())
        log = stack.enter_context(MetricsLog(run_dir, up_to_step=state.step)) if workers.chief else None
        stop_requested = stack.enter_context(_stop_requests())
        if not workers.chief:
            progress = None
        if isinstance(progress, AbstractContextManager):
            stack.enter_context(progress)
        while state.step < total_steps:
            images, labels = next(batches)
            terms = {name: float(term) for name, term in train_step(images, labels).items()}
            _check_finite(terms, state.step + 1, run_dir, overflow_is_handled=scaled)
            state.add(terms, clock.tick())
            record = None
            if state.step % epoch_steps == 0:
                record = {
                    "epoch": state.step // epoch_steps,
                    "step": state.step,
                    "learning_rate": float(optimizer.learning_rate),
                    "skipped_updates": state.step - int(optimizer.iterations.numpy()),
                    **state.end_epoch(config.batch_size),
                    **gpu_memory(),
                    **({"held_out_mAP": state.judge(test())} if test else {}),
                }
                # The line before the checkpoint: killed in between, the run resumes before both and writes both.
                if log:
                    log.append(record)
            # The signal that any worker got: all stop after the same step.
            signal_number = max(workers.numbers_of_all(stop_requested()))
            if workers.chief and (record or signal_number):
                save_checkpoint(model, run_dir, state)
            if progress is not None:
                progress(
                    Report(
                        epoch=math.ceil(state.step / epoch_steps),
                        epochs=config.epochs,
                        step=state.step,
                        steps=total_steps,
                        terms=terms,
                        images_per_second=clock.images_per_second,
                        seconds_left=clock.seconds_for(total_steps - state.step),
                        epoch_record=record,
                    )
                )
            if signal_number and state.step < total_steps:
                workers.numbers_of_all(0)  # nobody leaves before the chief has saved
                name = signal.Signals(signal_number).name
                raise TrainingInterrupted(
                    f"Stopped by {name} after step {state.step} of {total_steps}, which is saved in {run_dir}. "
                    "To go on, ask for the same again with resume=True (--resume)."
                )
        if log:
            log.summarize(parameters=model.count_params(), batch_size=config.batch_size)
        workers.numbers_of_all(0)
    best = reported_checkpoint(run_dir) if test else None
    return best.load() if best else model


def _newest_or_new(
    run_dir: Path,
    config: TrainingConfig,
    num_identities: int,
    epoch_steps: int,
    initial: Mapping[str, NDArray],
) -> tuple[keras.Model, TrainingState]:
    """The compiled model and where it stands: from the newest checkpoint, or at step 0."""
    optimizer = make_optimizer(config, epoch_steps)
    if checkpoint := newest_checkpoint(run_dir):
        model = checkpoint.load()
        saved = model.optimizer.variables
        # Not the loaded optimizer itself: which variables it does not decay is not in the file.
        optimizer.build(model.trainable_variables)
        for variable, value in zip(optimizer.variables, saved, strict=True):
            variable.assign(value)
        state = checkpoint.state()
    else:
        model = new_model(config, num_identities)
        assign_shared_weights(model, initial)
        optimizer.build(model.trainable_variables)
        state = TrainingState()
    # Compiled only so that the checkpoint holds the optimizer; it scales the loss itself where that is needed.
    model.compile(optimizer=optimizer, auto_scale_loss=False)
    return model, state


def _check_finite(terms: Mapping[str, float], step: int, run_dir: Path, *, overflow_is_handled: bool) -> None:
    # Under loss scaling an infinite gradient is no accident: that update is skipped and the scale halved.
    bad = {
        k: v for k, v in terms.items() if not math.isfinite(v) and not (k == "gradient_norm" and overflow_is_handled)
    }
    if not bad:
        return
    causes = {k: v for k, v in bad.items() if k not in ("total", "gradient_norm")} or bad
    good = newest_checkpoint(run_dir)
    raise NonFiniteLossError(
        f"At step {step}, {' and '.join(f'{k} became {v}' for k, v in causes.items())}. Nothing of this step is "
        f"saved. The last good checkpoint: {good.path if good else 'none yet'}. Common causes: a learning rate that "
        f"is too high, or float16. Received: all terms of the step: {dict(terms)}"
    )


class _Clock:
    """Seconds per step, and a speed over the last steps."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._times = deque([time.perf_counter()], maxlen=51)
        self._first = True

    def tick(self) -> float:
        """Seconds since the last tick."""
        now = time.perf_counter()
        seconds = now - self._times[-1]
        if self._first:  # the first step is mostly tracing and compiling: no measure of speed
            self._times.clear()
            self._first = False
        self._times.append(now)
        return seconds

    @property
    def images_per_second(self) -> float | None:
        """Over the last fifty steps; None before the second step."""
        steps = len(self._times) - 1
        return steps * self._batch_size / (self._times[-1] - self._times[0]) if steps else None

    def seconds_for(self, steps: int) -> float | None:
        """Seconds that a number of steps will take at this speed."""
        speed = self.images_per_second
        return None if speed is None else steps * self._batch_size / speed


@contextmanager
def _stop_requests() -> Iterator[Callable[[], int]]:
    """Turn the first SIGINT or SIGTERM into a number the loop can ask for; the second acts as usual, at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # Python lets no other thread handle signals
        yield lambda: 0
        return

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        restore()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        yield lambda: received[0] if received else 0
    finally:
        restore()
