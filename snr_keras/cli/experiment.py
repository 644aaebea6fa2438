"""The data of a run, to train on and to test on, from a recipe and from options that override it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from snr_keras.cli.console import say
from snr_keras.cli.names import Plan
from snr_keras.cli.targets import open_targets, say_copies
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.data.combine import open_source
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.settings.testing import TestSettings


class Experiment(NamedTuple):
    """The opened data of a run.

    Attributes:
        source: Data to train on.
        names: Names of the data sets in it.
        images: Images that are used of them: "train" or "all".
        targets: Data to test on, each target a tuple of its splits.
    """

    source: ReIDDataset
    names: tuple[str, ...]
    images: str
    targets: Sequence[tuple[ReIDDataset, ...]]


def open_experiment(plan: Plan, test: TestSettings, root: Path) -> Experiment:
    """Open the data to test on and to train on, and report what was found.

    Raises:
        ValueError: If a target cannot be tested on.
    """
    targets = open_targets(plan.targets, root, distance=test.distance, protocol=test.protocol)
    with progress_bar(f"checking {plan.called}") as progress:
        dataset = open_source(plan.sources, root=root, images=plan.images, progress=progress)
    say(dataset.report)
    say_copies(dataset, targets)
    return Experiment(dataset, tuple(plan.sources), plan.images, targets)
