"""Mistakes in MAR's losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from snr_ref.conformance.mistakes.literal import Literal
from snr_ref.conformance.mistakes.literal.elementary import Array
from snr_ref.conformance.mistakes.mistake import mistake


@mistake("9.1", at="unit: directions", who="torch.nn.functional.normalize, as it is")
class LeastLength(Literal):
    """Lengths below 1e-12 count as that, so that short rows do not come out with length 1."""

    def _direction(self, x: Array) -> Array:
        return x / np.maximum(self._norm(x)[:, np.newaxis], 1e-12)


@mistake("9.1", at="unit_vjp: grad_x", who="whoever divides by a length without a gradient")
class LengthDetached(Literal):
    """The length is a constant to the gradient, which keeps what points along x."""

    def _across(self, G: Array, u: Array) -> Array:
        return G


@mistake("9.2", at="log_multilabels: log_multilabels", who="the paper's formula, which has no scale")
class CosinesNotScaled(Literal):
    """The softmax is of the cosines as they are."""

    def _scaled(self, x: Array, scale: float) -> Array:
        return x


@mistake("9.3", at="multilabel_agreement: agreement", who="whoever forgets that the L1 distance reaches to 2")
class DistanceNotHalved(Literal):
    """The agreement is 1 - |x - y|_1."""

    def _agreement(self, difference: Array) -> Array:
        return 1 - difference


@mistake("9.4", at="initial_threshold: threshold", who="whoever sorts upwards and counts from the start")
class PlaceFromTheBottom(Literal):
    """The threshold is the agreement at that place from the bottom."""

    def _at_place(self, from_the_top: Array, place: int) -> Array:
        return from_the_top[-place]


@mistake("9.4", at="initial_threshold: threshold", who="whoever rounds up, lest there be no pair")
class CountRoundedUp(Literal):
    """A part of a pair counts as one."""

    def _mined_count(self, pairs: int, ratio: float) -> int:
        return math.ceil(ratio * pairs)


@mistake("9.4", at="discriminative_loss: loss", who="whoever leaves the count to the ratio alone")
class NoPairMined(Literal):
    """Where the ratio makes less than one pair, none is mined."""

    def _mined_count(self, pairs: int, ratio: float) -> int:
        return int(ratio * pairs)


@mistake("9.4", at="next_threshold: threshold", who="whoever takes the rate for that of what stays")
class OldAndNewSwapped(Literal):
    """What runs along keeps a tenth of itself."""

    def _moved(self, old: Any, new: Array, rate: float) -> Array:
        return rate * old + (1 - rate) * new


@mistake("9.5", at="next_memory: multilabels", who="whoever starts a running mean from zeros")
class MixedAtTheFirstVisit(Literal):
    """The first multilabel of an image is mixed with what stood in its row before."""

    def _has_a_row(self, visited: bool) -> bool:
        return True


@mistake("9.5", at="next_memory: multilabels", who="whoever writes each batch over the rows")
class LastVisitAlone(Literal):
    """The memory is the last multilabel."""

    def _has_a_row(self, visited: bool) -> bool:
        return False


@mistake("9.6", at="discriminative_loss: loss", who="whoever writes >= for above")
class AtTheThresholdIsPositive(Literal):
    """A pair whose agreement is the threshold is positive."""

    def _is_positive(self, agreements: Array, threshold: float) -> Array:
        return agreements >= threshold


@mistake("9.6", at="discriminative_loss: loss", who="a sort that is not stable")
class LaterPairsNearer(Literal):
    """Among equal distances the pair with the higher indices is nearer."""

    def _listed(self, pairs: Array) -> Array:
        return pairs[::-1]


@mistake("9.6", at="discriminative_loss: loss", who="code that lists pairs by the lower triangle of a matrix")
class PairsBySecondImage(Literal):
    """Among equal distances the pair whose second image comes first is nearer."""

    def _listed(self, pairs: Array) -> Array:
        return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]


@mistake("9.7", at="discriminative_loss: loss", who="the paper's formula read as a sum over the pairs")
class SumsOfProximities(Literal):
    """P and N are sums over the pairs."""

    def _over_pairs(self, proximities: Array) -> Array:
        return proximities.sum()


@mistake("9.7", at="discriminative_loss: loss", who="whoever takes the distances as they come")
class ProximityOfTheDistance(Literal):
    """P and N are means of exp(-|f_i - f_j|), the distance not squared."""

    def _apart(self, difference: Array) -> Array:
        return self._norm(difference)


@mistake("9.7", at="discriminative_loss: loss", who="whoever gives both kinds the same number where they are empty")
class OneWithoutNegatives(Literal):
    """Without hard negatives N is 1."""

    def _without_negatives(self) -> float:
        return 1.0


@mistake("9.7", at="discriminative_loss: loss", who="whoever takes the mean of no pair")
class MeanOfNoPair(Literal):
    """Where a kind is empty, the loss is no number."""

    def _without_positives(self) -> float:
        return np.nan

    _without_negatives = _without_positives


@mistake("9.8", at="next_statistics: mean", who="whoever groups by view and looks at no size")
class LoneImagesCounted(Literal):
    """A view of one image counts, with a deviation of 0."""

    def _is_counted(self, images: int) -> bool:
        return True


@mistake("9.8", at="next_statistics: mean", who="whoever takes the mean over the batch")
class LargeViewsWeighMore(Literal):
    """The mean over the views has their numbers of images for weights."""

    def _over_views(self, of_views: Array, sizes: Array) -> Array:
        return (of_views * (sizes / sizes.sum())[:, np.newaxis]).sum(axis=0)


@mistake("9.8", at="next_statistics: std", who="numpy.std and tf.math.reduce_std, which divide by n")
class BiasedDeviation(Literal):
    """The deviation of a view is over n."""

    def _freedom(self, images: int) -> int:
        return images


@mistake("9.9", at="consistency_loss: loss", who="the paper's formula, which has a sum")
class SummedOverViews(Literal):
    """The loss is the sum over the views, and of mean and deviation."""

    def _terms_of_views(self, views: int) -> int:
        return 1


@mistake("9.9", at="consistency_loss: loss", who="whoever divides by the number of views as it is")
class MeanOverNoView(Literal):
    """Where no view has two images the loss is 0 / 0."""

    def _terms_of_views(self, views: int) -> Any:
        return np.float64(2 * views)


@mistake("9.10", at="joint_embedding_loss: loss", who="whoever writes >= for above")
class HardAtTheEdge(Literal):
    """An agent at the edge of the margin is hard, so that its image has a term of 0."""

    def _is_near(self, cosines: Array, margin: float) -> Array:
        return cosines >= 1 - margin / 2


@mistake("9.10", at="joint_embedding_loss: loss", who="whoever compares images with all agents")
class OwnAgentPushedAway(Literal):
    """A source image is pushed away from its own agent too."""

    def _leave_out(self, hard: Array, own: Array) -> None:
        return


@mistake("9.10", at="joint_embedding_loss: loss", who="whoever takes the margin for one of cosines")
class MarginOfCosines(Literal):
    """An agent is hard where f . a is above 1 - margin."""

    def _is_near(self, cosines: Array, margin: float) -> Array:
        return cosines > 1 - margin


@mistake("9.11", at="joint_embedding_loss: loss", who="whoever divides by the number of images")
class ImagesWithoutHardAgentsCounted(Literal):
    """An image without hard agents has a term of 0."""

    def _of_hinges(self, hinges: Array) -> Array:
        return np.asarray(hinges.sum() / max(1, len(hinges)))


@mistake("9.11", at="joint_embedding_loss: loss", who="whoever adds the hinges up")
class HingesSummed(Literal):
    """An image has the sum over its hard agents."""

    def _of_hinges(self, hinges: Array) -> Array:
        return np.asarray(hinges.sum() if len(hinges) else np.nan)


@mistake("9.11", at="joint_embedding_loss: loss", who="whoever has a mean for each half of the paper's formula")
class MeansOfPullAndPush(Literal):
    """Pull and push are averaged apart, and added."""

    def _over_terms(self, own: Array, pushes: Array) -> Array:
        pushes = pushes[~np.isnan(pushes)]
        return own.sum() / max(1, len(own)) + pushes.sum() / max(1, len(pushes))


@mistake("9.12", at="discriminative_gradient: grad_features", who="a gradient by hand of the mean of squared distances")
class PairsWeighedAlike(Literal):
    """The pairs of a kind have the same weight, however far apart they are."""

    def _weights_of_pairs(self, proximities: Array) -> Array:
        return np.full_like(proximities, 1 / max(1, len(proximities)))


@mistake("9.12", at="consistency_gradient: grad_log_multilabels", who="automatic differentiation of a square root at 0")
class DeviationOfZeroWithoutGradient(Literal):
    """The gradient by a deviation of 0 is 0 / 0."""

    def _slope_of_deviation(self, centred: Array, std: Array) -> Array:
        return centred / std


@mistake("9.12", at="consistency_gradient: grad_log_multilabels", who="whoever takes deviations for weights")
class DeviationOfAViewDetached(Literal):
    """The deviation is a constant to the gradient."""

    def _slope_of_deviation(self, centred: Array, std: Array) -> Array:
        return np.zeros_like(centred)
