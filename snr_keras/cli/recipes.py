"""`snr recipes`: the settings of runs that come with the package."""

from typing import Annotated

import typer

from snr_keras.cli.console import say
from snr_keras.cli.options import recipes
from snr_keras.reid.recipes import load_recipe, recipe_names, recipe_text

app = typer.Typer()


@app.command("recipes")
def recipes_command(
    name: Annotated[
        str | None,
        typer.Argument(help="Recipe to print: a name from the list, or a TOML file.", autocompletion=recipes),
    ] = None,
) -> None:
    """List the recipes in the package, or print one.

    A recipe is a TOML file with the settings of a run: training, adaptation, data and test. Use it with snr train
    --recipe NAME or snr adapt --recipe NAME; --set training.epochs=4 changes a setting. For a recipe of your own, save
    the nearest one to a file, change it, and name the file: snr recipes synthetic > mine.toml
    """
    if name is not None:
        load_recipe(name)
        say(recipe_text(name).rstrip("\n"))
        return
    width = max(map(len, recipe_names()))
    for recipe in recipe_names():
        say(f"{recipe:{width}}  {load_recipe(recipe).description}")
    say("Print one: snr recipes NAME. Use one: snr train --recipe NAME")
