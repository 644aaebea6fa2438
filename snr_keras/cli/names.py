"""Data sets and comparisons that the user names, checked before anything is read or computed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from snr_keras.reid.data.comparisons import Comparison, find_comparison
from snr_keras.reid.recipes import DataSettings
from snr_keras.reid.settings.datasets import check_there, source_names, splits_of


def target_names(target: Iterable[str] | None, comparison: str | None, use: Iterable[str] | None) -> tuple[str, ...]:
    """The names of the targets; ValueError if there are none."""
    chosen = chosen_comparison(comparison, use)
    names = (*(target or ()), *(chosen.targets if chosen else ()))
    if not names:
        raise ValueError(
            "Name what to test on: --target DATASET, or --comparison NAME for the targets of a comparison."
        )
    return names


def chosen_comparison(name: str | None, use: Iterable[str] | None) -> Comparison | None:
    """The comparison that the user names, with the requested versions."""
    if name is None and use:
        raise ValueError("--use sets the version of a data set in a comparison: name the comparison with --comparison.")
    return None if name is None else find_comparison(name, use=use or ())


def check_targets(names: Iterable[str], root: Path) -> None:
    """Refuse the first data set that does not exist, or is a folder without query or gallery."""
    for name in names:
        check_there(name, root=root, splits=("query", "gallery"))


def check_sources(names: Iterable[str], root: Path, *, images: str = "train") -> None:
    """Refuse the first data set that does not exist, or is a folder without the splits for these images."""
    for name in names:
        check_there(name, root=root, splits=splits_of(images))


class Plan(NamedTuple):
    """The data of a run, by name.

    Attributes:
        sources: Data sets to train on.
        images: Images to use of them: "train" or "all".
        targets: Data sets to test on.
        called: The user's name for the sources.
    """

    sources: Sequence[str]
    images: str
    targets: tuple[str, ...]
    called: str


def check_plan(plan: Plan, root: Path) -> None:
    """Refuse the first data set of a run that does not exist, or is a folder without the splits for it."""
    check_sources(plan.sources, root, images=plan.images)
    check_targets(plan.targets, root)


def planned(data: DataSettings) -> Plan:
    """The data to train on and to test on, by the settings of a recipe.

    Raises:
        ValueError: If there is no data to train on, or two settings name it.
    """
    chosen = chosen_comparison(data.comparison, data.use)
    if (data.source is None) == (chosen is None):
        raise ValueError("Name what to train on: either --source DATASET or --comparison NAME.")
    if chosen and data.source_images:
        raise ValueError(f"{chosen.name} uses the {chosen.images} images of its sources: leave out --source-images.")
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
    """The data of a recipe, overridden by the command line; a named source removes the recipe's targets."""
    given: dict[str, Any] = {
        "source": source,
        "source_images": source_images,
        "targets": tuple(target or ()) or None,
        "comparison": comparison,
        "use": tuple(use or ()) or None,
    }
    base = recipe if source is None and comparison is None else DataSettings()
    return replace(base, **{name: value for name, value in given.items() if value is not None})
