"""Mistakes in the distances and the losses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snr_ref.conformance.mistakes.literal import Literal
from snr_ref.conformance.mistakes.literal.elementary import Array
from snr_ref.conformance.mistakes.literal.losses import Margin
from snr_ref.conformance.mistakes.mistake import mistake


@mistake("2.2", at="cosine_distance: distances", who="scipy and most codes of re-identification")
class OneMinusCosine(Literal):
    """The cosine distance is 1 - cos, twice what it should be."""

    def _from_cosine(self, cosine: Array) -> Array:
        return 1 - cosine


@mistake("2.2", at="cosine_distance: distances", who="whoever guards against a division by zero with x / (|x| + eps)")
class EpsilonInTheCosine(Literal):
    """1e-6 is added to the lengths, so that short vectors come out as if they were at right angles."""

    def _unit(self, x: Array) -> Array:
        return x / (self._norm(x)[:, np.newaxis] + 1e-6)


@mistake("2.2", at="cosine_distance: distances", who="whoever leaves equal rows to the formula")
class ZeroVectorsApart(Literal):
    """Two zero vectors are at distance 0.5 of each other."""

    def _same(self, x: Array, y: Array) -> Array:
        return super()._same(x, y) & (x != 0).any(axis=1)[:, np.newaxis]


@mistake("2.2", at="cosine_distance: distances", who="whoever divides by the length as it is")
class ZeroVectorsWithoutDirection(Literal):
    """The direction of a zero vector is 0 / 0."""

    def _unit(self, x: Array) -> Array:
        return x / self._norm(x)[:, np.newaxis]


@mistake("2.3", at="euclidean_distance: distances", who="whoever saves the square root, as it keeps the order")
class SquaredEuclidean(Literal):
    """The Euclidean distance is squared."""

    def euclidean_distance(self, x: Array, y: Array) -> Array:
        """Squared."""
        return super().euclidean_distance(x, y) ** 2


@mistake("2.3", at="euclidean_distance: distances", who="torch.nn.functional.pairwise_distance, which adds 1e-6")
class EpsilonInTheDifference(Literal):
    """1e-6 is added to every difference."""

    def euclidean_distance(self, x: Array, y: Array) -> Array:
        """Of x - y + 1e-6."""
        return self._norm(x[:, np.newaxis] - y[np.newaxis] + 1e-6)


@mistake("2.4", at="dual_causality_loss: plus", who="whoever knows the hinge of the triplet loss")
class HingeForSoftplus(Literal):
    """ReLU stands for Softplus."""

    def _softplus(self, x: Array) -> Array:
        return self._relu(x)


@mistake("6.4", at="dual_causality_loss: plus", who="whoever writes log(1 + exp(x))")
class SoftplusThatOverflows(Literal):
    """Softplus is log(1 + exp(x)), which is infinite for large x."""

    def _softplus(self, x: Array) -> Array:
        return np.log(1 + np.exp(x))


@mistake("2.4", at="dual_causality_loss: plus", who="whoever swaps the arguments of a margin ranking loss")
class SignsOfPlusSwapped(Literal):
    """In L+ every difference has the other sign."""

    def _loss_plus(self, d_tilde: Array, d_plus: Array, P: Array, Q: Array) -> Array:
        return super()._loss_plus(d_plus, d_tilde, P, Q)


@mistake("2.5", at="dual_causality_loss: minus", who="whoever copies L+ and puts f~- for f~+")
class SignsOfMinusSwapped(Literal):
    """L- is L+ with f~- in the place of f~+: every difference has the other sign."""

    def _loss_minus(self, d_tilde: Array, d_minus: Array, P: Array, Q: Array) -> Array:
        return super()._loss_minus(d_minus, d_tilde, P, Q)


@mistake("2.6", at="dual_causality_loss: plus", who="whoever masks a matrix of all pairs and takes one mean")
class MeanOverAllPairs(Literal):
    """Each term is a mean over all pairs, so that an identity of many images has more weight."""

    def _weights(self, allowed: Array) -> Array:
        return allowed / max(1, allowed.sum())


@mistake("2.6", at="dual_causality_loss: plus", who="whoever compares the labels and forgets the diagonal")
class AnchorAsItsOwnPositive(Literal):
    """The anchor counts among its own positives."""

    def _pairs(self, labels: Array) -> tuple[Array, Array]:
        same = labels[:, np.newaxis] == labels[np.newaxis]
        return same, ~same


@mistake("2.6", at="dual_causality_loss: plus", who="whoever divides by the number of pairs as it is")
class EmptyTermsWithoutNumber(Literal):
    """A term without pairs is 0 / 0."""

    def _expectation(self, values: Array, probabilities: Array) -> Array:
        return (probabilities * values)[probabilities > 0].sum() / (probabilities > 0).any()


@mistake("2.6", at="dual_causality_loss: plus", who="whoever divides by the size of the batch")
class AnchorsWithoutExamplesCounted(Literal):
    """Anchors that have no positive (no negative) count as 0 in the mean over the anchors."""

    def _weights(self, allowed: Array) -> Array:
        return allowed / (np.maximum(allowed.sum(axis=1, keepdims=True), 1) * len(allowed))


@mistake("2.7", at="dual_causality_loss: plus", who="a loss that takes all pairs whatever it is given")
class TripletsIgnored(Literal):
    """Explicit triplets are not looked at."""

    def _draws(self, labels: Array, triplets: Array | None) -> tuple[Array, Array]:
        return super()._draws(labels, None)


@mistake("3.1", at="cross_entropy: loss", who="codes that spread s over the other classes only")
class SmoothingOverTheOthers(Literal):
    """The target of another class is s / (K - 1), that of the own class 1 - s."""

    def _targets(self, labels: Array, classes: int, smoothing: float) -> Array:
        return np.where(np.eye(classes, dtype=bool)[labels], 1 - smoothing, smoothing / max(1, classes - 1))


@mistake("3.1", at="cross_entropy: loss", who="the cross-entropy of a framework, whose default is no smoothing")
class SmoothingIgnored(Literal):
    """The labels are not smoothed."""

    def _targets(self, labels: Array, classes: int, smoothing: float) -> Array:
        return np.eye(classes)[labels]


@mistake("3.1", at="cross_entropy: loss", who="whoever gives reduction='sum', or leaves out the mean")
class SummedCrossEntropy(Literal):
    """The rows are summed instead of averaged."""

    def _over_rows(self, losses: Array) -> Array:
        return losses.sum()


@mistake("6.4", at="cross_entropy: loss", who="whoever takes the logarithm of a softmax")
class LogOfSoftmax(Literal):
    """The softmax is computed before its logarithm, so that small probabilities are 0 and large logits overflow."""

    def _log_softmax(self, logits: Array) -> Array:
        return np.log(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))


@mistake("3.2", at="batch_hard_triplet_loss: loss", who="whoever takes the nearest of both")
class EasiestPositive(Literal):
    """The positive is the nearest instead of the farthest."""

    def _hardest(self, d: Array, positives: Array, negatives: Array) -> tuple[Array, Array]:
        easiest, _ = super()._hardest(-d, positives, negatives)
        return -easiest, super()._hardest(d, positives, negatives)[1]


@mistake("3.2", at="batch_hard_triplet_loss: loss", who="codes that multiply distances by a mask")
class LoneAnchorsCounted(Literal):
    """An anchor without a positive has one at distance 0."""

    def _hardest(self, d: Array, positives: Array, negatives: Array) -> tuple[Array, Array]:
        return super()._hardest(d, positives | np.eye(len(d), dtype=bool), negatives)


@mistake("3.3", at="batch_hard_triplet_loss: loss", who="whoever keeps the default margin beside the soft one")
class MarginInTheSoftplus(Literal):
    """The soft margin is Softplus(0.3 + d_ap - d_an)."""

    def _with_margin(self, difference: Array, margin: Margin) -> Array:
        return super()._with_margin(difference + 0.3 if margin == "soft" else difference, margin)


@mistake("3.3", at="batch_hard_triplet_loss: loss", who="whoever averages over violated margins only")
class MeanOverActiveTriplets(Literal):
    """Triplets whose hinge is 0 do not count in the mean."""

    def _with_margin(self, difference: Array, margin: Margin) -> Array:
        terms = super()._with_margin(difference, margin)
        return terms[terms > 0]


@mistake("3.4", at="total_objective: total", who="whoever adds up the losses of the modules and weighs none")
class WeightsIgnored(Literal):
    """Every lambda is 1."""

    def total_objective(self, reid_loss: Array, losses: Sequence[Array], weights: Sequence[float]) -> Array:
        """Unweighted."""
        return reid_loss + sum(losses)
