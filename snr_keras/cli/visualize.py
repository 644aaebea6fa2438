"""`snr visualize`: pictures of where a trained model looks, what it learns, and where it fails."""

from pathlib import Path
from typing import Annotated

import typer

from snr_keras.cli.console import console, say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.names import check_targets, target_names
from snr_keras.cli.options import RUNS_HELP, Comparison, Distance, Flip, Protocol, Root, Target, Use
from snr_keras.cli.options import runs as run_folders
from snr_keras.cli.tables import results_table, say_left_out_queries
from snr_keras.reid.bars import changing_bar
from snr_keras.reid.settings.paths import check_run

app = typer.Typer()


@app.command("visualize")
def visualize_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help=RUNS_HELP, autocompletion=run_folders)],
    target: Target = None,
    comparison: Comparison = None,
    use: Use = None,
    root: Root = Path("data"),
    out: Annotated[Path, typer.Option(help="Folder to write, new or empty.")] = Path("runs/pictures"),
    worst: Annotated[int, typer.Option(min=1, help="Queries in each target's gallery of the worst.")] = 8,
    images: Annotated[int, typer.Option(min=1, help="People of each target whose activation maps to draw.")] = 2,
    sample: Annotated[int, typer.Option(min=4, help="Images of each target, at most, for t-SNE and gates.")] = 128,
    stage: Annotated[int, typer.Option(min=1, max=4, help="Stage whose SNR the t-SNE shows before and after.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice of people and of the t-SNE.")] = 0,
    distance: Distance = "cosine",
    protocol: Protocol = None,
    flip: Flip = False,
) -> None:
    """Draw where trained models look, what their features show, and where they fail.

    Writes PNGs and report.html, one page with all of them and explanations, which works offline. For each run: the
    worst queries of each target with their ten nearest images; activation maps of F, F~, F~+ and F~- after each stage;
    a t-SNE before and after SNR and of the embeddings, by domain and by person; the gates of SNR, channel by channel,
    and their numbers as JSON. For each target: the CMC curves of all runs. A run without SNR has only F, and no gates.
    """
    names = target_names(target, comparison, use)
    if again := sorted({str(run) for run in runs if runs.count(run) > 1}):
        raise ValueError(f"Name each run once. Received again: {', '.join(again)}")
    for run in runs:
        check_run(run)
    check_targets(names, root)

    load_keras()
    from snr_keras.cli.targets import open_targets, told_apart
    from snr_keras.reid.runs import load_run
    from snr_keras.reid.visualization import Choices, visualize
    from snr_keras.reid.visualization.report import check_ready

    check_ready(out)
    choices = Choices(
        worst=worst,
        images=images,
        sample=sample,
        stage=stage,
        seed=seed,
        distance=distance,
        protocol=protocol,
        flip=flip,
    )
    models = {str(run): load_run(run)[1] for run in runs}  # first, since opening a synthetic target draws it
    targets = told_apart(open_targets(names, root, distance=distance, protocol=protocol))
    with changing_bar() as progress:
        results = visualize(models, targets, out, choices=choices, progress=progress)
    for name, of_run in results.items():
        console.print(results_table(of_run, title=name))
    say_left_out_queries(next(iter(results.values())))
    say(f"{out / 'report.html'}: all pictures on one page, with explanations; the PNGs are beside it")
