"""Bounds on the rounding of a whole step of MAR: the kit's bounds of its parts, each given the error of the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import snr_ref
from snr_ref.conformance.arguments import each_field, is_record
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, scalar
from snr_ref.mar.step import MAR_WEIGHTS, AdaptationWeights


class UndecidedError(Exception):
    """A function may decide otherwise if numbers are rounded otherwise; its bounds do not hold there."""


class StepBounds(NamedTuple):
    """Bounds on the error of each output of a step.

    Attributes:
        losses: Bounds of the losses by name, with `total`.
        state: Bounds of the state by name: `threshold`, `mean`, `std`, `multilabels`.
        gradients: Bounds of the gradients in the source's features, the target's, and the agents.
    """

    losses: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    gradients: tuple[np.ndarray, np.ndarray, np.ndarray]


def step_bounds(
    state: snr_ref.AdaptationState,
    batch: Mapping[str, np.ndarray],
    precision: Precision,
    *,
    epoch: int,
    mining_ratio: float,
    margin: float,
    scale: float,
    weights: AdaptationWeights = MAR_WEIGHTS,
) -> StepBounds:
    """The bounds of `adaptation_step`, of its arguments in float64, and of its total by weights and its gradients.

    Raises:
        UndecidedError: If rounding can turn a decision: which pairs are mined, and as what, or which agents are hard.
    """
    u = precision.u

    def part(function: str, **arguments: Any) -> list[Rounded]:
        """The outputs of a part of the step, of arguments that may be off."""
        kit = FUNCTIONS[function]
        if not kit.is_decided(arguments, precision):
            raise UndecidedError(function)
        values = kit.reference({name: _value(argument) for name, argument in arguments.items()})
        return [Rounded(np.asarray(values[name]), error, u) for name, error in kit.bounds(arguments, precision).items()]

    source, labels = batch["source_features"], batch["source_labels"]
    target, agents, indices = batch["target_features"], batch["agents"], batch["target_indices"]
    likeness = {"features": target, "agents": agents, "scale": scale}
    (log_y,) = part("log_multilabels", **likeness)

    seen = {"log_multilabels": log_y, "views": batch["target_views"]}
    rate = (len(source) + len(target)) / 10_000
    statistics = snr_ref.ViewStatistics(*part("next_statistics", statistics=state.statistics, **seen, rate=rate))
    (consistency,) = part("consistency_loss", **seen, statistics=statistics)
    (in_log_y,) = part("consistency_gradient", **seen, statistics=statistics)
    (of_consistency,) = part("log_multilabels_vjp", **likeness, grad_log_multilabels=in_log_y)

    threshold, multilabels = exact(state.threshold, u), exact(state.memory.multilabels, u)
    discriminative, of_mining = exact(0.0, u), exact(np.zeros_like(target), u)
    if epoch > 0:
        multilabels, _ = part("next_memory", memory=state.memory, indices=indices, multilabels=log_y.exp())
        taken_in = {
            "multilabels": multilabels[indices], "threshold": state.threshold, "mining_ratio": mining_ratio
        }  # fmt: skip
        (discriminative,) = part("discriminative_loss", features=target, **taken_in)
        (of_mining,) = part("discriminative_gradient", features=target, **taken_in)
        (threshold,) = part("next_threshold", **taken_in)

    logits = scalar(scale, u) * (exact(source, u) @ exact(agents, u).T)
    classified = {"logits": logits, "labels": labels, "label_smoothing": 0.0}
    (cross_entropy,) = part("cross_entropy", **classified)
    (in_logits,) = part("cross_entropy_gradient", **classified)
    of_scores = scalar(scale, u) * in_logits

    names = "source_features", "source_labels", "target_features", "agents"
    both_domains = {**{name: batch[name] for name in names}, "margin": margin}
    (joint,) = part("joint_embedding_loss", **both_domains)
    of_joint = part("joint_embedding_gradients", **both_domains)

    by_mining, by_consistency, by_source, by_joint = (scalar(weight, u) for weight in weights)
    total = by_mining * discriminative + by_consistency * consistency + by_source * (cross_entropy + by_joint * joint)
    losses = {
        "discriminative": discriminative,
        "consistency": consistency,
        "cross_entropy": cross_entropy,
        "joint_embedding": joint,
        "total": total,
    }
    after = {"threshold": threshold, **statistics._asdict(), "multilabels": multilabels}
    gradients = (
        by_source * (of_scores @ exact(agents, u) + by_joint * of_joint[0]),
        by_consistency * of_consistency + by_source * (by_joint * of_joint[1]) + by_mining * of_mining,
        by_source * (of_scores.T @ exact(source, u)),
    )
    return StepBounds(
        {name: loss.error for name, loss in losses.items()},
        {name: number.error for name, number in after.items()},
        tuple(gradient.error for gradient in gradients),  # type: ignore[arg-type]
    )


def _value(argument: Any) -> Any:
    if is_record(argument):
        return each_field(_value, argument)
    return argument.value if isinstance(argument, Rounded) else argument
