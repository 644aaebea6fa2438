"""The discriminative loss and its gradient: the mined pairs, their kinds, and the values for an empty kind.

Cases have features of length 1 exactly, whose products and squared distances are exact in float32 too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from snr_ref.conformance import groups
from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.conformance.functions.multilabels import multilabel_agreement
from snr_ref.conformance.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact, length, squared_distance
from snr_ref.conformance.spoiled import always, plain
from snr_ref.conformance.steps import Literal
from snr_ref.conformance.steps.elementary import Array
from snr_ref.elementary import norm
from snr_ref.mar.losses import NO_NEGATIVE, NO_POSITIVE
from snr_ref.mar.mining import MINING_RATIO, image_pairs, mine_pairs, mined_count
from snr_ref.mar.multilabels import agreement

discriminative_loss = Function("discriminative_loss", ("loss",), clause="9.7", after="next_memory")
discriminative_gradient = Function(
    "discriminative_gradient", ("grad_features",), clause="9.12", after="discriminative_loss"
)


class _Kind(NamedTuple):
    """Pairs of one kind.

    Attributes:
        log_mean: Logarithm of the mean of exp(-|f_i - f_j|^2).
        pull: For each image the sum of w (f_i - f_j), or of w f_i - w f_j, over its pairs.
    """

    log_mean: Rounded
    pull: Rounded


@discriminative_loss.bound
def discriminative_loss_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Softplus(log N - log P)."""
    positives, negatives = _kinds(arguments, precision.u)
    return {"loss": (negatives.log_mean - positives.log_mean).softplus().error}


@discriminative_gradient.bound
def discriminative_gradient_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """2 q times the pull of the positives minus that of the negatives."""
    positives, negatives = _kinds(arguments, precision.u)
    q = (negatives.log_mean - positives.log_mean).sigmoid()
    return {"grad_features": (exact(2.0, precision.u) * q * (positives.pull - negatives.pull)).error}


@discriminative_loss.decision
@discriminative_gradient.decision
def is_decided(arguments: Mapping[str, Any], precision: Precision) -> bool:
    """Whether the mined pairs and their kinds are independent of the rounding of distances and agreements."""
    features, ratio = arguments["features"], arguments.get("mining_ratio", MINING_RATIO)
    return _same_pairs_are_mined(features, ratio, precision) and _agreements_are_decided(
        exact(arguments["multilabels"], precision.u), arguments["threshold"], precision
    )


def _same_pairs_are_mined(features: np.ndarray, mining_ratio: float, precision: Precision) -> bool:
    """Whether each mined pair is nearer than each other pair, or at a distance that rounds alike."""
    i, j = image_pairs(len(features)).T
    differences = np.abs(features[i] - features[j])
    d = length(exact(differences, precision.u))
    order = np.argsort(d.value, kind="stable")
    count = mined_count(len(order), mining_ratio)
    for mined in order[:count]:
        near = [k for k in order[count:] if d.value[k] - d.error[k] <= d.value[mined] + d.error[mined]]
        if not all(_rounds_alike(differences[mined], differences[k]) for k in near):
            return False
    return True


def _agreements_are_decided(multilabels: Rounded, threshold: float, precision: Precision) -> bool:
    """Whether the agreeing pairs are decided: none is near the threshold, unless sixty-fourths meet it exactly."""
    y = multilabels.value
    i, j = image_pairs(len(y)).T
    error = multilabel_agreement.bounds({"x": multilabels, "y": multilabels}, precision)["agreement"][i, j]
    gap = np.abs(agreement(y, y)[i, j] - threshold)
    error = error + precision.u * threshold
    is_exact = (y * 64 % 1 == 0).all(axis=1) & (multilabels.error == 0).all(axis=1)
    return bool(((gap > error) | (is_exact[i] & is_exact[j] & (gap == 0))).all())


