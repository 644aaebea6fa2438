"""The batch-hard triplet loss: the hardest examples, the margin and the anchors; its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.distances import euclidean, euclidean_vjp
from snr_ref.conformance.functions.dual_causality import within_batch
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, mean, scalar, stack
from snr_ref.conformance.spoiled import always, first_row, integers, one_more, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.conformance.steps.losses import Margin
from snr_ref.dual_causality import pairs
from snr_ref.reid_losses import hardest_triplets

batch_hard_triplet_loss = Function("batch_hard_triplet_loss", ("loss",), clause="3.2", after="cross_entropy")
batch_hard_triplet_gradient = Function(
    "batch_hard_triplet_gradient", ("grad_features",), clause="5.4", after="cross_entropy_gradient"
)


@batch_hard_triplet_loss.bound
def batch_hard_triplet_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `batch_hard_triplet_loss`."""
    features = exact(arguments["features"], precision.u)
    return {"loss": batch_hard(features, arguments["labels"], arguments.get("margin", 0.3)).error}


def batch_hard(features: Rounded, labels: np.ndarray, margin: Any) -> Rounded:
    """The mean of the hinge, or Softplus, of the largest distance to a positive minus the smallest to a negative.

    Rounding may change which examples are the hardest, but not their distances beyond the bound.
    """
    d = euclidean(features, features)
    anchors = [(d[a, p], d[a, n]) for a, (p, n) in enumerate(zip(*pairs(labels), strict=True)) if p.any() and n.any()]
    difference = stack([positive.max(0) + (-negative).max(0) for positive, negative in anchors], features.u)
    return mean(difference.softplus() if margin == "soft" else (difference + scalar(margin, features.u)).relu())


@batch_hard_triplet_gradient.bound
def batch_hard_triplet_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """The slope of each anchor through the distances to its hardest examples.

    It holds where rounding changes neither the hardest examples nor the side of the hinge, see `is_decided`.
    """
    u, margin, labels = precision.u, arguments.get("margin", 0.3), arguments["labels"]
    features = exact(arguments["features"], u)
    d = euclidean(features, features)
    a, p, n = hardest_triplets(d.value, labels).T
    difference = d[a, p] - d[a, n]
    slope = difference.sigmoid() if margin == "soft" else exact(difference.value + margin > 0, u)
    share = slope / exact(max(1, len(a)), u)
    value, error = np.zeros_like(d.value), np.zeros_like(d.value)
    value[a, p], value[a, n] = share.value, -share.value
    error[a, p] = error[a, n] = share.error
    return {"grad_features": within_batch(*euclidean_vjp(features, features, Rounded(value, error, u)))}


@batch_hard_triplet_gradient.decision
def is_decided(arguments: Mapping[str, Any], precision: Precision) -> bool:
    """Whether the hardest examples of the batch-hard triplet loss are independent of the rounding of distances.

    Two distances that rounding could swap count as decided if every algorithm rounds both alike, and an anchor on the
    edge of the hinge if both of its distances are exact.

    Args:
        arguments: Arguments of `batch_hard_triplet_gradient`.
        precision: Precision in which the distances are computed.

    Returns:
        Whether this holds for every anchor.
    """
    margin, u = arguments.get("margin", 0.3), precision.u
    features = exact(arguments["features"], u)
    d = euclidean(features, features)
    positives = arguments["labels"][:, None] == arguments["labels"]
    for a, p, n in hardest_triplets(d.value, arguments["labels"]).tolist():
        for hardest, rivals in ((p, positives[a]), (n, ~positives[a])):
            near = np.abs(d.value[a] - d.value[a, hardest]) <= d.error[a] + d.error[a, hardest]
            differences = np.abs(features.value[a] - features.value[rivals & near])
            if not all(_rounds_alike(differences[0], other) for other in differences[1:]):
                return False
        if margin == "soft":
            continue
        hinge = d[a, p] - d[a, n] + scalar(margin, u)
        differences = np.abs(features.value[a] - features.value[[p, n]])
        is_settled = (
            _rounds_alike(*differences)
            if margin == 0
            else all(map(_has_exact_length, [*differences, np.array([margin])]))
        )
        if abs(hinge.value) <= hinge.error and not is_settled:
            return False
    return True


