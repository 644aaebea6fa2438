"""The form of `config.json`, the record of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Required, TypeVar

from pydantic import ConfigDict, Field, FiniteFloat, with_config
from typing_extensions import TypedDict  # Python's own, before 3.12, is none that pydantic takes

from snr_keras.reid.settings.config import Config

_exact = with_config(ConfigDict(extra="forbid"))


@_exact
class TargetFigures(TypedDict):
    """How well a model retrieves on a target, in [0, 1]."""

    mAP: FiniteFloat
    rank1: FiniteFloat
    mINP: FiniteFloat


@_exact
class Source(TypedDict, total=False):
    """What a model was trained on."""

    name: Required[str]
    version: str
    images: int
    identities: Required[Annotated[int, Field(ge=1)]]
    sha256_of_names_and_identities: str
    sha256_of_file: str


@_exact
class Target(TypedDict, total=False):
    """What a model was adapted to."""

    name: Required[str]
    version: str
    images: int
    cameras: int
    sha256_of_names_and_cameras: str


@_exact
class Initial(TypedDict):
    """The run that an adaptation began with, and the hash of its weights."""

    name: str
    weights: str


@_exact
class Weights(TypedDict, total=False):
    """Of a packed run: the step of its checkpoint, and the hash of the file of its weights."""

    step: int
    sha256: Required[str]


@_exact
class RunRecord(TypedDict, total=False):
    """What `config.json` of a run folder says; its settings are those of `TrainingConfig` and `AdaptationConfig`."""

    training: Required[dict[str, Any]]
    source: Required[Source]
    versions: Required[dict[str, str]]
    replicas: int
    adaptation: dict[str, Any]
    target: Target
    initial: Initial
    weights: Weights
    figures: dict[str, TargetFigures]


AnyConfig = TypeVar("AnyConfig", bound=Config)


def settings_of(config: type[AnyConfig], settings: Mapping[str, Any], part: str, run_dir: Path) -> AnyConfig:
    """The settings in a part of the record of a run.

    Raises:
        ValueError: If one is unknown or out of range; the message names the file, the part and the setting.
    """
    try:
        return config.from_json(settings)
    except ValueError as error:
        raise ValueError(f"{str(run_dir / 'config.json')!r}: {part}: {error}") from None
