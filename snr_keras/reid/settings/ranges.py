"""The valid values of settings."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from snr_keras.scalars import plain

Ranges = Mapping[str, tuple[str, Callable[[Any], bool]]]
"""For each setting: a description of its valid values, and a test of a value."""


def check_ranges(settings: Any, ranges: Ranges) -> None:
    """Raise a ValueError that names the first attribute of `settings` with an invalid value.

    NumPy scalars are converted to Python's own, which JSON accepts.
    """
    for name, (expected, holds) in ranges.items():
        value = plain(getattr(settings, name))
        object.__setattr__(settings, name, value)
        if not holds(value):
            raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")


def known(cls: type, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings; ValueError if they are not a mapping, or the dataclass does not have one of them."""
    if not isinstance(settings, Mapping):
        raise ValueError(f"{cls.__name__} must be a mapping of settings. Received: {settings!r}")
    names = [f.name for f in fields(cls)]
    if unknown := sorted(set(settings) - set(names)):
        raise ValueError(f"{cls.__name__} has the settings {names}. Received unknown ones: {unknown}")
    return settings


def one_of(names: tuple[str, ...]) -> tuple[str, Callable[[Any], bool]]:
    """The range of a setting that must be one of some names."""
    return f"one of {names}", lambda x: x in names


def expect(name: str, value: Any, expected: str, holds: Callable[[Any], bool]) -> None:
    """Raise a ValueError that names a setting with an invalid value and says what was expected."""
    if not holds(value):
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
