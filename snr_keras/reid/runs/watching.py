"""Figures on targets while a run goes on, for people to see and for nothing else."""

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import keras

from snr_keras.files.atomic import append_line
from snr_keras.reid.runs.checkpoints import newest_checkpoint
from snr_keras.reid.runs.progress import Progress, StepEvent
from snr_keras.reid.targets import TargetResult


class Watching:
    """A `Progress` that also tests the model after every epoch.

    To choose anything by these figures would be to choose by labels of the targets: they are told, with the word that
    they are not used, and go to `watch.jsonl` of the run folder, which nothing reads.

    Args:
        shown: The progress that is shown.
        run_dir: The run folder.
        test: From a model to its figures on the targets.
        tell: Called with a line for people.
    """

    def __init__(
        self,
        shown: Progress,
        run_dir: Path,
        test: Callable[[keras.Model], Iterable[TargetResult]],
        tell: Callable[[str], None],
    ) -> None:
        self._shown, self._run, self._test, self._tell = shown, run_dir, test, tell

    def __call__(self, event: StepEvent) -> None:
        """Show an event; after an epoch, test."""
        self._shown(event)
        checkpoint = newest_checkpoint(self._run) if event.epoch_record else None
        if checkpoint is None:
            return
        found = {result.target: result.mAP for result in self._test(checkpoint.load(compile=False))}
        append_line(self._run / "watch.jsonl", json.dumps({"epoch": event.epoch, "mAP": found}))
        figures = ", ".join(f"{target} {100 * value:.1f}" for target, value in found.items())
        self._tell(f"  watched, not used: mAP after epoch {event.epoch}: {figures}")

    def __enter__(self) -> Self:
        if isinstance(self._shown, AbstractContextManager):
            self._shown.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        if isinstance(self._shown, AbstractContextManager):
            self._shown.__exit__(*exception)
