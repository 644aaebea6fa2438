"""`snr export`: a trained model for a runtime without Keras."""

from pathlib import Path
from typing import Annotated

import typer

from snr_keras.cli.console import say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import MODEL_HELP, runs
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.settings.formats import FORMATS, PRECISIONS, find_format
from snr_keras.reid.settings.paths import check_run

app = typer.Typer()


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=MODEL_HELP, autocompletion=runs)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File or folder to write, which must not exist.")],
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

    The input is float32 RGB images in [0, 255], (N, H, W, 3), of the run's image size and any number N; the output is
    embeddings, (N, D), to compare by the cosine. The graph normalizes the pixels: do not normalize them before. The
    classifier and the parts that only the losses need are left out.

    The export is first run in its runtime and compared with the model, and the largest difference is shown. The file
    describes its input, its output and its weights: in its metadata (ONNX, OpenVINO), in assets.extra (SavedModel), or
    in OUT.json beside it (LiteRT).

    snr bench export compares the formats.
    """
    find_format(format, precision)
    check_run(run)
    load_keras()
    from snr_keras.reid.deployment import export_model
    from snr_keras.reid.deployment.pictures import PICTURES

    with progress_bar(f"exporting {out.name}"):
        export = export_model(run, out, format, precision)
    height, width = export.image_size
    say(
        f"{export.path}: {export.size / 1e6:.2f} MB; RGB images of {height}x{width} to embeddings of length "
        f"{export.width}"
    )
    say(
        f"Compared with the Keras model on {PICTURES} drawn pictures: the largest difference is "
        f"{export.difference:.2g}, of numbers up to {export.largest:.2g}"
    )
