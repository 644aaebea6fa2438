"""The whole objective, as a sum and composed of an implementation's own parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import snr_ref
from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.batch_hard_triplet import batch_hard
from snr_ref.conformance.functions.cross_entropy import rounded_cross_entropy
from snr_ref.conformance.functions.dual_causality import dual_causality_loss, rounded_dual_causality
from snr_ref.conformance.functions.snr import snr
from snr_ref.conformance.inputs import params
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, scalar
from snr_ref.conformance.spoiled import always
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.reid_losses import RESNET50_WEIGHTS
from snr_ref.restitution import SNRParams

total_objective = Function("total_objective", ("total",), clause="3.4", after="batch_hard_triplet_loss")
objective = Function(
    "objective",
    ("total",),
    clause="3.4",
    after="total_objective",
    records={"params": SNRParams},
    parts=("snr", "dual_causality_loss", "cross_entropy", "batch_hard_triplet_loss", "total_objective"),
)


@objective.composition
def compose(
    implementation: Any,
    F: np.ndarray,
    params: SNRParams,
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    weight: float,
) -> Any:
    """The whole objective of a network whose only module is its last stage, composed of an implementation's own parts.

    L_ReID is the cross-entropy of the logits plus the batch-hard triplet loss of the pooled features, which are f~+.

    Args:
        implementation: Object with `snr`, `dual_causality_loss`, `cross_entropy`, `batch_hard_triplet_loss` and
            `total_objective`, such as `snr_ref`.
        F: Feature map, (N, *S, C).
        params: Parameters of the module.
        logits: Logits, (N, K).
        labels: Class of each image, (N,), integers in [0, K).
        weight: Weight lambda of the module.

    Returns:
        The total L.
    """
    out = snr.named(implementation.snr(F, params))
    missing = [name for name in ("f_tilde", "f_plus", "f_minus") if name not in out]
    if missing:
        raise NotImplementedError(f"snr does not return {', '.join(missing)}")
    embeddings = (out["f_tilde"], out["f_plus"], out["f_minus"])
    causality = dual_causality_loss.named(implementation.dual_causality_loss(*embeddings, labels))
    reid = implementation.cross_entropy(logits, labels) + implementation.batch_hard_triplet_loss(out["f_plus"], labels)
    return implementation.total_objective(reid, [causality["plus"] + causality["minus"]], [weight])


@total_objective.bound
def total_objective_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `total_objective`."""
    u = precision.u
    losses = [scalar(loss, u) for loss in arguments["dual_causality_losses"]]
    return {"total": total(scalar(arguments["reid_loss"], u), losses, arguments["weights"]).error}


def total(reid_loss: Rounded, losses: Sequence[Rounded], weights: Sequence[float]) -> Rounded:
    """L_ReID + sum of lambda_b L_SNR^b."""
    for loss, weight in zip(losses, weights, strict=True):
        reid_loss = reid_loss + scalar(weight, reid_loss.u) * loss
    return reid_loss


@objective.bound
def objective_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of the objective composed of an implementation's own parts; f~ is beta itself and adds no error."""
    F, params, labels, u = arguments["F"], arguments["params"], arguments["labels"], precision.u
    out, bounds = snr_ref.snr(F, params), snr.bounds({"F": F, "params": params}, precision)
    f_plus, f_minus = Rounded(out.f_plus, bounds["f_plus"], u), Rounded(out.f_minus, bounds["f_minus"], u)
    plus, minus = rounded_dual_causality(exact(out.f_tilde, u), f_plus, f_minus, labels, "cosine")
    reid = rounded_cross_entropy(exact(arguments["logits"], u), labels, 0.1) + batch_hard(f_plus, labels, 0.3)
    return {"total": total(reid, [plus + minus], [arguments["weight"]]).error}


PAIRS = np.array([0, 0, 1, 1, 2, 2])

WHOLE = ("2.1", "2.4", "2.5", "3.1", "3.2", "3.4")


@total_objective.case(groups.objective, "3.4")
def resnet50(draw: Draw) -> dict[str, Any]:
    """Four modules with the paper's weights for the stages of ResNet-50: 0.1, 0.1, 0.5, 0.5."""
    losses = tuple(draw.uniform(1, 4, 4).tolist())
    return {"reid_loss": 7.25, "dual_causality_losses": losses, "weights": RESNET50_WEIGHTS}


@total_objective.case(groups.objective, "3.4")
def one_module(draw: Draw) -> dict[str, Any]:
    """A network with a single module."""
    return {"reid_loss": 3.5, "dual_causality_losses": (2.75,), "weights": (0.5,)}


@total_objective.case(groups.objective, "3.4")
def no_module(draw: Draw) -> dict[str, Any]:
    """The paper's baselines have no module: L is L_ReID."""
    return {"reid_loss": 3.5, "dual_causality_losses": (), "weights": ()}


@objective.case(groups.objective, *WHOLE)
def whole(draw: Draw) -> dict[str, Any]:
    """Feature map to objective, everything in general position."""
    return _network(draw)


@objective.case(groups.objective, "2.8", *WHOLE)
def at_the_start(draw: Draw) -> dict[str, Any]:
    """The collapse: at the usual start beta is 0, and f~ = beta is 0 for every image.

    A port that pools F~ for f~ gets rounding noise, takes cosines of it, and puts random distances between 0 and 1 into
    the loss; no two frameworks agree there. With f~ = beta all its distances are 0.
    """
    batch = _network(draw)
    return batch | {"params": batch["params"]._replace(gamma=np.ones(8), beta=np.zeros(8))}


@objective.case(groups.objective, "3.4", *WHOLE)
def small_weight(draw: Draw) -> dict[str, Any]:
    """The weight of the first stages of ResNet-50, 0.1."""
    return _network(draw) | {"weight": 0.1}


@objective.case(groups.objective, "2.6", *WHOLE)
def lone_identities(draw: Draw) -> dict[str, Any]:
    """Two images without a positive, which count in the negative terms of L_SNR alone."""
    return _network(draw) | {"labels": np.array([0, 1, 0, 2, 0, 3])}


def _network(draw: Draw) -> dict[str, Any]:
    F = draw.normal(6, 4, 2, 8) + draw.normal(6, 1, 1, 8, bits=4)
    return {"F": F, "params": params(draw, 8, 2), "logits": draw.normal(6, 4), "labels": PAIRS, "weight": 0.5}


@total_objective.good
def _good(draw: Draw) -> dict[str, Any]:
    return {"reid_loss": 3.5, "dual_causality_losses": (2.5, 1.5), "weights": (0.5, 0.25)}


total_objective.refuse("weights", "Two modules and one weight.", "3.4", weights=always((0.5,)))


@objective.mistake("2.8", "total", who="every literal implementation, the public ones included")
class PooledNormalizedMap(Literal):
    """f~ is pooled instead of beta: with beta = 0 it is rounding noise, whose cosines are random numbers."""

    def snr(self, F: Array, params: SNRParams, *, epsilon: float = 1e-5) -> dict[str, Array]:
        """With f~ pooled."""
        out = super().snr(F, params, epsilon=epsilon)
        return out | {"f_tilde": self._embed(self._wide(out["F_tilde"]))}


@total_objective.mistake("3.4", "total", who="whoever adds up the losses of the modules and weighs none")
class WeightsIgnored(Literal):
    """Every lambda is 1."""

    def total_objective(self, reid_loss: Array, losses: Sequence[Array], weights: Sequence[float]) -> Array:
        """Unweighted."""
        return reid_loss + sum(losses)
