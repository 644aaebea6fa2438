"""Recipes: TOML files with the settings of a run, some of which come with the package.

A recipe has a `description` and up to four tables: `training`, the settings of a `TrainingConfig`; `adaptation`, those
of an `AdaptationConfig`; `data`, the data to train on, to adapt to and to test on; `test`, how to test. Missing
settings take their defaults. TOML has no null: `false` stands for None where a setting may be None.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from snr_keras.files.text import read_text
from snr_keras.reid.settings.adaptation import AdaptationConfig
from snr_keras.reid.settings.ranges import expect
from snr_keras.reid.settings.testing import TestSettings
from snr_keras.reid.settings.training import TrainingConfig

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class DataSettings:
    """The data to train on and to test on, each as the options of `snr train` take it.

    Attributes:
        source: Data sets to train on, separated by commas; None if `comparison` names them.
        source_images: "train" or "all"; None means "train".
        targets: Data sets to test on, or the one to adapt to.
        comparison: Name of a comparison, instead of a source.
        use: Versions of data sets to use in the comparison.

    Raises:
        ValueError: If a value has another type.
    """

    source: str | None = None
    source_images: str | None = None
    targets: tuple[str, ...] = ()
    comparison: str | None = None
    use: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("source", "source_images", "comparison"):
            expect(name, getattr(self, name), "a string", lambda x: x is None or isinstance(x, str))
        for name in ("targets", "use"):
            expect(name, getattr(self, name), "a list of strings", _are_strings)


@dataclass(frozen=True)
class Recipe:
    """The settings of a run.

    Attributes:
        description: One line of text.
        training: Settings that determine a training.
        adaptation: Settings that determine an adaptation, besides the initial run.
        data: Data to train on and to test on.
        test: Settings of the test.
    """

    description: str = ""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    adaptation: AdaptationConfig = field(default_factory=AdaptationConfig)
    data: DataSettings = field(default_factory=DataSettings)
    test: TestSettings = field(default_factory=TestSettings)


def recipe_names() -> tuple[str, ...]:
    """The names of the recipes in the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def recipe_text(recipe: str | os.PathLike[str]) -> str:
    """The text of a recipe's file; argument and errors are those of `load_recipe`."""
    return read_text(_file(recipe))


def load_recipe(recipe: str | os.PathLike[str] | None = None, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        recipe: One of `recipe_names()`, or a TOML file; None means defaults only.
        overrides: Settings to change, such as `training.epochs=4`: a dotted key and a TOML value. The last one of a key
            counts.

    Raises:
        FileNotFoundError: If there is no such recipe.
        ValueError: If a file is not TOML, a setting is unknown, or a value is invalid; the message names the file or
            the override, the setting and what was expected.
    """
    origin, settings = "the defaults", {}
    if recipe is not None:
        path = _file(recipe)
        origin = str(path)
        settings = _parsed(read_text(path), origin)
    result = _read(settings, origin)
    for override in overrides:
        settings = _changed(settings, override)
        result = _read(settings, f"the override {override!r}")
    return result


def _file(recipe: str | os.PathLike[str]) -> Path:
    shipped = _FOLDER / f"{os.fspath(recipe)}.toml"
    path = shipped if os.fspath(recipe) in recipe_names() else Path(recipe)
    if not path.is_file():
        raise FileNotFoundError(
            f"A recipe must be one of {', '.join(recipe_names())} or a TOML file. Received: {os.fspath(recipe)!r}"
        )
    return path


def _parsed(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers that are too long, and arrays nested too deeply
        raise ValueError(f"{origin} is not TOML: {error}") from None


def _changed(settings: Mapping[str, Any], override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"`overrides` must be KEY=VALUE, such as training.epochs=4. Received: {override!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        parsed = {}
    if set(parsed) != {"value"}:
        raise ValueError(
            "The value of an override must be a TOML value: 4, 0.5, true, [256, 128], or a string in quotes, "
            f'`{key}="{value}"`. Received: {override!r}'
        )
    return _with(settings, [part.strip() for part in key.split(".")], parsed["value"], override)


def _with(settings: Mapping[str, Any], path: list[str], value: Any, override: str) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {**settings, first: value}
    table = settings.get(first, {})
    if not isinstance(table, Mapping):
        raise ValueError(f"{first} is a setting, not a table of settings. Received: the override {override!r}")
    return {**settings, first: _with(table, rest, value, override)}


_TABLES: dict[str, type] = {
    "training": TrainingConfig,
    "adaptation": AdaptationConfig,
    "data": DataSettings,
    "test": TestSettings,
}


def _read(settings: Mapping[str, Any], origin: str) -> Recipe:
    names = [f.name for f in fields(Recipe)]
    if unknown := sorted(set(settings) - set(names)):
        raise ValueError(f"{origin}: a recipe has {', '.join(names)}. Received unknown ones: {unknown}")
    try:
        description = settings.get("description", "")
        expect("description", description, "one line of text", lambda x: isinstance(x, str) and "\n" not in x)
        tables = {name: _table(name, settings.get(name, {}), origin) for name in _TABLES}
        return Recipe(description, **tables)
    except ValueError as error:
        raise ValueError(str(error) if str(error).startswith(origin) else f"{origin}: {error}") from None
    except RecursionError:
        raise ValueError(f"{origin}: expected settings in tables. Received: tables nested too deeply") from None


def _table(name: str, values: Any, origin: str) -> Any:
    kind = _TABLES[name]
    try:
        expect(name, values, "a table", lambda x: isinstance(x, Mapping))
        known = [f.name for f in fields(kind)]
        if unknown := sorted(set(values) - set(known)):
            raise ValueError(f"the settings are {', '.join(known)}. Received unknown ones: {unknown}")
        optional = [f.name for f in fields(kind) if "None" in str(f.type)]
        values = {key: None if value is False and key in optional else value for key, value in values.items()}
        if kind in (TrainingConfig, AdaptationConfig):
            expect("augmentation", values.get("augmentation", {}), "a table", lambda x: isinstance(x, Mapping))
            return kind.from_json(values)
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
    except ValueError as error:
        raise ValueError(f"{origin}: [{name}] {error}") from None


def _are_strings(values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)
