"""The settings that determine a training run, as one frozen value with a JSON form."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

from snr_keras.networks import BACKBONES, SNR_GATES, gate_reduction, module_stages
from snr_keras.reid.settings.augmentation import Augmentation
from snr_keras.reid.settings.config import Config
from snr_keras.reid.settings.ranges import Ranges, check_ranges, one_of
from snr_keras.scalars import is_integer, is_number

STRATEGIES = ("mirrored", "multi_worker")
POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")

SNR_READINGS = (
    "specified",
    "sampled",
    "centred",
    "literal",
    "after_relu",
    "stripes",
    "with_deviations",
    "minus_to_gate",
    "both_to_gate",
)
"""The readings of the dual causality loss: as specified, and those of `snr_keras.reid.training.readings`."""


def check_strategy(name: str) -> None:
    """Raise ValueError if there is no such strategy."""
    if name not in STRATEGIES:
        raise ValueError(f"The strategy must be one of {STRATEGIES}. Received: {name!r}")


@dataclass(frozen=True)
class TrainingConfig(Config):
    """The settings of a training run; the defaults suit the synthetic pedestrians at 64x32 on a CPU.

    Attributes:
        normalization: Normalization of the backbone's stages: `"none"`, `"snr"` or a baseline, see `reid_model`.
        backbone: `"resnet_small"`, `"resnet50"`, or one for PyTorch weights, see `reid_model`.
        stages: Stages, of 1 to 4, that have the normalization; `None` means its default.
        weights: Initial weights: `None`, `"imagenet"` (for `"resnet50"`) or a path, see `reid_model`.
        last_stride: Stride of the last stage, 1 or 2.
        reduction: Reduction ratio r of the channel attention of SNR and of the gate; `None` means the backbone's: the
            paper's 16, and 2 with `"resnet_small"`.
        snr_bias: Whether SNR's attention has biases, as in public codes; the paper's has none.
        snr_gate: What that attention is: `"learned"`, `"fixed"` (a = 1/2) or `"random"` (never trained).
        batch_norm_momentum: Momentum of the moving statistics of every BatchNormalization.
        image_size: `(height, width)` in pixels.
        epochs: Number of passes over the training images. The learning-rate schedule ends with the last.
        identities_per_batch: Number P of identities per batch, at least 2.
        images_per_identity: Number K of images of each, at least 2, since an anchor needs a positive.
        domain_balanced: Whether each batch has equal numbers of identities from every combined source; P must then be a
            multiple of their number.
        learning_rate: Largest learning rate, at the end of the warm-up; a cosine reduces it to a hundredth.
        halved_every: Number of epochs after which the learning rate halves repeatedly, instead of the cosine.
        warmup_epochs: Number of epochs in which the learning rate rises linearly from a hundredth of the largest;
            fractions are allowed, and a run of fewer epochs ends while it still rises.
        weight_decay: Decoupled weight decay (AdamW), on kernels only; 0 is Adam.
        clip_norm: Largest global norm of the gradient; `None` does not clip.
        label_smoothing: Label smoothing of the cross-entropy, in [0, 1).
        triplet_margin: Margin of the batch-hard triplet loss: a number, or `"soft"` for Softplus.
        snr_weights: Weights lambda of the dual causality loss after stages 1 to 4; that of a stage without a module has
            no effect. All 0 is SNR without that loss.
        snr_terms: Terms of that loss to use: `"both"`, `"plus"` (L+) or `"minus"` (L-).
        snr_reading: Reading of that loss, one of `SNR_READINGS`: `"specified"`, or one that the study of the loss
            compares with it.
        distance: Distance of the dual causality loss: `"cosine"` or `"euclidean"`.
        held_out: Fraction of the training identities to hold out of training, at most a half; after every epoch the
            model is tested on them, and the run's model is that of the best epoch. 0 trains on all of them, and the
            run's model is that of the last epoch.
        seed: Seed of initial weights, batches, augmentation and held-out people.
        mixed_precision: `"float32"`, `"mixed_float16"` (with dynamic loss scaling) or `"mixed_bfloat16"`.
        jit_compile: Whether XLA compiles the training step.
        augmentation: Random changes to the training images.

    Raises:
        ValueError: If a value is out of range; the message names it.
    """

    normalization: str = "snr"
    backbone: str = "resnet_small"
    stages: tuple[int, ...] | None = None
    weights: str | None = None
    last_stride: int = 1
    reduction: int | None = None
    snr_bias: bool = False
    snr_gate: str = "learned"
    batch_norm_momentum: float = 0.9
    image_size: tuple[int, int] = (64, 32)
    epochs: int = 12
    identities_per_batch: int = 16
    images_per_identity: int = 4
    domain_balanced: bool = False
    learning_rate: float = 1e-3
    warmup_epochs: float = 2.0
    halved_every: int | None = None
    weight_decay: float = 5e-4
    clip_norm: float | None = 10.0
    label_smoothing: float = 0.1
    triplet_margin: float | Literal["soft"] = 0.3
    snr_weights: tuple[float, float, float, float] = (0.1, 0.1, 0.5, 0.5)
    snr_terms: str = "both"
    snr_reading: str = "specified"
    distance: str = "cosine"
    held_out: float = 0.0
    seed: int = 0
    mixed_precision: str = "float32"
    jit_compile: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)
        module_stages(self.normalization, self.stages)

    def explicit(self) -> Self:
        """The same settings with the reduction ratio that None means, for records, which outlive a default."""
        return replace(self, reduction=gate_reduction(self.backbone, self.reduction))

    @property
    def batch_size(self) -> int:
        """The number of images in a batch, P times K."""
        return self.identities_per_batch * self.images_per_identity


_RANGES: Ranges = {
    "backbone": one_of(BACKBONES),
    "stages": (
        "None or integers",
        lambda x: x is None or (isinstance(x, tuple) and all(is_integer(stage) for stage in x)),
    ),
    "weights": ("None or a string", lambda x: x is None or isinstance(x, str)),
    "last_stride": ("1 or 2", lambda x: is_integer(x) and x in (1, 2)),
    "reduction": ("None or an integer of at least 1", lambda x: x is None or (is_integer(x) and x >= 1)),
    "snr_bias": ("True or False", lambda x: isinstance(x, bool)),
    "snr_gate": one_of(SNR_GATES),
    "batch_norm_momentum": ("in [0, 1)", lambda x: is_number(x) and 0 <= x < 1),
    "image_size": (
        "a (height, width) of positive integers",
        lambda x: isinstance(x, tuple) and len(x) == 2 and all(is_integer(n) and n >= 1 for n in x),
    ),
    "epochs": ("an integer of at least 1", lambda x: is_integer(x) and x >= 1),
    "identities_per_batch": ("an integer of at least 2", lambda x: is_integer(x) and x >= 2),
    "images_per_identity": ("an integer of at least 2", lambda x: is_integer(x) and x >= 2),
    "domain_balanced": ("True or False", lambda x: isinstance(x, bool)),
    "learning_rate": ("a positive number", lambda x: is_number(x) and x > 0),
    "warmup_epochs": ("a number of at least 0", lambda x: is_number(x) and x >= 0),
    "halved_every": ("None or an integer of at least 1", lambda x: x is None or (is_integer(x) and x >= 1)),
    "weight_decay": ("a number of at least 0", lambda x: is_number(x) and x >= 0),
    "clip_norm": ("a positive number or None", lambda x: x is None or (is_number(x) and x > 0)),
    "label_smoothing": ("in [0, 1)", lambda x: is_number(x) and 0 <= x < 1),
    "triplet_margin": ('a number of at least 0 or "soft"', lambda x: x == "soft" or (is_number(x) and x >= 0)),
    "snr_weights": (
        "four numbers of at least 0, one per stage",
        lambda x: isinstance(x, tuple) and len(x) == 4 and all(is_number(w) and w >= 0 for w in x),
    ),
    "snr_terms": one_of(("both", "plus", "minus")),
    "snr_reading": one_of(SNR_READINGS),
    "distance": one_of(("cosine", "euclidean")),
    "held_out": ("in [0, 0.5]", lambda x: is_number(x) and 0 <= x <= 0.5),
    "seed": ("an integer in [0, 2**32)", lambda x: is_integer(x) and 0 <= x < 2**32),
    "mixed_precision": one_of(POLICIES),
    "jit_compile": ("True or False", lambda x: isinstance(x, bool)),
    "augmentation": ("an Augmentation", lambda x: isinstance(x, Augmentation)),
}
