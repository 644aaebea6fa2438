"""Conversion of PyTorch's weights to a model's and back, with an account of every name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from snr_keras.models.pytorch.names import CLASSIFIER, NECK, Layer, layers_in_pytorch
from snr_keras.models.pytorch.networks import prefixes
from snr_keras.models.pytorch.state_dict import StateDict

#: Other codes' names of the neck and the classifier: those of fast-reid, old and new, and of ReID with SNR.
ALIASES = {
    "heads.bottleneck.0.": "bottleneck.",
    "heads.bnneck.": "bottleneck.",
    "BN.": "bottleneck.",
    "heads.classifier.": "classifier.",
    "heads.weight": "classifier.weight",
}

COUNTER = "counter"
"""Why `num_batches_tracked` is left out."""

#: Names (ours where there is an alias) for which no network here has a place, and why that is right.
LEFT = (
    (r".*\.num_batches_tracked", COUNTER),
    (r"queue(_ptr)?", "the queue of contrastive training"),
    (r"heads\.pool_layer\.p", "an exponent of pooling; here features are pooled by the mean"),
    (
        r"(fc|fc[1-9]|classifier|head|heads|bottleneck)\..*",
        "another head; here the head is pooling, BNNeck, classifier",
    ),
)


@dataclass(frozen=True)
class Taken:
    """A weight that was set.

    Attributes:
        part: Part of the network: "stem", "stage 1", "SNR 1", "BNNeck", ...
        names: Names in the file.
        path: Path of the weight in the model.
        adapted: Description of the conversion; empty if the weight is as in the file.
    """

    part: str
    names: tuple[str, ...]
    path: str
    adapted: str


@dataclass(frozen=True)
class Account:
    """The fate of every name in a file, and of every weight of a model.

    Attributes:
        file: Path of the file.
        prefix: Prefix of the network's names, which was removed.
        taken: Weights that were set.
        left: Names in the file that were left out, each with the reason.
        anew: Weights that were not set, by part, because the file does not have them or has others; they are unchanged.
        others: Other content of the checkpoint.
    """

    file: str
    prefix: str
    taken: tuple[Taken, ...]
    left: Mapping[str, str]
    anew: Mapping[str, tuple[str, ...]]
    others: tuple[str, ...]


def canonical_names(names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Torchvision's names for the weights in a file.

    Args:
        names: Names in the file, possibly with a prefix.

    Returns:
        The prefix of the backbone, and the names in the file by the names without prefixes and aliases.

    Raises:
        ValueError: If there is no `conv1.weight`, or several, or two names become the same.
    """
    names = list(names)
    wrapper = "module." if all(name.startswith("module.") for name in names) else ""
    inner = {name: name.removeprefix(wrapper) for name in names}
    found_prefixes = prefixes(inner.values())
    if len(found_prefixes) != 1:
        several = f"{len(found_prefixes)} networks, under {found_prefixes}"
        found = several if found_prefixes else f"names such as {names[:5]}"
        raise ValueError(
            f"Expected the weights of one ResNet, with one conv1.weight after any prefix. Received: {found}"
        )
    canonical: dict[str, str] = {}
    for name, stripped in inner.items():
        ours = _without_alias(stripped.removeprefix(found_prefixes[0]))
        if ours in canonical:
            raise ValueError(f"{canonical[ours]} and {name} are both {ours}: expected one of them in a file.")
        canonical[ours] = name
    return wrapper + found_prefixes[0], canonical


def _without_alias(name: str) -> str:
    for theirs, ours in ALIASES.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def import_state_dict(model: keras.Model, state_dict: StateDict) -> Account:
    """Set the weights of a `reid_model` from PyTorch's.

    The file must have all weights of the backbone. A module, the neck and the classifier are either imported completely
    or left unchanged. Nothing is set unless every name and weight is accounted for.

    Args:
        model: Model whose weights to set.
        state_dict: Weights from `read_state_dict`.

    Returns:
        The account of what was imported, converted and left out.

    Raises:
        ValueError: If a weight is missing, has another shape or numbers that are not finite, or a name in the file has
            no place in the model; the message lists them.
    """
    prefix, names = canonical_names(state_dict.tensors)
    there = {ours: state_dict.tensors[name] for ours, name in names.items()}
    layers = layers_in_pytorch(model, there)
    reading = _Reading(names, there, dict(state_dict.left))
    for layer in layers:
        reading.of_layer(layer)
    for name in there.keys() - reading.used:
        reading.of_rest(name, _reason(name, there[name], model, layers))
    if reading.wrong:
        raise ValueError(_refusal(model, state_dict, sorted(reading.wrong)))
    for weight in model.weights:
        if weight.path in reading.values:
            weight.assign(reading.values[weight.path])
    return Account(state_dict.file, prefix, tuple(reading.taken), reading.left, reading.anew, state_dict.others)


