"""`snr demo`: what SNR is worth on domains that the model never saw, in ten minutes, from nothing."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any, cast

import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table

from snr_keras.cli.console import console, progress_bar, say
from snr_keras.files.atomic import write_json, write_text
from snr_keras.files.forms import read_json
from snr_keras.files.sealed import read_sealed, write_sealed
from snr_keras.keras_config import check_tensorflow
from snr_keras.models import embedder
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.report import count
from snr_keras.reid.data.synthetic import DOMAINS, contact_sheet, synthesize
from snr_keras.reid.runs import RichProgress, TrainingConfig
from snr_keras.reid.runs.lock import locked_folder
from snr_keras.reid.runs.record import TargetFigures
from snr_keras.reid.targets import TargetResult, embed_dataset, score
from snr_keras.reid.training import train
from snr_keras.reid.visualization import save_loss_curves, save_ranked_gallery

VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"normalization": "none"},
    "in": {"normalization": "in"},
    "snr": {"normalization": "snr"},
    "snr-no-loss": {"normalization": "snr", "snr_weights": (0.0, 0.0, 0.0, 0.0)},
}
UNSEEN = "mean of unseen"

Figures = dict[str, dict[str, float]]  # {domain: {"mAP": ..., "rank1": ...}} of one model


def demo(
    out: Annotated[Path, typer.Option(help="The folder for data, models, tables and pictures.")] = Path("runs/demo"),
    source: Annotated[str, typer.Option(help="The domain to train on: day, dusk, night or fog.")] = "day",
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help=f"A model to train: {', '.join(VARIANTS)}; may be repeated. Default: none, in and snr.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each model; above 1 the table has spreads.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 12,
    train_identities: Annotated[
        int, typer.Option(min=TrainingConfig.identities_per_batch, help="People to train on.")
    ] = 120,
    test_identities: Annotated[int, typer.Option(min=1, help="Other people in each domain, to test on.")] = 50,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the demo in --out where it stopped.")] = False,
) -> None:
    """Train on one synthetic domain, test on that one and on three that the model never saw.

    Draws the synthetic pedestrians in four domains, trains a plain network (none), one with instance normalization (in)
    and one with SNR (snr) on the source domain, and tests each on people that it never saw, of every domain. With
    snr-no-loss, SNR is also trained without its dual causality loss. Takes about ten minutes on two CPU cores.

    Leaves in --out: results.json, results.txt, loss_curves.png, contact_sheet.png, ranked_gallery_*.png, the images
    under data/ and one run folder a model under runs/.
    """
    variants = tuple(variant or ("none", "in", "snr"))
    _check_arguments(out, source, variants, resume)
    settings = {
        "source": source,
        "epochs": epochs,
        "train_identities": train_identities,
        "test_identities": test_identities,
    }
    with locked_folder(out):
        _begin(out, settings, resume)
        domains = _draw_and_read(out, source, train_identities, test_identities)

        figures: dict[str, list[Figures]] = {name: [] for name in variants}
        for seed in range(seeds):
            for name in variants:
                figures[name].append(_train_and_test(out, name, seed, epochs, domains[source], domains.values()))
                write_json(out / "results.json", settings | {"figures": figures})
        runs = {name: out / "runs" / f"{name}-seed0" for name in variants}
        title = loss_curves_title({name: figures[name][0] for name in variants}, source, epochs)
        save_loss_curves(runs, out / "loss_curves.png", title=title)

        table = results_table({name: runs for name, runs in figures.items() if runs}, source, seeds)
        _save_text(table, out / "results.txt")
    console.print(table)
    say(f"Everything is in {out}; look at the pictures there. The same on your own images: snr train --help")


def results_table(figures: Mapping[str, Sequence[Figures]], source: str, seeds: int) -> Table:
    """The comparison: a row a domain, a column a model, mAP / Rank-1 in per cent, with spreads over seeds."""
    spread = f", mean ± standard deviation over {seeds} seeds, Rank-1 below mAP" if seeds > 1 else ""
    table = Table(
        caption=f"mAP / Rank-1 in per cent{spread}; trained on {source}", caption_justify="left", show_lines=seeds > 1
    )
    table.add_column("tested on", no_wrap=True)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    domains = list(next(iter(figures.values()))[0])
    for domain in (*domains, UNSEEN):
        label = f"{domain} (source)" if domain == source else domain
        separator = " / " if seeds == 1 else "\n"  # spreads make two figures too wide for a terminal
        cells = [
            separator.join(_cell(runs, domain, source, figure) for figure in ("mAP", "rank1"))
            for runs in figures.values()
        ]
        table.add_row(label, *cells, end_section=domain == domains[-1])
    return table


def loss_curves_title(figures: Mapping[str, Figures], source: str, epochs: int) -> str:
    """Above the loss curves: what was trained, and what each model came to on the domains that it never saw."""
    reached = (
        f"{name} {' / '.join(_cell([run], UNSEEN, source, figure) for figure in ('mAP', 'rank1'))}"
        for name, run in figures.items()
    )
    return (
        f"trained on {source}, seed 0, {count(epochs, 'epoch')}\n"
        f"mAP / Rank-1 in per cent, {UNSEEN} domains: {', '.join(reached)}"
    )


def ranked_gallery_title(model: str, seed: int, source: str, result: TargetResult) -> str:
    """Above a ranked gallery: whose it is, what the model comes to, and what the colours mean."""
    return (
        f"{model}, seed {seed}, trained on {source}, tested on {result.target}: "
        f"mAP {100 * result.mAP:.1f} %, Rank-1 {100 * result.rank(1):.1f} %\nright in green, wrong in red"
    )


def mean_of_unseen(run: Figures, source: str, figure: str) -> float:
    """The mean of a figure over the domains that the model was not trained on."""
    return mean(values[figure] for domain, values in run.items() if domain != source)


def _cell(runs: Sequence[Figures], domain: str, source: str, figure: str) -> str:
    values = [100 * (mean_of_unseen(run, source, figure) if domain == UNSEEN else run[domain][figure]) for run in runs]
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def _check_arguments(out: Path, source: str, variants: Sequence[str], resume: bool) -> None:
    check_tensorflow("Training runs")
    if source not in DOMAINS:
        raise ValueError(f"--source must be one of {', '.join(DOMAINS)}. Received: {source!r}")
    if unknown := [name for name in variants if name not in VARIANTS]:
        raise ValueError(f"--variant must be one of {', '.join(VARIANTS)}. Received: {', '.join(unknown)}")
    if not resume and out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty. Go on with what is there (--resume), or choose another --out.")


def _begin(out: Path, settings: dict[str, Any], resume: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "demo.json"
    if resume and path.exists() and (before := read_json(path, dict[str, Any])) != settings:
        different = [key for key in settings if settings[key] != before.get(key)]
        raise ValueError(
            f"The demo in {out} was begun with other settings: "
            + ", ".join(f"{key}={before.get(key)!r}, now {settings[key]!r}" for key in different)
        )
    write_json(path, settings)


def _draw_and_read(out: Path, source: str, train_identities: int, test_identities: int) -> dict[str, ReIDDataset]:
    """Every domain by its name; only the source has people to train on."""
    domains = {}
    for name in DOMAINS:
        with progress_bar(f"drawing {name}") as progress:
            folder = synthesize(
                out / "data" / name,
                domain=name,
                train_identities=train_identities if name == source else 2,
                test_identities=test_identities,
                progress=progress,
            )
        domains[name] = read_market1501(folder)
        say(domains[name].report)
    tf.io.write_file(str(out / "contact_sheet.png"), tf.io.encode_png(contact_sheet(enlarge=3)))
    return domains


def _train_and_test(
    out: Path, name: str, seed: int, epochs: int, source: ReIDDataset, domains: Iterable[ReIDDataset]
) -> Figures:
    """Figures of one model, trained unless its results are there already."""
    run = out / "runs" / f"{name}-seed{seed}"
    results = run / "results.json"
    if results.exists():
        say(f"{run} is done already")
        found = cast("Figures", read_sealed(results, dict[str, TargetFigures]))
        if set(found) != set(DOMAINS):
            raise ValueError(f"Expected figures on {', '.join(DOMAINS)} in {str(results)!r}. Received: {list(found)}")
        return found
    console.rule(f"{name}, seed {seed}", align="left")
    config = TrainingConfig(seed=seed, epochs=epochs, **VARIANTS[name])
    resume = (run / "config.json").exists()
    model = train(config, source, run, resume=resume, progress=RichProgress(console))
    figures = {}
    for dataset in domains:
        with progress_bar(f"embedding {dataset.name}") as progress:
            embedded = embed_dataset(embedder(model), dataset, progress=progress)
        result = score(embedded)
        figures[dataset.name] = {"mAP": result.mAP, "rank1": result.rank(1), "mINP": result.mINP}
        if seed == 0:
            title = ranked_gallery_title(name, seed, source.name, result)
            save_ranked_gallery(embedded, out / f"ranked_gallery_{name}_{dataset.name}.png", title=title)
    write_sealed(results, figures)
    return figures


def _save_text(table: Table, path: Path) -> None:
    text = io.StringIO()
    Console(file=text, width=100).print(table)
    write_text(path, text.getvalue())
