"""Progress of a training run, as a value for any callback and as a bar in the terminal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from rich import progress as rich_progress
from rich.console import Console


@dataclass(frozen=True)
class StepEvent:
    """What is known after a step.

    Attributes:
        epoch: The epoch the step belongs to, from 1.
        epochs: Their number.
        step: Steps done.
        steps: Their number in the whole run.
        terms: Every term of the loss at this step, `gradient_norm` and `accuracy`.
        images_per_second: Over the last steps; None while unknown.
        seconds_left: At that speed; None while unknown.
        epoch_record: After the last step of an epoch, the line of `metrics.jsonl`: means over the epoch.
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
"""Called after every step; what it raises ends the run, as it is."""


class RichProgress:
    """A `Progress` for people: a bar with loss terms, speed and time left, and a line for every finished epoch.

    `train` opens and closes it. Where the output is no terminal there is no bar, only the lines.

    Args:
        console: Where to; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(bar_width=None),
            rich_progress.TextColumn("{task.fields[details]}"),
            rich_progress.TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None, details="")

    def __call__(self, event: StepEvent) -> None:
        """Show an event."""
        if record := event.epoch_record:
            line = f"epoch {event.epoch}/{event.epochs}  {_terms({**record, **record['losses']})}"
            line += f"  {record['images_per_second']:.0f} images/s"
            if "gpu_memory" in record:
                line += f"  {record['gpu_memory'] / 2**30:.1f} GB of GPU memory"
            if "held_out_mAP" in record:
                line += f"  held-out mAP {100 * record['held_out_mAP']:.1f}"
            self._console.print(line, highlight=False, soft_wrap=True)
        speed = "" if event.images_per_second is None else f"  {event.images_per_second:.0f} images/s"
        left = "" if event.seconds_left is None else f"  {_duration(event.seconds_left)} left"
        self._bar.update(
            self._task,
            completed=event.step,
            total=event.steps,
            description=f"epoch {event.epoch}/{event.epochs}",
            details=f"{_terms(event.terms)}{speed}{left}",
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()


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


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
