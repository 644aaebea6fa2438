"""`snr extract`: pictures to a file of embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snr_keras.cli.console import say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import IMAGES_HELP, MODEL_HELP, Flip, runs
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.data.report import count, printable
from snr_keras.reid.settings.paths import check_run

if TYPE_CHECKING:
    from snr_keras.reid.search import Features


app = typer.Typer()


@app.command("extract")
def extract_command(
    images: Annotated[list[str], typer.Argument(metavar="IMAGES", help=IMAGES_HELP)],
    out: Annotated[Path, typer.Option(metavar="FEATURES.h5", help="File to write.")],
    model: Annotated[str, typer.Option(metavar="RUN", help=MODEL_HELP, autocompletion=runs)] = "pretrained",
    flip: Flip = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures embedded at a time.")] = 128,
) -> None:
    """Embed pictures of people, for `snr search`.

    Writes an HDF5 file with the embedding and the name of each picture, the model with a hash of its weights, and the
    preprocessing. Files that cannot be read are counted and named, on the screen and in the file. The file appears only
    when it is complete. `pretrained` was trained on drawn people and is there to try the commands; for photographs,
    train a model on photographs.
    """
    check_run(model)
    load_keras()
    from snr_keras.reid.search import extract

    with progress_bar("embedding") as progress:
        features = extract(images, model=model, out=out, flip=flip, batch_size=batch_size, progress=progress)
    say_left_out(features)
    if features.repeated:
        say(f"{count(features.repeated, 'picture')} named more than once, and embedded once")
    height, width = features.model.image_size
    say(
        f"{out}: {count(len(features), 'picture')}, embeddings of length {features.embeddings.shape[1]}; model "
        f"{printable(features.model.run)} at {height}x{width}, SHA-256 {features.model.sha256[:12]}"
    )


def say_left_out(features: Features) -> None:
    """Report what could not be embedded, one line per reason."""
    from snr_keras.reid.data.pictures import reasons

    for line in reasons(features.left_out):
        say(line)
    if features.left_out and features.file:
        say(f"(all of them: /left_out in {features.file})")
