"""What a run is about: data to train on and to test on, by a recipe and by the options that win over it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import typer

from snr_keras.cli.console import progress_bar, say
from snr_keras.cli.evaluate import chosen_comparison, open_targets, say_copies
from snr_keras.reid.data.combine import open_source
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.recipes import DataSettings, TestSettings

SOURCE_HELP = (
    "What to train on: a folder in Market-1501 layout, a CSV file or a name; several with commas between. This or "
    "--comparison replaces all of the recipe's data."
)
SOURCE_IMAGES_HELP = "Of the sources: train for the training images, the default, or all: those of the test too."


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


def chosen_data(
    recipe: DataSettings,
    *,
    source: str | None,
    source_images: str | None,
    target: Iterable[str] | None,
    comparison: str | None,
    use: Iterable[str] | None,
) -> DataSettings:
    """The data of a recipe under the options of the command line; whoever names a source wants no other's targets."""
    given: dict[str, Any] = {
        "source": source,
        "source_images": source_images,
        "targets": tuple(target or ()) or None,
        "comparison": comparison,
        "use": tuple(use or ()) or None,
    }
    base = recipe if source is None and comparison is None else DataSettings()
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def open_experiment(data: DataSettings, test: TestSettings, root: Path) -> Experiment:
    """Open what to test on and what to train on, and say what was found.

    Raises:
        ValueError: If it is not said what to train on, or said twice, or a target cannot be tested on.
    """
    chosen = chosen_comparison(data.comparison, data.use)
    if (data.source is None) == (chosen is None):
        raise ValueError("Say what to train on: --source DATASET or --comparison NAME, one of the two.")
    if chosen and data.source_images:
        raise ValueError(f"{chosen.name} is about {chosen.images} images of its sources: leave --source-images out.")
    tested = (*data.targets, *(chosen.targets if chosen else ()))
    targets = open_targets(tested, root, distance=test.distance, protocol=test.protocol)
    names: str | tuple[str, ...] = chosen.sources if chosen else data.source or ""
    images = chosen.images if chosen else data.source_images or "train"
    with progress_bar(f"checking {data.source or data.comparison}") as progress:
        dataset = open_source(names, root=root, images=images, progress=progress)
    say(dataset.report)
    say_copies(dataset, targets)
    return Experiment(dataset, (names,) if isinstance(names, str) else names, images, targets)


def given_options(ctx: typer.Context) -> set[str]:
    """The parameters that stand on the command line, not those that take their default."""
    return {name for name in ctx.params if str(ctx.get_parameter_source(name)).endswith("COMMANDLINE")}
