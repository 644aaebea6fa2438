"""Mistakes that people make in the losses and the metrics, each with a case that is there to catch it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.snr_ref.conformance.plain_losses import Careful


class AddedEpsilon(Careful):
    """`distances/cosine_short_rows` float32: the length plus 1e-7, for lack of a rule for zero."""

    def direction(self, v: np.ndarray) -> np.ndarray:
        return v / (self.length(v) + v.dtype.type(1e-7))


class NoRuleForZero(Careful):
    """`distances/cosine_zero` float32: d(0, 0) = 0.5, as the formula has it for every other row."""

    def d_cosine(self, x: np.ndarray, y: np.ndarray) -> Any:
        return x.dtype.type(0.5) if not y.any() else super().d_cosine(x, y)


class ZeroIsNotANumber(Careful):
    """`distances/cosine_zero` float32: 0 / 0."""

    def direction(self, v: np.ndarray) -> np.ndarray:
        return super().direction(v) if v.any() else v * np.nan


class UnhalvedCosine(Careful):
    """`distances/cosine` float32: 1 - cos."""

    def d_cosine(self, x: np.ndarray, y: np.ndarray) -> Any:
        return 2 * super().d_cosine(x, y)


class Squared(Careful):
    """`distances/euclidean` float32: the squared distance."""

    def d_euclidean(self, x: np.ndarray, y: np.ndarray) -> Any:
        return super().d_euclidean(x, y) ** 2


class Expanded(Careful):
    """`distances/euclidean_near_duplicates` float32: |x|^2 + |y|^2 - 2 x.y."""

    def d_euclidean(self, x: np.ndarray, y: np.ndarray) -> Any:
        return np.sqrt(np.maximum(np.dot(x, x) + np.dot(y, y) - 2 * np.dot(x, y), 0))


class ExpandedInTheTripletLoss(Expanded):
    """`batch_hard_triplet/near_neighbours` float32: |x|^2 + |y|^2 - 2 x.y."""


class MeanOverPairs(Careful):
    """`dual_causality/unbalanced_identities` float32: an anchor counts as often as it has examples."""

    def over_anchors(self, rows, like):
        return self.mean([term for row in rows for term in row], like)


class EmptyMean(Careful):
    """`dual_causality/one_identity` float32: the mean of nothing is 0 / 0."""

    def over_anchors(self, rows, like):
        return super().over_anchors(rows, like) if rows else like.dtype.type(np.nan)


class AnchorsOfBothKinds(Careful):
    """`dual_causality/lone_identities` float32: who lacks a positive is no anchor of negatives either."""

    def is_pair(self, labels, a, b, same):
        return super().is_pair(labels, a, b, same) and np.count_nonzero(labels == labels[a]) > 1


class OwnPositive(Careful):
    """`dual_causality/ordinary` float32: an image is its own positive."""

    def is_pair(self, labels, a, b, same):
        return (labels[a] == labels[b]) == same


class FloatLabels(Careful):
    """`dual_causality/any_labels` float32: labels in float32 merge."""

    def is_pair(self, labels, a, b, same):
        return super().is_pair(labels.astype(np.float32), a, b, same)


class ShortLabels(Careful):
    """`dual_causality/labels_of_64_bits` float32: labels in 32 bits merge."""

    def is_pair(self, labels, a, b, same):
        return super().is_pair(labels.astype(np.int32), a, b, same)


class SwappedInPlus(Careful):
    """`dual_causality/signs_of_plus` float32: f~+ and f~ swapped."""

    def dual_causality_loss(self, f_tilde, f_plus, f_minus, labels, **options):
        swapped = super().dual_causality_loss(f_plus, f_tilde, f_minus, labels, **options)
        return swapped[0], super().dual_causality_loss(f_tilde, f_plus, f_minus, labels, **options)[1]


class SwappedInMinus(Careful):
    """`dual_causality/signs_of_minus` float32: f~- and f~ swapped."""

    def dual_causality_loss(self, f_tilde, f_plus, f_minus, labels, **options):
        swapped = super().dual_causality_loss(f_minus, f_plus, f_tilde, labels, **options)
        return super().dual_causality_loss(f_tilde, f_plus, f_minus, labels, **options)[0], swapped[1]


class DistinctTriplets(Careful):
    """`dual_causality/repeated_triplets` float32: a triplet counts once."""

    def dual_causality_loss(self, f_tilde, f_plus, f_minus, labels, *, triplets=None, **options):
        distinct = None if triplets is None else np.unique(triplets, axis=0)
        return super().dual_causality_loss(f_tilde, f_plus, f_minus, labels, triplets=distinct, **options)


class OverflowingSoftplus(Careful):
    """`dual_causality/far_apart` float32: log(1 + exp(x))."""

    def softplus(self, x: Any) -> Any:
        return np.log(1 + np.exp(x))


class OverflowingSoftMargin(OverflowingSoftplus):
    """`batch_hard_triplet/far_apart` float32: log(1 + exp(x))."""


class LossyExpressionOfSoftplus(Careful):
    """`dual_causality/small_terms` float64: the logarithm of a sum with 1 instead of log1p."""

    def softplus(self, x: Any) -> Any:
        return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))


class ThresholdOfSoftplus(Careful):
    """`dual_causality/nearly_linear_terms` float64: the argument itself from 20 on."""

    def softplus(self, x: Any) -> Any:
        return x if x > 20 else super().softplus(x)


class SmoothingOfTheOthers(Careful):
    """`cross_entropy/smoothing` float32: s / (K - 1) for the other classes, 1 - s for the label's."""

    def targets(self, one_hot, s):
        return np.where(one_hot, 1 - s, s / (max(2, len(one_hot)) - 1)).astype(s.dtype)