def _rounds_alike(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two vectors have the same magnitudes, or halves of their largest and one length without rounding."""
    scaled = [v / (v.max() or 1) for v in (x, y)]
    if not all((v * 2 % 1 == 0).all() for v in scaled):
        return np.array_equal(x, y)
    squares = [v @ v for v in scaled]
    if x.max() == y.max():
        return bool(squares[0] == squares[1])
    return bool(x @ x == y @ y and all(np.sqrt(square) % 1 == 0 for square in squares))


def _kinds(arguments: Mapping[str, Any], u: float) -> tuple[_Kind, _Kind]:
    features, ratio = arguments["features"], arguments.get("mining_ratio", MINING_RATIO)
    multilabels = exact(arguments["multilabels"], u).value
    mined = mine_pairs(features, multilabels, arguments["threshold"], mining_ratio=ratio)
    f = exact(features, u)
    return _kind(f, mined.positives, NO_POSITIVE), _kind(f, mined.negatives, NO_NEGATIVE)


def _kind(f: Rounded, pairs: np.ndarray, otherwise: float) -> _Kind:
    if not len(pairs):
        return _Kind(exact(otherwise, f.u).log(), exact(np.zeros(f.value.shape), f.u))
    i, j = pairs.T
    exponents = -squared_distance(f[i], f[j])
    largest = exact(exponents.value.max(), f.u)
    proximity = (exponents - largest).exp()
    total = proximity.sum(0)
    w = (proximity / total)[:, None]
    ends = np.zeros((len(f.value), len(pairs)))
    ends[i, np.arange(len(pairs))], ends[j, np.arange(len(pairs))] = 1, -1
    return _Kind(largest + (total / exact(len(pairs), f.u)).log(), exact(ends, f.u) @ (w * f[i] - w * f[j]))


#: Multilabels: the first two agree by 3/4, each agrees with the third by 1/4 or 0, and with the fourth by 1/2.
SHARES = np.array([[48.0, 0, 16], [32, 0, 32], [0, 64, 0], [16, 0, 48]]) / 64


@discriminative_loss.case(groups.mining, "9.6", "9.7")
@discriminative_gradient.case(groups.mining, "9.6", "9.12", prefix="gradient_")
def ordinary(draw: Draw) -> dict[str, Any]:
    """The seven nearest of fifteen pairs, of which some are positive and some hard negatives."""
    return {"features": draw.directions(6), "multilabels": draw.shares(6, 4), "threshold": 0.625, "mining_ratio": 0.5}


@discriminative_loss.case(groups.mining, "9.6", "9.7")
@discriminative_gradient.case(groups.mining, "9.6", "9.12", prefix="gradient_")
def tie_of_distances(draw: Draw) -> dict[str, Any]:
    """Of three pairs at one distance the first two are mined, (0, 1) and (0, 2), and not (0, 3)."""
    features = np.concatenate([np.full((1, 4), 0.5), np.eye(4)[:3]])
    multilabels = SHARES[[0, 1, 1, 2]]
    return {"features": features, "multilabels": multilabels, "threshold": 0.5, "mining_ratio": 0.375}


@discriminative_loss.case(groups.mining, "9.6", "9.7")
@discriminative_gradient.case(groups.mining, "9.6", "9.12", prefix="gradient_")
def no_positive(draw: Draw) -> dict[str, Any]:
    """No agreement is above 1: P is 1, and the hard negatives are pushed apart all the same."""
    case = ordinary(draw)
    return case | {"multilabels": case["multilabels"][[0, 0, 0, 1, 1, 1]], "threshold": 1.0}


@discriminative_loss.case(groups.mining, "9.6", "9.7")
@discriminative_gradient.case(groups.mining, "9.6", "9.12", prefix="gradient_")
def no_negative(draw: Draw) -> dict[str, Any]:
    """Every agreement is above the threshold: N is a half."""
    return ordinary(draw) | {"multilabels": SHARES[[0, 1, 3, 0, 1, 3]], "threshold": 0.25}


@discriminative_loss.case(groups.mining, "9.6", "9.7")
@discriminative_gradient.case(groups.mining, "9.6", "9.12", prefix="gradient_")
def equal_images(draw: Draw) -> dict[str, Any]:
    """An image that is there twice, at distance 0, and one near both: equal images get no gradient from each other."""
    near = np.array([14.0, 7, 3, 1, 1, 0]) / 16
    features = np.stack([np.eye(6)[0], np.eye(6)[0], near, -np.eye(6)[1], -np.eye(6)[2]])
    return {"features": features, "multilabels": SHARES[[0, 1, 3, 2, 2]], "threshold": 0.5, "mining_ratio": 0.375}


@discriminative_loss.case(groups.mining, "9.6", "9.7")
def tie_at_the_threshold(draw: Draw) -> dict[str, Any]:
    """Two images, whose pair agrees by just the threshold: it is a hard negative."""
    return {"features": draw.directions(2), "multilabels": SHARES[:2], "threshold": 0.75}


@discriminative_loss.case(groups.mining, "9.6", "9.7")
def tie_across_images(draw: Draw) -> dict[str, Any]:
    """(0, 3) and (1, 2) are at one distance: the pair whose first image is the lower is mined."""
    halves = np.repeat(np.eye(2), 4, axis=1) / 2
    features = np.stack([np.eye(8)[0], np.eye(8)[4], halves[1], halves[0]])
    return {"features": features, "multilabels": SHARES[[0, 2, 3, 1]], "threshold": 0.5, "mining_ratio": 0.25}


@discriminative_loss.case(groups.mining, "9.6", "9.7", "9.4")
def ratio_of_no_pair(draw: Draw) -> dict[str, Any]:
    """Of ten pairs the usual ratio, 0.005, is less than one: the nearest pair is mined."""
    return {"features": draw.directions(5), "multilabels": draw.shares(5, 3), "threshold": 0.25}


@discriminative_loss.good
@discriminative_gradient.good
def _good(draw: Draw) -> dict[str, Any]:
    drawn = plain(draw, features="mining_features", multilabels="multilabels")
    return drawn | {"threshold": 0.5, "mining_ratio": 0.5}


discriminative_loss.refuse("nan_threshold", "NaN, which nothing exceeds.", "9.6", threshold=always(np.nan))
discriminative_loss.refuse("ratio_above_one", "A mining ratio above 1.", "9.6", mining_ratio=always(1.5))


discriminative_gradient.refuse("images", "One multilabel is missing.", "9.6", multilabels=lambda y: y[1:])


@discriminative_loss.mistake("9.4", "loss", who="whoever leaves the count to the ratio alone")
class NoPairMined(Literal):
    """Where the ratio makes less than one pair, none is mined."""

    def _mined_count(self, pairs: int, ratio: float) -> int:
        return int(ratio * pairs)


@discriminative_loss.mistake("9.6", "loss", who="whoever writes >= for above")
class AtTheThresholdIsPositive(Literal):
    """A pair whose agreement is the threshold is positive."""

    def _is_positive(self, agreements: Array, threshold: float) -> Array:
        return agreements >= threshold


@discriminative_loss.mistake("9.6", "loss", who="a sort that is not stable")
class LaterPairsNearer(Literal):
    """Among equal distances the pair with the higher indices is nearer."""

    def _listed(self, pairs: Array) -> Array:
        return pairs[::-1]


@discriminative_loss.mistake("9.6", "loss", who="code that lists pairs by the lower triangle of a matrix")
class PairsBySecondImage(Literal):
    """Among equal distances the pair whose second image comes first is nearer."""

    def _listed(self, pairs: Array) -> Array:
        return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]


@discriminative_loss.mistake("9.7", "loss", who="the paper's formula read as a sum over the pairs")
class SumsOfProximities(Literal):
    """P and N are sums over the pairs."""

    def _over_pairs(self, proximities: Array) -> Array:
        return proximities.sum()


@discriminative_loss.mistake("9.7", "loss", who="whoever takes the distances as they come")
class ProximityOfTheDistance(Literal):
    """P and N are means of exp(-|f_i - f_j|), the distance not squared."""

    def _apart(self, difference: Array) -> Array:
        return norm(difference)


@discriminative_loss.mistake("9.7", "loss", who="whoever gives both kinds the same number where they are empty")
class OneWithoutNegatives(Literal):
    """Without hard negatives N is 1."""

    def _without_negatives(self) -> float:
        return 1.0


@discriminative_loss.mistake("9.7", "loss", who="whoever takes the mean of no pair")
class MeanOfNoPair(Literal):
    """Where a kind is empty, the loss is no number."""

    def _without_positives(self) -> float:
        return np.nan

    _without_negatives = _without_positives


@discriminative_gradient.mistake("9.12", "grad_features", who="a gradient by hand of the mean of squared distances")
class PairsWeighedAlike(Literal):
    """The pairs of a kind have the same weight, however far apart they are."""

    def _weights_of_pairs(self, proximities: Array) -> Array:
        return np.full_like(proximities, 1 / max(1, len(proximities)))
