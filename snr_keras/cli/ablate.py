"""`snr ablate`: the paper's comparison, on any source and targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snr_keras.cli.commands import explained
from snr_keras.cli.console import console, say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.names import check_plan, chosen_data, planned
from snr_keras.cli.options import (
    RECIPE_HELP,
    ROOT_HELP,
    Comparison,
    Overrides,
    Source,
    SourceImages,
    Target,
    Use,
    Watch,
    recipes,
)
from snr_keras.reid.recipes import load_recipe
from snr_keras.reid.settings.datasets import DOMAINS
from snr_keras.reid.settings.variants import READINGS, VARIANTS, find_variants

if TYPE_CHECKING:
    from snr_keras.cli.experiment import Experiment
    from snr_keras.reid.data.dataset import ReIDDataset
    from snr_keras.reid.settings.testing import TestSettings


app = typer.Typer()


@app.command("ablate")
def ablate_command(
    ctx: typer.Context,
    variant: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VARIANT",
            help=f"What to compare: {', '.join(VARIANTS)}. Default: all of these. Other readings of the dual causality "
            f"loss, by name only: {', '.join(name for name in READINGS if name not in VARIANTS)}.",
            autocompletion=lambda: list(VARIANTS | READINGS),
        ),
    ] = None,
    recipe: Annotated[str, typer.Option(metavar="NAME|FILE", help=RECIPE_HELP, autocompletion=recipes)] = "synthetic",
    overrides: Overrides = None,
    source: Source = None,
    source_images: SourceImages = None,
    target: Target = None,
    comparison: Comparison = None,
    use: Use = None,
    root: Annotated[
        Path | None,
        typer.Option(help=f"{ROOT_HELP} Default: data; with drawn domains only, data inside --out."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of trainings of each variant.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder for runs and results.")] = Path("runs/ablation"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue the ablation in --out where it stopped.")] = False,
    jobs: Annotated[
        int, typer.Option(min=1, help="Number of trainings at a time, which share the cores; above 1 without bars.")
    ] = 1,
    watch: Watch = False,
) -> None:
    """Compare ways to normalize, over several seeds, on domains that the models never saw: the paper's ablation.

    Each variant is trained with each seed by one recipe, from the same initial weights and on the same batches, and
    tested after its last epoch. The number of epochs is fixed in advance, and no score on a target influences any
    choice. All 20 variants with three seeds of the recipe synthetic take about two hours on two CPU cores. For a
    first look: snr ablate none in snr --seeds 1

    Writes to --out: results.txt, .csv, .tex, .png and .json (with the average precision of every query), summary.json
    (without it), and one run folder per training under runs/, as snr train does. Ctrl-C saves before it stops; --resume
    continues from there, also with more variants or more seeds.

    Each difference has a bootstrap interval over queries, which shows how much it depends on the choice of queries. The
    standard deviation and Student's interval over seeds show how much trainings differ. A second table shows what each
    part of the method and each reading of its loss adds, with the smallest difference that so many seeds would have
    shown.
    """
    variants = find_variants(variant or ())
    if not resume and out.exists() and any(path.name != "data" for path in out.iterdir()):
        raise FileExistsError(f"{out} is not empty. Continue what is there (--resume), or choose another --out.")
    settings = load_recipe(recipe, overrides or ())
    data = chosen_data(
        settings.data, source=source, source_images=source_images, target=target, comparison=comparison, use=use
    )
    plan = planned(data)
    if not plan.targets and not settings.training.held_out:
        raise ValueError(
            "Name what to test on: --target DATASET, or --comparison NAME for the targets of a comparison. To compare "
            "on people of the source alone, hold some out: --set training.held_out=0.2"
        )
    names = (*plan.sources, *plan.targets)
    root = root or (out / "data" if set(names) <= set(DOMAINS) else Path("data"))
    check_plan(plan, root)

    load_keras()
    from snr_keras.cli.experiment import open_experiment
    from snr_keras.cli.targets import told_apart
    from snr_keras.reid.experiments.ablation import Ablation, Domain, ablate, as_table, steps_table, width_of

    experiment = open_experiment(plan, settings.test, root)
    home = _home(ctx, experiment, settings.test, root)
    if not (home or experiment.targets):
        raise ValueError(
            f"Name what to test on: --target DATASET. Received: no target, and {plan.called} has no test images"
        )
    domains = [Domain(trials[0].name, trials) for trials in told_apart([*home, *experiment.targets])]
    ablation = Ablation(settings, experiment.source, domains[0] if home else None, domains[len(home) :], out)
    results = ablate(
        ablation,
        variants,
        seeds,
        jobs=jobs,
        resume=resume,
        watch=watch,
        tell=say,
    )
    table = as_table(results)
    console.print(table if width_of(table) <= console.width else as_table(results, brief=True))
    if results["steps"]:
        console.print(steps_table(results))
    say(
        f"Everything is in {out}: results.txt, .csv, .tex, .png and .json, and one run folder per training under runs/."
    )


def _home(ctx: typer.Context, experiment: Experiment, test: TestSettings, root: Path) -> list[tuple[ReIDDataset, ...]]:
    """The test images of the training data, if it is one data set that has test images and was not trained on them."""
    from snr_keras.cli.targets import open_targets, say_copies

    if len(experiment.names) > 1 or experiment.images == "all":
        say("No test at home: with several sources, or all images of one, there are no test images of the source.")
        return []
    try:
        home = open_targets(experiment.names, root, distance=test.distance, protocol=test.protocol)
    except (ValueError, FileNotFoundError) as error:
        say(f"No test at home, on the source's own test images: {explained(error, ctx.command)}")
        return []
    say_copies(experiment.source, home)
    return home
