"""Data sets and comparisons that a user names, looked for before anything is read or computed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from snr_keras.reid.data.comparisons import Comparison, find_comparison
from snr_keras.reid.recipes import DataSettings
from snr_keras.reid.settings.datasets import check_there, source_names


def target_names(target: Iterable[str] | None, comparison: str | None, use: Iterable[str] | None) -> tuple[str, ...]:
    """What the user wants to test on; ValueError if that is nothing."""
    chosen = chosen_comparison(comparison, use)
    names = (*(target or ()), *(chosen.targets if chosen else ()))
    if not names:
        raise ValueError("Say what to test on: --target DATASET, or --comparison NAME for the targets of a comparison.")
    return names


def chosen_comparison(name: str | None, use: Iterable[str] | None) -> Comparison | None:
    """The comparison that the user names, with the versions that the user wants."""
    if name is None and use:
        raise ValueError("--use says which version of a data set a comparison is to use: name it with --comparison.")
    return None if name is None else find_comparison(name, use=use or ())


def check_data_sets(names: Iterable[str], root: Path) -> None:
    """Refuse the first that is not there."""
    for name in names:
        check_there(name, root=root)


class Plan(NamedTuple):
    """What a run is about, by name.

    Attributes:
        sources: What to train on.
        images: Which of their images: "train" or "all".
        targets: What to test on.
        called: What the user calls the sources.
    """

    sources: Sequence[str]
    images: str
    targets: tuple[str, ...]
    called: str


def planned(data: DataSettings) -> Plan:
    """What to train on and to test on, by the settings of a recipe.

    Raises:
        ValueError: If it is not said what to train on, or said twice.
    """
    chosen = chosen_comparison(data.comparison, data.use)
    if (data.source is None) == (chosen is None):
        raise ValueError("Say what to train on: --source DATASET or --comparison NAME, one of the two.")
    if chosen and data.source_images:
        raise ValueError(f"{chosen.name} is about {chosen.images} images of its sources: leave --source-images out.")
    if chosen:
        return Plan(chosen.sources, chosen.images, (*data.targets, *chosen.targets), chosen.name)
    source = data.source or ""
    return Plan(source_names(source), data.source_images or "train", data.targets, source)


def chosen_data(
    recipe: DataSettings,
    *,
    source: str | None,
    source_images: str | None,
    target: Iterable[str] | None,
    comparison: str | None,
    use: Iterable[str] | None,
) -> DataSettings:
    """The data of a recipe under the options of the command line; whoever names a source wants no other's targets."""
    given: dict[str, Any] = {
        "source": source,
        "source_images": source_images,
        "targets": tuple(target or ()) or None,
        "comparison": comparison,
        "use": tuple(use or ()) or None,
    }
    base = recipe if source is None and comparison is None else DataSettings()
    return replace(base, **{name: value for name, value in given.items() if value is not None})