@dataclass
class _Reading:
    """The decisions so far: every name ends up used, left out or wrong.

    Attributes:
        names: Names in the file, by our names.
        there: Tensors to import, by our names.
        left: Names left out, each with the reason, as in `Account`.
        values: Values of weights, by their paths.
        taken: Weights that were set, as in `Account`.
        anew: Weights that were not set, as in `Account`.
        wrong: Descriptions of what belongs to another network.
        used: Names of `there` that are accounted for.
    """

    names: Mapping[str, str]
    there: Mapping[str, NDArray]
    left: dict[str, str]
    values: dict[str, NDArray] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    anew: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def of_layer(self, layer: Layer) -> None:
        """Import a layer completely; layers outside the trunk may be absent, and a head may be another."""
        self._as_it_was(layer, layer.unnamed)
        if not layer.is_trunk and not any(name in self.there for name in layer.names):
            self._as_it_was(layer, layer.places)
        elif not (misfits := _misfits(layer, self.there)):
            self._take(layer)
        elif layer.part in (NECK, CLASSIFIER):
            self._as_it_was(layer, layer.places)
            self._leave([*layer.names, *layer.zeros], f"{layer.part} differs from the model's: {'; '.join(misfits)}")
        else:
            self.wrong += misfits
            self.used |= {*layer.names}

    def of_rest(self, name: str, reason: str | None) -> None:
        """Account for a name that belongs to no layer."""
        if reason:
            self._leave([name], reason)
        else:
            self.wrong.append(f"{self.names[name]} {self.there[name].shape} has no place in the network")

    def _take(self, layer: Layer) -> None:
        for path, place in layer.places.items():
            arrays = [self.there[name] for name in place.names]
            self.values[path] = place.to_keras(arrays)
            how = ", ".join(filter(None, (place.adapted, _cast(arrays))))
            self.taken.append(Taken(layer.part, tuple(self.names[name] for name in place.names), path, how))
        self.used |= {*layer.names, *layer.zeros}
        self._leave(layer.unused, "statistics that an instance norm does not use")

    def _leave(self, names: Iterable[str], reason: str) -> None:
        present = [name for name in names if name in self.there]
        self.left |= {self.names[name]: reason for name in present}
        self.used |= {*present}

    def _as_it_was(self, layer: Layer, paths: Iterable[str]) -> None:
        if paths := (*self.anew.get(layer.part, ()), *paths):
            self.anew[layer.part] = paths


def state_dict_of(model: keras.Model) -> dict[str, NDArray]:
    """The weights of a `reid_model` by PyTorch's names, in PyTorch's shapes; `import_state_dict` reads them back.

    Raises:
        ValueError: If the model has layers without PyTorch names.
    """
    layers = layers_in_pytorch(model)
    unnamed = [path for layer in layers for path in (*layer.unnamed, *(layer.places if layer.unused else ()))]
    if unnamed:
        raise ValueError(
            "Only models of the normalizations none, in, snr and ibn_a can be written for PyTorch. "
            f"Received: model {model.name!r}, with weights that no PyTorch code has names for: {unnamed[:4]}"
        )
    values = {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
    tensors: dict[str, NDArray] = {}
    for layer in layers:
        for path, place in layer.places.items():
            tensors |= zip(place.names, place.to_pytorch(values[path]), strict=True)
        tensors |= {name: np.zeros(length, np.float32) for name, length in layer.zeros.items()}
    return tensors


def _misfits(layer: Layer, there: Mapping[str, NDArray]) -> list[str]:
    """The reasons why a layer cannot be imported."""
    misfits = []
    for place in layer.places.values():
        for name, shapes in zip(place.names, place.shapes, strict=True):
            if name not in there:
                misfits.append(f"{name} {shapes[0]} is missing")
            elif there[name].shape not in shapes:
                misfits.append(f"{name} is {there[name].shape} instead of {shapes[0]}")
            elif not np.all(np.isfinite(there[name])):
                misfits.append(f"{name} has numbers that are not finite")
    for name in layer.zeros:
        if name in there and np.any(there[name]):
            misfits.append(f"{name} is not zero")
    if layer.part == CLASSIFIER and "classifier.bias" in there:
        misfits.append("it has a bias")
    return misfits


def _cast(arrays: Iterable[NDArray]) -> str:
    return ", ".join(f"from {name}" for name in sorted({a.dtype.name for a in arrays} - {"float32"}))


def _reason(name: str, tensor: NDArray, model: keras.Model, layers: Iterable[Layer]) -> str | None:
    """The reason why a name may be left out; None if it belongs to another network."""
    if module := re.fullmatch(r"(IN|style_reid_laye)([1-4])\..*", name):
        occupied = any(layer.part in (f"SNR {module[2]}", f"IN {module[2]}") for layer in layers)
        return None if occupied else "the network has no module there"
    if name in ("pixel_mean", "pixel_std"):
        scaling: Any = model.get_layer("scaling")
        if not isinstance(scaling, keras.layers.Normalization):
            return None
        own = scaling.mean if name == "pixel_mean" else keras.ops.sqrt(scaling.variance)
        own = np.ravel(keras.ops.convert_to_numpy(own))
        return (
            "the scaling of images, which is also the model's"
            if np.allclose(np.ravel(tensor), own, rtol=1e-4)
            else None
        )
    return next((reason for pattern, reason in LEFT if re.fullmatch(pattern, name)), None)


def _refusal(model: keras.Model, state_dict: StateDict, wrong: list[str]) -> str:
    more = [f"and {len(wrong) - 12} more"] if len(wrong) > 12 else []
    biased = any(re.search(r"style_reid_laye\d\.fc\d\.bias", line) for line in wrong)
    setting = "\nAn attention with biases is the setting `snr_bias=True`." if biased else ""
    return (
        f"The weights in {state_dict.file!r} are not those of the model {model.name!r}:\n  "
        + "\n  ".join(wrong[:12] + more)
        + "\nNothing was set. If the file holds a network of another depth, family or normalization, choose that one. "
        f"`leave` leaves out names of no use, where a file is imported.{setting}"
    )
