"""The names of networks: backbones, normalizations, and the stages of each normalization."""

from __future__ import annotations

from collections.abc import Sequence

PYTORCH_BACKBONES = tuple(
    f"{family}_resnet{depth}" for family in ("torchvision", "fastreid") for depth in (18, 34, 50, 101)
)
"""The backbones for PyTorch weights."""

WEIGHTS_FILE = "a file of weights, .safetensors or .pth"
"""Description of a PyTorch weights file, for messages."""

BACKBONES = ("resnet_small", "resnet50", *PYTORCH_BACKBONES)

STAGES = (1, 2, 3, 4)

DEFAULT_STAGES: dict[str, tuple[int, ...]] = {
    "none": (),
    "in": STAGES[:-1],
    "snr": STAGES,
    "ibn_a": STAGES[:-1],
    "ibn_b": (1, 2),
    "bin": STAGES,
    "mixstyle": (1, 2),
    "efdmix": (1, 2),
    "dualnorm": STAGES[:-1],
    "aibn": STAGES,
    "gate": STAGES,
}
"""The default stages of each normalization: those of its paper, if the paper is about this kind of network."""

NORMALIZATIONS = tuple(DEFAULT_STAGES)

SNR_GATES = ("learned", "fixed", "random")
"""What SNR's attention may be: learned; fixed, a = 1/2 everywhere; or as it was initialized, never trained."""


def module_stages(normalization: str, stages: Sequence[int] | None = None) -> tuple[int, ...]:
    """The stages, sorted, that have a normalization's modules: `stages`, or the normalization's default.

    Raises:
        ValueError: If the normalization is unknown, a stage does not exist or occurs twice, stages are given for
            `"none"`, or `"in"` is requested after the last stage.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"`normalization` must be one of {NORMALIZATIONS}. Received: normalization={normalization!r}")
    if stages is None:
        return DEFAULT_STAGES[normalization]
    if not set(stages) <= set(STAGES) or len(set(stages)) != len(stages):
        raise ValueError(f"`stages` must be distinct numbers out of {STAGES}. Received: stages={tuple(stages)}")
    if normalization == "none" and stages:
        raise ValueError(f'`stages` must be empty or None with normalization="none". Received: stages={tuple(stages)}')
    if normalization == "in" and STAGES[-1] in stages:
        raise ValueError(
            f"Instance normalization after stage {STAGES[-1]} is refused: global average pooling follows that "
            "stage, and the average of an instance-normalized map is beta, the same vector for every image, so "
            f'nothing could be learned. Use stages up to {STAGES[-2]}, or normalization="snr", whose restitution '
            f"keeps the averages apart. Received: stages={tuple(stages)}"
        )
    return tuple(sorted(stages))


def gate_reduction(backbone: str, reduction: int | None = None) -> int:
    """The reduction ratio of the channel attentions in a backbone: `reduction`, or the backbone's default.

    The default is the paper's 16, but for `"resnet_small"`. Its stages have 24 to 128 channels, of which 16 would leave
    1 to 8 hidden units. 2 is the power of two that leaves at least 8 at every stage, 12 to 64; a ResNet-50 has 16 to
    128.
    """
    if reduction is not None:
        return reduction
    return 2 if backbone == "resnet_small" else 16
