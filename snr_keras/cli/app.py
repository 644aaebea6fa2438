"""The commands of `snr`, and how it tells a user that something went wrong."""

import os
import sys

import typer

from snr_keras.cli import bench, data, demo, evaluate, train
from snr_keras.cli.console import console

app = typer.Typer(
    name="snr",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="""Person re-identification that holds on data it was never trained on: Style Normalization and Restitution.

    [bold]Start with[/] [green]snr demo[/]: it trains a plain network, one with instance normalization and one with SNR
    on a synthetic domain, and shows what each is worth on three domains that it never saw.

    [bold]Then your own images[/]: put them in a folder laid out as Market-1501 and name it as --source or --target.
    """,
)
app.command("demo")(demo.demo)
app.command("train")(train.train_command)
app.command("evaluate")(evaluate.evaluate_command)
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")


def run() -> None:
    """Run the command; a mistake in what the user gave ends in one message, without a traceback."""
    try:
        app()
    except (ValueError, OSError, ArithmeticError) as error:
        if os.environ.get("SNR_TRACEBACK"):
            raise
        console.print("[bold red]error:[/] ", end="")
        console.print(str(error), markup=False, highlight=False)
        console.print("[dim](SNR_TRACEBACK=1 shows where it was raised)[/]")
        sys.exit(1)
    except KeyboardInterrupt as interrupt:
        console.print(str(interrupt) or "interrupted", markup=False, highlight=False)
        sys.exit(130)
