"""The networks in a file of weights: their names, the choice of one, and the names that belong to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

CONTAINERS = ("state_dict", "model", "model_state_dict")
"""The keys under which a checkpoint has its network, in order of preference, unless another is requested."""

_CONV1 = re.compile(r"(?!(.*\.)?layer\d)(.*\.)?conv1\.weight")


class Network(NamedTuple):
    """A network in a file.

    Attributes:
        container: Key of its weights in the checkpoint; empty if they are the whole file.
        prefix: Prefix of its names there.
    """

    container: str
    prefix: str

    @property
    def name(self) -> str:
        """The name for the user."""
        return ".".join(filter(None, (self.container, self.prefix.strip("."))))


class Chosen(NamedTuple):
    """The chosen weights.

    Attributes:
        container: Key of their state dict.
        tensors: Tensors, by their names there.
        left: Other names there, each with the reason for leaving it out.
    """

    container: str
    tensors: Mapping[str, Any]
    left: Mapping[str, str]


def prefixes(names: Iterable[str]) -> list[str]:
    """The prefix before the `conv1.weight` of each network."""
    return [name.removesuffix("conv1.weight") for name in names if _CONV1.fullmatch(name)]


def choose(
    file: str, containers: Mapping[str, Mapping[str, Any]], network: str | None = None, leave: Iterable[str] = ()
) -> Chosen:
    """The only network of a file, or the requested one.

    Args:
        file: Path of the file, for errors.
        containers: State dicts in the file, by their keys.
        network: Name of the network, or a part of the name between dots: "encoder_q" for `state_dict.module.encoder_q`.
        leave: Patterns (`"NL_*"`) of names to leave out, with or without the network's prefix.

    Raises:
        ValueError: If there are several networks or none has that name (the message names each with its size), or if a
            pattern matches nothing.
    """
    asked = {pattern: False for pattern in leave}
    left: dict[str, str] = {}

    def is_left(name: str, prefix: str) -> bool:
        for pattern in asked:
            if fnmatchcase(name, pattern) or fnmatchcase(name.removeprefix(prefix), pattern):
                left[name] = f"as asked: {pattern}"
                asked[pattern] = True
                return True
        return False

    kept = {
        container: [name for name in tensors if not is_left(name, "module.")]
        for container, tensors in containers.items()
    }
    networks = [Network(container, prefix) for container, names in kept.items() for prefix in prefixes(names)]
    chosen = _choose(file, containers, networks, network)
    tensors = containers[chosen.container]
    here = [other for other in networks if other.container == chosen.container]
    mine: dict[str, Any] = {}
    for name in kept[chosen.container]:
        owner = max((x for x in here if name.startswith(x.prefix)), key=lambda x: len(x.prefix), default=chosen)
        if owner != chosen:
            left[name] = f"part of another network, {owner.name}"
        elif not is_left(name, chosen.prefix):
            mine[name] = tensors[name]
    for pattern, found in asked.items():
        if not found:
            raise ValueError(f"Nothing in the file matches {pattern!r}, which was to be left out.")
    return Chosen(chosen.container, mine, {name: reason for name, reason in left.items() if name in tensors})


def _choose(
    file: str, containers: Mapping[str, Mapping[str, Any]], networks: list[Network], asked: str | None
) -> Network:
    # A file without any ResNet can be read too: the caller judges its content.
    candidates = networks or [Network(container, "") for container in containers]
    if asked is not None:
        candidates = [x for x in candidates if asked == x.name or asked in x.name.split(".")]
    elif len(candidates) > 1:
        candidates = [x for x in candidates if x.container in ("", *CONTAINERS)] or candidates
    if len(candidates) == 1:
        return candidates[0]
    wanted = "one network" if asked is None else f"one network called {asked!r}"
    sizes = [_described(x, containers[x.container]) for x in networks or candidates]
    raise ValueError(
        f"Expected {wanted} in {file!r}. Received: {', '.join(sizes)}. Choose by network=NAME, in the command "
        "snr weights import FILE --network NAME"
    )


def _described(network: Network, tensors: Mapping[str, Any]) -> str:
    mine = [tensor for name, tensor in tensors.items() if name.startswith(network.prefix)]
    sizes = [tensor.numel() if hasattr(tensor, "numel") else tensor.size for tensor in mine]  # PyTorch's, NumPy's
    return f"{network.name or 'one without a name'} ({len(sizes)} tensors, {sum(sizes) / 1e6:.1f} million numbers)"
