"""`snr adapt`: a model for a camera network without labelled images."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snr_keras.cli.commands import explained
from snr_keras.cli.console import console, say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.names import check_sources
from snr_keras.cli.options import RUN_HELP, SET_HELP, Recipe, Resume, Root, SourceImages, data_sets, runs
from snr_keras.cli.tables import results_table, say_left_out_queries
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.recipes import load_recipe
from snr_keras.reid.settings.datasets import known_datasets, source_names
from snr_keras.reid.settings.paths import check_run, find_run

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from snr_keras.reid.data.dataset import ReIDDataset
    from snr_keras.reid.recipes import DataSettings
    from snr_keras.reid.settings.testing import TestSettings
    from snr_keras.reid.targets import TargetResult


app = typer.Typer()


@app.command("adapt")
def adapt_command(
    ctx: typer.Context,
    run: Annotated[Path, typer.Argument(help=f"The model to start from. {RUN_HELP}", autocompletion=runs)],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="Data set to adapt to: a folder in Market-1501 layout, a CSV file or a name. Its training images need "
            "camera labels; identities are not read. Default: the recipe's target.",
            autocompletion=data_sets,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET[,DATASET...]",
            help="Training data of RUN. Default: the data set of that name in --root.",
            autocompletion=data_sets,
        ),
    ] = None,
    source_images: SourceImages = None,
    root: Root = Path("data"),
    recipe: Recipe = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=SET_HELP.replace("training.epochs=4", "adaptation.epochs=4")),
    ] = None,
    out: Annotated[Path, typer.Option(help="Run folder of the adapted model.")] = Path("runs/adapted"),
    resume: Resume = False,
    watch_pairs: Annotated[
        bool,
        typer.Option(
            "--watch-pairs",
            help="Report how many of the mined pairs show one person. For this only, the identities of the target's "
            "training images are read.",
        ),
    ] = False,
) -> None:
    """Adapt a trained model to a target domain of which only the cameras are known.

    The method is MAR (Yu et al., CVPR 2019). Each target image is described by its likeness to every person of the
    source. Pairs that look alike are pulled together where these descriptions agree, and pushed apart where they do
    not. Training continues on the source too, so its images are needed. RUN is any model of snr train; the paper's gain
    comes from SNR and MAR together:

        snr train --source day --out runs/day

        snr adapt runs/day --target night --out runs/night

    If the target has test images, both models are tested on them at the end; nothing is learned from them. The run
    folder is like that of snr train, for snr evaluate, extract and export: config.json, metrics.jsonl, the last
    checkpoints, loss_curves.png, evaluation/ with results.json and ranked galleries. direct_transfer/ has the same for
    the model before adaptation; adaptation.png shows the threshold, the mined pairs and the multilabels' entropy over
    the epochs.

    Settings come from the recipe, changed by --set; the defaults suit the synthetic domains. Ctrl-C saves before it
    stops; --resume with the same options continues from there.
    """
    settings = load_recipe(recipe, overrides or ())
    check_run(run)
    if out.resolve() == find_run(run).resolve():
        raise ValueError(
            f"The adapted model needs a folder of its own: name it with --out. Received: {out}, the folder of RUN"
        )
    target_name, source = _target_name(target, settings.data), source or settings.data.source
    check_sources([target_name], root)
    check_sources(source_names(source or ()), root, images=source_images or "train")

    load_keras()
    from snr_keras.cli.targets import say_copies, told_apart
    from snr_keras.reid.adaptation import adapt
    from snr_keras.reid.runs import RichProgress, load_run
    from snr_keras.reid.visualization import save_adaptation_curves, save_loss_curves

    _, initial = load_run(run)
    known, unknown = _open(target_name, source, source_images, run, root)
    (known,), (unknown,) = told_apart([(known,), (unknown,)])
    tested = _tested(ctx, target_name, unknown.name, root, settings.test)
    for trained in (known, unknown):
        say_copies(trained, tested)
    watched = _watched(unknown) if watch_pairs else None

    model = adapt(
        settings.adaptation, run, known, unknown, out, resume=resume, progress=RichProgress(say), watched=watched
    )
    save_loss_curves({out.name or "adapted": out}, out / "loss_curves.png")
    save_adaptation_curves(out, out / "adaptation.png")
    if tested:
        direct, adapted = (
            _test(before_or_after, tested, out / folder, settings.test)
            for before_or_after, folder in ((initial, "direct_transfer"), (model, "evaluation"))
        )
        title = f"{known.name} -> {unknown.name}"
        console.print(results_table([direct, adapted], title=title, models=("direct", "adapted")))
        say_left_out_queries([adapted])
    say(f"Run folder: {out}. Test it elsewhere with: {shlex.join(['snr', 'evaluate', str(out)])} --target FOLDER")


def _target_name(given: str | None, recipe: DataSettings) -> str:
    if recipe.comparison:
        raise ValueError(
            "Comparisons are for training, not adaptation: use a recipe without one, and name --target and --source."
        )
    if given is not None:
        return given
    if len(recipe.targets) != 1:
        raise ValueError(
            "Name what to adapt to: --target DATASET, or a recipe with one target. Received: "
            + (f"targets {', '.join(recipe.targets)}" if recipe.targets else "neither")
        )
    return recipe.targets[0]


def _open(
    target: str, source: str | None, images: str | None, run: Path, root: Path
) -> tuple[ReIDDataset, ReIDDataset]:
    """Open the source, and then the target, which may be large."""
    from snr_keras.reid.data.catalogue import open_dataset
    from snr_keras.reid.data.combine import open_source

    source = source or _trained_on(run)
    with progress_bar(f"checking {source}") as progress:
        known = open_source(source, root=root, images=images or "train", progress=progress)
    say(known.report)
    with progress_bar(f"checking {target}") as progress:
        unknown = open_dataset(target, root=root, splits=("train",), unlabeled=True, progress=progress)
    say(unknown.report)
    if known.train.paths == unknown.train.paths:
        raise ValueError(f"There is nothing to adapt to: source and target are the same images. Received: {target}")
    return known, unknown


def _trained_on(run: Path) -> str:
    from snr_keras.reid.runs.run_folder import read_record

    name = read_record(find_run(run))["source"]["name"]
    if name in known_datasets():
        return name
    parts = name.split("+")
    if set(parts) <= set(known_datasets()):
        return ",".join(parts)
    raise ValueError(f"Name the training images of {run} with --source. Received: none, for {name!r}")


def _tested(
    ctx: typer.Context, target: str, name: str, root: Path, test: TestSettings
) -> Sequence[tuple[ReIDDataset, ...]]:
    """The target's test images, if it has any, under the target's name."""
    from snr_keras.cli.targets import open_targets

    try:
        (trials,) = open_targets([target], root, distance=test.distance, protocol=test.protocol)
    except (ValueError, FileNotFoundError) as error:
        say(f"No test on {target}: {explained(error, ctx.command)}")
        return ()
    return [tuple(replace(trial, name=name) for trial in trials)]


def _watched(target: ReIDDataset) -> NDArray:
    import numpy as np

    identities = target.train.identities
    if identities.min() < 0 or len(np.unique(identities)) < 2:
        raise ValueError(
            "--watch-pairs compares identities, so every training image of the target must have one. Leave it out "
            f"if they are unknown. Received: {np.sum(identities < 0)} of {len(identities)} "
            f"images of identity -1, {target.train.num_identities} different identities"
        )
    return identities


def _test(
    model: keras.Model, targets: Sequence[tuple[ReIDDataset, ...]], out: Path, test: TestSettings
) -> TargetResult:
    from snr_keras.cli.targets import evaluate_targets
    from snr_keras.models import embedder

    (result,) = evaluate_targets(
        embedder(model), targets, out, distance=test.distance, protocol=test.protocol, flip=test.flip
    )
    return result
