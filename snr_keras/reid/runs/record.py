"""The form of `config.json`, the record of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Required, TypeVar

from pydantic import ConfigDict, Field, FiniteFloat, with_config
from typing_extensions import TypedDict  # pydantic does not accept Python's own before 3.12

from snr_keras.reid.settings.config import Config

_exact = with_config(ConfigDict(extra="forbid"))


@_exact
class TargetFigures(TypedDict):
    """Retrieval scores on a target, in [0, 1]."""

    mAP: FiniteFloat
    rank1: FiniteFloat
    mINP: FiniteFloat


@_exact
class Source(TypedDict, total=False):
    """The training data of a model."""

    name: Required[str]
    version: str
    images: int
    identities: Required[Annotated[int, Field(ge=1)]]
    sha256_of_names_and_identities: str
    sha256_of_file: str


@_exact
class Target(TypedDict, total=False):
    """The data to which a model was adapted."""

    name: Required[str]
    version: str
    images: int
    cameras: int
    sha256_of_names_and_cameras: str


@_exact
class Initial(TypedDict):
    """The initial run of an adaptation, and the hash of its weights."""

    name: str
    weights: str


@_exact
class Weights(TypedDict, total=False):
    """The weights of a packed run: the step of the checkpoint, and the hash of the weights file."""

    step: int
    sha256: Required[str]


@_exact
class RunRecord(TypedDict, total=False):
    """The content of `config.json` in a run folder; its settings are a `TrainingConfig` and an `AdaptationConfig`."""

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
    """The settings in a part of a run's record.

    Raises:
        ValueError: If one is unknown or out of range; the message names the file, the part and the setting.
    """
    try:
        return config.from_json(settings)
    except ValueError as error:
        raise ValueError(f"{str(run_dir / 'config.json')!r}: {part}: {error}") from None