def _rounds_alike(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two vectors have the same magnitudes, or lengths that are equal and exact with any algorithm."""
    return bool(np.array_equal(x, y) or (_has_exact_length(x) and _has_exact_length(y) and x @ x == y @ y))


def _has_exact_length(v: np.ndarray) -> bool:
    """Whether v, v divided by its largest magnitude, and both lengths are small multiples of 1/1024."""
    scaled = v / (v.max() or 1)
    numbers = np.concatenate([v, scaled, [np.sqrt(v @ v), np.sqrt(scaled @ scaled)]])
    return bool((numbers * 1024 == np.round(numbers * 1024)).all() and v @ v < 1024)


PAIRS = np.array([0, 0, 1, 1, 2, 2])


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2", "3.3")
def ordinary(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, with the usual margin, which isn't named: 0.3."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2", "3.3")
def soft_margin(draw: Draw) -> dict[str, Any]:
    """Softplus in the place of the hinge."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3, "margin": "soft"}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.3")
def no_margin(draw: Draw) -> dict[str, Any]:
    """A margin of 0 is a margin: the hinge stays."""
    return {"features": draw.normal(8, 5), "labels": np.arange(8) // 2, "margin": 0.0}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.3")
def large_margin(draw: Draw) -> dict[str, Any]:
    """A margin that no anchor meets, so that the hinge adds it everywhere."""
    return {"features": draw.normal(8, 5), "labels": np.arange(8) // 2, "margin": 16.0}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2", "3.3")
def inactive_hinge(draw: Draw) -> dict[str, Any]:
    """Identities so far apart that every anchor has met the margin: the loss is exactly 0."""
    labels = np.arange(6) // 2
    return {"features": draw.normal(6, 4) + 64.0 * labels[:, None], "labels": labels}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2")
def some_inactive(draw: Draw) -> dict[str, Any]:
    """Anchors that have met the margin count as 0 in the mean: they are not left out of it."""
    features = draw.normal(6, 4)
    features[:2] = [[32.0], [32.5]]
    return {"features": features, "labels": PAIRS, "margin": 4.0}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2")
def lone_identities(draw: Draw) -> dict[str, Any]:
    """Images without a positive are left out of the mean, but are negatives of the others."""
    return {"features": draw.normal(6, 4), "labels": np.array([3, 5, 3, 7, 3, 9]), "margin": 4.0}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2")
def one_identity(draw: Draw) -> dict[str, Any]:
    """No anchor has a negative: the loss is exactly 0."""
    return {"features": draw.normal(4, 4), "labels": np.full(4, 2)}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2")
def nobody_twice(draw: Draw) -> dict[str, Any]:
    """No anchor has a positive: the loss is exactly 0."""
    return {"features": draw.normal(4, 4), "labels": np.arange(4)}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2")
def duplicate_images(draw: Draw) -> dict[str, Any]:
    """An image that is there twice, once under another identity: a negative at distance 0."""
    return {"features": draw.normal(4, 4)[[0, 1, 2, 3, 0, 1]], "labels": np.array([0, 0, 1, 1, 0, 1])}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2", "3.3")
def all_the_same(draw: Draw) -> dict[str, Any]:
    """A network that gives every image the same feature: the loss is the margin."""
    return {"features": np.tile(draw.normal(5), (6, 1)), "labels": PAIRS}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.3", "6.4")
def far_apart(draw: Draw) -> dict[str, Any]:
    """Distances of 1e4 under the soft margin: no exponential overflows."""
    return {"features": draw.normal(6, 5) * 2.0**12, "labels": PAIRS, "margin": "soft"}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2")
def near_neighbours(draw: Draw) -> dict[str, Any]:
    """Features of length 1e4 that differ by 1, whose distances the expansion |x|^2 + |y|^2 - 2 x.y loses in float32."""
    centre = draw.integers(-6000, 6000, 8).astype(np.float64)
    return {"features": centre + draw.integers(-2, 3, 6, 8), "labels": PAIRS, "margin": 1.0}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2")
def any_labels(draw: Draw) -> dict[str, Any]:
    """Labels that are negative, with gaps, and beyond the whole numbers of float32: 16777216 is not 16777217."""
    labels = np.array([16777217, -5, 16777216, -5, 16777217, 16777216])
    return {"features": draw.normal(6, 4), "labels": labels, "margin": 2.0}


@batch_hard_triplet_loss.case(groups.batch_hard_triplet, "3.2", "3.3")
def large_batch(draw: Draw) -> dict[str, Any]:
    """Sixteen identities of four images, as in training."""
    return {"features": draw.normal(64, 16), "labels": np.arange(64) // 4}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_triplet(draw: Draw) -> dict[str, Any]:
    """Four identities of three images each, with the usual margin, which isn't named: 0.3."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_triplet_soft_margin(draw: Draw) -> dict[str, Any]:
    """The slope of Softplus is a Sigmoid."""
    return {"features": draw.normal(12, 8), "labels": np.arange(12) // 3, "margin": "soft"}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_triplet_inactive_hinge(draw: Draw) -> dict[str, Any]:
    """Every anchor has met the margin: all gradients are exactly 0."""
    return {"features": draw.normal(6, 4) + 64.0 * PAIRS[:, None], "labels": PAIRS}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4", "3.3")
def loss_gradients_triplet_beyond_the_usual_margin(draw: Draw) -> dict[str, Any]:
    """A negative half a unit farther than the positive: beyond the unnamed margin of 0.3, so without gradient."""
    return {"features": np.array([[0.0], [1], [-1.5], [4]]), "labels": np.array([0, 0, 1, 2])}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_triplet_lone_identities(draw: Draw) -> dict[str, Any]:
    """Images without a positive are no anchors, but move as the negatives of others."""
    return {"features": draw.normal(6, 4), "labels": np.array([3, 5, 3, 7, 3, 9]), "margin": 4.0}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_triplet_one_identity(draw: Draw) -> dict[str, Any]:
    """No anchor has a negative: all gradients are exactly 0."""
    return {"features": draw.normal(4, 4), "labels": np.full(4, 2)}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4")
def loss_gradients_triplet_ties(draw: Draw) -> dict[str, Any]:
    """Two farthest positives and three nearest negatives, exactly as far: the lowest index alone has the gradient.

    The first image is at the origin; others lie 5 and 10 away from it, and all of these lengths are exact.
    """
    features = np.array([[0.0, 0], [6, 8], [-8, 6], [0, 5], [-3, -4], [4, -3]])
    return {"features": features, "labels": np.array([1, 1, 1, 2, 3, 4]), "margin": 8.0}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4", "5.5")
def loss_gradients_triplet_margin_just_met(draw: Draw) -> dict[str, Any]:
    """An anchor that meets the margin to the last bit, 3 - 5 + 2 = 0: it gets no gradient, as relu'(0) = 0.

    The other anchor is short of the margin, 3 - 4 + 2 = 1.
    """
    return {"features": np.array([[0.0], [3], [-5], [7]]), "labels": np.array([0, 0, 1, 2]), "margin": 2.0}


@batch_hard_triplet_gradient.case(groups.loss_gradients, "5.4", "5.3")
def loss_gradients_triplet_duplicate_images(draw: Draw) -> dict[str, Any]:
    """Identities that are one image twice: the positive is at distance 0, where the gradient is 0 and not NaN."""
    return {"features": draw.normal(3, 4)[PAIRS], "labels": PAIRS, "margin": 8.0}


@batch_hard_triplet_loss.good
@batch_hard_triplet_gradient.good
def _good(draw: Draw) -> dict[str, Any]:
    return {**plain(draw, features="triplet_features"), "labels": np.array([0, 0, 1, 1]), "margin": 0.3}


for function in (batch_hard_triplet_loss, batch_hard_triplet_gradient):
    function.refuse("integers", "Features of integers.", features=integers)
    function.refuse("a_vector", "The features of one image need an axis for the images.", features=first_row)
    function.refuse("length_of_labels", "There is one label more than there are images.", labels=one_more)
    function.refuse("one_label", "One label for all images, which would broadcast.", labels=lambda labels: labels[:1])
    function.refuse("float_labels", "Labels that are no integers.", labels=lambda labels: labels + 0.5)
    function.refuse("negative_margin", "A margin below 0.", "3.3", margin=always(-0.1))
    function.refuse("infinite_margin", "A margin without an end.", "3.3", margin=always(np.inf))
    function.refuse("boolean_margin", "True for a margin, which some languages take for 1.", "3.3", margin=always(True))
    function.refuse("unknown_margin", "A margin of a kind that isn't there.", "3.3", margin=always("hard"))


@batch_hard_triplet_loss.mistake("3.2", "loss", who="whoever takes the nearest of both")
class EasiestPositive(Literal):
    """The positive is the nearest instead of the farthest."""

    def _hardest(self, d: Array, positives: Array, negatives: Array) -> tuple[Array, Array]:
        easiest, _ = super()._hardest(-d, positives, negatives)
        return -easiest, super()._hardest(d, positives, negatives)[1]


@batch_hard_triplet_loss.mistake("3.2", "loss", who="codes that multiply distances by a mask")
class LoneAnchorsCounted(Literal):
    """An anchor without a positive has one at distance 0."""

    def _hardest(self, d: Array, positives: Array, negatives: Array) -> tuple[Array, Array]:
        return super()._hardest(d, positives | np.eye(len(d), dtype=bool), negatives)


@batch_hard_triplet_loss.mistake("3.3", "loss", who="whoever keeps the default margin beside the soft one")
class MarginInTheSoftplus(Literal):
    """The soft margin is Softplus(0.3 + d_ap - d_an)."""

    def _with_margin(self, difference: Array, margin: Margin) -> Array:
        return super()._with_margin(difference + 0.3 if margin == "soft" else difference, margin)


@batch_hard_triplet_loss.mistake("3.3", "loss", who="whoever averages over violated margins only")
class MeanOverActiveTriplets(Literal):
    """Triplets whose hinge is 0 do not count in the mean."""

    def _with_margin(self, difference: Array, margin: Margin) -> Array:
        terms = super()._with_margin(difference, margin)
        return terms[terms > 0]


@batch_hard_triplet_loss.mistake("3.3", "loss", who="whoever gives reduction='sum'")
class SummedTriplets(Literal):
    """The anchors are summed instead of averaged."""

    def _with_margin(self, difference: Array, margin: Margin) -> Array:
        return super()._with_margin(difference, margin) * len(difference)


@batch_hard_triplet_loss.mistake("3.3", "loss", who="codes that ask `if margin`")
class NoMarginIsSoft(Literal):
    """A margin of 0 counts as none, which is the soft one."""

    def _with_margin(self, difference: Array, margin: Margin) -> Array:
        return super()._with_margin(difference, margin or "soft")


@batch_hard_triplet_gradient.mistake("5.4", "grad_features", who="torch.amax and jnp.max, as they are")
class TiesShareTheGradient(Literal):
    """Equally hard examples share the gradient."""

    def _share(self, hardness: Array) -> Array:
        hardest = hardness == hardness.max()
        return hardest / hardest.sum()


@batch_hard_triplet_gradient.mistake("5.4", "grad_features", who="whoever sorts and takes the last")
class LastAmongEquallyHard(Literal):
    """Among equally hard examples the one with the highest index has the gradient."""

    def _share(self, hardness: Array) -> Array:
        return super()._share(hardness[::-1])[::-1]
