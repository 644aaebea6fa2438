"""By how much rounding may move a whole step of MAR: the kit's bounds of its parts, put together.

A part that is handed rounded numbers is off by the rounding of its own, which the kit bounds, and by what it makes of
how far these are off. Of the latter it is rounded too, by less than 1/sqrt(u) roundings, for no part here has so many:
that makes it 1 + sqrt(u) times as large at most.

What is handed on rounded is log y alone, off by e:

- The mean of a view is off by the mean of e. Its deviation is a seminorm of the rows: |s(x + e) - s(x)| <= s(e) <=
  |e| / sqrt(n - 1).
- A square of a difference d that is off by o is off by 2 |d| o + o^2; a quotient w = c / s by
  (o_c + |w| o_s) / (s - o_s).
- The gradient G that reaches log y goes on as G - y sum of G: an error E of it as (1 - y) E + y (sum of the others').
- Multilabels are off as the exponential says, an agreement by half the sum of what its two rows are off, and what is at
  a place in order by what is off most.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import snr_ref
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.functions.cross_entropy import rounded_cross_entropy, targets
from snr_ref.conformance.functions.mining import agreements_are_decided, same_pairs_are_mined
from snr_ref.conformance.functions.multilabels import mixed
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, log_softmax, scalar
from snr_ref.mar.mining import image_pairs
from snr_ref.mar.step import MAR_WEIGHTS, AdaptationWeights, take_in

#: How much of a batch goes into the memory's rows and into the threshold.
RATE = 0.1


class StepBounds(NamedTuple):
    """How far each output of a step may be off.

    Attributes:
        losses: By name, `total` too.
        state: By name: `threshold`, `mean`, `std`, `multilabels`.
        gradients: In the source's features, the target's, and the agents.
        decided: Whether rounding turns no decision.
    """

    losses: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    gradients: tuple[np.ndarray, np.ndarray, np.ndarray]
    decided: bool


def step_bounds(
    state: snr_ref.AdaptationState,
    batch: dict[str, np.ndarray],
    precision: Precision,
    *,
    epoch: int,
    mining_ratio: float,
    margin: float,
    scale: float,
    weights: AdaptationWeights = MAR_WEIGHTS,
) -> StepBounds:
    """The bounds of `adaptation_step`, of its arguments in float64, and of its total by weights and its gradients."""
    u, target, agents, views = precision.u, batch["target_features"], batch["agents"], batch["target_views"]
    indices = batch["target_indices"]
    of_multilabels: dict[str, Any] = {"features": target, "agents": agents, "scale": scale}
    log_y = snr_ref.log_multilabels(target, agents, scale=scale)
    off = FUNCTIONS["log_multilabels"].bounds(of_multilabels, precision)["log_multilabels"]
    y = Rounded(log_y, off, u).exp()

    source_images = len(batch["source_features"])
    seen = take_in(state, log_y, views, indices, source_images=source_images, epoch=epoch)
    rate = (source_images + len(target)) / 10_000
    of_views = _Views(log_y, off, views, seen.statistics, state.statistics, rate, precision)
    consistency = Rounded(snr_ref.consistency_loss(log_y, views, seen.statistics), of_views.loss(), u)
    memory_off = np.zeros_like(seen.memory.multilabels)
    mining = _Mining(exact(0.0, u), exact(np.zeros_like(target), u), np.zeros(()), True)  # of the first epoch
    if epoch > 0:
        past, again = exact(state.memory.multilabels[indices], u), state.memory.visited[indices, np.newaxis]
        memory_off[indices] = np.where(again, mixed(past, y, RATE).error, y.error)
        rows = seen.memory.multilabels[indices]
        mining = _mining(target, rows, memory_off[indices], state.threshold, mining_ratio, precision)

    source, labels = exact(batch["source_features"], u), batch["source_labels"]
    logits = scalar(scale, u) * (source @ exact(agents, u).T)
    in_logits = log_softmax(logits).exp() - targets(labels, len(agents), 0.0, u)
    of_scores = scalar(scale, u) * (in_logits / exact(len(labels), u))

    names = "source_features", "source_labels", "target_features", "agents"
    of_joint: dict[str, Any] = {**{name: batch[name] for name in names}, "margin": margin}
    joint = Rounded(
        np.asarray(snr_ref.joint_embedding_loss(**of_joint)),
        FUNCTIONS["joint_embedding_loss"].bounds(of_joint, precision)["loss"],
        u,
    )
    bounds = FUNCTIONS["joint_embedding_gradients"].bounds(of_joint, precision)
    push_source, push_target = (
        Rounded(gradient, bounds[f"grad_{name}_features"], u)
        for name, gradient in zip(("source", "target"), snr_ref.joint_embedding_gradients(**of_joint), strict=True)
    )

    by_mining, by_consistency, by_source, by_joint = (scalar(weight, u) for weight in weights)
    of_source = of_scores @ exact(agents, u) + by_joint * push_source
    of_target = by_consistency * of_views.gradient(of_multilabels, y.value)
    of_target = of_target + by_source * (by_joint * push_target) + by_mining * mining.pull
    losses = {
        "discriminative": mining.loss,
        "consistency": consistency,
        "cross_entropy": rounded_cross_entropy(logits, labels, 0.0),
        "joint_embedding": joint,
    }
    total = by_mining * mining.loss + by_consistency * consistency
    total = total + by_source * (losses["cross_entropy"] + by_joint * joint)
    return StepBounds(
        losses={name: loss.error for name, loss in (losses | {"total": total}).items()},
        state={**of_views.of_statistics, "threshold": mining.threshold_off, "multilabels": memory_off},
        gradients=((by_source * of_source).error, of_target.error, (by_source * (of_scores.T @ source)).error),
        decided=of_views.decided
        and mining.decided
        and FUNCTIONS["joint_embedding_loss"].is_decided(of_joint, precision),
    )


class _Mining(NamedTuple):
    """What a step makes of mined pairs.

    Attributes:
        loss: L_MDL.
        pull: Its gradient in the target's features.
        threshold_off: How far the next threshold may be off.
        decided: Whether rounding turns neither what is mined nor as what.
    """

    loss: Rounded
    pull: Rounded
    threshold_off: np.ndarray
    decided: bool


def _mining(
    features: np.ndarray, rows: np.ndarray, off: np.ndarray, threshold: float, mining_ratio: float, precision: Precision
) -> _Mining:
    """Of multilabels that may be off; the loss and its gradient see them through decisions alone."""
    u, mined = precision.u, (features, rows, threshold)
    arguments = dict(zip(("features", "multilabels", "threshold"), mined, strict=True), mining_ratio=mining_ratio)
    bounds = {
        name: FUNCTIONS[name].bounds(arguments, precision)
        for name in ("discriminative_loss", "discriminative_gradient", "next_threshold")
    }
    i, j = image_pairs(len(rows)).T
    agreements_off = (off[i] + off[j]).sum(axis=1) / 2
    return _Mining(
        Rounded(
            np.asarray(snr_ref.discriminative_loss(*mined, mining_ratio=mining_ratio)),
            bounds["discriminative_loss"]["loss"],
            u,
        ),
        Rounded(
            snr_ref.discriminative_gradient(*mined, mining_ratio=mining_ratio),
            bounds["discriminative_gradient"]["grad_features"],
            u,
        ),
        bounds["next_threshold"]["threshold"] + with_its_rounding(RATE * agreements_off.max(), u),
        agreements_are_decided(rows, threshold, precision, off)
        and same_pairs_are_mined(features, mining_ratio, precision),
    )


class _Views:
    """What a step makes of log y by views, of which `off` bounds the error."""

    def __init__(
        self,
        log_y: np.ndarray,
        off: np.ndarray,
        views: np.ndarray,
        statistics: snr_ref.ViewStatistics,
        before: snr_ref.ViewStatistics,
        rate: float,
        precision: Precision,
    ) -> None:
        self.precision = precision
        self.arguments = {"log_multilabels": log_y, "views": views, "statistics": statistics}
        names, counts = np.unique(views, return_counts=True)
        self.images = [views == name for name in names[counts > 1]]
        self.off = off
        self.of_views = snr_ref.mar.losses.view_statistics(log_y, views)
        squares = [(off[images] ** 2).sum(axis=0) / (images.sum() - 1) for images in self.images]
        shape = len(self.images), log_y.shape[1]
        self.off_views = snr_ref.ViewStatistics(
            np.reshape([off[images].mean(axis=0) for images in self.images], shape),
            np.reshape(np.sqrt(squares), shape),
        )
        own = FUNCTIONS["next_statistics"].bounds({**self.arguments, "statistics": before, "rate": rate}, precision)
        self.of_statistics = {
            name: own[name] + (with_its_rounding(rate * off_view.mean(axis=0), precision.u) if self.images else 0)
            for name, off_view in self.off_views._asdict().items()
        }

    @property
    def decided(self) -> bool:
        """Whether each deviation is farther from 0 than rounding reaches, twice."""
        far = (self.of_views.std > 2 * self.off_views.std).all()
        return bool(far and FUNCTIONS["consistency_gradient"].is_decided(self.arguments, self.precision))

    def loss(self) -> np.ndarray:
        """The bound of L_CML."""
        u, total = self.precision.u, 0.0
        for name, of_view, off_view in zip(("mean", "std"), self.of_views, self.off_views, strict=True):
            difference = np.abs(of_view - getattr(self.arguments["statistics"], name))
            o = off_view + self.of_statistics[name]
            total += (2 * difference * o + o**2).sum()
        own = FUNCTIONS["consistency_loss"].bounds(self.arguments, self.precision)["loss"]
        return own + with_its_rounding(np.asarray(total / max(1, 2 * len(self.images))), u)

    def gradient(self, of_multilabels: dict[str, Any], y: np.ndarray) -> Rounded:
        """That of L_CML in the target's features, before its weight."""
        u, log_y = self.precision.u, self.arguments["log_multilabels"]
        G, E = snr_ref.consistency_gradient(**self.arguments), np.zeros_like(log_y)
        if self.decided:
            E = FUNCTIONS["consistency_gradient"].bounds(self.arguments, self.precision)["grad_log_multilabels"]
        for v, images in enumerate(self.images):
            n, V, off_std = images.sum(), len(self.images), self.off_views.std[v]
            std = np.where(self.of_views.std[v] == 0, 1, self.of_views.std[v])  # of 0 nothing is decided
            divisor = np.maximum(std - off_std, std / 2)
            w = (log_y[images] - self.of_views.mean[v]) / std
            off_w = (self.off[images] + self.off_views.mean[v] + np.abs(w) * off_std) / divisor
            difference = np.abs(std - self.arguments["statistics"].std)
            off_difference = off_std + self.of_statistics["std"]
            by_std = (difference + off_difference) * off_w + off_difference * np.abs(w)
            by_mean = self.off_views.mean[v] + self.of_statistics["mean"]
            E[images] += with_its_rounding(by_mean / (V * n) + by_std / (V * (n - 1)), u)
        in_logits = (1 - y) * E + y * (E.sum(axis=1, keepdims=True) - E)
        perturbation = of_multilabels["scale"] * in_logits @ np.abs(of_multilabels["agents"])
        arguments = {**of_multilabels, "grad_log_multilabels": G}
        value = snr_ref.log_multilabels_vjp(*list(of_multilabels.values())[:2], G, scale=of_multilabels["scale"])
        own = FUNCTIONS["log_multilabels_vjp"].bounds(arguments, self.precision)["grad_features"]
        return Rounded(value, own + with_its_rounding(perturbation, u), u)


def with_its_rounding(error: np.ndarray, u: float) -> np.ndarray:
    """What a part makes of the error of what it is handed, with its own rounding of that."""
    return (1 + np.sqrt(u)) * error
