"""`snr pack`: a trained model to pass on, without the files that only training needs."""

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
        typer.Argument(help="Run folder of snr train (or one in the folder of a demo).", autocompletion=runs),
    ],
    folder: Annotated[Path, typer.Argument(help="Folder to write, new or empty.")],
) -> None:
    """Write the weights of a trained model and its record, in a fraction of the size of its run folder.

    FOLDER gets weights.h5, each weight under its name, and config.json: the settings, training images, package versions
    and, if the run was tested, its scores. It can replace a run folder everywhere, except that training cannot be
    resumed from it. The model in the package, `pretrained`, was made in this way from a run of snr ablate.
    """
    record_file(run)
    load_keras()
    from snr_keras.reid.runs import pack_run

    pack_run(run, folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    say(f"{folder}: {size / 1e6:.1f} MB. Use it as a run: snr evaluate, snr extract --model")
