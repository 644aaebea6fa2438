"""`snr evaluate`: the scores of a trained model on targets, and pictures of its rankings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snr_keras.cli.console import console, say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.names import check_targets, target_names
from snr_keras.cli.options import RUN_HELP, Comparison, Distance, Flip, Protocol, Root, Target, Use, runs
from snr_keras.cli.tables import results_table, say_left_out_queries, verification_table
from snr_keras.files.atomic import write_json
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.settings.paths import check_run

if TYPE_CHECKING:
    from snr_keras.reid.targets import EmbeddedDataset
    from snr_ref import VerificationResult


app = typer.Typer()


@app.command("evaluate")
def evaluate_command(
    run: Annotated[Path, typer.Argument(help=RUN_HELP, autocompletion=runs)],
    target: Target = None,
    comparison: Comparison = None,
    use: Use = None,
    root: Root = Path("data"),
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: RUN/evaluation.")] = None,
    distance: Distance = "cosine",
    protocol: Protocol = None,
    flip: Flip = False,
    verification: Annotated[
        bool, typer.Option("--verify", help="Also test verification: do two images show one person?")
    ] = False,
) -> None:
    """Test a trained model on one or more target domains.

    Prints mAP, Rank-1, Rank-5, Rank-10 and mINP; writes results.json, and for each target a picture of ranked
    galleries: a query and its ten nearest gallery images, right ones in green and wrong ones in red.

    With --verify, also measures how well a threshold on the distance separates pairs of one person from pairs of two:
    the true-positive rates at false-positive rates, the equal error rate, and the thresholds to use
    (verification.json), with a picture of histogram and ROC for each target; for a target with several splits, the
    first.
    """
    names = target_names(target, comparison, use)
    check_run(run)
    check_targets(names, root)
    load_keras()
    from snr_keras.cli.targets import evaluate_targets, open_targets, told_apart
    from snr_keras.models import embedder
    from snr_keras.reid.runs import load_run
    from snr_keras.reid.targets import verify
    from snr_keras.reid.visualization import save_verification

    _, model = load_run(run)  # first, since opening a synthetic target draws it
    targets = told_apart(open_targets(names, root, distance=distance, protocol=protocol))
    out = out or run / "evaluation"
    verified: dict[str, VerificationResult] = {}

    def verify_too(picture_name: str, embedded: EmbeddedDataset) -> None:
        name = embedded.dataset.name
        with progress_bar(f"verifying {name}") as progress:
            verified[name] = verify(embedded, distance=distance, protocol=protocol, progress=progress)
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
    """The result as JSON's types; an infinite threshold, which accepts all pairs, is null."""
    import numpy as np

    fields = {name: np.asarray(value).tolist() for name, value in result._asdict().items()}
    finite = [threshold if np.isfinite(threshold) else None for threshold in fields["thresholds"]]
    equal = fields["equal_error_threshold"]
    return fields | {"thresholds": finite, "equal_error_threshold": equal if np.isfinite(equal) else None}
