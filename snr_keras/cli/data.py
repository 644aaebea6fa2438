"""`snr data`: draw the synthetic data sets, or inspect images on disk."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from snr_keras.cli.commands import Commands
from snr_keras.cli.console import say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.options import ImageSize, data_sets
from snr_keras.files.atomic import write_bytes
from snr_keras.files.text import whole_number
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.settings.datasets import DOMAINS, check_there

app = typer.Typer(
    name="data",
    cls=Commands,
    no_args_is_help=True,
    help="Draw the synthetic pedestrians, or inspect a folder of images.",
)


@app.command("synthesize")
def synthesize_command(
    directory: Annotated[Path, typer.Argument(help="Folder in which each domain gets a folder.")],
    domain: Annotated[
        list[str] | None,
        typer.Option(metavar="DOMAIN", help="Domain to draw: day, dusk, night or fog; may be repeated. Default: all."),
    ] = None,
    train_identities: Annotated[int, typer.Option(help="Number of people to train on.")] = 120,
    test_identities: Annotated[int, typer.Option(help="Number of other people, to test on.")] = 50,
    cameras: Annotated[int, typer.Option(help="Number of cameras per domain.")] = 6,
    images_per_camera: Annotated[int, typer.Option(help="Images of each person by each camera.")] = 4,
    image_size: ImageSize = "64x32",
    seed: Annotated[int, typer.Option(help="Seed of the world.")] = 0,
) -> None:
    """Draw the synthetic pedestrian world as folders in Market-1501 layout.

    Each domain has its own people. A folder DIRECTORY/DOMAIN holds bounding_box_train, bounding_box_test and query,
    with names like 0002_c1s1_000451_03.jpg, and the part mask of each image under masks. A folder that already holds
    the same world is left unchanged; anything else at that path is an error.
    """
    size = parse_image_size(image_size)
    load_keras()
    from snr_keras.reid.data.synthetic import synthesize

    drawn = domain or DOMAINS
    for name in drawn:
        with progress_bar(f"drawing {name}") as progress:
            folder = synthesize(
                directory / name,
                domain=name,
                seed=seed,
                train_identities=train_identities,
                test_identities=test_identities,
                cameras=cameras,
                images_per_camera=images_per_camera,
                image_size=size,
                progress=progress,
            )
        say(folder)
    if len(drawn) > 1:
        command = ["snr", "train", "--source", str(directory / drawn[0]), "--target", str(directory / drawn[1])]
        say(f"Train on one and test on another: {shlex.join(command)}")


@app.command("info")
def info_command(
    dataset: Annotated[
        str,
        typer.Argument(help="A folder in Market-1501 layout, a CSV file, or a known name.", autocompletion=data_sets),
    ],
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of the named data set, if it is not under --root.")
    ] = None,
    root: Annotated[Path, typer.Option(help="Folder of named data sets.")] = Path("data"),
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Write a contact sheet: ten people, one per row, sorted by camera."),
    ] = None,
) -> None:
    """Count the identities, images and cameras of a data set, and name every file that cannot be used.

    Differences from the published counts are reported. For a data set with several splits, the first split is shown in
    full, and the counts of the others.
    """
    named = f"{dataset}={folder}" if folder else dataset
    check_there(named, root=root)
    load_keras()
    from snr_keras.reid.data.catalogue import open_trials

    with progress_bar("checking images") as progress:
        trials = open_trials(named, root=root, progress=progress)
    name, version = trials[0].name, trials[0].version
    say(f"{name}{f', {version}' if version else ''}")
    say("\n".join(trials[0].report.lines(in_full=True)))
    for number, trial in enumerate(trials[1:], 2):
        numbers = (f"{s.folder} {s.images} images of {s.identities}" for s in trial.report.splits)
        say(f"  split {number} of {len(trials)}: {', '.join(numbers)}")
    if sheet is not None:
        import tensorflow as tf

        from snr_keras.reid.data.sheet import dataset_sheet

        write_bytes(sheet, tf.io.encode_png(dataset_sheet(trials[0])).numpy())
        say(f"contact sheet: {sheet}")


def parse_image_size(text: str) -> tuple[int, int]:
    """(height, width) from "64x32".

    Raises:
        ValueError: If it is not two positive integers with an x between them.
    """
    try:
        height, width = (whole_number(part, least=1) for part in text.split("x"))
    except ValueError:
        raise ValueError(f"An image size must be HEIGHTxWIDTH in pixels, such as 64x32. Received: {text!r}") from None
    return height, width
