"""The commands of `snr`, each imported when it is called."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from snr_keras.cli.commands import Commands
from snr_keras.cli.console import say
from snr_keras.cli.versions import versions

COMMANDS = {
    "demo": "See what SNR is worth on domains that the model never saw.",
    "train": "Train on one or several domains; test on others.",
    "adapt": "Adapt a trained model to images without identities.",
    "ablate": "Compare ways to normalize, with several seeds.",
    "recipes": "List the settings that come with the package.",
    "evaluate": "Test a trained model on target domains.",
    "visualize": "Draw what models look at, and where they fail.",
    "extract": "Embed pictures of people.",
    "search": "Find the pictures nearest to others.",
    "summary": "Count what a network costs, with and without SNR.",
    "pack": "Write a trained model to hand on.",
    "export": "Write a trained model for another runtime.",
    "parity": "Compare any implementation with the specification.",
    "data": "Draw synthetic pedestrians; check a folder of images.",
    "weights": "Bring a checkpoint of PyTorch, or take one back.",
    "bench": "Measure what SNR costs on this machine.",
}
"""What `snr --help` says of each command; the command itself is the module of its name beside this one."""


class Contents(Commands):
    """The commands by their lines in `COMMANDS`, until one is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=line) for name, line in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that arguments begin with, imported."""
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
