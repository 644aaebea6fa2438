"""The commands of `snr`, each imported when it is called."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from snr_keras.cli.commands import Commands
from snr_keras.cli.console import say
from snr_keras.cli.versions import versions

COMMANDS = {
    "demo": "Show the effect of SNR on domains that the model never saw.",
    "train": "Train on one or several domains; test on others.",
    "adapt": "Adapt a trained model to images without identities.",
    "ablate": "Compare ways to normalize, over several seeds.",
    "recipes": "List the recipes in the package, or print one.",
    "evaluate": "Test a trained model on target domains.",
    "visualize": "Draw where models look, and where they fail.",
    "extract": "Embed pictures of people.",
    "search": "Find the nearest pictures to each query.",
    "summary": "Count the cost of a network, with and without SNR.",
    "pack": "Write a trained model to pass on.",
    "export": "Write a trained model for another runtime.",
    "parity": "Check any implementation against the specification.",
    "data": "Draw synthetic pedestrians, or inspect images.",
    "weights": "Convert PyTorch checkpoints to runs, and back.",
    "bench": "Measure the cost of SNR on this machine.",
}
"""The line of each command in `snr --help`; the module of the same name has the command itself."""


class Contents(Commands):
    """The commands with their lines in `COMMANDS`, until one is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=line) for name, line in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command with which the arguments begin, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = self.commands[name] = load(name)
        return name, command, rest


def load(name: str) -> Any:
    """A command, or a group of commands, from its module."""
    alone = typer.Typer(rich_markup_mode="markdown")
    alone.add_typer(import_module(f"snr_keras.cli.{name}").app)
    return typer.main.get_group(alone).commands[name]


app = typer.Typer(
    name="snr", cls=Contents, no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False
)


def _version(wanted: bool) -> None:
    if wanted:
        say(versions())
        raise typer.Exit


@app.callback()
def snr(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the versions for a bug report, and stop."
        ),
    ] = False,
) -> None:
    """Person re-identification across domains: Style Normalization and Restitution (SNR).

    **Start with `snr demo`**: it trains a plain network, one with instance normalization and one with SNR
    on a synthetic domain, and tests each on three domains that it never saw.

    **Then your own images**: put them in a folder in Market-1501 layout and name it as --source or --target.
    """
