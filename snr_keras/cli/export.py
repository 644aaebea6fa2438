"""`snr export`: a trained model for a runtime that knows nothing of Keras."""

from pathlib import Path
from typing import Annotated

import typer

from snr_keras.cli.console import say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import MODEL_HELP, runs
from snr_keras.reid.settings.formats import FORMATS, PRECISIONS, find_format
from snr_keras.reid.settings.paths import check_run

app = typer.Typer()


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=MODEL_HELP, autocompletion=runs)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="What to write, and where nothing is yet.")],
    format: Annotated[
        str,
        typer.Option(
            help="; ".join(
                f"{name} ({f'a file {its.ending}' if its.ending else 'a folder'}; {', '.join(its.precisions)})"
                for name, its in FORMATS.items()
            ),
            autocompletion=lambda: list(FORMATS),
        ),
    ],
    precision: Annotated[
        str,
        typer.Option(
            help="; ".join(f"{name}: {what}" for name, what in PRECISIONS.items()),
            autocompletion=lambda: list(PRECISIONS),
        ),
    ] = "float32",
) -> None:
    """Write a trained model for deployment: from pictures to embeddings, in one file.

    The graph takes float32 RGB images in [0, 255], (N, H, W, 3), of the run's image size and any number N, and gives
    embeddings (N, D), to be compared by the cosine. Normalization of pixels is in it: whoever normalizes before it as
    well gets other embeddings. The classifier and what only the losses need are not.

    What is written is first run in its runtime and compared with the model, and the largest difference is shown. The
    file says of itself what goes in, what comes out and which weights it has: in its metadata (ONNX, OpenVINO), in
    assets.extra (SavedModel), or in OUT.json beside it (LiteRT).

    snr bench export compares the formats.
    """
    find_format(format, precision)
    check_run(run)
    load_keras()
    from snr_keras.reid.deployment import export_model
    from snr_keras.reid.deployment.pictures import PICTURES

    export = export_model(run, out, format, precision)
    height, width = export.image_size
    say(
        f"{export.path}: {export.size / 1e6:.2f} MB; RGB images of {height}x{width} to embeddings of {export.width} "
        "numbers"
    )
    say(
        f"Beside the Keras model, on {PICTURES} drawn pictures: the largest difference is {export.difference:.2g}, of "
        f"numbers up to {export.largest:.2g}"
    )
