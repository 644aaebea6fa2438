"""Bounds of the channel attention, forward and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact


@dataclass(frozen=True, eq=False)
class Share(Rounded):
    """How much of the residual goes one way: a, or 1 - a.

    Attributes:
        moved: The part of its error that is the logits', and opposite in a and in 1 - a.
    """

    moved: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """The part of its error that is its own rounding."""
        return self.error - self.moved


class Attention(NamedTuple):
    """Eq. 3 for one batch.

    Attributes:
        z: The pooled residual, (N, C).
        w1: (C, C/r).
        w2: (C/r, C).
        has_b1: Whether there is a first bias.
        has_b2: Whether there is a second.
        k: What the ReLU gets, (N, C/r).
        a: (N, C).
        rest: 1 - a, as that or as the sigmoid of the negative logits.
    """

    z: Rounded
    w1: Rounded
    w2: Rounded
    has_b1: bool
    has_b2: bool
    k: Rounded
    a: Share
    rest: Share


def attend(z: Rounded, arguments: Mapping[str, Any]) -> Attention:
    """Eq. 3.

    Args:
        z: The pooled residual, (N, C).
        arguments: Has `w1` and `w2`, and `b1` and `b2` if there are any.

    Returns:
        The attention, and what its backward pass needs.
    """
    w1, w2, b1, b2 = (_optional(arguments.get(name), z.u) for name in ("w1", "w2", "b1", "b2"))
    assert w1 is not None
    assert w2 is not None
    k = z @ w1 if b1 is None else z @ w1 + b1
    logits = k.relu() @ w2 if b2 is None else k.relu() @ w2 + b2
    a, rest = _sigmoid(logits), _sigmoid(-logits)
    subtracted = rest.moved + a.own + z.u * (rest.value + a.error)
    rest = replace(rest, error=np.maximum(rest.error, subtracted))
    return Attention(z, w1, w2, b1 is not None, b2 is not None, k, a, rest)


def attend_back(forward: Attention, grad_a: Rounded) -> dict[str, Rounded]:
    """The gradients of eq. 3, from that of a."""
    grad_logits = grad_a * forward.a * forward.rest
    grad_k = (grad_logits @ forward.w2.T).where_positive(forward.k)
    gradients = {
        "grad_z": grad_k @ forward.w1.T,
        "grad_w1": forward.z.T @ grad_k,
        "grad_w2": forward.k.relu().T @ grad_logits,
    }
    if forward.has_b1:
        gradients["grad_b1"] = grad_k.sum(0)
    if forward.has_b2:
        gradients["grad_b2"] = grad_logits.sum(0)
    return gradients


def channel_attention_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The attention of a z that is given."""
    with np.errstate(invalid="ignore"):
        return {"a": attend(exact(arguments["z"], precision.u), arguments).a.error}


def channel_attention_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Back through sigmoid, W2, ReLU and W1."""
    with np.errstate(invalid="ignore"):
        forward = attend(exact(arguments["z"], precision.u), arguments)
        gradients = attend_back(forward, exact(arguments["grad_a"], precision.u))
    return {name: gradient.error for name, gradient in gradients.items()}


def _sigmoid(logits: Rounded) -> Share:
    moved = replace(logits, u=0.0).sigmoid().error
    rounded = logits.sigmoid()
    return Share(rounded.value, rounded.error, rounded.u, moved)


def _optional(value: np.ndarray | None, u: float) -> Rounded | None:
    return None if value is None else exact(value, u)
