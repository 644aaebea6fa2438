"""The identity of the model and preprocessing of an embedding, since those of different models are not comparable."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from snr_keras.models import embedder, module_stages
from snr_keras.networks import gate_reduction
from snr_keras.reid.runs import PRETRAINED, TrainingConfig, find_run, load_run, weights_hash

_OF_THE_NETWORK = ("backbone", "normalization", "last_stride", "snr_bias", "mixed_precision")


@dataclass(frozen=True)
class ModelIdentity:
    """The properties that must be equal for embeddings to be comparable, and the location of the model.

    Weights alone do not determine the computation: strides, and the stages whose modules are used, have no weights.

    Attributes:
        run: Absolute path of the run folder, or "pretrained".
        sha256: SHA-256 of the weights of the embedding.
        settings: Settings of the training run, as JSON's types.
        image_size: (height, width) to which images are resized.
        flip: Whether an embedding is averaged with that of the mirrored image.

    Raises:
        ValueError: If the settings are not those of a training run.
    """

    run: str
    sha256: str
    settings: dict[str, Any]
    image_size: tuple[int, int]
    flip: bool

    def __post_init__(self) -> None:
        TrainingConfig.from_json(self.settings)

    @property
    def network(self) -> dict[str, Any]:
        """The settings that determine the computation with the weights."""
        config = TrainingConfig.from_json(self.settings)
        return {
            "stages": module_stages(config.normalization, config.stages),
            "reduction": gate_reduction(config.backbone, config.reduction),
            **{name: getattr(config, name) for name in _OF_THE_NETWORK},
        }

    def check_same(self, other: "ModelIdentity", where: str) -> None:
        """Refuse to compare embeddings whose models differ in more than their location.

        Raises:
            ValueError: If they do; the message names both models and the differences.
        """
        differences = [
            f"{what} {mine!r} and {its!r}"
            for what, mine, its in (
                ("weights of SHA-256", self.sha256, other.sha256),
                ("images of size", self.image_size, other.image_size),
                ("flip", self.flip, other.flip),
                *((name, mine, other.network[name]) for name, mine in self.network.items()),
            )
            if mine != its
        ]
        if differences:
            raise ValueError(
                f"Embeddings of different models cannot be compared: the features were made by {self.run!r}, {where} "
                f"by {other.run!r}, with {', '.join(differences)}. Extract both with the same model."
            )


def open_model(run: str | os.PathLike[str], *, flip: bool) -> tuple[keras.Model, ModelIdentity]:
    """The embedder of a run, and its identity.

    Raises:
        Others: As for `load_run`.
    """
    config, model = load_run(run)
    embeds = embedder(model)
    name = PRETRAINED if find_run(run) != Path(run) else os.path.abspath(run)
    return embeds, ModelIdentity(name, weights_hash(embeds), config.to_json(), config.image_size, flip)
