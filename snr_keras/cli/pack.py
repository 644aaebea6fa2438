"""`snr pack`: a trained model to hand on, without what only training needs."""

from pathlib import Path
from typing import Annotated

import typer

from snr_keras.cli.console import say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import runs
from snr_keras.reid.settings.paths import record_file

app = typer.Typer()


@app.command("pack")
def pack_command(
    run: Annotated[
        Path,
        typer.Argument(help="A run folder of snr train (or one of those inside a demo's folder).", autocompletion=runs),
    ],
    folder: Annotated[Path, typer.Argument(help="The folder to write, new or empty.")],
) -> None:
    """Write the weights of a trained model and its record, in a fraction of the size of its run folder.

    FOLDER holds weights.h5, each weight under its name, and config.json: settings, training images, versions of
    packages, and the figures of its tests if there are any. It stands wherever a run folder can, except that training
    cannot be resumed from it. The model that comes with the package, `pretrained`, was made so from a run of snr demo.
    """
    record_file(run)
    load_keras()
    from snr_keras.reid.runs import pack_run

    pack_run(run, folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    say(f"{folder}: {size / 1e6:.1f} MB. Use it as a run: snr evaluate, snr extract --model")
