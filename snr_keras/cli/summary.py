"""`snr summary`: the cost of a network, stage by stage, with and without SNR."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from snr_keras.cli.console import console, say, shown
from snr_keras.cli.data import parse_image_size
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import runs
from snr_keras.networks import BACKBONES
from snr_keras.reid.settings.paths import check_run
from snr_keras.reid.settings.training import TrainingConfig

if TYPE_CHECKING:
    import keras

    from snr_keras.models.cost import Cost

SHOWN = ("resnet_small", "resnet50")


app = typer.Typer()


@app.command("summary")
def summary_command(
    run: Annotated[
        Path | None, typer.Argument(help="Run folder, or `pretrained`. Default: two backbones.", autocompletion=runs)
    ] = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(BACKBONES)}; may be repeated. Default: {' and '.join(SHOWN)}.",
            autocompletion=lambda: list(BACKBONES),
        ),
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Default: 64x32 for resnet_small, 256x128 for others.")
    ] = None,
    identities: Annotated[int, typer.Option(min=1, help="Width of the classifier; 751 for Market-1501.")] = 751,
) -> None:
    """Count parameters, multiply-adds and memory of every stage, with and without SNR.

    All numbers except the parameters are per image. Multiply-adds are those of convolutions and dense layers; the
    passes of normalizations over their maps count separately, as elementwise multiplications. Memory is that of all
    layers' outputs, which training keeps. RUN compares the run's model with the same network without its normalization.
    """
    if run is not None:
        if backbone or image_size:
            raise ValueError("RUN sets the backbone and the image size: give either RUN or these options.")
        check_run(run)
        load_keras()
        from snr_keras.reid.runs import load_run

        config, model = load_run(run)
        _show(config, model.output["logits"].shape[-1], str(run))
        return
    sizes = (image_size or ("64x32" if name == "resnet_small" else "256x128") for name in backbone or SHOWN)
    configs = [
        TrainingConfig(backbone=name, image_size=parse_image_size(size))
        for name, size in zip(backbone or SHOWN, sizes, strict=True)
    ]
    load_keras()
    for config in configs:
        _show(config, identities, config.backbone)


def _show(config: TrainingConfig, identities: int, title: str) -> None:
    """Print the table of a network without and with its normalization, or with SNR if it has none."""
    from snr_keras.models.cost import uncounted
    from snr_keras.reid.runs.model import new_model

    config = replace(config, weights=None)
    plain = replace(config, normalization="none", stages=None)
    normalized = replace(config, normalization="snr") if config.normalization == "none" else config
    without, with_it = (new_model(settings, identities) for settings in (plain, normalized))
    height, width = config.image_size
    network = title if title == config.backbone else f"{title}, {config.backbone}"
    heading = f"{network} at {height}x{width}, without and with {normalized.normalization}"
    console.print(costs_table(without, with_it, heading))
    if kinds := uncounted(with_it):
        say(f"The operations of these layers are not counted: {', '.join(kinds)}")


def costs_table(without: keras.Model, with_it: keras.Model, title: str) -> Table:
    """Two lines per stage and in total: without, and below it with."""
    from snr_keras.models.cost import Cost, stage_costs

    before, after = stage_costs(without), stage_costs(with_it)
    table = Table(
        box=box.SIMPLE_HEAD,
        title=shown(title),
        title_justify="left",
        caption="First line: without; second line: with.",
        caption_justify="left",
    )
    for heading in ("", *(heading for heading, *_ in _QUANTITIES)):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for stage in before:
        table.add_row(stage, *_cells(before[stage], after[stage]), end_section=stage == list(before)[-1])
    table.add_row("total", *_cells(sum(before.values(), Cost()), sum(after.values(), Cost())))
    return table


_QUANTITIES = (
    ("parameters\nin 10^3", "parameters", 1e3),
    ("multiply-\nadds, 10^6", "multiply_adds", 1e6),
    ("element-\nwise, 10^6", "elementwise", 1e6),
    ("memory,\nMiB", "activations", 2**20),
)


def _cells(before: Cost, after: Cost) -> list[str]:
    return [
        f"{getattr(before, name) / unit:.2f}\n[bold]{getattr(after, name) / unit:.2f}[/bold]"
        for _, name, unit in _QUANTITIES
    ]
