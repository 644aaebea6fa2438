"""Targets to test on: their names, opening them, and testing a model on them."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import keras

from snr_keras.cli.console import say
from snr_keras.files.atomic import write_json
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.data.catalogue import open_trials
from snr_keras.reid.data.copies import copies_between
from snr_keras.reid.data.dataset import ReIDDataset, named_apart
from snr_keras.reid.data.report import printable
from snr_keras.reid.targets import EmbeddedDataset, TargetResult, check_target, embed_trials, score_trials
from snr_keras.reid.visualization import save_ranked_gallery


def open_targets(
    names: Iterable[str], root: Path, *, distance: str, protocol: str | None
) -> list[tuple[ReIDDataset, ...]]:
    """Open the query and gallery of every target, report what was found, and check that each can be tested on.

    A target is a tuple of its splits, usually one.
    """
    targets = []
    for name in names:
        with progress_bar(f"checking {name}") as progress:
            trials = open_trials(name, root=root, splits=("query", "gallery"), progress=progress)
        say(trials[0].report)
        if len(trials) > 1:
            say(f"  the first of {len(trials)} splits; scores are means over them")
        for trial in trials:
            check_target(trial, distance=distance, protocol=protocol)
        targets.append(trials)
    return targets


def told_apart(targets: Sequence[Sequence[ReIDDataset]]) -> list[tuple[ReIDDataset, ...]]:
    """Data sets with unique names; renamed ones are reported."""
    named = named_apart(targets)
    for before, after in zip(targets, named, strict=True):
        if after[0].name != before[0].name:
            say(f"{after[0].report.path} is called {after[0].name} here.")
    return named


def say_copies(trained: ReIDDataset, targets: Iterable[Sequence[ReIDDataset]]) -> None:
    """Report the training images that are also test images; for a target with several splits, of the first."""
    for trials in targets:
        for note in copies_between(trained, trials[0]):
            say(f"{printable(trained.name)} and {printable(trials[0].name)}: {note}")


def evaluate_targets(
    model: keras.Model,
    targets: Sequence[Sequence[ReIDDataset]],
    out: Path,
    *,
    distance: str = "cosine",
    protocol: str | None = None,
    flip: bool = False,
    also: Callable[[str, EmbeddedDataset], None] | None = None,
) -> list[TargetResult]:
    """Test an embedding model on every target; write `out`/results.json and a picture of ranked galleries for each.

    A target is a sequence of its splits. The picture is of the first split, and so are the arguments of `also`: a name
    for files of this target, and its embeddings.
    """
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for number, trials in enumerate(targets):
        name = trials[0].name
        with progress_bar(f"embedding {name}") as progress:
            embedded = embed_trials(model, trials, flip=flip, progress=progress)
        with progress_bar(f"evaluating {name}") as progress:
            results.append(score_trials(embedded, distance=distance, protocol=protocol, progress=progress))
        picture_name = f"{number + 1}_{re.sub(r'[^A-Za-z0-9.-]+', '_', name)}"
        picture = out / f"ranked_gallery_{picture_name}.png"
        with progress_bar(f"ranked galleries of {name}") as progress:
            save_ranked_gallery(embedded[0], picture, distance=distance, protocol=protocol, progress=progress)
        if also is not None:
            also(picture_name, embedded[0])
        write_json(out / "results.json", [result.to_json() for result in results])
    return results
