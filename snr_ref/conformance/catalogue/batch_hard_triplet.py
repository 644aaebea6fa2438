"""The batch-hard triplet loss: the hardest examples, the margin, and who is no anchor."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("batch_hard_triplet", "the batch-hard triplet loss")

PAIRS = np.array([0, 0, 1, 1, 2, 2])


@cases.case("batch_hard_triplet_loss", "3.2", "3.3")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, with the usual margin, which isn't named: 0.3."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3}


@cases.case("batch_hard_triplet_loss", "3.2", "3.3")
def soft_margin(draw: Draw) -> dict[str, Any]:
    """Softplus in the place of the hinge."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3, "margin": "soft"}


@cases.case("batch_hard_triplet_loss", "3.3")
def no_margin(draw: Draw) -> dict[str, Any]:
    """A margin of 0 is a margin: the hinge stays."""
    return {"features": draw.normal(8, 5), "labels": np.arange(8) // 2, "margin": 0.0}


@cases.case("batch_hard_triplet_loss", "3.3")
def large_margin(draw: Draw) -> dict[str, Any]:
    """A margin that no anchor meets, so that the hinge adds it everywhere."""
    return {"features": draw.normal(8, 5), "labels": np.arange(8) // 2, "margin": 16.0}


@cases.case("batch_hard_triplet_loss", "3.2", "3.3")
def inactive_hinge(draw: Draw) -> dict[str, Any]:
    """Identities so far apart that every anchor has met the margin: the loss is exactly 0."""
    labels = np.arange(6) // 2
    return {"features": draw.normal(6, 4) + 64.0 * labels[:, None], "labels": labels}


@cases.case("batch_hard_triplet_loss", "3.2")
def some_inactive(draw: Draw) -> dict[str, Any]:
    """Anchors that have met the margin count as 0 in the mean: they are not left out of it."""
    features = draw.normal(6, 4)
    features[:2] = [[32.0], [32.5]]
    return {"features": features, "labels": PAIRS, "margin": 4.0}


@cases.case("batch_hard_triplet_loss", "3.2")
def lone_identities(draw: Draw) -> dict[str, Any]:
    """Images without a positive are left out of the mean, but are negatives of the others."""
    return {"features": draw.normal(6, 4), "labels": np.array([3, 5, 3, 7, 3, 9]), "margin": 4.0}


@cases.case("batch_hard_triplet_loss", "3.2")
def one_identity(draw: Draw) -> dict[str, Any]:
    """No anchor has a negative: the loss is exactly 0."""
    return {"features": draw.normal(4, 4), "labels": np.full(4, 2)}


@cases.case("batch_hard_triplet_loss", "3.2")
def nobody_twice(draw: Draw) -> dict[str, Any]:
    """No anchor has a positive: the loss is exactly 0."""
    return {"features": draw.normal(4, 4), "labels": np.arange(4)}


@cases.case("batch_hard_triplet_loss", "3.2")
def duplicate_images(draw: Draw) -> dict[str, Any]:
    """An image that is there twice, once under another identity: a negative at distance 0."""
    return {"features": draw.normal(4, 4)[[0, 1, 2, 3, 0, 1]], "labels": np.array([0, 0, 1, 1, 0, 1])}


@cases.case("batch_hard_triplet_loss", "3.2", "3.3")
def all_the_same(draw: Draw) -> dict[str, Any]:
    """A network that gives every image the same feature: the loss is the margin."""
    return {"features": np.tile(draw.normal(5), (6, 1)), "labels": PAIRS}


@cases.case("batch_hard_triplet_loss", "3.3", "6.4")
def far_apart(draw: Draw) -> dict[str, Any]:
    """Distances of 1e4 under the soft margin: no exponential overflows."""
    return {"features": draw.normal(6, 5) * 2.0**12, "labels": PAIRS, "margin": "soft"}


@cases.case("batch_hard_triplet_loss", "3.2")
def near_neighbours(draw: Draw) -> dict[str, Any]:
    """Features of length 1e4 that differ by 1, whose distances the expansion |x|^2 + |y|^2 - 2 x.y loses in float32."""
    centre = draw.integers(-6000, 6000, 8).astype(np.float64)
    return {"features": centre + draw.integers(-2, 3, 6, 8), "labels": PAIRS, "margin": 1.0}


@cases.case("batch_hard_triplet_loss", "3.2")
def any_labels(draw: Draw) -> dict[str, Any]:
    """Labels that are negative, with gaps, and beyond the whole numbers of float32: 16777216 is not 16777217."""
    labels = np.array([16777217, -5, 16777216, -5, 16777217, 16777216])
    return {"features": draw.normal(6, 4), "labels": labels, "margin": 2.0}


@cases.case("batch_hard_triplet_loss", "3.2", "3.3")
def large_batch(draw: Draw) -> dict[str, Any]:
    """Sixteen identities of four images, as in training."""
    return {"features": draw.normal(64, 16), "labels": np.arange(64) // 4}
