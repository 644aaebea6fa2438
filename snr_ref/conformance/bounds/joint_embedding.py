"""Bounds of the joint embedding loss and of its gradients, where rounding does not decide which agents are hard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.losses import mean, scalar, stack
from snr_ref.conformance.bounds.mining import squared_distance
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.mar.losses import hard_agents


def joint_embedding_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The mean of squared distances to the own agents and of means of hinges."""
    u, margin = precision.u, scalar(arguments.get("margin", 1.0), precision.u)
    source, target, agents = _rows(arguments, u)
    own = squared_distance(source, agents[arguments["source_labels"]])
    terms = [own[n] for n in range(len(own.value))]
    for features, hard in zip((source, target), _hard(arguments), strict=True):
        for n in np.flatnonzero(hard.any(1)):
            terms.append(mean((margin - squared_distance(features[n], agents[hard[n]])).relu()))
    return {"loss": mean(stack(terms, u)).error}


def joint_embedding_gradients_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """2 (f - a_own) / T, and -2 (f - a) / (h T) of each of h hard agents, differences before or after the products."""
    u, labels = precision.u, arguments["source_labels"]
    source, target, agents = _rows(arguments, u)
    of_source, of_target = _hard(arguments)
    T = max(1, len(labels) + of_source.any(1).sum() + of_target.any(1).sum())
    pull = [_difference(f, agents[own], 2 / T) for f, own in zip(_each(source), labels, strict=True)]
    push = {
        name: [_push(f, agents[hard], T) for f, hard in zip(_each(features), of_domain, strict=True)]
        for name, features, of_domain in (("source", source, of_source), ("target", target, of_target))
    }
    errors = {
        "source": [(by_own + away).error for by_own, away in zip(pull, push["source"], strict=True)],
        "target": [away.error for away in push["target"]],
    }
    return {
        f"grad_{name}_features": np.array(rows).reshape(arguments[f"{name}_features"].shape)
        for name, rows in errors.items()
    }


def is_decided(arguments: Mapping[str, Any]) -> bool:
    """Whether the same agents are hard however cosines are rounded: of sixteenths of length 1 all products are exact.

    Args:
        arguments: Of `joint_embedding_loss`.

    Returns:
        Whether it is so.
    """
    rows = np.concatenate([arguments[name] for name in ("source_features", "target_features", "agents")])
    return bool((rows * 16 % 1 == 0).all() and ((rows**2).sum(axis=1) == 1).all())


def _push(f: Rounded, hard: Rounded, T: int) -> Rounded:
    if not len(hard.value):
        return exact(np.zeros(f.value.shape), f.u)
    return -_difference(f, hard, 2 / (len(hard.value) * T)).sum(0)


def _difference(f: Rounded, a: Rounded, weight: float) -> Rounded:
    w = scalar(weight, f.u)
    return w * f - w * a


def _each(x: Rounded) -> list[Rounded]:
    return [x[n] for n in range(len(x.value))]


def _rows(arguments: Mapping[str, Any], u: float) -> tuple[Rounded, Rounded, Rounded]:
    return tuple(exact(arguments[name], u) for name in ("source_features", "target_features", "agents"))  # type: ignore[return-value]


def _hard(arguments: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Which agents are hard for each source image and for each target image."""
    agents, margin = arguments["agents"], arguments.get("margin", 1.0)
    return (
        hard_agents(arguments["source_features"], agents, arguments["source_labels"], margin=margin),
        hard_agents(arguments["target_features"], agents, None, margin=margin),
    )
