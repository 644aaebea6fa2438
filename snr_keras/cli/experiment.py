"""What a run is about: data to train on and to test on, by a recipe and by the options that win over it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from snr_keras.cli.bars import progress_bar
from snr_keras.cli.console import say
from snr_keras.cli.names import Plan
from snr_keras.cli.targets import open_targets, say_copies
from snr_keras.reid.data.combine import open_source
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.settings.testing import TestSettings


class Experiment(NamedTuple):
    """Data that was opened.

    Attributes:
        source: What to train on.
        names: Of the data sets that it is combined of.
        images: Which of their images: "train" or "all".
        targets: What to test on, each a tuple of its divisions.
    """

    source: ReIDDataset
    names: tuple[str, ...]
    images: str
    targets: Sequence[tuple[ReIDDataset, ...]]


def open_experiment(plan: Plan, test: TestSettings, root: Path) -> Experiment:
    """Open what to test on and what to train on, and say what was found.

    Raises:
        ValueError: If a target cannot be tested on.
    """
    targets = open_targets(plan.targets, root, distance=test.distance, protocol=test.protocol)
    with progress_bar(f"checking {plan.called}") as progress:
        dataset = open_source(plan.sources, root=root, images=plan.images, progress=progress)
    say(dataset.report)
    say_copies(dataset, targets)
    return Experiment(dataset, tuple(plan.sources), plan.images, targets)
