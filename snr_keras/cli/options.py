"""Help texts that several commands share, and shell completion of their values."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

RUN_HELP = "Run folder of snr train (or one in the folder of a demo), or `pretrained`, the model in the package."
RUNS_HELP = "Run folders of snr train, folders of snr pack, or `pretrained`, the model in the package."
MODEL_HELP = "Run folder of snr train, folder of snr pack, or `pretrained`, the small model in the package."
SOURCE_HELP = (
    "Data set to train on: a folder in Market-1501 layout, a CSV file or a name; several are separated by commas. "
    "This or --comparison replaces all of the recipe's data."
)
SOURCE_IMAGES_HELP = "Images of the sources to use: train, the default, or all, which adds the test images."
TARGET_HELP = "Data set to test on: a folder in Market-1501 layout, a CSV file or a name. May be repeated."
ROOT_HELP = "Folder of named data sets (market1501, viper, ...; day, dusk, night and fog are drawn)."
COMPARISON_HELP = (
    "A comparison of the literature, which sets what to train on and to test on: market-to-duke, duke-to-market, "
    "m+d+c+ms, protocol-1, or protocol-2 or protocol-3 with -market1501, -msmt17 or -cuhk03, the data set to test on."
)
USE_HELP = (
    "Version of a data set to use in a comparison: msmt17-v2, cuhk03-labeled or market1501+500k; NAME=FOLDER gives its "
    "folder. May be repeated."
)
DISTANCE_HELP = "cosine, euclidean, or re_ranked (k-reciprocal re-ranking with k1=20, k2=6 and lambda=0.3)."
PROTOCOL_HELP = (
    "market1501, no_camera for data without camera labels, or single_gallery_shot, classic CUHK03's. Default: the data "
    "set's own, or what the file names allow."
)
RECIPE_HELP = "Recipe: a name from `snr recipes`, or a TOML file."
SET_HELP = (
    "Setting of the recipe to change: a dotted key and a TOML value, such as `training.epochs=4` or "
    "`'test.distance=\"euclidean\"'`. May be repeated."
)
IMAGES_HELP = "Pictures, folders (searched recursively), or lists of paths: a .txt file, or - for standard input."


def data_sets(incomplete: str) -> list[str]:
    """The named data sets, after any that precede a comma; and folders and CSV files."""
    from snr_keras.reid.settings.datasets import known_datasets

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(last, (*known_datasets(), *_paths(last, (".csv",))))]


def comparisons(incomplete: str) -> list[str]:
    """The comparisons of the literature."""
    from snr_keras.reid.data.comparisons import COMPARISONS

    return _beginning(incomplete, COMPARISONS)


def recipes(incomplete: str) -> list[str]:
    """The recipes in the package, and TOML files."""
    from snr_keras.reid.recipes import recipe_names

    return _beginning(incomplete, (*recipe_names(), *_paths(incomplete, (".toml",))))


def runs(incomplete: str) -> list[str]:
    """Run folders: those below `runs`, those at the path so far, and `pretrained`."""
    records = (record for depth in ("*", "*/*", "*/*/*") for record in Path("runs").glob(f"{depth}/config.json"))
    found = sorted(str(record.parent) for record in records)
    folders = [folder for folder in _paths(incomplete, ()) if folder.rstrip("/") not in found]
    return _beginning(incomplete, ("pretrained", *found, *folders))


def _paths(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    """Folders, each with a slash, and files with some endings, that begin with a path."""
    folder, _ = os.path.split(incomplete)
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    visible = [entry for entry in entries if not entry.name.startswith(".")]
    wanted = [entry for entry in visible if entry.is_dir() or entry.name.endswith(endings)]
    return [os.path.join(folder, entry.name) + "/" * entry.is_dir() for entry in wanted]


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word for word in words if word.startswith(incomplete)))


Target = Annotated[list[str] | None, typer.Option(metavar="DATASET", help=TARGET_HELP, autocompletion=data_sets)]
Comparison = Annotated[str | None, typer.Option(metavar="NAME", help=COMPARISON_HELP, autocompletion=comparisons)]
Use = Annotated[list[str] | None, typer.Option(metavar="DATASET", help=USE_HELP)]
Source = Annotated[str | None, typer.Option(metavar="DATASET[,DATASET...]", help=SOURCE_HELP, autocompletion=data_sets)]
SourceImages = Annotated[str | None, typer.Option(help=SOURCE_IMAGES_HELP)]
Root = Annotated[Path, typer.Option(help=ROOT_HELP)]
Recipe = Annotated[str | None, typer.Option(metavar="NAME|FILE", help=RECIPE_HELP, autocompletion=recipes)]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help=SET_HELP)]
Distance = Annotated[str, typer.Option(help=DISTANCE_HELP)]
Protocol = Annotated[str | None, typer.Option(help=PROTOCOL_HELP)]
Flip = Annotated[bool, typer.Option("--flip", help="Average each embedding with that of the mirrored image.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out where it stopped.")]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Test on the targets after every epoch, for watching only; no result depends on it."),
]
ImageSize = Annotated[str, typer.Option(metavar="HxW", help="Height and width in pixels.")]
