"""The joint embedding loss of images and the agents of the source domain; its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, mean, scalar, squared_distance, stack
from snr_ref.conformance.spoiled import always, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.mar.losses import hard_agents

joint_embedding_loss = Function("joint_embedding_loss", ("loss",), clause="9.11", after="consistency_gradient")
joint_embedding_gradients = Function(
    "joint_embedding_gradients",
    ("grad_source_features", "grad_target_features"),
    clause="9.12",
    after="joint_embedding_loss",
)


@joint_embedding_loss.bound
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


@joint_embedding_gradients.bound
def joint_embedding_gradients_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """2 (f - a_own) / T, and -2 (f - a) / (h T) for each of h hard agents; differences before or after products."""
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


@joint_embedding_loss.decision
@joint_embedding_gradients.decision
def is_decided(arguments: Mapping[str, Any], precision: Precision) -> bool:
    """Whether the hard agents of each image, with hinges above 0, are independent of the rounding of cosines.

    At the edge they are if no product rounds: for sixteenths of length 1, with a margin in sixteenths.
    """
    margin = scalar(arguments.get("margin", 1.0), precision.u)
    source, target, agents = _rows(arguments, precision.u)
    for f in (source, target):
        above = f @ agents.T - (exact(1.0, precision.u) - margin / exact(2.0, precision.u))
        hinge = margin - squared_distance(f[:, np.newaxis], agents)
        clear = (above.value < -above.error) | ((above.value > above.error) & (hinge.value > hinge.error))
        is_exact = _are_exact(f.value)[:, np.newaxis] & _are_exact(agents.value) & (margin.value * 16 % 1 == 0)
        if not (clear | is_exact).all():
            return False
    return True


def _are_exact(rows: np.ndarray) -> np.ndarray:
    return (rows * 16 % 1 == 0).all(axis=1) & np.isin((rows**2).sum(axis=1), (0, 1))


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
    """The hard agents of each source image and of each target image."""
    agents, margin = arguments["agents"], arguments.get("margin", 1.0)
    return (
        hard_agents(arguments["source_features"], agents, arguments["source_labels"], margin=margin),
        hard_agents(arguments["target_features"], agents, None, margin=margin),
    )


@joint_embedding_loss.case(groups.joint_embedding, "9.10", "9.11")
@joint_embedding_gradients.case(groups.joint_embedding, "9.10", "9.12", prefix="gradients_")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Images near agents of others, and one that is its own agent, which is never hard for it; a margin of 1."""
    agents = draw.directions(16)
    labels = np.array([3, 0, 15, 7, 3])
    source = draw.directions(5)
    source[0] = agents[3]
    return {
        "source_features": source,
        "source_labels": labels,
        "target_features": draw.directions(4),
        "agents": agents,
    }


@joint_embedding_loss.case(groups.joint_embedding, "9.10", "9.11")
@joint_embedding_gradients.case(groups.joint_embedding, "9.10", "9.12", prefix="gradients_")
def wide_margin(draw: Draw) -> dict[str, Any]:
    """With a margin of 2 many agents are hard for an image, which has the mean over them."""
    return {
        "source_features": draw.directions(3),
        "source_labels": np.array([2, 2, 0]),
        "target_features": draw.directions(4),
        "agents": draw.directions(5),
        "margin": 2.0,
    }


@joint_embedding_loss.case(groups.joint_embedding, "9.10", "9.11")
@joint_embedding_gradients.case(groups.joint_embedding, "9.10", "9.12", prefix="gradients_")
def no_margin(draw: Draw) -> dict[str, Any]:
    """With a margin of 0 no agent is hard: one source image is drawn to its agent, and that is the only term."""
    case = ordinary(draw)
    source, labels = case["source_features"][1:2], case["source_labels"][1:2]
    return case | {"source_features": source, "source_labels": labels, "margin": 0.0}


