"""Progress of a training run, as an event for any callback and as a bar in the terminal."""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

from snr_keras.reid import bars


@dataclass(frozen=True)
class StepEvent:
    """The state of a run after a step.

    Attributes:
        epoch: Number of the step's epoch, from 1.
        epochs: Number of epochs in the run.
        step: Number of finished steps.
        steps: Number of steps in the run.
        terms: Every term of the loss at this step, `gradient_norm` and `accuracy`.
        images_per_second: Speed over the last steps; None while unknown.
        seconds_left: Time left at that speed; None while unknown.
        epoch_record: Line of `metrics.jsonl` after the last step of an epoch: means over the epoch.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    terms: Mapping[str, float]
    images_per_second: float | None
    seconds_left: float | None
    epoch_record: Mapping[str, Any] | None


Progress = Callable[[StepEvent], None]
"""Function called after every step; an exception that it raises ends the run."""


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class RichProgress:
    """A `Progress` for the terminal: a bar with time left, speed and loss terms, and a line per finished epoch.

    `train` opens and closes it. The bar is on standard error; if that is not a terminal there are only the lines.

    Args:
        tell: Function called with the line of an epoch; by default it prints to standard error.
        within: Function called with the finished fraction of the run, for a run that is one of several.
    """

    def __init__(
        self,
        tell: Callable[[str], object] = _to_standard_error,
        *,
        within: Callable[[float], object] = lambda fraction: None,
    ) -> None:
        self._tell, self._within = tell, within
        self._stack = ExitStack()
        self._line = bars.Line("")

    def __call__(self, event: StepEvent) -> None:
        """Show an event."""
        if record := event.epoch_record:
            line = f"epoch {event.epoch}/{event.epochs}  {_terms({**record, **record['losses']})}"
            line += f"  {record['images_per_second']:.0f} images/s"
            if "gpu_memory" in record:
                line += f"  {record['gpu_memory'] / 2**30:.1f} GB of GPU memory"
            if "held_out_mAP" in record:
                line += f"  held-out mAP {100 * record['held_out_mAP']:.1f}"
            bars.hide()
            self._tell(line)
        left = "" if event.seconds_left is None else f"{bars.duration(event.seconds_left)} left  "
        speed = "" if event.images_per_second is None else f"{event.images_per_second:.0f} images/s  "
        self._within(event.step / event.steps)
        self._line.description = f"epoch {event.epoch}/{event.epochs}"
        self._line.show(event.step, event.steps, details=f"{left}{speed}{_terms(event.terms)}")

    def __enter__(self) -> Self:
        self._line = self._stack.enter_context(bars.line("starting"))
        self._line.show(0, None)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


_SHORT = {
    "total": "loss",
    "cross_entropy": "ce",
    "triplet": "triplet",
    "joint_embedding": "rj",
    "discriminative": "mdl",
    "consistency": "cml",
}


def _terms(terms: Mapping[str, Any]) -> str:
    """The loss terms in short: L+ and L- are summed over the modules."""
    snr = [value for name, value in terms.items() if name.startswith("snr")]
    shown = {short: terms[name] for name, short in _SHORT.items() if name in terms}
    if snr:
        shown["snr"] = sum(snr)
    return "  ".join(f"{name} {value:.3f}" for name, value in shown.items()) + f"  accuracy {terms['accuracy']:.0%}"
