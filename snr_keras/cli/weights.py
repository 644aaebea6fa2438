"""`snr weights`: checkpoints of PyTorch, in and out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from snr_keras.cli.commands import Commands
from snr_keras.cli.console import console, say, shown
from snr_keras.cli.data import parse_image_size
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import runs
from snr_keras.files.regular import check_file
from snr_keras.files.text import whole_number
from snr_keras.networks import PYTORCH_BACKBONES, WEIGHTS_FILE
from snr_keras.reid.data.report import count, printable
from snr_keras.reid.settings.paths import check_run

if TYPE_CHECKING:
    from snr_keras.models.pytorch.importing import Account

_NAMED = 40  # of the names that are left for one reason, how many are printed

app = typer.Typer(
    name="weights", cls=Commands, no_args_is_help=True, help="Bring a checkpoint of PyTorch, or take one back there."
)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A .safetensors file, or what torch.save wrote (.pth, .pt, .pth.tar).")],
    out: Annotated[Path | None, typer.Option(help="The run folder to write, new or empty. Default: runs/NAME.")] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(PYTORCH_BACKBONES)}. Default: what names and shapes in the file tell.",
            autocompletion=lambda: list(PYTORCH_BACKBONES),
        ),
    ] = None,
    last_stride: Annotated[
        int | None, typer.Option(help="Of the last stage: 1, or 2 as torchvision, timm and torchreid have it.")
    ] = None,
    image_size: Annotated[str | None, typer.Option(metavar="HxW", help="Height and width in pixels.")] = None,
    stages: Annotated[
        str | None,
        typer.Option(metavar="1,2,3", help="The stages whose modules are used. Default: all that are in the file."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of several networks in the file, the one to take: encoder_q, teacher, ..."),
    ] = None,
    leave: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Names in the file to leave, such as 'NL_*'. May be repeated."),
    ] = None,
) -> None:
    """Make a run of a checkpoint that was trained in PyTorch: to evaluate, to extract with, to look at.

    Takes ResNets of 18, 34, 50 and 101 layers with torchvision's names, whatever the prefix: of torchvision, timm,
    torchreid, fast-reid and the usual baselines, plain, with IBN-a, and with SNR as in its public codes (IN1,
    style_reid_laye1.fc1, ...). What comes out agrees with PyTorch to the rounding of float32.

    Shows what was taken and adapted, and every name that was left, with the reason; import.json in the run folder has
    all of it. A weight of the network that is missing, or a name that has no place, is an error, and nothing is
    written. Files of PyTorch are read with weights only: nothing in them is run.

    To train from such a file: snr train --backbone torchvision_resnet50 --weights FILE
    """
    out = out or Path("runs") / file.name.split(".")[0]
    chosen, size = parse_stages(stages) if stages else None, parse_image_size(image_size) if image_size else None
    check_file(file, WEIGHTS_FILE)
    load_keras()
    from snr_keras.reid.runs import import_run

    config, account = import_run(
        file,
        out,
        backbone=backbone,
        stages=chosen,
        last_stride=last_stride,
        image_size=size,
        network=network,
        leave=leave or (),
    )
    show_account(account)
    modules = f"{config.normalization} at stages {','.join(map(str, config.stages))}" if config.stages else "no modules"
    height, width = config.image_size
    say(f"Network: {config.backbone}, {modules}; last stride {config.last_stride}, images of {height}x{width}.")
    say("(If PyTorch's was otherwise: --backbone, --stages, --last-stride, --image-size. Weights alone do not tell.)")
    say(f"Run folder: {out}. Use it as a run: snr evaluate, snr extract --model")


@app.command("export")
def export_command(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="A run folder, `pretrained`, or a model's .keras file.", autocompletion=runs
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="The file to write.")],
) -> None:
    """Write the weights of a model for PyTorch: a safetensors file with torchvision's names and SNR's public ones.

    conv1.weight, layer1.0.conv1.weight, ..., in PyTorch's shapes; IN1 and style_reid_laye1.fc1 for SNR; bottleneck
    for the BNNeck and classifier. In PyTorch, a network with these names takes them: load_state_dict(load_file(FILE)).
    Of the backbones, those that start with torchvision_ or fastreid_ are networks that PyTorch codes have;
    the others differ in padding, strides or biases, and need a network written to match.

    snr weights import takes the file back, bit for bit.
    """
    if not run.is_file():
        check_run(run)
    load_keras()
    from snr_keras.reid.runs import export_run

    tensors = export_run(run, file)
    say(f"{file}: {count(tensors, 'tensor')}, {file.stat().st_size / 1e6:.1f} MB")


def show_account(account: Account) -> None:
    """The table of what was taken and adapted, and a line for everything that was not."""
    from snr_keras.models.pytorch.importing import COUNTER

    table = Table(box=box.SIMPLE_HEAD, title=f"Taken from {shown(account.file)}", title_justify="left")
    table.add_column("part", no_wrap=True)
    table.add_column("weights", justify="right")
    table.add_column("adapted")
    for part in dict.fromkeys(weight.part for weight in account.taken):
        weights = [weight for weight in account.taken if weight.part == part]
        adapted = Counter(weight.adapted for weight in weights if weight.adapted)
        table.add_row(part, str(len(weights)), "; ".join(f"{number} {how}" for how, number in adapted.items()))
    console.print(table)
    if account.prefix:
        say(f"Taken off the names: {printable(account.prefix)}")
    for reason in dict.fromkeys(account.left.values()):
        names = [printable(name) for name, its in account.left.items() if its == reason]
        said = f"{len(names)} num_batches_tracked" if reason == COUNTER else ", ".join(sorted(names))
        if len(names) > _NAMED and reason != COUNTER:
            said = f"{', '.join(sorted(names)[:3])} and {len(names) - 3} more"
        say(f"Left, {reason}: {said}")
    if account.anew:
        say(f"As in a new network: {', '.join(account.anew)}")
    if account.beside:
        say(f"Beside the weights, not looked at: {', '.join(map(printable, account.beside))}")


def parse_stages(text: str) -> tuple[int, ...]:
    """The stages that "1,2,3" says; ValueError if it has no such form."""
    try:
        return tuple(whole_number(stage) for stage in text.split(","))
    except ValueError:
        raise ValueError(f"Stages are numbers with commas between, such as 1,2,3. Received: {text!r}") from None
