"""`snr evaluate`: how well a trained model retrieves on targets, and the pictures of it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import keras
import typer

from snr_keras.cli.console import console, progress_bar, results_table, say, say_left_out_queries, write_json
from snr_keras.data.market1501 import ReIDDataset, open_dataset
from snr_keras.evaluation import TargetResult, check_target, embed_dataset, score
from snr_keras.models import embedder
from snr_keras.training import load_run
from snr_keras.visualization import save_ranked_gallery

RUN_HELP = "A run folder of snr train (or one inside a demo's folder), or `pretrained`, which is in the package."
TARGET_HELP = "A domain to test on: a folder in Market-1501 layout, or a known name. May be repeated."
ROOT_HELP = "The folder that holds named data sets (market1501, dukemtmc-reid; day, dusk, night and fog are drawn)."
PROTOCOL_HELP = "market1501, or no_camera for data without camera labels. Default: what the file names allow."


def evaluate_command(
    run: Annotated[Path, typer.Argument(help=RUN_HELP)],
    target: Annotated[list[str], typer.Option(metavar="DATASET", help=TARGET_HELP)],
    root: Annotated[Path, typer.Option(help=ROOT_HELP)] = Path("data"),
    out: Annotated[Path | None, typer.Option(help="Where results go. Default: RUN/evaluation.")] = None,
    distance: Annotated[str, typer.Option(help="cosine or euclidean.")] = "cosine",
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL_HELP)] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Average each embedding with that of the mirrored image.")
    ] = False,
) -> None:
    """Test a trained model on one or more target domains.

    Prints mAP, Rank-1, Rank-5, Rank-10 and mINP; writes results.json, and for each target a picture of ranked
    galleries: a query, its ten nearest gallery images, right ones in green and wrong ones in red.
    """
    targets = open_targets(target, root, distance=distance, protocol=protocol)
    _, model = load_run(run)
    results = evaluate_targets(
        embedder(model), targets, out or run / "evaluation", distance=distance, protocol=protocol, flip=flip
    )
    console.print(results_table(results, title=str(run)))
    say_left_out_queries(results)
    say(f"results.json and ranked galleries: {out or run / 'evaluation'}")


def open_targets(names: Iterable[str], root: Path, *, distance: str, protocol: str | None) -> list[ReIDDataset]:
    """Open the query and gallery of every target, say what was found, and make sure that each can be tested on."""
    targets = []
    for name in names:
        with progress_bar(f"checking {name}") as progress:
            targets.append(open_dataset(name, root=root, splits=("query", "gallery"), progress=progress))
        say(targets[-1].report)
        check_target(targets[-1], distance=distance, protocol=protocol)
    return targets


def evaluate_targets(
    model: keras.Model,
    targets: Sequence[ReIDDataset],
    out: Path,
    *,
    distance: str = "cosine",
    protocol: str | None = None,
    flip: bool = False,
) -> list[TargetResult]:
    """Test a model that embeds on every target; write `out`/results.json and a picture of ranked galleries for each."""
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for number, dataset in enumerate(targets):
        with progress_bar(f"embedding {dataset.name}") as progress:
            embedded = embed_dataset(model, dataset, flip=flip, progress=progress)
        results.append(score(embedded, distance=distance, protocol=protocol))
        picture = out / f"ranked_gallery_{number + 1}_{re.sub(r'[^A-Za-z0-9.-]+', '_', dataset.name)}.png"
        save_ranked_gallery(embedded, picture, distance=distance, protocol=protocol)
        write_json(out / "results.json", [result.to_json() for result in results])
    return results
