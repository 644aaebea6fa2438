"""`snr evaluate`: how well a trained model retrieves on targets, and the pictures of it."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer

from snr_keras.cli.console import (
    console,
    progress_bar,
    results_table,
    say,
    say_left_out_queries,
    verification_table,
)
from snr_keras.files.atomic import write_json
from snr_keras.models import embedder
from snr_keras.reid.data.catalogue import open_trials
from snr_keras.reid.data.comparisons import Comparison, find_comparison
from snr_keras.reid.data.copies import copies_between
from snr_keras.reid.data.dataset import ReIDDataset, named_apart
from snr_keras.reid.data.report import printable
from snr_keras.reid.runs import load_run
from snr_keras.reid.targets import EmbeddedDataset, TargetResult, check_target, embed_trials, score_trials, verify
from snr_keras.reid.visualization import save_ranked_gallery, save_verification
from snr_ref import VerificationResult

RUN_HELP = "A run folder of snr train (or one inside a demo's folder), or `pretrained`, which is in the package."
TARGET_HELP = "A domain to test on: a folder in Market-1501 layout, a CSV file, or a known name. May be repeated."
ROOT_HELP = "The folder that holds named data sets (market1501, viper, ...; day, dusk, night and fog are drawn)."
COMPARISON_HELP = (
    "A comparison that papers report, for what to train on and test on: market-to-duke, duke-to-market, m+d+c+ms, "
    "protocol-1, or protocol-2 or protocol-3 with -market1501, -msmt17 or -cuhk03, the one tested on."
)
USE_HELP = (
    "In a comparison, a data set to use for another version of it: msmt17-v2, cuhk03-labeled, market1501+500k; "
    "NAME=FOLDER says where it is. May be repeated."
)
DISTANCE_HELP = "cosine, euclidean, or re_ranked (k-reciprocal re-ranking with k1=20, k2=6 and lambda=0.3)."
PROTOCOL_HELP = (
    "market1501, no_camera for data without camera labels, or single_gallery_shot, classic CUHK03's. Default: the data "
    "set's own, or what the file names allow."
)


def evaluate_command(
    run: Annotated[Path, typer.Argument(help=RUN_HELP)],
    target: Annotated[list[str] | None, typer.Option(metavar="DATASET", help=TARGET_HELP)] = None,
    comparison: Annotated[str | None, typer.Option(metavar="NAME", help=COMPARISON_HELP)] = None,
    use: Annotated[list[str] | None, typer.Option(metavar="DATASET", help=USE_HELP)] = None,
    root: Annotated[Path, typer.Option(help=ROOT_HELP)] = Path("data"),
    out: Annotated[Path | None, typer.Option(help="Where results go. Default: RUN/evaluation.")] = None,
    distance: Annotated[str, typer.Option(help=DISTANCE_HELP)] = "cosine",
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL_HELP)] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Average each embedding with that of the mirrored image.")
    ] = False,
    verification: Annotated[bool, typer.Option("--verify", help="Also ask: do two images show one person?")] = False,
) -> None:
    """Test a trained model on one or more target domains.

    Prints mAP, Rank-1, Rank-5, Rank-10 and mINP; writes results.json, and for each target a picture of ranked
    galleries: a query, its ten nearest gallery images, right ones in green and wrong ones in red.

    With --verify, also how well a threshold on the distance tells pairs of one person from pairs of two: true-positive
    rates at false-positive rates, the equal error rate, and the thresholds to use (verification.json), with a picture
    of histogram and ROC for each target; of a target with several splits, the first.
    """
    names = target_names(target, comparison, use)
    _, model = load_run(run)  # first, since a known target is drawn when it is opened
    targets = told_apart(open_targets(names, root, distance=distance, protocol=protocol))
    out = out or run / "evaluation"
    verified: dict[str, VerificationResult] = {}

    def verify_too(picture_name: str, embedded: EmbeddedDataset) -> None:
        name = embedded.dataset.name
        verified[name] = verify(embedded, distance=distance, protocol=protocol)
        save_verification(verified[name], out / f"verification_{picture_name}.png", title=name)
        write_json(out / "verification.json", {name: _as_json(result) for name, result in verified.items()})

    results = evaluate_targets(
        embedder(model),
        targets,
        out,
        distance=distance,
        protocol=protocol,
        flip=flip,
        also=verify_too if verification else None,
    )
    console.print(results_table(results, title=str(run)))
    say_left_out_queries(results)
    if verified:
        console.print(verification_table(verified))
    say(f"results.json and pictures: {out}")


def _as_json(result: VerificationResult) -> dict[str, Any]:
    """As JSON's types: an infinite threshold, under which all pairs are, is null."""
    fields = {name: np.asarray(value).tolist() for name, value in result._asdict().items()}
    finite = [threshold if np.isfinite(threshold) else None for threshold in fields["thresholds"]]
    equal = fields["equal_error_threshold"]
    return fields | {"thresholds": finite, "equal_error_threshold": equal if np.isfinite(equal) else None}


