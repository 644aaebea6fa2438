"""The gradients of the distances and of the losses, and what they are where the formulas have none."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.catalogue.dual_causality import embeddings
from snr_ref.conformance.draw import Draw

cases = Catalogue("loss_gradients", "the gradients of the distances and of the losses")

PAIRS = np.array([0, 0, 1, 1, 2, 2])


def _pair(draw: Draw, n: int = 4, m: int = 3, channels: int = 6) -> dict[str, Any]:
    return {"x": draw.normal(n, channels), "y": draw.normal(m, channels), "grad_d": draw.normal(n, m)}


@cases.case("cosine_distance_vjp", "5.3")
def cosine(draw: Draw) -> dict[str, Any]:
    """Four rows against three, in general position."""
    return _pair(draw)


@cases.case("cosine_distance_vjp", "5.3")
def cosine_duplicates(draw: Draw) -> dict[str, Any]:
    """Between equal rows the distance is at its minimum, where its gradient is 0."""
    x = draw.normal(3, 6)
    return {"x": x, "y": x, "grad_d": np.diag(draw.uniform(1, 2, 3))}


@cases.case("cosine_distance_vjp", "5.3")
def cosine_opposite(draw: Draw) -> dict[str, Any]:
    """Between opposite rows the distance is at its maximum, where its gradient is 0."""
    x = draw.normal(3, 6)
    return {"x": x, "y": -2 * x, "grad_d": np.diag(draw.uniform(1, 2, 3))}


@cases.case("cosine_distance_vjp", "5.3")
def cosine_zero(draw: Draw) -> dict[str, Any]:
    """A zero vector gets a gradient of exactly 0, gives none to the others, and makes nothing NaN."""
    pair = _pair(draw)
    pair["x"][1] = pair["y"][0] = 0
    return pair


@cases.case("cosine_distance_vjp", "5.3")
def cosine_lengths(draw: Draw) -> dict[str, Any]:
    """The gradient is inverse to a row's length: rows a thousand times longer and shorter."""
    pair = _pair(draw, 3, 3)
    return pair | {"x": pair["x"] * np.array([[2.0**10], [1.0], [2.0**-10]])}


@cases.case("euclidean_distance_vjp", "5.3")
def euclidean(draw: Draw) -> dict[str, Any]:
    """Four rows against three, in general position."""
    return _pair(draw)


@cases.case("euclidean_distance_vjp", "5.3")
def euclidean_duplicates(draw: Draw) -> dict[str, Any]:
    """At x = y, where the Euclidean distance has a kink, its gradient is exactly 0, and not NaN."""
    x = draw.normal(4, 6)
    return {"x": x, "y": x[[2, 0]], "grad_d": draw.normal(4, 2)}


@cases.case("euclidean_distance_vjp", "5.3")
def euclidean_near_duplicates(draw: Draw) -> dict[str, Any]:
    """Rows of length 1e4 that differ by 1: the direction must come from the difference."""
    pair = _pair(draw, 3, 3, 8)
    x = draw.integers(-6000, 6000, 3, 8).astype(np.float64)
    return pair | {"x": x, "y": x + draw.integers(1, 3, 3, 8)}