class NoSmoothing(Careful):
    """`cross_entropy/ordinary` float32: a default of 0."""

    def cross_entropy(self, logits, labels, *, label_smoothing=0.0):
        return super().cross_entropy(logits, labels, label_smoothing=label_smoothing)


class SummedRows(Careful):
    """`cross_entropy/ordinary` float32: a sum over the rows."""

    def cross_entropy(self, logits, labels, **options):
        return len(logits) * super().cross_entropy(logits, labels, **options)


class ShiftAfterwards(Careful):
    """`cross_entropy/far_from_zero` float32: the largest logit is added to the logarithm before it is subtracted."""

    def log_softmax(self, row: np.ndarray) -> np.ndarray:
        return row - (row.max() + np.log(np.exp(row - row.max()).sum()))


class LogarithmOfSoftmax(Careful):
    """`cross_entropy/huge_logits` float64: log(softmax)."""

    def log_softmax(self, row: np.ndarray) -> np.ndarray:
        exponentials = np.exp(row - row.max())
        return np.log(exponentials / exponentials.sum())


class ActiveTripletsOnly(Careful):
    """`batch_hard_triplet/some_inactive` float32: a mean over the anchors that have not met the margin."""

    def over_triplets(self, hinges, like):
        return self.mean([hinge for hinge in hinges if hinge > 0], like)


class SummedTriplets(Careful):
    """`batch_hard_triplet/ordinary` float32: a sum over the anchors."""

    def over_triplets(self, hinges, like):
        return like.dtype.type(sum(hinges))


class NoMarginIsSoft(Careful):
    """`batch_hard_triplet/no_margin` float32: a margin of 0 taken for none."""

    def batch_hard_triplet_loss(self, features, labels, *, margin=0.3):
        return super().batch_hard_triplet_loss(features, labels, margin=margin or "soft")


class HighestIndex(Careful):
    """`loss_gradients/triplet_ties` float32: the last among equally hard examples."""

    def largest(self, candidates, row):
        return super().largest(candidates[::-1], row)


class SlopeAtTheEdge(Careful):
    """`loss_gradients/triplet_margin_just_met` float32: a hinge that counts as active at 0."""

    def is_active(self, hinge):
        return hinge >= 0


class EasiestPositive(Careful):
    """`batch_hard_triplet/ordinary` float32: both examples the nearest."""

    def hardest(self, features, labels):
        d = self.euclidean_distance(features, features)
        for a, _, n, _, d_an in super().hardest(features, labels):
            p = min((b for b in range(len(labels)) if b != a and labels[b] == labels[a]), key=lambda b: d[a, b])
            yield a, p, n, d[a, p], d_an


class PooledNoise(Careful):
    """`objective/at_the_start` float32: f~ pooled from F~, and not beta."""

    def f_tilde(self, F_tilde, params):
        return F_tilde.mean(tuple(range(1, F_tilde.ndim - 1)))


class NoWeight(Careful):
    """`objective/small_weight` float32: every module counts in full."""

    def total_objective(self, reid_loss, dual_causality_losses, weights):
        return super().total_objective(reid_loss, dual_causality_losses, [1.0] * len(weights))


class GradientThroughZero(Careful):
    """`loss_gradients/euclidean_duplicates` float32: (x - y) / |x - y| at x = y."""

    def euclidean_gradient(self, x, y):
        return (x - y) / np.sqrt(((x - y) ** 2).sum())


class GradientWithoutTheLength(Careful):
    """`loss_gradients/cosine_lengths` float32: as if rows had length 1."""

    def cosine_gradient(self, x, y):
        return super().cosine_gradient(self.direction(x), y)


class CameraIsJunk(Careful):
    """`retrieval/same_camera_stays` float32: all of the query's camera is taken out."""

    def is_junk(self, identity, same_identity, same_camera):
        return identity == -1 or same_camera


class IdentityOfTheSameCameraStays(Careful):
    """`retrieval/same_identity_same_camera` float32: only identity -1 is taken out."""

    def is_junk(self, identity, same_identity, same_camera):
        return identity == -1


class JunkIdentityStays(Careful):
    """`retrieval/junk_identity` float32: identity -1 is ranked."""

    def is_junk(self, identity, same_identity, same_camera):
        return same_identity and same_camera


class DistractorIsJunk(Careful):
    """`retrieval/distractors` float32: identity 0 is taken out."""

    def is_junk(self, identity, same_identity, same_camera):
        return identity == 0 or super().is_junk(identity, same_identity, same_camera)


class TrapezoidalPrecision(Careful):
    """`retrieval/average_precision` float32: the mean of the precisions before and at each match."""

    def average_precision(self, ranks, row):
        before = [(i - 1) / (rank - 1) if rank > 1 else 1.0 for i, rank in enumerate(ranks, 1)]
        return (super().average_precision(ranks, row) + self.mean(before, row)) / 2


class FirstMatchOnly(Careful):
    """`retrieval/last_match` float32: the penalty of the first match."""

    def inverse_penalty(self, ranks, row):
        return row.dtype.type(1) / ranks[0]


class EveryQueryCounts(Careful):
    """`retrieval/query_without_a_match` float32: queries without a match count as 0."""

    def queries(self, distances, curves):
        return len(distances)


class LastAmongTies(Careful):
    """`retrieval_ties/match_after` float32: the higher gallery index first."""

    def ranking(self, row):
        return sorted(range(len(row) - 1, -1, -1), key=lambda g: row[g])


class MostSimilarFirst(Careful):
    """`retrieval/negative_distances` float32: the largest number first."""

    def ranking(self, row):
        return sorted(range(len(row)), key=lambda g: -row[g])


MISTAKES = [mistake for mistake in globals().values() if isinstance(mistake, type) and mistake.__module__ == __name__]
