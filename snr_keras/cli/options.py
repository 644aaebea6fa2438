"""What several commands say of their options, and what a shell completes them with."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

RUN_HELP = "A run folder of snr train (or one inside a demo's folder), or `pretrained`, which is in the package."
RUNS_HELP = "Run folders of snr train, folders of snr pack, or `pretrained`, the model that is in the package."
MODEL_HELP = "A run folder of snr train, a folder of snr pack, or `pretrained`: the small one in the package."
SOURCE_HELP = (
    "What to train on: a folder in Market-1501 layout, a CSV file or a name; several with commas between. This or "
    "--comparison replaces all of the recipe's data."
)
SOURCE_IMAGES_HELP = "Of the sources: train for the training images, the default, or all: those of the test too."
TARGET_HELP = "A domain to test on: a folder in Market-1501 layout, a CSV file, or a known name. May be repeated."
ROOT_HELP = "The folder that holds named data sets (market1501, viper, ...; day, dusk, night and fog are drawn)."
COMPARISON_HELP = (
    "A comparison that papers report, for what to train on and test on: market-to-duke, duke-to-market, m+d+c+ms, "
    "protocol-1, or protocol-2 or protocol-3 with -market1501, -msmt17 or -cuhk03, the one tested on."
)
USE_HELP = (
    "In a comparison, a data set to use for another version of it: msmt17-v2, cuhk03-labeled, market1501+500k; "
    "NAME=FOLDER says where it is. May be repeated."
)
DISTANCE_HELP = "cosine, euclidean, or re_ranked (k-reciprocal re-ranking with k1=20, k2=6 and lambda=0.3)."
PROTOCOL_HELP = (
    "market1501, no_camera for data without camera labels, or single_gallery_shot, classic CUHK03's. Default: the data "
    "set's own, or what the file names allow."
)
RECIPE_HELP = "A recipe: a name that `snr recipes` lists, or a TOML file."
SET_HELP = (
    "Change a setting of the recipe: a dotted key and a value in TOML, such as training.epochs=4 or "
    "'test.distance=\"euclidean\"'. May be repeated."
)
IMAGES_HELP = "Pictures, folders (with all below), or lists of paths: a .txt file, or - for standard input."


def data_sets(incomplete: str) -> list[str]:
    """The data sets that have names, after those that stand before a comma; and folders and CSV files."""
    from snr_keras.reid.settings.datasets import known_datasets

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(last, (*known_datasets(), *_paths(last, (".csv",))))]


def comparisons(incomplete: str) -> list[str]:
    """The comparisons that papers report."""
    from snr_keras.reid.data.comparisons import COMPARISONS

    return _beginning(incomplete, COMPARISONS)


def recipes(incomplete: str) -> list[str]:
    """The recipes that come with the package, and TOML files."""
    from snr_keras.reid.recipes import recipe_names

    return _beginning(incomplete, (*recipe_names(), *_paths(incomplete, (".toml",))))


def runs(incomplete: str) -> list[str]:
    """Run folders: those below `runs`, those on the way that is begun, and `pretrained`."""
    records = (record for depth in ("*", "*/*", "*/*/*") for record in Path("runs").glob(f"{depth}/config.json"))
    found = sorted(str(record.parent) for record in records)
    folders = [folder for folder in _paths(incomplete, ()) if folder.rstrip("/") not in found]
    return _beginning(incomplete, ("pretrained", *found, *folders))


def _paths(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    """Folders, each with a slash, and files of some endings, of which a path is the beginning."""
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
    bool, typer.Option("--watch", help="Test on the targets after every epoch, to look at; no result uses it.")
]
ImageSize = Annotated[str, typer.Option(metavar="HxW", help="Height and width in pixels.")]