def target_names(target: Iterable[str] | None, comparison: str | None, use: Iterable[str] | None) -> tuple[str, ...]:
    """What the user wants to test on; ValueError if that is nothing."""
    chosen = chosen_comparison(comparison, use)
    names = (*(target or ()), *(chosen.targets if chosen else ()))
    if not names:
        raise ValueError("Say what to test on: --target DATASET, or --comparison NAME for the targets of a comparison.")
    return names


def chosen_comparison(name: str | None, use: Iterable[str] | None) -> Comparison | None:
    """The comparison that the user names, with the versions that the user wants."""
    if name is None and use:
        raise ValueError("--use says which version of a data set a comparison is to use: name it with --comparison.")
    return None if name is None else find_comparison(name, use=use or ())


def open_targets(
    names: Iterable[str], root: Path, *, distance: str, protocol: str | None
) -> list[tuple[ReIDDataset, ...]]:
    """Open the query and gallery of every target, say what was found, and make sure that each can be tested on.

    A target is a tuple of its divisions, most often one.
    """
    targets = []
    for name in names:
        with progress_bar(f"checking {name}") as progress:
            trials = open_trials(name, root=root, splits=("query", "gallery"), progress=progress)
        say(trials[0].report)
        if len(trials) > 1:
            say(f"  the first of {len(trials)} splits; figures are means over them")
        for trial in trials:
            check_target(trial, distance=distance, protocol=protocol)
        targets.append(trials)
    return targets


def told_apart(targets: Sequence[Sequence[ReIDDataset]]) -> list[tuple[ReIDDataset, ...]]:
    """Data sets under names of which none is another's; whichever has to be called otherwise than it is, is said."""
    named = named_apart(targets)
    for before, after in zip(targets, named, strict=True):
        if after[0].name != before[0].name:
            say(f"{after[0].report.path} is called {after[0].name} here.")
    return named


def say_copies(trained: ReIDDataset, targets: Iterable[Sequence[ReIDDataset]]) -> None:
    """Say which of the images that are trained on are tested on, too, of a target with several divisions the first."""
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
    """Test a model that embeds on every target; write `out`/results.json and a picture of ranked galleries for each.

    A target is a sequence of its divisions; the picture is of the first, and so is what `also` is called with: a name
    for files of this target, and its embeddings.
    """
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for number, trials in enumerate(targets):
        name = trials[0].name
        with progress_bar(f"embedding {name}") as progress:
            embedded = embed_trials(model, trials, flip=flip, progress=progress)
        results.append(score_trials(embedded, distance=distance, protocol=protocol))
        picture_name = f"{number + 1}_{re.sub(r'[^A-Za-z0-9.-]+', '_', name)}"
        picture = out / f"ranked_gallery_{picture_name}.png"
        save_ranked_gallery(embedded[0], picture, distance=distance, protocol=protocol)
        if also is not None:
            also(picture_name, embedded[0])
        write_json(out / "results.json", [result.to_json() for result in results])
    return results
