"""The settings that determine an adaptation, besides the initial run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from snr_keras.reid.settings.augmentation import Augmentation
from snr_keras.reid.settings.config import Config
from snr_keras.reid.settings.ranges import Ranges, check_ranges
from snr_keras.scalars import is_integer, is_number

if TYPE_CHECKING:
    from snr_ref import AdaptationWeights


@dataclass(frozen=True)
class AdaptationConfig(Config):
    """The settings of an adaptation by MAR (Yu et al., CVPR 2019); the defaults suit the synthetic pedestrians.

    The network, its precision, the image size and the weights of L_SNR are those of the initial run.

    Attributes:
        epochs: Number of passes over the source; the losses of mined pairs start in the second.
        identities_per_batch: Number P of identities in the source's batches, at least 2.
        images_per_identity: Number K of images of each in the source's batches, at least 2.
        target_batch_size: Number of target images in a step, at least 2.
        learning_rate: Initial learning rate of SGD with momentum 0.9.
        milestones: Fractions of the run after which the learning rate is divided by ten.
        weight_decay: L2 penalty of SGD, on kernels only: after many steps a kernel without gradient shrinks by
            `learning_rate * weight_decay / (1 - 0.9)` per step.
        clip_norm: Largest global norm of the gradient; `None` does not clip.
        mining_ratio: Fraction of a batch's target pairs to mine, in (0, 1].
        margin: Margin of L_RJ.
        scale: Factor of the cosines before a softmax.
        discriminative_weight: Weight of L_MDL in the total; a weight of 0 leaves a loss out.
        consistency_weight: Weight lambda_1 of L_CML, which is a sum over the people of the source. MAR's 2e-4 is for
            4,101 people; the default is where the gain from `day` to `dusk` stops growing.
        source_weight: Weight lambda_2 of the source's losses: cross-entropy, L_RJ and L_SNR.
        joint_embedding_weight: Weight beta of L_RJ among these.
        seed: Seed of batches and augmentation.
        augmentation: Random changes to the images of both domains.

    Raises:
        ValueError: If a value is out of range; the message names it.
    """

    epochs: int = 8
    identities_per_batch: int = 16
    images_per_identity: int = 4
    target_batch_size: int = 64
    learning_rate: float = 2e-4
    milestones: tuple[float, ...] = (0.625, 0.875)
    weight_decay: float = 2.5e-2
    clip_norm: float | None = None
    mining_ratio: float = 0.005
    margin: float = 1.0
    scale: float = 30.0
    discriminative_weight: float = 1.0
    consistency_weight: float = 0.2
    source_weight: float = 50.0
    joint_embedding_weight: float = 0.2
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)

    @property
    def batch_size(self) -> int:
        """The number of images in a step, from both domains."""
        return self.identities_per_batch * self.images_per_identity + self.target_batch_size

    @property
    def loss_weights(self) -> AdaptationWeights:
        """The weights of the losses in the total."""
        from snr_ref import AdaptationWeights

        return AdaptationWeights(
            discriminative=self.discriminative_weight,
            consistency=self.consistency_weight,
            source=self.source_weight,
            joint_embedding=self.joint_embedding_weight,
        )


_RANGES: Ranges = {
    "epochs": ("an integer of at least 1", lambda x: is_integer(x) and x >= 1),
    "identities_per_batch": ("an integer of at least 2", lambda x: is_integer(x) and x >= 2),
    "images_per_identity": ("an integer of at least 2", lambda x: is_integer(x) and x >= 2),
    "target_batch_size": ("an integer of at least 2", lambda x: is_integer(x) and x >= 2),
    "learning_rate": ("a positive number", lambda x: is_number(x) and x > 0),
    "milestones": (
        "rising numbers in (0, 1)",
        lambda x: isinstance(x, tuple) and all(is_number(m) and 0 < m < 1 for m in x) and list(x) == sorted(set(x)),
    ),
    "weight_decay": ("a number of at least 0", lambda x: is_number(x) and x >= 0),
    "clip_norm": ("a positive number or None", lambda x: x is None or (is_number(x) and x > 0)),
    "mining_ratio": ("in (0, 1]", lambda x: is_number(x) and 0 < x <= 1),
    "margin": ("a number of at least 0", lambda x: is_number(x) and x >= 0),
    "scale": ("a positive number", lambda x: is_number(x) and x > 0),
    "discriminative_weight": ("a number of at least 0", lambda x: is_number(x) and x >= 0),
    "consistency_weight": ("a number of at least 0", lambda x: is_number(x) and x >= 0),
    "source_weight": ("a positive number", lambda x: is_number(x) and x > 0),
    "joint_embedding_weight": ("a number of at least 0", lambda x: is_number(x) and x >= 0),
    "seed": ("an integer in [0, 2**32)", lambda x: is_integer(x) and 0 <= x < 2**32),
    "augmentation": ("an Augmentation", lambda x: isinstance(x, Augmentation)),
}
