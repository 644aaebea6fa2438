"""Which model made an embedding, and with what preprocessing: embeddings of another have nothing to do with it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from snr_keras.models import embedder, module_stages
from snr_keras.reid.runs import PRETRAINED, TrainingConfig, find_run, load_run, weights_hash

_OF_THE_NETWORK = ("backbone", "normalization", "last_stride", "reduction", "snr_bias", "mixed_precision")


@dataclass(frozen=True)
class ModelIdentity:
    """What must be equal for embeddings to be comparable, and where the model is.

    Weights alone do not tell what is computed with them: a stride, or the stages whose modules are used, has none.

    Attributes:
        run: The run folder, an absolute path, or "pretrained".
        sha256: Of the weights that make an embedding.
        settings: Those of the training run, as JSON's types.
        image_size: (height, width) to which images are resized.
        flip: Whether an embedding is the mean with that of the mirrored image.

    Raises:
        ValueError: If the settings are none of a training run.
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
        """The settings that decide what is computed with the weights."""
        config = TrainingConfig.from_json(self.settings)
        stages = module_stages(config.normalization, config.stages)
        return {"stages": stages, **{name: getattr(config, name) for name in _OF_THE_NETWORK}}

    def check_same(self, other: "ModelIdentity", where: str) -> None:
        """Refuse to compare embeddings that differ in more than where their model is.

        Raises:
            ValueError: The message names both models and what differs.
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
        Others: As `load_run`.
    """
    config, model = load_run(run)
    embeds = embedder(model)
    name = PRETRAINED if find_run(run) != Path(run) else os.path.abspath(run)
    return embeds, ModelIdentity(name, weights_hash(embeds), config.to_json(), config.image_size, flip)
