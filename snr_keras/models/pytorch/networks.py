"""The networks in a file of weights: which there are, which is meant, and which names are its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

CONTAINERS = ("state_dict", "model", "model_state_dict")
"""Under which of several names a checkpoint has the network that is meant, unless another is asked for."""

_CONV1 = re.compile(r"(?!(.*\.)?layer\d)(.*\.)?conv1\.weight")


class Network(NamedTuple):
    """A network in a file.

    Attributes:
        container: The key of its weights in the checkpoint; empty if they are the whole file.
        prefix: What stands before its own names there.
    """

    container: str
    prefix: str

    @property
    def name(self) -> str:
        """What a user calls it."""
        return ".".join(filter(None, (self.container, self.prefix.strip("."))))


class Chosen(NamedTuple):
    """The weights that are meant.

    Attributes:
        container: Where they are.
        tensors: Each by its name there.
        left: The other names there, each with the reason.
    """

    container: str
    tensors: Mapping[str, Any]
    left: Mapping[str, str]


def prefixes(names: Iterable[str]) -> list[str]:
    """What stands before the `conv1.weight` of each network."""
    return [name.removesuffix("conv1.weight") for name in names if _CONV1.fullmatch(name)]


def choose(
    file: str, containers: Mapping[str, Mapping[str, Any]], network: str | None = None, leave: Iterable[str] = ()
) -> Chosen:
    """The one network of a file, or the one that is asked for.

    Args:
        file: Its path, for errors.
        containers: The state dicts in it, by their keys.
        network: The name of the network, or a part of it between dots: "encoder_q" for `state_dict.module.encoder_q`.
        leave: Patterns (`"NL_*"`) of names to leave, with or without the network's prefix.

    Raises:
        ValueError: If there are several networks or none is called so, each of which the message names with its size;
            or if a pattern matches nothing.
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
            left[name] = f"of another network, {owner.name}"
        elif not is_left(name, chosen.prefix):
            mine[name] = tensors[name]
    for pattern, found in asked.items():
        if not found:
            raise ValueError(f"Nothing in the file has a name like {pattern!r}, which was to be left.")
    return Chosen(chosen.container, mine, {name: reason for name, reason in left.items() if name in tensors})


def _choose(
    file: str, containers: Mapping[str, Mapping[str, Any]], networks: list[Network], asked: str | None
) -> Network:
    # A file without any ResNet can be read too: what is in it is for the caller to say.
    candidates = networks or [Network(container, "") for container in containers]
    if asked is not None:
        candidates = [x for x in candidates if asked == x.name or asked in x.name.split(".")]
    elif len(candidates) > 1:
        candidates = [x for x in candidates if x.container in ("", *CONTAINERS)] or candidates
    if len(candidates) == 1:
        return candidates[0]
    wanted = "one network" if asked is None else f"one network that is called {asked!r}"
    sizes = [_described(x, containers[x.container]) for x in networks or candidates]
    raise ValueError(
        f"Expected {wanted} in {file!r}. Received: {', '.join(sizes)}. Choose by network=NAME, in the command "
        "snr weights import FILE --network NAME"
    )


def _described(network: Network, tensors: Mapping[str, Any]) -> str:
    mine = [tensor for name, tensor in tensors.items() if name.startswith(network.prefix)]
    sizes = [tensor.numel() if hasattr(tensor, "numel") else tensor.size for tensor in mine]  # of PyTorch, of NumPy
    return f"{network.name or 'one without a name'} ({len(sizes)} tensors, {sum(sizes) / 1e6:.1f} million numbers)"
