"""The dual causality loss: the compared distances, their pairs and averages; its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.distances import DISTANCES
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, mean, stack
from snr_ref.conformance.spoiled import always, integers, one_more, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.dual_causality import draws, pairs

dual_causality_loss = Function(
    "dual_causality_loss",
    ("plus", "minus"),
    clause="2.6",
    after="euclidean_distance",
    own_functions={"distance": "{}_distance"},
)
dual_causality_gradients = Function(
    "dual_causality_gradients",
    ("grad_f_tilde", "grad_f_plus", "grad_f_minus"),
    clause="5.3",
    after="euclidean_distance_vjp",
    own_functions={"distance": "{}_distance"},
)


@dual_causality_loss.bound
def dual_causality_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `dual_causality_loss`."""
    f_tilde, f_plus, f_minus = (exact(arguments[name], precision.u) for name in ("f_tilde", "f_plus", "f_minus"))
    distance, triplets = arguments.get("distance", "cosine"), arguments.get("triplets")
    plus, minus = rounded_dual_causality(f_tilde, f_plus, f_minus, arguments["labels"], distance, triplets)
    return {"plus": plus.error, "minus": minus.error}


def rounded_dual_causality(
    f_tilde: Rounded, f_plus: Rounded, f_minus: Rounded, labels: np.ndarray, distance: str, triplets: Any = None
) -> tuple[Rounded, Rounded]:
    """L+ and L-, each a mean of Softplus over pairs of distances, plus another."""
    between, _ = DISTANCES[distance]
    d_tilde, d_plus, d_minus = (between(f, f) for f in (f_tilde, f_plus, f_minus))
    positives, negatives = pairs(labels)

    def over_positives(x: Rounded) -> Rounded:
        return _over_anchors(x, positives) if triplets is None else mean(x[triplets[:, 0], triplets[:, 1]])

    def over_negatives(x: Rounded) -> Rounded:
        return _over_anchors(x, negatives) if triplets is None else mean(x[triplets[:, 0], triplets[:, 2]])

    plus = over_positives((d_plus - d_tilde).softplus()) + over_negatives((d_tilde - d_plus).softplus())
    minus = over_positives((d_tilde - d_minus).softplus()) + over_negatives((d_minus - d_tilde).softplus())
    return plus, minus


def _over_anchors(x: Rounded, allowed: np.ndarray) -> Rounded:
    """The mean over each row's allowed numbers, then over the rows that have any."""
    return mean(stack([mean(row) for row in (x[a, chosen] for a, chosen in enumerate(allowed) if chosen.any())], x.u))


