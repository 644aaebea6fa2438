"""The variants of an ablation, by the names that users type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from snr_keras.reid.settings.training import TrainingConfig

SNR = "snr"
"""The variant with which every other is compared."""


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

READINGS: dict[str, Variant] = {
    "snr-euclidean": _snr("SNR with the Euclidean distance in its loss.", distance="euclidean"),
    "snr-centred": _snr("SNR with the cosine of directions from beta in its loss.", snr_reading="centred"),
    "snr-sampled": _snr("SNR with one random triplet for each anchor in its loss.", snr_reading="sampled"),
    "snr-literal": _snr("SNR with f~ pooled from F~ as computed in its loss.", snr_reading="literal"),
    "snr-after-relu": _snr("SNR with embeddings pooled after a ReLU in its loss.", snr_reading="after_relu"),
    "snr-stripes": _snr("SNR with embeddings of four horizontal stripes in its loss.", snr_reading="stripes"),
    "snr-deviations": _snr("SNR with standard deviations beside means in its loss.", snr_reading="with_deviations"),
    "snr-plus": VARIANTS["snr-plus"],
    "snr-minus": VARIANTS["snr-minus"],
    "snr-minus-to-gate": _snr("SNR with the gradient of L- reaching the gate alone.", snr_reading="minus_to_gate"),
    "snr-both-to-gate": _snr("SNR with the gradient of its loss reaching the gate alone.", snr_reading="both_to_gate"),
    "snr-ten-times": _snr("SNR with ten times the weight of its loss.", snr_weights=(1.0, 1.0, 5.0, 5.0)),
}
"""The readings of the dual causality loss that the study compares. An ablation has them only if they are named."""

STEPS = (
    ("in", "none"),  # instance normalization
    ("snr-fixed", "in"),  # half of the residual given back, and a module after the last stage
    ("snr-no-loss", "snr-fixed"),  # a gate that is learned
    ("snr-no-loss", "snr-random"),
    *((reading, "snr-no-loss") for reading in (SNR, *READINGS)),  # the dual causality loss
)
"""Pairs of a variant and the one without its last part: what the method is built of, and the readings of its loss."""


def find_variants(names: Iterable[str]) -> dict[str, Variant]:
    """The variants and readings with these names, in their own order; without names all of `VARIANTS`.

    Raises:
        ValueError: If a name is unknown.
    """
    known = VARIANTS | READINGS
    wanted = set(names) or set(VARIANTS)
    if unknown := sorted(wanted - set(known)):
        raise ValueError(f"A variant must be one of {', '.join(known)}. Received: {', '.join(unknown)}")
    return {name: variant for name, variant in known.items() if name in wanted}


def check_training(training: TrainingConfig) -> None:
    """Refuse a recipe that sets what the variants set.

    Raises:
        ValueError: If one of those settings is not at its default.
    """
    defaults = {f.name: f.default for f in fields(TrainingConfig)}
    for name in ("normalization", "stages", "snr_gate", "snr_terms", "snr_reading"):
        if getattr(training, name) != defaults[name]:
            raise ValueError(
                f"The variants of an ablation set `{name}`: the recipe must leave it at its default, "
                f"{defaults[name]!r}. Received: {name}={getattr(training, name)!r}"
            )
