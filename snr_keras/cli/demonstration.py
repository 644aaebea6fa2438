"""The work of `snr demo`: train one network with and without normalization on one domain, and compare on four."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, cast

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from snr_keras.cli.console import console, say
from snr_keras.cli.demo import VARIANTS
from snr_keras.files.atomic import write_json, write_text
from snr_keras.files.forms import read_json
from snr_keras.files.sealed import read_sealed, write_sealed
from snr_keras.models import embedder
from snr_keras.reid.bars import line, progress_bar
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.report import count
from snr_keras.reid.data.synthetic import DOMAINS, contact_sheet, synthesize
from snr_keras.reid.runs import RichProgress, TrainingConfig
from snr_keras.reid.runs.lock import locked_folder
from snr_keras.reid.runs.record import TargetFigures
from snr_keras.reid.runs.run_folder import describe_run, resume_run
from snr_keras.reid.targets import TargetResult, embed_dataset, score
from snr_keras.reid.training import train
from snr_keras.reid.visualization import save_loss_curves, save_ranked_gallery

UNSEEN = "mean of unseen"

Figures = dict[str, dict[str, float]]  # {domain: {"mAP": ..., "rank1": ...}} of one model


def compare(out: Path, settings: Mapping[str, Any], variants: Sequence[str], seeds: int, *, resume: bool) -> Table:
    """Draw, train, test, and write everything into a folder; with `resume` only what is missing.

    Args:
        out: Folder to write.
        settings: Values of `source`, `epochs`, `train_identities` and `test_identities`.
        variants: Names, out of `VARIANTS`, to train.
        seeds: Number of trainings of each variant.
        resume: Whether to continue what is in the folder.

    Returns:
        The comparison table.
    """
    source, epochs = settings["source"], settings["epochs"]
    with locked_folder(out):
        _begin(out, settings, resume)
        domains = _draw_and_read(out, source, settings["train_identities"], settings["test_identities"])

        figures: dict[str, list[Figures]] = {name: [] for name in variants}
        trainings = [(name, seed) for seed in range(seeds) for name in variants]
        with line("trainings") as shown:
            for done, (name, seed) in enumerate(trainings):
                within = shown.within(done, len(trainings))
                figures[name].append(_train_and_test(out, name, seed, epochs, domains, source, within))
                write_json(out / "results.json", {**settings, "figures": figures})
        runs = {name: out / "runs" / f"{name}-seed0" for name in variants}
        title = loss_curves_title({name: figures[name][0] for name in variants}, source, epochs)
        save_loss_curves(runs, out / "loss_curves.png", title=title)

        table = results_table({name: runs for name, runs in figures.items() if runs}, source, seeds)
        _save_text(table, out / "results.txt")
    return table


def results_table(figures: Mapping[str, Sequence[Figures]], source: str, seeds: int) -> Table:
    """The comparison: one row per domain, one column per model, mAP / Rank-1 in per cent, with standard deviations."""
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
        separator = " / " if seeds == 1 else "\n"  # with standard deviations two scores are too wide for a terminal
        cells = [
            separator.join(_cell(runs, domain, source, figure) for figure in ("mAP", "rank1"))
            for runs in figures.values()
        ]
        table.add_row(label, *cells, end_section=domain == domains[-1])
    return table


def loss_curves_title(figures: Mapping[str, Figures], source: str, epochs: int) -> str:
    """The title of the loss curves: what was trained, and each model's scores on the domains that it never saw."""
    reached = (
        f"{name} {' / '.join(_cell([run], UNSEEN, source, figure) for figure in ('mAP', 'rank1'))}"
        for name, run in figures.items()
    )
    return (
        f"trained on {source}, seed 0, {count(epochs, 'epoch')}\n"
        f"mAP / Rank-1 in per cent, {UNSEEN} domains: {', '.join(reached)}"
    )


def ranked_gallery_title(model: str, seed: int, source: str, result: TargetResult) -> str:
    """The title of a ranked gallery: the model, its scores, and the meaning of the colours."""
    return (
        f"{model}, seed {seed}, trained on {source}, tested on {result.target}: "
        f"mAP {100 * result.mAP:.1f} %, Rank-1 {100 * result.rank(1):.1f} %\nright in green, wrong in red"
    )


def mean_of_unseen(run: Figures, source: str, figure: str) -> float:
    """The mean of a score over the domains that the model was not trained on."""
    return mean(values[figure] for domain, values in run.items() if domain != source)


def _cell(runs: Sequence[Figures], domain: str, source: str, figure: str) -> str:
    values = [100 * (mean_of_unseen(run, source, figure) if domain == UNSEEN else run[domain][figure]) for run in runs]
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def _begin(out: Path, settings: Mapping[str, Any], resume: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "demo.json"
    if resume and path.exists() and (before := read_json(path, dict[str, Any])) != settings:
        different = [key for key in settings if settings[key] != before.get(key)]
        raise ValueError(
            f"The demo in {out} was started with other settings: "
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
    out: Path,
    name: str,
    seed: int,
    epochs: int,
    domains: Mapping[str, ReIDDataset],
    source: str,
    within: Callable[[float], None],
) -> Figures:
    """The scores of one model, which is trained unless its results exist."""
    run = out / "runs" / f"{name}-seed{seed}"
    results = run / "results.json"
    config = TrainingConfig(seed=seed, epochs=epochs, **VARIANTS[name])
    if results.exists():
        resume_run(run, describe_run(config, domains[source]))  # an error if another version trained it differently
        say(f"{run} is already done")
        found = cast("Figures", read_sealed(results, dict[str, TargetFigures]))
        if set(found) != set(DOMAINS):
            raise ValueError(f"Expected figures on {', '.join(DOMAINS)} in {str(results)!r}. Received: {list(found)}")
        return found
    console.rule(f"{name}, seed {seed}", align="left")
    resume = (run / "config.json").exists()
    within(0)
    model = train(config, domains[source], run, resume=resume, progress=RichProgress(say, within=within))
    figures, network = {}, embedder(model)
    for dataset in domains.values():
        with progress_bar(f"embedding {dataset.name}") as progress:
            embedded = embed_dataset(network, dataset, progress=progress)
        result = score(embedded)
        figures[dataset.name] = {"mAP": result.mAP, "rank1": result.rank(1), "mINP": result.mINP}
        if seed == 0:
            title = ranked_gallery_title(name, seed, source, result)
            save_ranked_gallery(embedded, out / f"ranked_gallery_{name}_{dataset.name}.png", title=title)
    write_sealed(results, figures)
    return figures


def _save_text(table: Table, path: Path) -> None:
    text = io.StringIO()
    Console(file=text, width=100).print(table)
    write_text(path, text.getvalue())
