"""`snr weights`: conversion from and to PyTorch checkpoints."""

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

_NAMED = 40  # maximal number of names printed per reason for leaving them out

app = typer.Typer(
    name="weights",
    cls=Commands,
    no_args_is_help=True,
    help="Convert a PyTorch checkpoint to a run, or a run to PyTorch.",
)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A .safetensors file, or a file of torch.save (.pth, .pt, .pth.tar).")],
    out: Annotated[Path | None, typer.Option(help="Run folder to write, new or empty. Default: runs/NAME.")] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(PYTORCH_BACKBONES)}. Default: as the names and shapes in the file indicate.",
            autocompletion=lambda: list(PYTORCH_BACKBONES),
        ),
    ] = None,
    last_stride: Annotated[
        int | None, typer.Option(help="Stride of the last stage: 1, or 2 as in torchvision, timm and torchreid.")
    ] = None,
    image_size: Annotated[str | None, typer.Option(metavar="HxW", help="Height and width in pixels.")] = None,
    stages: Annotated[
        str | None,
        typer.Option(metavar="1,2,3", help="Stages whose modules to use. Default: all in the file."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Network to use, if the file has several: encoder_q, teacher, ..."),
    ] = None,
    leave: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Names in the file to leave out, such as 'NL_*'. May be repeated."),
    ] = None,
) -> None:
    """Make a run from a checkpoint that was trained in PyTorch, to evaluate it or to extract embeddings.

    Reads ResNets of 18, 34, 50 and 101 layers with torchvision's names, with any prefix: from torchvision, timm,
    torchreid, fast-reid and the usual baselines, plain, with IBN-a, and with SNR as in its public codes (IN1,
    style_reid_laye1.fc1, ...). The outputs agree with PyTorch to the rounding of float32.

    Shows which names were imported and converted, and every name that was left out, with the reason; import.json in the
    run folder has all. A weight that is missing, or a name without a place in the network, is an error, and nothing is
    written. PyTorch files are read with weights only: no code in them is run.

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
    say("(If PyTorch's network differed, use --backbone, --stages, --last-stride, --image-size: weights do not tell.)")
    say(f"Run folder: {out}. Use it as a run: snr evaluate, snr extract --model")


@app.command("export")
def export_command(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Run folder, `pretrained`, or a model's .keras file.", autocompletion=runs),
    ],
    file: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="File to write.")],
) -> None:
    """Write the weights of a model for PyTorch: a safetensors file with torchvision's names, and SNR's public ones.

    The names are conv1.weight, layer1.0.conv1.weight, ..., in PyTorch's shapes; IN1 and style_reid_laye1.fc1 for SNR;
    bottleneck for the BNNeck and classifier. In PyTorch, a network with these names loads them:
    load_state_dict(load_file(FILE)). The backbones that start with torchvision_ or fastreid_ are networks of PyTorch
    codes; the others differ in padding, strides or biases, and need a network written to match.

    snr weights import reads the file back, bit for bit.
    """
    if not run.is_file():
        check_run(run)
    load_keras()
    from snr_keras.reid.runs import export_run

    tensors = export_run(run, file)
    say(f"{file}: {count(tensors, 'tensor')}, {file.stat().st_size / 1e6:.1f} MB")


def show_account(account: Account) -> None:
    """Print the table of what was imported and converted, and a line for everything that was not."""
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
        say(f"Prefix removed from the names: {printable(account.prefix)}")
    for reason in dict.fromkeys(account.left.values()):
        names = [printable(name) for name, its in account.left.items() if its == reason]
        said = f"{len(names)} num_batches_tracked" if reason == COUNTER else ", ".join(sorted(names))
        if len(names) > _NAMED and reason != COUNTER:
            said = f"{', '.join(sorted(names)[:3])} and {len(names) - 3} more"
        say(f"Left, {reason}: {said}")
    if account.anew:
        say(f"As in a new network: {', '.join(account.anew)}")
    if account.others:
        say(f"Other content, ignored: {', '.join(map(printable, account.others))}")


def parse_stages(text: str) -> tuple[int, ...]:
    """The stages that "1,2,3" says; ValueError if it has no such form."""
    try:
        return tuple(whole_number(stage) for stage in text.split(","))
    except ValueError:
        raise ValueError(f"Stages must be numbers separated by commas, such as 1,2,3. Received: {text!r}") from None
