"""The commands of `snr`."""

from typing import Annotated

import typer

from snr_keras.cli import (
    ablate,
    adapt,
    bench,
    data,
    demo,
    evaluate,
    export,
    extract,
    pack,
    parity,
    recipes,
    search,
    summary,
    train,
    visualize,
    weights,
)
from snr_keras.cli.commands import Commands
from snr_keras.cli.console import say
from snr_keras.cli.versions import versions

app = typer.Typer(
    name="snr",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
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
            "--version", callback=_version, is_eager=True, help="Print the versions that a bug report needs, and stop."
        ),
    ] = False,
) -> None:
    """Person re-identification across domains: Style Normalization and Restitution (SNR).

    **Start with `snr demo`**: it trains a plain network, one with instance normalization and one with SNR
    on a synthetic domain, and shows what each is worth on three domains that it never saw.

    **Then your own images**: put them in a folder laid out as Market-1501 and name it as --source or --target.
    """


app.command("demo")(demo.demo)
app.command("train")(train.train_command)
app.command("adapt")(adapt.adapt_command)
app.command("ablate")(ablate.ablate_command)
app.command("recipes")(recipes.recipes_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("visualize")(visualize.visualize_command)
app.command("extract")(extract.extract_command)
app.command("search")(search.search_command)
app.command("summary")(summary.summary_command)
app.command("pack")(pack.pack_command)
app.command("export")(export.export_command)
app.command("parity", add_help_option=False, context_settings={"ignore_unknown_options": True})(parity.parity_command)
app.add_typer(data.app, name="data")
app.add_typer(weights.app, name="weights")
app.add_typer(bench.app, name="bench")
