"""Recognition of the network of a state dict, from its names and shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

import keras
import numpy as np
from typing_extensions import TypedDict

from snr_keras.files.forms import parse_json
from snr_keras.models import BACKBONES, NORMALIZATIONS
from snr_keras.models.pytorch.importing import canonical_names
from snr_keras.models.pytorch.state_dict import METADATA, StateDict
from snr_keras.models.pytorch_resnet import DEPTHS


class _Said(TypedDict, total=False):
    """The metadata of a file that this package wrote about its network."""

    backbone: str
    last_stride: Literal[1, 2]
    image_size: tuple[int, int] | None


class Network(NamedTuple):
    """The settings of a `reid_model` with the weights of a file.

    Attributes:
        backbone: Name of the backbone.
        normalization: Name of the normalization.
        stages: Stages that have its modules.
        reduction: Reduction ratio of SNR's attention; None without SNR.
        snr_bias: Whether SNR's attention has biases.
        snr_gate: "fixed" if the last weights of every attention are zero, so that a = 1/2, else "learned".
        identities: Width of the classifier; 1 if the file has none that fits.
        last_stride: Stride of the last stage if the file states it, as files of this package do; else None.
        image_size: Image size if the file states it; else None.
    """

    backbone: str
    normalization: str
    stages: tuple[int, ...]
    reduction: int | None
    snr_bias: bool
    snr_gate: str
    identities: int
    last_stride: int | None
    image_size: tuple[int, int] | None


def network_of(state_dict: StateDict) -> Network:
    """Recognize the network of a state dict.

    Raises:
        ValueError: If it is not a ResNet of a supported depth; the message says what was found.
    """
    _, names = canonical_names(state_dict.tensors)
    shapes = {ours: state_dict.tensors[name].shape for ours, name in names.items()}
    said = parse_json(state_dict.metadata.get(METADATA, "{}"), _Said, f"{METADATA!r} in {state_dict.file!r}")
    normalization, stages = _modules(shapes)
    reduction, biased = _attention(shapes) if normalization == "snr" else (None, False)
    last = [state_dict.tensors[name] for ours, name in names.items() if re.match(r"style_reid_laye\d\.fc2\.", ours)]
    fixed = bool(last) and not any(np.any(tensor) for tensor in last)
    return Network(
        said.get("backbone") or _backbone(state_dict, shapes),
        normalization,
        stages,
        reduction,
        biased,
        "fixed" if fixed else "learned",
        _identities(shapes),
        said.get("last_stride"),
        said.get("image_size"),
    )


def describe(model: keras.Model) -> dict[str, str]:
    """The metadata of a file with a model's weights: what `network_of` cannot derive from them.

    Raises:
        ValueError: If the model is not a `reid_model`.
    """
    for backbone in BACKBONES:
        if model.name in {f"{backbone}_{normalization}" for normalization in NORMALIZATIONS}:
            strides = [
                layer.strides[0]
                for layer in model.layers
                if isinstance(layer, keras.layers.Conv2D) and re.match(r"stage4_|conv5_", layer.name)
            ]
            height, width = model.input_shape[1:3]
            said = {"backbone": backbone, "last_stride": max(strides)}
            if height and width:
                said["image_size"] = (height, width)
            return {METADATA: json.dumps(said)}
    raise ValueError(f"Expected a model that `reid_model` made. Received: model {model.name!r}")


def _backbone(state_dict: StateDict, shapes: Mapping[str, tuple[int, ...]]) -> str:
    blocks = tuple(
        len({int(match[1]) for name in shapes if (match := re.match(rf"layer{stage}\.(\d+)\.", name))})
        for stage in (1, 2, 3, 4)
    )
    bottleneck = "layer1.0.conv3.weight" in shapes
    for number, depth in DEPTHS.items():
        if (depth.blocks, depth.bottleneck) == (blocks, bottleneck):
            is_fastreid = any(name.removeprefix("module.").startswith("heads.") for name in state_dict.tensors)
            return f"{'fastreid' if is_fastreid else 'torchvision'}_resnet{number}"
    kind = "bottlenecks" if bottleneck else "basic blocks"
    raise ValueError(
        f"Expected the weights of a ResNet with {', '.join(map(str, DEPTHS))} layers. Received: {state_dict.file!r}, "
        f"with stages of {blocks} {kind}"
    )


def _modules(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, tuple[int, ...]]:
    """The normalization, and the stages that have its modules."""

    def stages_with(name: str) -> tuple[int, ...]:
        return tuple(stage for stage in (1, 2, 3, 4) if name.format(stage) in shapes)

    if snr := stages_with("style_reid_laye{}.fc1.weight"):
        return "snr", snr
    if normalized := tuple(stage for stage in stages_with("IN{}.weight") if stage < 4):
        return "in", normalized
    if ibn_a := stages_with("layer{}.0.bn1.IN.weight"):
        return "ibn_a", ibn_a
    return "none", ()


def _attention(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, bool]:
    """The reduction ratio, the usual one if it fits, and whether there are biases."""
    widths = {
        shape[1]: shape[0] for name, shape in shapes.items() if re.fullmatch(r"style_reid_laye\d\.fc1\.weight", name)
    }
    fits = [r for r in (16, *range(1, max(widths) + 1)) if all(max(1, c // r) == h for c, h in widths.items())]
    if not fits:
        raise ValueError(
            f"Expected one reduction ratio in all SNR modules. Received: hidden units by channels {widths}"
        )
    return fits[0], any(re.fullmatch(r"style_reid_laye\d\.fc1\.bias", name) for name in shapes)


def _identities(shapes: Mapping[str, tuple[int, ...]]) -> int:
    classifier = shapes.get("classifier.weight", ())
    neck = shapes.get("bottleneck.weight", ())
    fits = len(classifier) == 2 and "classifier.bias" not in shapes and classifier[1:] == neck
    return classifier[0] if fits else 1
