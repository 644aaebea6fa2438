"""The total objective: as a sum, and out of an implementation's own parts."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.inputs import params
from snr_ref.conformance.draw import Draw
from snr_ref.reid_losses import RESNET50_WEIGHTS

cases = Catalogue("objective", "the whole objective, L_ReID and the weighted L_SNR of every module")

PAIRS = np.array([0, 0, 1, 1, 2, 2])
WHOLE = ("2.1", "2.4", "2.5", "3.1", "3.2", "3.4")


@cases.case("total_objective", "3.4")
def resnet50(draw: Draw) -> dict[str, Any]:
    """Four modules with the paper's weights for the stages of ResNet-50: 0.1, 0.1, 0.5, 0.5."""
    losses = tuple(draw.uniform(1, 4, 4).tolist())
    return {"reid_loss": 7.25, "dual_causality_losses": losses, "weights": RESNET50_WEIGHTS}


@cases.case("total_objective", "3.4")
def one_module(draw: Draw) -> dict[str, Any]:
    """A network with a single module."""
    return {"reid_loss": 3.5, "dual_causality_losses": (2.75,), "weights": (0.5,)}


@cases.case("total_objective", "3.4")
def no_module(draw: Draw) -> dict[str, Any]:
    """The paper's baselines have no module: L is L_ReID."""
    return {"reid_loss": 3.5, "dual_causality_losses": (), "weights": ()}


@cases.case("objective", *WHOLE)
def whole(draw: Draw) -> dict[str, Any]:
    """Feature map to objective, everything in general position."""
    return _network(draw)


@cases.case("objective", "2.8", *WHOLE)
def at_the_start(draw: Draw) -> dict[str, Any]:
    """The collapse: at the usual start beta is 0, and f~ = beta is 0 for every image.

    A port that pools F~ for f~ gets rounding noise, takes cosines of it, and puts random distances between 0 and 1 into
    the loss; no two frameworks agree there. With f~ = beta all its distances are 0.
    """
    batch = _network(draw)
    return batch | {"params": batch["params"]._replace(gamma=np.ones(8), beta=np.zeros(8))}


@cases.case("objective", "3.4", *WHOLE)
def small_weight(draw: Draw) -> dict[str, Any]:
    """The weight of the first stages of ResNet-50, 0.1."""
    return _network(draw) | {"weight": 0.1}


@cases.case("objective", "2.6", *WHOLE)
def lone_identities(draw: Draw) -> dict[str, Any]:
    """Two images without a positive, which count in the negative terms of L_SNR alone."""
    return _network(draw) | {"labels": np.array([0, 1, 0, 2, 0, 3])}


def _network(draw: Draw) -> dict[str, Any]:
    F = draw.normal(6, 4, 2, 8) + draw.normal(6, 1, 1, 8, bits=4)
    return {"F": F, "params": params(draw, 8, 2), "logits": draw.normal(6, 4), "labels": PAIRS, "weight": 0.5}
