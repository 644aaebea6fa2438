"""The dual causality loss: which distances are compared, over which pairs, and how they are averaged."""

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("dual_causality", "L+ and L-, the loss of one module", required=True)

TERMS = ("2.4", "2.5")

#: Three identities of two images each.
PAIRS = np.array([0, 0, 1, 1, 2, 2])


def embeddings(draw: Draw, images: int, channels: int = 6) -> dict[str, Any]:
    """f~, f~+ and f~- in general position. A module's own f~ are all equal; a function of three takes any."""
    return {name: draw.normal(images, channels) for name in ("f_tilde", "f_plus", "f_minus")}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def ordinary(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, in general position."""
    return embeddings(draw, 12) | {"labels": np.arange(12) // 3}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def any_order(draw: Draw) -> dict[str, Any]:
    """The identities' images are scattered over the batch: labels say who belongs together, not places."""
    return embeddings(draw, 12) | {"labels": draw.permutation(12) // 3}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def unbalanced_identities(draw: Draw) -> dict[str, Any]:
    """Five images of one identity and two of others: every anchor counts once, however many pairs it has.

    The mean over all pairs would count the larger identity more.
    """
    batch = embeddings(draw, 9)
    batch["f_plus"][:5] += 4 * batch["f_plus"][0]  # the larger identity's distances are unlike the others'
    return batch | {"labels": np.array([0, 0, 0, 0, 0, 1, 1, 2, 2])}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def lone_identities(draw: Draw) -> dict[str, Any]:
    """Two images have nobody of their identity: they are no anchors of positives, but are of negatives."""
    return embeddings(draw, 6) | {"labels": np.array([3, 5, 3, 7, 3, 9])}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def one_identity(draw: Draw) -> dict[str, Any]:
    """No anchor has a negative: those terms are 0, not NaN, and the positive ones stay."""
    return embeddings(draw, 4) | {"labels": np.full(4, 2)}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def nobody_twice(draw: Draw) -> dict[str, Any]:
    """No anchor has a positive: those terms are 0, not NaN, and the negative ones stay."""
    return embeddings(draw, 4) | {"labels": np.arange(4)}


@cases.case("dual_causality_loss", "2.6")
def one_image(draw: Draw) -> dict[str, Any]:
    """A single image has no pair: both losses are exactly 0."""
    return embeddings(draw, 1) | {"labels": np.array([1])}


@cases.case("dual_causality_loss", "2.2", *TERMS)
def duplicate_images(draw: Draw) -> dict[str, Any]:
    """An image that is there twice, once under another identity: its distance to its copy is 0 in every space."""
    batch = {name: f[[0, 1, 2, 3, 0, 1]] for name, f in embeddings(draw, 4).items()}
    return batch | {"labels": np.array([0, 0, 1, 1, 0, 1])}


@cases.case("dual_causality_loss", "2.1", "2.8", *TERMS)
def collapse(draw: Draw) -> dict[str, Any]:
    """What a module gives: f~ is beta for every image, so that every distance between two f~ is 0."""
    batch = embeddings(draw, 6)
    return batch | {"f_tilde": np.tile(batch["f_tilde"][0], (6, 1)), "labels": PAIRS}


@cases.case("dual_causality_loss", "2.1", "2.2", "2.8", *TERMS)
def collapse_to_zero(draw: Draw) -> dict[str, Any]:
    """At the usual start beta is 0, and so is f~: d(0, 0) = 0, not 0.5, and not NaN."""
    return embeddings(draw, 6) | {"f_tilde": np.zeros((6, 6)), "labels": PAIRS}


@cases.case("dual_causality_loss", "2.2", *TERMS)
def a_zero_embedding(draw: Draw) -> dict[str, Any]:
    """One image's f~+ is zero, at a distance of 0.5 from all others."""
    batch = embeddings(draw, 6)
    batch["f_plus"][2] = 0
    return batch | {"labels": PAIRS}


@cases.case("dual_causality_loss", "2.4", outputs=("plus",))
def signs_of_plus(draw: Draw) -> dict[str, Any]:
    """Positives that are close and negatives that are far in f~+, and the other way around in f~: L+ is small.

    A swapped sign makes it large. L- is not compared.
    """
    return _aligned(draw, "f_plus", "f_tilde") | {"f_minus": draw.normal(6, 6)}


@cases.case("dual_causality_loss", "2.5", outputs=("minus",))
def signs_of_minus(draw: Draw) -> dict[str, Any]:
    """Positives that are far and negatives that are close in f~-, and the other way around in f~: L- is small.

    A swapped sign makes it large. L+ is not compared.
    """
    return _aligned(draw, "f_tilde", "f_minus") | {"f_plus": draw.normal(6, 6)}


@cases.case("dual_causality_loss", "2.3", "2.6", *TERMS)
def euclidean(draw: Draw) -> dict[str, Any]:
    """With the Euclidean distance: four identities of three images each."""
    return embeddings(draw, 12) | {"labels": np.arange(12) // 3, "distance": "euclidean"}


@cases.case("dual_causality_loss", "2.3", "2.8", *TERMS)
def euclidean_collapse(draw: Draw) -> dict[str, Any]:
    """With the Euclidean distance, and f~ the same for every image."""
    batch = embeddings(draw, 6)
    return batch | {"f_tilde": np.tile(batch["f_tilde"][0], (6, 1)), "labels": PAIRS, "distance": "euclidean"}


@cases.case("dual_causality_loss", "2.3", "6.4", *TERMS)
def far_apart(draw: Draw) -> dict[str, Any]:
    """Euclidean distances of 1e4: Softplus is its argument, or 0, and overflows nowhere."""
    batch = embeddings(draw, 6)
    batch |= {"f_plus": batch["f_plus"] * 2.0**12, "f_minus": batch["f_minus"] * 2.0**11}
    return batch | {"labels": PAIRS, "distance": "euclidean"}


@cases.case("dual_causality_loss", "2.3", "6.4", *TERMS)
def small_terms(draw: Draw) -> dict[str, Any]:
    """Every term is Softplus(-25) = 1.4e-11, of which log(1 + exp(x)) keeps nothing in float32, 5 digits in float64."""
    return _on_a_line([0, 25, -25], [0, 0, 50], [0, 50, 0])


@cases.case("dual_causality_loss", "2.3", "6.4", *TERMS)
def nearly_linear_terms(draw: Draw) -> dict[str, Any]:
    """Every term is Softplus(20.5), which is 1.2e-9 more than its argument: a threshold at 20 shows in float64."""
    return _on_a_line([0, 20.5, -20.5], [0, 41, 0], [0, 0, 41])


@cases.case("dual_causality_loss", "2.7", *TERMS)
def triplets(draw: Draw) -> dict[str, Any]:
    """The literal paper: an explicit positive and negative for every anchor."""
    drawn = np.array([[0, 1, 2], [1, 0, 5], [2, 3, 0], [3, 2, 4], [4, 5, 1], [5, 4, 3]])
    return embeddings(draw, 6) | {"labels": PAIRS, "triplets": drawn}


@cases.case("dual_causality_loss", "2.7", *TERMS)
def repeated_triplets(draw: Draw) -> dict[str, Any]:
    """A triplet that is there three times counts three times, and an anchor that isn't there doesn't."""
    drawn = np.array([[0, 1, 2], [0, 1, 2], [4, 5, 0], [0, 1, 2], [0, 1, 3]])
    return embeddings(draw, 6) | {"labels": PAIRS, "triplets": drawn}


@cases.case("dual_causality_loss", "2.7")
def no_triplets(draw: Draw) -> dict[str, Any]:
    """An empty list of triplets, as of a batch where no anchor has both: both losses are exactly 0."""
    return embeddings(draw, 3) | {"labels": np.arange(3), "triplets": np.zeros((0, 3), np.int64)}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def any_labels(draw: Draw) -> dict[str, Any]:
    """Labels that are negative, with gaps, and beyond the whole numbers of float32: 16777216 is not 16777217."""
    labels = np.array([16777217, -5, 16777216, -5, 16777217, 16777216])
    return embeddings(draw, 6) | {"labels": labels}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def labels_of_64_bits(draw: Draw) -> dict[str, Any]:
    """Labels that are equal in their lower 32 bits."""
    return embeddings(draw, 6) | {"labels": np.array([7, 7, 7 + 2**32, 7 + 2**32, 7 + 2**33, 7 + 2**33])}


@cases.case("dual_causality_loss", "2.6", *TERMS)
def large_batch(draw: Draw) -> dict[str, Any]:
    """Sixteen identities of four images, as in training: means of 192 positive and 3840 negative pairs."""
    return embeddings(draw, 64, 16) | {"labels": np.arange(64) // 4}


@cases.case("dual_causality_loss", "2.2", *TERMS)
def one_channel(draw: Draw) -> dict[str, Any]:
    """With one channel a cosine is a sign, and distances are 0 or 1."""
    return embeddings(draw, 4, 1) | {"labels": np.array([0, 0, 1, 1])}


def _aligned(draw: Draw, near: str, far: str) -> dict[str, Any]:
    """Positives nearly parallel and negatives nearly opposite in `near`, and the other way around in `far`."""
    direction, labels = draw.normal(6), np.array([0, 0, 0, 1, 1, 1])
    by_identity, alternating = np.array([1, 1, 1, -1, -1, -1]), np.array([1, -1, 1, -1, 1, -1])
    noise = draw.normal(2, 6, 6) / 8
    return {
        near: by_identity[:, None] * direction + noise[0],
        far: alternating[:, None] * direction + noise[1],
        "labels": labels,
    }


def _on_a_line(*embeddings: list[float]) -> dict[str, Any]:
    """An anchor, its positive and its negative on a line, whose distances are exact."""
    f_tilde, f_plus, f_minus = (np.array(f, np.float64)[:, None] for f in embeddings)
    batch = {"f_tilde": f_tilde, "f_plus": f_plus, "f_minus": f_minus, "distance": "euclidean"}
    return batch | {"labels": np.array([0, 0, 1]), "triplets": np.array([[0, 1, 2]])}
