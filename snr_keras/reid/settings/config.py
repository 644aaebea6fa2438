"""The common part of the settings of a training and of an adaptation: a JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

from snr_keras.reid.settings.augmentation import Augmentation
from snr_keras.reid.settings.ranges import known


class Config:
    """Base of a frozen dataclass of settings, one of which may be an `augmentation`."""

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON's own types; the inverse of `from_json`."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Self:
        """The config that `to_json` wrote; missing settings take their defaults.

        Raises:
            ValueError: If a setting is unknown, or a value out of range.
        """
        values: dict[str, Any] = dict(known(cls, settings))
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        if "augmentation" in values:
            values["augmentation"] = Augmentation(**known(Augmentation, values["augmentation"]))
        return cls(**values)