@joint_embedding_loss.case(groups.joint_embedding, "9.10", "9.11")
@joint_embedding_gradients.case(groups.joint_embedding, "9.10", "9.12", prefix="gradients_")
def no_term(draw: Draw) -> dict[str, Any]:
    """No source image, and no agent near a target image: the loss is 0."""
    agent = draw.directions(1)
    return {
        "source_features": np.zeros((0, 6)),
        "source_labels": np.zeros(0, np.int64),
        "target_features": -agent,
        "agents": agent,
    }


@joint_embedding_loss.case(groups.joint_embedding, "9.10", "9.11")
def at_the_edge(draw: Draw) -> dict[str, Any]:
    """An agent whose f . a is a half, and whose hinge is 0, is not hard: the image has no term of 0."""
    return {
        "source_features": np.array([[0.5, 0.5, 0.5, -0.5], [0.5, 0.5, 0.5, 0.5]]),
        "source_labels": np.array([3, 0]),
        "target_features": np.array([[0.5, -0.5, 0.5, 0.5]]),
        "agents": np.eye(4),
    }


@joint_embedding_loss.good
@joint_embedding_gradients.good
def _good(draw: Draw) -> dict[str, Any]:
    drawn = plain(draw, "source_features", "target_features", agents="source_agents")
    return {
        "source_features": drawn["source_features"],
        "source_labels": np.array([0, 0, 1, 1]),
        "target_features": drawn["target_features"],
        "agents": drawn["agents"],
        "margin": 1.0,
    }


joint_embedding_loss.refuse(
    "negative_label", "A label that counts from the end.", "9.11", source_labels=lambda y: y - 1
)
joint_embedding_loss.refuse(
    "label_too_large",
    "A label of K, one beyond the last agent.",
    "9.11",
    source_labels=lambda y: y + 4,
)
joint_embedding_loss.refuse(
    "one_channel",
    "Target features of one channel, which would broadcast.",
    "9.10",
    target_features=lambda f: f[:, :1],
)


joint_embedding_gradients.refuse("negative_margin", "A margin below 0.", "9.10", margin=always(-0.5))


@joint_embedding_loss.mistake("9.10", "loss", who="whoever writes >= for above")
class HardAtTheEdge(Literal):
    """An agent at the edge of the margin is hard, so that its image has a term of 0."""

    def _is_near(self, cosines: Array, margin: float) -> Array:
        return cosines >= 1 - margin / 2


@joint_embedding_loss.mistake("9.10", "loss", who="whoever compares images with all agents")
class OwnAgentPushedAway(Literal):
    """A source image is pushed away from its own agent too."""

    def _leave_out(self, hard: Array, own: Array) -> None:
        return


@joint_embedding_loss.mistake("9.10", "loss", who="whoever takes the margin for one of cosines")
class MarginOfCosines(Literal):
    """An agent is hard where f . a is above 1 - margin."""

    def _is_near(self, cosines: Array, margin: float) -> Array:
        return cosines > 1 - margin


@joint_embedding_loss.mistake("9.11", "loss", who="whoever divides by the number of images")
class ImagesWithoutHardAgentsCounted(Literal):
    """An image without hard agents has a term of 0."""

    def _of_hinges(self, hinges: Array) -> Array:
        return np.asarray(hinges.sum() / max(1, len(hinges)))


@joint_embedding_loss.mistake("9.11", "loss", who="whoever adds the hinges up")
class HingesSummed(Literal):
    """An image has the sum over its hard agents."""

    def _of_hinges(self, hinges: Array) -> Array:
        return np.asarray(hinges.sum() if len(hinges) else np.nan)


@joint_embedding_loss.mistake("9.11", "loss", who="whoever has a mean for each half of the paper's formula")
class MeansOfPullAndPush(Literal):
    """Pull and push are averaged apart, and added."""

    def _over_terms(self, own: Array, pushes: Array) -> Array:
        pushes = pushes[~np.isnan(pushes)]
        return own.sum() / max(1, len(own)) + pushes.sum() / max(1, len(pushes))