@cases.case("dual_causality_gradients", "5.3", "2.6")
def dual_causality(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, in general position."""
    return embeddings(draw, 12) | {"labels": np.arange(12) // 3}


@cases.case("dual_causality_gradients", "5.3", "2.8")
def dual_causality_collapse(draw: Draw) -> dict[str, Any]:
    """What a module gives, f~ = beta for every image: the gradient of f~ is 0, and the others are not."""
    batch = embeddings(draw, 6)
    return batch | {"f_tilde": np.tile(batch["f_tilde"][0], (6, 1)), "labels": PAIRS}


@cases.case("dual_causality_gradients", "5.3", "2.8")
def dual_causality_collapse_to_zero(draw: Draw) -> dict[str, Any]:
    """At the usual start f~ = beta = 0: its gradient is exactly 0, not NaN."""
    return embeddings(draw, 6) | {"f_tilde": np.zeros((6, 6)), "labels": PAIRS}


@cases.case("dual_causality_gradients", "5.3", "2.6")
def dual_causality_lone_identities(draw: Draw) -> dict[str, Any]:
    """Two images without a positive: they move by their negatives alone."""
    return embeddings(draw, 6) | {"labels": np.array([3, 5, 3, 7, 3, 9])}


@cases.case("dual_causality_gradients", "5.3", "2.6")
def dual_causality_one_image(draw: Draw) -> dict[str, Any]:
    """A single image has no pair: all gradients are exactly 0."""
    return embeddings(draw, 1) | {"labels": np.array([1])}


@cases.case("dual_causality_gradients", "5.3", "2.7")
def dual_causality_triplets(draw: Draw) -> dict[str, Any]:
    """Over explicit triplets, one of them twice; who is in none gets exactly 0."""
    drawn = np.array([[0, 1, 2], [0, 1, 2], [3, 2, 1]])
    return embeddings(draw, 6) | {"labels": PAIRS, "triplets": drawn}


@cases.case("dual_causality_gradients", "5.3", "2.3")
def dual_causality_euclidean(draw: Draw) -> dict[str, Any]:
    """With the Euclidean distance, and an image that is there twice, where the distance has a kink: 0 from it."""
    batch = {name: f[[0, 1, 2, 3, 4, 0]] for name, f in embeddings(draw, 5).items()}
    return batch | {"labels": np.array([0, 0, 1, 1, 2, 2]), "distance": "euclidean"}


@cases.case("dual_causality_gradients", "5.3", "6.4")
def dual_causality_far_apart(draw: Draw) -> dict[str, Any]:
    """Euclidean distances of 1e4: Sigmoid is 0 or 1, and nothing overflows."""
    batch = embeddings(draw, 6)
    batch |= {"f_plus": batch["f_plus"] * 2.0**12, "f_minus": batch["f_minus"] * 2.0**11}
    return batch | {"labels": PAIRS, "distance": "euclidean"}


@cases.case("dual_causality_gradients", "5.3", "2.6")
def dual_causality_one_identity(draw: Draw) -> dict[str, Any]:
    """Three images of one identity: without a negative, they move by their positives alone."""
    return embeddings(draw, 3) | {"labels": np.array([7, 7, 7])}


@cases.case("cross_entropy_gradient", "5.4")
def cross_entropy(draw: Draw) -> dict[str, Any]:
    """Six rows of five logits, with the usual smoothing, which isn't named: 0.1."""
    return {"logits": draw.normal(6, 5), "labels": draw.integers(0, 5, 6)}


@cases.case("cross_entropy_gradient", "5.4")
def cross_entropy_no_smoothing(draw: Draw) -> dict[str, Any]:
    """Of the labels alone."""
    return {"logits": draw.normal(4, 3), "labels": draw.integers(0, 3, 4), "label_smoothing": 0.0}


@cases.case("cross_entropy_gradient", "5.4", "6.4")
def cross_entropy_huge_logits(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more: softmax is 0 or 1, and nothing overflows."""
    return {"logits": draw.normal(4, 5) * 2.0**14, "labels": draw.integers(0, 5, 4)}


@cases.case("cross_entropy_gradient", "5.4")
def cross_entropy_one_row(draw: Draw) -> dict[str, Any]:
    """A batch of a single image."""
    return {"logits": draw.normal(1, 6), "labels": np.array([4])}


@cases.case("batch_hard_triplet_gradient", "5.4")
def triplet(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, with the usual margin, which isn't named: 0.3."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3}


@cases.case("batch_hard_triplet_gradient", "5.4")
def triplet_soft_margin(draw: Draw) -> dict[str, Any]:
    """The slope of Softplus is a Sigmoid."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3, "margin": "soft"}


@cases.case("batch_hard_triplet_gradient", "5.4")
def triplet_inactive_hinge(draw: Draw) -> dict[str, Any]:
    """Every anchor has met the margin: all gradients are exactly 0."""
    return {"features": draw.normal(6, 4) + 64.0 * PAIRS[:, None], "labels": PAIRS}


@cases.case("batch_hard_triplet_gradient", "5.4", "3.3")
def triplet_beyond_the_usual_margin(draw: Draw) -> dict[str, Any]:
    """A negative half a unit farther than the positive: beyond the unnamed margin of 0.3, so without gradient."""
    return {"features": np.array([[0.0], [1], [-1.5], [4]]), "labels": np.array([0, 0, 1, 2])}


@cases.case("batch_hard_triplet_gradient", "5.4")
def triplet_lone_identities(draw: Draw) -> dict[str, Any]:
    """Images without a positive are no anchors, but move as the negatives of others."""
    return {"features": draw.normal(6, 4), "labels": np.array([3, 5, 3, 7, 3, 9]), "margin": 4.0}


@cases.case("batch_hard_triplet_gradient", "5.4")
def triplet_one_identity(draw: Draw) -> dict[str, Any]:
    """No anchor has a negative: all gradients are exactly 0."""
    return {"features": draw.normal(4, 4), "labels": np.full(4, 2)}


@cases.case("batch_hard_triplet_gradient", "5.4")
def triplet_ties(draw: Draw) -> dict[str, Any]:
    """Two farthest positives and three nearest negatives, exactly as far: the lowest index alone has the gradient.

    The first image is at the origin; others lie 5 and 10 away from it, and all of these lengths are exact.
    """
    features = np.array([[0.0, 0], [6, 8], [-8, 6], [0, 5], [-3, -4], [4, -3]])
    return {"features": features, "labels": np.array([1, 1, 1, 2, 3, 4]), "margin": 8.0}


@cases.case("batch_hard_triplet_gradient", "5.4", "5.5")
def triplet_margin_just_met(draw: Draw) -> dict[str, Any]:
    """An anchor that meets the margin to the last bit, 3 - 5 + 2 = 0: it gets no gradient, as relu'(0) = 0.

    The other anchor is short of the margin, 3 - 4 + 2 = 1.
    """
    return {"features": np.array([[0.0], [3], [-5], [7]]), "labels": np.array([0, 0, 1, 2]), "margin": 2.0}


@cases.case("batch_hard_triplet_gradient", "5.4", "5.3")
def triplet_duplicate_images(draw: Draw) -> dict[str, Any]:
    """Identities that are one image twice: the positive is at distance 0, where the gradient is 0 and not NaN."""
    return {"features": draw.normal(3, 4)[PAIRS], "labels": PAIRS, "margin": 8.0}
