"""The loop over steps: logs, checkpoints, progress, and an end that loses nothing, whatever a step does."""

import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import keras
from numpy.typing import NDArray

from snr_keras.reid.runs.checkpoints import TrainingState, newest_checkpoint, save_checkpoint
from snr_keras.reid.runs.distribution import Workers, lost_workers
from snr_keras.reid.runs.logs import MetricsLog, Record, gpu_memory
from snr_keras.reid.runs.progress import Progress, StepEvent


class NonFiniteLossError(ArithmeticError):
    """A term of the loss, or the gradient, became NaN or infinite; nothing of that step is saved."""


class TrainingInterrupted(KeyboardInterrupt):
    """Training was asked to stop (Ctrl-C, SIGTERM), and stopped after its current step and a checkpoint."""


@dataclass(frozen=True)
class Length:
    """The length of a run.

    Attributes:
        epochs: Number of epochs.
        epoch_steps: Number of steps in each.
        batch_size: Number of images in a step.
    """

    epochs: int
    epoch_steps: int
    batch_size: int

    @property
    def steps(self) -> int:
        """The number of steps in the whole run."""
        return self.epochs * self.epoch_steps


def newest_or_new(
    run_dir: Path, optimizer: keras.Optimizer, begin: Callable[[], keras.Model]
) -> tuple[keras.Model, TrainingState]:
    """The compiled model and the state of the training, from the newest checkpoint, or new at step 0."""
    if checkpoint := newest_checkpoint(run_dir):
        model = checkpoint.load()
        saved = model.optimizer.variables
        # Not the loaded optimizer: the file does not say which variables have no decay.
        optimizer.build(model.trainable_variables)
        for variable, value in zip(optimizer.variables, saved, strict=True):
            variable.assign(value)
        state = checkpoint.state()
    else:
        model = begin()
        optimizer.build(model.trainable_variables)
        state = TrainingState()
    # Compiled only so that the checkpoint holds the optimizer, which scales the loss itself if needed.
    model.compile(optimizer=optimizer, auto_scale_loss=False)
    return model, state


def run_steps(
    step: Callable[[], Mapping[str, float]],
    model: keras.Model,
    state: TrainingState,
    run_dir: Path,
    length: Length,
    *,
    workers: Workers,
    progress: Progress | None = None,
    finish_record: Callable[[Record], Record] = lambda record: record,
    arrays: Callable[[], Mapping[str, NDArray]] = dict,
) -> None:
    """Do the remaining steps of a run, with a line of `metrics.jsonl` and a checkpoint at the end of every epoch.

    Args:
        step: Function that trains the model on the next batch; returns the terms of the loss, `gradient_norm` and
            `accuracy`.
        model: Model, compiled with its optimizer.
        state: State of the training, which is updated.
        run_dir: Run folder.
        length: Length of the whole run.
        workers: Workers; only the first writes and reports progress.
        progress: Function called after every step. If it is a context manager, it is entered for the run.
        finish_record: Function from the line of an epoch to the one to write.
        arrays: Function that returns other state to save in a checkpoint, by name.

    Raises:
        NonFiniteLossError: If the loss becomes NaN or infinite.
        TrainingInterrupted: After Ctrl-C or SIGTERM.
        ConnectionError: If another worker is gone.
    """
    optimizer = model.optimizer
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    clock = _Clock(length.batch_size)
    with ExitStack() as stack:
        stack.enter_context(lost_workers())
        log = stack.enter_context(MetricsLog(run_dir, up_to_step=state.step)) if workers.chief else None
        stop_requested = stack.enter_context(_stop_requests())
        if not workers.chief:
            progress = None
        if isinstance(progress, AbstractContextManager):
            stack.enter_context(progress)
        while state.step < length.steps:
            terms = step()
            _check_finite(terms, state.step + 1, run_dir, overflow_is_handled=scaled)
            state.add(terms, clock.tick())
            record = None
            if state.step % length.epoch_steps == 0:
                record = finish_record(
                    {
                        "epoch": state.step // length.epoch_steps,
                        "step": state.step,
                        "learning_rate": float(optimizer.learning_rate),
                        "skipped_updates": state.step - int(optimizer.iterations.numpy()),
                        **state.end_epoch(length.batch_size),
                        **gpu_memory(),
                    }
                )
                # The line is written before the checkpoint: a run killed in between resumes before both and writes
                # both.
                if log:
                    log.append(record)
            # A signal to any worker stops all after the same step.
            signal_number = max(workers.numbers_of_all(stop_requested()))
            if workers.chief and (record or signal_number):
                save_checkpoint(model, run_dir, state, arrays())
            if progress is not None:
                progress(
                    StepEvent(
                        epoch=math.ceil(state.step / length.epoch_steps),
                        epochs=length.epochs,
                        step=state.step,
                        steps=length.steps,
                        terms=terms,
                        images_per_second=clock.images_per_second,
                        seconds_left=clock.seconds_for(length.steps - state.step),
                        epoch_record=record,
                    )
                )
            if signal_number and state.step < length.steps:
                workers.numbers_of_all(0)  # no worker leaves before the chief has saved
                name = signal.Signals(signal_number).name
                raise TrainingInterrupted(
                    f"Stopped by {name} after step {state.step} of {length.steps}, which is saved in {run_dir}. "
                    "To continue, call it again with `resume=True`."
                )
        if log:
            log.summarize(parameters=model.count_params(), batch_size=length.batch_size)
        workers.numbers_of_all(0)


def _check_finite(terms: Mapping[str, float], step: int, run_dir: Path, *, overflow_is_handled: bool) -> None:
    # With loss scaling an infinite gradient is expected: that update is skipped and the scale halved.
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
    """Seconds per step, and the speed over the last steps."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._times = deque([time.perf_counter()], maxlen=51)
        self._first = True

    def tick(self) -> float:
        """Seconds since the last tick."""
        now = time.perf_counter()
        seconds = now - self._times[-1]
        if self._first:  # the first step is mostly tracing and compiling
            self._times.clear()
            self._first = False
        self._times.append(now)
        return seconds

    @property
    def images_per_second(self) -> float | None:
        """The speed over the last fifty steps; None before the second step."""
        steps = len(self._times) - 1
        return steps * self._batch_size / (self._times[-1] - self._times[0]) if steps else None

    def seconds_for(self, steps: int) -> float | None:
        """The seconds that a number of steps will take at this speed."""
        speed = self.images_per_second
        return None if speed is None else steps * self._batch_size / speed


@contextmanager
def _stop_requests() -> Iterator[Callable[[], int]]:
    """Turn the first SIGINT or SIGTERM into a number that the loop can query; the second acts immediately, as usual."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
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
