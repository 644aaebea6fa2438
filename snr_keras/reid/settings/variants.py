"""The variants of an ablation, by the names that users type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from snr_keras.reid.settings.training import TrainingConfig

SNR = "snr"
"""The variant with which every other is compared."""

STEPS = (
    ("in", "none"),  # instance normalization
    ("snr-fixed", "in"),  # half of the residual given back, and a module after the last stage
    ("snr-no-loss", "snr-fixed"),  # a gate that is learned
    ("snr-no-loss", "snr-random"),
    ("snr", "snr-no-loss"),  # the dual causality loss
)
"""What the paper's method is built of: pairs of a variant and the one without its last part."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        description: Description in a line.
        settings: Settings of a `TrainingConfig` that differ from the recipe.
    """

    description: str
    settings: Mapping[str, Any]

    def config(self, training: TrainingConfig, seed: int) -> TrainingConfig:
        """The settings of a recipe with those of this variant, and a seed."""
        return replace(training, seed=seed, **self.settings)


def _normalization(name: str, description: str) -> Variant:
    return Variant(description, {"normalization": name})


def _snr(description: str, **settings: Any) -> Variant:
    return Variant(description, {"normalization": "snr", **settings})


_WITHOUT_LOSS = {"snr_weights": (0.0, 0.0, 0.0, 0.0)}

VARIANTS: dict[str, Variant] = {
    "none": _normalization("none", "The plain network."),
    "in": _normalization("in", "Instance normalization after stages 1 to 3."),
    "ibn-a": _normalization("ibn_a", "IBN-a: half of the channels by instance, half by batch, inside the blocks."),
    "ibn-b": _normalization("ibn_b", "IBN-b: instance normalization after the sum of a block."),
    "bin": _normalization("bin", "Batch-instance normalization: a learned mixture of the two, channel by channel."),
    "mixstyle": _normalization("mixstyle", "MixStyle: training images exchange part of their statistics."),
    "efdmix": _normalization("efdmix", "EFDMix: training images exchange part of their whole sorted distribution."),
    "dualnorm": _normalization("dualnorm", "DualNorm: instance normalization early, batch normalization of features."),
    "aibn": _normalization("aibn", "AIBN: statistics of instance and batch mixed inside one norm, by learned weights."),
    "gate": _normalization("gate", "A channel gate on F, without instance normalization and restitution."),
    "snr-fixed": _snr(
        "SNR with a = 1/2 everywhere, not learned, and without its loss.", **_WITHOUT_LOSS, snr_gate="fixed"
    ),
    "snr-random": _snr(
        "SNR with its gate as initialized, not trained, and without its loss.", **_WITHOUT_LOSS, snr_gate="random"
    ),
    "snr-no-loss": _snr("SNR without its dual causality loss.", **_WITHOUT_LOSS),
    "snr-plus": _snr("SNR with L+ only.", snr_terms="plus"),
    "snr-minus": _snr("SNR with L- only.", snr_terms="minus"),
    SNR: _snr("SNR after all four stages, with its loss: the paper's method."),
    **{f"snr-{stage}": _snr(f"SNR after stage {stage} only.", stages=(stage,)) for stage in (1, 2, 3, 4)},
}


def find_variants(names: Iterable[str]) -> dict[str, Variant]:
    """The variants with these names, or all if there are none, in the order of `VARIANTS`.

    Raises:
        ValueError: If a name is unknown.
    """
    wanted = set(names) or set(VARIANTS)
    if unknown := sorted(wanted - set(VARIANTS)):
        raise ValueError(f"A variant must be one of {', '.join(VARIANTS)}. Received: {', '.join(unknown)}")
    return {name: variant for name, variant in VARIANTS.items() if name in wanted}


def check_training(training: TrainingConfig) -> None:
    """Refuse a recipe that sets what the variants set.

    Raises:
        ValueError: If one of those settings is not at its default.
    """
    defaults = {f.name: f.default for f in fields(TrainingConfig)}
    for name in ("normalization", "stages", "snr_gate", "snr_terms"):
        if getattr(training, name) != defaults[name]:
            raise ValueError(
                f"The variants of an ablation set `{name}`: the recipe must leave it at its default, "
                f"{defaults[name]!r}. Received: {name}={getattr(training, name)!r}"
            )