@dual_causality_gradients.bound
def dual_causality_gradients_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The weight of every pair, a probability times a Sigmoid, through the gradient of its distance."""
    u = precision.u
    f_tilde, f_plus, f_minus = (exact(arguments[name], u) for name in ("f_tilde", "f_plus", "f_minus"))
    distance, vjp = DISTANCES[arguments.get("distance", "cosine")]
    d_tilde, d_plus, d_minus = (distance(f, f) for f in (f_tilde, f_plus, f_minus))
    P, Q = (Rounded(p, 2 * u * p, u) for p in draws(arguments["labels"], arguments.get("triplets")))
    plus = P * (d_plus - d_tilde).sigmoid() - Q * (d_tilde - d_plus).sigmoid()
    minus = P * (d_tilde - d_minus).sigmoid() - Q * (d_minus - d_tilde).sigmoid()
    weights = {"f_tilde": (f_tilde, minus - plus), "f_plus": (f_plus, plus), "f_minus": (f_minus, -minus)}
    return {f"grad_{name}": within_batch(*vjp(f, f, w)) for name, (f, w) in weights.items()}


def within_batch(as_x: Rounded, as_y: Rounded) -> np.ndarray:
    """The gradient of features that are both rows and columns of the distances."""
    return (as_x + as_y).error


TERMS = ("2.4", "2.5")

#: Three identities of two images each.
PAIRS = np.array([0, 0, 1, 1, 2, 2])


def embeddings(draw: Draw, images: int, channels: int = 6) -> dict[str, Any]:
    """f~, f~+ and f~- in general position. In a module all f~ are equal; a function of three embeddings takes any."""
    return {name: draw.normal(images, channels) for name in ("f_tilde", "f_plus", "f_minus")}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def ordinary(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, in general position."""
    return embeddings(draw, 12) | {"labels": np.arange(12) // 3}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def any_order(draw: Draw) -> dict[str, Any]:
    """The identities' images are scattered over the batch: labels say who belongs together, not places."""
    return embeddings(draw, 12) | {"labels": draw.permutation(12) // 3}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def unbalanced_identities(draw: Draw) -> dict[str, Any]:
    """Five images of one identity and two of others: every anchor counts once, however many pairs it has.

    The mean over all pairs would count the larger identity more.
    """
    batch = embeddings(draw, 9)
    batch["f_plus"][:5] += 4 * batch["f_plus"][0]  # the larger identity's distances are unlike the others'
    return batch | {"labels": np.array([0, 0, 0, 0, 0, 1, 1, 2, 2])}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def lone_identities(draw: Draw) -> dict[str, Any]:
    """Two images have nobody of their identity: they are no anchors of positives, but are of negatives."""
    return embeddings(draw, 6) | {"labels": np.array([3, 5, 3, 7, 3, 9])}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def one_identity(draw: Draw) -> dict[str, Any]:
    """No anchor has a negative: those terms are 0, not NaN, and the positive ones stay."""
    return embeddings(draw, 4) | {"labels": np.full(4, 2)}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def nobody_twice(draw: Draw) -> dict[str, Any]:
    """No anchor has a positive: those terms are 0, not NaN, and the negative ones stay."""
    return embeddings(draw, 4) | {"labels": np.arange(4)}


@dual_causality_loss.case(groups.dual_causality, "2.6")
def one_image(draw: Draw) -> dict[str, Any]:
    """A single image has no pair: both losses are exactly 0."""
    return embeddings(draw, 1) | {"labels": np.array([1])}


@dual_causality_loss.case(groups.dual_causality, "2.2", *TERMS)
def duplicate_images(draw: Draw) -> dict[str, Any]:
    """An image that is there twice, once under another identity: its distance to its copy is 0 in every space."""
    batch = {name: f[[0, 1, 2, 3, 0, 1]] for name, f in embeddings(draw, 4).items()}
    return batch | {"labels": np.array([0, 0, 1, 1, 0, 1])}


@dual_causality_loss.case(groups.dual_causality, "2.1", "2.8", *TERMS)
def collapse(draw: Draw) -> dict[str, Any]:
    """What a module gives: f~ is beta for every image, so that every distance between two f~ is 0."""
    batch = embeddings(draw, 6)
    return batch | {"f_tilde": np.tile(batch["f_tilde"][0], (6, 1)), "labels": PAIRS}


@dual_causality_loss.case(groups.dual_causality, "2.1", "2.2", "2.8", *TERMS)
def collapse_to_zero(draw: Draw) -> dict[str, Any]:
    """At the usual start beta is 0, and so is f~: d(0, 0) = 0, not 0.5, and not NaN."""
    return embeddings(draw, 6) | {"f_tilde": np.zeros((6, 6)), "labels": PAIRS}


@dual_causality_loss.case(groups.dual_causality, "2.2", *TERMS)
def a_zero_embedding(draw: Draw) -> dict[str, Any]:
    """One image's f~+ is zero, at a distance of 0.5 from all others."""
    batch = embeddings(draw, 6)
    batch["f_plus"][2] = 0
    return batch | {"labels": PAIRS}


@dual_causality_loss.case(groups.dual_causality, "2.4", outputs=("plus",))
def signs_of_plus(draw: Draw) -> dict[str, Any]:
    """Positives that are close and negatives that are far in f~+, and the other way around in f~: L+ is small.

    A swapped sign makes it large. L- is not compared.
    """
    return _aligned(draw, "f_plus", "f_tilde") | {"f_minus": draw.normal(6, 6)}


@dual_causality_loss.case(groups.dual_causality, "2.5", outputs=("minus",))
def signs_of_minus(draw: Draw) -> dict[str, Any]:
    """Positives that are far and negatives that are close in f~-, and the other way around in f~: L- is small.

    A swapped sign makes it large. L+ is not compared.
    """
    return _aligned(draw, "f_tilde", "f_minus") | {"f_plus": draw.normal(6, 6)}


@dual_causality_loss.case(groups.dual_causality, "2.3", "2.6", *TERMS)
def euclidean(draw: Draw) -> dict[str, Any]:
    """With the Euclidean distance: four identities of three images each."""
    return embeddings(draw, 12) | {"labels": np.arange(12) // 3, "distance": "euclidean"}


@dual_causality_loss.case(groups.dual_causality, "2.3", "2.8", *TERMS)
def euclidean_collapse(draw: Draw) -> dict[str, Any]:
    """With the Euclidean distance, and f~ the same for every image."""
    batch = embeddings(draw, 6)
    return batch | {"f_tilde": np.tile(batch["f_tilde"][0], (6, 1)), "labels": PAIRS, "distance": "euclidean"}


@dual_causality_loss.case(groups.dual_causality, "2.3", "6.4", *TERMS)
def far_apart(draw: Draw) -> dict[str, Any]:
    """Euclidean distances of 1e4: Softplus is its argument, or 0, and overflows nowhere."""
    batch = embeddings(draw, 6)
    batch |= {"f_plus": batch["f_plus"] * 2.0**12, "f_minus": batch["f_minus"] * 2.0**11}
    return batch | {"labels": PAIRS, "distance": "euclidean"}


@dual_causality_loss.case(groups.dual_causality, "2.3", "6.4", *TERMS)
def small_terms(draw: Draw) -> dict[str, Any]:
    """Every term is Softplus(-25) = 1.4e-11, of which log(1 + exp(x)) keeps nothing in float32, 5 digits in float64."""
    return _on_a_line([0, 25, -25], [0, 0, 50], [0, 50, 0])


@dual_causality_loss.case(groups.dual_causality, "2.3", "6.4", *TERMS)
def nearly_linear_terms(draw: Draw) -> dict[str, Any]:
    """Every term is Softplus(20.5), which is 1.2e-9 more than its argument: a threshold at 20 shows in float64."""
    return _on_a_line([0, 20.5, -20.5], [0, 41, 0], [0, 0, 41])


@dual_causality_loss.case(groups.dual_causality, "2.7", *TERMS)
def triplets(draw: Draw) -> dict[str, Any]:
    """The literal paper: an explicit positive and negative for every anchor."""
    drawn = np.array([[0, 1, 2], [1, 0, 5], [2, 3, 0], [3, 2, 4], [4, 5, 1], [5, 4, 3]])
    return embeddings(draw, 6) | {"labels": PAIRS, "triplets": drawn}


@dual_causality_loss.case(groups.dual_causality, "2.7", *TERMS)
def repeated_triplets(draw: Draw) -> dict[str, Any]:
    """A triplet that is there three times counts three times, and an anchor that isn't there doesn't."""
    drawn = np.array([[0, 1, 2], [0, 1, 2], [4, 5, 0], [0, 1, 2], [0, 1, 3]])
    return embeddings(draw, 6) | {"labels": PAIRS, "triplets": drawn}


@dual_causality_loss.case(groups.dual_causality, "2.7")
def no_triplets(draw: Draw) -> dict[str, Any]:
    """An empty list of triplets, as of a batch where no anchor has both: both losses are exactly 0."""
    return embeddings(draw, 3) | {"labels": np.arange(3), "triplets": np.zeros((0, 3), np.int64)}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def any_labels(draw: Draw) -> dict[str, Any]:
    """Labels that are negative, with gaps, and beyond the whole numbers of float32: 16777216 is not 16777217."""
    labels = np.array([16777217, -5, 16777216, -5, 16777217, 16777216])
    return embeddings(draw, 6) | {"labels": labels}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def labels_of_64_bits(draw: Draw) -> dict[str, Any]:
    """Labels that are equal in their lower 32 bits."""
    return embeddings(draw, 6) | {"labels": np.array([7, 7, 7 + 2**32, 7 + 2**32, 7 + 2**33, 7 + 2**33])}


@dual_causality_loss.case(groups.dual_causality, "2.6", *TERMS)
def large_batch(draw: Draw) -> dict[str, Any]:
    """Sixteen identities of four images, as in training: means of 192 positive and 3840 negative pairs."""
    return embeddings(draw, 64, 16) | {"labels": np.arange(64) // 4}


@dual_causality_loss.case(groups.dual_causality, "2.2", *TERMS)
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


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.6")
def loss_gradients_dual_causality(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, in general position."""
    return embeddings(draw, 12) | {"labels": np.arange(12) // 3}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.8")
def loss_gradients_dual_causality_collapse(draw: Draw) -> dict[str, Any]:
    """What a module gives, f~ = beta for every image: the gradient of f~ is 0, and the others are not."""
    batch = embeddings(draw, 6)
    return batch | {"f_tilde": np.tile(batch["f_tilde"][0], (6, 1)), "labels": PAIRS}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.8")
def loss_gradients_dual_causality_collapse_to_zero(draw: Draw) -> dict[str, Any]:
    """At the usual start f~ = beta = 0: its gradient is exactly 0, not NaN."""
    return embeddings(draw, 6) | {"f_tilde": np.zeros((6, 6)), "labels": PAIRS}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.6")
def loss_gradients_dual_causality_lone_identities(draw: Draw) -> dict[str, Any]:
    """Two images without a positive: they move by their negatives alone."""
    return embeddings(draw, 6) | {"labels": np.array([3, 5, 3, 7, 3, 9])}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.6")
def loss_gradients_dual_causality_one_image(draw: Draw) -> dict[str, Any]:
    """A single image has no pair: all gradients are exactly 0."""
    return embeddings(draw, 1) | {"labels": np.array([1])}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.7")
def loss_gradients_dual_causality_triplets(draw: Draw) -> dict[str, Any]:
    """Over explicit triplets, one of them twice; who is in none gets exactly 0."""
    drawn = np.array([[0, 1, 2], [0, 1, 2], [3, 2, 1]])
    return embeddings(draw, 6) | {"labels": PAIRS, "triplets": drawn}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.3")
def loss_gradients_dual_causality_euclidean(draw: Draw) -> dict[str, Any]:
    """With the Euclidean distance, and an image that is there twice, where the distance has a kink: 0 from it."""
    batch = {name: f[[0, 1, 2, 3, 4, 0]] for name, f in embeddings(draw, 5).items()}
    return batch | {"labels": np.array([0, 0, 1, 1, 2, 2]), "distance": "euclidean"}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "6.4")
def loss_gradients_dual_causality_far_apart(draw: Draw) -> dict[str, Any]:
    """Euclidean distances of 1e4: Sigmoid is 0 or 1, and nothing overflows."""
    batch = embeddings(draw, 6)
    batch |= {"f_plus": batch["f_plus"] * 2.0**12, "f_minus": batch["f_minus"] * 2.0**11}
    return batch | {"labels": PAIRS, "distance": "euclidean"}


@dual_causality_gradients.case(groups.loss_gradients, "5.3", "2.6")
def loss_gradients_dual_causality_one_identity(draw: Draw) -> dict[str, Any]:
    """Three images of one identity: without a negative, they move by their positives alone."""
    return embeddings(draw, 3) | {"labels": np.array([7, 7, 7])}


#: Triplets that fit the labels of the valid arguments, which have none, since not every loss takes triplets.
TRIPLETS = np.array([[0, 1, 2], [3, 2, 1]])


@dual_causality_loss.good
@dual_causality_gradients.good
def _good(draw: Draw) -> dict[str, Any]:
    return plain(draw, "f_tilde", "f_plus", "f_minus") | {"labels": np.array([0, 0, 1, 1])}


for function in (dual_causality_loss, dual_causality_gradients):
    function.refuse("integers", "Embeddings of integers.", f_tilde=integers)
    function.refuse("three_axes", "A feature map in the place of an embedding.", f_tilde=lambda f: f[:, None])
    function.refuse("images_of_f_plus", "One embedding lacks an image.", f_plus=lambda f: f[1:])
    function.refuse("channels_of_f_plus", "One embedding has a channel more.", f_plus=one_more)
    function.refuse("channels_of_f_minus", "One embedding has a channel more.", f_minus=one_more)
    function.refuse("length_of_labels", "There is one label more than there are images.", labels=one_more)
    function.refuse("one_label", "One label for all images, which would broadcast.", labels=lambda labels: labels[:1])
    function.refuse("float_labels", "Labels that are no integers.", labels=lambda labels: labels + 0.5)
    function.refuse(
        "triplet_out_of_range",
        "A triplet names an image that isn't there.",
        "2.7",
        triplets=always(TRIPLETS + np.array([0, 0, 9])),
    )
    function.refuse(
        "negative_index",
        "A triplet counts from the end.",
        "2.7",
        triplets=always(TRIPLETS[:1] - np.array([0, 0, 3])),
    )
    function.refuse(
        "own_positive",
        "A triplet's positive is the anchor itself.",
        "2.7",
        triplets=always(TRIPLETS[:, [0, 0, 2]]),
    )
    function.refuse(
        "swapped_triplet",
        "A triplet's positive is another's image.",
        "2.7",
        triplets=always(TRIPLETS[:, [0, 2, 1]]),
    )
    function.refuse(
        "same_negative",
        "A triplet's negative is of the anchor's identity.",
        "2.7",
        triplets=always(TRIPLETS[:, [0, 1, 1]]),
    )
    function.refuse("pairs_for_triplets", "Triplets without a negative.", triplets=always(TRIPLETS[:, :2]))
    function.refuse("float_triplets", "Triplets that are no integers.", triplets=always(TRIPLETS / 1))


@dual_causality_loss.mistake("2.4", "plus", who="whoever knows the hinge of the triplet loss")
class HingeForSoftplus(Literal):
    """ReLU stands for Softplus."""

    def _softplus(self, x: Array) -> Array:
        return self._relu(x)


@dual_causality_loss.mistake("6.4", "plus", who="whoever writes log(1 + exp(x))")
class SoftplusThatOverflows(Literal):
    """Softplus is log(1 + exp(x)), which is infinite for large x."""

    def _softplus(self, x: Array) -> Array:
        return np.log(1 + np.exp(x))


@dual_causality_loss.mistake("6.4", "plus", who="whoever writes log for log1p")
class SmallSoftplusLost(Literal):
    """Softplus is max(x, 0) + log(1 + exp(-|x|)), whose small values drown in the 1."""

    def _softplus(self, x: Array) -> Array:
        return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))


@dual_causality_loss.mistake("6.4", "plus", who="torch.nn.functional.softplus, whose threshold is 20")
class SoftplusOfTwentyLinear(Literal):
    """Softplus of x is x where that is above 20."""

    def _softplus(self, x: Array) -> Array:
        return np.where(x > 20, x, super()._softplus(x))


@dual_causality_loss.mistake("2.4", "plus", who="whoever swaps the arguments of a margin ranking loss")
class SignsOfPlusSwapped(Literal):
    """In L+ every difference has the other sign."""

    def _loss_plus(self, d_tilde: Array, d_plus: Array, P: Array, Q: Array) -> Array:
        return super()._loss_plus(d_plus, d_tilde, P, Q)


@dual_causality_loss.mistake("2.5", "minus", who="whoever copies L+ and puts f~- for f~+")
class SignsOfMinusSwapped(Literal):
    """L- is L+ with f~- in the place of f~+: every difference has the other sign."""

    def _loss_minus(self, d_tilde: Array, d_minus: Array, P: Array, Q: Array) -> Array:
        return super()._loss_minus(d_minus, d_tilde, P, Q)


@dual_causality_loss.mistake("2.6", "plus", who="whoever masks a matrix of all pairs and takes one mean")
class MeanOverAllPairs(Literal):
    """Each term is a mean over all pairs, so that an identity of many images has more weight."""

    def _weights(self, allowed: Array) -> Array:
        return allowed / max(1, allowed.sum())


@dual_causality_loss.mistake("2.6", "plus", who="whoever compares the labels and forgets the diagonal")
class AnchorAsItsOwnPositive(Literal):
    """The anchor counts among its own positives."""

    def _pairs(self, labels: Array) -> tuple[Array, Array]:
        same = labels[:, np.newaxis] == labels[np.newaxis]
        return same, ~same


@dual_causality_loss.mistake("2.6", "plus", who="whoever divides by the number of pairs as it is")
class EmptyTermsWithoutNumber(Literal):
    """A term without pairs is 0 / 0."""

    def _expectation(self, values: Array, probabilities: Array) -> Array:
        return (probabilities * values)[probabilities > 0].sum() / (probabilities > 0).any()


@dual_causality_loss.mistake("2.6", "plus", who="whoever divides by the size of the batch")
class AnchorsWithoutExamplesCounted(Literal):
    """Anchors that have no positive (no negative) count as 0 in the mean over the anchors."""

    def _weights(self, allowed: Array) -> Array:
        return allowed / (np.maximum(allowed.sum(axis=1, keepdims=True), 1) * len(allowed))


@dual_causality_loss.mistake("2.6", "plus", who="whoever draws triplets, which need an image of either kind")
class AnchorsOfBothKinds(Literal):
    """Anchors that have no positive are left out of the mean over the negatives too."""

    def _pairs(self, labels: Array) -> tuple[Array, Array]:
        positives, negatives = super()._pairs(labels)
        return positives, negatives & positives.any(axis=1, keepdims=True)


@dual_causality_loss.mistake("2.6", "plus", who="a framework that casts labels to the dtype of the features")
class LabelsInSinglePrecision(Literal):
    """Labels are compared in float32, in which large ones merge."""

    def _pairs(self, labels: Array) -> tuple[Array, Array]:
        return super()._pairs(labels.astype(np.float32))


@dual_causality_loss.mistake("2.6", "plus", who="a framework whose integers have 32 bits")
class LabelsOf32Bits(Literal):
    """Labels are compared by their lower 32 bits."""

    def _pairs(self, labels: Array) -> tuple[Array, Array]:
        return super()._pairs(labels.astype(np.int32))


@dual_causality_loss.mistake("2.7", "plus", who="a loss that takes all pairs whatever it is given")
class TripletsIgnored(Literal):
    """Explicit triplets are not looked at."""

    def _draws(self, labels: Array, triplets: Array | None) -> tuple[Array, Array]:
        return super()._draws(labels, None)


@dual_causality_loss.mistake("2.7", "plus", who="whoever keeps triplets in a set")
class DistinctTriplets(Literal):
    """A triplet that is drawn twice counts once."""

    def _draws(self, labels: Array, triplets: Array | None) -> tuple[Array, Array]:
        return super()._draws(labels, None if triplets is None else np.unique(triplets, axis=0))


@dual_causality_gradients.mistake("5.3", "grad_f_tilde", who="whoever takes f~ for a fixed target")
class NormalizedFeaturesDetached(Literal):
    """f~ is a constant to the loss."""

    def _slope_tilde(self, plus: Array, minus: Array) -> Array:
        return np.zeros_like(plus)
