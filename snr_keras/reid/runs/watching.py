"""Scores on targets during a run, for people to watch only."""

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

    Choosing anything by these scores would use the targets' labels. They are printed as not used, and go to
    `watch.jsonl` of the run folder, which nothing reads.

    Args:
        shown: Progress to show.
        run_dir: Run folder.
        test: Function from a model to its results on the targets.
        tell: Function called with a line of text for the user.
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
